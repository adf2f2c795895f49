// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_launch_attrs.c - attributes of launches that change when a kernel
 * starts and what others see of it: programmatic dependent launch, events at
 * a launch's completion, memory synchronization domains, priorities, the
 * access policy window; and the largest parameter block. Needs compute
 * capability 9.0.
 */
#include <string.h>

#include "drv.h"
#include "kernels_sm90_ptx.h"

#define BLOCKS 64

static CUmodule hopper;
static CUdeviceptr p;
static CUstream st;

static CUlaunchConfig config(unsigned grid, CUlaunchAttribute *attrs,
			     unsigned n)
{
	CUlaunchConfig c = { .gridDimX = grid,
			     .gridDimY = 1,
			     .gridDimZ = 1,
			     .blockDimX = 1,
			     .blockDimY = 1,
			     .blockDimZ = 1,
			     .hStream = st,
			     .attrs = attrs,
			     .numAttrs = n };

	return c;
}

static void expect(const char *what, unsigned want)
{
	unsigned h[BLOCKS];

	DRV(cuStreamSynchronize(st));
	DRV(cuMemcpyDtoH(h, p, sizeof(h)));
	printf("%s: %u %u\n", what, h[0], h[BLOCKS - 1]);
	for (int i = 0; i < BLOCKS; i++)
		if (h[i] != want)
			fail("drv_launch_attrs: block %d has %u, not %u", i,
			     h[i], want);
}

/* The second kernel may start before the first ends, and waits inside. */
static void programmatic(void)
{
	CUlaunchAttribute at = {
		.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
	};
	CUfunction first = drv_function(hopper, "first_half");
	CUfunction second = drv_function(hopper, "second_half");
	CUlaunchConfig a = config(BLOCKS, NULL, 0);
	CUlaunchConfig b = config(BLOCKS, &at, 1);
	unsigned us = 200, want = 0;
	void *args_a[] = { &p, &us }, *args_b[] = { &p };

	at.value.programmaticStreamSerializationAllowed = 1;
	DRV(cuMemsetD32Async(p, 0, BLOCKS, st));
	for (int i = 0; i < 20; i++) {
		DRV(cuLaunchKernelEx(&a, first, args_a, NULL));
		DRV(cuLaunchKernelEx(&b, second, args_b, NULL));
		want = (want + 10) * 3 + 1;
	}
	expect("dependent launches", want);
}

/* An edge of that kind in a captured graph. */
static void programmatic_graph(void)
{
	CUlaunchAttribute at = {
		.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION
	};
	CUfunction first = drv_function(hopper, "first_half");
	CUfunction second = drv_function(hopper, "second_half");
	CUlaunchConfig a = config(BLOCKS, NULL, 0);
	CUlaunchConfig b = config(BLOCKS, &at, 1);
	unsigned us = 200, want = 0;
	void *args_a[] = { &p, &us }, *args_b[] = { &p };
	CUgraphNode from[4], to[4];
	CUgraphEdgeData data[4];
	size_t n = 4;
	CUgraphExec exec;
	CUgraph g;

	at.value.programmaticStreamSerializationAllowed = 1;
	DRV(cuMemsetD32Async(p, 0, BLOCKS, st));
	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_GLOBAL));
	DRV(cuLaunchKernelEx(&a, first, args_a, NULL));
	DRV(cuLaunchKernelEx(&b, second, args_b, NULL));
	DRV(cuStreamEndCapture(st, &g));
	DRV(cuGraphGetEdges(g, from, to, data, &n));
	printf("edges %zu, of type %d from port %d\n", n, data[0].type,
	       data[0].from_port);
	DRV(cuGraphInstantiate(&exec, g, 0));
	for (int i = 0; i < 5; i++) {
		DRV(cuGraphLaunch(exec, st));
		want = (want + 10) * 3 + 1;
	}
	expect("dependent launches in a graph", want);
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
}

/* Another stream goes on when all blocks have begun, or have ended. */
static void completion(void)
{
	CUfunction first = drv_function(hopper, "first_half");
	CUlaunchAttribute at[2];
	CUlaunchConfig c = config(BLOCKS, at, 2);
	unsigned us = 1000;
	void *args[] = { &p, &us };
	CUevent begun, trigger;
	CUstream other;

	memset(at, 0, sizeof(at));
	DRV(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&begun, CU_EVENT_DISABLE_TIMING));
	DRV(cuEventCreate(&trigger, CU_EVENT_DISABLE_TIMING));
	at[0].id = CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT;
	at[0].value.launchCompletionEvent.event = begun;
	at[1].id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT;
	at[1].value.programmaticEvent.event = trigger;
	at[1].value.programmaticEvent.triggerAtBlockStart = 1;
	DRV(cuMemsetD32Async(p, 5, BLOCKS, st));
	for (int i = 0; i < 2; i++) {
		c.numAttrs = 1;
		if (i)
			at[0] = at[1];
		DRV(cuLaunchKernelEx(&c, first, args, NULL));
		DRV(cuStreamWaitEvent(other, i ? trigger : begun, 0));
		DRV(cuStreamSynchronize(other));
	}
	DRV(cuEventSynchronize(begun));
	DRV(cuEventSynchronize(trigger));
	expect("events of launches", 25);
	DRV(cuEventDestroy(begun));
	DRV(cuEventDestroy(trigger));
	DRV(cuStreamDestroy(other));
}

/* What tunes only: the results are the same. */
static void tuning(void)
{
	CUfunction second = drv_function(hopper, "second_half");
	CUlaunchAttribute at[5];
	CUlaunchConfig c = config(BLOCKS, at, 4);
	void *args[] = { &p };
	unsigned want = 2;
	int least = 0, greatest = 0;

	DRV(cuCtxGetStreamPriorityRange(&least, &greatest));
	memset(at, 0, sizeof(at));
	at[0].id = CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN;
	at[0].value.memSyncDomain = CU_LAUNCH_MEM_SYNC_DOMAIN_REMOTE;
	at[1].id = CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP;
	at[1].value.memSyncDomainMap.default_ = 0;
	at[1].value.memSyncDomainMap.remote = 1;
	at[2].id = CU_LAUNCH_ATTRIBUTE_PRIORITY;
	at[2].value.priority = greatest;
	at[3].id = CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW;
	at[3].value.accessPolicyWindow.base_ptr = (void *)(uintptr_t)p;
	at[3].value.accessPolicyWindow.num_bytes = BLOCKS * 4;
	at[3].value.accessPolicyWindow.hitRatio = 1.0f;
	at[3].value.accessPolicyWindow.hitProp =
		CU_ACCESS_PROPERTY_PERSISTING;
	at[3].value.accessPolicyWindow.missProp = CU_ACCESS_PROPERTY_STREAMING;
	DRV(cuMemsetD32Async(p, 2, BLOCKS, st));
	for (int i = 0; i < 10; i++) {
		DRV(cuLaunchKernelEx(&c, second, args, NULL));
		want = want * 3 + 1;
	}
	expect("tuned launches", want);
	at[4].id = (CUlaunchAttributeID)99;
	c.numAttrs = 5;
	SHOW("an attribute that is none",
	     cuLaunchKernelEx(&c, second, args, NULL));
}

/* The stream has attributes as well, and another one takes them over. */
static void of_streams(void)
{
	CUstreamAttrValue v, got;
	CUstream other;

	DRV(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	memset(&v, 0, sizeof(v));
	v.syncPolicy = CU_SYNC_POLICY_BLOCKING_SYNC;
	DRV(cuStreamSetAttribute(st,
		CU_STREAM_ATTRIBUTE_SYNCHRONIZATION_POLICY, &v));
	memset(&v, 0, sizeof(v));
	v.accessPolicyWindow.base_ptr = (void *)(uintptr_t)p;
	v.accessPolicyWindow.num_bytes = BLOCKS * 4;
	v.accessPolicyWindow.hitRatio = 0.5f;
	v.accessPolicyWindow.hitProp = CU_ACCESS_PROPERTY_PERSISTING;
	v.accessPolicyWindow.missProp = CU_ACCESS_PROPERTY_NORMAL;
	DRV(cuStreamSetAttribute(st,
		CU_STREAM_ATTRIBUTE_ACCESS_POLICY_WINDOW, &v));
	memset(&v, 0, sizeof(v));
	v.memSyncDomain = CU_LAUNCH_MEM_SYNC_DOMAIN_REMOTE;
	DRV(cuStreamSetAttribute(st, CU_STREAM_ATTRIBUTE_MEM_SYNC_DOMAIN,
				 &v));
	DRV(cuStreamCopyAttributes(other, st));
	memset(&got, 0, sizeof(got));
	DRV(cuStreamGetAttribute(other,
		CU_STREAM_ATTRIBUTE_SYNCHRONIZATION_POLICY, &got));
	printf("stream: policy %d", (int)got.syncPolicy);
	DRV(cuStreamGetAttribute(other,
		CU_STREAM_ATTRIBUTE_ACCESS_POLICY_WINDOW, &got));
	printf(" window %zu of ratio %.1f",
	       got.accessPolicyWindow.num_bytes,
	       got.accessPolicyWindow.hitRatio);
	DRV(cuStreamGetAttribute(other, CU_STREAM_ATTRIBUTE_MEM_SYNC_DOMAIN,
				 &got));
	printf(" domain %d\n", (int)got.memSyncDomain);
	SHOW("a stream attribute that is none",
	     cuStreamGetAttribute(st, (CUstreamAttrID)99, &got));
	DRV(cuCtxResetPersistingL2Cache());
	DRV(cuStreamDestroy(other));
}

static void largest_parameters(void)
{
	static unsigned words[8189];
	CUfunction f = drv_function(hopper, "sum_all_params");
	void *args[] = { &p, words };
	unsigned want, got = 0;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 8189; i++)
			words[i] = i * 7 + round;
		want = words[8188];
		for (unsigned i = 0; i < 8188; i++)
			want = want * 3 + words[i];
		DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
		memset(words, 0xff, sizeof(words));
		DRV(cuStreamSynchronize(st));
		DRV(cuMemcpyDtoH(&got, p, 4));
		printf("32,764 bytes of parameters give %u\n", got);
		if (got != want)
			fail("drv_launch_attrs: should give %u", want);
	}
}

int main(void)
{
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);

	drv_needs_sm90(dev, true);
	DRV(cuModuleLoadData(&hopper, kernels_sm90_ptx));
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	p = drv_alloc(BLOCKS * 4);
	programmatic();
	programmatic_graph();
	completion();
	tuning();
	of_streams();
	largest_parameters();
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(hopper));
	return 0;
}

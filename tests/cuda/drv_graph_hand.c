// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_graph_hand.c - graphs built by hand as CUDA's samples do: from and to
 * memory that no call of CUDA made, with host functions, events, child graphs,
 * clones, and a diamond whose order matters.
 */
#include <unistd.h>

#include "graph.h"
#include "kernels_more_ptx.h"

static CUcontext ctx;
static CUmodule mod;
static CUfunction chain, late;
static CUstream st;
static CUdeviceptr p;

static CUgraphNode add_kernel(CUgraph g, const CUgraphNode *after, size_t n,
			      CUfunction f, CUdeviceptr at, unsigned a,
			      unsigned b)
{
	void *args[] = { &at, &a, &b };

	return graph_kernel(g, after, n, f, args);
}

static unsigned seen;

static void CUDA_CB look(void *arg)
{
	seen = *(unsigned *)arg;
}

/* From and to memory that no call of CUDA made, as its samples do. */
static void plain_memory(void)
{
	static unsigned from[600], to[600];
	CUDA_MEMCPY3D in = { .srcMemoryType = CU_MEMORYTYPE_HOST,
			     .srcHost = from,
			     .srcPitch = 120,
			     .srcXInBytes = 8,
			     .dstMemoryType = CU_MEMORYTYPE_DEVICE,
			     .dstPitch = 40,
			     .WidthInBytes = 40,
			     .Height = 10,
			     .Depth = 1 };
	CUDA_MEMCPY3D out = { .srcMemoryType = CU_MEMORYTYPE_DEVICE,
			      .srcPitch = 40,
			      .dstMemoryType = CU_MEMORYTYPE_HOST,
			      .dstHost = to,
			      .dstPitch = 80,
			      .dstY = 1,
			      .WidthInBytes = 40,
			      .Height = 10,
			      .Depth = 1 };
	CUDA_HOST_NODE_PARAMS h = { look, &to[20] };
	CUgraphNode a, b, c, d;
	CUdeviceptr room = drv_alloc(400);
	CUgraphExec exec, second;
	CUgraph g, twin;
	size_t n = 0;

	in.dstDevice = out.srcDevice = room;
	DRV(cuGraphCreate(&g, 0));
	DRV(cuGraphAddMemcpyNode(&a, g, NULL, 0, &in, ctx));
	b = add_kernel(g, &a, 1, chain, room, 3, 1);
	DRV(cuGraphAddMemcpyNode(&c, g, &b, 1, &out, ctx));
	DRV(cuGraphAddHostNode(&d, g, &c, 1, &h));
	DRV(cuGraphGetNodes(g, NULL, &n));
	DRV(cuGraphClone(&twin, g));
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuGraphInstantiate(&second, twin, 0));
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned k = 0; k < 600; k++)
			from[k] = 1000 * i + k;
		for (unsigned k = 0; k < 600; k++)
			to[k] = 7;
		DRV(cuGraphLaunch(i % 2 ? second : exec, st));
		DRV(cuStreamSynchronize(st));
		printf("plain memory, %zu nodes: %u %u %u, left alone %u %u, "
		       "a function saw %u\n", n, to[20], to[21], to[209],
		       to[19], to[30], seen);
	}
	if (to[20] != 9007 || to[209] != 3281 || to[30] != 7 || seen != 9007)
		fail("drv_graph_hand: should be 9007, 3281, 7 and 9007");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphExecDestroy(second));
	DRV(cuGraphDestroy(twin));
	DRV(cuGraphDestroy(g));
	DRV(cuMemFree(room));
}

/* An event that a graph records is waited for, each time. */
static void events(void)
{
	CUgraphNode kernel, record;
	CUgraphExec exec;
	CUevent ev;
	CUgraph g;

	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	DRV(cuGraphCreate(&g, 0));
	kernel = add_kernel(g, NULL, 0, late, p, 100000, 5);
	DRV(cuGraphAddEventRecordNode(&record, g, &kernel, 1, ev));
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuMemsetD32Async(p, 1, 1, st));
	for (unsigned i = 0; i < 3; i++) {
		DRV(cuGraphLaunch(exec, st));
		if (i < 2)
			DRV(cuEventSynchronize(ev));
		else
			while (cuEventQuery(ev) == CUDA_ERROR_NOT_READY)
				usleep(1000);
		printf("event %u: the kernel gave %u\n", i, drv_word(p));
		DRV(cuStreamSynchronize(st));
	}
	if (drv_word(p) != 16)
		fail("drv_graph_hand: should give 16");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuEventDestroy(ev));
}

/* One before two before one, twice over as children of another graph. */
static void diamond(void)
{
	CUDA_MEMSET_NODE_PARAMS m = { .dst = p,
				      .value = 2,
				      .elementSize = 4,
				      .width = 2,
				      .height = 1 };
	CUgraphNode set, side[2], first, second, end;
	CUgraphExec exec;
	CUgraph g, outer;

	DRV(cuGraphCreate(&g, 0));
	DRV(cuGraphAddMemsetNode(&set, g, NULL, 0, &m, ctx));
	side[0] = add_kernel(g, &set, 1, chain, p, 3, 1);
	side[1] = add_kernel(g, &set, 1, chain, p + 4, 5, 2);
	DRV(cuGraphAddEmptyNode(&end, g, side, 2));
	add_kernel(g, &end, 1, chain, p, 10, 0);
	DRV(cuGraphCreate(&outer, 0));
	DRV(cuGraphAddChildGraphNode(&first, outer, NULL, 0, g));
	add_kernel(outer, &first, 1, chain, p + 4, 7, 7);
	DRV(cuGraphInstantiate(&exec, outer, 0));
	DRV(cuGraphAddChildGraphNode(&second, outer, &first, 1, g));
	for (int i = 0; i < 3; i++)
		DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	printf("diamond: %u %u\n", drv_word(p), drv_word(p + 4));
	if (drv_word(p) != 70 || drv_word(p + 4) != 91)
		fail("drv_graph_hand: should give 70 and 91");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(outer));
	DRV(cuGraphDestroy(g));
}

int main(void)
{
	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	late = drv_function(mod, "late_add");
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	p = drv_alloc(64);
	{ /* the first launch loads, and a launch is counted */
		unsigned mul = 1, add = 1;
		void *args[] = { &p, &mul, &add };

		DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args,
				   NULL));
		DRV(cuStreamSynchronize(st));
	}
	plain_memory();
	events();
	diamond();
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(mod));
	return 0;
}

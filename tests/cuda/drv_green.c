// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_green.c - green contexts: the multiprocessors are split, each part gets
 * a context, streams and work of its own; events go between them; a part as
 * an ordinary current context.
 */
#include "drv.h"
#include "kernels_more_ptx.h"
#include "kernels_ptx.h"

#define PARTS 2
#define N 4096

static CUdevice dev;
static CUmodule mod, more;

static void launch_chain(CUdeviceptr p, unsigned mul, unsigned add, CUstream st)
{
	unsigned n = N;
	void *args[] = { &p, &n, &mul, &add };

	DRV(cuLaunchKernel(drv_function(more, "chain_all"), N / 128, 1, 1, 128,
			   1, 1, 0, st, args, NULL));
}

static CUgreenCtx make(CUdevResource *part, unsigned n)
{
	CUdevResourceDesc desc = NULL;
	CUgreenCtx green = NULL;

	DRV(cuDevResourceGenerateDesc(&desc, part, n));
	DRV(cuGreenCtxCreate(&green, desc, dev, CU_GREEN_CTX_DEFAULT_STREAM));
	return green;
}

static void split(CUdevResource *part, CUdevResource *rest)
{
	CUdevResource all;
	unsigned n = 0;

	DRV(cuDeviceGetDevResource(dev, &all, CU_DEV_RESOURCE_TYPE_SM));
	printf("multiprocessors %u\n", all.sm.smCount);
	DRV(cuDevSmResourceSplitByCount(NULL, &n, &all, NULL, 0, 16));
	printf("groups of 16: %u\n", n);
	n = PARTS;
	DRV(cuDevSmResourceSplitByCount(part, &n, &all, rest, 0, 16));
	printf("got %u of %u and %u, rest %u\n", n, part[0].sm.smCount,
	       part[1].sm.smCount, rest->sm.smCount);
	n = 1;
	SHOW("more than there are",
	     cuDevSmResourceSplitByCount(part, &n, &all, NULL, 0, 10000));
	n = PARTS;
	DRV(cuDevSmResourceSplitByCount(part, &n, &all, rest, 0, 16));
}

/* Work in each part, and one part waiting for the other by an event. */
static void work(CUgreenCtx *green)
{
	CUdeviceptr p = drv_alloc(N * 4), q = drv_alloc(N * 4);
	unsigned long long id[PARTS];
	unsigned want = 1;
	CUstream st[PARTS];
	CUevent ev;

	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	for (int i = 0; i < PARTS; i++) {
		CUgreenCtx of = NULL;

		DRV(cuGreenCtxStreamCreate(&st[i], green[i],
					   CU_STREAM_NON_BLOCKING, 0));
		DRV(cuStreamGetGreenCtx(st[i], &of));
		DRV(cuGreenCtxGetId(green[i], &id[i]));
		printf("stream %d is of %s\n", i, of == green[i] ?
		       "its green context" : "another");
	}
	printf("ids %s\n", id[0] == id[1] ? "equal" : "differ");
	DRV(cuMemsetD32(p, 1, N));
	DRV(cuMemsetD32(q, 2, N));
	DRV(cuCtxSynchronize());
	for (unsigned i = 0; i < 20; i++) {
		launch_chain(p, 3, i, st[i % 2]);
		launch_chain(q, 5, i, st[1]);
		want = want * 3 + i;
		DRV(cuEventRecord(ev, st[i % 2]));
		DRV(cuStreamWaitEvent(st[(i + 1) % 2], ev, 0));
	}
	DRV(cuGreenCtxRecordEvent(green[1], ev));
	DRV(cuGreenCtxWaitEvent(green[0], ev));
	DRV(cuStreamSynchronize(st[0]));
	DRV(cuStreamSynchronize(st[1]));
	printf("both parts: %u %u\n", drv_word(p), drv_word(q + 400));
	if (drv_word(p) != want)
		fail("drv_green: should give %u", want);
	for (int i = 0; i < PARTS; i++)
		DRV(cuStreamDestroy(st[i]));
	DRV(cuEventDestroy(ev));
	DRV(cuMemFree(p));
	DRV(cuMemFree(q));
}

/* The primary context waits for its green ones. */
static void waited_for(CUgreenCtx *green)
{
	CUfunction late = drv_function(more, "late_add");
	unsigned us = 100000, add = 1;
	CUdeviceptr p = drv_alloc(4 * PARTS), at[PARTS];
	CUstream st[PARTS];

	DRV(cuMemsetD32(p, 0, PARTS));
	DRV(cuCtxSynchronize());
	for (int i = 0; i < PARTS; i++) {
		void *args[] = { &at[i], &us, &add };

		at[i] = p + 4 * (CUdeviceptr)i;
		DRV(cuGreenCtxStreamCreate(&st[i], green[i],
					   CU_STREAM_NON_BLOCKING, 0));
		DRV(cuLaunchKernel(late, 1, 1, 1, 1, 1, 1, 0, st[i], args,
				   NULL));
	}
	DRV(cuCtxSynchronize());
	for (int i = 0; i < PARTS; i++)
		printf("after the primary's wait: stream %d %s\n", i,
		       drv_name(cuStreamQuery(st[i])));
	for (int i = 0; i < 10; i++) {
		void *args[] = { &at[0], &us, &add };

		us = 20000;
		DRV(cuLaunchKernel(late, 1, 1, 1, 1, 1, 1, 0, st[0], args,
				   NULL));
		DRV(cuCtxSynchronize());
		if (cuStreamQuery(st[0]))
			fail("drv_green: round %d was not waited for", i);
	}
	printf("in the end %u %u\n", drv_word(at[0]), drv_word(at[1]));
	for (int i = 0; i < PARTS; i++)
		DRV(cuStreamDestroy(st[i]));
	DRV(cuMemFree(p));
}

/* A green context as the thread's current one. */
static void current(CUgreenCtx green, CUcontext primary)
{
	CUcontext ctx = NULL, now = NULL;
	CUdevResource sm;
	CUdeviceptr p;
	CUdevice d = -1;
	CUstream st;

	DRV(cuCtxFromGreenCtx(&ctx, green));
	DRV(cuCtxPushCurrent(ctx));
	DRV(cuCtxGetCurrent(&now));
	DRV(cuCtxGetDevice(&d));
	DRV(cuCtxGetDevResource(ctx, &sm, CU_DEV_RESOURCE_TYPE_SM));
	printf("current is %s on device %d with %u\n",
	       now == ctx ? "it" : "another", d, sm.sm.smCount);
	DRV(cuGreenCtxGetDevResource(green, &sm, CU_DEV_RESOURCE_TYPE_SM));
	printf("the green context says %u\n", sm.sm.smCount);
	p = drv_alloc(N * 4);
	SHOW("an ordinary stream there",
	     cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuMemsetD32Async(p, 7, N, NULL));
	DRV(cuCtxSynchronize());
	printf("its default stream: %u\n", drv_word(p + 8));
	DRV(cuMemFree(p));
	DRV(cuCtxPopCurrent(&now));
	DRV(cuCtxGetCurrent(&now));
	printf("afterwards %s\n", now == primary ? "the primary" : "another");
}

int main(void)
{
	CUdevResource part[PARTS], rest;
	CUgreenCtx green[PARTS], both;
	CUcontext primary;
	CUstream st;

	dev = drv_open(&primary);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuModuleLoadData(&more, kernels_more_ptx));
	split(part, &rest);
	for (int i = 0; i < PARTS; i++)
		green[i] = make(&part[i], 1);
	both = make(part, PARTS);
	work(green);
	waited_for(green);
	current(green[0], primary);
	SHOW("a blocking stream",
	     cuGreenCtxStreamCreate(&st, both, CU_STREAM_DEFAULT, 0));
	SHOW("no resources", cuDevResourceGenerateDesc(NULL, part, 1));
	for (int i = 0; i < PARTS; i++)
		DRV(cuGreenCtxDestroy(green[i]));
	DRV(cuGreenCtxDestroy(both));
	DRV(cuModuleUnload(mod));
	DRV(cuModuleUnload(more));
	return 0;
}

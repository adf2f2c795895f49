// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_contexts.c - contexts: flags, limits, what each thread has current, a
 * context that several threads use, created ones beside the primary one, and
 * what lives and dies with a context.
 */
#include <pthread.h>

#include "drv.h"
#include "kernels_more_ptx.h"

static CUdevice dev;

static const char *which(CUcontext c, CUcontext a, CUcontext b)
{
	return !c ? "none" : c == a ? "first" : c == b ? "second" : "another";
}

static CUcontext current(void)
{
	CUcontext c = NULL;

	DRV(cuCtxGetCurrent(&c));
	return c;
}

/* Each thread has a stack of its own, and all begin empty. */
static void *other_thread(void *arg)
{
	CUcontext *c = arg, popped = NULL;

	printf("thread: current %s\n", which(current(), c[0], c[1]));
	SHOW("thread: pop of nothing", cuCtxPopCurrent(&popped));
	DRV(cuCtxPushCurrent(c[1]));
	DRV(cuCtxPushCurrent(c[0]));
	DRV(cuCtxPushCurrent(c[1]));
	DRV(cuCtxPopCurrent(&popped));
	printf("thread: popped %s, then %s\n", which(popped, c[0], c[1]),
	       which(current(), c[0], c[1]));
	/* Set replaces the top; NULL takes it away. */
	DRV(cuCtxSetCurrent(c[1]));
	DRV(cuCtxSetCurrent(NULL));
	printf("thread: left %s\n", which(current(), c[0], c[1]));
	return NULL;
}

static void stacks(CUcontext primary)
{
	CUcontext c[2] = { primary, NULL }, popped = NULL;
	pthread_t t;

	DRV(cuCtxCreate(&c[1], NULL, 0, dev));
	if (pthread_create(&t, NULL, other_thread, c))
		fail("drv_contexts: no thread");
	pthread_join(t, NULL);
	printf("main: current %s\n", which(current(), c[0], c[1]));
	for (int i = 0; i < 40; i++)
		DRV(cuCtxPushCurrent(c[i % 2]));
	for (int i = 39; i >= 0; i--) {
		DRV(cuCtxPopCurrent(&popped));
		if (popped != c[i % 2])
			fail("drv_contexts: pop %d is wrong", i);
	}
	printf("main: after 40 pushes %s\n", which(current(), c[0], c[1]));
	DRV(cuCtxDestroy(c[1]));
	printf("main: after its end %s\n", which(current(), c[0], c[1]));
}

static void flags(void)
{
	static const unsigned sets[] = {
		CU_CTX_SCHED_AUTO, CU_CTX_SCHED_SPIN, CU_CTX_SCHED_YIELD,
		CU_CTX_SCHED_BLOCKING_SYNC, CU_CTX_MAP_HOST,
		CU_CTX_SCHED_SPIN | CU_CTX_LMEM_RESIZE_TO_MAX
	};
	CUctxCreateParams params = { 0 };
	CUcontext c = NULL;
	unsigned got = 99;

	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		DRV(cuCtxCreate(&c, NULL, sets[i], dev));
		DRV(cuCtxGetFlags(&got));
		printf("created with %#x has %#x\n", sets[i], got);
		DRV(cuCtxDestroy(c));
	}
	SHOW("parameters that say nothing", cuCtxCreate(&c, &params, 0, dev));
	SHOW("two ways to wait",
	     cuCtxCreate(&c, NULL, CU_CTX_SCHED_SPIN | CU_CTX_SCHED_YIELD,
			 dev));
	SHOW("a flag that is none", cuCtxCreate(&c, NULL, 0x4000, dev));
	SHOW("a device that is none", cuCtxCreate(&c, NULL, 0, 77));
	SHOW("no place for it", cuCtxCreate(NULL, NULL, 0, dev));
}

static void limits(void)
{
	static const CUlimit known[] = {
		CU_LIMIT_STACK_SIZE, CU_LIMIT_PRINTF_FIFO_SIZE,
		CU_LIMIT_MALLOC_HEAP_SIZE
	};
	CUcontext c;
	size_t v = 0;

	DRV(cuCtxCreate(&c, NULL, 0, dev));
	for (unsigned i = 0; i < 3; i++) {
		DRV(cuCtxGetLimit(&v, known[i]));
		printf("limit %d is %zu", (int)known[i], v);
		DRV(cuCtxSetLimit(known[i], 2 * v));
		DRV(cuCtxGetLimit(&v, known[i]));
		printf(", then %zu\n", v);
	}
	SHOW("a limit that is none", cuCtxGetLimit(&v, (CUlimit)99));
	SHOW("setting one that is none", cuCtxSetLimit((CUlimit)99, 1));
	SHOW("no place for a limit", cuCtxGetLimit(NULL, CU_LIMIT_STACK_SIZE));
	DRV(cuCtxDestroy(c));
}

static unsigned run_chain(CUfunction f, CUdeviceptr p)
{
	unsigned mul = 3, add = 1, v = 0;
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	DRV(cuMemcpyDtoH(&v, p, 4));
	return v;
}

/* The same program twice over, in two contexts, taking turns. */
static void side_by_side(CUcontext primary)
{
	CUcontext c[2] = { primary, NULL };
	CUdeviceptr p[2];
	CUmodule m[2];
	CUfunction f[2];
	CUcontext owner = NULL;
	CUstream st;

	DRV(cuCtxCreate(&c[1], NULL, CU_CTX_SCHED_BLOCKING_SYNC, dev));
	for (int i = 0; i < 2; i++) {
		DRV(cuCtxSetCurrent(c[i]));
		DRV(cuModuleLoadData(&m[i], kernels_more_ptx));
		f[i] = drv_function(m[i], "chain");
		p[i] = drv_alloc(4);
		DRV(cuMemsetD32(p[i], 5 + (unsigned)i, 1));
	}
	for (int i = 0; i < 10; i++) {
		DRV(cuCtxSetCurrent(c[i % 2]));
		printf("context %d: %u\n", i % 2, run_chain(f[i % 2],
							    p[i % 2]));
	}
	DRV(cuCtxSetCurrent(c[1]));
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuCtxSetCurrent(c[0]));
	DRV(cuStreamGetCtx(st, &owner));
	printf("the stream is of the %s\n", which(owner, c[0], c[1]));
	/* All of it goes with the context; the other one stays whole. */
	DRV(cuCtxDestroy(c[1]));
	printf("context 0 goes on: %u\n", run_chain(f[0], p[0]));
	DRV(cuMemFree(p[0]));
	DRV(cuModuleUnload(m[0]));
}

static void *same_context(void *arg)
{
	CUcontext c = ((void **)arg)[0];
	CUdeviceptr p = 0;

	DRV(cuCtxSetCurrent(c));
	p = drv_alloc(64);
	DRV(cuMemsetD32(p, 7, 16));
	DRV(cuCtxSynchronize());
	((void **)arg)[1] = (void *)(uintptr_t)p;
	return NULL;
}

/* What one thread allocates, another one reads after the first is gone. */
static void inherited(CUcontext primary)
{
	void *arg[2] = { primary, NULL };
	unsigned v = 0;
	pthread_t t;

	for (int i = 0; i < 8; i++) {
		if (pthread_create(&t, NULL, same_context, arg))
			fail("drv_contexts: no thread");
		pthread_join(t, NULL);
		DRV(cuMemcpyDtoH(&v, (CUdeviceptr)(uintptr_t)arg[1] + 60, 4));
		if (v != 7)
			fail("drv_contexts: a dead thread's memory has %u", v);
		DRV(cuMemFree((CUdeviceptr)(uintptr_t)arg[1]));
	}
	printf("memory outlives its thread: %u\n", v);
}

/* The thread's own stream is another one in each context, and goes with it. */
static void own_streams(CUcontext primary)
{
	unsigned sum = 0;

	for (unsigned i = 1; i <= 20; i++) {
		CUdeviceptr p;
		CUcontext c;

		DRV(cuCtxCreate(&c, NULL, 0, dev));
		p = drv_alloc(4);
		DRV(cuMemsetD32Async(p, i, 1, CU_STREAM_PER_THREAD));
		DRV(cuStreamSynchronize(CU_STREAM_PER_THREAD));
		sum += drv_word(p);
		DRV(cuCtxDestroy(c));
		DRV(cuCtxSetCurrent(primary));
	}
	printf("own streams in 20 contexts: %u\n", sum);
}

static void primary_life(CUcontext primary)
{
	CUcontext again = NULL;
	unsigned f = 0;
	int active = 9;

	DRV(cuDevicePrimaryCtxRetain(&again, dev));
	printf("retained again: %s\n", again == primary ? "the same" :
							  "another");
	DRV(cuDevicePrimaryCtxRelease(dev));
	DRV(cuDevicePrimaryCtxGetState(dev, &f, &active));
	printf("after one release: active %d flags %#x\n", active, f);
	DRV(cuDevicePrimaryCtxRelease(dev));
	DRV(cuDevicePrimaryCtxGetState(dev, &f, &active));
	printf("after both: active %d\n", active);
	SHOW("a release too many", cuDevicePrimaryCtxRelease(dev));
	DRV(cuDevicePrimaryCtxSetFlags(dev, CU_CTX_SCHED_YIELD));
	DRV(cuDevicePrimaryCtxRetain(&again, dev));
	DRV(cuDevicePrimaryCtxGetState(dev, &f, &active));
	printf("a new life: active %d flags %#x\n", active, f);
	DRV(cuCtxSetCurrent(again));
	DRV(cuCtxSynchronize());
	DRV(cuDevicePrimaryCtxRelease(dev));
}

int main(void)
{
	unsigned long long a = 0, b = 0;
	CUcontext primary, own;
	CUdevice d = -1;
	unsigned version = 0;

	dev = drv_open(&primary);
	stacks(primary);
	flags();
	limits();
	side_by_side(primary);
	inherited(primary);
	DRV(cuCtxCreate(&own, NULL, 0, dev));
	DRV(cuCtxGetDevice(&d));
	DRV(cuCtxGetId(own, &a));
	DRV(cuCtxGetId(primary, &b));
	DRV(cuCtxGetApiVersion(own, &version));
	printf("a context of device %d, ids %s, version %s\n", d,
	       a == b ? "equal" : "differ", version >= 3020 ? "good" : "low");
	DRV(cuCtxDestroy(own));
	DRV(cuCtxSetCurrent(primary));
	own_streams(primary);
	primary_life(primary);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_ptds.c - compiled for per-thread default streams: stream 0 and calls
 * without a stream are the thread's own (cuX_ptsz, cuX_ptds), so that threads
 * do not wait for each other; cuGetProcAddress gives the same by its flag.
 */
#define CUDA_API_PER_THREAD_DEFAULT_STREAM
#include <pthread.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define THREADS 8

static CUcontext ctx;
static CUfunction chain, late;
static CUdeviceptr words;
static unsigned results[THREADS];

static void step(CUdeviceptr p, unsigned mul, unsigned add)
{
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
}

static void *own_stream(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg, h[64];
	CUdeviceptr p = words + 256 * id;
	unsigned long long a = 0, b = 0;
	CUevent ev;

	DRV(cuCtxSetCurrent(ctx));
	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	for (unsigned i = 0; i < 64; i++)
		h[i] = id;
	DRV(cuMemcpyHtoD(p, h, sizeof(h)));
	for (unsigned i = 0; i < 30; i++)
		step(p, 3, i);
	DRV(cuMemsetD32(p + 128, 5, 32));
	DRV(cuMemcpyDtoD(p + 64, p, 4));
	DRV(cuEventRecord(ev, NULL));
	DRV(cuEventSynchronize(ev));
	SHOW("the thread's stream", cuStreamQuery(NULL));
	DRV(cuMemcpyDtoH(h, p, sizeof(h)));
	if (h[16] != h[0] || h[32] != 5 || h[63] != 5)
		fail("drv_ptds: thread %u has %u %u %u", id, h[16], h[32],
		     h[63]);
	DRV(cuStreamGetId(NULL, &a));
	DRV(cuStreamGetId(CU_STREAM_PER_THREAD, &b));
	results[id] = h[0] + (a != b);
	DRV(cuEventDestroy(ev));
	return NULL;
}

/* A thread that is busy does not hold up another one. */
static void *busy(void *arg)
{
	unsigned us = 300000, add = 1;
	CUdeviceptr p = words;
	void *args[] = { &p, &us, &add };

	(void)arg;
	DRV(cuCtxSetCurrent(ctx));
	DRV(cuLaunchKernel(late, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	return NULL;
}

static void independent(void)
{
	unsigned h[2] = { 0, 0 }, us = 1, add = 0;
	void *args[] = { &words, &us, &add };
	pthread_t t;

	DRV(cuMemsetD32(words, 0, 2));
	/* The first launch loads, which waits for everything. */
	DRV(cuLaunchKernel(late, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	step(words + 4, 1, 0);
	DRV(cuStreamSynchronize(NULL));
	if (pthread_create(&t, NULL, busy, NULL))
		fail("drv_ptds: no thread");
	pthread_join(t, NULL);
	step(words + 4, 1, 9);
	DRV(cuMemcpyDtoH(h, words, 8));
	printf("this thread has %u, the busy one %u\n", h[1], h[0]);
	DRV(cuCtxSynchronize());
	DRV(cuMemcpyDtoH(h, words, 8));
	printf("after a wait for all: %u\n", h[0]);
}

static void by_address(void)
{
	CUdriverProcAddressQueryResult how;
	void *legacy = NULL, *own = NULL;

	DRV(cuGetProcAddress("cuMemcpyHtoD", &legacy, 13000,
			     CU_GET_PROC_ADDRESS_LEGACY_STREAM, &how));
	DRV(cuGetProcAddress("cuMemcpyHtoD", &own, 13000,
			     CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM,
			     &how));
	printf("the two cuMemcpyHtoD %s, the linked one is the %s\n",
	       legacy == own ? "are one" : "differ",
	       own == (void *)cuMemcpyHtoD ? "second" : "first");
}

int main(void)
{
	pthread_t t[THREADS];
	CUmodule mod;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	late = drv_function(mod, "late_add");
	words = drv_alloc(256 * THREADS);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, own_stream,
				   (void *)(uintptr_t)i))
			fail("drv_ptds: no thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < THREADS; i++)
		printf("thread %d: %u\n", i, results[i]);
	independent();
	by_address();
	DRV(cuMemFree(words));
	DRV(cuModuleUnload(mod));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_races.c - calls of several threads that meet at one object: queries of
 * an event that is recorded and destroyed meanwhile, waits of many threads for
 * one stream, streams destroyed with work in them, allocations freed by
 * another thread than made them, large copies from the GPU by all at a time.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define THREADS 8
#define ROUNDS 300

static CUcontext ctx;
static CUfunction chain;
static CUstream shared;
static CUevent event;
static CUdeviceptr box[THREADS * ROUNDS];
static atomic_int full, taken, finished, answers;
static pthread_barrier_t meet;

static void step(CUdeviceptr p, CUstream st)
{
	unsigned mul = 3, add = 1;
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

static void run(void *(*fn)(void *))
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, fn, (void *)(uintptr_t)i))
			fail("drv_races: no thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* The first thread records, the others ask: both answers are right. */
static void *asks(void *arg)
{
	DRV(cuCtxSetCurrent(ctx));
	if (!arg) {
		CUdeviceptr p = drv_alloc(4);

		for (int i = 0; i < ROUNDS; i++) {
			step(p, shared);
			DRV(cuEventRecord(event, shared));
		}
		DRV(cuEventSynchronize(event));
		atomic_store(&finished, 1);
		DRV(cuMemFree(p));
		return NULL;
	}
	while (!atomic_load(&finished)) {
		CUresult r = cuEventQuery(event);

		if (r && r != CUDA_ERROR_NOT_READY)
			fail("drv_races: a query gave %s", drv_name(r));
		atomic_fetch_add(&answers, 1);
	}
	DRV(cuEventQuery(event));
	return NULL;
}

/* All wait for the same work, and all see its result. */
static void *waits(void *arg)
{
	unsigned v;

	(void)arg;
	DRV(cuCtxSetCurrent(ctx));
	for (unsigned i = 0; i < 50; i++) {
		if (!arg) {
			DRV(cuMemsetD32Async(box[0], i, 1, shared));
			step(box[0], shared);
			DRV(cuEventRecord(event, shared));
		}
		pthread_barrier_wait(&meet);
		if (i % 2)
			DRV(cuStreamSynchronize(shared));
		else
			DRV(cuEventSynchronize(event));
		v = 0;
		DRV(cuMemcpyDtoH(&v, box[0], 4));
		if (v != 3 * i + 1)
			fail("drv_races: round %u has %u", i, v);
		pthread_barrier_wait(&meet);
	}
	return NULL;
}

/* Streams and events end with work under way; the work is done all the same. */
static void *ends(void *arg)
{
	CUdeviceptr p;
	unsigned v = 0;

	(void)arg;
	DRV(cuCtxSetCurrent(ctx));
	p = drv_alloc(4);
	for (unsigned i = 0; i < 100; i++) {
		CUstream st;
		CUevent ev;

		DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
		DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
		DRV(cuMemsetD32Async(p, i, 1, st));
		step(p, st);
		DRV(cuEventRecord(ev, st));
		DRV(cuStreamWaitEvent(shared, ev, 0));
		DRV(cuEventDestroy(ev));
		DRV(cuStreamDestroy(st));
		DRV(cuStreamSynchronize(shared));
		DRV(cuMemcpyDtoHAsync(&v, p, 4, shared));
		DRV(cuStreamSynchronize(shared));
		if (v != 3 * i + 1)
			fail("drv_races: after the stream's end %u, not %u",
			     v, 3 * i + 1);
	}
	DRV(cuMemFree(p));
	return NULL;
}

/* Even threads allocate, odd ones free what they find. */
static void *gives(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;

	DRV(cuCtxSetCurrent(ctx));
	for (int i = 0; id % 2 == 0 && i < ROUNDS; i++) {
		CUdeviceptr p = drv_alloc(64 + (size_t)i * 10);

		DRV(cuMemsetD32Async(p, id, 16, NULL));
		__atomic_store_n(&box[atomic_fetch_add(&full, 1)], p,
				 __ATOMIC_RELEASE);
	}
	if (id % 2 == 0)
		atomic_fetch_add(&finished, 1);
	while (id % 2) {
		int k = atomic_load(&taken);

		if (k == THREADS / 2 * ROUNDS)
			break;
		if (!__atomic_load_n(&box[k], __ATOMIC_ACQUIRE) ||
		    !atomic_compare_exchange_strong(&taken, &k, k + 1))
			continue;
		DRV(cuMemFree(box[k]));
	}
	return NULL;
}

/* More than there are pieces of shared pages for all of them. */
#define COPY_BYTES (16u << 20)

static void *copies(void *arg)
{
	unsigned char mine = (unsigned char)(uintptr_t)arg;
	unsigned char *host = malloc(COPY_BYTES);
	CUdeviceptr p;

	DRV(cuCtxSetCurrent(ctx));
	if (!host)
		fail("drv_races: no memory");
	p = drv_alloc(COPY_BYTES);
	DRV(cuMemsetD8(p, mine, COPY_BYTES));
	for (int i = 0; i < 5; i++) {
		memset(host, 0xff, COPY_BYTES);
		pthread_barrier_wait(&meet);
		DRV(cuMemcpyDtoH(host, p, COPY_BYTES));
		for (unsigned k = 0; k < COPY_BYTES; k += 61)
			if (host[k] != mine)
				fail("drv_races: byte %u of a copy is wrong", k);
		atomic_fetch_add(&answers, 1);
	}
	DRV(cuMemFree(p));
	free(host);
	return NULL;
}

int main(void)
{
	CUmodule mod;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	DRV(cuStreamCreate(&shared, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
	run(asks);
	printf("an event asked by %d threads: %s\n", THREADS - 1,
	       atomic_load(&answers) ? "answered" : "never");
	pthread_barrier_init(&meet, NULL, THREADS);
	box[0] = drv_alloc(4);
	run(waits);
	printf("%d threads wait for one stream\n", THREADS);
	DRV(cuMemFree(box[0]));
	run(ends);
	printf("%d threads end their streams early\n", THREADS);
	memset(box, 0, sizeof(box));
	atomic_store(&finished, 0);
	run(gives);
	printf("%d allocations freed by others\n", atomic_load(&taken));
	atomic_store(&answers, 0);
	run(copies);
	printf("%d large copies of all at a time\n", atomic_load(&answers));
	DRV(cuEventDestroy(event));
	DRV(cuStreamDestroy(shared));
	DRV(cuModuleUnload(mod));
	return 0;
}

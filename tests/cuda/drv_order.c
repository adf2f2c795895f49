// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_order.c - the order that CUDA promises: within a stream over launches,
 * sets and copies of every kind; between streams by events, by the default
 * stream and by threads that share a stream; and no order where none is due.
 * The results depend on it: each step multiplies and adds.
 */
#include <pthread.h>
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define WORDS 512
#define THREADS 32
#define STEPS 40

static CUcontext ctx;
static CUfunction chain, chain_all;

static void step(CUdeviceptr p, unsigned mul, unsigned add, CUstream st)
{
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

static void step_all(CUdeviceptr p, unsigned mul, unsigned add, CUstream st)
{
	unsigned n = WORDS;
	void *args[] = { &p, &n, &mul, &add };

	DRV(cuLaunchKernel(chain_all, WORDS / 128, 1, 1, 128, 1, 1, 0, st,
			   args, NULL));
}

/* Every kind of work in turn, 60 times, without a wait in between. */
static void one_stream(CUstream st, const char *name)
{
	CUdeviceptr p = drv_alloc(WORDS * 4), q = drv_alloc(WORDS * 4);
	unsigned want[WORDS], from[WORDS], got[WORDS];

	memset(want, 0, sizeof(want));
	DRV(cuMemsetD32Async(p, 0, WORDS, st));
	for (unsigned i = 0; i < 60; i++) {
		step_all(p, 3, i, st);
		for (unsigned k = 0; k < WORDS; k++)
			want[k] = want[k] * 3 + i;
		/* The caller's memory is its own again at once. */
		for (unsigned k = 0; k < 16; k++)
			from[k] = want[k + 1] = i * k;
		DRV(cuMemcpyHtoDAsync(p + 4, from, 64, st));
		memset(from, 0xee, sizeof(from));
		DRV(cuMemcpyDtoDAsync(q, p, WORDS * 4, st));
		DRV(cuMemsetD32Async(p + 400, i, 5, st));
		for (unsigned k = 100; k < 105; k++)
			want[k] = i;
		DRV(cuMemcpyDtoDAsync(p + 1000, q, 40, st));
		memcpy(want + 250, want, 40);
	}
	DRV(cuMemcpyDtoHAsync(got, p, sizeof(got), st));
	DRV(cuStreamSynchronize(st));
	if (memcmp(got, want, sizeof(got)))
		fail("drv_order: %s is not in order", name);
	printf("%s checksum %016llx\n", name,
	       (unsigned long long)checksum(got, sizeof(got)));
	DRV(cuMemFree(p));
	DRV(cuMemFree(q));
}

/* A ring of streams, each waiting for the one before it by an event. */
static void by_events(void)
{
	enum { RING = 16 };
	CUdeviceptr p = drv_alloc(4);
	CUstream st[RING];
	CUevent ev[RING];
	unsigned want = 1, got = 0;

	DRV(cuMemsetD32(p, 1, 1));
	DRV(cuCtxSynchronize());
	for (int i = 0; i < RING; i++) {
		DRV(cuStreamCreate(&st[i], CU_STREAM_NON_BLOCKING));
		DRV(cuEventCreate(&ev[i], CU_EVENT_DISABLE_TIMING));
	}
	for (unsigned i = 0; i < 10 * RING; i++) {
		unsigned k = i % RING;

		if (i)
			DRV(cuStreamWaitEvent(st[k], ev[(i - 1) % RING], 0));
		step(p, 5, i, st[k]);
		want = want * 5 + i;
		DRV(cuEventRecord(ev[k], st[k]));
	}
	DRV(cuEventSynchronize(ev[RING - 1]));
	DRV(cuMemcpyDtoH(&got, p, 4));
	printf("a ring of %d streams gives %u\n", RING, got);
	if (got != want)
		fail("drv_order: the ring should give %u", want);
	for (int i = 0; i < RING; i++) {
		DRV(cuStreamDestroy(st[i]));
		DRV(cuEventDestroy(ev[i]));
	}
	DRV(cuMemFree(p));
}

/* The default stream waits for blocking streams, and they for it. */
static void default_stream(void)
{
	CUdeviceptr p = drv_alloc(4);
	unsigned want = 1, got = 0;
	CUstream a, b;

	DRV(cuStreamCreate(&a, CU_STREAM_DEFAULT));
	DRV(cuStreamCreate(&b, CU_STREAM_DEFAULT));
	DRV(cuMemsetD32(p, 1, 1));
	for (unsigned i = 0; i < 50; i++) {
		step(p, 3, i, a);
		step(p, 5, i, NULL);
		step(p, 7, i, b);
		step(p, 9, i, CU_STREAM_LEGACY);
		want = ((want * 3 + i) * 5 + i) * 7 + i;
		want = want * 9 + i;
	}
	DRV(cuMemcpyDtoH(&got, p, 4));
	printf("around the default stream %u\n", got);
	if (got != want)
		fail("drv_order: should be %u", want);
	DRV(cuStreamDestroy(a));
	DRV(cuStreamDestroy(b));
	DRV(cuMemFree(p));
}

struct shared {
	pthread_mutex_t lock;
	CUstream st;
	CUdeviceptr p;
	unsigned want;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Threads that agree by a lock whose turn it is: the stream keeps it so. */
static void *turns(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;

	DRV(cuCtxSetCurrent(ctx));
	for (unsigned i = 0; i < STEPS; i++) {
		pthread_mutex_lock(&shared.lock);
		step(shared.p, 3 + 2 * (id % 3), i, shared.st);
		shared.want = shared.want * (3 + 2 * (id % 3)) + i;
		pthread_mutex_unlock(&shared.lock);
		if (i % 16 == 15)
			DRV(cuStreamSynchronize(shared.st));
	}
	return NULL;
}

/* Threads that do not agree, each on a word of its own, in one stream. */
static void *crowd(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg, want = 0, got = 0;
	CUdeviceptr p = shared.p + 4 * id;
	CUevent ev;

	DRV(cuCtxSetCurrent(ctx));
	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	DRV(cuMemsetD32Async(p, 0, 1, shared.st));
	for (unsigned i = 0; i < STEPS; i++) {
		step(p, 3, id + i, shared.st);
		want = want * 3 + id + i;
		if (i % 10 != 9)
			continue;
		DRV(cuEventRecord(ev, shared.st));
		DRV(cuEventSynchronize(ev));
		DRV(cuMemcpyDtoHAsync(&got, p, 4, shared.st));
		DRV(cuStreamSynchronize(shared.st));
		if (got != want)
			fail("drv_order: thread %u step %u has %u, not %u", id,
			     i, got, want);
	}
	DRV(cuEventDestroy(ev));
	return NULL;
}

static void many(void *(*fn)(void *))
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, fn, (void *)(uintptr_t)i))
			fail("drv_order: cannot start thread %d", i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void by_threads(void)
{
	unsigned got = 0;

	DRV(cuStreamCreate(&shared.st, CU_STREAM_NON_BLOCKING));
	shared.p = drv_alloc(4 * THREADS);
	DRV(cuMemsetD32Async(shared.p, 1, 1, shared.st));
	shared.want = 1;
	many(turns);
	DRV(cuMemcpyDtoHAsync(&got, shared.p, 4, shared.st));
	DRV(cuStreamSynchronize(shared.st));
	printf("%d threads in turns: %s\n", THREADS,
	       got == shared.want ? "in order" : "out of order");
	if (got != shared.want)
		fail("drv_order: %u, not %u", got, shared.want);
	many(crowd);
	printf("%d threads at once: in order\n", THREADS);
	DRV(cuStreamDestroy(shared.st));
	DRV(cuMemFree(shared.p));
}

int main(void)
{
	CUmodule mod;
	CUstream st;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	chain_all = drv_function(mod, "chain_all");
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	one_stream(st, "a stream");
	one_stream(NULL, "the default stream");
	one_stream(CU_STREAM_PER_THREAD, "the thread's stream");
	by_events();
	default_stream();
	by_threads();
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(mod));
	return 0;
}

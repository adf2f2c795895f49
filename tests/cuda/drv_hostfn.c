// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_hostfn.c - host functions: in the order of their stream and between the
 * work around them, holding the program's locks, many at once, and the older
 * callbacks, which hear of the stream's state.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define CALLS 200

static CUfunction chain;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned log_of[4][CALLS], logged[4];
static pthread_t main_thread;
static atomic_int in_main;

static void step(CUdeviceptr p, unsigned mul, unsigned add, CUstream st)
{
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

static void CUDA_CB note(void *arg)
{
	unsigned v = (unsigned)(uintptr_t)arg, s = v / CALLS;

	/* The thread that launched may hold the lock for a while. */
	pthread_mutex_lock(&lock);
	log_of[s][logged[s]++] = v % CALLS;
	pthread_mutex_unlock(&lock);
	if (pthread_equal(pthread_self(), main_thread))
		atomic_fetch_add(&in_main, 1);
}

static void in_order(void)
{
	CUstream st[4];

	for (int s = 0; s < 4; s++)
		DRV(cuStreamCreate(&st[s], CU_STREAM_NON_BLOCKING));
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < CALLS; i++) {
		for (unsigned s = 0; s < 4; s++)
			DRV(cuLaunchHostFunc(st[s], note, (void *)(uintptr_t)
					     (s * CALLS + i)));
		if (i == CALLS / 4) { /* the functions wait for us */
			usleep(20000);
			pthread_mutex_unlock(&lock);
		}
	}
	for (int s = 0; s < 4; s++) {
		DRV(cuStreamSynchronize(st[s]));
		for (unsigned i = 0; i < CALLS; i++)
			if (log_of[s][i] != i)
				fail("drv_hostfn: stream %d ran %u as its %u",
				     s, log_of[s][i], i);
		DRV(cuStreamDestroy(st[s]));
	}
	printf("4 streams of %d functions in order, %d in this thread\n",
	       CALLS, atomic_load(&in_main));
}

/* A function sees what was copied before it; what follows sees its writes. */
struct relay {
	unsigned *h;
	unsigned seen;
};

static void CUDA_CB relay(void *arg)
{
	struct relay *r = arg;

	r->seen = r->h[0];
	r->h[0] = r->h[0] * 10 + 7;
}

static void between_work(void)
{
	CUdeviceptr p = drv_alloc(4);
	unsigned *h, want = 1;
	struct relay r[20];
	CUstream st;

	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuMemHostAlloc((void **)&h, 4, 0));
	DRV(cuMemsetD32Async(p, 1, 1, st));
	for (unsigned i = 0; i < 20; i++) {
		r[i].h = h;
		step(p, 3, i, st);
		DRV(cuMemcpyDtoHAsync(h, p, 4, st));
		DRV(cuLaunchHostFunc(st, relay, &r[i]));
		DRV(cuMemcpyHtoDAsync(p, h, 4, st));
	}
	DRV(cuStreamSynchronize(st));
	for (unsigned i = 0; i < 20; i++) {
		want = want * 3 + i;
		if (r[i].seen != want)
			fail("drv_hostfn: function %u saw %u, not %u", i,
			     r[i].seen, want);
		want = want * 10 + 7;
	}
	printf("between copies: %u\n", *h);
	if (*h != want)
		fail("drv_hostfn: should be %u", want);
	DRV(cuMemFreeHost(h));
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(st));
}

/* One stream's function lets another stream's work go on by an event. */
static atomic_int gate;

static void CUDA_CB wait_gate(void *arg)
{
	(void)arg;
	while (!atomic_load(&gate))
		usleep(100);
}

static void holds_its_stream(void)
{
	CUdeviceptr p = drv_alloc(8);
	unsigned v = 0;
	CUstream a, b;

	DRV(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	DRV(cuMemsetD32(p, 1, 2));
	DRV(cuCtxSynchronize());
	DRV(cuLaunchHostFunc(a, wait_gate, NULL));
	step(p, 2, 1, a);
	step(p + 4, 5, 2, b);
	DRV(cuStreamSynchronize(b));
	SHOW("the stream that is held", cuStreamQuery(a));
	DRV(cuMemcpyDtoHAsync(&v, p + 4, 4, b));
	DRV(cuStreamSynchronize(b));
	printf("the other stream went on: %u\n", v);
	atomic_store(&gate, 1);
	DRV(cuStreamSynchronize(a));
	SHOW("afterwards", cuStreamQuery(a));
	DRV(cuMemcpyDtoH(&v, p, 4));
	printf("and then the first: %u\n", v);
	DRV(cuStreamDestroy(a));
	DRV(cuStreamDestroy(b));
	DRV(cuMemFree(p));
}

struct heard {
	CUstream st;
	CUresult status;
	int same;
};

static void CUDA_CB called(CUstream st, CUresult status, void *arg)
{
	struct heard *h = arg;

	h->same = st == h->st;
	h->status = status;
}

static void callbacks(void)
{
	struct heard h[8];
	CUstream st;

	DRV(cuStreamCreate(&st, CU_STREAM_DEFAULT));
	for (int i = 0; i < 8; i++) {
		h[i] = (struct heard){ st, CUDA_ERROR_UNKNOWN, 0 };
		DRV(cuStreamAddCallback(st, called, &h[i], 0));
	}
	DRV(cuStreamSynchronize(st));
	for (int i = 0; i < 8; i++)
		if (h[i].status || !h[i].same)
			fail("drv_hostfn: callback %d heard %s", i,
			     drv_name(h[i].status));
	printf("8 callbacks heard %s\n", drv_name(h[7].status));
	SHOW("a callback with flags", cuStreamAddCallback(st, called, h, 1));
	SHOW("no callback", cuStreamAddCallback(st, NULL, h, 0));
	SHOW("no function", cuLaunchHostFunc(st, NULL, NULL));
	DRV(cuStreamDestroy(st));
}

/* The default streams take functions too. */
static void special_streams(void)
{
	static const CUstream st[] = { NULL, CU_STREAM_LEGACY,
				       CU_STREAM_PER_THREAD };

	for (int i = 0; i < 3; i++) {
		logged[i] = 0;
		for (unsigned k = 0; k < 5; k++)
			DRV(cuLaunchHostFunc(st[i], note, (void *)(uintptr_t)
					     ((unsigned)i * CALLS + k)));
		DRV(cuStreamSynchronize(st[i]));
		printf("special stream %d: %u functions, last %u\n", i,
		       logged[i], log_of[i][4]);
	}
}

int main(void)
{
	CUcontext ctx;
	CUmodule mod;

	main_thread = pthread_self();
	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	{ /* the first launch loads */
		CUdeviceptr p = drv_alloc(4);

		step(p, 1, 1, NULL);
		DRV(cuCtxSynchronize());
		DRV(cuMemFree(p));
	}
	in_order();
	between_work();
	holds_its_stream();
	callbacks();
	special_streams();
	DRV(cuModuleUnload(mod));
	return 0;
}

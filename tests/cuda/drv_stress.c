// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_stress.c - many of everything: 32 threads, 1,000 streams, 100,000
 * events, 10,000 allocations, 64 MiB of module images. The argument divides
 * all counts.
 */
#include <pthread.h>
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"

#define THREADS 32

static CUcontext ctx;
static CUmodule mod;
static long divide;

static void many_streams(void)
{
	int n = (int)(1000 / divide);
	CUstream *s = must_alloc(n * sizeof(*s));
	CUdeviceptr p = drv_alloc((size_t)n * 4);
	unsigned *h = must_alloc((size_t)n * 4);

	DRV(cuMemsetD32(p, 0, n));
	DRV(cuCtxSynchronize());
	for (int i = 0; i < n; i++)
		DRV(cuStreamCreate(&s[i], CU_STREAM_NON_BLOCKING));
	for (int r = 0; r < 10; r++)
		for (int i = 0; i < n; i++)
			drv_bump(mod, p + (size_t)i * 4, 1, i % 7 + r, s[i]);
	for (int i = 0; i < n; i++)
		DRV(cuStreamSynchronize(s[i]));
	DRV(cuMemcpyDtoH(h, p, (size_t)n * 4));
	for (int i = 0; i < n; i++)
		if (h[i] != 45u + 10 * (i % 7))
			wrong_result("drv_stress: stream %d gives %u", i, h[i]);
	for (int i = 0; i < n; i++)
		DRV(cuStreamDestroy(s[i]));
	printf("%d streams\n", n);
	DRV(cuMemFree(p));
	free(s);
	free(h);
}

static void many_events(void)
{
	int n = (int)(100000 / divide);
	CUevent *e = must_alloc(n * sizeof(*e));
	CUstream st;

	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	for (int i = 0; i < n; i++) {
		DRV(cuEventCreate(&e[i], CU_EVENT_DISABLE_TIMING));
		DRV(cuEventRecord(e[i], st));
	}
	DRV(cuEventSynchronize(e[n - 1]));
	for (int i = 0; i < n; i++)
		DRV(cuEventQuery(e[i]));
	for (int i = 0; i < n; i++)
		DRV(cuEventDestroy(e[i]));
	printf("%d events\n", n);
	DRV(cuStreamDestroy(st));
	free(e);
}

static void many_allocations(void)
{
	int n = (int)(10000 / divide);
	CUdeviceptr *p = must_alloc(n * sizeof(*p));
	unsigned sum = 0, want = 0;

	for (int i = 0; i < n; i++) {
		p[i] = drv_alloc(4 + i % 5000);
		DRV(cuMemsetD32Async(p[i], i, 1, NULL));
	}
	for (int i = 0; i < n; i += 97) {
		unsigned v = 0;

		DRV(cuMemcpyDtoH(&v, p[i], 4));
		sum += v;
		want += i;
	}
	/* Every second one, then the rest: holes in between. */
	for (int i = 0; i < n; i += 2)
		DRV(cuMemFree(p[i]));
	for (int i = 1; i < n; i += 2)
		DRV(cuMemFree(p[i]));
	printf("%d allocations, sum %u\n", n, sum);
	if (sum != want)
		wrong_result("drv_stress: allocations hold %u, not %u", sum, want);
	free(p);
}

/* One image made long by a comment, so that 16 loads carry 64 MiB. */
static void many_modules(void)
{
	size_t len = strlen(kernels_ptx), pad = (4 << 20) / (size_t)divide;
	char *image = must_alloc(len + pad + 8);
	CUdeviceptr p = drv_alloc(16);
	CUmodule m[16];
	unsigned got = 0;

	memcpy(image, kernels_ptx, len);
	memcpy(image + len, "\n// ", 4);
	memset(image + len + 4, 'x', pad);
	image[len + 4 + pad] = '\n';
	DRV(cuMemsetD32(p, 0, 4));
	for (int i = 0; i < 16; i++) {
		unsigned n = 1, by = 3;
		void *args[] = { &p, &n, &by };

		image[len + 4] = (char)('a' + i);
		DRV(cuModuleLoadData(&m[i], image));
		DRV(cuLaunchKernel(drv_function(m[i], "bump"), 1, 1, 1, 1, 1,
				   1, 0, NULL, args, NULL));
	}
	DRV(cuMemcpyDtoH(&got, p, 4));
	for (int i = 0; i < 16; i++)
		DRV(cuModuleUnload(m[i]));
	printf("16 modules give %u\n", got);
	if (got != 48)
		wrong_result("drv_stress: 16 modules should give 48");
	DRV(cuMemFree(p));
	free(image);
}

/* Streams, events, memory and copies come and go in each thread. */
static void *churn(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	unsigned h[256], rounds = (unsigned)(100 / divide);

	DRV(cuCtxSetCurrent(ctx));
	for (unsigned r = 0; r < rounds; r++) {
		CUdeviceptr p = drv_alloc(sizeof(h));
		CUstream st;
		CUevent ev;

		DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
		DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
		DRV(cuMemsetD32Async(p, id, 256, st));
		drv_bump(mod, p, 256, r, st);
		DRV(cuEventRecord(ev, st));
		DRV(cuEventSynchronize(ev));
		DRV(cuMemcpyDtoH(h, p, sizeof(h)));
		for (unsigned i = 0; i < 256; i++)
			if (h[i] != id + r)
				wrong_result("drv_stress: thread %u round %u word %u "
				     "is %u", id, r, i, h[i]);
		DRV(cuEventDestroy(ev));
		DRV(cuStreamDestroy(st));
		DRV(cuMemFree(p));
	}
	return NULL;
}

static void many_threads(void)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, churn,
				   (void *)(uintptr_t)(i * 1000)))
			fail("drv_stress: cannot start thread %d", i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("%d threads\n", THREADS);
}

static long resident_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	if (!f)
		fail("drv_stress: no /proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* What a long life does, in seconds: nothing may pile up in the process. */
static void long_life(void)
{
	long rounds = 20000 / divide, first = 0;

	for (long i = 0; i < rounds; i++) {
		CUdeviceptr p = drv_alloc(1000 + i % 3000);
		CUstream st;
		CUevent ev;

		DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
		DRV(cuEventCreate(&ev, 0));
		drv_bump(mod, p, 1, 1, st);
		DRV(cuEventRecord(ev, st));
		DRV(cuStreamSynchronize(st));
		DRV(cuEventDestroy(ev));
		DRV(cuStreamDestroy(st));
		DRV(cuMemFree(p));
		if (i == rounds / 4)
			first = resident_kib();
	}
	/* The first quarter may fill caches; the rest may not. */
	printf("%ld lives, host memory %s\n", rounds,
	       resident_kib() < first + 16 * 1024 ? "is flat" : "grows");
}

int main(int argc, char **argv)
{
	size_t before, after, total;

	divide = arg_long(argc, argv, 1, 1);
	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	many_threads();
	DRV(cuMemGetInfo(&before, &total));
	many_streams();
	many_events();
	many_allocations();
	many_modules();
	long_life();
	many_threads();
	DRV(cuMemGetInfo(&after, &total));
	/* A driver keeps some of what it took; it must not keep the most. */
	printf("device memory %s\n",
	       before < after + (256u << 20) ? "came back" : "is lost");
	DRV(cuModuleUnload(mod));
	return 0;
}

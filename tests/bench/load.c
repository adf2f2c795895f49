// SPDX-License-Identifier: BSD-2-Clause
/*
 * load.c - how it grows, and what it costs to do nothing: many threads that
 * each ask the driver all the time, and a process that only exists.
 */
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/bench/bench.h"

#define MAX_THREADS 64
#define MAX_SAMPLES 400000

struct asker {
	pthread_t id;
	struct bench *b;
	double until, *us;
	int n;
};

static double cpu_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static void *ask(void *arg)
{
	struct asker *a = arg;
	double t = now_us();

	CU(cuCtxSetCurrent(a->b->ctx));
	while (t < a->until && a->n < MAX_SAMPLES) {
		size_t free_bytes, total;
		double end;

		CU(cuMemGetInfo(&free_bytes, &total));
		end = now_us();
		a->us[a->n++] = end - t;
		t = end;
	}
	return NULL;
}

static double *merge(struct asker *a, int threads, int *n)
{
	double *all;

	*n = 0;
	for (int i = 0; i < threads; i++)
		*n += a[i].n;
	all = malloc(*n * sizeof(*all));
	if (!all)
		die("no memory for %d samples", *n);
	*n = 0;
	for (int i = 0; i < threads; i++) {
		memcpy(all + *n, a[i].us, a[i].n * sizeof(*all));
		*n += a[i].n;
		free(a[i].us);
	}
	return all;
}

int mode_threads(struct bench *b, int threads, double seconds)
{
	struct asker a[MAX_THREADS];
	double start, took, mid, cpu, *all;
	int n;

	if (threads < 1 || threads > MAX_THREADS)
		die("--threads takes 1 to %d", MAX_THREADS);
	cpu = cpu_ms();
	start = now_us();
	for (int i = 0; i < threads; i++) {
		a[i] = (struct asker){ .b = b, .until = start + seconds * 1e6 };
		a[i].us = malloc(MAX_SAMPLES * sizeof(double));
		if (!a[i].us || pthread_create(&a[i].id, NULL, ask, &a[i]))
			die("cannot start thread %d", i);
	}
	for (int i = 0; i < threads; i++)
		pthread_join(a[i].id, NULL);
	took = now_us() - start;
	cpu = cpu_ms() - cpu;
	all = merge(a, threads, &n);
	mid = median(all, n); /* sorts */
	printf("{\"threads\": %d, \"calls_per_s\": %.0f, \"p50_us\": %.3f, "
	       "\"p99_us\": %.3f, \"cpu\": %.3f}\n", threads, n / took * 1e6,
	       mid, all[n - 1 - n / 100], cpu * 1e3 / took);
	free(all);
	return 0;
}

int mode_idle(struct bench *b, double seconds)
{
	struct timespec t = { (time_t)seconds,
			      (long)((seconds - (time_t)seconds) * 1e9) };
	double cpu;

	CU(cuLaunchKernel(b->empty, 1, 1, 1, 1, 1, 1, 0, b->stream, NULL,
			  NULL));
	CU(cuStreamSynchronize(b->stream));
	/* What follows the last call (a bounded spin) is not idleness yet. */
	nanosleep(&(struct timespec){ 0, 50000000 }, NULL);
	cpu = cpu_ms();
	nanosleep(&t, NULL);
	printf("{\"idle_s\": %.1f, \"cpu_ms\": %.3f}\n", seconds,
	       cpu_ms() - cpu);
	return 0;
}

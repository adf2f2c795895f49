// SPDX-License-Identifier: BSD-2-Clause
/*
 * load.c - how it grows, and what it costs to do nothing: threads that ask the
 * driver all the time and then launch all the time, and a process that only
 * exists. Both say "ready" and go on when a line comes, so that many processes
 * start together, and end when their input does, so that what they hold can be
 * looked at.
 */
#include <pthread.h>
#include <string.h>

#include "tests/bench/bench.h"

#define MAX_THREADS 64
#define MAX_SAMPLES 400000
#define BATCH	    256 /* launches between waits */

struct asker {
	pthread_t id;
	struct bench *b;
	double until, *us;
	int n;
	long launches;
};

static int next_line(void)
{
	char line[80];

	return fgets(line, sizeof(line), stdin) != NULL;
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

static void *launch(void *arg)
{
	struct asker *a = arg;
	CUstream s;

	CU(cuCtxSetCurrent(a->b->ctx));
	CU(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	while (now_us() < a->until) {
		for (int i = 0; i < BATCH; i++)
			CU(cuLaunchKernel(a->b->empty, 1, 1, 1, 1, 1, 1, 0, s,
					  NULL, NULL));
		CU(cuStreamSynchronize(s));
		a->launches += BATCH;
	}
	CU(cuStreamDestroy(s));
	return NULL;
}

/* Seconds that it took. */
static double run(struct asker *a, int threads, double seconds,
		  void *(*work)(void *))
{
	double start = now_us();

	for (int i = 0; i < threads; i++) {
		a[i].until = start + seconds * 1e6;
		if (pthread_create(&a[i].id, NULL, work, &a[i]))
			die("cannot start thread %d", i);
	}
	for (int i = 0; i < threads; i++)
		pthread_join(a[i].id, NULL);
	return (now_us() - start) / 1e6;
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
	double asked, launched, mid, *all;
	long launches = 0;
	int n;

	if (threads < 1 || threads > MAX_THREADS)
		die("--threads takes 1 to %d", MAX_THREADS);
	for (int i = 0; i < threads; i++) {
		a[i] = (struct asker){ .b = b };
		a[i].us = malloc(MAX_SAMPLES * sizeof(double));
		if (!a[i].us)
			die("no memory for thread %d", i);
	}
	puts("ready");
	fflush(stdout);
	if (!next_line())
		return 1;
	asked = run(a, threads, seconds / 2, ask);
	launched = run(a, threads, seconds / 2, launch);
	all = merge(a, threads, &n);
	mid = median(all, n); /* sorts */
	for (int i = 0; i < threads; i++)
		launches += a[i].launches;
	printf("{\"threads\": %d, \"calls_per_s\": %.0f, \"p50_us\": %.3f, "
	       "\"p99_us\": %.3f, \"launches_per_s\": %.0f}\n", threads,
	       n / asked, mid, all[n - 1 - n / 100], launches / launched);
	fflush(stdout);
	free(all);
	while (next_line())
		;
	return 0;
}

/* Before cuInit, so that what comes of it can be told from what was there. */
void mode_idle_begin(void)
{
	puts("ready");
	fflush(stdout);
	if (!next_line())
		die("--idle: nobody says that it may begin");
}

int mode_idle(struct bench *b)
{
	CU(cuLaunchKernel(b->empty, 1, 1, 1, 1, 1, 1, 0, b->stream, NULL,
			  NULL));
	CU(cuStreamSynchronize(b->stream));
	puts("{}");
	fflush(stdout);
	while (next_line())
		;
	return 0;
}

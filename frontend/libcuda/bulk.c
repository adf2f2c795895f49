// SPDX-License-Identifier: BSD-2-Clause
/*
 * bulk.c - memcpy by several threads.
 *
 * One core moves some 12 to 16 GB/s, the GPU's DMA engines 55: large copies
 * through the window are bound by our own memcpy. Helpers are started with the
 * first large copy, where the machine has cores to spare; between the pieces
 * of one copy they spin, after it they sleep.
 */
#include "frontend/libcuda/vg.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "tools/lib/ticks.h"

#define HELPERS_MAX 3
#define PART        65536u   /* what a thread takes at a time */
#define WORTH       262144u  /* below, one core is faster */
#define SPIN_NS     200000u  /* longer than the GPU takes for a piece */

static pthread_mutex_t use = PTHREAD_MUTEX_INITIALIZER; /* one copy a time */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static int helpers = -1;     /* not started yet */
static uint32_t sleeping;    /* under lock */

static struct {
	uint8_t *dst;
	const uint8_t *src;
	uint64_t n;
	_Atomic uint64_t next;       /* offset of the next part */
	_Atomic uint32_t round;      /* raised to start */
	_Atomic uint32_t finished;   /* helpers that are through */
} job;

static void parts(void)
{
	for (;;) {
		uint64_t at = atomic_fetch_add(&job.next, PART);

		if (at >= job.n)
			return;
		memcpy(job.dst + at, job.src + at,
		       job.n - at < PART ? job.n - at : PART);
	}
}

static void await(uint32_t seen)
{
	uint64_t end = ticks_ns() + SPIN_NS;

	while (atomic_load(&job.round) == seen && ticks_ns() < end)
		cpu_relax();
	if (atomic_load(&job.round) != seen)
		return;
	pthread_mutex_lock(&lock);
	sleeping++;
	while (atomic_load(&job.round) == seen)
		pthread_cond_wait(&work, &lock);
	sleeping--;
	pthread_mutex_unlock(&lock);
}

static void *helper(void *unused)
{
	uint32_t seen = 0;

	(void)unused;
	for (;;) {
		await(seen);
		seen++;
		parts();
		atomic_fetch_add(&job.finished, 1);
	}
	return NULL;
}

/* A quarter of the cores, so that the program keeps the rest. */
static void start(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int want = cores / 4 > HELPERS_MAX ? HELPERS_MAX : (int)(cores / 4);
	sigset_t all, old;
	pthread_t t;

	helpers = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (helpers < want && !pthread_create(&t, NULL, helper, NULL)) {
		pthread_detach(t);
		helpers++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void share(void *dst, const void *src, uint64_t n)
{
	job.dst = dst;
	job.src = src;
	job.n = n;
	atomic_store(&job.finished, 0);
	atomic_store(&job.next, 0);
	atomic_fetch_add(&job.round, 1);
	pthread_mutex_lock(&lock);
	if (sleeping)
		pthread_cond_broadcast(&work);
	pthread_mutex_unlock(&lock);
	parts();
	while (atomic_load(&job.finished) != (uint32_t)helpers)
		cpu_relax();
}

void vg_bulk_copy(void *dst, const void *src, uint64_t n)
{
	if (n < WORTH || pthread_mutex_trylock(&use)) {
		memcpy(dst, src, n);
		return;
	}
	if (helpers < 0)
		start();
	if (helpers)
		share(dst, src, n);
	else
		memcpy(dst, src, n);
	pthread_mutex_unlock(&use);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * bulk.c - memcpy by several threads.
 *
 * One core moves some 12 to 16 GB/s, the GPU's DMA engines 55: large copies
 * through the window are bound by our own memcpy, and so is a module's image.
 * Helpers are started with the first large copy, where the machine has cores
 * to spare; between the pieces of one copy they spin, after it they sleep.
 */
#include "tools/lib/bulk.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/lib/ticks.h"

#define HELPERS_MAX 3
#define PART        65536u   /* what a thread copies at a time */
#define PAGES       2097152u /* what it populates at a time: a huge page */
#define WORTH       262144u  /* below, one core is faster */
#define SPIN_NS     200000u  /* longer than the GPU takes for a piece */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static pthread_mutex_t use = PTHREAD_MUTEX_INITIALIZER; /* one copy a time */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static int helpers = -1;     /* not started yet */
static uint32_t sleeping;    /* under lock */

static struct {
	uint8_t *dst;
	const uint8_t *src;          /* NULL: populate */
	uint64_t n, part;
	_Atomic uint64_t next;       /* offset of the next part */
	_Atomic uint32_t round;      /* raised to start */
	_Atomic uint32_t finished;   /* helpers that are through */
} job;

static inline void relax(void)
{
	__builtin_ia32_pause();
}

/* A kernel before 5.14 refuses; the pages then come by faults. */
static void populate(uint8_t *p, uint64_t n)
{
	(void)madvise(p, n, MADV_POPULATE_WRITE);
}

static void parts(void)
{
	for (;;) {
		uint64_t at = atomic_fetch_add(&job.next, job.part);
		uint64_t n;

		if (at >= job.n)
			return;
		n = job.n - at < job.part ? job.n - at : job.part;
		if (job.src)
			memcpy(job.dst + at, job.src + at, n);
		else
			populate(job.dst + at, n);
	}
}

static void await(uint32_t seen)
{
	uint64_t end = ticks_ns() + SPIN_NS;

	while (atomic_load(&job.round) == seen && ticks_ns() < end)
		relax();
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

static void share(void *dst, const void *src, uint64_t n, uint64_t part)
{
	job.dst = dst;
	job.src = src;
	job.n = n;
	job.part = part;
	atomic_store(&job.finished, 0);
	atomic_store(&job.next, 0);
	atomic_fetch_add(&job.round, 1);
	pthread_mutex_lock(&lock);
	if (sleeping)
		pthread_cond_broadcast(&work);
	pthread_mutex_unlock(&lock);
	parts();
	while (atomic_load(&job.finished) != (uint32_t)helpers)
		relax();
}

/* False: it is for the caller alone. */
static bool shared(void *dst, const void *src, uint64_t n, uint64_t part)
{
	if (pthread_mutex_trylock(&use))
		return false;
	if (helpers < 0)
		start();
	if (helpers)
		share(dst, src, n, part);
	pthread_mutex_unlock(&use);
	return helpers > 0;
}

void bulk_copy(void *dst, const void *src, uint64_t n)
{
	if (n < WORTH || !shared(dst, src, n, PART))
		memcpy(dst, src, n);
}

void bulk_populate(void *p, uint64_t n)
{
	if (n < 2 * PAGES || !shared(p, NULL, n, PAGES))
		populate(p, n);
}

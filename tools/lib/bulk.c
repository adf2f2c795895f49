// SPDX-License-Identifier: BSD-2-Clause
/*
 * bulk.c - memcpy by several threads.
 *
 * One core moves some 7 to 16 GB/s, the GPU's DMA engines 55: large copies
 * through the window are bound by our own memcpy, and so is a module's image.
 * Helpers are started with the first large copy, where the machine has cores
 * to spare; between the pieces of one copy they spin, after it they sleep.
 *
 * A copy is cut into as many lanes as there are threads, and each thread has
 * its own, copy after copy: a piece of the window that is used again and again
 * stays in the caches of those who wrote it, where storing is four times as
 * fast as to memory. Who is through with its lane helps in the others, and who
 * comes late finds nothing to do: nobody waits for a thread that still wakes.
 *
 * What a device reads next goes past the caches: its reads take the lines away
 * from them, so that each store of the next round would fetch its line first.
 * On an H200's host 16 MiB through pieces of 512 KiB moved at 35 GB/s so, and
 * at 16 with memcpy, by four threads.
 */
#include "tools/lib/bulk.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "tools/lib/ticks.h"

#define HELPERS_MAX 7
#define PART        32768u   /* what a thread copies at a time */
#define PAGES       2097152u /* what it populates at a time */
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
	bool past_caches;
	uint64_t n, part, lane;      /* all, what a thread takes, a lane */
	uint32_t lanes;
	struct {
		_Alignas(64) _Atomic uint64_t next; /* part of the lane */
	} at[HELPERS_MAX + 1];
	_Atomic uint32_t round;      /* raised to start */
	_Atomic uint32_t inside;     /* helpers that may touch the above */
	atomic_bool open;            /* and do, if this says so */
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

#ifdef __SSE2__
static void stream_line(uint8_t *dst, const uint8_t *src)
{
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)src);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(src + 16));
	__m128i c = _mm_loadu_si128((const __m128i *)(const void *)(src + 32));
	__m128i d = _mm_loadu_si128((const __m128i *)(const void *)(src + 48));

	_mm_stream_si128((__m128i *)(void *)dst, a);
	_mm_stream_si128((__m128i *)(void *)(dst + 16), b);
	_mm_stream_si128((__m128i *)(void *)(dst + 32), c);
	_mm_stream_si128((__m128i *)(void *)(dst + 48), d);
}

/* Whole lines; the rest of the first and of the last one as usual. */
static void stream(uint8_t *dst, const uint8_t *src, uint64_t n)
{
	uint64_t head = -(uintptr_t)dst & 63;

	if (head > n)
		head = n;
	memcpy(dst, src, head);
	for (dst += head, src += head, n -= head; n >= 64; n -= 64) {
		stream_line(dst, src);
		dst += 64;
		src += 64;
	}
	memcpy(dst, src, n);
	_mm_sfence();
}
#else
static void stream(uint8_t *dst, const uint8_t *src, uint64_t n)
{
	memcpy(dst, src, n);
}
#endif

static void one_part(uint64_t at, uint64_t end)
{
	uint64_t n = end - at < job.part ? end - at : job.part;

	if (job.past_caches)
		stream(job.dst + at, job.src + at, n);
	else if (job.src)
		memcpy(job.dst + at, job.src + at, n);
	else
		populate(job.dst + at, n);
}

static void one_lane(uint32_t lane)
{
	uint64_t from = lane * job.lane, at;
	uint64_t end = from + job.lane < job.n ? from + job.lane : job.n;

	/* A look first: most lanes are through when others come to help. */
	while (from + atomic_load(&job.at[lane].next) < end) {
		at = from + atomic_fetch_add(&job.at[lane].next, job.part);
		if (at < end)
			one_part(at, end);
	}
}

static void all_lanes(uint32_t first)
{
	for (uint32_t k = 0; k < job.lanes; k++)
		one_lane((first + k) % job.lanes);
}

/* The round that is not @seen. */
static uint32_t await(uint32_t seen)
{
	uint64_t end = ticks_ns() + SPIN_NS;

	while (atomic_load(&job.round) == seen && ticks_ns() < end)
		relax();
	if (atomic_load(&job.round) == seen) {
		pthread_mutex_lock(&lock);
		sleeping++;
		while (atomic_load(&job.round) == seen)
			pthread_cond_wait(&work, &lock);
		sleeping--;
		pthread_mutex_unlock(&lock);
	}
	return atomic_load(&job.round);
}

/* Either this one sees that the copy is over, or who began it sees this one:
 * both write first, then read. */
static void *helper(void *lane)
{
	uint32_t seen = 0;

	for (;;) {
		seen = await(seen);
		atomic_fetch_add(&job.inside, 1);
		if (atomic_load(&job.open))
			all_lanes((uint32_t)(uintptr_t)lane);
		atomic_fetch_sub(&job.inside, 1);
	}
	return NULL;
}

/* With the caller half of the cores, so that the program keeps the rest. */
static void start(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int want = cores / 2 > HELPERS_MAX ? HELPERS_MAX : (int)(cores / 2) - 1;
	sigset_t all, old;
	pthread_t t;

	helpers = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (helpers < want &&
	       !pthread_create(&t, NULL, helper,
			       (void *)(uintptr_t)(helpers + 1))) {
		pthread_detach(t);
		helpers++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void wake(void)
{
	pthread_mutex_lock(&lock);
	if (sleeping)
		pthread_cond_broadcast(&work);
	pthread_mutex_unlock(&lock);
}

static void share(void *dst, const void *src, uint64_t n, uint64_t part,
		  bool past_caches)
{
	job.dst = dst;
	job.src = src;
	job.n = n;
	job.part = part;
	job.past_caches = past_caches;
	job.lanes = (uint32_t)helpers + 1;
	job.lane = (n + job.lanes * part - 1) / (job.lanes * part) * part;
	for (uint32_t i = 0; i < job.lanes; i++)
		atomic_store(&job.at[i].next, 0);
	atomic_store(&job.open, true);
	atomic_fetch_add(&job.round, 1);
	wake();
	all_lanes(0);
	atomic_store(&job.open, false);
	while (atomic_load(&job.inside))
		relax();
}

/* False: it is for the caller alone. */
static bool shared(void *dst, const void *src, uint64_t n, uint64_t part,
		   bool past_caches)
{
	if (pthread_mutex_trylock(&use))
		return false;
	if (helpers < 0)
		start();
	if (helpers)
		share(dst, src, n, part, past_caches);
	pthread_mutex_unlock(&use);
	return helpers > 0;
}

void bulk_copy(void *dst, const void *src, uint64_t n)
{
	if (n < WORTH || !shared(dst, src, n, PART, false))
		memcpy(dst, src, n);
}

void bulk_send(void *dst, const void *src, uint64_t n)
{
	if (n < WORTH || !shared(dst, src, n, PART, true))
		memcpy(dst, src, n);
}

void bulk_populate(void *p, uint64_t n)
{
	if (n < 2 * PAGES || !shared(p, NULL, n, PAGES, false))
		populate(p, n);
}

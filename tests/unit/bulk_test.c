// SPDX-License-Identifier: BSD-2-Clause
/* Copies by several threads, as on a machine of 16 cores: every byte arrives
 * once and none beside; several at a time; and when the helpers sleep. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* A copy of the file, with names and a machine of its own. */
#define bulk_copy     tested_copy
#define bulk_send     tested_send
#define bulk_populate tested_populate
#define sysconf(name) ((void)(name), 16L)
#include "tools/lib/bulk.c"
#undef sysconf

#define MOST   (3u << 20)
#define MARGIN 64u
#define THREADS 4
#define ROUNDS 200u

static void fill(uint8_t *p, uint64_t n, uint32_t x)
{
	for (uint64_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (uint8_t)(x >> 24);
	}
}

static void one_way(void (*copy)(void *, const void *, uint64_t), uint8_t *dst,
		    const uint8_t *src, uint64_t n)
{
	memset(dst, 0xa5, n + 2 * MARGIN);
	copy(dst + MARGIN, src, n);
	assert_memory_equal(dst + MARGIN, src, n);
	for (uint32_t i = 0; i < MARGIN; i++) {
		assert_int_equal(dst[i], 0xa5);
		assert_int_equal(dst[MARGIN + n + i], 0xa5);
	}
}

static void copy_and_look(uint8_t *dst, const uint8_t *src, uint64_t n)
{
	one_way(bulk_copy, dst, src, n);
	one_way(bulk_send, dst, src, n);
}

/* Lines that begin and end anywhere, in the source and where they go. */
static void at_any_address(void **state)
{
	uint64_t n = WORTH + 64;
	uint8_t *src = malloc(n + 64), *dst = malloc(n + 64 + 2 * MARGIN);

	(void)state;
	assert_true(src && dst);
	fill(src, n + 64, 3);
	for (uint32_t i = 0; i < 64; i++)
		copy_and_look(dst + i, src + i * 7 % 64, n - i);
	free(src);
	free(dst);
}

static void all_sizes(void **state)
{
	static const uint64_t n[] = {
		0, 1, WORTH - 1, WORTH, WORTH + 1, 5 * PART - 1, 5 * PART,
		512 << 10, (512 << 10) + 3, (1 << 20) - 1, MOST,
	};
	uint8_t *src = malloc(MOST), *dst = malloc(MOST + 2 * MARGIN);

	(void)state;
	assert_true(src && dst);
	for (uint32_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
		fill(src, n[i], i);
		copy_and_look(dst, src, n[i]);
	}
	assert_int_equal(helpers, HELPERS_MAX);
	free(src);
	free(dst);
}

/* Pieces, one soon after the other, with other bytes each. */
static void *pieces(void *seed)
{
	uint8_t *src = malloc(WORTH + 4096), *dst = malloc(WORTH + 8192);

	for (uint32_t i = 0; src && dst && i < ROUNDS; i++) {
		fill(src, WORTH + i, (uint32_t)(uintptr_t)seed + i);
		(i & 1 ? bulk_copy : bulk_send)(dst, src, WORTH + i);
		if (memcmp(dst, src, WORTH + i))
			return (void *)"bytes differ";
	}
	free(dst);
	free(src);
	return NULL;
}

static void many_at_a_time(void **state)
{
	pthread_t t[THREADS];
	void *why;

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, pieces,
						(void *)(i * 1000)), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &why);
		assert_null(why);
	}
}

static uint32_t asleep(void)
{
	uint32_t n;

	pthread_mutex_lock(&lock);
	n = sleeping;
	pthread_mutex_unlock(&lock);
	return n;
}

static void after_sleep(void **state)
{
	uint8_t *src = malloc(MOST), *dst = malloc(MOST + 2 * MARGIN);

	(void)state;
	assert_true(src && dst);
	for (uint32_t i = 0; i < 5; i++) {
		while (asleep() < HELPERS_MAX)
			usleep(1000);
		fill(src, MOST, 77 + i);
		copy_and_look(dst, src, MOST);
	}
	free(src);
	free(dst);
}

static void pages_come(void **state)
{
	uint64_t n = 8 * PAGES + 4096;
	uint8_t *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			  MAP_ANONYMOUS, -1, 0);
	unsigned char there[8 * PAGES / 4096 + 1];
	uint32_t missing = 0;

	(void)state;
	assert_true(p != MAP_FAILED);
	bulk_populate(p, n);
	assert_int_equal(mincore(p, n, there), 0);
	for (uint64_t i = 0; i < n / 4096; i++)
		missing += !(there[i] & 1);
	/* A kernel before 5.14 lets them come by faults. */
	if (!madvise(p, 4096, MADV_POPULATE_WRITE))
		assert_int_equal(missing, 0);
	for (uint64_t i = 0; i < n; i += 4096)
		assert_int_equal(p[i], 0);
	munmap(p, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_sizes),
		cmocka_unit_test(at_any_address),
		cmocka_unit_test(many_at_a_time),
		cmocka_unit_test(after_sleep),
		cmocka_unit_test(pages_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

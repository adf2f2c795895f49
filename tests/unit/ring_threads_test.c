// SPDX-License-Identifier: BSD-2-Clause
/*
 * Two threads, a ring, and pipes in the place of event channels. Both ends
 * sleep when they have nothing to do, without any time limit: a lost wake-up
 * stops the test, and the alarm fails it.
 */
#include <setjmp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "xenstore-schema/ring.h"

#define SIZE    (VGPU_RING_PAGES_MIN * VGPU_PAGE)
#define RECORDS 1000000u

static _Alignas(64) struct vgpu_control ctl;
static _Alignas(64) uint8_t data[SIZE];
static int to_exec[2], to_guest[2];
static uint32_t exec_slept, guest_slept;

static void ring_bell(int *bell)
{
	char c = 0;

	if (write(bell[1], &c, 1) != 1)
		abort();
}

static void wait_bell(int *bell)
{
	char c[64];

	if (read(bell[0], c, sizeof(c)) <= 0)
		abort();
}

static void pause_now_and_then(unsigned int *seed, uint32_t i)
{
	if (i % 4096 == 0)
		nanosleep(&(struct timespec){ 0, rand_r(seed) % 200000 },
			  NULL);
}

/* As the guest's library waits: a count of waiters, then another look. */
static void wait_for_room(struct ring_prod *r, uint32_t len)
{
	while (!ring_room(r, ring_need(r, len))) {
		__atomic_fetch_add(&ctl.guest_waiters, 1, __ATOMIC_SEQ_CST);
		shared_fence();
		if (!ring_room(r, ring_need(r, len))) {
			guest_slept++;
			wait_bell(to_guest);
		}
		__atomic_fetch_sub(&ctl.guest_waiters, 1, __ATOMIC_SEQ_CST);
	}
}

static void *producer(void *arg)
{
	struct ring_prod r = { .ctl = &ctl, .data = data, .size = SIZE };
	unsigned int seed = 3;

	(void)arg;
	for (uint32_t i = 1; i <= RECORDS; i++) {
		uint32_t len = 40 + (uint32_t)(rand_r(&seed) & 0x78);
		struct vgpu_rec h = { .len = len, .op = 1, .seq = i };
		uint8_t *to;

		wait_for_room(&r, len);
		to = ring_reserve(&r, len);
		memcpy(to, &h, sizeof(h));
		memset(to + sizeof(h), (int)(i & 0xff), len - sizeof(h));
		if (ring_publish(&r, len))
			ring_bell(to_exec);
		pause_now_and_then(&seed, i);
	}
	return NULL;
}

static void sleep_for_records(struct ring_cons *r)
{
	static uint64_t sleeps;

	shared_store64(&ctl.exec_sleeping, ++sleeps);
	shared_fence();
	if (shared_load64(&ctl.prod) == r->cons) {
		exec_slept++;
		wait_bell(to_exec);
	}
	shared_store64(&ctl.exec_sleeping, 0);
}

static void give_back(struct ring_cons *r)
{
	ring_release(r);
	shared_fence();
	if (shared_load32(&ctl.guest_waiters))
		ring_bell(to_guest);
}

static uint32_t wrong; /* records that were not as they were sent */

static void *consumer(void *arg)
{
	struct ring_cons r = { .ctl = &ctl, .data = data, .size = SIZE };
	static _Alignas(8) uint8_t dst[SIZE / 4];
	struct vgpu_rec h;
	unsigned int seed = 5;

	(void)arg;
	for (uint32_t i = 1; i <= RECORDS;) {
		int64_t n = ring_take(&r, dst);

		if (n == 0) {
			sleep_for_records(&r);
			continue;
		}
		memcpy(&h, dst, sizeof(h));
		if (n < 0 || h.seq != i || h.len != n ||
		    dst[n - 1] != (n > 40 ? (uint8_t)i : 0))
			wrong++;
		if (n < 0)
			break;
		give_back(&r);
		pause_now_and_then(&seed, i + 2048);
		i++;
	}
	return NULL;
}

static void no_wake_up_is_lost(void **state)
{
	pthread_t p, c;

	(void)state;
	assert_return_code(pipe(to_exec), 0);
	assert_return_code(pipe(to_guest), 0);
	alarm(120);
	assert_int_equal(pthread_create(&c, NULL, consumer, NULL), 0);
	assert_int_equal(pthread_create(&p, NULL, producer, NULL), 0);
	pthread_join(p, NULL);
	pthread_join(c, NULL);
	alarm(0);
	print_message("# %u records, the executor slept %u times, the guest "
		      "%u times\n", RECORDS, exec_slept, guest_slept);
	assert_int_equal(wrong, 0);
	assert_true(exec_slept > 10);
	assert_true(guest_slept > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wake_up_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

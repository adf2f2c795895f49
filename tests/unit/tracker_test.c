// SPDX-License-Identifier: BSD-2-Clause
/* Which addresses are whose: against a table that is simply searched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frontend/libcuda/vg.h"

static void add(uint64_t base, uint64_t size, enum vg_range_kind kind)
{
	struct vg_range r = { .base = base, .size = size, .kind = kind };

	vg_range_add(&r);
}

static void edges(void **state)
{
	struct vg_range r;

	(void)state;
	add(0x1000, 0x100, VG_RANGE_DEVICE);
	assert_false(vg_range_find(0xfff, &r));
	assert_true(vg_range_find(0x1000, &r));
	assert_true(vg_range_find(0x10ff, &r));
	assert_int_equal(r.base, 0x1000);
	assert_false(vg_range_find(0x1100, &r));
	assert_true(vg_range_known(0x1000, 0x100));
	assert_true(vg_range_known(0x10ff, 1));
	assert_true(vg_range_known(0x1080, 0));
	assert_false(vg_range_known(0x1001, 0x100));
	assert_false(vg_range_known(0xfff, 1));
	assert_false(vg_range_known(0x1000, UINT64_MAX));
	assert_false(vg_range_known(0x10ff, UINT64_MAX - 0xff));
	assert_false(vg_range_remove(0x1001, &r));
	assert_true(vg_range_remove(0x1000, &r));
	assert_false(vg_range_remove(0x1000, &r));
	assert_false(vg_range_find(0x1000, &r));
}

/* Memory that is only staged is not the GPU's. */
static void plain_is_not_known(void **state)
{
	struct vg_range r;

	(void)state;
	add(0x5000, 0x1000, VG_RANGE_PLAIN);
	add(0x6000, 0x1000, VG_RANGE_PINNED);
	assert_true(vg_range_find(0x5800, &r));
	assert_false(vg_range_known(0x5800, 8));
	assert_true(vg_range_known(0x6800, 8));
	assert_false(vg_range_known(0x5ff8, 16));
	assert_true(vg_range_remove(0x5000, &r));
	assert_true(vg_range_remove(0x6000, &r));
}

/* Of what it knows of a context, only its allocations go with it. */
static void context_ends(void **state)
{
	struct vg_range r = { .size = 0x100, .kind = VG_RANGE_DEVICE,
			      .flags = VG_ALLOCATED };

	(void)state;
	for (uint32_t i = 0; i < 8; i++) {
		r.base = 0x1000 * (i + 1);
		r.ctx = i & 1;
		r.pool = i == 3;
		r.flags = i == 5 ? 0 : VG_ALLOCATED;
		vg_range_add(&r);
	}
	vg_range_forget(1);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(vg_range_remove(0x1000 * (i + 1), &r),
				 i != 1 && i != 7);
}

static void highest_address(void **state)
{
	struct vg_range r;

	(void)state;
	add(UINT64_MAX - 0xfff, 0xfff, VG_RANGE_DEVICE);
	assert_true(vg_range_find(UINT64_MAX - 1, &r));
	assert_false(vg_range_find(0, &r));
	assert_false(vg_range_known(UINT64_MAX - 8, 16));
	assert_true(vg_range_remove(UINT64_MAX - 0xfff, &r));
}

enum { SLOTS = 3000, STEP = 0x100 };
static uint64_t size_at[SLOTS]; /* 0: nothing lies at this multiple of STEP */

static void overlaps(void **state)
{
	struct vg_range r;

	(void)state;
	add(0x5000, 0x100, VG_RANGE_PLAIN);
	assert_false(vg_range_overlaps(0x4000, 0x1000, &r));
	assert_true(vg_range_overlaps(0x4000, 0x1001, &r));
	assert_int_equal(r.base, 0x5000);
	assert_true(vg_range_overlaps(0x4000, UINT64_MAX - 0x4000, &r));
	assert_true(vg_range_overlaps(0x50ff, 1, &r));
	assert_true(vg_range_overlaps(0x50ff, 0x1000, &r));
	assert_false(vg_range_overlaps(0x5100, 0x1000, &r));
	assert_true(vg_range_remove(0x5000, &r));
}

/* Registered memory: one block, two addresses. */
static void two_addresses(void **state)
{
	struct vg_range host = { .base = 0x5010, .size = 0x100,
				 .kind = VG_RANGE_PINNED, .device = 0x9010 };
	struct vg_range dev = { .base = 0x9010, .size = 0x100,
				.kind = VG_RANGE_PINNED, .host = 0x5010 };
	struct vg_range r;

	(void)state;
	vg_range_add(&host);
	vg_range_add(&dev);
	assert_true(vg_range_find(0x5050, &r));
	assert_int_equal(vg_range_device(&r, 0x5050), 0x9050);
	assert_int_equal(vg_range_host(&r, 0x5050), 0x5050);
	assert_true(vg_range_find(0x9050, &r));
	assert_int_equal(vg_range_device(&r, 0x9050), 0x9050);
	assert_int_equal(vg_range_host(&r, 0x9050), 0x5050);
	assert_true(vg_range_remove(0x5010, &r));
	assert_true(vg_range_remove(0x9010, &r));
}

static void check(uint64_t addr)
{
	uint64_t slot = addr / STEP;
	bool there = slot < SLOTS && addr % STEP < size_at[slot];
	struct vg_range r;

	assert_int_equal(vg_range_find(addr, &r), there);
	if (there) {
		assert_int_equal(r.base, slot * STEP);
		assert_int_equal(r.size, size_at[slot]);
	}
}

static void much_coming_and_going(void **state)
{
	unsigned int seed = 17;
	struct vg_range r;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint64_t slot = (uint64_t)rand_r(&seed) % SLOTS;

		if (size_at[slot]) {
			assert_true(vg_range_remove(slot * STEP, &r));
			assert_int_equal(r.size, size_at[slot]);
			size_at[slot] = 0;
		} else {
			size_at[slot] = 1 + (uint64_t)rand_r(&seed) % STEP;
			add(slot * STEP, size_at[slot], VG_RANGE_DEVICE);
		}
		check((uint64_t)rand_r(&seed) % (SLOTS * STEP));
	}
	for (uint64_t a = 0; a < SLOTS * STEP; a += 7)
		check(a);
}

/* Reserved addresses are known where memory was mapped, by whole grains. */
static void reserved_addresses(void **state)
{
	const uint64_t g = VG_GRAIN, base = 64 * g;
	uint8_t open[5] = { 0 };
	struct vg_range r = { .base = base, .size = 4 * g + 4096,
			      .kind = VG_RANGE_DEVICE, .open = open };

	(void)state;
	vg_range_add(&r);
	assert_false(vg_range_known(base, 1));
	vg_range_access(base + g, 2 * g, true);
	assert_false(vg_range_known(base + g - 1, 2));
	assert_true(vg_range_known(base + g, 2 * g));
	assert_false(vg_range_known(base + g, 2 * g + 1));
	vg_range_access(base + 3 * g, 100, true); /* not all of a grain */
	assert_false(vg_range_known(base + 3 * g, 1));
	vg_range_access(base, 4 * g + 4096, true);
	assert_true(vg_range_known(base, 4 * g + 4096));
	vg_range_access(base + 2 * g - 1, 2, false);
	assert_true(vg_range_known(base, g));
	assert_false(vg_range_known(base + g, 1));
	assert_false(vg_range_known(base + 2 * g, 1));
	assert_true(vg_range_known(base + 3 * g, g + 4096));
	vg_range_access(base + 4 * g, 4096, false);
	assert_false(vg_range_known(base + 4 * g, 1));
	assert_true(vg_range_remove(base, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(plain_is_not_known),
		cmocka_unit_test(context_ends),
		cmocka_unit_test(highest_address),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(two_addresses),
		cmocka_unit_test(much_coming_and_going),
		cmocka_unit_test(reserved_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

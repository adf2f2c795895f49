// SPDX-License-Identifier: BSD-2-Clause
/* Freed blocks that are held: who gets them, when the host hears of them, and
 * how many there can be. What would be sent is written down here. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frontend/libcuda/vg.h"

#define MIB ((uint64_t)1 << 20)

static struct { uint64_t base; uint32_t ctx; } sent[64];
static unsigned int nsent, held_at_last;

CUresult vg_post_in(uint32_t ctx, enum vgpu_op op, const struct vg_seg *in,
		    int nin)
{
	const struct in_vgMemFree *f = in->ptr;

	assert_int_equal(op, OP_vgMemFree);
	assert_int_equal(nin, 1);
	assert_int_equal(in->len, sizeof(*f));
	assert_false(f->async);
	sent[nsent].base = f->ptr;
	sent[nsent++].ctx = ctx;
	held_at_last = atomic_load(&vg_held);
	return CUDA_SUCCESS;
}

static void add(uint64_t base, uint64_t size, uint32_t ctx)
{
	struct vg_range r = { .base = base, .size = size, .ctx = ctx,
			      .kind = VG_RANGE_DEVICE,
			      .flags = VG_ALLOCATED | VG_HOLDABLE };

	vg_range_add(&r);
}

static void hold(uint64_t base, uint64_t size, uint32_t ctx)
{
	add(base, size, ctx);
	assert_true(vg_held_keep(base));
}

static int begin(void **state)
{
	(void)state;
	vg_held_give_back();
	nsent = 0;
	return 0;
}

static void only_what_fits(void **state)
{
	struct vg_range r;
	uint64_t p = 0;

	(void)state;
	hold(0x10000000, MIB, 3);
	assert_false(vg_range_find(0x10000000, &r));
	assert_false(vg_held_take(3, MIB - 1, &p));
	assert_false(vg_held_take(3, MIB + 1, &p));
	assert_false(vg_held_take(4, MIB, &p));
	assert_true(vg_held_take(3, MIB, &p));
	assert_int_equal(p, 0x10000000);
	assert_false(vg_held_take(3, MIB, &p));
	assert_int_equal(nsent, 0);
	assert_true(vg_held_fits(VG_HELD_BLOCK));
	assert_false(vg_held_fits(VG_HELD_BLOCK + 1));
}

/* What is nobody's any more is not held, nor is it twice. */
static void once(void **state)
{
	uint64_t p;

	(void)state;
	assert_false(vg_held_keep(0x20000000));
	hold(0x20000000, MIB, 1);
	assert_false(vg_held_keep(0x20000000));
	assert_true(vg_held_take(1, MIB, &p));
	assert_false(vg_held_take(1, MIB, &p));
	assert_false(vg_held_give_back());
}

static void oldest_first(void **state)
{
	uint64_t p;

	(void)state;
	for (uint32_t i = 0; i < VG_HELD_BLOCKS + 3; i++)
		hold(0x30000000 + i * MIB, 4096, i);
	assert_int_equal(nsent, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(sent[i].base, 0x30000000 + i * MIB);
		assert_int_equal(sent[i].ctx, i);
	}
	assert_false(vg_held_take(2, 4096, &p));
	assert_true(vg_held_take(5, 4096, &p));
	assert_int_equal(p, 0x30000000 + 5 * MIB);
	assert_true(vg_held_give_back());
	assert_int_equal(nsent, VG_HELD_BLOCKS + 2);
	assert_int_equal(sent[nsent - 1].ctx, VG_HELD_BLOCKS + 2);
	assert_false(vg_held_give_back());
}

static void no_more_bytes(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		hold(0x40000000 + i * 4 * MIB, 2 * MIB, 1);
	assert_int_equal(nsent, 1);
	hold(0x50000000, 4096, 1);
	assert_int_equal(nsent, 2);
	hold(0x50010000, 4096, 1);
	assert_int_equal(nsent, 2);
	vg_held_give_back();
	assert_int_equal(nsent, 7);
}

/* Who sees that nothing is held may rely on the host's having heard of it. */
static void told_before_it_counts(void **state)
{
	(void)state;
	hold(0x60000000, MIB, 1);
	vg_held_before(OP_vgMemAlloc);
	vg_held_before(OP_vgMemFree);
	assert_int_equal(nsent, 0);
	vg_held_before(OP_vgLaunch);
	assert_int_equal(nsent, 1);
	assert_int_equal(held_at_last, 1);
	assert_int_equal(atomic_load(&vg_held), 0);
}

static void told_apart(void **state)
{
	struct vg_range r;

	(void)state;
	add(0x70000000, MIB, 1);
	vg_range_told(0x70000000 + MIB);
	assert_true(vg_range_find(0x70000000, &r));
	assert_true(r.flags & VG_HOLDABLE);
	vg_range_told(0x70000000 + MIB - 1);
	assert_true(vg_range_find(0x70000000, &r));
	assert_int_equal(r.flags, VG_ALLOCATED);
	assert_true(vg_range_remove(0x70000000, &r));
}

static void *turns(void *arg)
{
	uint64_t own = 0x80000000 + (uintptr_t)arg * 16 * MIB;

	for (int i = 0; i < 20000; i++) {
		uint64_t p = own;

		if (!vg_held_take(1, 65536, &p) && i)
			continue; /* another thread has it */
		add(p, 65536, 1);
		if (!vg_held_keep(p))
			abort();
	}
	return NULL;
}

/* A block is one thread's at a time: none gets lost and none is there twice. */
static void threads(void **state)
{
	pthread_t t[4];
	uint64_t p[5];
	int n = 0;

	(void)state;
	for (uintptr_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, turns, (void *)i),
				 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (; n < 5 && vg_held_take(1, 65536, &p[n]); n++)
		for (int k = 0; k < n; k++)
			assert_int_not_equal(p[k], p[n]);
	assert_in_range(n, 1, 4);
	assert_int_equal(nsent, 0);
}

static void by_environment(void **state)
{
	(void)state;
	setenv("VGPU_HELD_BLOCKS", "2", 1);
	vg_held_open();
	for (uint32_t i = 0; i < 3; i++)
		hold(0x90000000 + i * MIB, 4096, 1);
	assert_int_equal(nsent, 1);
	vg_held_give_back();
	setenv("VGPU_HELD_BLOCKS", "9", 1);
	vg_held_open();
	assert_true(vg_held_fits(1));
	setenv("VGPU_HELD_BLOCKS", "0", 1);
	vg_held_open();
	assert_false(vg_held_fits(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_what_fits, begin),
		cmocka_unit_test_setup(once, begin),
		cmocka_unit_test_setup(oldest_first, begin),
		cmocka_unit_test_setup(no_more_bytes, begin),
		cmocka_unit_test_setup(told_before_it_counts, begin),
		cmocka_unit_test_setup(told_apart, begin),
		cmocka_unit_test_setup(threads, begin),
		cmocka_unit_test_setup(by_environment, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

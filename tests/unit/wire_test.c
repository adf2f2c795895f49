// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reader and writer of wire.h, and the wire structs of every call: whatever
 * is cut off a record, the reader says so and never reads behind its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>

#include "tests/unit/guard.h"
#include "vgpu_ops.h"
#include "wire_structs.h"
#include "xenstore-schema/calls/manual.h"
#include "xenstore-schema/ring.h"
#include "xenstore-schema/wire.h"

static const struct {
	const char *name;
	uint64_t size;
} in_structs[] = {
#define X(name) { #name, sizeof(struct in_##name) },
	WIRE_IN_STRUCTS(X)
#undef X
}, out_structs[] = {
#define X(name) { #name, sizeof(struct out_##name) },
	WIRE_OUT_STRUCTS(X)
#undef X
};
#define NR(a) (sizeof(a) / sizeof(*(a)))

static void every_truncation_fails(void **state)
{
	(void)state;
	assert_true(NR(in_structs) > 200);
	for (size_t i = 0; i < NR(in_structs); i++) {
		uint64_t size = in_structs[i].size;
		uint64_t whole = VGPU_ALIGN8(size);
		uint8_t *p = guard_alloc(whole);

		for (uint64_t cut = 1; cut <= whole; cut++) {
			struct vgpu_rd r = { p + cut, p + whole, false };

			assert_null(rd_take(&r, size));
			assert_true(r.bad);
			assert_ptr_equal(r.cur, p + cut);
			assert_null(rd_take(&r, 0)); /* it stays bad */
		}
		struct vgpu_rd r = { p, p + whole, false };

		assert_ptr_equal(rd_take(&r, size), p);
		assert_false(r.bad);
		assert_ptr_equal(r.cur, r.end);
		guard_free(p, whole);
	}
}

/* What always travels fits the smallest ring's largest record; what always
 * comes back fits a slot or asks for the window. */
static void structs_fit(void **state)
{
	uint64_t most = ring_max_record(VGPU_RING_PAGES_MIN * VGPU_PAGE);

	(void)state;
	for (size_t i = 0; i < NR(in_structs); i++)
		assert_in_range(in_structs[i].size, 4,
				most - sizeof(struct vgpu_rec));
	for (size_t i = 0; i < NR(out_structs); i++)
		assert_in_range(out_structs[i].size, 4,
				VGPU_SLOT_SIZE - sizeof(struct vgpu_slot));
}

static void reader_in_pieces(void **state)
{
	uint8_t *p = guard_alloc(64);
	struct vgpu_rd r = { p, p + 64, false };

	(void)state;
	memset(p, 'x', 64);
	assert_ptr_equal(rd_take(&r, 1), p);
	assert_ptr_equal(rd_array(&r, 3, 5), p + 8);
	assert_ptr_equal(rd_take(&r, 0), p + 24);
	assert_ptr_equal(rd_array(&r, 0, UINT64_MAX), p + 24);
	assert_ptr_equal(rd_take(&r, 40), p + 24);
	assert_ptr_equal(rd_take(&r, 0), p + 64);
	assert_false(r.bad);
	assert_null(rd_take(&r, 1));
	assert_true(r.bad);
	guard_free(p, 64);
}

static void sizes_that_wrap(void **state)
{
	static const uint64_t big[] = {
		UINT64_MAX, UINT64_MAX - 6, UINT64_MAX - 7, 1ull << 63,
		(1ull << 63) + 8, 1ull << 32, 72, 65,
	};
	uint8_t *p = guard_alloc(64);

	(void)state;
	for (size_t i = 0; i < NR(big); i++) {
		struct vgpu_rd r = { p, p + 64, false }, q = r, t = r;
		struct vgpu_wr w = { p, p, p + 64, false }, v = w;

		assert_null(rd_take(&r, big[i]));
		assert_null(rd_array(&q, big[i], 16));
		assert_null(rd_string(&t, big[i]));
		assert_null(wr_take(&w, big[i]));
		assert_null(wr_array(&v, 16, big[i]));
		assert_true(r.bad && q.bad && t.bad && w.bad && v.bad);
		assert_ptr_equal(w.cur, p);
	}
	/* 2^61 elements of 8 bytes are 0 bytes if nobody looks. */
	struct vgpu_rd r = { p, p + 64, false };
	struct vgpu_wr w = { p, p, p + 64, false };

	assert_null(rd_array(&r, 1ull << 61, 8));
	assert_null(wr_array(&w, 1ull << 61, 8));
	guard_free(p, 64);
}

static void strings_end_inside(void **state)
{
	uint8_t *p = guard_alloc(16);

	(void)state;
	memset(p, 'a', 16);
	for (uint64_t n = 0; n <= 16; n++) {
		struct vgpu_rd r = { p, p + 16, false };

		assert_null(rd_string(&r, n));
		assert_true(r.bad);
	}
	p[15] = '\0';
	struct vgpu_rd r = { p, p + 16, false };

	assert_string_equal(rd_string(&r, 16), "aaaaaaaaaaaaaaa");
	assert_false(r.bad);
	r = (struct vgpu_rd){ p, p + 16, false };
	assert_null(rd_string(&r, 15));
	guard_free(p, 16);
}

/* Room for a reply is zeroed, also where it is only padding. */
static void writer_leaks_nothing(void **state)
{
	uint8_t *p = guard_alloc(64);
	struct vgpu_wr w = { p, p, p + 64, false };

	(void)state;
	memset(p, 0xa5, 64);
	assert_ptr_equal(wr_take(&w, 3), p);
	assert_ptr_equal(wr_array(&w, 3, 3), p + 8);
	for (int i = 0; i < 24; i++)
		assert_int_equal(p[i], 0);
	for (int i = 24; i < 64; i++)
		assert_int_equal(p[i], 0xa5);
	assert_null(wr_take(&w, 41));
	assert_true(w.bad);
	assert_int_equal(p[24], 0xa5);
	assert_null(wr_take(&w, 0));
	guard_free(p, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_truncation_fails),
		cmocka_unit_test(structs_fit),
		cmocka_unit_test(reader_in_pieces),
		cmocka_unit_test(sizes_that_wrap),
		cmocka_unit_test(strings_end_inside),
		cmocka_unit_test(writer_leaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

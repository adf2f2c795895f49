// SPDX-License-Identifier: BSD-2-Clause
/*
 * The command ring as one thread sees it: what goes in comes out, and a guest
 * that writes impossible values gets -EPROTO and never makes us read outside
 * the ring. All memory lies between guard pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/guard.h"
#include "xenstore-schema/ring.h"

#define SIZE (VGPU_RING_PAGES_MIN * VGPU_PAGE)

struct pair {
	struct vgpu_control *ctl;
	uint8_t *data, *dst;
	struct ring_prod p;
	struct ring_cons c;
	uint32_t seq;
};

static int setup(void **state)
{
	struct pair *r = calloc(1, sizeof(*r));

	r->ctl = guard_alloc(VGPU_PAGE);
	r->data = guard_alloc(SIZE);
	r->dst = guard_alloc(ring_max_record(SIZE));
	memset(r->ctl, 0, VGPU_PAGE);
	r->p = (struct ring_prod){ .ctl = r->ctl, .data = r->data,
				   .size = SIZE };
	r->c = (struct ring_cons){ .ctl = r->ctl, .data = r->data,
				   .size = SIZE };
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct pair *r = *state;

	guard_free(r->ctl, VGPU_PAGE);
	guard_free(r->data, SIZE);
	guard_free(r->dst, ring_max_record(SIZE));
	free(r);
	return 0;
}

/* One record of @len bytes whose body tells its number. False: no room. */
static bool put(struct pair *r, uint32_t len)
{
	struct vgpu_rec h = { .len = len, .op = 1 };
	uint8_t *to;

	if (!ring_room(&r->p, ring_need(&r->p, len)))
		return false;
	h.seq = ++r->seq;
	to = ring_reserve(&r->p, len);
	memcpy(to, &h, sizeof(h));
	memset(to + sizeof(h), (int)(h.seq & 0xff), len - sizeof(h));
	ring_publish(&r->p, len);
	return true;
}

static void get(struct pair *r, uint32_t len, uint32_t seq)
{
	const struct vgpu_rec *h = (const void *)r->dst;

	assert_int_equal(ring_take(&r->c, r->dst), len);
	ring_release(&r->c);
	assert_int_equal(h->len, len);
	assert_int_equal(h->seq, seq);
	for (uint32_t i = sizeof(*h); i < len; i++)
		assert_int_equal(r->dst[i], seq & 0xff);
}

static uint32_t some_len(unsigned int *seed)
{
	uint32_t most = ring_max_record(SIZE);
	uint32_t r = (uint32_t)rand_r(seed);
	uint32_t len = (r & 1 ? r % 256 : r % most) & ~7u;

	return len < sizeof(struct vgpu_rec) ? sizeof(struct vgpu_rec) : len;
}

static void what_goes_in_comes_out(void **state)
{
	struct pair *r = *state;
	static uint32_t len[1024];
	uint32_t taken = 0, full = 0;
	unsigned int seed = 1;

	while (taken < 200000) {
		uint32_t n = some_len(&seed);

		if ((rand_r(&seed) & 3) && put(r, n)) {
			len[r->seq % 1024] = n;
		} else if (taken < r->seq) {
			taken++;
			get(r, len[taken % 1024], taken);
		} else {
			assert_int_equal(ring_take(&r->c, r->dst), 0);
		}
		full += !ring_room(&r->p, ring_need(&r->p, n));
	}
	assert_true(full > 1000); /* it was full now and then */
	assert_true(r->c.cons > 100ull * SIZE);
}

/* The ring takes bytes up to the last one, at every offset. */
static void every_offset(void **state)
{
	struct pair *r = *state;
	uint32_t h = sizeof(struct vgpu_rec);

	for (uint32_t off = 0; off < SIZE; off += 8) {
		r->ctl->prod = r->ctl->cons = r->p.prod = r->c.cons = off;
		r->c.prod_seen = off;
		r->p.cons_seen = off;
		r->seq = 0;
		assert_true(put(r, h));
		assert_true(put(r, ring_max_record(SIZE)));
		get(r, h, 1);
		get(r, ring_max_record(SIZE), 2);
		assert_int_equal(ring_take(&r->c, r->dst), 0);
	}
}

static void room_is_exact(void **state)
{
	struct pair *r = *state;
	uint32_t n = 0;

	while (put(r, 64))
		n++;
	assert_int_equal(n, SIZE / 64);
	get(r, 64, 1);
	assert_true(put(r, 64));
	assert_false(put(r, 64));
}

/* ---- a guest that lies ------------------------------------------------- */

static void head(struct pair *r, uint64_t pos, uint32_t len, uint16_t op)
{
	struct vgpu_rec h = { .len = len, .op = op };

	memcpy(r->data + (pos & (SIZE - 1)), &h, 8);
}

static void impossible_positions(void **state)
{
	struct pair *r = *state;
	uint64_t at[] = { 0, 8, SIZE - 8, SIZE - 40, 5ull * SIZE + 64,
			  UINT64_MAX - 7, 1ull << 63, (1ull << 32) - 8 };

	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		for (uint64_t k = 1; k < 2 * SIZE; k++) {
			if (k <= SIZE && !(k & 7))
				continue;
			r->c.cons = at[i];
			r->ctl->prod = at[i] + k;
			assert_int_equal(ring_take(&r->c, r->dst), -EPROTO);
			r->ctl->prod = at[i] - k; /* backwards */
			assert_int_equal(ring_take(&r->c, r->dst), -EPROTO);
			assert_true(r->c.cons == at[i]);
		}
		for (int bit = 14; bit < 64; bit++) {
			r->ctl->prod = at[i] + (1ull << bit) + 8;
			assert_int_equal(ring_take(&r->c, r->dst), -EPROTO);
		}
	}
}

static bool fits(uint32_t len, uint64_t fill, uint32_t off)
{
	return len >= sizeof(struct vgpu_rec) && !(len & 7) && len <= fill &&
	       len <= SIZE - off && len <= ring_max_record(SIZE);
}

/* Every length at many offsets, with the ring full and nearly empty. */
static void impossible_lengths(void **state)
{
	static const uint32_t offs[] = { 0, 8, 4096, SIZE / 2, SIZE - 4096,
					 SIZE - 48, SIZE - 40, SIZE - 32,
					 SIZE - 16, SIZE - 8 };
	static const uint64_t fills[] = { 8, 16, 40, 48, 4096, SIZE - 8,
					  SIZE };
	static const uint32_t odd[] = { UINT32_MAX, UINT32_MAX - 7, 1u << 31,
					(1u << 31) + 40, SIZE * 4, 1u << 16 };
	struct pair *r = *state;

	for (size_t o = 0; o < sizeof(offs) / 4; o++) {
		for (size_t f = 0; f < sizeof(fills) / 8; f++) {
			for (uint32_t n = 0; n <= SIZE + 70; n++) {
				uint32_t len = n <= SIZE + 64 ? n :
					       odd[n - SIZE - 65];

				r->c.cons = r->c.prod_seen = offs[o];
				r->ctl->prod = offs[o] + fills[f];
				head(r, offs[o], len, 1);
				assert_int_equal(ring_take(&r->c, r->dst),
						 fits(len, fills[f], offs[o]) ?
						 (int)len : -EPROTO);
			}
		}
	}
}

/* Padding ends: it is taken, never endlessly and never outside. */
static void padding_without_end(void **state)
{
	struct pair *r = *state;

	for (uint32_t pos = 0; pos < SIZE; pos += 8)
		head(r, pos, 8, 0);
	r->ctl->prod = SIZE;
	assert_int_equal(ring_take(&r->c, r->dst), 0);
	assert_true(r->c.cons == SIZE);
	r->ctl->prod = 2 * SIZE;
	head(r, 0, SIZE, 0);
	assert_int_equal(ring_take(&r->c, r->dst), 0);
	head(r, 0, 0, 0);
	r->ctl->prod = 3 * SIZE;
	assert_int_equal(ring_take(&r->c, r->dst), -EPROTO);
	head(r, 0, SIZE + 8, 0);
	assert_int_equal(ring_take(&r->c, r->dst), -EPROTO);
}

static void random_memory(void **state)
{
	struct pair *r = *state;
	unsigned int seed = 7, ends = 0, some = 0;

	for (int round = 0; round < 20000; round++) {
		int64_t n = 1;

		for (uint32_t i = 0; i < 64; i++) {
			uint32_t v = (uint32_t)rand_r(&seed);

			memcpy(r->data + (v % (SIZE / 8)) * 8, &i, 4);
			((uint32_t *)(void *)r->data)[v % (SIZE / 4)] =
				(uint32_t)rand_r(&seed) % 9000 & ~7u;
		}
		r->c.cons = ((uint64_t)rand_r(&seed) % SIZE) & ~7ull;
		r->c.prod_seen = r->c.cons;
		r->ctl->prod = r->c.cons + (((uint32_t)rand_r(&seed) % SIZE) &
					    ~7u);
		while (n > 0) {
			n = ring_take(&r->c, r->dst);
			some += n > 0;
		}
		ends += n < 0;
	}
	assert_true(ends > 1000 && some > 1000);
}

/* A host that lies: the guest's library waits for room, and overruns nothing
 * that it did not get back. */
static void impossible_consumer(void **state)
{
	struct pair *r = *state;

	while (put(r, 64))
		;
	for (int bit = 0; bit < 64; bit++) {
		r->ctl->cons = r->p.prod + (1ull << bit);
		assert_false(ring_room(&r->p, 64));
	}
	r->ctl->cons = r->p.prod - SIZE - 8;
	assert_false(ring_room(&r->p, 64));
	assert_true(r->p.cons_seen == 0);
	r->ctl->cons = 64;
	assert_true(ring_room(&r->p, 64));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_goes_in_comes_out),
		T(every_offset),
		T(room_is_exact),
		T(impossible_positions),
		T(impossible_lengths),
		T(padding_without_end),
		T(random_memory),
		T(impossible_consumer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

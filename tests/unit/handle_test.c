// SPDX-License-Identifier: BSD-2-Clause
/* The guest's handles: numbers that say their kind, and never crash. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frontend/libcuda/vg.h"

/* Stands in for stream.c: the calling thread's own stream. */
CUresult vg_stream_own(uint32_t *id)
{
	*id = 77;
	return CUDA_SUCCESS;
}

static uint64_t made(enum vgpu_kind kind, uint32_t *id)
{
	assert_int_equal(vg_handle_new(kind, id), CUDA_SUCCESS);
	return vg_handle_out(kind, *id);
}

static CUresult taken(enum vgpu_kind kind, uint64_t h, uint32_t *id)
{
	*id = 0xdead;
	return vg_handle_in(kind, (uintptr_t)h, id);
}

static void there_and_back(void **state)
{
	uint32_t id, got;
	uint64_t h;

	(void)state;
	for (int k = 1; k < KIND_NR; k++) {
		h = made((enum vgpu_kind)k, &id);
		assert_int_equal(vg_handle_kind((uintptr_t)h), k);
		for (int as = 1; as < KIND_NR; as++) {
			CUresult r = taken((enum vgpu_kind)as, h, &got);

			assert_int_equal(r == CUDA_SUCCESS, as == k);
			assert_int_equal(got, as == k ? id : 0);
		}
		vg_handle_del((enum vgpu_kind)k, id);
	}
	assert_int_equal(vg_handle_out(KIND_EVENT, 0), 0);
}

static void which_error(void **state)
{
	uint32_t id;

	(void)state;
	assert_int_equal(taken(KIND_CTX, 0x1234, &id),
			 CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(taken(KIND_EVENT, 0x1234, &id),
			 CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(taken(KIND_EVENT, 0, &id), CUDA_SUCCESS);
	assert_int_equal(id, 0);
}

static void special_streams(void **state)
{
	uint32_t id;

	(void)state;
	assert_int_equal(taken(KIND_STREAM, 1, &id), CUDA_SUCCESS);
	assert_int_equal(id, VGPU_STREAM_LEGACY);
	assert_int_equal(taken(KIND_STREAM, 2, &id), CUDA_SUCCESS);
	assert_int_equal(id, 77);
	assert_int_equal(taken(KIND_EVENT, 1, &id), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(vg_handle_out(KIND_STREAM, VGPU_STREAM_LEGACY), 1);
}

static void freed_is_wrong(void **state)
{
	uint32_t id, got;
	uint64_t h = made(KIND_EVENT, &id);

	(void)state;
	assert_int_equal(taken(KIND_EVENT, h, &got), CUDA_SUCCESS);
	vg_handle_del(KIND_STREAM, id); /* another kind: nothing happens */
	assert_int_equal(taken(KIND_EVENT, h, &got), CUDA_SUCCESS);
	vg_handle_del(KIND_EVENT, id);
	assert_int_equal(taken(KIND_EVENT, h, &got),
			 CUDA_ERROR_INVALID_HANDLE);
	vg_handle_del(KIND_EVENT, id);
}

/* A freed number comes back late, so that old handles stay wrong for long. */
static void late_reuse(void **state)
{
	uint32_t first, id;
	uint64_t h = made(KIND_EVENT, &first);
	int n = 0;

	(void)state;
	vg_handle_del(KIND_EVENT, first);
	do {
		made(KIND_EVENT, &id);
		vg_handle_del(KIND_EVENT, id);
		n++;
	} while (id != first && n < 100000);
	assert_in_range(n, 4000, 10000);
	assert_int_equal(taken(KIND_EVENT, h, &id), CUDA_ERROR_INVALID_HANDLE);
}

/* Whatever a program passes: an error or an id of the kind, no crash. */
static void garbage(void **state)
{
	static const uint64_t some[] = {
		3, 7, 15, 16, 0x560000000000, 0x560000000010, 0x56ffffffffff,
		0x56fffffffff0, 0x7fffffffffff, UINT64_MAX, UINT64_MAX - 15,
		1ull << 63, 0x5600000000000000, 0x57ull << 40, 0x55ull << 40,
	};
	unsigned int seed = 13;
	uint32_t id;

	(void)state;
	for (uint32_t i = 0; i < 300000; i++) {
		uint64_t h = i < sizeof(some) / 8 ? some[i] :
			     (uint64_t)rand_r(&seed) << 33 ^
			     (uint64_t)rand_r(&seed) << 12 ^
			     (uint64_t)rand_r(&seed);
		enum vgpu_kind k = (enum vgpu_kind)(1 + i % (KIND_NR - 1));

		if (i % 3 == 0)
			h = 0x560000000000 | (h & 0xffffffffff);
		if (taken(k, h, &id) == CUDA_SUCCESS) {
			assert_int_equal(vg_handle_kind((uintptr_t)h), k);
			assert_int_equal(h & 15, 0);
		}
		vg_handle_state(k, id);
	}
}

static void states(void **state)
{
	uint32_t id;
	char *s = malloc(8), *t = malloc(8);

	(void)state;
	made(KIND_EVENT, &id);
	assert_null(vg_handle_state(KIND_EVENT, id));
	assert_true(vg_handle_set_state(KIND_EVENT, id, s));
	assert_ptr_equal(vg_handle_state(KIND_EVENT, id), s);
	assert_null(vg_handle_state(KIND_STREAM, id));
	assert_true(vg_handle_set_state(KIND_EVENT, id, t));
	assert_ptr_equal(vg_handle_state(KIND_EVENT, id), t);
	vg_handle_del(KIND_EVENT, id);
	assert_null(vg_handle_state(KIND_EVENT, id));
	assert_null(vg_handle_state(KIND_EVENT, 0));
	assert_null(vg_handle_state(KIND_EVENT, UINT32_MAX));
	assert_false(vg_handle_set_state(KIND_EVENT, VGPU_ID_MAX, NULL));
}

/* What went with its context says so until it is given up. */
static void buried(void **state)
{
	uint32_t id, got;
	uint64_t h = made(KIND_CTX, &id);
	char *s = malloc(8);

	(void)state;
	assert_true(vg_handle_set_state(KIND_CTX, id, s));
	assert_null(vg_handle_buried(KIND_CTX, id));
	vg_handle_bury(KIND_CTX, id);
	assert_int_equal(taken(KIND_CTX, h, &got),
			 CUDA_ERROR_CONTEXT_IS_DESTROYED);
	assert_null(vg_handle_state(KIND_CTX, id));
	assert_ptr_equal(vg_handle_buried(KIND_CTX, id), s);
	assert_null(vg_handle_buried(KIND_EVENT, id));
	vg_handle_del(KIND_CTX, id);
	assert_null(vg_handle_buried(KIND_CTX, id));
	assert_int_equal(taken(KIND_CTX, h, &got),
			 CUDA_ERROR_INVALID_CONTEXT);
}

static void count_one(uint32_t id, void *s, void *arg)
{
	(void)id;
	if (s)
		++*(int *)arg;
}

static void each(void **state)
{
	uint32_t id[5];
	int n = 0;

	(void)state;
	for (int i = 0; i < 5; i++) {
		made(KIND_GREENCTX, &id[i]);
		if (i < 3)
			vg_handle_set_state(KIND_GREENCTX, id[i], malloc(1));
	}
	vg_handle_del(KIND_GREENCTX, id[0]);
	vg_handle_each(KIND_GREENCTX, count_one, &n);
	assert_int_equal(n, 2);
}

static void arrays_of_handles(void **state)
{
	uint64_t h[3] = { 0, 0, 0 };
	uint32_t a, *ids = NULL;

	(void)state;
	h[1] = made(KIND_GNODE, &a);
	assert_int_equal(vg_handles_in(KIND_GNODE, h, 3, &ids), 0);
	assert_int_equal(ids[0], 0);
	assert_int_equal(ids[1], a);
	free(ids);
	h[2] = 5;
	ids = NULL;
	assert_int_equal(vg_handles_in(KIND_GNODE, h, 3, &ids),
			 CUDA_ERROR_INVALID_HANDLE);
	free(ids);
	ids = NULL;
	assert_int_equal(vg_handles_in(KIND_GNODE, h, UINT64_MAX, &ids),
			 CUDA_ERROR_INVALID_VALUE);
	assert_null(ids);
}

/* ---- threads ------------------------------------------------------------ */

enum { THREADS = 4, ROUNDS = 20000, KEEP = 64 };
static _Atomic uint32_t owner[1 << 20];

static void *busy(void *arg)
{
	uint32_t me = (uint32_t)(uintptr_t)arg, id[KEEP] = { 0 }, got;
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t *p = &id[i % KEEP];

		if (*p) {
			if (owner[*p] != me ||
			    vg_handle_in(KIND_EVENT, (uintptr_t)
					 vg_handle_out(KIND_EVENT, *p), &got))
				wrong++;
			owner[*p] = 0;
			vg_handle_del(KIND_EVENT, *p);
		}
		if (vg_handle_new(KIND_EVENT, p) || *p >= 1 << 20 || owner[*p])
			wrong++;
		else
			owner[*p] = me;
	}
	return (void *)(uintptr_t)wrong;
}

static void no_number_twice(void **state)
{
	pthread_t t[THREADS];
	void *wrong;

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, busy,
						(void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &wrong);
		assert_null(wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(which_error),
		cmocka_unit_test(special_streams),
		cmocka_unit_test(freed_is_wrong),
		cmocka_unit_test(late_reuse),
		cmocka_unit_test(garbage),
		cmocka_unit_test(states),
		cmocka_unit_test(buried),
		cmocka_unit_test(each),
		cmocka_unit_test(arrays_of_handles),
		cmocka_unit_test(no_number_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

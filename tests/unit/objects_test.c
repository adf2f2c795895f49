// SPDX-License-Identifier: BSD-2-Clause
/* The executor's table of handles: kinds, owners of ids, reuse, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cuda-exec/exec_internal.h"

static struct ex ex;
static struct exec_stats stats;

static int setup(void **state)
{
	(void)state;
	memset(&ex, 0, sizeof(ex));
	memset(&stats, 0, sizeof(stats));
	ex.stats = &stats;
	ex.objects = ex_objects_new();
	return ex.objects ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ex_objects_free(ex.objects);
	return 0;
}

static CUresult look(enum vgpu_kind kind, uint32_t id, uint64_t *real)
{
	*real = 0xdead;
	return ex_obj(&ex, kind, id, real);
}

static void guests_ids(void **state)
{
	uint64_t real;

	(void)state;
	assert_int_equal(ex_obj_new(&ex, KIND_STREAM, 2, 0x1000), 0);
	assert_int_equal(look(KIND_STREAM, 2, &real), 0);
	assert_int_equal(real, 0x1000);
	/* An id that is in use, whatever its kind; one of ours; reserved. */
	assert_int_equal(ex_obj_new(&ex, KIND_STREAM, 2, 0x2000), EX_BAD);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, 2, 0x2000), EX_BAD);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, 0, 0x2000), EX_BAD);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, VGPU_STREAM_LEGACY, 1),
			 EX_BAD);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, VGPU_ID_HOST, 1), EX_BAD);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, VGPU_ID_MAX, 1), EX_BAD);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, UINT32_MAX, 1), EX_BAD);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, VGPU_ID_HOST - 1, 7), 0);
	assert_int_equal(look(KIND_EVENT, VGPU_ID_HOST - 1, &real), 0);
	assert_int_equal(stats.objects, 2);
}

/* An object answers to its own kind only. */
static void kinds(void **state)
{
	uint32_t id[KIND_NR];
	uint64_t real;

	(void)state;
	for (int k = 1; k < KIND_NR; k++)
		assert_int_equal(ex_obj_ref(&ex, (enum vgpu_kind)k,
					    0x1000u * (unsigned int)k,
					    &id[k]), 0);
	for (int k = 1; k < KIND_NR; k++) {
		for (int as = 0; as < KIND_NR + 3; as++) {
			CUresult r = look((enum vgpu_kind)as, id[k], &real);

			assert_int_equal(r, as == k ? CUDA_SUCCESS :
					 CUDA_ERROR_INVALID_HANDLE);
			assert_int_equal(real, as == k ? 0x1000 * k : 0);
		}
	}
	assert_null(ex_object(&ex, (enum vgpu_kind)(KIND_STREAM + 256),
			      id[KIND_STREAM]));
}

static void nothing_there(void **state)
{
	static const uint32_t ids[] = { 2, 4095, 4096, VGPU_ID_HOST,
		VGPU_ID_MAX - 1, VGPU_ID_MAX, 1u << 31, UINT32_MAX };
	uint64_t real;

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / 4; i++)
		for (int k = 1; k < KIND_NR; k++)
			assert_int_equal(look((enum vgpu_kind)k, ids[i], &real),
					 CUDA_ERROR_INVALID_HANDLE);
	for (int k = 0; k < KIND_NR; k++) {
		assert_int_equal(look((enum vgpu_kind)k, 0, &real), 0);
		assert_int_equal(real, 0);
	}
	assert_int_equal(look(KIND_STREAM, VGPU_STREAM_LEGACY, &real), 0);
	assert_true(real == (uint64_t)(uintptr_t)CU_STREAM_LEGACY);
	assert_int_equal(look(KIND_EVENT, VGPU_STREAM_LEGACY, &real),
			 CUDA_ERROR_INVALID_HANDLE);
}

static void hosts_ids(void **state)
{
	uint32_t a, b, c, d;

	(void)state;
	assert_int_equal(ex_obj_ref(&ex, KIND_MODULE, 0x10, &a), 0);
	assert_int_equal(ex_obj_ref(&ex, KIND_MODULE, 0x20, &b), 0);
	assert_int_equal(ex_obj_ref(&ex, KIND_LIBRARY, 0x10, &c), 0);
	assert_true(a >= VGPU_ID_HOST && b >= VGPU_ID_HOST &&
		    c >= VGPU_ID_HOST);
	assert_true(a != b && b != c && a != c);
	assert_int_equal(ex_obj_ref(&ex, KIND_MODULE, 0x10, &d), 0);
	assert_int_equal(d, a); /* the same handle, the same id */
	assert_int_equal(ex_obj_ref(&ex, KIND_MODULE, 0, &d), 0);
	assert_int_equal(d, 0);
	ex_obj_del(&ex, KIND_LIBRARY, a); /* another kind: nothing happens */
	assert_non_null(ex_object(&ex, KIND_MODULE, a));
	ex_obj_del(&ex, KIND_MODULE, a);
	assert_null(ex_object(&ex, KIND_MODULE, a));
	ex_obj_del(&ex, KIND_MODULE, a); /* twice: nothing happens */
	assert_int_equal(stats.objects, 2);
	/* The driver gives the address out again: a new object. */
	assert_int_equal(ex_obj_ref(&ex, KIND_MODULE, 0x10, &d), 0);
	assert_non_null(ex_object(&ex, KIND_MODULE, d));
	assert_int_equal(ex_object(&ex, KIND_MODULE, d)->real, 0x10);
}

/* Allocation handles are counted: as many ends as beginnings. */
static void counted(void **state)
{
	uint32_t a, b;

	(void)state;
	assert_int_equal(ex_obj_ref(&ex, KIND_VMM, 0x10, &a), 0);
	assert_int_equal(ex_obj_ref(&ex, KIND_VMM, 0x10, &b), 0);
	assert_int_equal(a, b);
	ex_obj_del(&ex, KIND_VMM, a);
	assert_non_null(ex_object(&ex, KIND_VMM, a));
	ex_obj_del(&ex, KIND_VMM, a);
	assert_null(ex_object(&ex, KIND_VMM, a));
}

/* A day's worth of create and destroy: flat memory, no id twice at a time. */
static void much_reuse(void **state)
{
	enum { LIVE = 5000 };
	static uint32_t id[LIVE];
	unsigned int seed = 11;

	(void)state;
	for (uint32_t round = 1; round <= 400000; round++) {
		uint32_t i = (uint32_t)rand_r(&seed) % LIVE;

		if (id[i]) {
			assert_int_equal(ex_object(&ex, KIND_GNODE,
						   id[i])->real, i + 1);
			ex_obj_del(&ex, KIND_GNODE, id[i]);
			assert_null(ex_object(&ex, KIND_GNODE, id[i]));
			id[i] = 0;
			continue;
		}
		assert_int_equal(ex_obj_ref(&ex, KIND_GNODE, i + 1, &id[i]), 0);
		assert_in_range(id[i], VGPU_ID_HOST, VGPU_ID_HOST + LIVE);
	}
	for (uint32_t i = 0; i < LIVE; i++) {
		if (id[i])
			ex_obj_del(&ex, KIND_GNODE, id[i]);
		id[i] = 0;
	}
	assert_int_equal(stats.objects, 0);
}

static void no_more_than_the_limit(void **state)
{
	uint32_t last = 0;
	CUresult r = CUDA_SUCCESS;
	uint64_t n;

	(void)state;
	for (n = 0; !r && n <= EX_OBJECTS_MAX; n++)
		r = ex_obj_new(&ex, KIND_EVENT, (uint32_t)n + 2, n + 1);
	assert_int_equal(r, CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(n - 1, EX_OBJECTS_MAX);
	assert_int_equal(ex_obj_ref(&ex, KIND_GRAPH, 5, &last),
			 CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(last, 0);
	ex_obj_del(&ex, KIND_EVENT, 2);
	assert_int_equal(ex_obj_ref(&ex, KIND_GRAPH, 5, &last), 0);
}

static void arrays(void **state)
{
	uint32_t ids[3], back[3];
	uint64_t *real = NULL, given[] = { 0x30, 0x40, 0 };

	(void)state;
	assert_int_equal(ex_refs(&ex, KIND_GNODE, given, 3, ids), 0);
	assert_int_equal(ids[2], 0);
	assert_int_equal(ex_objs(&ex, KIND_GNODE, ids, 3, &real), 0);
	assert_memory_equal(real, given, sizeof(given));
	free(real);
	assert_int_equal(ex_objs(&ex, KIND_GRAPH, ids, 3, &real),
			 CUDA_ERROR_INVALID_HANDLE);
	free(real);
	assert_int_equal(ex_refs(&ex, KIND_GNODE, given, 3, back), 0);
	assert_memory_equal(back, ids, sizeof(ids));
}

/* What goes with a context is not the driver's any more, whose handle may
 * come again; the guest's id stays taken until it is given up. */
static void gone(void **state)
{
	uint64_t real;
	uint32_t id;

	(void)state;
	assert_int_equal(ex_obj_new(&ex, KIND_STREAM, 2, 0x1000), 0);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, 3, 0x2000), 0);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, 4, 0x3000), 0);
	ex_object(&ex, KIND_STREAM, 2)->ctx = 7;
	ex_object(&ex, KIND_EVENT, 3)->ctx = 7;
	ex_object(&ex, KIND_EVENT, 4)->ctx = 8;
	ex_obj_gone(&ex, 7);
	assert_int_equal(look(KIND_STREAM, 2, &real),
			 CUDA_ERROR_CONTEXT_IS_DESTROYED);
	assert_int_equal(look(KIND_EVENT, 3, &real),
			 CUDA_ERROR_CONTEXT_IS_DESTROYED);
	assert_int_equal(real, 0);
	assert_int_equal(look(KIND_EVENT, 4, &real), 0);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, 3, 0x4000), EX_BAD);
	assert_int_equal(ex_obj_ref(&ex, KIND_EVENT, 0x2000, &id), 0);
	assert_int_not_equal(id, 3);
	ex_obj_del(&ex, KIND_EVENT, 3);
	assert_int_equal(ex_obj_new(&ex, KIND_EVENT, 3, 0x4000), 0);
	assert_int_equal(look(KIND_EVENT, 3, &real), 0);
	assert_int_equal(look(KIND_EVENT, id, &real), 0);
	assert_int_equal(real, 0x2000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(guests_ids),
		T(kinds),
		T(nothing_there),
		T(hosts_ids),
		T(counted),
		T(much_reuse),
		T(no_more_than_the_limit),
		T(arrays),
		T(gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

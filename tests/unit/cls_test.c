// SPDX-License-Identifier: BSD-2-Clause
/* Context-local storage: results, destructors, growth, readers beside writers,
 * and what a lookup costs. */
#include "frontend/libcuda/cls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <cmocka.h>

#define CTX(n) ((CUcontext)(uintptr_t)(0x1000 * (n)))
#define KEY(n) ((void *)(uintptr_t)(0x10 * (n)))

static CUcontext now_current;
static CUcontext dead;
static bool initialised = true, exiting;

CUcontext vg_ctx_current(void)
{
	return now_current;
}

bool vg_initialised(void)
{
	return initialised;
}

bool vg_exiting(void)
{
	return exiting;
}

uint64_t vg_ctx_id(CUcontext ctx, CUresult *ret)
{
	*ret = ctx == dead ? CUDA_ERROR_CONTEXT_IS_DESTROYED : CUDA_SUCCESS;
	return 1;
}

static int reset(void **state)
{
	(void)state;
	now_current = CTX(1);
	dead = NULL;
	initialised = true;
	exiting = false;
	for (unsigned int i = 1; i <= 8; i++)
		cls_context_died(CTX(i));
	return 0;
}

static void assert_value(CUcontext ctx, void *key, uintptr_t want)
{
	void *value = NULL;

	assert_int_equal(cls_get(&value, ctx, key), CUDA_SUCCESS);
	assert_int_equal((uintptr_t)value, want);
}

static void put_get_del(void **state)
{
	void *value = KEY(99);

	(void)state;
	assert_int_equal(cls_get(&value, NULL, KEY(1)),
			 CUDA_ERROR_INVALID_HANDLE);
	assert_ptr_equal(value, KEY(99));
	assert_int_equal(cls_put(NULL, KEY(1), KEY(5), NULL), CUDA_SUCCESS);
	assert_value(NULL, KEY(1), 0x50);
	assert_value((CUcontext)-1, KEY(1), 0x50);
	assert_value(CTX(1), KEY(1), 0x50);
	assert_int_equal(cls_put(NULL, KEY(1), KEY(6), NULL), CUDA_SUCCESS);
	assert_value(NULL, KEY(1), 0x60);
	assert_int_equal(cls_get(&value, CTX(2), KEY(1)),
			 CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(cls_del(NULL, KEY(1)), CUDA_SUCCESS);
	assert_int_equal(cls_del(NULL, KEY(1)), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(cls_get(&value, NULL, KEY(1)),
			 CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(cls_get(NULL, NULL, KEY(1)), CUDA_ERROR_INVALID_VALUE);
}

static void states_of_the_process(void **state)
{
	void *value;

	(void)state;
	now_current = NULL;
	assert_int_equal(cls_get(&value, NULL, KEY(1)),
			 CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(cls_put(NULL, KEY(1), NULL, NULL),
			 CUDA_ERROR_INVALID_CONTEXT);
	initialised = false;
	assert_int_equal(cls_get(&value, NULL, KEY(1)),
			 CUDA_ERROR_NOT_INITIALIZED);
	exiting = true;
	assert_int_equal(cls_get(&value, NULL, KEY(1)),
			 CUDA_ERROR_DEINITIALIZED);
	assert_int_equal(cls_del(CTX(1), KEY(1)), CUDA_ERROR_DEINITIALIZED);
}

static void dead_context_takes_nothing(void **state)
{
	(void)state;
	dead = CTX(2);
	assert_int_equal(cls_put(CTX(2), KEY(1), NULL, NULL),
			 CUDA_ERROR_CONTEXT_IS_DESTROYED);
	assert_int_equal(cls_put(CTX(3), KEY(1), KEY(7), NULL), CUDA_SUCCESS);
	assert_value(CTX(3), KEY(1), 0x70);
}

static unsigned int destroyed;
static bool put_again;

/* Destructors call the driver; if a lock were held this would hang. */
static void destroy(CUcontext ctx, void *key, void *value)
{
	void *found;

	assert_ptr_equal(ctx, CTX(2));
	assert_int_equal((uintptr_t)key + 1, (uintptr_t)value);
	assert_int_equal(cls_get(&found, ctx, key), CUDA_ERROR_INVALID_HANDLE);
	destroyed++;
	if (put_again)
		assert_int_equal(cls_put(ctx, key, value, destroy),
				 CUDA_SUCCESS);
}

static void put_with_destructor(CUcontext ctx, unsigned int n)
{
	uintptr_t key = (uintptr_t)KEY(n);

	assert_int_equal(cls_put(ctx, (void *)key, (void *)(key + 1), destroy),
			 CUDA_SUCCESS);
}

static void death_calls_destructors_once(void **state)
{
	(void)state;
	destroyed = 0;
	for (unsigned int i = 1; i <= 50; i++)
		put_with_destructor(CTX(2), i);
	assert_int_equal(cls_put(CTX(3), KEY(1), KEY(8), NULL), CUDA_SUCCESS);
	assert_int_equal(cls_del(CTX(2), KEY(50)), CUDA_SUCCESS);
	assert_int_equal(destroyed, 0);
	cls_context_died(CTX(2));
	assert_int_equal(destroyed, 49);
	cls_context_died(CTX(2));
	assert_int_equal(destroyed, 49);
	assert_value(CTX(3), KEY(1), 0x80);
}

static void stubborn_destructor_ends(void **state)
{
	void *value;

	(void)state;
	destroyed = 0;
	put_again = true;
	put_with_destructor(CTX(2), 1);
	cls_context_died(CTX(2));
	put_again = false;
	assert_in_range(destroyed, 2, 1000);
	assert_int_equal(cls_get(&value, CTX(2), KEY(1)),
			 CUDA_ERROR_INVALID_HANDLE);
}

/* Many entries and holes: whatever was not deleted is found. */
static void grows_and_closes_gaps(void **state)
{
	void *value;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++)
		assert_int_equal(cls_put(CTX(1 + i % 7), KEY(i), KEY(i), NULL),
				 CUDA_SUCCESS);
	for (unsigned int i = 0; i < 3000; i += 3)
		assert_int_equal(cls_del(CTX(1 + i % 7), KEY(i)), CUDA_SUCCESS);
	for (unsigned int i = 0; i < 3000; i++) {
		if (i % 3)
			assert_value(CTX(1 + i % 7), KEY(i),
				     (uintptr_t)KEY(i));
		else
			assert_int_equal(cls_get(&value, CTX(1 + i % 7),
						 KEY(i)),
					 CUDA_ERROR_INVALID_HANDLE);
	}
}

static atomic_bool stop;

/* Key 1 stays: a reader has to find it whatever is moved around it. */
static void *reader(void *wrong)
{
	void *value;

	while (!atomic_load(&stop))
		if (cls_get(&value, CTX(1), KEY(1)) || value != KEY(42))
			atomic_fetch_add((atomic_int *)wrong, 1);
	return NULL;
}

static void readers_beside_writers(void **state)
{
	static atomic_int wrong;
	pthread_t threads[2];

	(void)state;
	assert_int_equal(cls_put(CTX(1), KEY(1), KEY(42), NULL), CUDA_SUCCESS);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, reader,
						&wrong), 0);
	for (unsigned int i = 0; i < 200000; i++) {
		cls_put(CTX(1), KEY(2 + i % 61), KEY(i), NULL);
		cls_del(CTX(1), KEY(2 + (i * 7) % 61));
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&wrong), 0);
}

/* The cost is printed; only a lookup that is wrong by an order fails, since
 * test machines are busy. */
static void lookup_cost(void **state)
{
	enum { N = 2000000 };
	struct timespec a, b;
	void *value;
	double ns;

	(void)state;
	assert_int_equal(cls_put(CTX(1), KEY(1), KEY(42), NULL), CUDA_SUCCESS);
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < N; i++)
		cls_get(&value, NULL, KEY(1));
	clock_gettime(CLOCK_MONOTONIC, &b);
	ns = ((double)(b.tv_sec - a.tv_sec) * 1e9 +
	      (double)(b.tv_nsec - a.tv_nsec)) / N;
	print_message("# cls_get: %.1f ns\n", ns);
	assert_true(ns < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(put_get_del, reset),
		cmocka_unit_test_setup(states_of_the_process, reset),
		cmocka_unit_test_setup(dead_context_takes_nothing, reset),
		cmocka_unit_test_setup(death_calls_destructors_once, reset),
		cmocka_unit_test_setup(stubborn_destructor_ends, reset),
		cmocka_unit_test_setup(grows_and_closes_gaps, reset),
		cmocka_unit_test_setup(readers_beside_writers, reset),
		cmocka_unit_test_setup(lookup_cost, reset),
	};

	return cmocka_run_group_tests_name("cls", tests, NULL, NULL);
}

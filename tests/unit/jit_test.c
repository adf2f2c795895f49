// SPDX-License-Identifier: BSD-2-Clause
/* What the host's driver is given of a guest's compiler options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cuda-exec/exec_internal.h"

#define GUESTS 0x7f0012345000ull /* an address that means nothing here */

static char text[64];

static bool read2(struct ex_jit *j, uint32_t a, uint64_t va, uint32_t b,
		  uint64_t vb)
{
	struct vg_jit_option o[] = { { .option = a, .value = va },
				     { .option = b, .value = vb } };

	return ex_jit_read(j, o, 2, NULL, 0);
}

static void log_is_ours(void **state)
{
	struct ex_jit j = { .error = text, .error_size = sizeof(text) };

	(void)state;
	assert_true(read2(&j, CU_JIT_ERROR_LOG_BUFFER, GUESTS,
			  CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, 1 << 20));
	assert_ptr_equal(j.value[0], text);
	assert_int_equal((uintptr_t)j.value[1], sizeof(text));
}

/* cuLinkCreate refuses NULL. */
static void empty_log_has_an_address(void **state)
{
	struct ex_jit j = { .error = text };

	(void)state;
	assert_true(read2(&j, CU_JIT_ERROR_LOG_BUFFER, GUESTS,
			  CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, 1 << 20));
	assert_non_null(j.value[0]);
	assert_int_not_equal((uintptr_t)j.value[0], GUESTS);
	assert_int_equal((uintptr_t)j.value[1], 0);
}

static void no_log_stays_none(void **state)
{
	struct ex_jit j = { .info = text };

	(void)state;
	assert_true(read2(&j, CU_JIT_INFO_LOG_BUFFER, 0,
			  CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, 100));
	assert_null(j.value[0]);
	assert_int_equal((uintptr_t)j.value[1], 0);
}

/* The driver would have to guess how much it may write. */
static void log_without_its_size_is_none(void **state)
{
	struct ex_jit j = { .info = text, .info_size = sizeof(text) };

	(void)state;
	assert_true(read2(&j, CU_JIT_INFO_LOG_BUFFER, GUESTS,
			  CU_JIT_MAX_REGISTERS, 32));
	assert_null(j.value[0]);
	assert_int_equal((uintptr_t)j.value[1], 32);
}

static void unknown_option_is_refused(void **state)
{
	struct ex_jit j = { 0 };

	(void)state;
	assert_false(read2(&j, CU_JIT_MAX_REGISTERS, 32, CU_JIT_NUM_OPTIONS,
			   GUESTS));
}

/* What the driver wrote over sizes comes back; the guest's numbers do not. */
static void results(void **state)
{
	struct ex_jit j = { .error = text, .error_size = sizeof(text) };
	struct vg_jit_results out = { 0 };
	float ms = 2.5f;

	(void)state;
	assert_true(read2(&j, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES, 1 << 20,
			  CU_JIT_WALL_TIME, GUESTS));
	j.value[0] = (void *)7;
	memcpy(&j.value[1], &ms, sizeof(ms));
	ex_jit_results(&j, &out);
	assert_int_equal(out.error_used, 7);
	assert_memory_equal(&out.wall_time, &ms, sizeof(ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_is_ours),
		cmocka_unit_test(empty_log_has_an_address),
		cmocka_unit_test(no_log_stays_none),
		cmocka_unit_test(log_without_its_size_is_none),
		cmocka_unit_test(unknown_option_is_refused),
		cmocka_unit_test(results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

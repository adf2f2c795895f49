// SPDX-License-Identifier: BSD-2-Clause
/* Only parts of a device that the driver gave go back to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cuda-exec/exec_internal.h"

static CUdevResource part(unsigned int sms)
{
	CUdevResource r;

	memset(&r, 0, sizeof(r));
	r.type = CU_DEV_RESOURCE_TYPE_SM;
	memset(r._internal_padding, 0xa5, sizeof(r._internal_padding));
	r.sm.smCount = sms;
	return r;
}

static void refused(const CUdevResource *r, uint64_t n)
{
	assert_int_equal(ex_known_CUdevResource(r, n),
			 CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION);
}

static void only_what_was_given(void **state)
{
	CUdevResource r[3] = { part(8), part(16), part(24) };

	(void)state;
	refused(r, 1);
	ex_learn_CUdevResource(r, 2);
	ex_learn_CUdevResource(r, 2);
	assert_int_equal(ex_known_CUdevResource(r, 2), CUDA_SUCCESS);
	refused(r, 3);
	assert_int_equal(ex_known_CUdevResource(r, 0), CUDA_SUCCESS);
}

static void to_the_last_bit(void **state)
{
	CUdevResource was = part(32), r;
	uint8_t *bytes = (uint8_t *)&r;

	(void)state;
	ex_learn_CUdevResource(&was, 1);
	for (size_t i = 8; i < 8 * sizeof(r); i++) {
		r = was;
		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		refused(&r, 1);
	}
}

static void none_is_the_drivers_to_refuse(void **state)
{
	CUdevResource r;

	(void)state;
	memset(&r, 0, sizeof(r));
	assert_int_equal(ex_known_CUdevResource(&r, 1), CUDA_SUCCESS);
}

static void a_limit(void **state)
{
	CUdevResource r;
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 1000; i < 40000; i++) {
		r = part(i);
		if (n < 5)
			ex_learn_CUdevResource(&r, 1);
		n += ex_known_CUdevResource(&r, 1) != CUDA_SUCCESS;
	}
	assert_true(n > 20000);
	r = part(8);
	assert_int_equal(ex_known_CUdevResource(&r, 1), CUDA_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_was_given),
		cmocka_unit_test(to_the_last_bit),
		cmocka_unit_test(none_is_the_drivers_to_refuse),
		cmocka_unit_test(a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

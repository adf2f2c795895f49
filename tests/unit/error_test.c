// SPDX-License-Identifier: BSD-2-Clause
/* error.def: numbers are on the wire, sentences are read by people. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <cuda.h>

#include "xenstore-schema/error.h"
#include "xenstore-schema/exec.h"

static const struct {
	const char *name;
	unsigned int number;
	CUresult result;
	const char *sentence;
} all[] = {
#define X(name, number, result, sentence) { #name, number, result, sentence },
#include "xenstore-schema/error.def"
#undef X
};
#define NR (sizeof(all) / sizeof(*all))

static void numbers_are_for_ever(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR; i++)
		assert_int_equal(all[i].number, i);
	/* These are on the wire since protocol version 1. */
	assert_int_equal(VGPU_E_NO_DEVICE, 2);
	assert_int_equal(VGPU_E_VERSION, 4);
	assert_int_equal(VGPU_E_HASH, 5);
	assert_int_equal(VGPU_E_PROTOCOL, 10);
	assert_int_equal(VGPU_E_EXEC_DIED, 13);
	assert_int_equal(VGPU_E_TIMEOUT, 16);
}

static void each_its_own_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR; i++) {
		const char *s = all[i].sentence;

		assert_ptr_equal(vgpu_error_text(all[i].number), s);
		assert_in_range(strlen(s), 8, EXEC_TEXT_MAX - 1);
		assert_true(islower((unsigned char)s[0]) || s[0] == 'V');
		assert_true(s[strlen(s) - 1] != '.');
		for (const char *p = s; *p; p++)
			assert_in_range(*p, ' ', '~');
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(s, all[k].sentence);
	}
}

static void failures_fail(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR; i++)
		assert_int_equal(all[i].result == CUDA_SUCCESS,
				 all[i].number == VGPU_E_OK ||
				 all[i].number == VGPU_E_LEFT);
}

static void unknown_numbers(void **state)
{
	(void)state;
	assert_non_null(strstr(vgpu_error_text(NR), "unknown"));
	assert_non_null(strstr(vgpu_error_text(UINT32_MAX), "unknown"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_for_ever),
		cmocka_unit_test(each_its_own_sentence),
		cmocka_unit_test(failures_fail),
		cmocka_unit_test(unknown_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* Readers of what guests write, and the token bucket that slows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tools/lib/bucket.h"
#include "backend/limits.h"
#include "backend/parse.h"

static void numbers(void **state)
{
	static const char *const bad[] = {
		"",    "-1",  "+1",	    " 1",	   "1 ",      "1x",
		"0x1", "1\n", "4294967296", "99999999999", "1.0",     "\xff",
		"1e3", "--",  "18446744073709551617",
	};
	uint32_t v = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse_u32(bad[i], &v));
	assert_int_equal(v, 77); /* untouched by what was refused */
	assert_true(parse_u32("0", &v));
	assert_int_equal(v, 0);
	assert_true(parse_u32("4294967295", &v));
	assert_true(v == UINT32_MAX);
	assert_true(parse_u32("0000000007", &v));
	assert_int_equal(v, 7);
}

static void hashes(void **state)
{
	(void)state;
	assert_true(parse_hash("0123456789abcdef"));
	assert_false(parse_hash("0123456789abcde"));
	assert_false(parse_hash("0123456789abcdef0"));
	assert_false(parse_hash("0123456789ABCDEF"));
	assert_false(parse_hash("0x23456789abcdef"));
	assert_false(parse_hash(""));
}

static void session_names(void **state)
{
	char name[EXEC_SID_MAX + 2];

	(void)state;
	assert_true(parse_sid("p123-ab"));
	assert_true(parse_sid("-"));
	assert_false(parse_sid(""));
	assert_false(parse_sid("P"));
	assert_false(parse_sid("a/b"));
	assert_false(parse_sid("a.b"));
	assert_false(parse_sid("a b"));
	assert_false(parse_sid("a%s"));
	memset(name, 'a', sizeof(name));
	name[EXEC_SID_MAX] = 0;
	assert_true(parse_sid(name));
	name[EXEC_SID_MAX] = 'a';
	name[EXEC_SID_MAX + 1] = 0;
	assert_false(parse_sid(name));
}

static void identities(void **state)
{
	char out[37];

	(void)state;
	assert_true(parse_uuid("ABCDEF00-1111-2222-3333-444455556666", out));
	assert_string_equal(out, "abcdef00-1111-2222-3333-444455556666");
	assert_false(parse_uuid("abcdef00x1111-2222-3333-444455556666", out));
	assert_false(parse_uuid("abcdef00-1111-2222-3333-44445555666", out));
	assert_false(parse_uuid("gbcdef00-1111-2222-3333-444455556666", out));
	assert_true(parse_vm_name("user 1 \xc3\xa4"));
	assert_false(parse_vm_name(""));
	assert_false(parse_vm_name("a\nb"));
	assert_false(parse_vm_name("a\x7f"));
}

static void printable(void **state)
{
	char out[6];

	(void)state;
	copy_printable(out, sizeof(out), "a\x1b[\n\xff" "b");
	assert_string_equal(out, "a?[??");
	copy_printable(out, sizeof(out), "");
	assert_string_equal(out, "");
}

static void paths(void **state)
{
	const char *rest = "untouched";

	(void)state;
	assert_false(path_below("/a/bc", "/a/b", &rest));
	assert_false(path_below("/a", "/a/b", &rest));
	assert_string_equal(rest, "untouched");
	assert_true(path_below("/a/b", "/a/b", &rest));
	assert_string_equal(rest, "");
	assert_true(path_below("/a/b/c/d", "/a/b", &rest));
	assert_string_equal(rest, "c/d");
}

static void bucket_limits_rate(void **state)
{
	struct bucket k;
	unsigned int taken = 0;

	(void)state;
	bucket_init(&k, 50, 10, 1000);
	/* A flood for ten seconds gets the burst and the rate, no more. */
	for (uint64_t now = 1000; now <= 11000; now++)
		for (int i = 0; i < 5; i++)
			taken += bucket_take(&k, now);
	assert_int_equal(taken, 10 + 50 * 10);
}

static void bucket_tells_when(void **state)
{
	struct bucket k;
	uint64_t when;

	(void)state;
	bucket_init(&k, 3, 1, 0);
	assert_true(bucket_take(&k, 0));
	assert_false(bucket_take(&k, 0));
	when = bucket_when(&k, 0);
	assert_int_equal(when, 334);
	assert_false(bucket_take(&k, when - 1));
	when = bucket_when(&k, when - 1);
	assert_true(bucket_take(&k, when));
}

static void bucket_survives_sleep_and_step_back(void **state)
{
	struct bucket k;

	(void)state;
	bucket_init(&k, 1000, 2, 5000);
	assert_true(bucket_take(&k, UINT64_MAX));
	assert_true(bucket_take(&k, UINT64_MAX));
	assert_false(bucket_take(&k, UINT64_MAX));
	bucket_init(&k, 1, 1, 5000);
	assert_true(bucket_take(&k, 4000));
	assert_false(bucket_take(&k, 4000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(hashes),
		cmocka_unit_test(session_names),
		cmocka_unit_test(identities),
		cmocka_unit_test(printable),
		cmocka_unit_test(paths),
		cmocka_unit_test(bucket_limits_rate),
		cmocka_unit_test(bucket_tells_when),
		cmocka_unit_test(bucket_survives_sleep_and_step_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

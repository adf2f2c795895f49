// SPDX-License-Identifier: BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "backend/session_table.h"

static void finds_by_name(void **state)
{
	struct session_table t;
	struct session *a, *b;

	(void)state;
	session_table_init(&t);
	assert_null(session_table_find(&t, "a"));
	a = session_table_add(&t, "a");
	b = session_table_add(&t, "b");
	assert_ptr_equal(session_table_find(&t, "a"), a);
	assert_ptr_equal(session_table_find(&t, "b"), b);
	assert_null(session_table_find(&t, "ab"));
	session_table_drop(&t, a);
	assert_null(session_table_find(&t, "a"));
	session_table_drop(&t, b);
	assert_int_equal(t.live, 0);
}

static void counts_live_and_over(void **state)
{
	struct session_table t;
	struct session *a, *b;

	(void)state;
	session_table_init(&t);
	a = session_table_add(&t, "a");
	b = session_table_add(&t, "b");
	assert_int_equal(t.live, 2);
	session_table_over(&t, a);
	session_table_over(&t, a); /* a second time changes nothing */
	assert_int_equal(t.live, 1);
	assert_int_equal(t.over, 1);
	session_table_drop(&t, a);
	assert_int_equal(t.over, 0);
	session_table_drop(&t, b);
	assert_int_equal(t.live, 0);
}

/* Answers leave in the order in which sessions ended, not came. */
static void oldest_answer_first(void **state)
{
	struct session_table t;
	struct session *a, *b, *c;

	(void)state;
	session_table_init(&t);
	a = session_table_add(&t, "a");
	b = session_table_add(&t, "b");
	c = session_table_add(&t, "c");
	assert_null(session_table_oldest_over(&t));
	session_table_over(&t, c);
	session_table_over(&t, a);
	assert_ptr_equal(session_table_oldest_over(&t), c);
	session_table_drop(&t, c);
	assert_ptr_equal(session_table_oldest_over(&t), a);
	session_table_drop(&t, a);
	assert_null(session_table_oldest_over(&t));
	session_table_drop(&t, b);
}

static void longest_name_fits(void **state)
{
	struct session_table t;
	char name[EXEC_SID_MAX + 1];
	struct session *s;

	(void)state;
	memset(name, 'z', EXEC_SID_MAX);
	name[EXEC_SID_MAX] = 0;
	session_table_init(&t);
	s = session_table_add(&t, name);
	assert_string_equal(s->sid, name);
	session_table_drop(&t, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_by_name),
		cmocka_unit_test(counts_live_and_over),
		cmocka_unit_test(oldest_answer_first),
		cmocka_unit_test(longest_name_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* Lines that a guest can cause do not fill the host's log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "tools/lib/log.h"

static char text[1 << 20];

/* What the lines of @level are on stderr; how many there are. */
static int lines(enum log_level level, int n)
{
	int memory = memfd_create("log", 0), was = dup(STDERR_FILENO), got = 0;
	ssize_t len;

	assert_true(memory >= 0 && was >= 0);
	dup2(memory, STDERR_FILENO);
	for (int i = 0; i < n; i++)
		log_line(level, "line %d", i);
	dup2(was, STDERR_FILENO);
	len = pread(memory, text, sizeof(text) - 1, 0);
	assert_true(len >= 0);
	text[len] = 0;
	for (ssize_t i = 0; i < len; i++)
		got += text[i] == '\n';
	close(memory);
	close(was);
	return got;
}

static void no_limit(void **state)
{
	(void)state;
	log_open("test", LOG_TRACE);
	assert_int_equal(lines(LOG_WARN, 2000), 2000);
}

static void with_limit(void **state)
{
	(void)state;
	log_limit(20, 1);
	assert_in_range(lines(LOG_WARN, 2000), 20, 22);
	assert_non_null(strstr(text, "line 19\n"));
	assert_in_range(lines(LOG_ERROR, 2000), 0, 2);
	assert_int_equal(lines(LOG_TRACE, 2000), 2000);
	usleep(1100000);
	assert_in_range(lines(LOG_INFO, 1), 1, 1);
	assert_non_null(strstr(text, "lines were left out) line 0\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_limit),
		cmocka_unit_test(with_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* What captures of some of a guest's threads forbid to which of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cuda-exec/exec_internal.h"

#define GLOBAL  CU_STREAM_CAPTURE_MODE_GLOBAL
#define LOCAL   CU_STREAM_CAPTURE_MODE_THREAD_LOCAL
#define RELAXED CU_STREAM_CAPTURE_MODE_RELAXED

struct real R;
static struct ex ex;
static CUstreamCaptureMode driver; /* our thread's mode there */

static CUresult exchange(CUstreamCaptureMode *mode)
{
	CUstreamCaptureMode old = driver;

	driver = *mode;
	*mode = old;
	return CUDA_SUCCESS;
}

static int setup(void **state)
{
	(void)state;
	memset(&ex, 0, sizeof(ex));
	driver = GLOBAL;
	R.cuThreadExchangeStreamCaptureMode = exchange;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(ex.capture);
	return 0;
}

static void begin(uint32_t stream, uint16_t thread, CUstreamCaptureMode mode)
{
	ex.rec.thread = thread;
	assert_int_equal(ex_capture_room(&ex), 0);
	ex_capture_began(&ex, stream, mode);
}

/* May @thread, of @mode, do what is unsafe in a capture? */
static bool may(uint16_t thread, CUstreamCaptureMode mode)
{
	ex.rec.thread = thread;
	ex.rec.capture_mode = (uint8_t)mode;
	assert_int_equal(ex_capture_mode(&ex), 0);
	return driver == RELAXED;
}

static void one_capture(void **state)
{
	/* [capture's mode][thread's mode], of another thread and the same */
	static const bool other[3][3] = { { false, true, true },
					  { true, true, true },
					  { true, true, true } };
	static const bool same[3][3] = { { false, false, true },
					 { false, false, true },
					 { true, true, true } };

	(void)state;
	for (int c = 0; c < 3; c++) {
		begin(7, 1, (CUstreamCaptureMode)c);
		for (int t = 0; t < 3; t++) {
			assert_int_equal(may(2, (CUstreamCaptureMode)t),
					 other[c][t]);
			assert_int_equal(may(1, (CUstreamCaptureMode)t),
					 same[c][t]);
		}
		ex_capture_ended(&ex, 7);
		assert_int_equal(ex.captures, 0);
	}
}

static void several(void **state)
{
	(void)state;
	begin(7, 1, LOCAL);
	begin(8, 2, LOCAL);
	begin(9, 3, RELAXED);
	assert_false(may(1, LOCAL));
	assert_false(may(2, GLOBAL));
	assert_true(may(3, GLOBAL));
	assert_true(may(4, GLOBAL));
	begin(10, 4, GLOBAL);
	assert_false(may(3, GLOBAL));
	assert_true(may(3, LOCAL));
	ex_capture_ended(&ex, 8);
	assert_true(may(2, LOCAL));
	assert_false(may(1, LOCAL));
	assert_false(may(2, GLOBAL));
	ex_capture_ended(&ex, 10);
	assert_true(may(2, GLOBAL));
}

static void ends_where_it_began(void **state)
{
	(void)state;
	begin(7, 1, GLOBAL);
	begin(8, 1, RELAXED);
	ex.rec.thread = 1;
	assert_false(ex_capture_foreign(&ex, 7));
	ex.rec.thread = 2;
	assert_true(ex_capture_foreign(&ex, 7));
	assert_false(ex_capture_foreign(&ex, 8));
	assert_false(ex_capture_foreign(&ex, 9));
}

static void many(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		begin(i + 2, (uint16_t)i, LOCAL);
	/* Streams that went without an end, and their numbers again. */
	for (uint32_t i = 0; i < 1000; i++)
		begin(i + 2, 5, GLOBAL);
	assert_int_equal(ex.captures, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		ex_capture_ended(&ex, i + 2);
	assert_int_equal(ex.captures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_capture, setup, teardown),
		cmocka_unit_test_setup_teardown(several, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_where_it_began, setup,
						teardown),
		cmocka_unit_test_setup_teardown(many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

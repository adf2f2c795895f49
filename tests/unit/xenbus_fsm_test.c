// SPDX-License-Identifier: BSD-2-Clause
/* Every pair of states, against a table written from state.h by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/xenbus_fsm.h"

#define NR 9

/* want[be][fe], wanted devices: next state; +10: sessions end; +20: they end
 * because the frontend restarted. Columns: fe 0..8. */
static const int want[NR][NR] = {
	/*        0   1   2   3   4   5   6   7   8 */
	[0] = { 16, 16, 16, 16, 16, 16, 16, 16, 16 },
	[1] = {  2,  2,  2,  2,  2,  2,  2,  2,  2 },
	[2] = {  6,  2,  2,  4,  4,  5,  6,  2,  2 },
	[3] = { 16, 16, 16, 16, 16, 16, 16, 16, 16 },
	[4] = { 16, 22, 22,  4,  4, 15, 16,  4,  4 },
	[5] = { 16, 22, 22, 22,  5,  5, 16,  5,  5 },
	[6] = {  6, 22, 22, 22, 12,  6,  6,  6,  6 },
	[7] = { 16, 16, 16, 16, 16, 16, 16, 16, 16 },
	[8] = { 16, 16, 16, 16, 16, 16, 16, 16, 16 },
};

/* The same for devices that are to go. */
static const int leave[NR][NR] = {
	[0] = { 16, 16, 16, 16, 16, 16, 16, 16, 16 },
	[1] = { 16, 16, 16, 15, 15, 15, 16, 16, 16 },
	[2] = { 16, 16, 16, 15, 15, 15, 16, 16, 16 },
	[3] = { 16, 16, 16, 16, 16, 16, 16, 16, 16 },
	[4] = { 16, 16, 16, 15, 15, 15, 16, 16, 16 },
	[5] = {  6,  6,  6,  5,  5,  5,  6,  6,  6 },
	[6] = {  6,  6,  6,  6,  6,  6,  6,  6,  6 },
	[7] = { 16, 16, 16, 16, 16, 16, 16, 16, 16 },
	[8] = { 16, 16, 16, 16, 16, 16, 16, 16, 16 },
};

static int coded(struct fsm_step s)
{
	return (int)s.next + (s.restarted ? 20 : s.end_sessions ? 10 : 0);
}

static void every_pair(void **state)
{
	(void)state;
	for (int be = 0; be < NR; be++)
		for (int fe = 0; fe < NR; fe++) {
			assert_int_equal(want[be][fe],
					 coded(xenbus_fsm(be, fe, true)));
			assert_int_equal(leave[be][fe],
					 coded(xenbus_fsm(be, fe, false)));
		}
}

/* From anywhere it comes to rest, and quickly. */
static void settles(void **state)
{
	(void)state;
	for (int i = 0; i < NR * NR * 2; i++) {
		enum vgpu_state fe = i / 2 % NR, be = i / 2 / NR;
		struct fsm_step s = { be, false, false };
		int moves = 0;

		do {
			be = s.next;
			s = xenbus_fsm(be, fe, i % 2);
			assert_true(++moves <= 4);
		} while (s.next != be);
	}
}

/* Walk through @fe and compare where the backend rests after each. */
static void walk(const int *fe, const int *rest, int n)
{
	enum vgpu_state be = VGPU_STATE_INITIALISING;

	for (int i = 0; i < n; i++) {
		enum vgpu_state before;

		do {
			before = be;
			be = xenbus_fsm(be, fe[i], true).next;
		} while (be != before);
		assert_int_equal(rest[i], be);
	}
}

static void handshake_and_reboot(void **state)
{
	static const int fe[] = { 1, 3, 4, 4, 1, 3, 4, 5, 6, 1, 3, 4 };
	static const int be[] = { 2, 4, 4, 4, 2, 4, 4, 5, 6, 2, 4, 4 };

	(void)state;
	walk(fe, be, 12);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(xenbus_state_name(VGPU_STATE_CONNECTED),
			    "connected");
	assert_string_equal(xenbus_state_name(99), "impossible");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair),
		cmocka_unit_test(settles),
		cmocka_unit_test(handshake_and_reboot),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export_slots.h - macros that fill a private table with slots that log their
 * own name. Included by the two files that define tables.
 *
 *   SLOTS(2, t6bd5fb6c)            defines the functions, 16 slots a row
 *   ... = {
 *           WORDS(2, t6bd5fb6c),   points all words at them,
 *           SIZE_WORDS(13),        and the known ones are then put over it
 *           [2] = SLOT(get_it),
 *   };
 */
#ifndef VG_EXPORT_SLOTS_H
#define VG_EXPORT_SLOTS_H

#include "frontend/libcuda/export_tables.h"

/* A designated word after WORDS() replaces it, on purpose. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define UNKNOWN_SLOT(t, n)                                                     \
	static CUresult __attribute__((unused)) t##_##n(void)                  \
	{                                                                      \
		return vg_not_supported("private table " #t " slot " #n);      \
	}
#define UNKNOWN_WORD(t, n) [n] = { .fn = (export_fn)t##_##n },

#define ROW(M, t, r)                                                           \
	M(t, 0x##r##0) M(t, 0x##r##1) M(t, 0x##r##2) M(t, 0x##r##3)            \
	M(t, 0x##r##4) M(t, 0x##r##5) M(t, 0x##r##6) M(t, 0x##r##7)            \
	M(t, 0x##r##8) M(t, 0x##r##9) M(t, 0x##r##a) M(t, 0x##r##b)            \
	M(t, 0x##r##c) M(t, 0x##r##d) M(t, 0x##r##e) M(t, 0x##r##f)
#define ROWS2(M, t) ROW(M, t, 0) ROW(M, t, 1)
#define ROWS5(M, t) ROWS2(M, t) ROW(M, t, 2) ROW(M, t, 3) ROW(M, t, 4)
#define ROWS7(M, t) ROWS5(M, t) ROW(M, t, 5) ROW(M, t, 6)

#define SLOTS(rows, t)	ROWS##rows(UNKNOWN_SLOT, t)
#define WORDS(rows, t)	ROWS##rows(UNKNOWN_WORD, t)
#define SLOT(function)	{ .fn = (export_fn)(function) }
#define SIZE_WORDS(n)	[0] = { .size = (n) * sizeof(union export_word) }

#endif

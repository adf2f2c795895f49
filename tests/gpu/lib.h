/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib.h - for the tests of NVIDIA's libraries. Their input is small whole
 * numbers, so that sums are exact in every precision that is tried.
 */
#ifndef TESTS_GPU_LIB_H
#define TESTS_GPU_LIB_H

#include "tests/cuda/rt.h"

/* All these libraries' status types are enums in which success is 0. */
#define LIB(call)                                                              \
	do {                                                                   \
		int lib_status = (int)(call);                                  \
		if (lib_status)                                                \
			fail("%s:%d: %s gave %d", __FILE__, __LINE__, #call,   \
			     lib_status);                                      \
	} while (0)

/* Whole numbers from -range to range. */
static UNUSED_OK void whole_numbers(float *v, size_t n, int range,
				    uint32_t seed)
{
	for (size_t i = 0; i < n; i++)
		v[i] = (float)((int)(rng(&seed) % (2 * range + 1)) - range);
}

#endif

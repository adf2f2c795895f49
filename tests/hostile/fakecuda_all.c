// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every other function of the driver: it succeeds and touches nothing. They
 * are weak, so that fakecuda.c and a test have the last word.
 */
#include <cuda.h>

#include "gen/real.h"

#define X(name) \
	__attribute__((weak, visibility("default"))) \
	int fake_##name(void) __asm__(#name); \
	int fake_##name(void) \
	{ \
		return CUDA_SUCCESS; \
	}
REAL_CALLS(X)

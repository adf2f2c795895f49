// SPDX-License-Identifier: BSD-2-Clause
/* Every entry point that cuGetProcAddress can name, for the driver of
 * integrity_cudart_test.c to have in place of those that it does not define. */
#define NOT_SUPPORTED 801 /* CUDA_ERROR_NOT_SUPPORTED, without prototypes */

#define PROCADDR_SYMBOL(symbol)                                                \
	int symbol(void);                                                      \
	int __attribute__((weak, visibility("default"))) symbol(void)          \
	{                                                                      \
		return NOT_SUPPORTED;                                          \
	}
#include "procaddr_table.h"

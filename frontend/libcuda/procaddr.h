/* SPDX-License-Identifier: BSD-2-Clause */
/* procaddr.h - from a public name and a CUDA version to an entry point. */
#ifndef VG_PROCADDR_H
#define VG_PROCADDR_H

#include <stdbool.h>
#include <stddef.h>

enum procaddr_status { /* the numbers of CUdriverProcAddressQueryResult */
		       PROCADDR_FOUND = 0,
		       PROCADDR_NO_SYMBOL = 1,
		       PROCADDR_OLD_VERSION = 2,
};

/*
 * @symbol: without a version suffix. @version: the newest ABI that the caller
 * can take, 1000 * major + 10 * minor. *ret is written when it was found.
 */
enum procaddr_status procaddr_find(const char *symbol, int version,
				   bool per_thread, void **ret);

size_t procaddr_rows(void); /* (name, version) pairs that are known */

#endif

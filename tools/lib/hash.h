/* SPDX-License-Identifier: BSD-2-Clause */
/* hash.h - one word more into a hash, for tables inside a process. */
#ifndef TOOLS_LIB_HASH_H
#define TOOLS_LIB_HASH_H

#include <stdint.h>

static inline uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

#endif

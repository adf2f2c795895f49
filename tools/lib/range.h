/* SPDX-License-Identifier: BSD-2-Clause */
/* range.h - range checks on numbers that a guest chose. */
#ifndef VGPU_RANGE_H
#define VGPU_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Is [off, off + len) inside [0, size)? Cannot wrap. */
static inline bool range_ok(uint64_t off, uint64_t len, uint64_t size)
{
	return off <= size && len <= size - off;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devmem.h - which addresses a kernel may touch.
 *
 * Device memory is one reservation of this process; dev_map has a byte for
 * every 256 bytes of it, not zero while they are allocated. Pinned and
 * registered host memory is a list of ranges (host_find(), in hostmem.c).
 */
#ifndef SOFTGPU_DEVMEM_H
#define SOFTGPU_DEVMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEV_SHIFT 8
#define DEV_GRAIN (1u << DEV_SHIFT)

extern uint64_t dev_base, dev_size, dev_span;
extern uint8_t *dev_map;

static inline bool dev_valid(uint64_t addr)
{
	uint64_t off = addr - dev_base;

	return off < dev_span &&
	       __atomic_load_n(&dev_map[off >> DEV_SHIFT], __ATOMIC_RELAXED);
}

/* The pinned or registered host range around @addr. */
bool host_find(uint64_t addr, uint64_t *lo, uint64_t *hi);

#endif

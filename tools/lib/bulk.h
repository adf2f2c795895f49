/* SPDX-License-Identifier: BSD-2-Clause */
/* bulk.h - memcpy by several threads where that pays. */
#ifndef VGPU_BULK_H
#define VGPU_BULK_H

#include <stdint.h>

void bulk_copy(void *dst, const void *src, uint64_t n);

/* The same for what a device reads from @dst next, and no core does. */
void bulk_send(void *dst, const void *src, uint64_t n);

/* Have the kernel give [p, p + n) its pages now, so that no copy pays for
 * page faults; @p is aligned to a page. Where it cannot, faults do it. */
void bulk_populate(void *p, uint64_t n);

#endif

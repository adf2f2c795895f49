/* SPDX-License-Identifier: BSD-2-Clause */
/* guard.h - memory between two pages that nobody may touch. */
#ifndef TEST_GUARD_H
#define TEST_GUARD_H

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define GUARD_PAGE 4096u

/* @size bytes whose end touches the guard page behind them; when @size is a
 * multiple of the page size, so does their start. */
static inline void *guard_alloc(size_t size)
{
	size_t pages = (size + GUARD_PAGE - 1) / GUARD_PAGE * GUARD_PAGE;
	uint8_t *p = mmap(NULL, pages + 2 * GUARD_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED ||
	    mprotect(p + GUARD_PAGE, pages, PROT_READ | PROT_WRITE))
		abort();
	return p + GUARD_PAGE + pages - size;
}

static inline void guard_free(void *p, size_t size)
{
	size_t pages = (size + GUARD_PAGE - 1) / GUARD_PAGE * GUARD_PAGE;

	if (munmap((uint8_t *)p + size - pages - GUARD_PAGE,
		   pages + 2 * GUARD_PAGE))
		abort();
}

#endif

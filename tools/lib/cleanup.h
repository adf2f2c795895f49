/* SPDX-License-Identifier: BSD-2-Clause */
/* cleanup.h - what a scope owns is released when it is left. */
#ifndef VGPU_CLEANUP_H
#define VGPU_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_FD   __attribute__((cleanup(cleanup_fd)))

/* Hand ownership out of the scope: the variable becomes -1. */
static inline int fd_take(int *fd)
{
	int f = *fd;

	*fd = -1;
	return f;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn.h - starts the executor program with one descriptor and no more. */
#ifndef VGPU_SPAWN_H
#define VGPU_SPAWN_H

#include <sys/types.h>

/* @control: handed over as descriptor 3. @cache: the CUDA driver's cache of
 * compiled code. The child gets a process group of its own and dies with this
 * thread. */
int spawn_executor(const char *program, const char *driver,
		   const char *log_level, const char *cache, int control,
		   pid_t *ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * jit_cache.h - the CUDA driver's cache of what it compiled, one for each VM.
 *
 * The driver reads CUDA_CACHE_PATH in cuInit, and an executor calls that before
 * it knows its VM. So each gets a path of its own, RUN-DIR/jit/N, which becomes
 * a link to STATE-DIR/jit/VM when a guest process comes, and goes with the
 * executor: the cache outlives it, and no VM sees another one's.
 */
#ifndef VGPU_JIT_CACHE_H
#define VGPU_JIT_CACHE_H

#include <limits.h>
#include <stdint.h>

#include "backend/limits.h"
#include "backend/vm.h"

struct jit_cache {
	char state[SENTENCE_MAX - 64]; /* STATE-DIR/jit, absolute; "": none */
	char run[SENTENCE_MAX - 64];   /* RUN-DIR/jit */
	uint64_t next;
};

/* Without it VMs have no cache; the reason is logged. */
void jit_cache_open(struct jit_cache *c, const char *state_dir,
		    const char *run_dir);

/* A new executor's path; @path: SENTENCE_MAX - 32 bytes. */
void jit_cache_path(struct jit_cache *c, char *path, uint64_t *number);

/* The executor serves this VM now. */
void jit_cache_give(struct jit_cache *c, uint64_t number,
		    const struct vm_id *id);
void jit_cache_take(struct jit_cache *c, uint64_t number);

/* The VM is registered no more: another one may come by its name. */
void jit_cache_forget(struct jit_cache *c, const struct vm_id *id);

#endif

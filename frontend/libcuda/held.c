// SPDX-License-Identifier: BSD-2-Clause
/*
 * held.c - small blocks that the program has freed and may soon ask for again.
 *
 * When nothing is outstanding in its context, cuMemFree of a block need not
 * reach the host before any other record does. It is held here until then, and
 * cuMemAlloc of the same size gets it without asking the host. For the program
 * it is free: the tracker does not know it any more, and whatever asks the
 * host, works on the GPU or ends a context first gives back what is held
 * (vg_held_before), so that the host answers as if it had been freed at once.
 * Nothing becomes outstanding while a block is held, so that giving it back
 * does not wait for the GPU either. Blocks never leave the process.
 */
#include "frontend/libcuda/vg.h"

#include <pthread.h>
#include <stdio.h>

#include "tools/lib/log.h"

struct block {
	uint64_t base, size;
	uint32_t ctx;
};

_Atomic uint32_t vg_held;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct block block[VG_HELD_BLOCKS]; /* the oldest first */
static uint64_t bytes;
static uint32_t most = VG_HELD_BLOCKS;

void vg_held_open(void)
{
	const char *e = getenv("VGPU_HELD_BLOCKS");
	unsigned int n;
	char rest;

	if (!e)
		return;
	if (sscanf(e, "%u%c", &n, &rest) == 1 && n <= VG_HELD_BLOCKS)
		most = n;
	else
		log_error("VGPU_HELD_BLOCKS=%s: use a number up to %u", e,
			  VG_HELD_BLOCKS);
}

bool vg_held_fits(uint64_t size)
{
	return most && size <= VG_HELD_BLOCK;
}

static void remove_at(uint32_t i)
{
	uint32_t n = atomic_load(&vg_held) - 1;

	bytes -= block[i].size;
	memmove(&block[i], &block[i + 1], (n - i) * sizeof(block[0]));
	atomic_store(&vg_held, n);
}

/* It counts as held until the host's order of calls has its end. The error of
 * a session that is over is the next call's. */
static void give_back_oldest(void)
{
	struct in_vgMemFree in = { .ptr = block[0].base };
	struct vg_seg s = { &in, sizeof(in) };

	if (vg_post_in(block[0].ctx, OP_vgMemFree, &s, 1))
		log_debug("a freed block could not be given back");
	remove_at(0);
}

bool vg_held_keep(uint64_t base)
{
	struct vg_range r;
	bool kept;

	pthread_mutex_lock(&lock);
	kept = vg_range_remove(base, &r);
	if (kept) {
		while (atomic_load(&vg_held) == most ||
		       bytes + r.size > VG_HELD_BYTES)
			give_back_oldest();
		block[atomic_load(&vg_held)] =
			(struct block){ r.base, r.size, r.ctx };
		bytes += r.size;
		atomic_fetch_add(&vg_held, 1);
	}
	pthread_mutex_unlock(&lock);
	return kept;
}

bool vg_held_take(uint32_t ctx, uint64_t size, uint64_t *base)
{
	bool found = false;

	if (!atomic_load_explicit(&vg_held, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&lock);
	for (uint32_t i = atomic_load(&vg_held); i-- > 0 && !found;) {
		if (block[i].ctx != ctx || block[i].size != size)
			continue;
		*base = block[i].base;
		remove_at(i);
		found = true;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* False: there was nothing. */
bool vg_held_give_back(void)
{
	bool any = false;

	if (likely(!atomic_load_explicit(&vg_held, memory_order_relaxed)))
		return false;
	pthread_mutex_lock(&lock);
	for (; atomic_load(&vg_held); any = true)
		give_back_oldest();
	pthread_mutex_unlock(&lock);
	return any;
}

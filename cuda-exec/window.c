// SPDX-License-Identifier: BSD-2-Clause
/*
 * window.c - arenas: the guest's pages for bulk bytes, mapped here and known
 * to the driver, so that DMA goes straight to and from them.
 */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <string.h>

/* ---- by address -------------------------------------------------------- */

static uint64_t base_of(const struct ex *e, uint32_t k)
{
	return (uint64_t)(uintptr_t)e->arena[e->by_base[k]].base;
}

/* How many mapped arenas begin at @addr or below. */
static uint32_t begun(const struct ex *e, uint64_t addr)
{
	uint32_t lo = 0, hi = e->mapped;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (base_of(e, mid) <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct ex_arena *ex_arena_at(const struct ex *e, uint64_t addr)
{
	uint32_t k = begun(e, addr);
	const struct ex_arena *a;

	if (!k)
		return NULL;
	a = &e->arena[e->by_base[k - 1]];
	return addr - base_of(e, k - 1) < a->size ? a : NULL;
}

static void enter(struct ex *e, uint32_t arena)
{
	uint32_t k = begun(e, (uint64_t)(uintptr_t)e->arena[arena].base);

	memmove(&e->by_base[k + 1], &e->by_base[k],
		(e->mapped - k) * sizeof(e->by_base[0]));
	e->by_base[k] = (uint16_t)arena;
	e->mapped++;
}

static void take_out(struct ex *e, uint32_t arena)
{
	uint32_t k = begun(e, (uint64_t)(uintptr_t)e->arena[arena].base) - 1;

	e->mapped--;
	memmove(&e->by_base[k], &e->by_base[k + 1],
		(e->mapped - k) * sizeof(e->by_base[0]));
}

/* ---- known to the driver ----------------------------------------------- */

/* It needs a context, in which the registration lives and dies. Where the
 * driver refuses, copies go through its own staging. */
static void register_arena(struct ex *e, struct ex_arena *a)
{
	CUresult r;

	if (!a->base || a->ctx || !R.cuMemHostRegister_v2)
		return;
	if (!e->cur_ctx) {
		e->unregistered = true;
		return;
	}
	ex_relax(e);
	r = R.cuMemHostRegister_v2(a->base, a->size,
				   CU_MEMHOSTREGISTER_PORTABLE |
				   CU_MEMHOSTREGISTER_DEVICEMAP);
	if (!r)
		a->ctx = e->cur_ctx;
	else
		log_info("domain %u session %s: the driver does not register "
			 "%u granted pages (%d): copies are staged, and "
			 "kernels cannot use them", e->domid, e->sid, a->pages,
			 r);
}

/* Arenas that were mapped before there was a context, or whose context went:
 * once for each, when a context comes or becomes current. */
void ex_register_window(struct ex *e)
{
	if (!e->unregistered || !e->cur_ctx)
		return;
	e->unregistered = false;
	for (uint32_t k = 0; k < e->mapped; k++)
		register_arena(e, &e->arena[e->by_base[k]]);
}

/* The last arena that was mapped, before the first record that may need it, or
 * when nothing comes: the driver takes some 10 ms for 16 MiB, and a program's
 * first use of the window is an image, which the GPU does not read there. */
void ex_register_fresh(struct ex *e)
{
	e->fresh = false;
	register_arena(e, &e->arena[e->fresh_arena]);
}

/* The context is about to go, and its registrations with it. */
void ex_window_forget_ctx(struct ex *e, uint32_t ctx)
{
	for (uint32_t k = 0; k < e->mapped; k++) {
		struct ex_arena *a = &e->arena[e->by_base[k]];

		if (a->ctx != ctx)
			continue;
		a->ctx = 0;
		e->unregistered = true;
	}
}

/* Registered pages are every context's: where theirs is not ours to use any
 * more, another one lets go of them, or the driver knows that they went. */
static void unregister_arena(struct ex *e, struct ex_arena *a)
{
	CUresult r;

	if (!R.cuMemHostUnregister)
		return;
	ex_relax(e);
	r = a->ctx ? ex_use_ctx(e, a->ctx) : CUDA_SUCCESS;
	if (!r || e->cur_ctx)
		r = R.cuMemHostUnregister(a->base);
	if (r && a->ctx && r != CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED)
		log_warn("domain %u session %s: the driver keeps %u granted "
			 "pages (%d)", e->domid, e->sid, a->pages, r);
}

/* ---- mapped ------------------------------------------------------------ */

/* Impossible: what no list cut into records looks like. */
static bool follows(const struct ex_arena *a, const struct in_vgArenaAdd *in)
{
	return !a->base && in->count && in->pages <= VGPU_ARENA_PAGES_MAX &&
	       range_ok(in->first, in->count, in->pages) &&
	       in->first == a->have && (!a->have || in->pages == a->pages);
}

/* Room is taken with the first record, so that lists on the way are bounded
 * by the session's budget too. */
static CUresult begin(struct ex *e, struct ex_arena *a, uint32_t pages)
{
	if (e->window_pages + pages > e->window_max)
		return CUDA_ERROR_OUT_OF_MEMORY;
	a->refs = calloc(pages, sizeof(*a->refs));
	if (!a->refs)
		return CUDA_ERROR_OUT_OF_MEMORY;
	a->pages = pages;
	e->window_pages += pages;
	return CUDA_SUCCESS;
}

static CUresult complete(struct ex *e, uint32_t arena)
{
	struct ex_arena *a = &e->arena[arena];

	a->base = ex_map_refs(e, a->refs, a->pages);
	free(a->refs);
	a->refs = NULL;
	if (!a->base) {
		ex_arena_unmap(e, arena);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	a->size = (uint64_t)a->pages * VGPU_PAGE;
	enter(e, arena);
	e->fresh = true;
	e->fresh_arena = arena;
	return CUDA_SUCCESS;
}

CUresult ex_arena_refs(struct ex *e, const struct in_vgArenaAdd *in,
		       const uint32_t *refs)
{
	struct ex_arena *a = &e->arena[in->arena];
	CUresult r = CUDA_SUCCESS;

	if (!follows(a, in))
		return EX_BAD;
	if (!a->have)
		r = begin(e, a, in->pages);
	if (r)
		return r;
	memcpy(a->refs + a->have, refs, in->count * sizeof(*refs));
	a->have += in->count;
	return a->have < a->pages ? CUDA_SUCCESS : complete(e, in->arena);
}

/* Also one whose references are still on the way. */
void ex_arena_unmap(struct ex *e, uint32_t arena)
{
	struct ex_arena *a = &e->arena[arena];

	if (a->base) {
		take_out(e, arena);
		unregister_arena(e, a);
		if (xengnttab_unmap(e->xgt, a->base, a->pages))
			log_warn("domain %u session %s: unmapping arena %u "
				 "failed: %s", e->domid, e->sid, arena,
				 strerror(errno));
		e->stats->granted_pages -= a->pages;
		e->stats->grant_unmaps += a->pages;
	}
	free(a->refs);
	e->window_pages -= a->pages;
	*a = (struct ex_arena){ 0 };
}

uint8_t *ex_window(struct ex *e, uint32_t arena, uint64_t off, uint64_t len)
{
	if (arena >= VGPU_ARENAS || !e->arena[arena].base ||
	    !range_ok(off, len, e->arena[arena].size))
		return NULL;
	return e->arena[arena].base + off;
}

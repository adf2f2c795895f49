// SPDX-License-Identifier: BSD-2-Clause
/* exec_bar.c - barriers of a block and of a warp. */
#include "tools/softgpu/exec.h"

#include <string.h>

/*
 * Threads counted at a barrier. With a count in the instruction hardware
 * counts whole warps: lanes that do not exist or have left count as arrived.
 */
static uint32_t arrived(const struct cta *c, const struct barrier *b)
{
	uint32_t n = b->arrived;

	for (uint32_t i = 0; i < c->nwarps; i++) {
		uint32_t here = b->waiting[i];

		if (b->expected && here && here == c->warps[i].live)
			n += 32;
		else
			n += (uint32_t)__builtin_popcount(here);
	}
	return n;
}

static void release(struct cta *c, struct barrier *b)
{
	for (uint32_t i = 0; i < c->nwarps; i++) {
		c->warps[i].blocked &= ~b->waiting[i];
		b->waiting[i] = 0;
	}
	b->arrived = 0;
	b->waiters = 0;
	b->expected = 0;
	c->progress = true;
}

static bool complete(const struct cta *c, const struct barrier *b)
{
	return arrived(c, b) >= (b->expected ? b->expected : c->live);
}

/* Results of bar.red go to the lanes that wait; they read them when woken. */
static void give_results(struct cta *c, const struct barrier *b)
{
	for (uint32_t i = 0; i < c->nwarps; i++) {
		struct warp *w = &c->warps[i];

		for (uint32_t m = b->waiting[i]; m; m &= m - 1) {
			uint32_t l = (uint32_t)__builtin_ctz(m);
			const struct insn *in = &c->code[w->lane_pc[l] - 1];
			uint8_t *regs =
				w->file +
				c->grid->mod->funcs[w->lane_func[l]]->base;
			uint32_t *d = (uint32_t *)(regs + in->d);
			bool r = in->sub == 1 ? b->red_true == b->red_all
					      : b->red_true != 0;

			if (in->fn != ex_bar_red)
				continue;
			if (in->sub == 0)
				d[l] = b->red_true;
			else
				*d = (*d & ~(1u << l)) | (uint32_t)r << l;
		}
	}
}

static void check(struct cta *c, struct barrier *b)
{
	if (!b->waiters || !complete(c, b))
		return;
	if (b->red_all)
		give_results(c, b);
	b->red_true = 0;
	b->red_all = 0;
	release(c, b);
}

void bar_exit_check(struct cta *c)
{
	for (int i = 0; i < BAR_COUNT; i++)
		check(c, &c->bar[i]);
}

static struct barrier *barrier_of(struct warp *w, const struct insn *in,
				  uint32_t m)
{
	uint32_t l = (uint32_t)__builtin_ctz(m);
	uint32_t id = ((uint32_t *)REG(in->a))[l];
	uint32_t count = in->n ? ((uint32_t *)REG(in->b))[l] : 0;

	if (id >= BAR_COUNT) {
		cta_fault(w, in, 719, "barrier %u does not exist", id);
		return NULL;
	}
	if (w->cta->bar[id].waiters + w->cta->bar[id].arrived &&
	    w->cta->bar[id].expected != count) {
		cta_fault(w, in, 719, "threads disagree about the count of "
			  "barrier %u", id);
		return NULL;
	}
	w->cta->bar[id].expected = count;
	return &w->cta->bar[id];
}

static void wait_at(struct warp *w, const struct insn *in, uint32_t m,
		    uint32_t preds)
{
	struct barrier *b;

	w->pc++;
	warp_park(w);
	b = m ? barrier_of(w, in, m) : NULL;
	if (!b)
		return;
	b->waiting[w->index] |= m;
	b->waiters += (uint32_t)__builtin_popcount(m);
	w->blocked |= m;
	if (in->fn == ex_bar_red) {
		b->red_true += (uint32_t)__builtin_popcount(m & preds);
		b->red_all += (uint32_t)__builtin_popcount(m);
	}
	check(w->cta, b);
}

void ex_bar(struct warp *w, const struct insn *in, uint32_t m)
{
	wait_at(w, in, m, 0);
}

/* insn.sub: 0 popc, 1 and, 2 or; c is the predicate */
void ex_bar_red(struct warp *w, const struct insn *in, uint32_t m)
{
	wait_at(w, in, m, *(uint32_t *)REG(in->c));
}

void ex_bar_arrive(struct warp *w, const struct insn *in, uint32_t m)
{
	struct barrier *b = m ? barrier_of(w, in, m) : NULL;

	w->pc++;
	warp_park(w);
	if (!b)
		return;
	b->arrived += m == w->live ? 32
				   : (uint32_t)__builtin_popcount(m);
	check(w->cta, b);
}

/* --- one warp ------------------------------------------------------------- */

/* Lanes whose partners are all here go on. */
void warpsync_check(struct warp *w)
{
	for (uint32_t m = w->warpsync; m; m &= m - 1) {
		uint32_t l = (uint32_t)__builtin_ctz(m), same = 0;
		uint32_t need = w->member[l] & w->live;

		for (uint32_t o = w->warpsync; o; o &= o - 1)
			if (w->member[__builtin_ctz(o)] == w->member[l])
				same |= o & -o;
		if (need & ~same)
			continue;
		w->warpsync &= ~same;
		w->stalled &= ~same;
		m &= ~same | (m & -m);
	}
}

void ex_bar_warp(struct warp *w, const struct insn *in, uint32_t m)
{
	const uint32_t *mask = REG(in->a);
	uint32_t first = m ? mask[__builtin_ctz(m)] & w->live : 0;

	w->pc++;
	/* the usual case: all of them are running together */
	if (m == first && m == w->active) {
		bool same = true;

		for (uint32_t o = m; o; o &= o - 1)
			same &= (mask[__builtin_ctz(o)] & w->live) == first;
		if (same)
			return;
	}
	warp_park(w);
	for (uint32_t o = m; o; o &= o - 1)
		w->member[__builtin_ctz(o)] = mask[__builtin_ctz(o)];
	w->warpsync |= m;
	w->stalled |= m;
	warpsync_check(w);
}

// SPDX-License-Identifier: BSD-2-Clause
/* exec_warp.c - which lanes run, and the loop that runs them. */
#include "tools/softgpu/exec.h"

#include <stddef.h>

/* Every lane of the running group waits at the group's pc. */
void warp_park(struct warp *w)
{
	for (uint32_t m = w->active; m; m &= m - 1)
		w->lane_pc[__builtin_ctz(m)] = w->pc;
	w->active = 0;
}

static void enter(struct warp *w, uint32_t lanes, uint32_t pc)
{
	uint32_t func = w->lane_func[__builtin_ctz(lanes)];

	w->active = lanes;
	w->pc = pc;
	w->func = func;
	w->regs = w->file + w->cta->grid->mod->funcs[func]->base;
}

/* The group with the smallest pc; lanes join where paths meet again. */
bool warp_pick(struct warp *w)
{
	uint32_t cand = w->live & ~w->blocked & ~w->stalled;
	uint32_t best = UINT32_MAX, next = UINT32_MAX, group = 0;

	if (!cand)
		return false;
	for (uint32_t m = cand; m; m &= m - 1) {
		uint32_t l = (uint32_t)__builtin_ctz(m), pc = w->lane_pc[l];

		if (pc < best) {
			next = best;
			best = pc;
			group = 1u << l;
		} else if (pc == best) {
			group |= 1u << l;
		} else if (pc < next) {
			next = pc;
		}
	}
	enter(w, group, best);
	w->next_pc = next;
	return true;
}

/*
 * Every other turn belongs to another group, round robin, and is not ended by
 * catching up: otherwise lanes that spin at a small pc would starve the lane
 * that they wait for.
 */
static bool pick_fair(struct warp *w)
{
	uint32_t cand = w->live & ~w->blocked & ~w->stalled, group = 0, pc;

	if (!cand)
		return false;
	do
		w->turn = (w->turn + 1) % 64;
	while (!(cand >> (w->turn & 31) & 1));
	pc = w->lane_pc[w->turn & 31];
	for (uint32_t m = cand; m; m &= m - 1)
		if (w->lane_pc[__builtin_ctz(m)] == pc)
			group |= m & -m;
	enter(w, group, pc);
	w->next_pc = group == cand ? UINT32_MAX : UINT32_MAX - 1;
	return true;
}

/* @fair: this turn is for a group that waits, if there are several. */
void warp_run(struct warp *w, uint64_t budget, bool fair)
{
	struct cta *c = w->cta;
	const struct insn *code = c->code;

	if (!(fair ? pick_fair(w) : warp_pick(w)))
		return;
	c->progress = true;
	while (budget--) {
		const struct insn *in;
		uint32_t m;

		if (w->pc >= w->next_pc) {
			warp_park(w);
			if (c->error || !warp_pick(w))
				return;
		}
		in = &code[w->pc];
		m = w->active & (*(const uint32_t *)REG(in->guard) ^ in->gxor);
		if (!in->ctl) {
			if (m)
				in->fn(w, in, m);
			w->pc++;
			continue;
		}
		in->fn(w, in, m);
		if (!w->active && (c->error || !warp_pick(w)))
			return;
	}
	warp_park(w);
}

/* --- branches and exits --------------------------------------------------- */

static void leave_at(struct warp *w, uint32_t lanes, uint32_t pc)
{
	for (uint32_t m = lanes; m; m &= m - 1)
		w->lane_pc[__builtin_ctz(m)] = pc;
	if (pc < w->next_pc)
		w->next_pc = pc;
}

void ex_bra(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t rest = w->active & ~m;

	if (!m) {
		w->pc++;
	} else if (!rest) {
		w->pc = in->target;
	} else if (in->target <= w->pc) {
		leave_at(w, rest, w->pc + 1);
		w->active = m;
		w->pc = in->target;
	} else {
		leave_at(w, m, in->target);
		w->active = rest;
		w->pc++;
	}
}

void ex_brx(struct warp *w, const struct insn *in, uint32_t m)
{
	const struct ptx_targets *t = in->aux;
	const uint32_t *index = REG(in->a);
	uint32_t go = m;

	w->pc++;
	w->active &= ~m;
	warp_park(w);
	for (; go; go &= go - 1) {
		uint32_t l = (uint32_t)__builtin_ctz(go);

		if (index[l] >= t->n) {
			cta_fault(w, in, 718, "branch table index %u of %u",
				  index[l], t->n);
			return;
		}
		w->lane_pc[l] = t->pcs[index[l]];
	}
}

/* Lanes that wait for @lanes of this warp look again. */
void warp_wake(struct warp *w)
{
	warp_park(w);
	w->stalled &= w->warpsync;
	warpsync_check(w);
}

void ex_exit(struct warp *w, const struct insn *in, uint32_t m)
{
	(void)in;
	w->live &= ~m;
	w->active &= ~m;
	w->cta->live -= (uint32_t)__builtin_popcount(m);
	w->pc++;
	warp_wake(w);
	bar_exit_check(w->cta);
}

void ex_trap(struct warp *w, const struct insn *in, uint32_t m)
{
	if (m)
		cta_fault(w, in, 719, "trap");
	w->pc++;
	warp_park(w);
}

void ex_nop(struct warp *w, const struct insn *in, uint32_t m)
{
	(void)w;
	(void)in;
	(void)m;
}

void ex_fence(struct warp *w, const struct insn *in, uint32_t m)
{
	(void)w;
	(void)in;
	(void)m;
	atomic_thread_fence(memory_order_seq_cst);
}

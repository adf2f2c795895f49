// SPDX-License-Identifier: BSD-2-Clause
/* exec_vote.c - instructions where lanes of a warp see each other. */
#include "tools/softgpu/exec.h"

#include <string.h>

/*
 * The lanes of the group whose partners have all arrived. The others stall at
 * this pc until the rest comes by (or leaves the kernel).
 */
static uint32_t together(struct warp *w, const struct insn *in, uint32_t m,
			 uint32_t mask_slot)
{
	const uint32_t *mask = REG(mask_slot);
	uint32_t waiting = w->stalled & ~w->warpsync, ready = 0, rest;

	for (; waiting; waiting &= waiting - 1) {
		uint32_t l = (uint32_t)__builtin_ctz(waiting);

		if (w->lane_pc[l] == w->pc) {
			w->active |= 1u << l;
			w->stalled &= ~(1u << l);
		}
	}
	m = w->active & (*(uint32_t *)REG(in->guard) ^ in->gxor);
	for (uint32_t o = m; o; o &= o - 1)
		if (!(mask[__builtin_ctz(o)] & w->live & ~m))
			ready |= o & -o;
	rest = m & ~ready;
	for (uint32_t o = rest; o; o &= o - 1)
		w->lane_pc[__builtin_ctz(o)] = w->pc;
	w->stalled |= rest;
	w->active &= ~rest;
	if (w->active)
		w->pc++;
	return ready;
}

/* shfl: insn.sub 0 up, 1 down, 2 bfly, 3 idx; e is the membermask */
void ex_shfl(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *p = REG(in->d2), old[32], pred = 0;
	const uint32_t *a = REG(in->a), *pb = REG(in->b), *pc = REG(in->c);

	m = together(w, in, m, in->e);
	memcpy(old, a, sizeof(old));
	for (uint32_t o = m; o; o &= o - 1) {
		int l = __builtin_ctz(o);
		int b = (int)(pb[l] & 31), seg = (int)(pc[l] >> 8 & 31);
		int clamp = (int)(pc[l] & 31);
		int max = (l & seg) | (clamp & ~seg), min = l & seg, j;
		bool ok;

		if (in->sub == 0) {
			j = l - b;
			ok = j >= max;
		} else if (in->sub == 1) {
			j = l + b;
			ok = j <= max;
		} else if (in->sub == 2) {
			j = l ^ b;
			ok = j <= max;
		} else {
			j = min | (b & ~seg);
			ok = j <= max;
		}
		d[l] = old[ok ? j & 31 : l];
		pred |= (uint32_t)ok << l;
	}
	if (in->n)
		*p = (*p & ~m) | (pred & m);
}

/* vote: insn.sub 0 all, 1 any, 2 uni, 3 ballot; c is the predicate */
void ex_vote(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t p = *(uint32_t *)REG(in->c), *d = REG(in->d), r = 0;
	const uint32_t *mask = REG(in->e);

	m = together(w, in, m, in->e);
	for (uint32_t o = m; o; o &= o - 1) {
		int l = __builtin_ctz(o);
		uint32_t who = mask[l] & w->live, yes = p & who;
		bool v = in->sub == 0 ? yes == who
			 : in->sub == 1 ? yes != 0 : yes == 0 || yes == who;

		if (in->sub == 3)
			d[l] = yes;
		else
			r |= (uint32_t)v << l;
	}
	if (in->sub != 3)
		*d = (*d & ~m) | (r & m);
}

/* match: insn.sub 0 any, 1 all (with predicate d2 if insn.n) */
void ex_match(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *p = REG(in->d2), pred = 0, out[32] = { 0 };
	const uint32_t *mask = REG(in->e);
	bool wide = slot_is_wide(in->t);

	m = together(w, in, m, in->e);
	for (uint32_t o = m; o; o &= o - 1) {
		unsigned int l = (unsigned int)__builtin_ctz(o);
		uint32_t who = mask[l] & w->live, same = 0;
		uint64_t v = reg_get(w, in->a, wide, l);

		for (uint32_t q = who; q; q &= q - 1)
			if (reg_get(w, in->a, wide,
				    (unsigned int)__builtin_ctz(q)) == v)
				same |= q & -q;
		if (in->sub)
			same = same == who ? mask[l] & w->live : 0;
		pred |= (uint32_t)(same != 0) << l;
		out[l] = same;
	}
	for (uint32_t o = m; o; o &= o - 1)
		d[__builtin_ctz(o)] = out[__builtin_ctz(o)];
	if (in->n)
		*p = (*p & ~m) | (pred & m);
}

static uint32_t fold(const struct insn *in, uint32_t x, uint32_t y)
{
	switch (in->sub) {
	case A_ADD:
		return x + y;
	case A_AND:
		return x & y;
	case A_OR:
		return x | y;
	case A_XOR:
		return x ^ y;
	case A_MIN:
		if (in->t == T_S32)
			return (int32_t)x < (int32_t)y ? x : y;
		return x < y ? x : y;
	default:
		if (in->t == T_S32)
			return (int32_t)x > (int32_t)y ? x : y;
		return x > y ? x : y;
	}
}

void ex_redux(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), out[32] = { 0 };
	const uint32_t *a = REG(in->a), *mask = REG(in->e);

	m = together(w, in, m, in->e);
	for (uint32_t o = m; o; o &= o - 1) {
		int l = __builtin_ctz(o);
		uint32_t who = mask[l] & w->live;
		uint32_t v = a[__builtin_ctz(who)];

		for (uint32_t q = who & (who - 1); q; q &= q - 1)
			v = fold(in, v, a[__builtin_ctz(q)]);
		out[l] = v;
	}
	for (uint32_t o = m; o; o &= o - 1)
		d[__builtin_ctz(o)] = out[__builtin_ctz(o)];
}

void ex_activemask(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);

	LANES(d[l] = m;);
}

void ex_elect(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *p = REG(in->d2);
	const uint32_t *mask = REG(in->e);
	uint32_t pred = 0;

	m = together(w, in, m, in->e);
	for (uint32_t o = m; o; o &= o - 1) {
		uint32_t l = (uint32_t)__builtin_ctz(o);
		uint32_t who = mask[l] & w->live;
		uint32_t leader = (uint32_t)__builtin_ctz(who);

		d[l] = leader;
		pred |= (uint32_t)(l == leader) << l;
	}
	*p = (*p & ~m) | (pred & m);
}

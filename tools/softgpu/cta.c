// SPDX-License-Identifier: BSD-2-Clause
/*
 * cta.c - one block: its memory, its start, its turns, its faults.
 *
 * Nothing of a block lives on a C stack, so it can be put aside at any
 * instruction and taken up by another worker.
 */
#include "tools/softgpu/exec.h"

#include "tools/lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define QUANTUM 4096	/* instructions of a warp's turn */

static size_t round64(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

uint64_t cta_bytes(const struct grid *g)
{
	uint64_t threads = (uint64_t)g->block[0] * g->block[1] * g->block[2];
	uint64_t warps = (threads + 31) / 32;

	return sizeof(struct cta) + round64(g->shared_bytes) +
	       warps * 32 * g->fn->local_bytes +
	       warps * round64(g->fn->file_bytes);
}

static void fill(uint8_t *at, unsigned int width, uint64_t v)
{
	for (unsigned int l = 0; l < 32; l++)
		if (width == 8)
			((uint64_t *)at)[l] = v;
		else
			((uint32_t *)at)[l] = (uint32_t)v;
}

/* Constant slots of one function: immediates and addresses. */
static void fill_consts(const struct grid *g, const struct ptx_func *f,
			uint8_t *file)
{
	uint8_t *window = file + f->base;

	((uint32_t *)window)[0] = LANES_ALL;	/* the guard "always" */
	((uint32_t *)window)[1] = 0;
	for (size_t i = 0; i < f->nconsts; i++) {
		const struct ptx_const *c = &f->consts[i];
		uint64_t v = c->value;

		if (c->kind == C_GLOBAL)
			v += g->globals;
		else if (c->kind == C_SHARED)
			v += g->fn->shared_off[c->index];
		fill(window + c->off, c->width, v);
	}
}

static uint64_t uniform_special(const struct cta *c, unsigned int which)
{
	const struct grid *g = c->grid;

	switch (which) {
	case SR_NTID_X:
	case SR_NTID_Y:
	case SR_NTID_Z:
		return g->block[which - SR_NTID_X];
	case SR_CTAID_X:
	case SR_CTAID_Y:
	case SR_CTAID_Z:
		return c->ctaid[which - SR_CTAID_X];
	case SR_NCTAID_X:
	case SR_NCTAID_Y:
	case SR_NCTAID_Z:
		return g->dim[which - SR_NCTAID_X];
	case SR_NWARPID:
		return MAX_WARPS;
	case SR_SMID:
		return c->block & 1;
	case SR_NSMID:
		return 2;
	case SR_GRIDID:
		return g->id;
	case SR_DYN_SMEM:
		return g->dyn_shared;
	case SR_TOTAL_SMEM:
		return g->shared_bytes;
	case SR_ENVREG1:
		return g->coop >> 32;
	case SR_ENVREG2:
		return g->coop & 0xffffffffu;
	default:
		return 0;
	}
}

static uint64_t lane_special(const struct warp *w, unsigned int which,
			     unsigned int l)
{
	const uint32_t *b = w->cta->grid->block;
	uint32_t t = w->index * 32 + l;

	switch (which) {
	case SR_TID_X:
		return t % b[0];
	case SR_TID_Y:
		return t / b[0] % b[1];
	case SR_TID_Z:
		return t / b[0] / b[1];
	case SR_LANEID:
		return l;
	case SR_LM_EQ:
		return 1u << l;
	case SR_LM_LE:
		return (2u << l) - 1;
	case SR_LM_LT:
		return (1u << l) - 1;
	case SR_LM_GE:
		return ~((1u << l) - 1);
	default:
		return ~((2u << l) - 1);
	}
}

static bool per_lane(unsigned int which)
{
	return which <= SR_TID_Z || which == SR_LANEID ||
	       (which >= SR_LM_EQ && which <= SR_LM_GT);
}

static void fill_specials(struct warp *w, const struct ptx_func *f)
{
	uint8_t *window = w->file + f->base;

	for (size_t i = 0; i < f->nspecials; i++) {
		const struct ptx_special *s = &f->specials[i];
		uint8_t *at = window + s->off;

		if (s->which == SR_WARPID) {
			fill(at, s->width, w->index);
		} else if (!per_lane(s->which)) {
			fill(at, s->width, uniform_special(w->cta, s->which));
		} else {
			for (unsigned int l = 0; l < 32; l++) {
				uint64_t v = lane_special(w, s->which, l);

				if (s->width == 8)
					((uint64_t *)at)[l] = v;
				else
					((uint32_t *)at)[l] = (uint32_t)v;
			}
		}
	}
}

/* Does the kernel use the windows of device functions? */
static bool uses(const struct grid *g, const struct ptx_func *f)
{
	return f == g->fn || (g->fn->base && !f->entry && f->defined);
}

struct cta *cta_new(struct grid *g)
{
	struct cta *c = calloc(1, sizeof(*c));
	uint32_t threads = g->block[0] * g->block[1] * g->block[2];
	size_t file = round64(g->fn->file_bytes);

	if (!c)
		return NULL;
	c->grid = g;
	c->code = g->mod->code;
	c->nthreads = threads;
	c->nwarps = (threads + 31) / 32;
	c->shared_bytes = g->shared_bytes;
	c->local_bytes = g->fn->local_bytes;
	c->params = g->params;
	c->param_bytes = (uint32_t)g->fn->param_bytes;
	c->shared = aligned_alloc(1024, (g->shared_bytes + 2047) & ~1023u);
	c->local = aligned_alloc(64, round64((size_t)c->nwarps * 32 *
					     c->local_bytes) + 64);
	c->files = aligned_alloc(64, c->nwarps * file + 64);
	if (!c->shared || !c->local || !c->files) {
		cta_free(c);
		return NULL;
	}
	memset(c->files, 0, c->nwarps * file);
	for (uint32_t i = 0; i < c->nwarps; i++) {
		struct warp *w = &c->warps[i];

		w->cta = c;
		w->index = i;
		w->file = c->files + i * file;
		w->local = c->local + (size_t)i * 32 * c->local_bytes;
		for (size_t f = 0; f < g->mod->nfuncs; f++)
			if (uses(g, g->mod->funcs[f]))
				fill_consts(g, g->mod->funcs[f], w->file);
	}
	return c;
}

void cta_free(struct cta *c)
{
	for (uint32_t i = 0; i < c->nwarps; i++)
		for (unsigned int l = 0; l < 32; l++) {
			struct lane_stack *s = &c->warps[i].stack[l];

			while (s->depth)
				free(s->f[--s->depth].saved);
			free(s->f);
		}
	free(c->shared);
	free(c->local);
	free(c->files);
	free(c);
}

static void warp_start(struct warp *w)
{
	const struct grid *g = w->cta->grid;
	uint32_t first = w->index * 32, n = w->cta->nthreads - first;

	w->live = n >= 32 ? LANES_ALL : (1u << n) - 1;
	w->active = w->blocked = w->stalled = w->warpsync = 0;
	w->cc = 0;
	for (unsigned int l = 0; l < 32; l++) {
		w->lane_pc[l] = g->fn->start;
		w->lane_func[l] = g->fn->index;
		w->frame[l] = 0;
		while (w->stack[l].depth)
			free(w->stack[l].f[--w->stack[l].depth].saved);
	}
	for (size_t f = 0; f < g->mod->nfuncs; f++)
		if (uses(g, g->mod->funcs[f]))
			fill_specials(w, g->mod->funcs[f]);
}

void cta_start(struct cta *c, uint64_t block)
{
	const struct grid *g = c->grid;

	c->block = block;
	c->ctaid[0] = (uint32_t)(block % g->dim[0]);
	c->ctaid[1] = (uint32_t)(block / g->dim[0] % g->dim[1]);
	c->ctaid[2] = (uint32_t)(block / g->dim[0] / g->dim[1]);
	c->live = c->nthreads;
	c->error = 0;
	memset(c->bar, 0, sizeof(c->bar));
	for (uint32_t i = 0; i < c->nwarps; i++)
		warp_start(&c->warps[i]);
}

static bool turns(struct cta *c, uint64_t *budget, bool fair)
{
	for (uint32_t i = 0; i < c->nwarps && !c->error; i++) {
		if (!c->warps[i].live)
			continue;
		warp_run(&c->warps[i], QUANTUM, fair);
		*budget -= *budget < QUANTUM ? *budget : QUANTUM;
	}
	return c->live && !c->error;
}

bool cta_run(struct cta *c, uint64_t budget)
{
	bool fair = false;

	while (budget) {
		c->progress = false;
		if (!turns(c, &budget, fair))
			return true;
		if (!c->progress) {
			log_error("block %llu of %s: its threads wait for each "
				  "other for ever", (unsigned long long)c->block,
				  c->grid->fn->name);
			c->error = 719;
			return true;
		}
		fair = !fair;
	}
	return false;
}

void cta_fault(struct warp *w, const struct insn *in, int error,
	       const char *fmt, ...)
{
	struct cta *c = w->cta;
	char text[512];
	va_list ap;

	w->next_pc = 0;	/* the warp's loop stops at the next instruction */
	if (c->error)
		return;
	c->error = error;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("kernel %s, block %llu, warp %u, PTX line %u: %s",
		  c->grid->fn->name, (unsigned long long)c->block, w->index,
		  in->line, text);
}

/* Reads a special register that changes: insn.sub which, insn.n width. */
void ex_clock(struct warp *w, const struct insn *in, uint32_t m)
{
	bool timer = in->sub >= SR_GLOBALTIMER;
	struct timespec ts;
	uint64_t v;

	clock_gettime(timer ? CLOCK_REALTIME : CLOCK_MONOTONIC, &ts);
	v = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	if (in->sub == SR_CLOCK_HI || in->sub == SR_GLOBALTIMER_HI)
		v >>= 32;
	LANES(reg_put(w, in->d, in->n == 8, l, v););
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec_call.c - call and ret. Lanes are independent columns of the register
 * file, so a call needs no new registers, except when a function recurs: then
 * the lane's column of the callee is kept aside.
 */
#include "tools/softgpu/exec.h"
#include "tools/softgpu/call.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 4096

static uint8_t *local_at(struct warp *w, uint32_t lane, uint32_t off)
{
	return w->local + (size_t)lane * w->cta->local_bytes + off;
}

static uint64_t *save_column(struct warp *w, const struct ptx_func *f,
			     uint32_t lane)
{
	uint64_t *s = malloc((f->nslots + 1) * sizeof(*s));
	uint8_t *saved_regs = w->regs;

	if (!s)
		return NULL;
	w->regs = w->file + f->base;
	for (size_t i = 0; i < f->nslots; i++) {
		uint32_t off = f->slots[i] & ~3u, kind = f->slots[i] & 3u;

		if (kind == 2)
			s[i] = *(uint32_t *)REG(off) >> lane & 1;
		else
			s[i] = reg_get(w, off, kind == 1, lane);
	}
	w->regs = saved_regs;
	return s;
}

static void load_column(struct warp *w, const struct ptx_func *f,
			uint32_t lane, const uint64_t *s)
{
	uint8_t *saved_regs = w->regs;

	w->regs = w->file + f->base;
	for (size_t i = 0; i < f->nslots; i++) {
		uint32_t off = f->slots[i] & ~3u, kind = f->slots[i] & 3u;
		uint32_t *p = REG(off);

		if (kind == 2)
			*p = (*p & ~(1u << lane)) | (uint32_t)s[i] << lane;
		else
			reg_put(w, off, kind == 1, lane, s[i]);
	}
	w->regs = saved_regs;
}

static struct call_frame *push(struct lane_stack *s)
{
	if (s->depth == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		struct call_frame *f = realloc(s->f, cap * sizeof(*f));

		if (!f)
			return NULL;
		s->f = f;
		s->cap = cap;
	}
	return &s->f[s->depth++];
}

static bool enter_lane(struct warp *w, const struct insn *in, uint32_t l,
		       const struct ptx_func *f)
{
	const struct call_info *ci = in->aux;
	const struct ptx_func *caller = w->cta->grid->mod->funcs[w->func];
	uint32_t frame = w->frame[l] + ((caller->frame + 15u) & ~15u);
	struct call_frame *cf;

	if (w->stack[l].depth >= MAX_DEPTH ||
	    frame + f->frame > w->cta->local_bytes || ci->nargs != f->nparams ||
	    ci->nrets > f->nrets) {
		cta_fault(w, in, 719, "stack overflow or wrong arguments "
			  "calling %s", f->name);
		return false;
	}
	cf = push(&w->stack[l]);
	if (!cf) {
		cta_fault(w, in, 2, "out of memory");
		return false;
	}
	*cf = (struct call_frame){ .ret_pc = w->pc + 1, .caller = w->func,
				   .frame = w->frame[l], .call = in };
	if (f->recursive) {
		cf->saved = save_column(w, f, l);
		if (!cf->saved) {
			cta_fault(w, in, 2, "out of memory");
			return false;
		}
	}
	for (uint32_t i = 0; i < ci->nargs; i++)
		memcpy(local_at(w, l, frame + (uint32_t)f->params[i]->off),
		       local_at(w, l, w->frame[l] +
					      (uint32_t)ci->args[i]->off),
		       f->params[i]->size < ci->args[i]->size
			       ? f->params[i]->size : ci->args[i]->size);
	w->frame[l] = frame;
	w->lane_func[l] = f->index;
	w->lane_pc[l] = f->start;
	return true;
}

static const struct ptx_func *indirect(struct warp *w, const struct insn *in,
				       uint32_t l)
{
	uint64_t addr = reg_get(w, in->a, true, l);
	uint64_t i = (addr - PTX_FUNC_BASE) / 16;
	const struct ptx_module *mod = w->cta->grid->mod;

	if (addr < PTX_FUNC_BASE || i >= mod->nfuncs ||
	    !mod->funcs[i]->defined || !mod->funcs[i]->called_by_address) {
		cta_fault(w, in, 718, "call of 0x%llx, which is no function",
			  (unsigned long long)addr);
		return NULL;
	}
	return mod->funcs[i];
}

void ex_call(struct warp *w, const struct insn *in, uint32_t m)
{
	const struct call_info *ci = in->aux;
	uint32_t rest = w->active & ~m;

	for (uint32_t go = m; go; go &= go - 1) {
		uint32_t l = (uint32_t)__builtin_ctz(go);
		const struct ptx_func *f = ci->callee ? ci->callee
						      : indirect(w, in, l);

		if (!f || !enter_lane(w, in, l, f))
			break;
	}
	w->active = rest;
	w->pc++;
	warp_park(w);
}

static void leave_lane(struct warp *w, uint32_t l)
{
	struct lane_stack *s = &w->stack[l];
	struct call_frame *cf = &s->f[--s->depth];
	const struct call_info *ci = cf->call->aux;
	const struct ptx_func *f = w->cta->grid->mod->funcs[w->func];

	for (uint32_t i = 0; i < ci->nrets; i++)
		memcpy(local_at(w, l, cf->frame + (uint32_t)ci->rets[i]->off),
		       local_at(w, l, w->frame[l] + (uint32_t)f->rets[i]->off),
		       f->rets[i]->size < ci->rets[i]->size
			       ? f->rets[i]->size : ci->rets[i]->size);
	if (cf->saved) {
		load_column(w, f, l, cf->saved);
		free(cf->saved);
	}
	w->frame[l] = cf->frame;
	w->lane_func[l] = cf->caller;
	w->lane_pc[l] = cf->ret_pc;
}

/* In a kernel ret is exit. */
void ex_ret(struct warp *w, const struct insn *in, uint32_t m)
{
	if (w->cta->grid->mod->funcs[w->func]->entry) {
		ex_exit(w, in, m);
		return;
	}
	for (uint32_t go = m; go; go &= go - 1)
		leave_lane(w, (uint32_t)__builtin_ctz(go));
	w->active &= ~m;
	w->pc++;
	warp_park(w);
}

static uint64_t arg(struct warp *w, uint32_t l, const struct call_info *ci,
		    uint32_t i)
{
	uint64_t v = 0;

	memcpy(&v, local_at(w, l, w->frame[l] + (uint32_t)ci->args[i]->off),
	       ci->args[i]->size < 8 ? ci->args[i]->size : 8);
	return v;
}

static void assert_fail(struct warp *w, const struct insn *in, uint32_t l)
{
	const struct call_info *ci = in->aux;
	char text[256], file[256], func[256];

	if (!dev_string(w, in, l, arg(w, l, ci, 0), text, sizeof(text)) ||
	    !dev_string(w, in, l, arg(w, l, ci, 1), file, sizeof(file)) ||
	    !dev_string(w, in, l, arg(w, l, ci, 3), func, sizeof(func)))
		return;
	dev_assert(w, l, file, (unsigned int)arg(w, l, ci, 2), func, text);
	cta_fault(w, in, 710, "assertion `%s' failed", text);
}

/* Functions that the driver provides: insn.sub 0 vprintf, 1 __assertfail */
void ex_syscall(struct warp *w, const struct insn *in, uint32_t m)
{
	const struct call_info *ci = in->aux;

	for (; m; m &= m - 1) {
		uint32_t l = (uint32_t)__builtin_ctz(m);
		int r;

		if (in->sub) {
			assert_fail(w, in, l);
			return;
		}
		r = dev_printf(w, in, l, arg(w, l, ci, 0), arg(w, l, ci, 1));
		if (ci->nrets)
			memcpy(local_at(w, l, w->frame[l] +
						      (uint32_t)ci->rets[0]->off),
			       &r, sizeof(r));
	}
}

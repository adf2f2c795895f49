// SPDX-License-Identifier: BSD-2-Clause
/* decode_ctl.c - branches, calls, barriers, warp-level instructions. */
#include "tools/softgpu/ptx_int.h"
#include "tools/softgpu/exec.h"
#include "tools/softgpu/call.h"

#include <string.h>

static struct insn *emit_ctl(struct ptx_parser *p, const struct stmt *st,
			     exec_fn *fn)
{
	struct insn *in = emit(p, st, fn);

	in->ctl = 1;
	return in;
}

static void d_bra(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	uint32_t pc;

	(void)arg;
	only_mods(p, st, "uni");
	need_ops(p, st, 1);
	if (st->ops[0].kind != O_SYM)
		ptx_invalid(p, "%s needs a label", st->text);
	pc = label_pc(p, st, st->ops[0].name);
	emit_ctl(p, st, ex_bra)->target = pc;
}

static void d_brx(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	struct scope *scope = p->stmt_scope[st - p->stmts];
	struct ptx_targets *t;
	struct insn *in;
	struct sym *s;
	uint32_t a;

	(void)arg;
	only_mods(p, st, "idx uni");
	need_ops(p, st, 2);
	s = st->ops[1].name ? sym_find_label(scope, st->ops[1].name,
					     SYM_TARGETS) : NULL;
	if (!s)
		ptx_invalid(p, "%s: unknown branch targets", st->text);
	t = s->obj;
	a = src(p, st, 0, T_U32);
	if (!t->pcs) {
		t->pcs = arena_alloc(&p->mod->arena, t->n * sizeof(*t->pcs));
		for (uint32_t i = 0; i < t->n; i++)
			t->pcs[i] = label_pc(p, st, t->names[i]);
	}
	in = emit_ctl(p, st, ex_brx);
	in->a = a;
	in->aux = t;
}

static void d_leave(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	(void)arg;
	only_mods(p, st, "uni");
	need_ops(p, st, 0);
	emit_ctl(p, st, !strcmp(st->op, "ret") ? ex_ret
			: !strcmp(st->op, "exit") ? ex_exit : ex_trap);
}

/* --- calls ---------------------------------------------------------------- */

static struct ptx_var **call_vars(struct ptx_parser *p, const struct stmt *st,
				  const struct opnd *list, uint32_t *n)
{
	struct ptx_var **vars;

	vars = arena_alloc(&p->mod->arena, (list->n + 1) * sizeof(*vars));
	for (unsigned int i = 0; i < list->n; i++) {
		const struct opnd *o = &list->list[i];
		struct ptx_var *v = o->sym && o->sym->kind == SYM_VAR
					    ? o->sym->obj : NULL;

		if (!v || v->space != SP_PARAM)
			bad_insn(p, st, "arguments that are not .param "
					"variables");
		vars[i] = v;
	}
	*n = list->n;
	return vars;
}

static int syscall_number(const char *name)
{
	return !strcmp(name, "vprintf") ? 0
	     : !strcmp(name, "__assertfail") ? 1 : -1;
}

static void note_call(struct ptx_parser *p, const struct ptx_func *callee)
{
	struct ptx_func *f = p->fn;

	f->has_calls |= !callee;
	if (!callee)
		return;
	f->callees = grow(f->callees, &f->cap_callees, f->ncallees,
			  sizeof(callee));
	f->callees[f->ncallees++] = (struct ptx_func *)(uintptr_t)callee;
}

static void call_direct(struct ptx_parser *p, const struct stmt *st,
			struct call_info *ci)
{
	int sys = syscall_number(ci->callee->name);
	struct insn *in;

	if (!ci->callee->defined && sys >= 0) {
		if (ci->nargs != (sys ? 5u : 2u))
			ptx_invalid(p, "%s: wrong arguments", st->text);
		in = emit(p, st, ex_syscall);
		in->sub = (uint8_t)sys;
		p->mod->prints |= sys == 0;
	} else {
		note_call(p, ci->callee);
		in = emit_ctl(p, st, ex_call);
	}
	in->aux = ci;
}

static void d_call(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	struct call_info *ci = arena_alloc(&p->mod->arena, sizeof(*ci));
	unsigned int i = 0;
	const struct opnd *who;
	struct insn *in;
	uint32_t a;

	(void)arg;
	only_mods(p, st, "uni");
	if (st->nops > i && st->ops[i].kind == O_LIST)
		ci->rets = call_vars(p, st, &st->ops[i++], &ci->nrets);
	if (st->nops <= i)
		ptx_invalid(p, "%s calls nothing", st->text);
	who = &st->ops[i++];
	if (st->nops > i && st->ops[i].kind == O_LIST)
		ci->args = call_vars(p, st, &st->ops[i++], &ci->nargs);
	if (who->kind == O_SYM && who->sym && who->sym->kind == SYM_FUNC) {
		ci->callee = who->sym->obj;
		call_direct(p, st, ci);
		return;
	}
	if (who->kind != O_REG)
		ptx_invalid(p, "%s: unknown function %s", st->text,
			    who->name ? who->name : "");
	note_call(p, NULL);
	a = src_opnd(p, st, who, T_B64);
	in = emit_ctl(p, st, ex_call);
	in->a = a;
	in->aux = ci;
}

/* --- barriers ------------------------------------------------------------- */

static void bar_warp(struct ptx_parser *p, const struct stmt *st)
{
	uint32_t a;

	need_ops(p, st, 1);
	a = src(p, st, 0, T_U32);
	emit_ctl(p, st, ex_bar_warp)->a = a;
}

static void bar_red(struct ptx_parser *p, const struct stmt *st)
{
	bool popc = mod_is(st, "popc");
	unsigned int n = st->nops;
	uint32_t a, b = 0, c, d;
	struct insn *in;

	if (n < 3 || n > 4)
		ptx_invalid(p, "%s takes 3 or 4 operands", st->text);
	a = src(p, st, 1, T_U32);
	if (n == 4)
		b = src(p, st, 2, T_U32);
	c = pred_src(p, st, &st->ops[n - 1]);
	d = popc ? dst(p, st, 0, T_U32) : pred_dst(p, &st->ops[0]);
	in = emit_ctl(p, st, ex_bar_red);
	in->a = a;
	in->b = b;
	in->c = c;
	in->d = d;
	in->n = n == 4;
	in->sub = popc ? 0 : mod_is(st, "and") ? 1 : 2;
}

static void d_bar(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	struct insn *in;
	uint32_t a, b = 0;

	(void)arg;
	only_mods(p, st, "sync cta warp arrive red aligned popc and or");
	p->fn->barriers = true;
	if (mod_is(st, "warp")) {
		bar_warp(p, st);
		return;
	}
	if (mod_is(st, "red")) {
		bar_red(p, st);
		return;
	}
	if (st->nops < 1 || st->nops > 2)
		ptx_invalid(p, "%s takes 1 or 2 operands", st->text);
	a = src(p, st, 0, T_U32);
	if (st->nops == 2)
		b = src(p, st, 1, T_U32);
	in = emit_ctl(p, st, mod_is(st, "arrive") ? ex_bar_arrive : ex_bar);
	in->a = a;
	in->b = b;
	in->n = st->nops == 2;
}

/* --- lanes that see each other -------------------------------------------- */

/* shfl.sync.mode.b32 d|p, a, b, c, membermask */
static void d_shfl(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	uint32_t a, b, c, e, d, d2 = 0;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "sync up down bfly idx");
	if (!mod_is(st, "sync"))
		bad_insn(p, st, "only the .sync form exists since sm_70");
	need_ops(p, st, 5);
	a = src(p, st, 1, T_B32);
	b = src(p, st, 2, T_B32);
	c = src(p, st, 3, T_B32);
	e = src(p, st, 4, T_B32);
	d = dst(p, st, 0, T_B32);
	if (st->ops[0].second)
		d2 = pred_dst(p, st->ops[0].second);
	in = emit_ctl(p, st, ex_shfl);
	in->a = a;
	in->b = b;
	in->c = c;
	in->e = e;
	in->d = d;
	in->d2 = d2;
	in->n = d2 != 0;
	in->sub = mod_is(st, "up") ? 0 : mod_is(st, "down") ? 1
		  : mod_is(st, "bfly") ? 2 : 3;
}

static void d_vote(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	bool ballot = mod_is(st, "ballot");
	uint32_t c, e, d;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "sync all any uni ballot");
	if (!mod_is(st, "sync"))
		bad_insn(p, st, "only the .sync form exists since sm_70");
	need_ops(p, st, 3);
	c = pred_src(p, st, &st->ops[1]);
	e = src(p, st, 2, T_B32);
	d = ballot ? dst(p, st, 0, T_B32) : pred_dst(p, &st->ops[0]);
	in = emit_ctl(p, st, ex_vote);
	in->c = c;
	in->e = e;
	in->d = d;
	in->sub = ballot ? 3 : mod_is(st, "all") ? 0 : mod_is(st, "any") ? 1
									 : 2;
}

static void d_match(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	enum ptx_type t = type_mod(st, 0);
	uint32_t a, e, d, d2 = 0;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "sync any all");
	need_ops(p, st, 3);
	a = src(p, st, 1, t);
	e = src(p, st, 2, T_B32);
	d = dst(p, st, 0, T_B32);
	if (st->ops[0].second)
		d2 = pred_dst(p, st->ops[0].second);
	in = emit_ctl(p, st, ex_match);
	in->a = a;
	in->e = e;
	in->d = d;
	in->d2 = d2;
	in->n = d2 != 0;
	in->t = (uint8_t)t;
	in->sub = mod_is(st, "all");
}

static void d_redux(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	static const struct {
		const char *name;
		enum atom_op op;
	} ops[] = { { "add", A_ADD }, { "min", A_MIN }, { "max", A_MAX },
		    { "and", A_AND }, { "or", A_OR },	{ "xor", A_XOR } };
	enum ptx_type t = type_mod(st, 0);
	uint32_t a, e, d;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "sync add min max and or xor");
	need_ops(p, st, 3);
	a = src(p, st, 1, t);
	e = src(p, st, 2, T_B32);
	d = dst(p, st, 0, t);
	in = emit_ctl(p, st, ptx_type_size(t) == 4 && !ptx_type_float(t)
				     ? ex_redux : NULL);
	in->a = a;
	in->e = e;
	in->d = d;
	in->t = (uint8_t)t;
	for (unsigned int i = 0; i < 6; i++)
		if (mod_is(st, ops[i].name))
			in->sub = (uint8_t)ops[i].op;
}

static void d_activemask(struct ptx_parser *p, const struct stmt *st,
			 const void *arg)
{
	uint32_t d;

	(void)arg;
	only_mods(p, st, "");
	need_ops(p, st, 1);
	d = dst(p, st, 0, T_B32);
	emit(p, st, ex_activemask)->d = d;
}

static void d_elect(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	uint32_t e, d, d2;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "sync");
	need_ops(p, st, 2);
	if (!st->ops[0].second)
		ptx_invalid(p, "%s needs d|p", st->text);
	e = src(p, st, 1, T_B32);
	d = dst(p, st, 0, T_B32);
	d2 = pred_dst(p, st->ops[0].second);
	in = emit_ctl(p, st, ex_elect);
	in->e = e;
	in->d = d;
	in->d2 = d2;
}

static void d_nothing(struct ptx_parser *p, const struct stmt *st,
		      const void *arg)
{
	(void)arg;
	emit(p, st, ex_nop);
}

const struct decode_entry decode_ctl[] = {
	{ "bra", d_bra, NULL },
	{ "brx", d_brx, NULL },
	{ "ret", d_leave, NULL },
	{ "exit", d_leave, NULL },
	{ "trap", d_leave, NULL },
	{ "call", d_call, NULL },
	{ "bar", d_bar, NULL },
	{ "barrier", d_bar, NULL },
	{ "shfl", d_shfl, NULL },
	{ "vote", d_vote, NULL },
	{ "match", d_match, NULL },
	{ "redux", d_redux, NULL },
	{ "activemask", d_activemask, NULL },
	{ "elect", d_elect, NULL },
	{ "nanosleep", d_nothing, NULL },
	{ "pmevent", d_nothing, NULL },
	{ NULL, NULL, NULL },
};

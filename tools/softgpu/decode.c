// SPDX-License-Identifier: BSD-2-Clause
/* decode.c - statements to instructions: operands, slots, constants. */
#include "tools/softgpu/ptx_int.h"
#include "tools/softgpu/exec.h"

#include <stdlib.h>
#include <string.h>

void bad_insn(struct ptx_parser *p, const struct stmt *st, const char *why)
{
	p->line = st->line;
	p->what = NULL;
	ptx_unsupported(p, "instruction %s: %s", st->text, why);
}

bool mod_is(const struct stmt *st, const char *name)
{
	for (unsigned int i = 0; i < st->nmod; i++)
		if (!strcmp(st->mod[i], name))
			return true;
	return false;
}

/* The nth type among the modifiers; results come first in PTX. */
enum ptx_type type_mod(const struct stmt *st, unsigned int nth)
{
	for (unsigned int i = 0; i < st->nmod; i++) {
		enum ptx_type t = ptx_type_from(st->mod[i]);

		if (t != T_NONE && !nth--)
			return t;
	}
	return T_NONE;
}

static bool in_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		const char *e = strchr(list, ' ');
		size_t len = e ? (size_t)(e - list) : strlen(list);

		if (len == n && !memcmp(list, word, n))
			return true;
		list += e ? len + 1 : len;
	}
	return false;
}

/* A modifier that nobody looks at would be a wrong result: refuse it. */
void only_mods(struct ptx_parser *p, const struct stmt *st, const char *list)
{
	for (unsigned int i = 0; i < st->nmod; i++)
		if (ptx_type_from(st->mod[i]) == T_NONE &&
		    !in_list(list, st->mod[i]))
			bad_insn(p, st, "a modifier is not supported");
}

int rnd_mod(const struct stmt *st)
{
	static const char *const names[] = { "rn", "rz", "rm", "rp", "rna" };

	for (int i = 0; i < 5; i++)
		if (mod_is(st, names[i]))
			return i;
	return RND_NONE;
}

void need_ops(struct ptx_parser *p, const struct stmt *st, unsigned int n)
{
	if (st->nops != n)
		ptx_invalid(p, "%s takes %u operands, not %u", st->text, n,
			    st->nops);
}

unsigned int slot_width(enum ptx_type t)
{
	return ptx_type_size(t) == 8 ? 8 : 4;
}

static uint32_t slot_note(struct ptx_func *f, uint32_t off, uint32_t kind)
{
	f->slots = grow(f->slots, &f->cap_slots, f->nslots, sizeof(off));
	f->slots[f->nslots++] = off | kind;
	return off;
}

/* @width 0 is a predicate: one mask of 32 lanes. */
uint32_t slot_new(struct ptx_parser *p, unsigned int width)
{
	uint32_t at = p->fn->window;

	if (!width) {
		if (!p->pred_left) {
			p->pred_left = 32;
			p->pred_at = at;
			p->fn->window += 128;
		}
		return slot_note(p->fn, p->pred_at + 4 * (32 - p->pred_left--),
				 2);
	}
	p->fn->window += 32 * width;
	if (p->fn->window > 64u << 20)
		ptx_unsupported(p, "%s has too many registers", p->fn->name);
	return slot_note(p->fn, at, width == 8);
}

static uint32_t const_add(struct ptx_parser *p, struct ptx_const c)
{
	struct ptx_func *f = p->fn;
	size_t i = f->nconsts, stop = i > 256 ? i - 256 : 0;

	while (i-- > stop) {
		const struct ptx_const *o = &f->consts[i];

		if (o->value == c.value && o->width == c.width &&
		    o->kind == c.kind && o->index == c.index)
			return o->off;
	}
	f->consts = grow(f->consts, &f->cap_consts, f->nconsts, sizeof(c));
	c.off = slot_new(p, c.width);
	f->consts[f->nconsts++] = c;
	return c.off;
}

uint32_t const_slot(struct ptx_parser *p, uint64_t value, unsigned int width)
{
	struct ptx_const c = { .value = value, .width = (uint8_t)width,
			       .kind = C_IMM };

	return const_add(p, c);
}

struct insn *emit(struct ptx_parser *p, const struct stmt *st, exec_fn *fn)
{
	struct ptx_module *m = p->mod;
	struct insn *in;

	if (!fn)
		bad_insn(p, st, "not supported for this type");
	m->code = grow(m->code, &m->cap_code, m->ncode, sizeof(*m->code));
	in = &m->code[m->ncode++];
	memset(in, 0, sizeof(*in));
	in->fn = fn;
	in->line = st->line;
	if (st->guarded) {
		in->guard = st->guard;
		in->gxor = st->guard_neg ? LANES_ALL : 0;
	}
	return in;
}

static void note_shared(struct ptx_parser *p, uint32_t index)
{
	struct ptx_func *f = p->fn;

	for (size_t i = 0; i < f->nshared; i++)
		if (f->shared[i] == index)
			return;
	f->shared = grow(f->shared, &f->cap_shared, f->nshared,
			 sizeof(*f->shared));
	f->shared[f->nshared++] = index;
}

static uint32_t special_slot(struct ptx_parser *p, const struct stmt *st,
			     uint32_t which, unsigned int width)
{
	struct ptx_func *f = p->fn;
	struct insn *in;
	uint32_t off;

	if (which >= SR_STATIC) {
		off = slot_new(p, width);
		in = emit(p, st, ex_clock);
		in->d = off;
		in->n = (uint8_t)width;
		in->sub = (uint8_t)which;
		return off;
	}
	for (size_t i = 0; i < f->nspecials; i++)
		if (f->specials[i].which == which &&
		    f->specials[i].width == width)
			return f->specials[i].off;
	f->specials = grow(f->specials, &f->cap_specials, f->nspecials,
			   sizeof(*f->specials));
	off = slot_new(p, width);
	f->specials[f->nspecials++] = (struct ptx_special){
		.off = off, .which = (uint8_t)which, .width = (uint8_t)width
	};
	return off;
}

static void note_callee(struct ptx_parser *p, struct ptx_func *callee)
{
	struct ptx_func *f = p->fn;

	f->callees = grow(f->callees, &f->cap_callees, f->ncallees,
			  sizeof(callee));
	f->callees[f->ncallees++] = callee;
}

static uint32_t var_slot(struct ptx_parser *p, const struct stmt *st,
			 const struct opnd *o, const struct ptx_var *v,
			 unsigned int width)
{
	struct ptx_const c = { .value = (uint64_t)o->imm,
			       .width = (uint8_t)width };
	struct insn *in;

	switch (v->space) {
	case SP_SHARED:
		note_shared(p, v->index);
		c.kind = C_SHARED;
		c.index = v->index;
		return const_add(p, c);
	case SP_GLOBAL:
	case SP_CONST:
		/* where it lies is known when the module is complete */
		c.kind = C_GLOBAL;
		for (size_t i = 0; i < p->mod->nvars; i++)
			if (p->mod->vars[i] == v)
				c.index = (uint32_t)i;
		if (width != 8)
			bad_insn(p, st, "a global address needs 64 bits");
		return const_add(p, c);
	case SP_KPARAM:
		return const_slot(p, v->off + (uint64_t)o->imm, width);
	default:
		in = emit(p, st, ex_lea_local);
		in->d = slot_new(p, width);
		in->n = (uint8_t)width;
		in->imm = (int64_t)v->off + o->imm;
		return in->d;
	}
}

static uint32_t sym_slot(struct ptx_parser *p, const struct stmt *st,
			 const struct opnd *o, unsigned int width)
{
	if (o->sym && o->sym->kind == SYM_VAR)
		return var_slot(p, st, o, o->sym->obj, width);
	if (o->sym && o->sym->kind == SYM_FUNC && width == 8) {
		struct ptx_func *f = o->sym->obj;

		f->called_by_address = true;
		note_callee(p, f);
		return const_slot(p, PTX_FUNC_ADDR(f->index), 8);
	}
	ptx_invalid(p, "%s: unknown name %s", st->text, o->name);
}

static uint64_t float_const(const struct opnd *o, enum ptx_type t)
{
	uint64_t bits = (uint64_t)o->imm;
	float f;
	double d;

	if (o->kind == O_F32 && t == T_F64) {
		memcpy(&f, &bits, 4);
		d = f;
		memcpy(&bits, &d, 8);
	} else if (o->kind == O_F64 && t == T_F32) {
		memcpy(&d, &bits, 8);
		f = (float)d;
		bits = 0;
		memcpy(&bits, &f, 4);
	}
	return bits;
}

static uint32_t imm_slot(struct ptx_parser *p, const struct opnd *o,
			 enum ptx_type t)
{
	uint64_t v = (uint64_t)o->imm;
	double d = (double)o->imm;
	float f = (float)o->imm;

	if (o->kind != O_INT)
		v = float_const(o, t);
	else if (t == T_F64)
		memcpy(&v, &d, 8);
	else if (t == T_F32)
		memcpy(&v, &f, 4);
	if (ptx_type_size(t) < 8)
		v &= (UINT64_C(1) << 8 * ptx_type_size(t)) - 1;
	return const_slot(p, v, slot_width(t));
}

uint32_t src_any(struct ptx_parser *p, const struct stmt *st,
		 const struct opnd *o, enum ptx_type t, unsigned int *width)
{
	*width = slot_width(t);
	switch (o->kind) {
	case O_REG:
		if (o->type == T_PRED || o->neg)
			ptx_invalid(p, "%s: a predicate where a value is "
				    "needed", st->text);
		*width = slot_width(o->type);
		return o->off;
	case O_INT:
	case O_F32:
	case O_F64:
		return imm_slot(p, o, t);
	case O_SYM:
		return sym_slot(p, st, o, *width);
	case O_SPECIAL:
		return special_slot(p, st, o->off, *width);
	default:
		ptx_invalid(p, "%s: bad source operand", st->text);
	}
}

uint32_t src_opnd(struct ptx_parser *p, const struct stmt *st,
		  const struct opnd *o, enum ptx_type t)
{
	unsigned int width;
	uint32_t off = src_any(p, st, o, t, &width);

	if (width != slot_width(t))
		ptx_invalid(p, "%s: operand %s has the wrong size", st->text,
			    o->name ? o->name : "");
	return off;
}

uint32_t src(struct ptx_parser *p, const struct stmt *st, unsigned int i,
	     enum ptx_type t)
{
	return src_opnd(p, st, &st->ops[i], t);
}

uint32_t dst(struct ptx_parser *p, const struct stmt *st, unsigned int i,
	     enum ptx_type t)
{
	const struct opnd *o = &st->ops[i];

	if (o->kind == O_SINK)
		return slot_new(p, slot_width(t));
	if (o->kind != O_REG || o->type == T_PRED ||
	    slot_width(o->type) != slot_width(t))
		ptx_invalid(p, "%s: the result must be a register of that size",
			    st->text);
	return o->off;
}

uint32_t pred_dst(struct ptx_parser *p, const struct opnd *o)
{
	if (o->kind == O_SINK)
		return slot_new(p, 0);
	if (o->kind != O_REG || o->type != T_PRED)
		ptx_invalid(p, "the result must be a predicate");
	return o->off;
}

uint32_t pred_src(struct ptx_parser *p, const struct stmt *st,
		  const struct opnd *o)
{
	struct insn *in;
	uint32_t off;

	if (o->kind == O_INT)
		return o->imm ? 0 : 4;	/* fixed masks, see cta.c */
	if (o->kind != O_REG || o->type != T_PRED)
		ptx_invalid(p, "%s: a predicate is needed", st->text);
	if (!o->neg)
		return o->off;
	off = slot_new(p, 0);
	in = emit(p, st, ex_pred_not);
	in->a = o->off;
	in->d = off;
	return off;
}

uint32_t label_pc(struct ptx_parser *p, const struct stmt *st,
		  const char *name)
{
	struct scope *scope = p->stmt_scope[st - p->stmts];
	struct sym *s = sym_find_label(scope, name, SYM_LABEL);

	if (!s)
		ptx_invalid(p, "%s: unknown label %s", st->text, name);
	return ((struct ptx_label *)s->obj)->pc;
}

static void decode_one(struct ptx_parser *p, const struct stmt *st)
{
	static const struct decode_entry *const tables[] = {
		decode_alu, decode_bits, decode_float, decode_mem, decode_ctl
	};

	for (unsigned int i = 0; i < 5; i++)
		for (const struct decode_entry *e = tables[i]; e->op; e++)
			if (!strcmp(e->op, st->op)) {
				e->fn(p, st, e->arg);
				return;
			}
	bad_insn(p, st, "the instruction is not known");
}

/* Branches name statements until every statement has its place. */
static void map_targets(struct ptx_parser *p, const struct ptx_func *fn,
			const uint32_t *place)
{
	for (uint32_t i = fn->start; i < fn->end; i++) {
		struct insn *in = &p->mod->code[i];
		struct ptx_targets *t;

		if (in->fn == ex_bra)
			in->target = place[in->target];
		if (in->fn != ex_brx)
			continue;
		t = (struct ptx_targets *)(uintptr_t)in->aux;
		for (uint32_t k = 0; k < t->n && !t->mapped; k++)
			t->pcs[k] = place[t->pcs[k]];
		t->mapped = true;
	}
}

void decode_function(struct ptx_parser *p, struct ptx_func *fn)
{
	struct arena *arena = &p->mod->arena;
	uint32_t *place = arena_alloc(arena, (p->nstmts + 1) * sizeof(*place));
	struct stmt end = { .text = "end", .line = p->tok.line };
	uint32_t line = p->line;

	fn->start = (uint32_t)p->mod->ncode;
	for (size_t i = 0; i < p->nstmts; i++) {
		place[i] = (uint32_t)p->mod->ncode;
		p->what = p->stmts[i].text;
		p->what_line = p->stmts[i].line;
		decode_one(p, &p->stmts[i]);
	}
	p->what = NULL;
	p->line = line;
	place[p->nstmts] = (uint32_t)p->mod->ncode;
	emit(p, &end, fn->entry ? ex_exit : ex_ret)->ctl = 1;
	fn->end = (uint32_t)p->mod->ncode;
	for (uint32_t i = 0; i < fn->nparams && fn->entry; i++)
		fn->param_bytes = fn->params[i]->off + fn->params[i]->size;
	map_targets(p, fn, place);
}

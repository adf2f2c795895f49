// SPDX-License-Identifier: BSD-2-Clause
/* ptx_body.c - a function's body to statements, then to the decoder. */
#include "tools/softgpu/ptx_int.h"

#include <stdlib.h>
#include <string.h>

static const char *const special_names[SR_COUNT] = {
	[SR_TID_X] = "%tid.x", [SR_TID_Y] = "%tid.y", [SR_TID_Z] = "%tid.z",
	[SR_NTID_X] = "%ntid.x", [SR_NTID_Y] = "%ntid.y",
	[SR_NTID_Z] = "%ntid.z", [SR_CTAID_X] = "%ctaid.x",
	[SR_CTAID_Y] = "%ctaid.y", [SR_CTAID_Z] = "%ctaid.z",
	[SR_NCTAID_X] = "%nctaid.x", [SR_NCTAID_Y] = "%nctaid.y",
	[SR_NCTAID_Z] = "%nctaid.z", [SR_LANEID] = "%laneid",
	[SR_WARPID] = "%warpid", [SR_NWARPID] = "%nwarpid",
	[SR_SMID] = "%smid", [SR_NSMID] = "%nsmid", [SR_GRIDID] = "%gridid",
	[SR_LM_EQ] = "%lanemask_eq", [SR_LM_LE] = "%lanemask_le",
	[SR_LM_LT] = "%lanemask_lt", [SR_LM_GE] = "%lanemask_ge",
	[SR_LM_GT] = "%lanemask_gt", [SR_DYN_SMEM] = "%dynamic_smem_size",
	[SR_TOTAL_SMEM] = "%total_smem_size", [SR_ENVREG1] = "%envreg1",
	[SR_ENVREG2] = "%envreg2", [SR_ZERO] = "%tid.w",
	[SR_CLOCK] = "%clock", [SR_CLOCK_HI] = "%clock_hi",
	[SR_CLOCK64] = "%clock64", [SR_GLOBALTIMER] = "%globaltimer",
	[SR_GLOBALTIMER_LO] = "%globaltimer_lo",
	[SR_GLOBALTIMER_HI] = "%globaltimer_hi",
};

static int special_find(const char *name)
{
	for (int i = 0; i < SR_COUNT; i++)
		if (special_names[i] && !strcmp(special_names[i], name))
			return i;
	return -1;
}

static struct opnd *opnd_new(struct ptx_parser *p)
{
	return arena_alloc(&p->mod->arena, sizeof(struct opnd));
}

static void opnd_parse(struct ptx_parser *p, struct opnd *o);

static void opnd_list(struct ptx_parser *p, struct opnd *o, char end)
{
	struct opnd items[32];

	o->n = 0;
	while (!lex_accept(p, end)) {
		if (o->n == 32)
			ptx_unsupported(p, "more than 32 operands in a list");
		memset(&items[o->n], 0, sizeof(items[0]));
		opnd_parse(p, &items[o->n++]);
		if (!lex_punct(p, end))
			lex_expect(p, ',');
	}
	o->list = arena_alloc(&p->mod->arena, sizeof(items[0]) * (o->n + 1));
	memcpy(o->list, items, sizeof(items[0]) * o->n);
}

/* "+8", "-8" and the "+-8" that nvcc writes */
static int64_t addend(struct ptx_parser *p)
{
	if (lex_accept(p, '+'))
		return lex_int(p);
	return lex_punct(p, '-') ? lex_int(p) : 0;
}

static void reg_operand(struct opnd *o, const struct sym *s)
{
	o->kind = O_REG;
	o->type = s->type;
	o->off = s->off;
}

static void give_slot(struct ptx_parser *p, struct sym *s)
{
	if (!s->off)
		s->off = slot_new(p, s->type == T_PRED ? 0
						       : slot_width(s->type));
}

static void name_operand(struct ptx_parser *p, struct opnd *o)
{
	char *name = lex_name(p);
	struct sym *s;
	int sr;

	if (!strcmp(name, "_")) {
		o->kind = O_SINK;
		return;
	}
	s = sym_find(p, name, strlen(name));
	o->sym = s;
	o->name = name;
	if (s && s->kind == SYM_REG) {
		give_slot(p, s);
		reg_operand(o, s);
		return;
	}
	if (name[0] == '%') {
		char full[64];

		strncpy(full, name, 40);
		full[40] = 0;
		if (p->tok.kind == TK_DIRECTIVE && p->tok.len == 1) {
			strncat(full, ".", 2);
			strncat(full, p->tok.s, 1);
			lex_next(p);
		}
		sr = special_find(full);
		if (sr < 0)
			ptx_unsupported(p, "register %s is not known", full);
		o->kind = O_SPECIAL;
		o->off = (uint32_t)sr;
		return;
	}
	o->kind = O_SYM;
	o->imm = addend(p);
}

static void number_operand(struct ptx_parser *p, struct opnd *o, bool neg)
{
	o->imm = p->tok.ival;
	if (p->tok.kind == TK_INT) {
		o->kind = O_INT;
		o->imm = neg ? -o->imm : o->imm;
	} else {
		o->kind = p->tok.kind == TK_F32 ? O_F32 : O_F64;
		if (neg)
			o->imm ^= (int64_t)1 << (o->kind == O_F32 ? 31 : 63);
	}
	lex_next(p);
}

static void address_operand(struct ptx_parser *p, struct opnd *o)
{
	struct opnd *base = opnd_new(p);

	o->kind = O_ADDR;
	o->list = base;
	opnd_parse(p, base);
	if (base->kind == O_REG)
		o->imm = addend(p);
	if (base->kind != O_REG && base->kind != O_INT && base->kind != O_SYM)
		ptx_invalid(p, "an address is a register, a name or a number");
	if (lex_punct(p, ','))
		ptx_unsupported(p, "texture or tensor coordinates");
	lex_expect(p, ']');
}

static void opnd_parse(struct ptx_parser *p, struct opnd *o)
{
	bool neg = false;

	if (lex_accept(p, '{')) {
		o->kind = O_VEC;
		opnd_list(p, o, '}');
		return;
	}
	if (lex_accept(p, '(')) {
		o->kind = O_LIST;
		opnd_list(p, o, ')');
		return;
	}
	if (lex_accept(p, '[')) {
		address_operand(p, o);
		return;
	}
	if (lex_accept(p, '!'))
		o->neg = true;
	else if (lex_accept(p, '-'))
		neg = true;
	if (p->tok.kind == TK_IDENT && !neg) {
		name_operand(p, o);
		if (lex_accept(p, '|')) {
			o->second = opnd_new(p);
			opnd_parse(p, o->second);
		}
	} else if (p->tok.kind == TK_INT || p->tok.kind == TK_F32 ||
		   p->tok.kind == TK_F64) {
		number_operand(p, o, neg);
	} else {
		ptx_invalid(p, "bad operand \"%.*s\"",
			    (int)(p->tok.len > 40 ? 40 : p->tok.len),
			    p->tok.s);
	}
}

static struct stmt *stmt_new(struct ptx_parser *p)
{
	size_t scopes = p->cap_scopes;

	p->stmts = grow(p->stmts, &p->cap_stmts, p->nstmts, sizeof(*p->stmts));
	p->stmt_scope = grow(p->stmt_scope, &scopes, p->nstmts,
			     sizeof(*p->stmt_scope));
	p->cap_scopes = scopes;
	memset(&p->stmts[p->nstmts], 0, sizeof(*p->stmts));
	p->stmts[p->nstmts].line = p->tok.line;
	p->stmt_scope[p->nstmts] = p->scope;
	return &p->stmts[p->nstmts++];
}

static void guard_parse(struct ptx_parser *p, struct stmt *st)
{
	struct opnd o = { 0 };

	st->guarded = true;
	st->guard_neg = lex_accept(p, '!');
	name_operand(p, &o);
	if (o.kind != O_REG || o.type != T_PRED)
		ptx_invalid(p, "a guard must be a predicate register");
	st->guard = o.off;
}

static void opcode_parse(struct ptx_parser *p, struct stmt *st, char *op)
{
	size_t n = strlen(op);
	char *full;

	st->op = op;
	while (p->tok.kind == TK_DIRECTIVE) {
		if (st->nmod == STMT_MODS)
			ptx_invalid(p, "too many modifiers");
		st->mod[st->nmod++] = arena_strndup(&p->mod->arena, p->tok.s,
						    p->tok.len);
		n += p->tok.len + 1;
		lex_next(p);
	}
	full = arena_alloc(&p->mod->arena, n + 1);
	strcpy(full, op);
	for (unsigned int i = 0; i < st->nmod; i++) {
		strcat(full, ".");
		strcat(full, st->mod[i]);
	}
	st->text = full;
}

static void insn_parse(struct ptx_parser *p, struct stmt *st, char *op)
{
	opcode_parse(p, st, op);
	while (!lex_accept(p, ';')) {
		struct opnd o = { 0 };

		if (st->nops == STMT_OPS)
			ptx_invalid(p, "too many operands");
		opnd_parse(p, &o);
		st->ops[st->nops++] = o;
		if (!lex_punct(p, ';') && !lex_accept(p, ',') &&
		    strcmp(op, "call"))
			lex_expect(p, ',');
	}
}

static void targets_parse(struct ptx_parser *p, const char *label)
{
	struct ptx_targets *t = arena_alloc(&p->mod->arena, sizeof(*t));
	const char *names[1024];

	lex_next(p);
	do {
		if (t->n == 1024)
			ptx_unsupported(p, "more than 1024 branch targets");
		names[t->n++] = lex_name(p);
	} while (lex_accept(p, ','));
	lex_expect(p, ';');
	t->names = arena_alloc(&p->mod->arena, t->n * sizeof(char *));
	memcpy(t->names, names, t->n * sizeof(char *));
	sym_add(p, label, SYM_TARGETS)->obj = t;
}

/* The call itself names its arguments; the prototype adds nothing. */
static void proto_skip(struct ptx_parser *p, const char *label)
{
	while (p->tok.kind != TK_END && !lex_accept(p, ';'))
		lex_next(p);
	sym_add(p, label, SYM_PROTO);
}

static void label_parse(struct ptx_parser *p, const char *name)
{
	struct ptx_label *l;

	if (lex_is(p, ".branchtargets")) {
		targets_parse(p, name);
	} else if (lex_is(p, ".callprototype")) {
		proto_skip(p, name);
	} else if (lex_is(p, ".calltargets")) {
		proto_skip(p, name);
	} else {
		l = arena_alloc(&p->mod->arena, sizeof(*l));
		l->pc = (uint32_t)p->nstmts;
		l->defined = true;
		sym_add(p, name, SYM_LABEL)->obj = l;
	}
}

static void reg_decl(struct ptx_parser *p)
{
	enum ptx_type t;
	char word[16] = "";

	lex_next(p);
	memcpy(word, p->tok.s, p->tok.len < 15 ? p->tok.len : 15);
	t = ptx_type_from(word);
	if (t == T_NONE || t == T_B128)
		ptx_unsupported(p, "registers of type .%s", word);
	lex_next(p);
	do {
		char *name = lex_name(p);
		struct sym *s;

		if (!lex_accept(p, '<')) {
			s = sym_add(p, name, SYM_REG);
			s->type = t;
			p->fn->nregs += t == T_PRED ? 0 : slot_width(t) / 4;
			continue;
		}
		s = sym_add(p, name, SYM_REGRANGE);
		s->type = t;
		s->count = (uint32_t)lex_int(p);
		if (s->count > 1u << 20)
			ptx_invalid(p, "too many registers");
		s->obj = arena_alloc(&p->mod->arena,
				     s->count * sizeof(struct sym *));
		p->fn->nregs += t == T_PRED ? 0
					    : s->count * slot_width(t) / 4;
		lex_expect(p, '>');
	} while (lex_accept(p, ','));
	lex_expect(p, ';');
}

static void local_var(struct ptx_parser *p, enum ptx_space space)
{
	lex_next(p);
	do {
		struct ptx_var *v = var_parse(p, space);
		uint64_t at = p->fn->frame;

		sym_add(p, v->name, SYM_VAR)->obj = v;
		if (space == SP_SHARED) {
			v->index = (uint32_t)p->mod->nshared;
			p->mod->shared = grow(p->mod->shared,
					      &p->mod->cap_shared,
					      p->mod->nshared, sizeof(v));
			p->mod->shared[p->mod->nshared++] = v;
			continue;
		}
		if (v->size > 1u << 20)
			ptx_invalid(p, "%s is too big for local memory",
				    v->name);
		var_place_param(&at, v);
		p->fn->frame = (uint32_t)at;
	} while (lex_accept(p, ','));
	lex_expect(p, ';');
}

static bool body_directive(struct ptx_parser *p)
{
	if (lex_is(p, ".reg"))
		reg_decl(p);
	else if (lex_is(p, ".local"))
		local_var(p, SP_LOCAL);
	else if (lex_is(p, ".param"))
		local_var(p, SP_PARAM);
	else if (lex_is(p, ".shared"))
		local_var(p, SP_SHARED);
	else if (lex_is(p, ".loc")) {
		uint32_t line = p->tok.line;

		while (p->tok.line == line && p->tok.kind != TK_END)
			lex_next(p);
	} else if (lex_is(p, ".pragma")) {
		while (p->tok.kind != TK_END && !lex_accept(p, ';'))
			lex_next(p);
	} else {
		return false;
	}
	return true;
}

static void body_statement(struct ptx_parser *p)
{
	struct stmt *st;
	char *name;

	if (p->tok.kind == TK_DIRECTIVE) {
		if (!body_directive(p))
			ptx_unsupported(p, "directive .%.*s in a function",
					(int)p->tok.len, p->tok.s);
		return;
	}
	if (lex_accept(p, ';'))
		return;
	if (lex_accept(p, '@')) {
		st = stmt_new(p);
		guard_parse(p, st);
		insn_parse(p, st, lex_name(p));
		return;
	}
	name = lex_name(p);
	if (lex_accept(p, ':')) {
		label_parse(p, name);
		return;
	}
	insn_parse(p, stmt_new(p), name);
}

void body_parse(struct ptx_parser *p, struct ptx_func *fn)
{
	unsigned int depth = 1;

	p->fn = fn;
	p->nstmts = 0;
	p->pred_left = 0;
	fn->window = 2 * 128;	/* slot 0 predicates, slot 1 is never a name */
	for (uint32_t i = 0; i < fn->nparams + fn->nrets && !fn->entry; i++) {
		struct ptx_var *v = i < fn->nparams ? fn->params[i]
						    : fn->rets[i - fn->nparams];
		uint64_t at = fn->frame;

		var_place_param(&at, v);
		fn->frame = (uint32_t)at;
	}
	lex_expect(p, '{');
	while (depth) {
		if (p->tok.kind == TK_END)
			ptx_invalid(p, "the body of %s does not end", fn->name);
		if (lex_accept(p, '{')) {
			depth++;
			scope_open(p);
		} else if (lex_punct(p, '}')) {
			if (--depth)
				scope_close(p);
			else
				decode_function(p, fn);
			lex_next(p);
		} else {
			body_statement(p);
		}
	}
	p->fn = NULL;
}

// SPDX-License-Identifier: BSD-2-Clause
/* ptx_data.c - PTX variables, their layout and initialisers. */
#include "tools/softgpu/ptx_int.h"

#include <stdlib.h>
#include <string.h>

static uint64_t align_up(uint64_t v, uint64_t a)
{
	return (v + a - 1) & ~(a - 1);
}

void var_place_param(uint64_t *cursor, struct ptx_var *v)
{
	v->off = align_up(*cursor, v->align);
	*cursor = v->off + v->size;
}

static void attribute_parse(struct ptx_parser *p, struct ptx_var *v)
{
	lex_expect(p, '(');
	while (!lex_accept(p, ')')) {
		if (lex_is(p, ".managed"))
			v->managed = true;
		else if (!lex_punct(p, ','))
			ptx_unsupported(p, "variable attribute \"%.*s\"",
					(int)p->tok.len, p->tok.s);
		lex_next(p);
	}
}

/* .ptr .global .align 16: a hint about what a pointer parameter points at */
static void ptr_hint(struct ptx_parser *p)
{
	lex_next(p);
	if (lex_is(p, ".global") || lex_is(p, ".const") ||
	    lex_is(p, ".shared") || lex_is(p, ".local") ||
	    lex_is(p, ".param"))
		lex_next(p);
	if (lex_is(p, ".align")) {
		lex_next(p);
		lex_int(p);
	}
}

/* Everything between the state space and the name. */
static unsigned int qualifiers(struct ptx_parser *p, struct ptx_var *v)
{
	unsigned int vec = 1;

	while (p->tok.kind == TK_DIRECTIVE) {
		char word[16] = "";

		if (lex_is(p, ".ptr")) {
			ptr_hint(p);
			continue;
		}
		memcpy(word, p->tok.s, p->tok.len < 15 ? p->tok.len : 15);
		lex_next(p);
		if (!strcmp(word, "align"))
			v->align = (uint32_t)lex_int(p);
		else if (!strcmp(word, "attribute"))
			attribute_parse(p, v);
		else if (word[0] == 'v' && (word[1] == '2' || word[1] == '4') &&
			 !word[2])
			vec = (unsigned int)(word[1] - '0');
		else if (ptx_type_from(word) != T_NONE)
			v->type = ptx_type_from(word);
		else
			ptx_unsupported(p, "variables of kind \".%s\"", word);
	}
	if (v->type == T_NONE)
		ptx_invalid(p, "a variable has no type");
	return vec;
}

static void put_bytes(struct ptx_parser *p, struct ptx_var *v, uint64_t at,
		      const void *bytes, unsigned int n)
{
	if (at > v->size || n > v->size - at)
		ptx_invalid(p, "too many initialisers for %s", v->name);
	memcpy(v->init + at, bytes, n);
}

static void put_reloc(struct ptx_parser *p, struct ptx_var *v, uint64_t at,
		      unsigned int size)
{
	struct ptx_reloc r = { .at = at, .size = size };
	bool generic = lex_is(p, "generic");

	if (at > v->size || size > v->size - at || size < 8)
		ptx_invalid(p, "no room for an address in %s", v->name);
	if (generic) {
		lex_next(p);
		lex_expect(p, '(');
	}
	r.name = lex_name(p);
	if (generic)
		lex_expect(p, ')');
	if (lex_accept(p, '+'))
		r.addend = lex_int(p);
	else if (lex_punct(p, '-'))
		r.addend = lex_int(p);
	v->relocs = grow(v->relocs, &v->cap_relocs, v->nrelocs,
			 sizeof(*v->relocs));
	v->relocs[v->nrelocs++] = r;
}

static void put_number(struct ptx_parser *p, struct ptx_var *v, uint64_t at,
		       unsigned int size)
{
	bool neg = lex_accept(p, '-');
	int64_t bits = p->tok.ival;
	double d;
	float f;

	if (p->tok.kind == TK_F64 || p->tok.kind == TK_F32) {
		memcpy(&d, &bits, sizeof(d));
		if (p->tok.kind == TK_F64 && v->type == T_F32) {
			f = (float)(neg ? -d : d);
			put_bytes(p, v, at, &f, 4);
			lex_next(p);
			return;
		}
		if (neg)
			bits ^= (int64_t)1 << (p->tok.kind == TK_F64 ? 63 : 31);
	} else if (p->tok.kind != TK_INT) {
		ptx_invalid(p, "bad initialiser of %s", v->name);
	} else if (ptx_type_float(v->type) && size >= 4) {
		d = (double)(neg ? -bits : bits);
		f = (float)d;
		put_bytes(p, v, at, size == 8 ? (void *)&d : (void *)&f, size);
		lex_next(p);
		return;
	} else if (neg) {
		bits = -bits;
	}
	lex_next(p);
	if (lex_punct(p, '('))
		ptx_unsupported(p, "an address split into bytes (%s)", v->name);
	put_bytes(p, v, at, &bits, size);
}

/* Nested braces only group: elements follow each other in memory. */
static void init_list(struct ptx_parser *p, struct ptx_var *v, uint64_t *at,
		      unsigned int size)
{
	if (lex_accept(p, '{')) {
		while (!lex_accept(p, '}')) {
			init_list(p, v, at, size);
			if (!lex_punct(p, '}'))
				lex_expect(p, ',');
		}
		return;
	}
	if (p->tok.kind == TK_IDENT)
		put_reloc(p, v, *at, size);
	else
		put_number(p, v, *at, size);
	*at += size;
}


struct ptx_var *var_parse(struct ptx_parser *p, enum ptx_space space)
{
	struct ptx_var *v = arena_alloc(&p->mod->arena, sizeof(*v));
	unsigned int vec, size;
	uint64_t at = 0;

	v->space = space;
	vec = qualifiers(p, v);
	size = ptx_type_size(v->type);
	if (!size)
		ptx_invalid(p, "a predicate cannot be a variable");
	v->name = lex_name(p);
	v->size = (uint64_t)size * vec;
	while (lex_accept(p, '[')) {
		int64_t n = lex_punct(p, ']') ? 0 : lex_int(p);

		if (n < 0 || (uint64_t)n > (UINT64_C(1) << 40) / size)
			ptx_invalid(p, "bad size of %s", v->name);
		v->size *= (uint64_t)n;
		lex_expect(p, ']');
	}
	if (!v->align)
		v->align = size * vec;
	if (v->align & (v->align - 1))
		ptx_invalid(p, "alignment of %s is no power of two", v->name);
	if (lex_accept(p, '=')) {
		if (!v->size)
			ptx_unsupported(p, "an array without size (%s)",
					v->name);
		v->init = arena_alloc(&p->mod->arena, v->size + 16);
		init_list(p, v, &at, size);
	}
	return v;
}

/* (.param .u64 a, .param .align 8 .b8 b[24]) */
struct ptx_var **params_parse(struct ptx_parser *p, enum ptx_space space,
			      uint32_t *n)
{
	struct ptx_var **list = NULL;
	size_t cap = 0, count = 0;
	uint64_t at = 0;
	struct ptx_var **kept;

	lex_expect(p, '(');
	while (!lex_accept(p, ')')) {
		struct ptx_var *v;

		if (lex_is(p, ".reg"))
			ptx_unsupported(p, "parameters in registers");
		if (!lex_is(p, ".param"))
			ptx_invalid(p, "bad parameter list");
		lex_next(p);
		v = var_parse(p, space);
		if (!v->size)
			ptx_unsupported(p, "unsized parameter %s", v->name);
		var_place_param(&at, v);
		if (strcmp(v->name, "_"))
			sym_add(p, v->name, SYM_VAR)->obj = v;
		list = grow(list, &cap, count, sizeof(v));
		list[count++] = v;
		if (!lex_punct(p, ')'))
			lex_expect(p, ',');
	}
	kept = arena_alloc(&p->mod->arena, (count + 1) * sizeof(*kept));
	if (count)
		memcpy(kept, list, count * sizeof(*kept));
	free(list);
	*n = (uint32_t)count;
	return kept;
}

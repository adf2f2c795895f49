// SPDX-License-Identifier: BSD-2-Clause
/* ptx_parse.c - the module level of PTX: directives, variables, functions. */
#include "tools/softgpu/ptx_int.h"

#include "tools/lib/log.h"

#include <stdlib.h>
#include <string.h>

struct linkage {
	bool is_extern, visible;
};

static void skip_to_line_end(struct ptx_parser *p)
{
	uint32_t line = p->tok.line;

	while (p->tok.kind != TK_END && p->tok.line == line)
		lex_next(p);
}

static void target_parse(struct ptx_parser *p)
{
	lex_next(p);
	if (p->tok.kind != TK_IDENT || p->tok.len < 4 ||
	    strncmp(p->tok.s, "sm_", 3))
		ptx_invalid(p, ".target needs an architecture");
	p->mod->target = (int)strtol(p->tok.s + 3, NULL, 10);
	lex_next(p);
	while (lex_accept(p, ','))
		lex_next(p);
}

/* .section .debug_x { ... } holds nothing that runs. */
static void section_skip(struct ptx_parser *p)
{
	while (p->tok.kind != TK_END && !lex_punct(p, '{'))
		lex_next(p);
	while (p->tok.kind != TK_END && !lex_punct(p, '}'))
		lex_next(p);
	lex_expect(p, '}');
}

static void module_var(struct ptx_parser *p, enum ptx_space space,
		       const struct linkage *l)
{
	struct ptx_module *m = p->mod;
	struct ptx_var *v;
	struct sym *old, *s;

	lex_next(p);
	do {
		v = var_parse(p, space);
		v->is_extern = l->is_extern;
		v->visible = l->visible;
		old = sym_find(p, v->name, strlen(v->name));
		if (old && old->kind == SYM_VAR &&
		    !((struct ptx_var *)old->obj)->is_extern)
			ptx_invalid(p, "%s is defined twice", v->name);
		s = sym_add(p, v->name, SYM_VAR);
		s->obj = v;
		if (space == SP_SHARED) {
			v->index = (uint32_t)m->nshared;
			m->shared = grow(m->shared, &m->cap_shared, m->nshared,
					 sizeof(v));
			m->shared[m->nshared++] = v;
		} else {
			m->vars = grow(m->vars, &m->cap_vars, m->nvars,
				       sizeof(v));
			m->vars[m->nvars++] = v;
		}
	} while (lex_accept(p, ','));
	lex_expect(p, ';');
}

static struct ptx_func *func_get(struct ptx_parser *p, const char *name)
{
	struct ptx_module *m = p->mod;
	struct sym *s = sym_find(p, name, strlen(name));
	struct ptx_func *f;

	if (s && s->kind == SYM_FUNC)
		return s->obj;
	f = arena_alloc(&m->arena, sizeof(*f));
	f->name = name;
	f->index = (uint32_t)m->nfuncs;
	m->funcs = grow(m->funcs, &m->cap_funcs, m->nfuncs, sizeof(f));
	m->funcs[m->nfuncs++] = f;
	s = sym_add(p, name, SYM_FUNC);
	s->obj = f;
	return f;
}

static void dims_parse(struct ptx_parser *p, uint32_t dims[3])
{
	unsigned int i = 0;

	dims[0] = dims[1] = dims[2] = 1;
	do
		dims[i++] = (uint32_t)lex_int(p);
	while (i < 3 && lex_accept(p, ','));
}

/* Performance directives between the parameters and the body. */
static void func_directives(struct ptx_parser *p, struct ptx_func *f)
{
	while (p->tok.kind == TK_DIRECTIVE) {
		bool max = lex_is(p, ".maxntid"), req = lex_is(p, ".reqntid");
		bool plain = lex_is(p, ".noreturn");
		bool number = lex_is(p, ".minnctapersm") ||
			      lex_is(p, ".maxnreg") ||
			      lex_is(p, ".maxnctapersm");

		if (lex_is(p, ".pragma")) {
			while (!lex_accept(p, ';'))
				lex_next(p);
			continue;
		}
		if (!max && !req && !plain && !number)
			ptx_unsupported(p, "function directive \".%.*s\"",
					(int)p->tok.len, p->tok.s);
		lex_next(p);
		if (max || req)
			dims_parse(p, max ? f->maxntid : f->reqntid);
		else if (number)
			lex_int(p);
	}
}

static void skip_body(struct ptx_parser *p)
{
	unsigned int depth = 0;

	do {
		if (p->tok.kind == TK_END)
			ptx_invalid(p, "a body without its end");
		depth += lex_punct(p, '{');
		depth -= lex_punct(p, '}');
		lex_next(p);
	} while (depth);
}

/* As if it had no body; what there was of it is never run. */
static void make_opaque(struct ptx_parser *p, struct ptx_func *f)
{
	p->what = NULL;
	p->fn = NULL;
	p->error = 0;
	f->opaque = true;
	f->nconsts = f->nspecials = f->nshared = f->ncallees = 0;
	f->start = f->end = (uint32_t)p->mod->ncode;
	for (uint32_t i = 0; i < f->nparams && f->entry; i++)
		f->param_bytes = f->params[i]->off + f->params[i]->size;
}

/* The stand-in takes what the interpreter cannot run. */
static void body_or_none(struct ptx_parser *p, struct ptx_func *f)
{
	struct scope *const scope = p->scope;
	const struct token tok = p->tok;
	const char *const at = p->at;
	const uint32_t line = p->line;
	jmp_buf outer;

	memcpy(&outer, &p->fail, sizeof(outer));
	if (!setjmp(p->fail)) {
		body_parse(p, f);
		memcpy(&p->fail, &outer, sizeof(outer));
		return;
	}
	memcpy(&p->fail, &outer, sizeof(outer));
	if (p->error != 801)
		longjmp(p->fail, 1);
	while (p->scope != scope)
		scope_close(p);
	p->tok = tok;
	p->at = at;
	p->line = line;
	make_opaque(p, f);
	skip_body(p);
}

static void func_parse(struct ptx_parser *p, bool entry,
		       const struct linkage *l)
{
	struct ptx_var **rets = NULL, **params = NULL;
	uint32_t nrets = 0, nparams = 0;
	struct ptx_func *f;

	lex_next(p);
	scope_open(p);
	if (lex_punct(p, '('))
		rets = params_parse(p, SP_PARAM, &nrets);
	p->scope->up = NULL;
	f = NULL;
	{
		struct scope *inner = p->scope;
		char *name = lex_name(p);

		/* the function itself is a symbol of the module */
		p->scope = NULL;
		f = func_get(p, name);
		p->scope = inner;
	}
	if (f->defined && f->entry != entry)
		ptx_invalid(p, "%s is defined twice", f->name);
	f->entry = entry;
	f->is_extern |= l->is_extern;
	f->visible |= l->visible;
	if (lex_punct(p, '('))
		params = params_parse(p, entry ? SP_KPARAM : SP_PARAM,
				      &nparams);
	func_directives(p, f);
	f->params = params;
	f->nparams = nparams;
	f->rets = rets;
	f->nrets = nrets;
	if (lex_punct(p, '{')) {
		if (f->defined)
			ptx_invalid(p, "%s is defined twice", f->name);
		f->defined = true;
		if (sg_standin())
			body_or_none(p, f);
		else
			body_parse(p, f);
	} else {
		lex_expect(p, ';');
	}
	scope_close(p);
	p->scope = NULL;
}

static void module_statement(struct ptx_parser *p)
{
	struct linkage l = { false, false };

	while (lex_is(p, ".visible") || lex_is(p, ".extern") ||
	       lex_is(p, ".weak") || lex_is(p, ".common")) {
		if (lex_is(p, ".extern"))
			l.is_extern = true;
		else
			l.visible = true;
		lex_next(p);
	}
	if (lex_is(p, ".version") || lex_is(p, ".address_size") ||
	    lex_is(p, ".file") || lex_is(p, ".loc"))
		skip_to_line_end(p);
	else if (lex_is(p, ".target"))
		target_parse(p);
	else if (lex_is(p, ".section"))
		section_skip(p);
	else if (lex_is(p, ".global"))
		module_var(p, SP_GLOBAL, &l);
	else if (lex_is(p, ".const"))
		module_var(p, SP_CONST, &l);
	else if (lex_is(p, ".shared"))
		module_var(p, SP_SHARED, &l);
	else if (lex_is(p, ".func"))
		func_parse(p, false, &l);
	else if (lex_is(p, ".entry"))
		func_parse(p, true, &l);
	else if (lex_is(p, ".pragma"))
		skip_to_line_end(p);
	else if (lex_is(p, ".alias"))
		ptx_unsupported(p, "directive .alias");
	else
		ptx_invalid(p, "unexpected \"%.*s\"",
			    (int)(p->tok.len > 40 ? 40 : p->tok.len),
			    p->tok.s);
}

static void module_parse(struct ptx_parser *p)
{
	lex_next(p);
	if (!lex_is(p, ".version"))
		ptx_invalid(p, "PTX starts with .version");
	while (p->tok.kind != TK_END)
		module_statement(p);
	if (!p->mod->target)
		ptx_invalid(p, "PTX has no .target");
}

int ptx_load(const char *text, size_t len, struct ptx_module **out)
{
	struct ptx_parser *p = calloc(1, sizeof(*p));
	char *copy = malloc(len + 1);
	int error;

	if (p)
		p->mod = calloc(1, sizeof(*p->mod));
	if (!p || !copy || !p->mod) {
		if (p)
			free(p->mod);
		free(p);
		free(copy);
		return 2;
	}
	memcpy(copy, text, len);
	copy[len] = 0;
	p->at = copy;
	p->end = copy + len;
	p->line = 1;
	if (!setjmp(p->fail)) {
		module_parse(p);
		ptx_link(p);
	}
	error = p->error;
	if (error)
		ptx_free(p->mod);
	else
		*out = p->mod;
	free(p->stmts);
	free(p->stmt_scope);
	free(p);
	free(copy);
	return error;
}

void ptx_free(struct ptx_module *m)
{
	for (size_t i = 0; i < m->nfuncs; i++) {
		free(m->funcs[i]->slots);
		free(m->funcs[i]->consts);
		free(m->funcs[i]->specials);
		free(m->funcs[i]->shared);
		free(m->funcs[i]->callees);
	}
	for (size_t i = 0; i < m->nvars; i++)
		free(m->vars[i]->relocs);
	free(m->funcs);
	free(m->vars);
	free(m->shared);
	free(m->code);
	arena_free(&m->arena);
	free(m);
}

struct ptx_func *ptx_find_func(const struct ptx_module *m, const char *name)
{
	for (size_t i = 0; i < m->nfuncs; i++)
		if (!strcmp(m->funcs[i]->name, name))
			return m->funcs[i];
	return NULL;
}

struct ptx_var *ptx_find_var(const struct ptx_module *m, const char *name)
{
	for (size_t i = 0; i < m->nvars; i++)
		if (!strcmp(m->vars[i]->name, name))
			return m->vars[i];
	return NULL;
}

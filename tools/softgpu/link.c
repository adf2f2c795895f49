// SPDX-License-Identifier: BSD-2-Clause
/* link.c - what is known once all functions are decoded: layout, windows. */
#include "tools/softgpu/ptx_int.h"
#include "tools/softgpu/exec.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LOCAL (512u << 10)

static void place_vars(struct ptx_parser *p, enum ptx_space space,
		       uint64_t *at)
{
	for (size_t i = 0; i < p->mod->nvars; i++) {
		struct ptx_var *v = p->mod->vars[i];
		struct sym *s = sym_find(p, v->name, strlen(v->name));

		if (v->space != space)
			continue;
		if (v->is_extern) {
			struct ptx_var *def = s->obj;

			if (def->is_extern)
				ptx_unsupported(p, "variable %s is defined in "
						"another module", v->name);
			continue;
		}
		*at = (*at + 255) & ~(uint64_t)255;
		v->off = *at;
		*at += v->size;
	}
	*at = (*at + 255) & ~(uint64_t)255;
}

/* An extern declaration lies where its definition does. */
static void join_externs(struct ptx_parser *p)
{
	for (size_t i = 0; i < p->mod->nvars; i++) {
		struct ptx_var *v = p->mod->vars[i];

		if (v->is_extern)
			v->off = ((struct ptx_var *)sym_find(
					  p, v->name, strlen(v->name))->obj)
					 ->off;
	}
}

static void resolve_consts(struct ptx_module *m, struct ptx_func *f)
{
	for (size_t i = 0; i < f->nconsts; i++)
		if (f->consts[i].kind == C_GLOBAL)
			f->consts[i].value += m->vars[f->consts[i].index]->off;
}

static void visit(struct ptx_module *m, struct ptx_func *f, uint8_t *seen)
{
	if (seen[f->index])
		return;
	seen[f->index] = 1;
	for (size_t i = 0; i < f->ncallees; i++)
		visit(m, f->callees[i], seen);
	/* an indirect call may reach any function whose address is taken */
	for (size_t i = 0; f->has_calls && i < m->nfuncs; i++)
		if (m->funcs[i]->called_by_address)
			visit(m, m->funcs[i], seen);
}

static uint32_t lay_shared(struct ptx_module *m, struct ptx_func *k,
			   const uint8_t *seen)
{
	uint32_t at = 0, align = 16;

	for (size_t i = 0; i < m->nshared; i++)
		k->shared_off[i] = UINT32_MAX;
	for (size_t i = 0; i < m->nfuncs; i++)
		for (size_t j = 0; seen[i] && j < m->funcs[i]->nshared; j++)
			k->shared_off[m->funcs[i]->shared[j]] = 0;
	for (size_t i = 0; i < m->nshared; i++) {
		struct ptx_var *v = m->shared[i];

		if (k->shared_off[i] || !v->size)
			continue;
		at = (at + v->align - 1) & ~(v->align - 1);
		k->shared_off[i] = at;
		at += (uint32_t)v->size;
	}
	k->static_shared = at;
	for (size_t i = 0; i < m->nshared; i++)
		if (!m->shared[i]->size && m->shared[i]->align > align)
			align = m->shared[i]->align;
	for (size_t i = 0; i < m->nshared; i++)
		if (!m->shared[i]->size && !k->shared_off[i])
			k->shared_off[i] = (at + align - 1) & ~(align - 1);
	k->dyn_pad = ((at + align - 1) & ~(align - 1)) - ((at + 15u) & ~15u);
	return at;
}

static void link_kernel(struct ptx_parser *p, struct ptx_func *k)
{
	struct ptx_module *m = p->mod;
	uint8_t *seen = calloc(m->nfuncs, 1);
	uint64_t local = 0;
	bool recursive = false;

	if (!seen)
		ptx_fail(p, 2, "out of memory");
	visit(m, k, seen);
	k->shared_off = arena_alloc(&m->arena,
				    (m->nshared + 1) * sizeof(uint32_t));
	lay_shared(m, k, seen);
	for (size_t i = 0; i < m->nfuncs; i++) {
		k->opaque |= seen[i] && m->funcs[i]->opaque;
		local += seen[i] ? (m->funcs[i]->frame + 31u) & ~15u : 0;
		recursive |= seen[i] && m->funcs[i]->recursive;
	}
	free(seen);
	/* recursion has no bound: a stack like the GPU's, and an error */
	if (recursive)
		local += 64u << 10;
	if (local > MAX_LOCAL)
		ptx_unsupported(p, "%s needs %llu bytes of local memory per "
				"thread", k->name, (unsigned long long)local);
	k->local_bytes = (uint32_t)((local + 63) & ~UINT64_C(63));
	k->base = k->ncallees || k->has_calls ? m->funcs_window : 0;
	k->file_bytes = k->base + k->window;
}

static bool reaches(struct ptx_module *m, struct ptx_func *from,
		    const struct ptx_func *to, uint8_t *seen)
{
	for (size_t i = 0; i < m->nfuncs; i++) {
		bool called = from->has_calls && m->funcs[i]->called_by_address;

		for (size_t j = 0; j < from->ncallees; j++)
			called |= from->callees[j] == m->funcs[i];
		if (!called)
			continue;
		if (m->funcs[i] == to)
			return true;
		if (!seen[i]) {
			seen[i] = 1;
			if (reaches(m, m->funcs[i], to, seen))
				return true;
		}
	}
	return false;
}

static void link_function(struct ptx_parser *p, struct ptx_func *f)
{
	uint8_t *seen = calloc(p->mod->nfuncs, 1);

	if (!seen)
		ptx_fail(p, 2, "out of memory");
	f->recursive = reaches(p->mod, f, f, seen);
	free(seen);
	f->base = p->mod->funcs_window;
	p->mod->funcs_window += f->window;
}

static void check_relocs(struct ptx_parser *p, const struct ptx_var *v)
{
	for (size_t i = 0; i < v->nrelocs; i++) {
		const char *name = v->relocs[i].name;
		struct sym *s = sym_find(p, name, strlen(name));

		if (!s || (s->kind != SYM_VAR && s->kind != SYM_FUNC))
			ptx_invalid(p, "%s: unknown name %s in its initialiser",
				    v->name, name);
		if (s->kind == SYM_FUNC)
			((struct ptx_func *)s->obj)->called_by_address = true;
		else if (((struct ptx_var *)s->obj)->space == SP_SHARED)
			ptx_invalid(p, "%s: the address of shared memory is no "
				    "constant", v->name);
	}
}

static void check_callees(struct ptx_parser *p, struct ptx_func *f)
{
	for (size_t i = 0; i < f->ncallees; i++)
		if (!f->callees[i]->defined && sg_standin())
			f->opaque = true;
		else if (!f->callees[i]->defined)
			ptx_unsupported(p, "%s calls %s, which this module "
					"does not define", f->name,
					f->callees[i]->name);
}

void ptx_link(struct ptx_parser *p)
{
	struct ptx_module *m = p->mod;

	place_vars(p, SP_CONST, &m->const_bytes);
	m->globals_bytes = m->const_bytes;
	place_vars(p, SP_GLOBAL, &m->globals_bytes);
	join_externs(p);
	for (size_t i = 0; i < m->nvars; i++)
		check_relocs(p, m->vars[i]);
	for (size_t i = 0; i < m->nfuncs; i++) {
		check_callees(p, m->funcs[i]);
		resolve_consts(m, m->funcs[i]);
	}
	for (size_t i = 0; i < m->nfuncs; i++)
		if (!m->funcs[i]->entry && m->funcs[i]->defined)
			link_function(p, m->funcs[i]);
	for (size_t i = 0; i < m->nfuncs; i++)
		if (m->funcs[i]->entry && m->funcs[i]->defined)
			link_kernel(p, m->funcs[i]);
}

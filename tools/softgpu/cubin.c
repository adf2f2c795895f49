// SPDX-License-Identifier: BSD-2-Clause
/*
 * cubin.c - machine code as a module whose kernels are known but do not run:
 * names, parameters, registers and variables, read from the ELF file. Only
 * for the driver that plays a GPU (standin.c).
 */
#include "tools/softgpu/softgpu.h"

#include "tools/lib/log.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define STO_ENTRY 0x10
#define STO_MANAGED 0x04

/* .nv.info: a list of (format, attribute, value or size of what follows) */
#define FMT_SIZED 4
#define INFO_MAX_THREADS 0x05
#define INFO_REQ_THREADS 0x10
#define INFO_FRAME 0x11
#define INFO_PARAM 0x17
#define INFO_REGS 0x2f

struct cubin {
	const uint8_t *base;
	const Elf64_Shdr *sec;
	unsigned int nsec;
	const char *names, *strings;
	const Elf64_Sym *sym;
	size_t nsym;
	uint64_t *global_at;	/* by section: where its bytes lie */
	struct ptx_module *mod;
};

static const char *sec_name(const struct cubin *c, unsigned int i)
{
	return c->names + c->sec[i].sh_name;
}

static const Elf64_Shdr *sec_of(const struct cubin *c, const char *prefix,
				const char *name)
{
	size_t n = strlen(prefix);

	for (unsigned int i = 1; i < c->nsec; i++)
		if (!strncmp(sec_name(c, i), prefix, n) &&
		    !strcmp(sec_name(c, i) + n, name))
			return &c->sec[i];
	return NULL;
}

typedef void info_fn(struct cubin *c, struct ptx_func *f, unsigned int attr,
		     const uint32_t *words, unsigned int size);

static void info_each(struct cubin *c, const Elf64_Shdr *s, info_fn *fn,
		      struct ptx_func *f)
{
	const uint8_t *p = c->base + s->sh_offset, *end = p + s->sh_size;

	while (end - p >= 4) {
		unsigned int format = p[0], attr = p[1], size;
		uint32_t words[4] = { 0 };

		memcpy(&size, p, 4);
		size = format == FMT_SIZED ? size >> 16 : 0;
		p += 4;
		if (size > (size_t)(end - p))
			return;
		memcpy(words, p, size < sizeof(words) ? size : sizeof(words));
		fn(c, f, attr, words, size);
		p += size;
	}
}

static void kernel_info(struct cubin *c, struct ptx_func *f, unsigned int attr,
			const uint32_t *w, unsigned int size)
{
	uint32_t index = w[1] & 0xffff;
	struct ptx_var *v;

	if (attr == INFO_MAX_THREADS && size >= 12)
		memcpy(f->maxntid, w, sizeof(f->maxntid));
	if (attr == INFO_REQ_THREADS && size >= 12)
		memcpy(f->reqntid, w, sizeof(f->reqntid));
	if (attr != INFO_PARAM || size < 12 || index > 4096)
		return;
	if (!f->params) /* the last parameter comes first */
		f->params = arena_alloc(&c->mod->arena,
					(index + 1) * sizeof(v));
	if (!f->nparams)
		f->nparams = index + 1;
	if (index >= f->nparams)
		return;
	v = arena_alloc(&c->mod->arena, sizeof(*v));
	v->space = SP_KPARAM;
	v->off = w[1] >> 16;
	v->size = w[2] >> 18;
	f->params[index] = v;
	if (v->off + v->size > f->param_bytes)
		f->param_bytes = v->off + v->size;
}

static void module_info(struct cubin *c, struct ptx_func *f, unsigned int attr,
			const uint32_t *w, unsigned int size)
{
	struct ptx_func *of;

	(void)f;
	if ((attr != INFO_REGS && attr != INFO_FRAME) || size < 8 ||
	    w[0] >= c->nsym)
		return;
	of = ptx_find_func(c->mod, c->strings + c->sym[w[0]].st_name);
	if (of && attr == INFO_REGS)
		of->nregs = w[1];
	if (of && attr == INFO_FRAME)
		of->frame = w[1];
}

/* A kernel with a gap in its parameters is one that was not understood. */
static bool params_known(const struct ptx_func *f)
{
	for (uint32_t i = 0; i < f->nparams; i++)
		if (!f->params[i])
			return false;
	return true;
}

static bool kernel_add(struct cubin *c, const Elf64_Sym *s)
{
	struct ptx_module *m = c->mod;
	struct ptx_func *f = arena_alloc(&m->arena, sizeof(*f));
	const char *name = c->strings + s->st_name;
	const Elf64_Shdr *info = sec_of(c, ".nv.info.", name);
	const Elf64_Shdr *shared = sec_of(c, ".nv.shared.", name);

	f->name = arena_strndup(&m->arena, name, strlen(name));
	f->index = (uint32_t)m->nfuncs;
	f->entry = f->defined = f->visible = f->opaque = true;
	/* 1 KiB is the driver's own from compute capability 8 on. */
	if (shared)
		f->static_shared = shared->sh_size < 1024 ? 0
				   : (uint32_t)shared->sh_size - 1024;
	if (info)
		info_each(c, info, kernel_info, f);
	m->funcs = grow(m->funcs, &m->cap_funcs, m->nfuncs, sizeof(f));
	m->funcs[m->nfuncs++] = f;
	return params_known(f);
}

static void var_add(struct cubin *c, const Elf64_Sym *s)
{
	struct ptx_module *m = c->mod;
	struct ptx_var *v = arena_alloc(&m->arena, sizeof(*v));
	const Elf64_Shdr *sec = &c->sec[s->st_shndx];
	const char *name = c->strings + s->st_name;

	v->name = arena_strndup(&m->arena, name, strlen(name));
	v->space = SP_GLOBAL;
	v->visible = true;
	v->managed = s->st_other & STO_MANAGED;
	v->size = s->st_size;
	v->off = c->global_at[s->st_shndx] + s->st_value;
	if (sec->sh_type != SHT_NOBITS &&
	    s->st_value <= sec->sh_size &&
	    s->st_size <= sec->sh_size - s->st_value) {
		v->init = arena_alloc(&m->arena, s->st_size + 1);
		memcpy(v->init, c->base + sec->sh_offset + s->st_value,
		       s->st_size);
	}
	m->vars = grow(m->vars, &m->cap_vars, m->nvars, sizeof(v));
	m->vars[m->nvars++] = v;
}

static bool holds_vars(const char *name)
{
	return !strncmp(name, ".nv.global", 10) ||
	       !strcmp(name, ".nv.constant3");
}

static void place_sections(struct cubin *c)
{
	for (unsigned int i = 1; i < c->nsec; i++) {
		uint64_t at = (c->mod->globals_bytes + 255) & ~255ull;

		if (!holds_vars(sec_name(c, i)))
			continue;
		c->global_at[i] = at;
		c->mod->globals_bytes = at + c->sec[i].sh_size;
	}
}

static bool symbols(struct cubin *c)
{
	bool ok = true;

	for (size_t i = 0; i < c->nsym; i++) {
		const Elf64_Sym *s = &c->sym[i];
		unsigned int type = ELF64_ST_TYPE(s->st_info);

		if (!s->st_shndx || s->st_shndx >= c->nsec)
			continue;
		if (type == STT_FUNC && s->st_other & STO_ENTRY)
			ok &= kernel_add(c, s);
		else if (type == STT_OBJECT &&
			 holds_vars(sec_name(c, s->st_shndx)))
			var_add(c, s);
	}
	return ok;
}

static bool open_elf(struct cubin *c)
{
	const Elf64_Ehdr *h = (const void *)c->base;

	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_machine != EM_CUDA ||
	    h->e_shentsize != sizeof(Elf64_Shdr) ||
	    h->e_shstrndx >= h->e_shnum)
		return false;
	c->sec = (const void *)(c->base + h->e_shoff);
	c->nsec = h->e_shnum;
	c->names = (const char *)c->base + c->sec[h->e_shstrndx].sh_offset;
	for (unsigned int i = 1; i < c->nsec; i++) {
		const Elf64_Shdr *s = &c->sec[i];

		if (s->sh_type != SHT_SYMTAB || s->sh_link >= c->nsec)
			continue;
		c->sym = (const void *)(c->base + s->sh_offset);
		c->nsym = s->sh_size / sizeof(*c->sym);
		c->strings = (const char *)c->base +
			     c->sec[s->sh_link].sh_offset;
	}
	return c->sym != NULL;
}

size_t cubin_size(const void *elf)
{
	const Elf64_Ehdr *h = elf;
	size_t end = h->e_shoff + (size_t)h->e_shnum * h->e_shentsize;
	const Elf64_Shdr *s = (const void *)((const char *)elf + h->e_shoff);

	if (end < sizeof(*h))
		end = sizeof(*h);
	for (unsigned int i = 1; i < h->e_shnum; i++)
		if (s[i].sh_type != SHT_NOBITS &&
		    s[i].sh_offset + s[i].sh_size > end)
			end = s[i].sh_offset + s[i].sh_size;
	return end;
}

CUresult cubin_load(const void *elf, struct ptx_module **out)
{
	struct cubin c = { .base = elf };
	const Elf64_Shdr *info;
	bool ok;

	if (!open_elf(&c))
		return CUDA_ERROR_INVALID_IMAGE;
	c.mod = calloc(1, sizeof(*c.mod));
	c.global_at = calloc(c.nsec, sizeof(*c.global_at));
	if (!c.mod || !c.global_at) {
		free(c.mod);
		free(c.global_at);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	place_sections(&c);
	ok = symbols(&c);
	info = sec_of(&c, ".nv.info", "");
	if (info)
		info_each(&c, info, module_info, NULL);
	free(c.global_at);
	if (!ok) {
		log_error("a cubin has a kernel whose parameters are not "
			  "described");
		ptx_free(c.mod);
		return CUDA_ERROR_INVALID_IMAGE;
	}
	c.mod->target = sg_cc();
	*out = c.mod;
	return CUDA_SUCCESS;
}

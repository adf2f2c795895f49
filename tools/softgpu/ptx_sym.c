// SPDX-License-Identifier: BSD-2-Clause
/* ptx_sym.c - memory, type names and scoped symbols of the PTX parser. */
#include "tools/softgpu/ptx_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK (256u << 10)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(16) unsigned char data[];
};

/* Running out of memory while parsing a test's kernel has no better answer. */
static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->head;
	void *r;

	n = (n + 15) & ~(size_t)15;
	if (!b || b->size - b->used < n) {
		size_t size = n > ARENA_BLOCK ? n : ARENA_BLOCK;

		b = must(calloc(1, sizeof(*b) + size));
		b->size = size;
		b->next = a->head;
		a->head = b;
	}
	r = b->data + b->used;
	b->used += n;
	return r;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *d = arena_alloc(a, n + 1);

	memcpy(d, s, n);
	return d;
}

void arena_free(struct arena *a)
{
	while (a->head) {
		struct arena_block *b = a->head;

		a->head = b->next;
		free(b);
	}
}

void *grow(void *base, size_t *cap, size_t n, size_t elem)
{
	if (n < *cap)
		return base;
	*cap = *cap ? *cap * 2 : 16;
	return must(realloc(base, *cap * elem));
}

static const struct {
	const char *name;
	unsigned char size;
	bool is_signed, is_float;
} types[T_COUNT] = {
	[T_NONE] = { "", 0, false, false },
	[T_PRED] = { "pred", 0, false, false },
	[T_B8] = { "b8", 1, false, false },
	[T_U8] = { "u8", 1, false, false },
	[T_S8] = { "s8", 1, true, false },
	[T_B16] = { "b16", 2, false, false },
	[T_U16] = { "u16", 2, false, false },
	[T_S16] = { "s16", 2, true, false },
	[T_F16] = { "f16", 2, false, true },
	[T_BF16] = { "bf16", 2, false, true },
	[T_B32] = { "b32", 4, false, false },
	[T_U32] = { "u32", 4, false, false },
	[T_S32] = { "s32", 4, true, false },
	[T_F32] = { "f32", 4, false, true },
	[T_F16X2] = { "f16x2", 4, false, true },
	[T_BF16X2] = { "bf16x2", 4, false, true },
	[T_TF32] = { "tf32", 4, false, true },
	[T_B64] = { "b64", 8, false, false },
	[T_U64] = { "u64", 8, false, false },
	[T_S64] = { "s64", 8, true, false },
	[T_F64] = { "f64", 8, false, true },
	[T_B128] = { "b128", 16, false, false },
};

unsigned int ptx_type_size(enum ptx_type t)
{
	return types[t].size;
}

bool ptx_type_signed(enum ptx_type t)
{
	return types[t].is_signed;
}

bool ptx_type_float(enum ptx_type t)
{
	return types[t].is_float;
}

enum ptx_type ptx_type_from(const char *s)
{
	for (int t = 1; t < T_COUNT; t++)
		if (!strcmp(types[t].name, s))
			return (enum ptx_type)t;
	return T_NONE;
}

static unsigned int hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return (h ^ h >> 12) % SYM_BUCKETS;
}

struct sym *sym_add(struct ptx_parser *p, const char *name, enum sym_kind k)
{
	struct sym *s = arena_alloc(&p->mod->arena, sizeof(*s));
	unsigned int h = hash(name, strlen(name));

	s->name = name;
	s->kind = k;
	if (k == SYM_LABEL || k == SYM_TARGETS || k == SYM_PROTO) {
		/* branches look forward, so labels are found by scope */
		s->scope_next = p->scope->dead;
		p->scope->dead = s;
		return s;
	}
	s->hash_next = p->bucket[h];
	p->bucket[h] = s;
	if (p->scope) {
		s->scope_next = p->scope->syms;
		p->scope->syms = s;
	}
	return s;
}

static struct sym *find(struct ptx_parser *p, const char *name, size_t len)
{
	struct sym *s = p->bucket[hash(name, len)];

	while (s && (strncmp(s->name, name, len) || s->name[len]))
		s = s->hash_next;
	return s;
}

/* "%r12" is member 12 of ".reg .b32 %r<20>". */
static struct sym *find_in_range(struct ptx_parser *p, const char *name,
				 size_t len)
{
	size_t n = len;
	struct sym *s, *r;
	unsigned long i;
	char *full;

	while (n > 1 && isdigit((unsigned char)name[n - 1]))
		n--;
	if (n == len)
		return NULL;
	r = find(p, name, n);
	i = strtoul(name + n, NULL, 10);
	if (!r || r->kind != SYM_REGRANGE || i >= r->count)
		return NULL;
	s = ((struct sym **)r->obj)[i];
	if (s)
		return s;
	full = arena_strndup(&p->mod->arena, name, len);
	s = arena_alloc(&p->mod->arena, sizeof(*s));
	s->name = full;
	s->kind = SYM_REG;
	s->type = r->type;
	((struct sym **)r->obj)[i] = s;
	return s;
}

struct sym *sym_find(struct ptx_parser *p, const char *name, size_t len)
{
	struct sym *s = find(p, name, len);

	if (s && s->kind != SYM_REGRANGE)
		return s;
	return find_in_range(p, name, len);
}

void scope_open(struct ptx_parser *p)
{
	struct scope *s = arena_alloc(&p->mod->arena, sizeof(*s));

	s->up = p->scope;
	p->scope = s;
}

static void unlink_sym(struct ptx_parser *p, const struct sym *s)
{
	struct sym **at = &p->bucket[hash(s->name, strlen(s->name))];

	while (*at && *at != s)
		at = &(*at)->hash_next;
	if (*at)
		*at = s->hash_next;
}

/* Symbols were pushed in front, so removing them restores what they hid. */
void scope_close(struct ptx_parser *p)
{
	for (struct sym *s = p->scope->syms; s; s = s->scope_next)
		unlink_sym(p, s);
	p->scope = p->scope->up;
}

struct sym *sym_find_label(struct scope *s, const char *name,
			   enum sym_kind kind)
{
	for (; s; s = s->up)
		for (struct sym *l = s->dead; l; l = l->scope_next)
			if (l->kind == kind && !strcmp(l->name, name))
				return l;
	return NULL;
}

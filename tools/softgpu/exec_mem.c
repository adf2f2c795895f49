// SPDX-License-Identifier: BSD-2-Clause
/* exec_mem.c - addresses, loads and stores. */
#include "tools/softgpu/exec.h"
#include "tools/softgpu/devmem.h"

#include <string.h>

#define ILLEGAL_ADDRESS 700
#define MISALIGNED 716

static bool host_ok(struct cta *c, uint64_t addr, unsigned int size)
{
	if (addr >= c->host_lo && addr + size <= c->host_hi)
		return true;
	return host_find(addr, &c->host_lo, &c->host_hi) &&
	       addr + size <= c->host_hi;
}

static bool inside(uint64_t addr, unsigned int size, const void *base,
		   uint64_t len)
{
	uint64_t off = addr - (uint64_t)(uintptr_t)base;

	return off < len && size <= len - off;
}

static bool generic_ok(struct warp *w, uint64_t addr, unsigned int size,
		       bool write)
{
	struct cta *c = w->cta;

	if (dev_valid(addr))
		return true;
	if (inside(addr, size, c->shared, c->shared_bytes) ||
	    inside(addr, size, c->local,
		   (uint64_t)c->local_bytes * c->nthreads))
		return true;
	if (inside(addr, size, c->params, c->param_bytes))
		return !write;
	return host_ok(c, addr, size);
}

static void *refuse(struct warp *w, const struct insn *in, unsigned int lane,
		    const char *what, uint64_t addr, unsigned int size,
		    bool write)
{
	cta_fault(w, in, addr & (size - 1) ? MISALIGNED : ILLEGAL_ADDRESS,
		  "%s of %u bytes at %s 0x%llx, lane %u",
		  write ? "write" : "read", size, what,
		  (unsigned long long)addr, lane);
	return NULL;
}

static inline __attribute__((always_inline)) void *
at(struct warp *w, const struct insn *in, unsigned int lane,
   enum ptx_space space, uint64_t addr, unsigned int size, bool write)
{
	struct cta *c = w->cta;
	bool odd = addr & (size - 1);

	switch (space) {
	case SP_SHARED:
		if (odd || addr >= c->shared_bytes ||
		    size > c->shared_bytes - addr)
			return refuse(w, in, lane, "shared offset", addr, size,
				      write);
		return c->shared + addr;
	case SP_LOCAL:
	case SP_PARAM:
		if (odd || addr >= c->local_bytes ||
		    size > c->local_bytes - addr)
			return refuse(w, in, lane, "local offset", addr, size,
				      write);
		return w->local + (size_t)lane * c->local_bytes + addr;
	case SP_KPARAM:
		if (odd || addr >= c->param_bytes ||
		    size > c->param_bytes - addr)
			return refuse(w, in, lane, "parameter offset", addr,
				      size, write);
		return (void *)(uintptr_t)(c->params + addr);
	case SP_GLOBAL:
	case SP_CONST:
		if (!odd && dev_valid(addr))
			return (void *)(uintptr_t)addr;
		if (odd || !host_ok(c, addr, size))
			return refuse(w, in, lane, "global address", addr,
				      size, write);
		return (void *)(uintptr_t)addr;
	default:
		if (odd || !generic_ok(w, addr, size, write))
			return refuse(w, in, lane, "address", addr, size,
				      write);
		return (void *)(uintptr_t)addr;
	}
}

void *mem_at(struct warp *w, const struct insn *in, unsigned int lane,
	     enum ptx_space space, uint64_t addr, unsigned int size, bool write)
{
	return at(w, in, lane, space, addr, size, write);
}

static inline uint64_t address(const struct warp *w, const struct insn *in,
			       unsigned int l)
{
	return reg_get(w, in->a, in->wide & 1, l) + (uint64_t)in->imm;
}

static inline uint64_t load(const void *p, unsigned int size, bool sign)
{
	uint8_t v1;
	uint16_t v2;
	uint32_t v4;
	uint64_t v8;

	switch (size) {
	case 1:
		memcpy(&v1, p, 1);
		return sign ? (uint64_t)(int64_t)(int8_t)v1 : v1;
	case 2:
		memcpy(&v2, p, 2);
		return sign ? (uint64_t)(int64_t)(int16_t)v2 : v2;
	case 4:
		memcpy(&v4, p, 4);
		return sign ? (uint64_t)(int64_t)(int32_t)v4 : v4;
	default:
		memcpy(&v8, p, 8);
		return v8;
	}
}

static inline __attribute__((always_inline)) void
do_ld(struct warp *w, const struct insn *in, uint32_t m, enum ptx_space space,
      unsigned int size)
{
	bool sign = ptx_type_signed((enum ptx_type)in->t);
	unsigned int n = in->n;

	/* the address register may also be a result: read it first */
	LANES(const uint8_t *p = at(w, in, l, space, address(w, in, l),
				    size * n, false);
	      if (!p) return;
	      for (unsigned int i = 0; i < n; i++)
	      reg_put(w, in->v[i], in->wide >> (i + 1) & 1, l,
		      load(p + (size_t)i * size, size, sign)););
}

static inline __attribute__((always_inline)) void
do_st(struct warp *w, const struct insn *in, uint32_t m, enum ptx_space space,
      unsigned int size)
{
	unsigned int n = in->n;

	LANES(uint8_t *p = at(w, in, l, space, address(w, in, l), size * n,
			      true);
	      if (!p) return;
	      for (unsigned int i = 0; i < n; i++) {
		      uint64_t v = reg_get(w, in->v[i],
					   in->wide >> (i + 1) & 1, l);

		      memcpy(p + (size_t)i * size, &v, size);
	      });
}

#define LDST(SPACE, SIZE)                                                  \
	static void ld_##SPACE##_##SIZE(struct warp *w,                    \
					const struct insn *in, uint32_t m) \
	{                                                                  \
		do_ld(w, in, m, SPACE, SIZE);                              \
	}                                                                  \
	static void st_##SPACE##_##SIZE(struct warp *w,                    \
					const struct insn *in, uint32_t m) \
	{                                                                  \
		do_st(w, in, m, SPACE, SIZE);                              \
	}
#define SIZES(SPACE) LDST(SPACE, 1) LDST(SPACE, 2) LDST(SPACE, 4) LDST(SPACE, 8)
SIZES(SP_GENERIC)
SIZES(SP_GLOBAL)
SIZES(SP_SHARED)
SIZES(SP_LOCAL)
SIZES(SP_KPARAM)

#define ROW(OP, SPACE)                                             \
	{ OP##_##SPACE##_1, OP##_##SPACE##_2, OP##_##SPACE##_4,    \
	  OP##_##SPACE##_8 }
#define ROWS(OP)                                                           \
	[SP_GENERIC] = ROW(OP, SP_GENERIC), [SP_GLOBAL] = ROW(OP, SP_GLOBAL), \
	[SP_CONST] = ROW(OP, SP_GLOBAL), [SP_SHARED] = ROW(OP, SP_SHARED), \
	[SP_LOCAL] = ROW(OP, SP_LOCAL), [SP_PARAM] = ROW(OP, SP_LOCAL),    \
	[SP_KPARAM] = ROW(OP, SP_KPARAM)
exec_fn *const ex_ld[7][4] = { ROWS(ld) };
exec_fn *const ex_st[7][4] = { ROWS(st) };

/* The address of a local variable is an offset in the lane's memory. */
void ex_lea_local(struct warp *w, const struct insn *in, uint32_t m)
{
	LANES(reg_put(w, in->d, in->n == 8, l,
		      (uint64_t)((int64_t)w->frame[l] + in->imm)););
}

static uint64_t window(const struct warp *w, unsigned int space,
		       unsigned int lane)
{
	const struct cta *c = w->cta;

	switch (space) {
	case SP_SHARED:
		return (uint64_t)(uintptr_t)c->shared;
	case SP_LOCAL:
	case SP_PARAM:
		return (uint64_t)(uintptr_t)w->local +
		       (uint64_t)lane * c->local_bytes;
	case SP_KPARAM:
		return (uint64_t)(uintptr_t)c->params;
	default:
		return 0;
	}
}

/* insn.sub: the space; insn.n: 1 goes from generic to the space */
void ex_cvta(struct warp *w, const struct insn *in, uint32_t m)
{
	bool wa = in->wide & 1, wd = in->wide & 2;

	LANES(uint64_t a = reg_get(w, in->a, wa, l);
	      uint64_t base = window(w, in->sub, l);
	      reg_put(w, in->d, wd, l, in->n ? a - base : a + base););
}

void ex_isspacep(struct warp *w, const struct insn *in, uint32_t m)
{
	struct cta *c = w->cta;
	uint32_t r = 0, *d = REG(in->d);
	uint64_t consts = c->grid->globals;

	LANES(uint64_t a = reg_get(w, in->a, in->wide & 1, l);
	      bool sh = inside(a, 1, c->shared, c->shared_bytes);
	      bool lo = inside(a, 1, c->local,
			       (uint64_t)c->local_bytes * c->nthreads);
	      bool pa = inside(a, 1, c->params, c->param_bytes);
	      bool co = a - consts < c->grid->mod->const_bytes;
	      bool is = in->sub == SP_SHARED ? sh
			: in->sub == SP_LOCAL ? lo
			: in->sub == SP_CONST ? co
			: in->sub == SP_KPARAM ? pa : !sh && !lo && !co && !pa;
	      r |= (uint32_t)is << l;);
	*d = (*d & ~m) | r;
}

void ex_mov_pack(struct warp *w, const struct insn *in, uint32_t m)
{
	unsigned int bits = 8u * in->sub;
	uint64_t mask = (UINT64_C(1) << bits) - 1;

	LANES(uint64_t v = 0;
	      for (unsigned int i = 0; i < in->n; i++)
	      v |= (reg_get(w, in->v[i], false, l) & mask) << (i * bits);
	      reg_put(w, in->d, slot_is_wide(in->t), l, v););
}

void ex_mov_unpack(struct warp *w, const struct insn *in, uint32_t m)
{
	unsigned int bits = 8u * in->sub;
	uint64_t mask = (UINT64_C(1) << bits) - 1;

	LANES(uint64_t v = reg_get(w, in->a, slot_is_wide(in->t), l);
	      for (unsigned int i = 0; i < in->n; i++)
	      reg_put(w, in->v[i], false, l, v >> (i * bits) & mask););
}

/* cp.async: the copy is done at once; insn.n bytes, c of them from memory */
void ex_cp_async(struct warp *w, const struct insn *in, uint32_t m)
{
	LANES(uint64_t to = reg_get(w, in->a, in->wide & 1, l) +
			    (uint64_t)in->imm;
	      uint64_t from = reg_get(w, in->b, true, l) + in->target;
	      uint32_t n = ((uint32_t *)REG(in->c))[l];
	      uint8_t *d = at(w, in, l, SP_SHARED, to, in->n, true);
	      if (!d) return;
	      if (n > in->n) n = in->n;
	      memset(d, 0, in->n);
	      if (n) {
		      const uint8_t *s = at(w, in, l, SP_GLOBAL, from, in->n,
					    false);

		      if (!s)
			      return;
		      memcpy(d, s, n);
	      });
}

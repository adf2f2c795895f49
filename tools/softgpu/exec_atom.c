// SPDX-License-Identifier: BSD-2-Clause
/* exec_atom.c - atom and red: true atomics, blocks run on several threads. */
#include "tools/softgpu/exec.h"

#include <string.h>

static float as_f32(uint64_t v)
{
	uint32_t b = (uint32_t)v;
	float f;

	memcpy(&f, &b, 4);
	return f;
}

static uint64_t f32_bits(float f)
{
	uint32_t b;

	memcpy(&b, &f, 4);
	return f != f ? 0x7fffffffu : b;
}

static uint64_t add_f64(uint64_t a, uint64_t b)
{
	double x, y;

	memcpy(&x, &a, 8);
	memcpy(&y, &b, 8);
	x += y;
	memcpy(&a, &x, 8);
	return a;
}

static uint32_t add_half(uint32_t a, uint32_t b, bool bf)
{
	if (bf)
		return float_pack(add_to_odd(bf16_to_double(a & 0xffff),
					     bf16_to_double(b & 0xffff)),
				  8, 7, RND_RN, false);
	return float_pack(add_to_odd(half_to_double(a), half_to_double(b)), 5,
			  10, RND_RN, false);
}

static uint64_t add(uint64_t a, uint64_t b, unsigned int t)
{
	bool bf = t == T_BF16 || t == T_BF16X2;

	switch (t) {
	case T_F32:
		return f32_bits(as_f32(a) + as_f32(b));
	case T_F64:
		return add_f64(a, b);
	case T_F16:
	case T_BF16:
		return add_half((uint32_t)a, (uint32_t)b, bf);
	case T_F16X2:
	case T_BF16X2:
		return add_half((uint32_t)a, (uint32_t)b, bf) |
		       add_half((uint32_t)a >> 16, (uint32_t)b >> 16, bf) << 16;
	default:
		return a + b;
	}
}

static bool less(uint64_t a, uint64_t b, unsigned int t)
{
	switch (t) {
	case T_S32:
		return (int32_t)a < (int32_t)b;
	case T_S64:
		return (int64_t)a < (int64_t)b;
	case T_U32:
		return (uint32_t)a < (uint32_t)b;
	default:
		return a < b;
	}
}

static uint64_t apply(const struct insn *in, uint64_t old, uint64_t b,
		      uint64_t c)
{
	switch (in->sub) {
	case A_ADD:
		return add(old, b, in->t);
	case A_MIN:
		return less(b, old, in->t) ? b : old;
	case A_MAX:
		return less(old, b, in->t) ? b : old;
	case A_AND:
		return old & b;
	case A_OR:
		return old | b;
	case A_XOR:
		return old ^ b;
	case A_EXCH:
		return b;
	case A_CAS:
		return old == b ? c : old;
	case A_INC:
		return (uint32_t)old >= (uint32_t)b ? 0 : old + 1;
	default:
		return old == 0 || (uint32_t)old > (uint32_t)b ? b : old - 1;
	}
}

#define UPDATE(T)                                                          \
	static uint64_t update_##T(const struct insn *in, void *p,         \
				   uint64_t b, uint64_t c)                 \
	{                                                                  \
		T old = __atomic_load_n((T *)p, __ATOMIC_RELAXED), want;   \
                                                                           \
		do                                                         \
			want = (T)apply(in, old, (T)b, (T)c);              \
		while (!__atomic_compare_exchange_n((T *)p, &old, want, true, \
						    __ATOMIC_SEQ_CST,      \
						    __ATOMIC_RELAXED));    \
		return old;                                                \
	}
UPDATE(uint16_t)
UPDATE(uint32_t)
UPDATE(uint64_t)

/* insn.target: the space; insn.e: 1 when the old value is wanted */
void ex_atom(struct warp *w, const struct insn *in, uint32_t m)
{
	unsigned int size = ptx_type_size((enum ptx_type)in->t);
	bool wide = size == 8;

	LANES(uint64_t addr = reg_get(w, in->a, in->wide & 1, l) +
			      (uint64_t)in->imm;
	      void *p = mem_at(w, in, l, (enum ptx_space)in->target, addr, size,
			       true);
	      if (!p) return;
	      uint64_t b = reg_get(w, in->b, wide, l);
	      uint64_t c = reg_get(w, in->c, wide, l);
	      uint64_t old = size == 8 ? update_uint64_t(in, p, b, c)
			     : size == 4 ? update_uint32_t(in, p, b, c)
					 : update_uint16_t(in, p, b, c);
	      if (in->e) reg_put(w, in->d, wide, l, old););
}

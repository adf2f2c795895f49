// SPDX-License-Identifier: BSD-2-Clause
/* exec_bits.c - logic, shifts, bit fields, moves, selections. */
#include "tools/softgpu/exec.h"

#include <string.h>

#define BIT_TYPES(X)                \
	X(b16, uint32_t, uint16_t)  \
	X(b32, uint32_t, uint32_t)  \
	X(b64, uint64_t, uint64_t)

#define OP2(NAME, S, T, EXPR)                                              \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *pa = REG(in->a), *pb = REG(in->b);                \
		LANES(T a = (T)pa[l]; T b = (T)pb[l]; d[l] = (T)(EXPR););   \
	}
#define OP1(NAME, D, S, T, EXPR)                                           \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		D *d = REG(in->d);                                         \
		const S *pa = REG(in->a);                                  \
		LANES(T a = (T)pa[l]; d[l] = (D)(EXPR););                  \
	}

#define GEN(tag, S, T)                                    \
	OP2(and_##tag, S, T, a & b)                       \
	OP2(or_##tag, S, T, a | b)                        \
	OP2(xor_##tag, S, T, a ^ b)                       \
	OP1(not_##tag, S, S, T, (T)~a)                    \
	OP1(cnot_##tag, S, S, T, a == 0)                  \
	OP1(mov_##tag, S, S, T, a)
BIT_TYPES(GEN)

#define TABLE(NAME)                                               \
	exec_fn *const ex_##NAME[T_COUNT] = {                     \
		[T_B16] = NAME##_b16, [T_B32] = NAME##_b32,       \
		[T_B64] = NAME##_b64, [T_U16] = NAME##_b16,       \
		[T_S16] = NAME##_b16, [T_U32] = NAME##_b32,       \
		[T_S32] = NAME##_b32, [T_U64] = NAME##_b64,       \
		[T_S64] = NAME##_b64, [T_F16] = NAME##_b16,       \
		[T_BF16] = NAME##_b16, [T_F32] = NAME##_b32,      \
		[T_F16X2] = NAME##_b32, [T_BF16X2] = NAME##_b32,  \
		[T_F64] = NAME##_b64,                             \
	}
TABLE(and);
TABLE(or);
TABLE(xor);
TABLE(not);
TABLE(cnot);
TABLE(mov);

/* Shift amounts are unsigned 32 bits and clamp at the width. */
#define SHIFT(NAME, S, T, EXPR)                                            \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *pa = REG(in->a);                                  \
		const uint32_t *pb = REG(in->b);                           \
		const uint32_t bits = 8 * sizeof(T);                       \
		LANES(T a = (T)pa[l]; uint32_t b = pb[l]; d[l] = EXPR;);   \
	}
SHIFT(shl_b16, uint32_t, uint16_t, (uint16_t)(b < bits ? a << b : 0))
SHIFT(shl_b32, uint32_t, uint32_t, b < bits ? a << b : 0)
SHIFT(shl_b64, uint64_t, uint64_t, b < bits ? a << b : 0)
SHIFT(shr_u16, uint32_t, uint16_t, (uint16_t)(b < bits ? a >> b : 0))
SHIFT(shr_u32, uint32_t, uint32_t, b < bits ? a >> b : 0)
SHIFT(shr_u64, uint64_t, uint64_t, b < bits ? a >> b : 0)
SHIFT(shr_s16, uint32_t, int16_t, (uint16_t)(a >> (b < bits ? b : bits - 1)))
SHIFT(shr_s32, uint32_t, int32_t, (uint32_t)(a >> (b < bits ? b : bits - 1)))
SHIFT(shr_s64, uint64_t, int64_t, (uint64_t)(a >> (b < bits ? b : bits - 1)))

exec_fn *const ex_shl[T_COUNT] = {
	[T_B16] = shl_b16, [T_B32] = shl_b32, [T_B64] = shl_b64,
	[T_U16] = shl_b16, [T_U32] = shl_b32, [T_U64] = shl_b64,
	[T_S16] = shl_b16, [T_S32] = shl_b32, [T_S64] = shl_b64,
};
exec_fn *const ex_shr[T_COUNT] = {
	[T_B16] = shr_u16, [T_B32] = shr_u32, [T_B64] = shr_u64,
	[T_U16] = shr_u16, [T_U32] = shr_u32, [T_U64] = shr_u64,
	[T_S16] = shr_s16, [T_S32] = shr_s32, [T_S64] = shr_s64,
};

#define SELECT(tag, S, T)                                                  \
	static void selp_##tag(struct warp *w, const struct insn *in,      \
			       uint32_t m)                                 \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *a = REG(in->a), *b = REG(in->b);                  \
		uint32_t p = *(uint32_t *)REG(in->c);                      \
		LANES(d[l] = p >> l & 1 ? a[l] : b[l];);                   \
	}                                                                  \
	static void slct_s32_##tag(struct warp *w, const struct insn *in,  \
				   uint32_t m)                             \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *a = REG(in->a), *b = REG(in->b);                  \
		const int32_t *c = REG(in->c);                             \
		LANES(d[l] = c[l] >= 0 ? a[l] : b[l];);                    \
	}                                                                  \
	static void slct_f32_##tag(struct warp *w, const struct insn *in,  \
				   uint32_t m)                             \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *a = REG(in->a), *b = REG(in->b);                  \
		const float *c = REG(in->c);                               \
		LANES(d[l] = c[l] >= 0.0f ? a[l] : b[l];);                 \
	}
BIT_TYPES(SELECT)
TABLE(selp);
TABLE(slct_s32);
TABLE(slct_f32);

static uint32_t brev32(uint32_t v)
{
	uint32_t r = 0;

	for (int i = 0; i < 32; i++)
		r |= (v >> i & 1) << (31 - i);
	return r;
}

static uint64_t brev64(uint64_t v)
{
	return (uint64_t)brev32((uint32_t)v) << 32 | brev32((uint32_t)(v >> 32));
}

/* Position of the highest bit that differs from the sign; -1: none. */
static uint32_t top_bit(int64_t v)
{
	uint64_t u = v < 0 ? ~(uint64_t)v : (uint64_t)v;

	return u ? 63u - (uint32_t)__builtin_clzll(u) : ~0u;
}

OP1(popc_b32, uint32_t, uint32_t, uint32_t, __builtin_popcount(a))
OP1(popc_b64, uint32_t, uint64_t, uint64_t, __builtin_popcountll(a))
OP1(clz_b32, uint32_t, uint32_t, uint32_t, a ? __builtin_clz(a) : 32)
OP1(clz_b64, uint32_t, uint64_t, uint64_t, a ? __builtin_clzll(a) : 64)
OP1(brev_b32, uint32_t, uint32_t, uint32_t, brev32(a))
OP1(brev_b64, uint64_t, uint64_t, uint64_t, brev64(a))

#define BFIND(tag, S, T, EXPR, TOP)                                        \
	static void bfind_##tag(struct warp *w, const struct insn *in,     \
				uint32_t m)                                \
	{                                                                  \
		uint32_t *d = REG(in->d);                                  \
		const S *pa = REG(in->a);                                  \
		LANES(T a = (T)pa[l]; uint32_t r = EXPR;                   \
		      d[l] = in->sub && r != ~0u ? TOP - r : r;);          \
	}
BFIND(u32, uint32_t, uint32_t, top_bit((int64_t)(uint64_t)a), 31u)
BFIND(s32, uint32_t, int32_t, top_bit(a), 31u)
BFIND(u64, uint64_t, uint64_t, (a ? 63u - (uint32_t)__builtin_clzll(a) : ~0u),
      63u)
BFIND(s64, uint64_t, int64_t, top_bit(a), 63u)

exec_fn *const ex_popc[T_COUNT] = { [T_B32] = popc_b32, [T_B64] = popc_b64 };
exec_fn *const ex_clz[T_COUNT] = { [T_B32] = clz_b32, [T_B64] = clz_b64 };
exec_fn *const ex_brev[T_COUNT] = { [T_B32] = brev_b32, [T_B64] = brev_b64 };
exec_fn *const ex_bfind[T_COUNT] = { [T_U32] = bfind_u32, [T_S32] = bfind_s32,
				     [T_U64] = bfind_u64, [T_S64] = bfind_s64 };

/* bfe: @len bits from @pos; beyond the top the sign bit (signed) or 0. */
static uint64_t bfe(uint64_t a, uint32_t pos, uint32_t len, unsigned int bits,
		    bool is_signed)
{
	uint64_t r = 0;
	uint32_t last, sign = 0;

	pos &= 255;
	len &= 255;
	if (is_signed && len) {
		last = pos + len - 1 < bits - 1 ? pos + len - 1 : bits - 1;
		sign = (uint32_t)(a >> last & 1);
	}
	for (unsigned int i = 0; i < bits; i++) {
		uint64_t b = i < len && pos + i < bits ? a >> (pos + i) & 1
						       : sign;

		r |= b << i;
	}
	return r;
}

static uint64_t bfi(uint64_t a, uint64_t b, uint32_t pos, uint32_t len,
		    unsigned int bits)
{
	pos &= 255;
	len &= 255;
	for (unsigned int i = 0; i < len && pos + i < bits; i++)
		b = (b & ~(UINT64_C(1) << (pos + i))) |
		    (a >> i & 1) << (pos + i);
	return b;
}

#define BFE(tag, S, BITS, SIGN)                                            \
	static void bfe_##tag(struct warp *w, const struct insn *in,       \
			      uint32_t m)                                  \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *a = REG(in->a);                                   \
		const uint32_t *b = REG(in->b), *c = REG(in->c);           \
		LANES(d[l] = (S)bfe(a[l], b[l], c[l], BITS, SIGN););       \
	}
BFE(u32, uint32_t, 32, false)
BFE(s32, uint32_t, 32, true)
BFE(u64, uint64_t, 64, false)
BFE(s64, uint64_t, 64, true)
exec_fn *const ex_bfe[T_COUNT] = { [T_U32] = bfe_u32, [T_S32] = bfe_s32,
				   [T_U64] = bfe_u64, [T_S64] = bfe_s64 };

#define BFI(tag, S, BITS)                                                  \
	static void bfi_##tag(struct warp *w, const struct insn *in,       \
			      uint32_t m)                                  \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *a = REG(in->a), *b = REG(in->b);                  \
		const uint32_t *c = REG(in->c), *e = REG(in->e);           \
		LANES(d[l] = (S)bfi(a[l], b[l], c[l], e[l], BITS););       \
	}
BFI(b32, uint32_t, 32)
BFI(b64, uint64_t, 64)
exec_fn *const ex_bfi[T_COUNT] = { [T_B32] = bfi_b32, [T_B64] = bfi_b64 };

static unsigned int prmt_select(uint32_t sel, unsigned int i, uint32_t c,
				unsigned int mode)
{
	static const uint8_t f4e[4] = { 0, 1, 2, 3 };
	unsigned int k = c & 3;

	switch (mode) {
	case 1: /* f4e */
		return f4e[i] + k;
	case 2: /* b4e */
		return (k + 8 - i) & 7;
	case 3: /* rc8 */
		return k;
	case 4: /* ecl */
		return i < k ? k : i;
	case 5: /* ecr */
		return i < k ? i : k;
	case 6: /* rc16 */
		return (k & 1) * 2 + (i & 1);
	default:
		return sel >> 4 * i & 15;
	}
}

/* insn.sub: mode, 0 is the plain one with a selector per byte */
void ex_prmt(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);

	LANES(uint64_t pool = (uint64_t)b[l] << 32 | a[l];
	      uint32_t r = 0; uint32_t sel = c[l];
	      for (unsigned int i = 0; i < 4; i++) {
		      unsigned int s = prmt_select(sel, i, sel, in->sub);
		      uint32_t v = (uint32_t)(pool >> 8 * (s & 7) & 255);

		      if (s & 8)
			      v = v & 128 ? 255 : 0;
		      r |= v << 8 * i;
	      } d[l] = r;);
}

void ex_lop3(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *pa = REG(in->a), *pb = REG(in->b), *pc = REG(in->c);
	uint32_t t = (uint32_t)in->imm;

	LANES(uint32_t a = pa[l]; uint32_t b = pb[l]; uint32_t c = pc[l];
	      uint32_t r = 0;
	      if (t & 1) r |= ~a & ~b & ~c;
	      if (t & 2) r |= ~a & ~b & c;
	      if (t & 4) r |= ~a & b & ~c;
	      if (t & 8) r |= ~a & b & c;
	      if (t & 16) r |= a & ~b & ~c;
	      if (t & 32) r |= a & ~b & c;
	      if (t & 64) r |= a & b & ~c;
	      if (t & 128) r |= a & b & c;
	      d[l] = r;);
}

/* insn.sub: 1 clamps the amount at 32, 0 wraps it */
static uint32_t funnel(const struct insn *in, uint32_t n)
{
	return in->sub ? (n < 32 ? n : 32) : n & 31;
}

void ex_shf_l(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);

	LANES(uint64_t v = (uint64_t)b[l] << 32 | a[l];
	      d[l] = (uint32_t)(v << funnel(in, c[l]) >> 32););
}

void ex_shf_r(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);

	LANES(uint64_t v = (uint64_t)b[l] << 32 | a[l];
	      d[l] = (uint32_t)(v >> funnel(in, c[l])););
}

/* fns.b32 d, mask, base, offset: the offset-th set bit from base */
static uint32_t fns(uint32_t mask, uint32_t base, int32_t offset)
{
	int step = offset < 0 ? -1 : 1, left = offset < 0 ? -offset : offset;

	if (offset == 0)
		return base < 32 && mask >> base & 1 ? base : ~0u;
	for (int i = (int)base; i >= 0 && i < 32; i += step)
		if (mask >> i & 1 && --left == 0)
			return (uint32_t)i;
	return ~0u;
}

void ex_fns(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);

	LANES(d[l] = fns(a[l], b[l], (int32_t)c[l]););
}

/* insn.sub: 1 wraps the numbers, 0 clamps them */
void ex_bmsk(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b);

	LANES(uint32_t pos = in->sub ? a[l] & 31 : a[l];
	      uint32_t len = in->sub ? b[l] & 31 : b[l] < 32 ? b[l] : 32;
	      uint32_t ones = len >= 32 ? ~0u : (1u << len) - 1;
	      d[l] = pos < 32 ? ones << pos : 0;);
}

void ex_pred_and(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *a = REG(in->a), *b = REG(in->b);

	*d = (*d & ~m) | (*a & *b & m);
}

void ex_pred_or(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *a = REG(in->a), *b = REG(in->b);

	*d = (*d & ~m) | ((*a | *b) & m);
}

void ex_pred_xor(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *a = REG(in->a), *b = REG(in->b);

	*d = (*d & ~m) | ((*a ^ *b) & m);
}

void ex_pred_not(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *a = REG(in->a);

	*d = (*d & ~m) | (~*a & m);
}

void ex_pred_mov(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *a = REG(in->a);

	*d = (*d & ~m) | (*a & m);
}

void ex_pred_sel(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), *a = REG(in->a), *b = REG(in->b),
		 *c = REG(in->c);

	*d = (*d & ~m) | (((*a & *c) | (*b & ~*c)) & m);
}

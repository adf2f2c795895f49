// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec_int.c - integer arithmetic and logic, one function per type.
 *
 * The folder is compiled with -fwrapv: PTX integers wrap. 16-bit values live
 * zero-extended in 4-byte slots.
 */
#include "tools/softgpu/exec.h"

/* X(tag, slot type, operand type, unsigned type of that size, wide slot) */
#define INT_TYPES(X)                                        \
	X(u16, uint32_t, uint16_t, uint16_t, uint32_t)      \
	X(s16, uint32_t, int16_t, uint16_t, int32_t)        \
	X(u32, uint32_t, uint32_t, uint32_t, uint64_t)      \
	X(s32, uint32_t, int32_t, uint32_t, int64_t)        \
	X(u64, uint64_t, uint64_t, uint64_t, unsigned __int128) \
	X(s64, uint64_t, int64_t, uint64_t, __int128)

#define OP2(NAME, S, T, U, EXPR)                                           \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *pa = REG(in->a), *pb = REG(in->b);                \
		LANES(T a = (T)pa[l]; T b = (T)pb[l]; d[l] = (U)(EXPR););   \
	}
#define OP1(NAME, S, T, U, EXPR)                                           \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *pa = REG(in->a);                                  \
		LANES(T a = (T)pa[l]; d[l] = (U)(EXPR););                  \
	}
#define OP3(NAME, S, T, U, EXPR)                                           \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		S *d = REG(in->d);                                         \
		const S *pa = REG(in->a), *pb = REG(in->b), *pc = REG(in->c); \
		LANES(T a = (T)pa[l]; T b = (T)pb[l]; T c = (T)pc[l];      \
		      d[l] = (U)(EXPR););                                  \
	}

/* Division by zero gives all ones, as the hardware does. */
#define DIV(T, a, b) \
	((b) == 0 ? (T)-1 : (T)-1 < 0 && (b) == (T)-1 ? (T)(0 - (a)) : (T)((a) / (b)))
#define REM(T, a, b) \
	((b) == 0 ? (a) : (T)-1 < 0 && (b) == (T)-1 ? (T)0 : (T)((a) % (b)))
#define HI(T, W, a, b) ((T)((W)((W)(a) * (W)(b)) >> (8 * sizeof(T))))

#define GEN(tag, S, T, U, W)                                               \
	OP2(add_##tag, S, T, U, a + b)                                     \
	OP2(sub_##tag, S, T, U, a - b)                                     \
	OP2(mul_lo_##tag, S, T, U, (uint64_t)a *(uint64_t)b)               \
	OP2(mul_hi_##tag, S, T, U, HI(T, W, a, b))                         \
	OP3(mad_lo_##tag, S, T, U, (uint64_t)a *(uint64_t)b + (uint64_t)c) \
	OP3(mad_hi_##tag, S, T, U, HI(T, W, a, b) + c)                     \
	OP2(div_##tag, S, T, U, DIV(T, a, b))                              \
	OP2(rem_##tag, S, T, U, REM(T, a, b))                              \
	OP2(min_##tag, S, T, U, a < b ? a : b)                             \
	OP2(max_##tag, S, T, U, a > b ? a : b)                             \
	OP1(abs_##tag, S, T, U, a < 0 ? 0 - a : a)                         \
	OP1(neg_##tag, S, T, U, 0 - a)                                     \
	OP3(sad_##tag, S, T, U, c + (a < b ? b - a : a - b))
INT_TYPES(GEN)

#define TABLE(NAME)                                                \
	exec_fn *const ex_##NAME[T_COUNT] = {                      \
		[T_U16] = NAME##_u16, [T_S16] = NAME##_s16,        \
		[T_U32] = NAME##_u32, [T_S32] = NAME##_s32,        \
		[T_U64] = NAME##_u64, [T_S64] = NAME##_s64,        \
		[T_B16] = NAME##_u16, [T_B32] = NAME##_u32,        \
		[T_B64] = NAME##_u64,                              \
	}
TABLE(add);
TABLE(sub);
TABLE(mul_lo);
TABLE(mul_hi);
TABLE(mad_lo);
TABLE(mad_hi);
TABLE(div);
TABLE(rem);
TABLE(min);
TABLE(max);
TABLE(abs);
TABLE(neg);
TABLE(sad);

/* mul.wide, mad.wide: the result has twice the width */
#define WIDE(tag, S, T, D)                                                 \
	static void mul_wide_##tag(struct warp *w, const struct insn *in,  \
				   uint32_t m)                             \
	{                                                                  \
		D *d = REG(in->d);                                         \
		const S *pa = REG(in->a), *pb = REG(in->b);                \
		LANES(d[l] = (D)((D)(T)pa[l] * (D)(T)pb[l]););             \
	}                                                                  \
	static void mad_wide_##tag(struct warp *w, const struct insn *in,  \
				   uint32_t m)                             \
	{                                                                  \
		D *d = REG(in->d);                                         \
		const S *pa = REG(in->a), *pb = REG(in->b);                \
		const D *pc = REG(in->c);                                  \
		LANES(d[l] = (D)((D)(T)pa[l] * (D)(T)pb[l] + pc[l]););     \
	}
WIDE(u16, uint32_t, uint16_t, uint32_t)
WIDE(s16, uint32_t, int16_t, int32_t)
WIDE(u32, uint32_t, uint32_t, uint64_t)
WIDE(s32, uint32_t, int32_t, int64_t)

exec_fn *const ex_mul_wide[T_COUNT] = {
	[T_U16] = mul_wide_u16, [T_S16] = mul_wide_s16,
	[T_U32] = mul_wide_u32, [T_S32] = mul_wide_s32,
};
exec_fn *const ex_mad_wide[T_COUNT] = {
	[T_U16] = mad_wide_u16, [T_S16] = mad_wide_s16,
	[T_U32] = mad_wide_u32, [T_S32] = mad_wide_s32,
};

static int32_t clamp32(int64_t v)
{
	return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN
							 : (int32_t)v;
}

void ex_add_sat_s32(struct warp *w, const struct insn *in, uint32_t m)
{
	int32_t *d = REG(in->d);
	const int32_t *a = REG(in->a), *b = REG(in->b);

	LANES(d[l] = clamp32((int64_t)a[l] + b[l]););
}

void ex_sub_sat_s32(struct warp *w, const struct insn *in, uint32_t m)
{
	int32_t *d = REG(in->d);
	const int32_t *a = REG(in->a), *b = REG(in->b);

	LANES(d[l] = clamp32((int64_t)a[l] - b[l]););
}

void ex_mad_sat_s32(struct warp *w, const struct insn *in, uint32_t m)
{
	int32_t *d = REG(in->d);
	const int32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);

	LANES(d[l] = clamp32(((int64_t)a[l] * b[l] >> 32) + c[l]););
}

static void cc_set(struct warp *w, unsigned int l, bool carry)
{
	w->cc = (w->cc & ~(1u << l)) | (uint32_t)carry << l;
}

/*
 * add.cc, addc, addc.cc, sub.cc, subc, subc.cc: insn.sub is 1 for a
 * subtraction (CC then holds "no borrow" inverted, as borrow), insn.n bit 0
 * takes the carry in, bit 1 gives it out.
 */
void ex_addc(struct warp *w, const struct insn *in, uint32_t m)
{
	bool wide = slot_is_wide(in->t);
	uint64_t mask = wide ? ~UINT64_C(0) : 0xffffffffu;

	LANES(uint64_t a = reg_get(w, in->a, wide, l);
	      uint64_t b = reg_get(w, in->b, wide, l);
	      uint64_t k = in->n & 1 ? w->cc >> l & 1 : 0;
	      unsigned __int128 r;
	      if (in->sub) r = (unsigned __int128)a - b - k;
	      else r = (unsigned __int128)a + b + k;
	      if (in->n & 2) cc_set(w, l, (r & ~(unsigned __int128)mask) != 0);
	      reg_put(w, in->d, wide, l, (uint64_t)r & mask););
}

/* mad{c}.{lo,hi}{.cc}: insn.sub 1 takes the high half, insn.n as above. */
void ex_madc(struct warp *w, const struct insn *in, uint32_t m)
{
	bool wide = slot_is_wide(in->t);
	uint64_t mask = wide ? ~UINT64_C(0) : 0xffffffffu;

	LANES(uint64_t a = reg_get(w, in->a, wide, l);
	      uint64_t b = reg_get(w, in->b, wide, l);
	      uint64_t c = reg_get(w, in->c, wide, l);
	      unsigned __int128 r;
	      if (!ptx_type_signed(in->t)) r = (unsigned __int128)a * b;
	      else if (wide) r = (unsigned __int128)((__int128)(int64_t)a *
						     (int64_t)b);
	      else r = (unsigned __int128)((int64_t)(int32_t)a * (int32_t)b);
	      if (in->sub) r >>= wide ? 64 : 32;
	      r = (r & mask) + c + (in->n & 1 ? w->cc >> l & 1 : 0);
	      if (in->n & 2) cc_set(w, l, (r & ~(unsigned __int128)mask) != 0);
	      reg_put(w, in->d, wide, l, (uint64_t)r & mask););
}

static int64_t ext24(uint32_t v, bool is_signed)
{
	return is_signed ? (int32_t)(v << 8) >> 8 : (int64_t)(v & 0xffffff);
}

/* insn.sub: 0 low 32 bits, 1 bits 16 to 47 */
void ex_mul24(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b);
	bool s = ptx_type_signed(in->t);

	LANES(d[l] = (uint32_t)(ext24(a[l], s) * ext24(b[l], s) >>
				(in->sub ? 16 : 0)););
}

void ex_mad24(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);
	bool s = ptx_type_signed(in->t);

	LANES(d[l] = (uint32_t)(ext24(a[l], s) * ext24(b[l], s) >>
				(in->sub ? 16 : 0)) + c[l];);
}

static int32_t byte_of(uint32_t v, unsigned int i, bool is_signed)
{
	return is_signed ? (int8_t)(v >> 8 * i) : (int32_t)(v >> 8 * i & 255);
}

static int32_t half_of(uint32_t v, unsigned int i, bool is_signed)
{
	return is_signed ? (int16_t)(v >> 16 * i)
			 : (int32_t)(v >> 16 * i & 65535);
}

void ex_dp4a(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);
	bool sa = ptx_type_signed(in->t), sb = ptx_type_signed(in->t2);

	LANES(uint32_t sum = c[l];
	      for (unsigned int i = 0; i < 4; i++) sum +=
	      (uint32_t)(byte_of(a[l], i, sa) * byte_of(b[l], i, sb));
	      d[l] = sum;);
}

/* insn.sub: 2 takes the upper two bytes of b (.hi) */
void ex_dp2a(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);
	bool sa = ptx_type_signed(in->t), sb = ptx_type_signed(in->t2);

	LANES(uint32_t sum = c[l];
	      for (unsigned int i = 0; i < 2; i++) sum += (uint32_t)(
		      half_of(a[l], i, sa) * byte_of(b[l], i + in->sub, sb));
	      d[l] = sum;);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec_setp.c - comparisons. The result is a lane mask; insn.sub combines it
 * with predicate c (1 and, 2 or, 3 xor), insn.d2 takes the opposite (if n).
 */
#include "tools/softgpu/exec.h"

#include <math.h>

static void put(struct warp *w, const struct insn *in, uint32_t m, uint32_t r)
{
	uint32_t c = *(uint32_t *)REG(in->c), *d = REG(in->d);
	uint32_t q = ~r;

	switch (in->sub) {
	case 1:
		r &= c;
		q &= c;
		break;
	case 2:
		r |= c;
		q |= c;
		break;
	case 3:
		r ^= c;
		q ^= c;
		break;
	}
	*d = (*d & ~m) | (r & m);
	if (in->n) {
		d = REG(in->d2);
		*d = (*d & ~m) | (q & m);
	}
}

#define CMP(NAME, S, T, EXPR)                                              \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		const S *pa = REG(in->a), *pb = REG(in->b);                \
		uint32_t r = 0;                                            \
		for (unsigned int l = 0; l < 32; l++) {                    \
			T a = (T)pa[l], b = (T)pb[l];                      \
			r |= (uint32_t)(EXPR) << l;                        \
		}                                                          \
		put(w, in, m, r);                                          \
	}

#define ORDERED(tag, S, T)            \
	CMP(eq_##tag, S, T, a == b)   \
	CMP(ne_##tag, S, T, a != b)   \
	CMP(lt_##tag, S, T, a < b)    \
	CMP(le_##tag, S, T, a <= b)   \
	CMP(gt_##tag, S, T, a > b)    \
	CMP(ge_##tag, S, T, a >= b)
ORDERED(u16, uint32_t, uint16_t)
ORDERED(s16, uint32_t, int16_t)
ORDERED(u32, uint32_t, uint32_t)
ORDERED(s32, uint32_t, int32_t)
ORDERED(u64, uint64_t, uint64_t)
ORDERED(s64, uint64_t, int64_t)

/* Ordered comparisons are false for NaN, "u" ones true; "ne" is ordered. */
#define FLOATS(tag, T)                                                 \
	CMP(eq_##tag, T, T, a == b)                                    \
	CMP(ne_##tag, T, T, a < b || a > b)                            \
	CMP(lt_##tag, T, T, a < b)                                     \
	CMP(le_##tag, T, T, a <= b)                                    \
	CMP(gt_##tag, T, T, a > b)                                     \
	CMP(ge_##tag, T, T, a >= b)                                    \
	CMP(equ_##tag, T, T, !(a < b || a > b))                        \
	CMP(neu_##tag, T, T, a != b)                                   \
	CMP(ltu_##tag, T, T, !(a >= b))                                \
	CMP(leu_##tag, T, T, !(a > b))                                 \
	CMP(gtu_##tag, T, T, !(a <= b))                                \
	CMP(geu_##tag, T, T, !(a < b))                                 \
	CMP(num_##tag, T, T, a == a && b == b)                         \
	CMP(nan_##tag, T, T, a != a || b != b)
FLOATS(f32, float)
FLOATS(f64, double)

#define INTS(op)                                                         \
	[T_U16] = op##_u16, [T_S16] = op##_s16, [T_U32] = op##_u32,      \
	[T_S32] = op##_s32, [T_U64] = op##_u64, [T_S64] = op##_s64,      \
	[T_F32] = op##_f32, [T_F64] = op##_f64
#define BITS(op) [T_B16] = op##_u16, [T_B32] = op##_u32, [T_B64] = op##_u64
#define ONLY(op) [T_F32] = op##_f32, [T_F64] = op##_f64

exec_fn *const ex_setp[CMP_COUNT][T_COUNT] = {
	[CMP_EQ] = { INTS(eq), BITS(eq) }, [CMP_NE] = { INTS(ne), BITS(ne) },
	[CMP_LT] = { INTS(lt) }, [CMP_LE] = { INTS(le) },
	[CMP_GT] = { INTS(gt) }, [CMP_GE] = { INTS(ge) },
	[CMP_EQU] = { ONLY(equ) }, [CMP_NEU] = { ONLY(neu) },
	[CMP_LTU] = { ONLY(ltu) }, [CMP_LEU] = { ONLY(leu) },
	[CMP_GTU] = { ONLY(gtu) }, [CMP_GEU] = { ONLY(geu) },
	[CMP_NUM] = { ONLY(num) }, [CMP_NAN] = { ONLY(nan) },
};

static bool compare(int op, double a, double b)
{
	bool nan = a != a || b != b;

	switch (op) {
	case CMP_EQ:
		return a == b;
	case CMP_NE:
		return !nan && a != b;
	case CMP_LT:
		return a < b;
	case CMP_LE:
		return a <= b;
	case CMP_GT:
		return a > b;
	case CMP_GE:
		return a >= b;
	case CMP_EQU:
		return nan || a == b;
	case CMP_NEU:
		return nan || a != b;
	case CMP_LTU:
		return nan || a < b;
	case CMP_LEU:
		return nan || a <= b;
	case CMP_GTU:
		return nan || a > b;
	case CMP_GEU:
		return nan || a >= b;
	case CMP_NUM:
		return !nan;
	default:
		return nan;
	}
}

static double half_value(uint32_t v, unsigned int t)
{
	return t == T_F16 || t == T_F16X2 ? half_to_double(v & 0xffff)
					  : bf16_to_double(v & 0xffff);
}

static double ftz(double v)
{
	return fabs(v) < 0x1p-126 ? copysign(0, v) : v;
}

/*
 * f16, bf16, their pairs, and f32 with .ftz; insn.rnd is the operator. A pair
 * gives d for the low half and d2 for the high half.
 */
void ex_setp_half(struct warp *w, const struct insn *in, uint32_t m)
{
	const uint32_t *a = REG(in->a), *b = REG(in->b);
	bool pair = in->t == T_F16X2 || in->t == T_BF16X2;
	uint32_t r = 0, hi = 0;
	uint32_t c = *(uint32_t *)REG(in->c), *d = REG(in->d);

	if (in->t == T_F32) {
		const float *fa = REG(in->a), *fb = REG(in->b);

		LANES(r |= (uint32_t)compare(in->rnd, ftz(fa[l]), ftz(fb[l]))
			   << l;);
		put(w, in, m, r);
		return;
	}
	LANES(r |= (uint32_t)compare(in->rnd, half_value(a[l], in->t),
				     half_value(b[l], in->t)) << l;
	      if (pair) hi |= (uint32_t)compare(
		      in->rnd, half_value(a[l] >> 16, in->t),
		      half_value(b[l] >> 16, in->t)) << l;);
	if (!pair) {
		put(w, in, m, r);
		return;
	}
	r = in->sub == 1 ? r & c : in->sub == 2 ? r | c : in->sub ? r ^ c : r;
	hi = in->sub == 1 ? hi & c : in->sub == 2 ? hi | c
	     : in->sub ? hi ^ c : hi;
	*d = (*d & ~m) | (r & m);
	d = REG(in->d2);
	*d = (*d & ~m) | (hi & m);
}

/* set: predicate a becomes ones (or 1.0f) in a 32-bit or 16-bit register */
void ex_set_from_mask(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d), p = *(uint32_t *)REG(in->a);
	uint32_t q = *(uint32_t *)REG(in->b);
	uint32_t one = in->t == T_F32 ? 0x3f800000u : ~0u;

	if (in->t == T_F16X2 || in->t == T_BF16X2) {
		one = in->t == T_F16X2 ? 0x3c00u : 0x3f80u;
		LANES(d[l] = (p >> l & 1 ? one : 0) |
			     (q >> l & 1 ? one << 16 : 0););
		return;
	}
	if (in->t == T_F16 || in->t == T_BF16)
		one = in->t == T_F16 ? 0x3c00u : 0x3f80u;
	LANES(d[l] = p >> l & 1 ? one : 0;);
}

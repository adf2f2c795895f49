// SPDX-License-Identifier: BSD-2-Clause
/* exec_cvt.c - conversions between all integer and floating types. */
#include "tools/softgpu/exec.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

static const int rounding[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD,
				FE_UPWARD, FE_TONEAREST, FE_TONEAREST };

static bool is_float(unsigned int t)
{
	return ptx_type_float((enum ptx_type)t);
}

/* --- reading the source: to double, or to 64 bits extended by its type --- */

static double read_float(uint64_t bits, unsigned int t, bool ftz)
{
	uint32_t low = (uint32_t)bits;
	double d;
	float f;

	switch (t) {
	case T_F16:
		return half_to_double(low);
	case T_BF16:
		return bf16_to_double(low & 0xffff);
	case T_F32:
		memcpy(&f, &low, 4);
		return ftz && fabsf(f) < 0x1p-126f ? copysign(0, f) : f;
	default:
		memcpy(&d, &bits, 8);
		return d;
	}
}

static uint64_t extend(uint64_t bits, unsigned int t)
{
	unsigned int n = 64 - 8 * ptx_type_size((enum ptx_type)t);

	if (ptx_type_signed((enum ptx_type)t))
		return (uint64_t)((int64_t)(bits << n) >> n);
	return bits << n >> n;
}

/* --- writing the result --------------------------------------------------- */

static double round_integral(double v, unsigned int rnd)
{
	switch (rnd) {
	case RND_RZ:
		return trunc(v);
	case RND_RM:
		return floor(v);
	case RND_RP:
		return ceil(v);
	default:
		return rint(v);
	}
}

/* Out of range clamps; NaN is 0, or the top bit for 64-bit results. */
static uint64_t float_to_int(double v, unsigned int t, unsigned int rnd)
{
	unsigned int bits = 8 * ptx_type_size((enum ptx_type)t);
	bool s = ptx_type_signed((enum ptx_type)t);
	double top = ldexp(1, (int)bits - s);
	uint64_t max = s ? (UINT64_C(1) << (bits - 1)) - 1
		     : bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1;

	if (v != v)
		return bits == 64 ? UINT64_C(1) << 63 : 0;
	v = round_integral(v, rnd);
	if (v >= top)
		return max;
	if (v < (s ? -top : 0.0))
		return s ? ~max : 0;
	return s ? (uint64_t)(int64_t)v : (uint64_t)v;
}

static uint64_t sat_int(uint64_t v, unsigned int td, unsigned int ts)
{
	unsigned int bits = 8 * ptx_type_size((enum ptx_type)td);
	bool sd = ptx_type_signed((enum ptx_type)td);
	bool ss = ptx_type_signed((enum ptx_type)ts);
	uint64_t max = sd ? (UINT64_C(1) << (bits - 1)) - 1
		     : bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1;
	int64_t i = (int64_t)v;

	if (ss && i < 0)
		return !sd ? 0 : i < (int64_t)~max ? ~max : v;
	return v > max ? max : v;
}

static uint64_t bits32(float f)
{
	uint32_t b;

	memcpy(&b, &f, 4);
	return f != f ? 0x7fffffffu : b;
}

static uint64_t bits64(double d)
{
	uint64_t b;

	memcpy(&b, &d, 8);
	return b;
}

static float narrow(double v, int rnd, bool ftz)
{
	volatile double x = v;
	volatile float f;

	fesetround(rounding[rnd]);
	f = (float)x;
	fesetround(FE_TONEAREST);
	return ftz && fabsf(f) < 0x1p-126f ? copysignf(0, f) : f;
}

static double half_fix(const struct insn *in, double v)
{
	return (in->n & FF_RELU) && v <= 0 ? 0 : v;
}

static uint64_t write_float(const struct insn *in, double v)
{
	if (in->sat && (in->t == T_F32 || in->t == T_F64 || in->t == T_F16))
		v = v != v || v <= 0 ? 0 : v > 1 ? 1 : v;
	switch (in->t) {
	case T_F16:
		return float_pack(half_fix(in, v), 5, 10, in->rnd, false);
	case T_BF16:
		return float_pack(half_fix(in, v), 8, 7, in->rnd, in->sat);
	case T_TF32:
		return (uint64_t)float_pack(half_fix(in, v), 8, 10, in->rnd,
					    in->sat) << 13;
	case T_F32:
		return bits32(narrow(v, in->rnd, in->ftz));
	default:
		return bits64(v);
	}
}

/* A 64-bit integer may not fit a double: round once, straight to the type. */
static uint64_t int_to_float(const struct insn *in, uint64_t v)
{
	bool s = ptx_type_signed((enum ptx_type)in->t2);
	volatile uint64_t u = v;
	volatile float f;
	volatile double d;

	if (in->t == T_F32) {
		fesetround(rounding[in->rnd]);
		f = s ? (float)(int64_t)u : (float)u;
		fesetround(FE_TONEAREST);
		if (in->sat)
			f = f <= 0 ? 0 : 1;
		return bits32(f);
	}
	/* for half formats a double rounded to odd loses nothing */
	fesetround(in->t == T_F64 ? rounding[in->rnd] : FE_TOWARDZERO);
	d = s ? (double)(int64_t)u : (double)u;
	fesetround(FE_TONEAREST);
	if (in->t == T_F64)
		return bits64(in->sat ? (d <= 0 ? 0 : 1) : d);
	if ((s ? (uint64_t)(int64_t)d : (uint64_t)d) != v) {
		uint64_t b = bits64(d) | 1;
		double odd;

		memcpy(&odd, &b, 8);
		return write_float(in, odd);
	}
	return write_float(in, d);
}

static uint64_t convert(const struct insn *in, uint64_t bits)
{
	double v;

	if (!is_float(in->t2)) {
		uint64_t i = extend(bits, in->t2);

		if (is_float(in->t))
			return int_to_float(in, i);
		return in->sat ? sat_int(i, in->t, in->t2) : i;
	}
	v = read_float(bits, in->t2, in->ftz);
	if (!is_float(in->t))
		return float_to_int(v, in->t, in->sub);
	if (in->sub != RND_NONE)
		v = v != v ? v : copysign(round_integral(v, in->sub), v);
	return write_float(in, v);
}

void ex_cvt(struct warp *w, const struct insn *in, uint32_t m)
{
	unsigned int size = ptx_type_size((enum ptx_type)in->t);

	/* a register wider than the type takes the extended value */
	LANES(uint64_t r = convert(in, reg_get(w, in->a, in->wide & 1, l));
	      if (size < 8) r = extend(r, in->t);
	      reg_put(w, in->d, in->wide & 2, l, r););
}

void ex_cvt_pack(struct warp *w, const struct insn *in, uint32_t m)
{
	struct insn one = *in;
	uint32_t *d = REG(in->d);
	const float *a = REG(in->a), *b = REG(in->b);

	one.t = in->t == T_F16X2 ? T_F16 : T_BF16;
	one.sat = 0;
	LANES(uint32_t hi = (uint32_t)write_float(&one, a[l]);
	      uint32_t lo = (uint32_t)write_float(&one, b[l]);
	      d[l] = hi << 16 | (lo & 0xffff););
}

/* --- the common ones ------------------------------------------------------ */

#define FAST(NAME, D, S, EXPR)                                             \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		D *d = REG(in->d);                                         \
		const S *pa = REG(in->a);                                  \
		LANES(S a = pa[l]; d[l] = (D)(EXPR););                     \
	}
FAST(u64_u32, uint64_t, uint32_t, a)
FAST(s64_s32, int64_t, int32_t, a)
FAST(u32_u64, uint32_t, uint64_t, a)
FAST(f32_s32, float, int32_t, a)
FAST(f32_u32, float, uint32_t, a)
FAST(f64_s32, double, int32_t, a)
FAST(f64_f32, double, float, a)
FAST(u32_u16, uint32_t, uint32_t, a & 0xffff)
FAST(s32_s16, int32_t, uint32_t, (int16_t)a)
FAST(s64_s16, int64_t, uint32_t, (int16_t)a)

/* .rzi */
FAST(s32_f32, int32_t, float,
     a != a ? 0 : a >= 0x1p31f ? INT32_MAX : a < -0x1p31f ? INT32_MIN
						  : (int32_t)a)

exec_fn *const ex_cvt_fast[T_COUNT][T_COUNT] = {
	[T_U64] = { [T_U32] = u64_u32, [T_S32] = s64_s32 },
	[T_S64] = { [T_U32] = u64_u32, [T_S32] = s64_s32, [T_S16] = s64_s16 },
	[T_U32] = { [T_U64] = u32_u64, [T_S64] = u32_u64, [T_U16] = u32_u16 },
	[T_S32] = { [T_U64] = u32_u64, [T_S64] = u32_u64, [T_U16] = u32_u16,
		    [T_S16] = s32_s16, [T_F32] = s32_f32 },
	[T_U16] = { [T_U32] = u32_u16, [T_S32] = u32_u16 },
	[T_F32] = { [T_S32] = f32_s32, [T_U32] = f32_u32 },
	[T_F64] = { [T_S32] = f64_s32, [T_F32] = f64_f32 },
};

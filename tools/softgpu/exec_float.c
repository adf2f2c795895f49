// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec_float.c - f32 and f64. Round-to-nearest without .ftz or .sat has a
 * function per operation; everything else goes through the slow ones.
 * A NaN result is the canonical one, as on the GPU.
 */
#include "tools/softgpu/exec.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

#define NAN32 0x7fffffffu
#define NAN64 0x7ff8000000000000ULL

static inline uint32_t canon32(float v)
{
	uint32_t b;

	memcpy(&b, &v, 4);
	return v != v ? NAN32 : b;
}

static inline uint64_t canon64(double v)
{
	uint64_t b;

	memcpy(&b, &v, 8);
	return v != v ? NAN64 : b;
}

/* The number wins over NaN; -0 is below +0. */
#define MIN(a, b, bit)                                                     \
	((a) != (a) ? (b) : (b) != (b) ? (a) : (a) == (b)                  \
	 ? (bit(a) ? (a) : (b)) : (a) < (b) ? (a) : (b))
#define MAX(a, b, bit)                                                     \
	((a) != (a) ? (b) : (b) != (b) ? (a) : (a) == (b)                  \
	 ? (bit(a) ? (b) : (a)) : (a) > (b) ? (a) : (b))

#define OPS(tag, T, U, canon, M_fma, M_sqrt, M_sin, M_cos, M_log2, M_exp2, M_tanh, \
	    M_copysign, M_fabs)                                              \
	OP(add_##tag, T, U, 2, canon(a + b))                               \
	OP(sub_##tag, T, U, 2, canon(a - b))                               \
	OP(mul_##tag, T, U, 2, canon(a * b))                               \
	OP(div_##tag, T, U, 2, canon(a / b))                               \
	OP(fma_##tag, T, U, 3, canon(M_fma(a, b, c)))                       \
	OP(rcp_##tag, T, U, 1, canon(1 / a))                               \
	OP(sqrt_##tag, T, U, 1, canon(M_sqrt(a)))                           \
	OP(rsqrt_##tag, T, U, 1, canon((T)(1 / sqrt((double)a))))          \
	OP(min_##tag, T, U, 2, canon(MIN(a, b, signbit)))                  \
	OP(max_##tag, T, U, 2, canon(MAX(a, b, signbit)))                  \
	OP(abs_##tag, T, U, 1, canon(M_fabs(a)))                            \
	OP(neg_##tag, T, U, 1, canon(-a))                                  \
	OP(sin_##tag, T, U, 1, canon(M_sin(a)))                             \
	OP(cos_##tag, T, U, 1, canon(M_cos(a)))                             \
	OP(lg2_##tag, T, U, 1, canon(M_log2(a)))                            \
	OP(ex2_##tag, T, U, 1, canon(M_exp2(a)))                            \
	OP(tanh_##tag, T, U, 1, canon(M_tanh(a)))                           \
	OP(copysign_##tag, T, U, 2, canon(M_copysign(b, a)))

#define OP(NAME, T, U, N, EXPR)                                            \
	static void NAME(struct warp *w, const struct insn *in, uint32_t m) \
	{                                                                  \
		U *d = REG(in->d);                                         \
		const T *pa = REG(in->a);                                  \
		const T *pb = N > 1 ? REG(in->b) : pa;                     \
		const T *pc = N > 2 ? REG(in->c) : pa;                     \
		LANES(T a = pa[l]; T b = pb[l]; T c = pc[l]; (void)b;      \
		      (void)c; d[l] = EXPR;);                              \
	}
OPS(f32, float, uint32_t, canon32, fmaf, sqrtf, sinf, cosf, log2f, exp2f,
    tanhf, copysignf, fabsf)
OPS(f64, double, uint64_t, canon64, fma, sqrt, sin, cos, log2, exp2, tanh,
    copysign, fabs)

#define TABLE(tag)                                                         \
	exec_fn *const ex_##tag[F_COUNT] = {                               \
		[F_ADD] = add_##tag, [F_SUB] = sub_##tag,                  \
		[F_MUL] = mul_##tag, [F_FMA] = fma_##tag,                  \
		[F_DIV] = div_##tag, [F_RCP] = rcp_##tag,                  \
		[F_SQRT] = sqrt_##tag, [F_RSQRT] = rsqrt_##tag,            \
		[F_MIN] = min_##tag, [F_MAX] = max_##tag,                  \
		[F_ABS] = abs_##tag, [F_NEG] = neg_##tag,                  \
		[F_SIN] = sin_##tag, [F_COS] = cos_##tag,                  \
		[F_LG2] = lg2_##tag, [F_EX2] = ex2_##tag,                  \
		[F_TANH] = tanh_##tag, [F_COPYSIGN] = copysign_##tag,      \
	}
TABLE(f32);
TABLE(f64);

static const int rounding[] = { FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD,
				FE_UPWARD, FE_TONEAREST, FE_TONEAREST };

static float flush(float v, bool ftz)
{
	return ftz && fabsf(v) < 0x1p-126f ? copysignf(0, v) : v;
}

/* volatile: the compiler must not move arithmetic across fesetround() */
static double arith(int op, int rnd, double xa, double xb, double xc,
		    bool single)
{
	volatile double a = xa, b = xb, c = xc, r;
	volatile float fa = (float)xa, fb = (float)xb, fc = (float)xc, fr = 0;

	fesetround(rounding[rnd]);
	switch (op) {
	case F_ADD:
		single ? (fr = fa + fb) : (r = a + b);
		break;
	case F_SUB:
		single ? (fr = fa - fb) : (r = a - b);
		break;
	case F_MUL:
		single ? (fr = fa * fb) : (r = a * b);
		break;
	case F_DIV:
		single ? (fr = fa / fb) : (r = a / b);
		break;
	case F_RCP:
		single ? (fr = 1 / fa) : (r = 1 / a);
		break;
	case F_SQRT:
		single ? (fr = sqrtf(fa)) : (r = sqrt(a));
		break;
	default:
		single ? (fr = fmaf(fa, fb, fc)) : (r = fma(a, b, c));
		break;
	}
	fesetround(FE_TONEAREST);
	return single ? (double)fr : r;
}

static double unary(int op, double a, double b)
{
	switch (op) {
	case F_RSQRT:
		return 1 / sqrt(a);
	case F_ABS:
		return fabs(a);
	case F_NEG:
		return -a;
	case F_SIN:
		return sin(a);
	case F_COS:
		return cos(a);
	case F_LG2:
		return log2(a);
	case F_EX2:
		return exp2(a);
	case F_TANH:
		return tanh(a);
	default:
		return copysign(b, a);
	}
}

static double minmax(const struct insn *in, double a, double b)
{
	bool neg = signbit(a) != signbit(b);
	double r;

	if (in->n & (FF_XORSIGN | FF_ABS)) {
		a = fabs(a);
		b = fabs(b);
	}
	if ((in->n & FF_NAN) && (a != a || b != b))
		return NAN;
	if (in->sub == F_MIN)
		r = MIN(a, b, signbit);
	else
		r = MAX(a, b, signbit);
	return (in->n & FF_XORSIGN) && neg ? -r : r;
}

static double slow(const struct insn *in, double a, double b, double c,
		   bool single)
{
	double r;

	if (in->sub == F_MIN || in->sub == F_MAX)
		r = minmax(in, a, b);
	else if (in->sub <= F_SQRT)
		r = arith(in->sub, in->rnd, a, b, c, single);
	else
		r = unary(in->sub, a, b);
	if (in->sat)
		r = r != r || r <= 0 ? 0 : r > 1 ? 1 : r;
	return r;
}

void ex_f32_slow(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const float *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);
	bool z = in->ftz;

	LANES(float r = (float)slow(in, flush(a[l], z), flush(b[l], z),
				    flush(c[l], z), true);
	      d[l] = canon32(flush(r, z)););
}

void ex_f64_slow(struct warp *w, const struct insn *in, uint32_t m)
{
	uint64_t *d = REG(in->d);
	const double *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);

	LANES(d[l] = canon64(slow(in, a[l], b[l], c[l], false)););
}

/* insn.sub: 0 finite, 1 infinite, 2 number, 3 notanumber, 4 normal,
 * 5 subnormal */
static bool testp(unsigned int what, double v, double least)
{
	switch (what) {
	case 0:
		return isfinite(v);
	case 1:
		return isinf(v);
	case 2:
		return v == v;
	case 3:
		return v != v;
	case 4:
		return isfinite(v) && fabs(v) >= least;
	default:
		return v != 0 && fabs(v) < least;
	}
}

void ex_testp(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t r = 0, *d = REG(in->d);

	if (in->t == T_F32) {
		const float *a = REG(in->a);

		LANES(r |= (uint32_t)testp(in->sub, a[l], 0x1p-126) << l;);
	} else {
		const double *a = REG(in->a);

		LANES(r |= (uint32_t)testp(in->sub, a[l], 0x1p-1022) << l;);
	}
	*d = (*d & ~m) | r;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * exec_half.c - f16, bf16 and their pairs. Operands are exact in double; the
 * result is rounded once (see add_to_odd() for the fused one).
 */
#include "tools/softgpu/exec.h"

#include <math.h>

static double get(uint32_t v, bool bf)
{
	return bf ? bf16_to_double(v) : half_to_double(v);
}

static uint32_t put(double v, bool bf)
{
	return bf ? float_pack(v, 8, 7, RND_RN, false)
		  : float_pack(v, 5, 10, RND_RN, false);
}

static double flush(double v, const struct insn *in)
{
	return in->ftz && fabs(v) < 0x1p-14 ? copysign(0, v) : v;
}

static double pick(const struct insn *in, double a, double b)
{
	bool min = in->sub == F_MIN, flip = signbit(a) != signbit(b);
	double r;

	if (in->n & FF_XORSIGN) {
		a = fabs(a);
		b = fabs(b);
	}
	if (a != a || b != b)
		r = (in->n & FF_NAN) || (a != a && b != b) ? NAN
		    : a != a ? b : a;
	else if (a == b)
		r = (signbit(a) != 0) == min ? a : b;
	else
		r = (a < b) == min ? a : b;
	return (in->n & FF_XORSIGN) && flip ? -r : r;
}

static double compute(const struct insn *in, double a, double b, double c)
{
	switch (in->sub) {
	case F_ADD:
		return add_to_odd(a, b);
	case F_SUB:
		return add_to_odd(a, -b);
	case F_MUL:
		return a * b;
	case F_FMA:
		return add_to_odd(a * b, c);
	case F_MIN:
	case F_MAX:
		return pick(in, a, b);
	case F_EX2:
		return exp2(a);
	case F_TANH:
		return tanh(a);
	default:
		return in->sub == F_ABS ? fabs(a) : -a;
	}
}

static uint32_t half_op(const struct insn *in, uint32_t xa, uint32_t xb,
			uint32_t xc)
{
	bool bf = in->t == T_BF16 || in->t == T_BF16X2;
	double r;

	/* sign changes keep even a NaN's bits */
	if (in->sub == F_NEG && !in->ftz)
		return (xa ^ 0x8000) & 0xffff;
	if (in->sub == F_ABS && !in->ftz)
		return xa & 0x7fff;
	r = compute(in, flush(get(xa, bf), in), flush(get(xb, bf), in),
		    flush(get(xc, bf), in));
	if (in->sat)
		r = r != r || r <= 0 ? 0 : r > 1 ? 1 : r;
	if ((in->n & FF_RELU) && r <= 0)
		r = 0;
	if (in->ftz)
		r = flush(get(put(r, bf), bf), in);
	return put(r, bf);
}

void ex_half(struct warp *w, const struct insn *in, uint32_t m)
{
	uint32_t *d = REG(in->d);
	const uint32_t *a = REG(in->a), *b = REG(in->b), *c = REG(in->c);
	bool pair = in->t == T_F16X2 || in->t == T_BF16X2;

	LANES(uint32_t r = half_op(in, a[l], b[l], c[l]);
	      if (pair) r |= half_op(in, a[l] >> 16, b[l] >> 16, c[l] >> 16)
			     << 16;
	      d[l] = r;);
}

// SPDX-License-Identifier: BSD-2-Clause
/* float_pack.c - small floating-point formats to and from double. */
#include "tools/softgpu/exec.h"

#include <math.h>
#include <string.h>

static double unpack(uint32_t v, int ebits, int mbits)
{
	uint32_t e = v >> mbits & ((1u << ebits) - 1);
	uint32_t f = v & ((1u << mbits) - 1);
	int bias = (1 << (ebits - 1)) - 1;
	double d;

	if (e == (1u << ebits) - 1)
		d = f ? NAN : INFINITY;
	else if (e)
		d = ldexp((double)(f | 1u << mbits), (int)e - bias - mbits);
	else
		d = ldexp((double)f, 1 - bias - mbits);
	return v >> (ebits + mbits) & 1 ? -d : d;
}

double half_to_double(uint32_t h)
{
	return unpack(h & 0xffff, 5, 10);
}

double bf16_to_double(uint32_t h)
{
	uint32_t bits = h << 16;
	float f;

	memcpy(&f, &bits, 4);
	return f;
}

/* Integer part of non-negative @x rounded by @rnd; @neg: value is negative. */
static double round_int(double x, int rnd, bool neg)
{
	double lo = floor(x), frac = x - lo;

	switch (rnd) {
	case RND_RZ:
		return lo;
	case RND_RM:
		return neg && frac > 0 ? lo + 1 : lo;
	case RND_RP:
		return !neg && frac > 0 ? lo + 1 : lo;
	case RND_RNA:
		return frac >= 0.5 ? lo + 1 : lo;
	default:
		if (frac != 0.5)
			return frac > 0.5 ? lo + 1 : lo;
		return fmod(lo, 2) != 0 ? lo + 1 : lo;
	}
}

uint32_t float_pack(double x, unsigned int ebits, unsigned int mbits, int rnd,
		    bool satfinite)
{
	bool neg = signbit(x);
	uint32_t sign = (uint32_t)neg << (ebits + mbits);
	uint32_t inf = ((1u << ebits) - 1) << mbits;
	int bias = (1 << (ebits - 1)) - 1, e;
	double q;

	if (x != x)
		return (1u << (ebits + mbits)) - 1;	/* canonical NaN */
	x = fabs(x);
	if (isinf(x))
		return sign | (satfinite ? inf - 1 : inf);
	if (x == 0)
		return sign;
	e = ilogb(x);
	if (e < 1 - bias)
		e = 1 - bias;
	/* Adding the rounded significand to the biased exponent carries over
	 * into it by itself. */
	q = round_int(ldexp(x, (int)mbits - e), rnd, neg);
	q += ldexp((double)(e + bias - 1), (int)mbits);
	if (q >= inf) {
		bool away = rnd == RND_RN || rnd == RND_RNA ||
			    rnd == RND_NONE || (rnd == RND_RP && !neg) ||
			    (rnd == RND_RM && neg);

		return sign | (satfinite || !away ? inf - 1 : inf);
	}
	return sign | (uint32_t)q;
}

/*
 * a + b rounded to odd: rounding this again to a much shorter format gives
 * what a single rounding would.
 */
double add_to_odd(double a, double b)
{
	volatile double s = a + b;
	volatile double bb = s - a;
	volatile double err = (a - (s - bb)) + (b - bb);
	double sum = s;
	uint64_t bits;

	if (err == 0 || err != err || isinf(sum))
		return sum;
	memcpy(&bits, &sum, 8);
	if (bits & 1)
		return sum;
	return nextafter(sum, err > 0 ? INFINITY : -INFINITY);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* softgpu_host.h - arithmetic that the kernels and the test both compile. */
#ifndef SOFTGPU_HOST_H
#define SOFTGPU_HOST_H

#include <math.h>
#include <stdint.h>

#define INT_OPS 30
#define FLOAT_OPS 26

FN uint64_t int_op(int op, uint32_t a, uint32_t b)
{
	int32_t sa = (int32_t)a, sb = (int32_t)b;
	uint64_t wide = (uint64_t)a << 32 | b, wide2 = (uint64_t)b << 20 ^ a;
	int64_t swide = (int64_t)wide;

	switch (op) {
	case 0: return a + b;
	case 1: return a - b;
	case 2: return a * b;
	case 3: return b ? a / b : 1;
	case 4: return b ? a % b : 1;
	case 5: return (uint32_t)(sb && sb != -1 ? sa / sb : 1);
	case 6: return (uint32_t)(sb && sb != -1 ? sa % sb : 1);
	case 7: return (uint64_t)a * b;
	case 8: return (uint64_t)((int64_t)sa * sb);
	case 9: return ((uint64_t)a * b) >> 32;
	case 10: return (uint64_t)(((int64_t)sa * sb) >> 32);
	case 11: return a << (b & 31);
	case 12: return a >> (b & 31);
	case 13: return (uint32_t)(sa >> (b & 31));
	case 14: return wide << (b & 63);
	case 15: return (uint64_t)(swide >> (b & 63));
	case 16: return wide2 ? wide / wide2 : 0;
	case 17: return wide2 ? wide % wide2 : 0;
	case 18: return wide * wide2;
	case 19: return a < b ? a : b;
	case 20: return (uint32_t)(sa > sb ? sa : sb);
	case 21: return (uint64_t)(int64_t)(int8_t)a;
	case 22: return (uint64_t)(int64_t)(int16_t)a + (uint8_t)b;
	case 23: return (uint16_t)(a * b) + (uint64_t)(uint16_t)(a >> 16);
	case 24: return (a & b) ^ (a | ~b);
	case 25: return (uint64_t)((a < b) + 2 * (sa < sb) + 4 * (a == b));
	case 26: return wide < wide2 ? 7 : swide < (int64_t)wide2 ? 8 : 9;
	case 27: return (uint32_t)(sa < 0 ? 0u - a : a);
	case 28: return (uint64_t)a * b + wide;
	default: return (a >> 7 & 0x1ff) | (b & 0xf) << 20;
	}
}

FN double float_op(int op, float a, float b)
{
	double da = a, db = b;

	switch (op) {
	case 0: return a + b;
	case 1: return a - b;
	case 2: return a * b;
	case 3: return a / b;
	case 4: return fmaf(a, b, 1.25f);
	case 5: return sqrtf(fabsf(a));
	case 6: return fminf(a, b);
	case 7: return fmaxf(a, b);
	case 8: return (float)(int32_t)(a * 3);
	case 9: return (double)(uint32_t)fabsf(b);
	case 10: return floorf(a) + ceilf(b);
	case 11: return truncf(a) - rintf(b);
	case 12: return da + db;
	case 13: return da * db - 0.125;
	case 14: return da / db;
	case 15: return fma(da, db, 3.5);
	case 16: return sqrt(fabs(da));
	case 17: return (double)(int64_t)(da * 1000);
	case 18: return (float)(da * 1.000000001);
	case 19: return a < b ? 1 : a > b ? 2 : 3;
	case 20: return a == b ? 1 : a != b ? 2 : 3;
	case 21: return -a;
	case 22: return copysignf(a, b);
	case 23: return (double)(uint64_t)(fabs(da) * 1e6);
	case 24: return (float)(int64_t)(da * 12345678);
	default: return 1.0f / (fabsf(a) + 1.0f);
	}
}

#endif

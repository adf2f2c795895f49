// SPDX-License-Identifier: BSD-2-Clause
/* softgpu_test.c - nvcc's PTX on softgpu against results computed in C. */
#include "tests/unit/softgpu_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FN static inline
#include "tests/unit/softgpu_host.h"

#define N 512

/* Numbers with all kinds of bits, small ones, and the edges. */
static uint32_t number(int i)
{
	static const uint32_t edges[] = { 0, 1, 2, 0x7fffffff, 0x80000000,
					  0xffffffff, 0x8000, 0xffff, 31, 32 };

	if (i < 100)
		return edges[i % 10] ^ (i >= 50 ? edges[i / 10] : 0);
	return (uint32_t)i * 2654435761u >> (i % 17);
}

static float real(int i)
{
	static const float edges[] = { 0, -0.0f, 1, -1, 0.5f, 2.5f, -3.5f,
				       1e30f, -1e-30f, 16777216.0f };

	if (i < 100)
		return edges[i % 10] * (i < 50 ? 1.0f : 1.7f);
	return (float)(int32_t)(number(i) << 3) / 1048576.0f;
}

static void integers(void **state)
{
	uint32_t a[N], b[N];
	uint64_t *out = calloc(INT_OPS * N, sizeof(*out));
	int n = N;

	(void)state;
	for (int i = 0; i < N; i++) {
		a[i] = number(i);
		b[i] = number((i * 7 + 3) % N);
	}
	run("k_int", 4, 128, 0,
	    (struct arg[]){ IN(a), IN(b), OUT_N(out, INT_OPS * N * 8), VAL(n),
			    END });
	for (int op = 0; op < INT_OPS; op++)
		for (int i = 0; i < N; i++)
			if (out[op * N + i] != int_op(op, a[i], b[i]))
				fail_msg("op %d of %x, %x: %llx, not %llx", op,
					 a[i], b[i],
					 (unsigned long long)out[op * N + i],
					 (unsigned long long)int_op(op, a[i],
								    b[i]));
	free(out);
}

/* Conversions out of range differ between C's host and the GPU by right. */
static bool defined(int op, float a)
{
	return (op != 8 && op != 9 && op != 17 && op != 23 && op != 24) ||
	       fabsf(a) < 2e9f;
}

static void floats(void **state)
{
	float a[N], b[N];
	double *out = calloc(FLOAT_OPS * N, sizeof(*out));
	int n = N;

	(void)state;
	for (int i = 0; i < N; i++) {
		a[i] = real(i);
		b[i] = real((i * 5 + 1) % N);
	}
	run("k_float", 2, 256, 0,
	    (struct arg[]){ IN(a), IN(b), OUT_N(out, FLOAT_OPS * N * 8), VAL(n),
			    END });
	for (int op = 0; op < FLOAT_OPS; op++)
		for (int i = 0; i < N; i++) {
			double want = float_op(op, a[i], b[i]);
			double got = out[op * N + i];

			if (!defined(op, a[i]) || !defined(op, b[i] * 3) ||
			    !defined(op, a[i] * 3))
				continue;
			if (!(got != got && want != want) && got != want)
				fail_msg("op %d of %a, %a: %a, not %a", op,
					 (double)a[i], (double)b[i], got, want);
		}
	free(out);
}

static uint32_t reverse(uint32_t v)
{
	uint32_t r = 0;

	for (int i = 0; i < 32; i++)
		r |= (v >> i & 1) << (31 - i);
	return r;
}

static int dot4(uint32_t a, uint32_t b)
{
	int sum = 100;

	for (int i = 0; i < 4; i++)
		sum += (int8_t)(a >> 8 * i) * (int8_t)(b >> 8 * i);
	return sum;
}

static uint32_t bytes(uint32_t a, uint32_t b)
{
	/* selector 0x5b30: bytes 0 and 3, the sign of byte 3, byte 5 */
	uint32_t sign = a >> 31 ? 0xff : 0;

	return (a & 0xff) | (a >> 24) << 8 | sign << 16 |
	       (b >> 8 & 0xff) << 24;
}

static void bits(void **state)
{
	uint32_t a[N], b[N], *out = calloc(12 * N, 4);
	int n = N;

	(void)state;
	for (int i = 0; i < N; i++) {
		a[i] = number(i);
		b[i] = number(N - 1 - i);
	}
	run("k_bits", 1, N, 0,
	    (struct arg[]){ IN(a), IN(b), OUT_N(out, 12 * N * 4), VAL(n),
			    END });
	for (int i = 0; i < N; i++) {
		uint64_t both = (uint64_t)b[i] << 32 | a[i];

		assert_int_equal(out[i], reverse(a[i]));
		assert_int_equal(out[N + i], __builtin_popcount(a[i]));
		assert_int_equal(out[2 * N + i],
				 a[i] ? __builtin_clz(a[i]) : 32);
		assert_int_equal((int32_t)out[3 * N + i],
				 (int32_t)(a[i] << 18) >> 23);
		assert_int_equal(out[4 * N + i], (b[i] & ~(0x7ffu << 7)) |
						 (a[i] & 0x7ff) << 7);
		assert_int_equal(out[5 * N + i], bytes(a[i], b[i]));
		assert_int_equal(out[6 * N + i], a[i] ^ b[i] ^ 0x0f0f3355);
		assert_int_equal(out[7 * N + i], (uint32_t)(both << 13 >> 32));
		assert_int_equal(out[8 * N + i],
				 (uint32_t)(both >> (b[i] & 31)));
		assert_int_equal(out[9 * N + i], __builtin_ffs((int)a[i]));
		assert_int_equal((int)out[10 * N + i], dot4(a[i], b[i]));
		assert_int_equal(out[11 * N + i],
				 ((uint64_t)a[i] + b[i]) >> 32);
	}
	free(out);
}

/* Round to @m bits of significand, values that are normal in the format. */
static double to_bits(double v, int m)
{
	int e;

	if (v == 0)
		return v;
	frexp(v, &e);
	return ldexp(rint(ldexp(v, m - e)), e - m);
}

static void halves(void **state)
{
	float a[64], *out = calloc(6 * 64, 4);
	int n = 64;

	(void)state;
	for (int i = 0; i < 64; i++)
		a[i] = (float)(i - 20) * 0.37f;
	run("k_half", 1, 64, 0,
	    (struct arg[]){ IN(a), OUT_N(out, 6 * 64 * 4), VAL(n), END });
	for (int i = 0; i < 64; i++) {
		double h = to_bits((double)a[i], 11), b = to_bits((double)a[i],
								  8);
		double g = to_bits(h + to_bits((double)0.3f, 11), 11);

		assert_true((double)out[i] == h);
		assert_true((double)out[64 + i] == g);
		assert_true((double)out[128 + i] == to_bits(h * g + 1, 11));
		assert_true((double)out[192 + i] == to_bits(h * g - 1, 11));
		assert_true((double)out[256 + i] == b);
		assert_true((double)out[320 + i] == to_bits(b * b, 8));
	}
	free(out);
}

static void warps(void **state)
{
	int in[32], out[256], sum = 0, max = 0;
	unsigned int ballot = 0, same[3] = { 0 };

	(void)state;
	for (int i = 0; i < 32; i++) {
		in[i] = (i * 37 + 11) % 101;
		sum += in[i];
		max = in[i] > max ? in[i] : max;
		ballot |= (unsigned int)(in[i] & 1) << i;
		same[in[i] % 3] |= 1u << i;
	}
	run("k_warp", 1, 32, 0, (struct arg[]){ IN(in), OUT(out), END });
	for (int i = 0; i < 32; i++) {
		int last = i < 16 ? 15 : 31, step = i < 16 ? 1 : 2;

		assert_int_equal(out[i], sum);
		assert_int_equal(out[32 + i], in[i < 3 ? i : i - 3]);
		assert_int_equal(out[64 + i], in[(i & ~7) | ((i ^ 5) & 7)]);
		assert_int_equal((unsigned int)out[96 + i], ballot);
		assert_int_equal(out[128 + i], 1 + 2);
		assert_int_equal((unsigned int)out[160 + i], same[in[i] % 3]);
		assert_int_equal(out[192 + i], max);
		if (i + step <= last)
			assert_int_equal(out[224 + i], in[i + step]);
	}
}

static void locks(void **state)
{
	int lock = 0, value = 0;

	(void)state;
	run("k_lock", 3, 32, 0,
	    (struct arg[]){ INOUT(lock), INOUT(value), END });
	assert_int_equal(value, 96);
	assert_int_equal(lock, 0);
}

static void atomics(void **state)
{
	uint32_t u[16] = { 0 };
	int s = 100;
	float f = 0;
	double d = 0;
	unsigned long long q = 0;
	uint32_t x = 0;

	(void)state;
	u[6] = ~0u;
	run("k_atomics", 4, 64, 0,
	    (struct arg[]){ INOUT(u), INOUT(s), INOUT(f), INOUT(d), INOUT(q),
			    END });
	for (uint32_t i = 0; i < 256; i++)
		x ^= i;
	assert_int_equal(u[0], 768);
	assert_int_equal(u[1], 255 * 7);
	assert_int_equal(u[2], ~0u);
	assert_int_equal(u[3], x);
	assert_int_equal(u[4], 256 % 10);
	assert_int_equal(u[5], 4);	/* 0, then 12 down, 13 values a round */
	assert_int_equal(u[6], 0xffff0000u);
	for (int i = 0; i < 8; i++)
		assert_int_equal(u[8 + i], 32);
	assert_int_equal(s, -250);
	assert_true(f == 128.0f && d == 64.0);
	assert_true(q == 256ull << 33);
}

static void transpose(void **state)
{
	static float in[96 * 96], out[96 * 96];
	int n = 96;

	(void)state;
	for (int i = 0; i < 96 * 96; i++)
		in[i] = (float)i;
	run3("k_transpose", (unsigned int[]){ 3, 3, 1 },
	     (unsigned int[]){ 32, 8, 1 }, 0,
	     (struct arg[]){ IN(in), OUT(out), VAL(n), END });
	for (int i = 0; i < 96 * 96; i++)
		assert_true(out[i] == in[i % 96 * 96 + i / 96]);
}

static void softmax(void **state)
{
	static float in[4 * 200], out[4 * 200];
	int n = 200;

	(void)state;
	for (int i = 0; i < 800; i++)
		in[i] = sinf((float)i) * 5;
	run("k_softmax", 4, 64, 800,
	    (struct arg[]){ IN(in), OUT(out), VAL(n), END });
	for (int r = 0; r < 4; r++) {
		double sum = 0;

		for (int i = 0; i < 200; i++)
			sum += exp((double)in[r * 200 + i]);
		for (int i = 0; i < 200; i++)
			assert_true(fabs(exp((double)in[r * 200 + i]) / sum -
					 (double)out[r * 200 + i]) < 1e-6);
	}
}

static int fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static int called(int i)
{
	int v = fib(i % 11) + (i & 1 ? i * 2 : i + 1) + (i & 3) * 10 + 7 + 2 +
		-5 + ((i + 7) & 7) * i + 5 + 5 + (int)(1.5 + (i & 3));

	switch (i % 9) {
	case 0: return v + 11;
	case 1: return v ^ 0x55;
	case 2: return v * 3;
	case 3: return v - 1000;
	case 4: return -v;
	case 5: return v | 1;
	case 6: return v + (v >> 1);
	default: return v;
	}
}

static void calls(void **state)
{
	struct {
		int a[4];
		char c;
		double d;
	} p = { { 0, 10, 20, 30 }, 7, 2.75 };
	int out[100];
	short s = -5;
	CUdeviceptr managed;

	(void)state;
	run("k_calls", 1, 100, 0,
	    (struct arg[]){ OUT(out), VAL(p), VAL(s), END });
	for (int i = 0; i < 100; i++)
		assert_int_equal(out[i], called(i));
	OK(cuModuleGetGlobal(&managed, NULL, module, "shared_with_host"));
	assert_int_equal(*(int *)(uintptr_t)managed, 78);
}

static void barriers(void **state)
{
	int out[128];

	(void)state;
	memset(out, 0, sizeof(out));
	run("k_barriers", 1, 128, 0, (struct arg[]){ INOUT(out), END });
	for (int i = 0; i < 128; i++)
		assert_int_equal(out[i], (i < 64 ? 63 - i : 0) + 43 * 1000 +
						 (i < 96 ? 1000000 : 0));
}

static void grid_sync(void **state)
{
	int sum = 0, out[8 * 64];
	unsigned int dim[3] = { 8, 1, 1 }, block[3] = { 64, 1, 1 };

	(void)state;
	cooperative = true;
	run3("k_grid_sync", dim, block, 0,
	     (struct arg[]){ INOUT(sum), OUT(out), END });
	cooperative = false;
	for (int i = 0; i < 512; i++)
		assert_int_equal(out[i], 512);
}

static void prints(void **state)
{
	char text[4096] = "", want[64];
	int fds[2], saved = dup(1), v = 2;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	fflush(stdout);
	dup2(fds[1], 1);
	run("k_printf", 1, 4, 0, (struct arg[]){ VAL(v), NONE, END });
	fflush(stdout);
	dup2(saved, 1);
	close(fds[1]);
	close(saved);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	assert_true(n > 0);
	for (int i = 0; i < 4; i++) {
		snprintf(want, sizeof(want),
			 "thread %d:  3.00 text 123456789abc\n", i + 2);
		assert_non_null(strstr(text, want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),  cmocka_unit_test(floats),
		cmocka_unit_test(bits),	     cmocka_unit_test(halves),
		cmocka_unit_test(warps),     cmocka_unit_test(locks),
		cmocka_unit_test(atomics),   cmocka_unit_test(transpose),
		cmocka_unit_test(softmax),   cmocka_unit_test(calls),
		cmocka_unit_test(barriers),  cmocka_unit_test(grid_sync),
		cmocka_unit_test(prints),
	};

	return cmocka_run_group_tests(tests, rig_up, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * softgpu_kernels.cu - one kernel per instruction group. softgpu_host.h has
 * the same arithmetic for the host: both compile from there, so the test
 * compares what nvcc made of it, interpreted, with what the C compiler made.
 */
#include <cassert>
#include <cstdint>
#include <cstdio>
#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#define FN static __device__ __forceinline__
#include "softgpu_host.h"

extern "C" {

__device__ int counter = 5;
__device__ int *counter_ptr = &counter;
__constant__ float table[4] = { 1.5f, 2.5f, 3.5f, 4.5f };
__managed__ int shared_with_host = 77;

__global__ void k_int(const uint32_t *a, const uint32_t *b, uint64_t *out,
		      int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		for (int op = 0; op < INT_OPS; op++)
			out[op * n + i] = int_op(op, a[i], b[i]);
}

__global__ void k_float(const float *a, const float *b, double *out, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		for (int op = 0; op < FLOAT_OPS; op++)
			out[op * n + i] = float_op(op, a[i], b[i]);
}

/* Instructions that C has no operator for. */
__global__ void k_bits(const uint32_t *a, const uint32_t *b, uint32_t *out,
		       int n)
{
	int i = threadIdx.x;
	uint32_t r;

	out[0 * n + i] = __brev(a[i]);
	out[1 * n + i] = __popc(a[i]);
	out[2 * n + i] = __clz(a[i]);
	asm("bfe.s32 %0, %1, 5, 9;" : "=r"(r) : "r"(a[i]));
	out[3 * n + i] = r;
	asm("bfi.b32 %0, %1, %2, 7, 11;" : "=r"(r) : "r"(a[i]), "r"(b[i]));
	out[4 * n + i] = r;
	asm("prmt.b32 %0, %1, %2, 0x5b30;" : "=r"(r) : "r"(a[i]), "r"(b[i]));
	out[5 * n + i] = r;
	asm("lop3.b32 %0, %1, %2, %3, 0x96;"
	    : "=r"(r) : "r"(a[i]), "r"(b[i]), "r"(0x0f0f3355));
	out[6 * n + i] = r;
	out[7 * n + i] = __funnelshift_l(a[i], b[i], 13);
	out[8 * n + i] = __funnelshift_r(a[i], b[i], b[i] & 31);
	out[9 * n + i] = __ffs(a[i]);
	out[10 * n + i] = __dp4a((int)a[i], (int)b[i], 100);
	asm("{ .reg .u32 x; add.cc.u32 x, %1, %2; addc.u32 %0, 0, 0; }"
	    : "=r"(r) : "r"(a[i]), "r"(b[i]));
	out[11 * n + i] = r;
}

__global__ void k_half(const float *a, float *out, int n)
{
	int i = threadIdx.x;
	__half h = __float2half_rn(a[i]), g = __hadd(h, __float2half(0.3f));
	__half2 p = __hfma2(__half2half2(h), __half2half2(g),
			    __floats2half2_rn(1.0f, -1.0f));
	__nv_bfloat16 b = __float2bfloat16(a[i]);

	out[0 * n + i] = __half2float(h);
	out[1 * n + i] = __half2float(g);
	out[2 * n + i] = __low2float(p);
	out[3 * n + i] = __high2float(p);
	out[4 * n + i] = __bfloat162float(b);
	out[5 * n + i] = __bfloat162float(__hmul(b, b));
}

__global__ void k_warp(const int *in, int *out)
{
	int i = threadIdx.x, v = in[i], sum = v;

	for (int d = 16; d; d >>= 1)
		sum += __shfl_xor_sync(~0u, sum, d);
	out[i] = sum;
	out[32 + i] = __shfl_up_sync(~0u, v, 3);
	out[64 + i] = __shfl_sync(~0u, v, i ^ 5, 8);
	out[96 + i] = (int)__ballot_sync(~0u, v & 1);
	out[128 + i] = __any_sync(~0u, v == in[7]) + 2 * __all_sync(~0u, v >= 0);
	out[160 + i] = (int)__match_any_sync(~0u, v % 3);
	out[192 + i] = __reduce_max_sync(~0u, v);
	/* halves meet under different masks */
	if (i < 16)
		out[224 + i] = __shfl_down_sync(0xffffu, v, 1);
	else
		out[224 + i] = __shfl_down_sync(0xffff0000u, v, 2);
}

/* Each lane takes the lock in turn: needs lanes to progress on their own. */
__global__ void k_lock(int *lock, int *value)
{
	while (atomicCAS(lock, 0, 1) != 0)
		;
	*(volatile int *)value = *(volatile int *)value + 1;
	__threadfence();
	atomicExch(lock, 0);
}

__global__ void k_atomics(uint32_t *u, int *s, float *f, double *d,
			  unsigned long long *q)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	__shared__ int hist[8];

	if (threadIdx.x < 8)
		hist[threadIdx.x] = 0;
	__syncthreads();
	atomicAdd(&hist[i & 7], 1);
	__syncthreads();
	if (threadIdx.x < 8)
		atomicAdd(&u[8 + threadIdx.x], hist[threadIdx.x]);
	atomicAdd(&u[0], 3);
	atomicMax(&u[1], i * 7);
	atomicOr(&u[2], 1u << (i & 31));
	atomicXor(&u[3], i);
	atomicInc(&u[4], 9);
	atomicDec(&u[5], 12);
	atomicAnd(&u[6], ~(1u << (i & 15)));
	atomicMin(&s[0], 5 - i);
	atomicAdd(f, 0.5f);
	atomicAdd(d, 0.25);
	atomicAdd(q, 1ull << 33);
}

__global__ void k_transpose(const float *in, float *out, int n)
{
	__shared__ float tile[32][33];
	int x = blockIdx.x * 32 + threadIdx.x, y = blockIdx.y * 32;

	for (int j = threadIdx.y; j < 32; j += 8)
		tile[j][threadIdx.x] = in[(y + j) * n + x];
	__syncthreads();
	x = blockIdx.y * 32 + threadIdx.x;
	y = blockIdx.x * 32;
	for (int j = threadIdx.y; j < 32; j += 8)
		out[(y + j) * n + x] = tile[threadIdx.x][j];
}

__global__ void k_softmax(const float *in, float *out, int n)
{
	extern __shared__ float row[];
	float m = -1e30f, s = 0;

	for (int i = threadIdx.x; i < n; i += blockDim.x)
		row[i] = in[blockIdx.x * n + i];
	__syncthreads();
	for (int i = 0; i < n; i++)
		m = fmaxf(m, row[i]);
	for (int i = 0; i < n; i++)
		s += __expf(row[i] - m);
	for (int i = threadIdx.x; i < n; i += blockDim.x)
		out[blockIdx.x * n + i] = __fdividef(__expf(row[i] - m), s);
}

__device__ __noinline__ int fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

typedef int (*unary)(int);
__device__ int plus_one(int a) { return a + 1; }
__device__ int times_two(int a) { return a * 2; }
__device__ unary unaries[2] = { plus_one, times_two };

struct by_value {
	int a[4];
	char c;
	double d;
};

__global__ void k_calls(int *out, by_value p, short s)
{
	int i = threadIdx.x, local[8];

	for (int k = 0; k < 8; k++)
		local[k] = k * i;
	out[i] = fib(i % 11) + unaries[i & 1](i) + p.a[i & 3] + p.c +
		 (int)p.d + s + local[(i + p.c) & 7] + counter + *counter_ptr +
		 (int)table[i & 3];
	switch (i % 9) {
	case 0: out[i] += 11; break;
	case 1: out[i] ^= 0x55; break;
	case 2: out[i] *= 3; break;
	case 3: out[i] -= 1000; break;
	case 4: out[i] = -out[i]; break;
	case 5: out[i] |= 1; break;
	case 6: out[i] += out[i] >> 1; break;
	default: return;
	}
	if (i == 0)
		shared_with_host++;
}

/* bar.sync with a number and a count, and bar.red */
__global__ void k_barriers(int *out)
{
	__shared__ int data[64];
	int i = threadIdx.x;

	if (i < 64) {
		data[i] = i;
		asm volatile("bar.sync 3, 64;" ::: "memory");
		out[i] = data[63 - i];
	}
	out[i] += __syncthreads_count(i % 3 == 0) * 1000;
	if (i >= 96)
		return;
	__syncthreads();
	out[i] += __syncthreads_or(i == 95) ? 1000000 : 0;
}

__global__ void k_grid_sync(int *sum, int *out)
{
	atomicAdd(sum, 1);
	cooperative_groups::this_grid().sync();
	out[blockIdx.x * blockDim.x + threadIdx.x] = *(volatile int *)sum;
}

__global__ void k_spin(volatile int *go)
{
	while (!*go)
		;
}

__global__ void k_bad_store(int *p, long off) { p[off] = 1; }
__global__ void k_assert(int v) { assert(v == 1); }
__global__ void k_trap(void) { __trap(); }
__global__ void k_printf(int v, const char *unused)
{
	printf("thread %d: %5.2f %s %llx\n", threadIdx.x + v, 1.5 * v, "text",
	       0x123456789abcull);
}
__global__ void k_add(int *p, int v, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] += v;
}

} /* extern "C" */

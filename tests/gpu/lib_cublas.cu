// SPDX-License-Identifier: BSD-2-Clause
// lib_cublas.cu - cuBLAS: vector calls, matrix products in f32, tf32, f64,
// f16, bf16 and s8, strided and pointer batches, on the caller's stream.
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "lib.h"

#define N 96

static cublasHandle_t blas;
static float a[N * N], b[N * N], want[N * N];

template <typename T> static T *device_of(const float *v, size_t n)
{
	T *h = (T *)must_alloc(n * sizeof(T));
	T *d;

	for (size_t i = 0; i < n; i++)
		h[i] = (T)v[i];
	d = dev_copy_of(h, n);
	free(h);
	return d;
}

/* Column-major, as cuBLAS has it. */
static void reference(void)
{
	for (int c = 0; c < N; c++)
		for (int r = 0; r < N; r++) {
			float sum = 0;

			for (int k = 0; k < N; k++)
				sum += a[k * N + r] * b[c * N + k];
			want[c * N + r] = sum;
		}
}

template <typename T> static void verify(const char *what, const T *d)
{
	T *h = (T *)must_alloc(N * N * sizeof(T));

	to_host(h, d, N * N);
	for (int i = 0; i < N * N; i++)
		if ((float)h[i] != want[i])
			wrong_result("cublas %s: element %d is %g, not %g", what, i,
			     (double)(float)h[i], want[i]);
	printf("%s checksum %016llx\n", what,
	       (unsigned long long)checksum(h, N * N * sizeof(T)));
	free(h);
}

template <typename In, typename Out, typename Scale>
static void gemm(const char *what, cudaDataType in, cudaDataType out,
		 cublasComputeType_t compute)
{
	In *da = device_of<In>(a, N * N), *db = device_of<In>(b, N * N);
	Out *dc = dev_alloc<Out>(N * N);
	Scale one = 1, zero = 0;

	LIB(cublasGemmEx(blas, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one, da, in,
			 N, db, in, N, &zero, dc, out, N, compute,
			 CUBLAS_GEMM_DEFAULT));
	RT(cudaDeviceSynchronize());
	verify(what, dc);
	RT(cudaFree(da));
	RT(cudaFree(db));
	RT(cudaFree(dc));
}

static void vectors(void)
{
	float *x = device_of<float>(a, N * N), *y = device_of<float>(b, N * N);
	float dot = 0, sum = 0, two = 2, h[4];
	int index = 0;

	LIB(cublasSaxpy(blas, N * N, &two, x, 1, y, 1));
	LIB(cublasSdot(blas, N * N, x, 1, x, 1, &dot));
	LIB(cublasSasum(blas, N * N, x, 1, &sum));
	LIB(cublasIsamax(blas, N * N, x, 1, &index));
	LIB(cublasGetVector(4, sizeof(float), y, 1, h, 1));
	printf("dot %.0f asum %.0f amax %d axpy %.0f %.0f\n", dot, sum, index,
	       h[0], h[3]);
	if (h[0] != b[0] + 2 * a[0])
		wrong_result("cublas: axpy is wrong");
	RT(cudaFree(x));
	RT(cudaFree(y));
}

static void batches(void)
{
	float *da = device_of<float>(a, N * N), *db = device_of<float>(b, N * N);
	float *dc = dev_alloc<float>(3 * N * N), one = 1, zero = 0;
	float *ha[2] = { da, da }, *hb[2] = { db, db }, *hc[2] = { dc, dc + N * N };
	float **pa = dev_copy_of(ha, 2), **pb = dev_copy_of(hb, 2);
	float **pc = dev_copy_of(hc, 2);

	LIB(cublasSgemmStridedBatched(blas, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N,
				      &one, da, N, 0, db, N, 0, &zero, dc, N,
				      N * N, 3));
	RT(cudaDeviceSynchronize());
	verify("strided batch", dc + 2 * N * N);
	RT(cudaMemset(dc, 0, 3 * N * N * sizeof(float)));
	LIB(cublasSgemmBatched(blas, CUBLAS_OP_N, CUBLAS_OP_N, N, N, N, &one,
			       pa, N, pb, N, &zero, pc, N, 2));
	RT(cudaDeviceSynchronize());
	verify("pointer batch", dc + N * N);
	RT(cudaFree(da));
	RT(cudaFree(db));
	RT(cudaFree(dc));
}

int main(void)
{
	cudaStream_t st;
	int version = 0;

	/* Products up to 9 x 96 fit every type that is tried, bf16 output
	 * apart, so that one goes to f32. */
	whole_numbers(a, N * N, 3, 1);
	whole_numbers(b, N * N, 3, 2);
	reference();
	RT(cudaStreamCreate(&st));
	LIB(cublasCreate(&blas));
	LIB(cublasGetVersion(blas, &version));
	LIB(cublasSetStream(blas, st));
	vectors();
	gemm<float, float, float>("f32", CUDA_R_32F, CUDA_R_32F,
				  CUBLAS_COMPUTE_32F);
	gemm<float, float, float>("tf32", CUDA_R_32F, CUDA_R_32F,
				  CUBLAS_COMPUTE_32F_FAST_TF32);
	gemm<double, double, double>("f64", CUDA_R_64F, CUDA_R_64F,
				     CUBLAS_COMPUTE_64F);
	gemm<__half, float, float>("f16", CUDA_R_16F, CUDA_R_32F,
				   CUBLAS_COMPUTE_32F);
	gemm<__nv_bfloat16, float, float>("bf16", CUDA_R_16BF, CUDA_R_32F,
					  CUBLAS_COMPUTE_32F);
	gemm<int8_t, int32_t, int32_t>("s8", CUDA_R_8I, CUDA_R_32I,
				       CUBLAS_COMPUTE_32I);
	batches();
	LIB(cublasDestroy(blas));
	RT(cudaStreamDestroy(st));
	return version > 0 ? 0 : 1;
}

// SPDX-License-Identifier: BSD-2-Clause
// lib_cublaslt.cu - cuBLASLt: heuristics, a bias and a ReLU fused into the
// product, f16 and (where the GPU has it) f8.
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include "lib.h"

#define N    128
#define WORK (32u << 20)

static cublasLtHandle_t lt;
static void *work;

/* C = relu(A^T B + bias); the bias is left out when there is none. */
static void matmul(const void *a, const void *b, void *c, cudaDataType in,
		   cudaDataType out, const void *bias)
{
	cublasOperation_t trans = CUBLAS_OP_T;
	cublasLtEpilogue_t relu = CUBLASLT_EPILOGUE_RELU_BIAS;
	cublasLtMatmulPreference_t pref;
	cublasLtMatmulHeuristicResult_t found;
	cublasLtMatrixLayout_t la, lc;
	cublasLtMatmulDesc_t op;
	size_t most = WORK;
	float one = 1, zero = 0;
	int count = 0;

	LIB(cublasLtMatmulDescCreate(&op, CUBLAS_COMPUTE_32F, CUDA_R_32F));
	LIB(cublasLtMatmulDescSetAttribute(op, CUBLASLT_MATMUL_DESC_TRANSA,
					   &trans, sizeof(trans)));
	if (bias) {
		LIB(cublasLtMatmulDescSetAttribute(
			op, CUBLASLT_MATMUL_DESC_EPILOGUE, &relu,
			sizeof(relu)));
		LIB(cublasLtMatmulDescSetAttribute(
			op, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
			sizeof(bias)));
	}
	LIB(cublasLtMatrixLayoutCreate(&la, in, N, N, N));
	LIB(cublasLtMatrixLayoutCreate(&lc, out, N, N, N));
	LIB(cublasLtMatmulPreferenceCreate(&pref));
	LIB(cublasLtMatmulPreferenceSetAttribute(
		pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most,
		sizeof(most)));
	LIB(cublasLtMatmulAlgoGetHeuristic(lt, op, la, la, lc, lc, pref, 1,
					   &found, &count));
	if (!count)
		fail("cublaslt: there is no algorithm");
	LIB(cublasLtMatmul(lt, op, &one, a, la, b, la, &zero, c, lc, c, lc,
			   &found.algo, work, WORK, 0));
	RT(cudaDeviceSynchronize());
	LIB(cublasLtMatmulPreferenceDestroy(pref));
	LIB(cublasLtMatrixLayoutDestroy(la));
	LIB(cublasLtMatrixLayoutDestroy(lc));
	LIB(cublasLtMatmulDescDestroy(op));
}

template <typename In, typename Out>
static void run(const char *what, cudaDataType in, cudaDataType out,
		bool with_bias)
{
	static float a[N * N], b[N * N], bias[N];
	static In ia[N * N], ib[N * N];
	static Out ob[N], got[N * N];

	whole_numbers(a, N * N, 2, 3);
	whole_numbers(b, N * N, 2, 4);
	whole_numbers(bias, N, 9, 5);
	for (int i = 0; i < N * N; i++) {
		ia[i] = (In)a[i];
		ib[i] = (In)b[i];
	}
	for (int i = 0; i < N; i++)
		ob[i] = (Out)bias[i];
	In *da = dev_copy_of(ia, N * N), *db = dev_copy_of(ib, N * N);
	Out *dbias = dev_copy_of(ob, N), *dc = dev_alloc<Out>(N * N);

	matmul(da, db, dc, in, out, with_bias ? dbias : NULL);
	to_host(got, dc, N * N);
	for (int c = 0; c < N; c++)
		for (int r = 0; r < N; r++) {
			float sum = with_bias ? bias[r] : 0;

			for (int k = 0; k < N; k++)
				sum += a[r * N + k] * b[c * N + k];
			if (with_bias && sum < 0)
				sum = 0;
			if ((float)got[c * N + r] != sum)
				wrong_result("cublaslt %s: (%d,%d) is %g, not %g", what,
				     r, c, (double)(float)got[c * N + r], sum);
		}
	printf("%s checksum %016llx\n", what,
	       (unsigned long long)checksum(got, sizeof(got)));
	RT(cudaFree(da));
	RT(cudaFree(db));
	RT(cudaFree(dc));
	RT(cudaFree(dbias));
}

int main(void)
{
	cudaDeviceProp p;

	RT(cudaGetDeviceProperties(&p, 0));
	RT(cudaMalloc(&work, WORK));
	LIB(cublasLtCreate(&lt));
	run<float, float>("f32", CUDA_R_32F, CUDA_R_32F, false);
	run<__half, __half>("f16 with bias and relu", CUDA_R_16F, CUDA_R_16F,
			    true);
	run<__nv_bfloat16, float>("bf16", CUDA_R_16BF, CUDA_R_32F, false);
	if (p.major * 10 + p.minor >= 89)
		run<__nv_fp8_e4m3, float>("f8", CUDA_R_8F_E4M3, CUDA_R_32F,
					  false);
	LIB(cublasLtDestroy(lt));
	RT(cudaFree(work));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// lib_cusparse.cu - cuSPARSE: a matrix in compressed rows times a vector and
// times a dense matrix.
#include <cusparse.h>
#include <string.h>

#include "lib.h"

#define ROWS 500
#define COLS 400
#define EACH 7
#define NNZ  (ROWS * EACH)
#define K    8

static int offsets[ROWS + 1], columns[NNZ];
static float values[NNZ], x[COLS * K], want[ROWS * K], got[ROWS * K];

static void make(void)
{
	uint32_t s = 9;

	whole_numbers(values, NNZ, 5, 10);
	whole_numbers(x, COLS * K, 5, 11);
	for (int r = 0; r < ROWS; r++) {
		offsets[r + 1] = (r + 1) * EACH;
		for (int i = 0; i < EACH; i++)
			columns[r * EACH + i] =
				i * (COLS / EACH) + rng(&s) % (COLS / EACH);
	}
}

static void reference(void)
{
	memset(want, 0, sizeof(want));
	for (int k = 0; k < K; k++)
		for (int r = 0; r < ROWS; r++)
			for (int i = offsets[r]; i < offsets[r + 1]; i++)
				want[k * ROWS + r] +=
					values[i] * x[k * COLS + columns[i]];
}

static void verify(const char *what, const float *dev, int n)
{
	to_host(got, dev, n);
	if (memcmp(got, want, n * sizeof(float)))
		wrong_result("cusparse: %s is wrong", what);
	printf("%s checksum %016llx\n", what,
	       (unsigned long long)checksum(got, n * sizeof(float)));
}

int main(void)
{
	float one = 1, zero = 0, *dx, *dy, *dv;
	int *doff, *dcol;
	cusparseHandle_t sp;
	cusparseSpMatDescr_t mat;
	cusparseDnVecDescr_t vx, vy;
	cusparseDnMatDescr_t mx, my;
	void *work = NULL;
	size_t size = 0;

	make();
	reference();
	doff = dev_copy_of(offsets, ROWS + 1);
	dcol = dev_copy_of(columns, NNZ);
	dv = dev_copy_of(values, NNZ);
	dx = dev_copy_of(x, COLS * K);
	dy = dev_alloc<float>(ROWS * K);
	LIB(cusparseCreate(&sp));
	LIB(cusparseCreateCsr(&mat, ROWS, COLS, NNZ, doff, dcol, dv,
			      CUSPARSE_INDEX_32I, CUSPARSE_INDEX_32I,
			      CUSPARSE_INDEX_BASE_ZERO, CUDA_R_32F));
	LIB(cusparseCreateDnVec(&vx, COLS, dx, CUDA_R_32F));
	LIB(cusparseCreateDnVec(&vy, ROWS, dy, CUDA_R_32F));
	LIB(cusparseSpMV_bufferSize(sp, CUSPARSE_OPERATION_NON_TRANSPOSE, &one,
				    mat, vx, &zero, vy, CUDA_R_32F,
				    CUSPARSE_SPMV_ALG_DEFAULT, &size));
	RT(cudaMalloc(&work, size + 16));
	LIB(cusparseSpMV(sp, CUSPARSE_OPERATION_NON_TRANSPOSE, &one, mat, vx,
			 &zero, vy, CUDA_R_32F, CUSPARSE_SPMV_ALG_DEFAULT,
			 work));
	RT(cudaDeviceSynchronize());
	verify("SpMV", dy, ROWS);
	RT(cudaFree(work));

	LIB(cusparseCreateDnMat(&mx, COLS, K, COLS, dx, CUDA_R_32F,
				CUSPARSE_ORDER_COL));
	LIB(cusparseCreateDnMat(&my, ROWS, K, ROWS, dy, CUDA_R_32F,
				CUSPARSE_ORDER_COL));
	LIB(cusparseSpMM_bufferSize(sp, CUSPARSE_OPERATION_NON_TRANSPOSE,
				    CUSPARSE_OPERATION_NON_TRANSPOSE, &one,
				    mat, mx, &zero, my, CUDA_R_32F,
				    CUSPARSE_SPMM_ALG_DEFAULT, &size));
	RT(cudaMalloc(&work, size + 16));
	LIB(cusparseSpMM(sp, CUSPARSE_OPERATION_NON_TRANSPOSE,
			 CUSPARSE_OPERATION_NON_TRANSPOSE, &one, mat, mx,
			 &zero, my, CUDA_R_32F, CUSPARSE_SPMM_ALG_DEFAULT,
			 work));
	RT(cudaDeviceSynchronize());
	verify("SpMM", dy, ROWS * K);
	RT(cudaFree(work));
	LIB(cusparseDestroySpMat(mat));
	LIB(cusparseDestroy(sp));
	return 0;
}

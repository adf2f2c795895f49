// SPDX-License-Identifier: BSD-2-Clause
// lib_cusolver.cu - cuSOLVER: Cholesky, LU and singular values of a matrix
// whose solution is known.
#include <cusolverDn.h>
#include <math.h>

#include "lib.h"

#define N 64

static double a[N * N], x[N], rhs[N], got[N];

/* Symmetric with a heavy diagonal: positive definite. */
static void make(void)
{
	uint32_t s = 12;

	for (int c = 0; c < N; c++)
		for (int r = 0; r <= c; r++)
			a[c * N + r] = a[r * N + c] =
				r == c ? 10 * N : (double)(rng(&s) % 9) - 4;
	for (int i = 0; i < N; i++)
		x[i] = i % 11 - 5;
	for (int r = 0; r < N; r++)
		for (int c = 0; c < N; c++)
			rhs[r] += a[c * N + r] * x[c];
}

static void verify(const char *what, const double *dev)
{
	double worst = 0;

	to_host(got, dev, N);
	for (int i = 0; i < N; i++) {
		double d = fabs(got[i] - x[i]);

		if (!(d <= worst))
			worst = d;
	}
	if (!(worst < 1e-9))
		wrong_result("cusolver %s: off by %g", what, worst);
	printf("%s solves: %.6f %.6f\n", what, got[1], got[N - 1]);
}

static void cholesky(cusolverDnHandle_t h, int *info)
{
	double *da = dev_copy_of(a, N * N), *db = dev_copy_of(rhs, N), *work;
	int len = 0;

	LIB(cusolverDnDpotrf_bufferSize(h, CUBLAS_FILL_MODE_LOWER, N, da, N,
					&len));
	work = dev_alloc<double>(len);
	LIB(cusolverDnDpotrf(h, CUBLAS_FILL_MODE_LOWER, N, da, N, work, len,
			     info));
	LIB(cusolverDnDpotrs(h, CUBLAS_FILL_MODE_LOWER, N, 1, da, N, db, N,
			     info));
	RT(cudaDeviceSynchronize());
	verify("Cholesky", db);
	RT(cudaFree(da));
	RT(cudaFree(db));
	RT(cudaFree(work));
}

static void lu(cusolverDnHandle_t h, int *info)
{
	double *da = dev_copy_of(a, N * N), *db = dev_copy_of(rhs, N), *work;
	int len = 0, *pivots = dev_alloc<int>(N);

	LIB(cusolverDnDgetrf_bufferSize(h, N, N, da, N, &len));
	work = dev_alloc<double>(len);
	LIB(cusolverDnDgetrf(h, N, N, da, N, work, pivots, info));
	LIB(cusolverDnDgetrs(h, CUBLAS_OP_N, N, 1, da, N, pivots, db, N,
			     info));
	RT(cudaDeviceSynchronize());
	verify("LU", db);
	RT(cudaFree(da));
	RT(cudaFree(db));
	RT(cudaFree(work));
	RT(cudaFree(pivots));
}

/* The squares of the singular values add up to those of the elements. */
static void singular_values(cusolverDnHandle_t h, int *info)
{
	double *da = dev_copy_of(a, N * N), *ds = dev_alloc<double>(N), *work;
	double *u = dev_alloc<double>(N * N), *vt = dev_alloc<double>(N * N);
	double s[N], squares = 0, want = 0;
	int len = 0;

	LIB(cusolverDnDgesvd_bufferSize(h, N, N, &len));
	work = dev_alloc<double>(len);
	LIB(cusolverDnDgesvd(h, 'A', 'A', N, N, da, N, ds, u, N, vt, N, work,
			     len, NULL, info));
	to_host(s, ds, N);
	for (int i = 0; i < N; i++)
		squares += s[i] * s[i];
	for (int i = 0; i < N * N; i++)
		want += a[i] * a[i];
	printf("singular values %.6f to %.6f\n", s[0], s[N - 1]);
	if (fabs(squares - want) > 1e-6 * want)
		wrong_result("cusolver: squares %f, should be %f", squares, want);
	RT(cudaFree(da));
	RT(cudaFree(ds));
	RT(cudaFree(u));
	RT(cudaFree(vt));
	RT(cudaFree(work));
}

int main(void)
{
	cusolverDnHandle_t h;
	int *info = dev_alloc<int>(1);

	make();
	LIB(cusolverDnCreate(&h));
	cholesky(h, info);
	lu(h, info);
	singular_values(h, info);
	LIB(cusolverDnDestroy(h));
	RT(cudaFree(info));
	return 0;
}

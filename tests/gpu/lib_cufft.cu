// SPDX-License-Identifier: BSD-2-Clause
// lib_cufft.cu - cuFFT: forward and back, in 1D batches, 2D real and 3D
// double; printed rounded, checked against the input.
#include <cufft.h>
#include <math.h>

#include "lib.h"

template <typename T>
static void close_to(const char *what, const T *got, const T *want, size_t n,
		     double scale, double limit)
{
	double worst = 0;

	for (size_t i = 0; i < n; i++) {
		double d = fabs(got[i] / scale - want[i]);

		if (!(d <= worst))
			worst = d;
	}
	if (!(worst < limit))
		wrong_result("cufft %s: off by %g", what, worst);
	printf("%s of %zu: back to the input, first %.3f\n", what, n,
	       got[0] / scale);
}

static void complex_1d(int len, int batch)
{
	size_t n = (size_t)len * batch;
	float *h = (float *)must_alloc(2 * n * sizeof(float));
	float *back = (float *)must_alloc(2 * n * sizeof(float));
	cufftHandle plan;
	cudaStream_t st;
	double re = 0;

	whole_numbers(h, 2 * n, 9, 6);
	cufftComplex *d = (cufftComplex *)dev_copy_of(h, 2 * n);

	RT(cudaStreamCreate(&st));
	LIB(cufftPlan1d(&plan, len, CUFFT_C2C, batch));
	LIB(cufftSetStream(plan, st));
	LIB(cufftExecC2C(plan, d, d, CUFFT_FORWARD));
	RT(cudaStreamSynchronize(st));
	to_host(back, (float *)d, 2);
	for (int i = 0; i < len; i++)
		re += h[2 * i];
	/* The first bin is the plain sum. */
	if (fabs(back[0] - re) > 0.1)
		wrong_result("cufft: bin 0 is %f, not %f", back[0], re);
	LIB(cufftExecC2C(plan, d, d, CUFFT_INVERSE));
	RT(cudaStreamSynchronize(st));
	to_host(back, (float *)d, 2 * n);
	close_to("1D complex", back, h, 2 * n, len, 1e-3);
	LIB(cufftDestroy(plan));
	RT(cudaStreamDestroy(st));
	RT(cudaFree(d));
	free(h);
	free(back);
}

static void real_2d(int w, int h)
{
	size_t n = (size_t)w * h;
	float *in = (float *)must_alloc(n * sizeof(float));
	float *back = (float *)must_alloc(n * sizeof(float));
	cufftHandle there, again;
	cufftComplex *freq = dev_alloc<cufftComplex>((size_t)h * (w / 2 + 1));

	whole_numbers(in, n, 9, 7);
	float *d = dev_copy_of(in, n);

	LIB(cufftPlan2d(&there, h, w, CUFFT_R2C));
	LIB(cufftPlan2d(&again, h, w, CUFFT_C2R));
	LIB(cufftExecR2C(there, d, freq));
	LIB(cufftExecC2R(again, freq, d));
	to_host(back, d, n);
	close_to("2D real", back, in, n, (double)n, 1e-3);
	LIB(cufftDestroy(there));
	LIB(cufftDestroy(again));
	RT(cudaFree(d));
	RT(cudaFree(freq));
	free(in);
	free(back);
}

static void double_3d(int s)
{
	size_t n = (size_t)s * s * s;
	double *in = (double *)must_alloc(2 * n * sizeof(double));
	double *back = (double *)must_alloc(2 * n * sizeof(double));
	cufftHandle plan;
	uint32_t seed = 8;

	for (size_t i = 0; i < 2 * n; i++)
		in[i] = rng(&seed) % 100;
	cufftDoubleComplex *d = (cufftDoubleComplex *)dev_copy_of(in, 2 * n);

	LIB(cufftPlan3d(&plan, s, s, s, CUFFT_Z2Z));
	LIB(cufftExecZ2Z(plan, d, d, CUFFT_FORWARD));
	LIB(cufftExecZ2Z(plan, d, d, CUFFT_INVERSE));
	to_host(back, (double *)d, 2 * n);
	close_to("3D double", back, in, 2 * n, (double)n, 1e-9);
	LIB(cufftDestroy(plan));
	RT(cudaFree(d));
	free(in);
	free(back);
}

int main(void)
{
	complex_1d(1024, 16);
	complex_1d(1001, 3); /* 7 x 11 x 13 */
	complex_1d(8191, 2); /* a prime: the slow path */
	real_2d(256, 192);
	double_3d(30);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// lib_cudnn.cu - cuDNN: convolution forward and its gradients, pooling,
// softmax; on whole numbers, so that the results are exact.
#include <cudnn.h>
#include <math.h>

#include "lib.h"

#define B 4
#define C 8
#define S 16
#define K 12

static cudnnHandle_t dnn;
static cudnnTensorDescriptor_t tx, ty;
static cudnnFilterDescriptor_t fw;
static cudnnConvolutionDescriptor_t conv;
static void *work;
static const size_t work_len = 64 << 20;
static float x[B * C * S * S], w[K * C * 3 * 3], y[B * K * S * S];

static float pixel(int b, int c, int r, int q)
{
	if (r < 0 || q < 0 || r >= S || q >= S)
		return 0;
	return x[((b * C + c) * S + r) * S + q];
}

static float convolved(int b, int k, int r, int q)
{
	float sum = 0;

	for (int c = 0; c < C; c++)
		for (int i = 0; i < 9; i++)
			sum += pixel(b, c, r + i / 3 - 1, q + i % 3 - 1) *
			       w[(k * C + c) * 9 + i];
	return sum;
}

static void describe(void)
{
	LIB(cudnnCreateTensorDescriptor(&tx));
	LIB(cudnnCreateTensorDescriptor(&ty));
	LIB(cudnnCreateFilterDescriptor(&fw));
	LIB(cudnnCreateConvolutionDescriptor(&conv));
	LIB(cudnnSetTensor4dDescriptor(tx, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT,
				       B, C, S, S));
	LIB(cudnnSetTensor4dDescriptor(ty, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT,
				       B, K, S, S));
	LIB(cudnnSetFilter4dDescriptor(fw, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW,
				       K, C, 3, 3));
	LIB(cudnnSetConvolution2dDescriptor(conv, 1, 1, 1, 1, 1, 1,
					    CUDNN_CROSS_CORRELATION,
					    CUDNN_DATA_FLOAT));
}

static void convolution(float *dx, float *dw, float *dy)
{
	float one = 1, zero = 0;

	LIB(cudnnConvolutionForward(
		dnn, &one, tx, dx, fw, dw, conv,
		CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, work,
		work_len, &zero, ty, dy));
	to_host(y, dy, B * K * S * S);
	for (int i = 0; i < B * K * S * S; i++) {
		float want = convolved(i / (K * S * S), i / (S * S) % K,
				       i / S % S, i % S);

		if (y[i] != want)
			wrong_result("cudnn: element %d is %g, not %g", i, y[i], want);
	}
	printf("forward checksum %016llx\n",
	       (unsigned long long)checksum(y, sizeof(y)));
}

static void gradients(float *dx, float *dw, float *dy)
{
	float *gw = dev_alloc<float>(K * C * 9), one = 1, zero = 0;
	float *gx = dev_alloc<float>(B * C * S * S);
	double want = 0;
	float h = 0;

	LIB(cudnnConvolutionBackwardFilter(
		dnn, &one, tx, dx, ty, dy, conv,
		CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, work, work_len, &zero, fw,
		gw));
	LIB(cudnnConvolutionBackwardData(
		dnn, &one, fw, dw, ty, dy, conv,
		CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, work, work_len, &zero, tx,
		gx));
	/* The middle weight of the first filter and channel. */
	to_host(&h, gw + 4, 1);
	for (int b = 0; b < B; b++)
		for (int i = 0; i < S * S; i++)
			want += (double)pixel(b, 0, i / S, i % S) *
				y[b * K * S * S + i];
	printf("gradient of a weight %.0f\n", h);
	if (fabs(h - want) > 1e-3 * fabs(want) + 0.5)
		wrong_result("cudnn: the gradient should be %.0f", want);
	to_host(&h, gx, 1);
	printf("gradient of a pixel %.0f\n", h);
	RT(cudaFree(gw));
	RT(cudaFree(gx));
}

static void softmax(float *dy)
{
	float one = 1, zero = 0, sum = 0;

	LIB(cudnnSoftmaxForward(dnn, CUDNN_SOFTMAX_ACCURATE,
				CUDNN_SOFTMAX_MODE_INSTANCE, &one, ty, dy,
				&zero, ty, dy));
	to_host(y, dy, B * K * S * S);
	for (int i = 0; i < K * S * S; i++)
		sum += y[i];
	printf("softmax of one image sums to %.3f\n", sum);
	if (fabsf(sum - 1) > 1e-3f)
		wrong_result("cudnn: a softmax sums to %f", sum);
}

int main(void)
{
	whole_numbers(x, B * C * S * S, 3, 13);
	whole_numbers(w, K * C * 9, 3, 14);
	float *dx = dev_copy_of(x, B * C * S * S), *dw = dev_copy_of(w, K * C * 9);
	float *dy = dev_alloc<float>(B * K * S * S);

	RT(cudaMalloc(&work, work_len));
	LIB(cudnnCreate(&dnn));
	describe();
	convolution(dx, dw, dy);
	gradients(dx, dw, dy);
	softmax(dy);
	LIB(cudnnDestroy(dnn));
	RT(cudaFree(dx));
	RT(cudaFree(dw));
	RT(cudaFree(dy));
	RT(cudaFree(work));
	return 0;
}

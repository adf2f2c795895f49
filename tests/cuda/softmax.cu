// SPDX-License-Identifier: BSD-2-Clause
// softmax.cu - one block for each row, in float (fast approximations of exp)
// and in double. Rounding differs in the last bits between GPUs, so what is
// printed is rounded, and what is checked has a tolerance.
#include <math.h>

#include "rt.h"

#define THREADS 64

template <typename T> struct op_max {
	__device__ T operator()(T a, T b) const
	{
		return a > b ? a : b;
	}
};

template <typename T> struct op_sum {
	__device__ T operator()(T a, T b) const
	{
		return a + b;
	}
};

template <typename T, typename Op> __device__ T block_reduce(T v, Op op, T *tmp)
{
	tmp[threadIdx.x] = v;
	__syncthreads();
	for (int d = THREADS / 2; d; d >>= 1) {
		if (threadIdx.x < d)
			tmp[threadIdx.x] = op(tmp[threadIdx.x],
					      tmp[threadIdx.x + d]);
		__syncthreads();
	}
	v = tmp[0];
	__syncthreads();
	return v;
}

template <typename T>
__global__ void softmax(const T *in, T *out, int cols)
{
	__shared__ T tmp[THREADS];
	const T *row = in + (size_t)blockIdx.x * cols;
	T *res = out + (size_t)blockIdx.x * cols;
	T top = row[0], sum = 0;

	for (int i = threadIdx.x; i < cols; i += THREADS)
		top = row[i] > top ? row[i] : top;
	top = block_reduce(top, op_max<T>(), tmp);
	for (int i = threadIdx.x; i < cols; i += THREADS) {
		res[i] = exp(row[i] - top);
		sum += res[i];
	}
	sum = block_reduce(sum, op_sum<T>(), tmp);
	for (int i = threadIdx.x; i < cols; i += THREADS)
		res[i] /= sum;
}

/* The largest distance from the result that the CPU gets in double. */
template <typename T>
static double distance(const T *in, const T *out, int rows, int cols)
{
	double worst = 0;

	for (int r = 0; r < rows; r++) {
		const T *x = in + (size_t)r * cols, *y = out + (size_t)r * cols;
		double top = x[0], sum = 0;

		for (int i = 0; i < cols; i++)
			top = x[i] > top ? x[i] : top;
		for (int i = 0; i < cols; i++)
			sum += exp((double)x[i] - top);
		for (int i = 0; i < cols; i++) {
			double d = fabs(exp((double)x[i] - top) / sum - y[i]);

			/* Not fmax: a NaN must be seen, not skipped. */
			if (!(d <= worst))
				worst = d;
		}
	}
	return worst;
}

template <typename T>
static void run(const char *type, int rows, int cols, double tolerance)
{
	size_t n = (size_t)rows * cols;
	T *in = (T *)must_alloc(n * sizeof(T));
	T *out = (T *)must_alloc(n * sizeof(T));
	double far, total = 0;
	uint32_t s = 13;

	for (size_t i = 0; i < n; i++)
		in[i] = (T)((int)(rng(&s) % 2001) - 1000) / 125;
	T *d_in = dev_copy_of(in, n), *d_out = dev_alloc<T>(n);

	softmax<T><<<rows, THREADS>>>(d_in, d_out, cols);
	RT_LAUNCHED();
	to_host(out, d_out, n);
	far = distance(in, out, rows, cols);
	if (!(far < tolerance))
		fail("softmax %s: off by %g, more than %g", type, far,
		     tolerance);
	for (size_t i = 0; i < n; i++)
		total += out[i];
	printf("softmax %s %dx%d total %.3f first %.5f last %.5f\n", type, rows,
	       cols, total, (double)out[0], (double)out[n - 1]);
	RT(cudaFree(d_in));
	RT(cudaFree(d_out));
	free(in);
	free(out);
}

int main(int argc, char **argv)
{
	int rows = (int)arg_long(argc, argv, 1, 40);

	run<float>("float", rows, 500, 1e-6);
	run<double>("double", rows / 2 + 1, 211, 1e-14);
	return 0;
}

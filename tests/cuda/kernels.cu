// SPDX-License-Identifier: BSD-2-Clause
// kernels.cu - the kernels of the driver-API programs. nvcc makes PTX of it,
// which the programs hold as text (kernels_ptx.h).
extern "C" {

__device__ unsigned words[16] = { 1, 2, 3, 4 };
__constant__ unsigned factors[4];
__device__ unsigned long long ticks;

__global__ void fill(unsigned *p, unsigned n, unsigned value)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] = value + i;
}

/* Arguments of several sizes, so that their offsets are not all the same. */
__global__ void mixed(char c, double d, short s, unsigned *out,
		      unsigned long long big)
{
	if (threadIdx.x == 0) {
		out[0] = c;
		out[1] = (unsigned)(d * 4);
		out[2] = s;
		out[3] = (unsigned)(big >> 32);
		out[4] = (unsigned)big;
	}
}

__global__ void axpy(float a, const float *x, float *y, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		y[i] += a * x[i];
}

__global__ void add_words(unsigned *p, unsigned n)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] += words[i % 4] * factors[i % 4];
}

__global__ void bump(unsigned *p, unsigned n, unsigned by)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] += by;
}

__global__ void shared_sum(const unsigned *in, unsigned *out)
{
	extern __shared__ unsigned tmp[];
	unsigned t = threadIdx.x;

	tmp[t] = in[blockIdx.x * blockDim.x + t];
	__syncthreads();
	for (unsigned d = blockDim.x / 2; d; d >>= 1) {
		if (t < d)
			tmp[t] += tmp[t + d];
		__syncthreads();
	}
	if (t == 0)
		out[blockIdx.x] = tmp[0];
}

__global__ void empty(void)
{
}

/* Waits until the host or another stream sets *flag; gives up after a while
 * so that a failing test does not hang. */
__global__ void wait_flag(volatile unsigned *flag, unsigned want)
{
	for (unsigned long long i = 0; i < 4000000ull && *flag != want; i++)
		;
}

__global__ void spin_us(unsigned us)
{
	unsigned long long start, now;

	asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
	do
		asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
	while (now - start < us * 1000ull);
}

}

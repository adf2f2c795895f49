// SPDX-License-Identifier: BSD-2-Clause
// reset.cu - a program that resets its device and goes on: what it had there
// is gone, its kernels are loaded again, and its variables begin anew.
#include "rt.h"

#define N 1000

__device__ unsigned kept = 7;

__global__ void add(unsigned *p, unsigned n, unsigned by)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] += by + kept;
}

__global__ void keep(unsigned v)
{
	kept = v;
}

/* Three times: the variable is 7 at first, then what was kept. */
static void use(unsigned by)
{
	unsigned host[N], sum = 0, want = N * (3 * by + 7 + by + by + 1);
	unsigned *dev = dev_alloc<unsigned>(N);
	cudaStream_t s;

	RT(cudaStreamCreate(&s));
	RT(cudaMemsetAsync(dev, 0, sizeof(host), s));
	for (unsigned i = 0; i < 3; i++) {
		add<<<(N + 127) / 128, 128, 0, s>>>(dev, N, by);
		keep<<<1, 1, 0, s>>>(by + i);
	}
	RT_LAUNCHED();
	to_host(host, dev, N);
	for (int i = 0; i < N; i++)
		sum += host[i];
	printf("by %u: %u\n", by, sum);
	if (sum != want)
		fail("reset: should give %u", want);
}

int main()
{
	for (unsigned by = 1; by <= 4; by++) {
		use(by);
		RT(cudaDeviceReset());
	}
	use(5);
	return 0;
}

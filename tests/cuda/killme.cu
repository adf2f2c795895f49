// SPDX-License-Identifier: BSD-2-Clause
// killme.cu - keeps the device busy until it is killed. "running" is printed
// once work is under way, so that a test knows when to kill. With an argument
// it stops by itself after so many rounds (and then exits 0).
#include "rt.h"

#define N (64 * 1024)

__global__ void churn(unsigned *v, int n, unsigned round)
{
	int stride = gridDim.x * blockDim.x;

	for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += stride)
		v[i] += round;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? arg_long(argc, argv, 1, 1) : -1;
	unsigned *h, *d = dev_alloc<unsigned>(N), want = 0;
	cudaStream_t st;

	RT(cudaMallocHost((void **)&h, N * sizeof(*h)));
	RT(cudaStreamCreate(&st));
	RT(cudaMemsetAsync(d, 0, N * sizeof(*d), st));
	for (long r = 0; rounds < 0 || r < rounds; r++) {
		want += (unsigned)r;
		churn<<<16, 128, 0, st>>>(d, N, (unsigned)r);
		RT(cudaMemcpyAsync(h, d, N * sizeof(*h), cudaMemcpyDeviceToHost,
				   st));
		RT(cudaStreamSynchronize(st));
		if (h[0] != want || h[N - 1] != want)
			fail("killme: round %ld gives %u, not %u", r, h[0],
			     want);
		if (r == 0) {
			printf("running\n");
			fflush(stdout);
		}
	}
	printf("stopped after %ld rounds\n", rounds);
	return 0;
}

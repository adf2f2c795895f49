// SPDX-License-Identifier: BSD-2-Clause
// parts.cu - relocatable device code: where the linked image has no code for
// the GPU, the driver links again what it was linked from.
#include "tests/cuda/rt.h"

__device__ int calls;

__device__ int twice(int v);

__global__ void kernel(int *p)
{
	*p = twice(*p) + twice(1);
}

__device__ int twice(int v)
{
	calls++;
	return 2 * v;
}

int main(void)
{
	int v = 20, n = 0;
	int *p = dev_copy_of(&v, 1);

	kernel<<<1, 1>>>(p);
	RT_LAUNCHED();
	RT(cudaMemcpy(&v, p, sizeof(v), cudaMemcpyDeviceToHost));
	RT(cudaMemcpyFromSymbol(&n, calls, sizeof(n)));
	printf("parts: %d and %d\n", v, n);
	if (v != 42 || n != 2)
		fail("parts: should be 42 and 2");
	RT(cudaFree(p));
	return 0;
}

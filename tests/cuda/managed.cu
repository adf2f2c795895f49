// SPDX-License-Identifier: BSD-2-Clause
// managed.cu - host and device alternate on a __managed__ variable and on
// memory of cudaMallocManaged, each seeing what the other wrote.
#include "rt.h"

#define N 10000

__managed__ int counter;
__managed__ double table[8];

__global__ void bump(int *v, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		v[i] += counter;
	if (i == 0)
		table[counter % 8] = counter * 1.5;
}

static void run_rounds(int *v, int rounds)
{
	long long want = 0;

	for (int r = 0; r < rounds; r++) {
		counter = r + 1;
		want += counter;
		v[r] += 100;
		bump<<<(N + 255) / 256, 256>>>(v, N);
		RT_LAUNCHED();
		if (v[r] != want + 100 || v[N - 1] != want)
			fail("managed: round %d gives %d and %d, should be "
			     "%lld and %lld", r, v[r], v[N - 1], want + 100,
			     want);
		if (table[counter % 8] != counter * 1.5)
			fail("managed: table entry %d is %f, not %f",
			     counter % 8, table[counter % 8], counter * 1.5);
	}
}

int main(int argc, char **argv)
{
	int rounds = (int)arg_long(argc, argv, 1, 10);
	cudaPointerAttributes attr;
	int *v, *copy;

	RT(cudaMallocManaged((void **)&v, N * sizeof(int)));
	for (int i = 0; i < N; i++)
		v[i] = 0;
	run_rounds(v, rounds);
	RT(cudaPointerGetAttributes(&attr, v));
	printf("pointer type %d\n", (int)attr.type);
	if (attr.type != cudaMemoryTypeManaged)
		fail("managed: the type should be %d", cudaMemoryTypeManaged);
	/* A copy by the driver sees the same bytes as the host. */
	copy = dev_copy_of(v, N);
	RT(cudaMemset(v, 0, N * sizeof(int)));
	RT(cudaDeviceSynchronize());
	if (v[3] != 0)
		fail("managed: cudaMemset left %d", v[3]);
	to_host(v, copy, N);
	printf("managed %d rounds checksum %016llx counter %d table %.1f\n",
	       rounds, (unsigned long long)checksum(v, N * sizeof(int)),
	       counter, table[counter % 8]);
	RT(cudaFree(v));
	RT(cudaFree(copy));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// kernels_sm90.cu - kernels that need a Hopper GPU: clusters whose blocks
// read each other's shared memory, a grid barrier, large structs as parameters.
#include <cooperative_groups.h>

namespace cg = cooperative_groups;

struct big {
	unsigned words[4000]; /* 16,000 bytes; the old limit was 4,096 */
};

struct some {
	unsigned *out;
	unsigned n;
	unsigned words[1021]; /* 4,096 bytes in all */
};

extern "C" {

/* Each block writes the sum of what all blocks of its cluster hold. */
__global__ void cluster_sum(unsigned *out)
{
	__shared__ unsigned mine;
	cg::cluster_group cluster = cg::this_cluster();
	unsigned sum = 0;

	if (threadIdx.x == 0)
		mine = blockIdx.x + 1;
	cluster.sync();
	for (unsigned r = 0; r < cluster.num_blocks(); r++)
		sum += *cluster.map_shared_rank(&mine, r);
	cluster.sync();
	if (threadIdx.x == 0)
		out[blockIdx.x] = sum * 100 + cluster.num_blocks();
}

__global__ void sum_params(const __grid_constant__ struct big b,
			   unsigned *out)
{
	unsigned sum = 0;

	for (int i = 0; i < 4000; i++)
		sum += b.words[i];
	*out = sum;
}

/* Reads as many words as there are: the others need not be sent. */
__global__ void sum_some(const __grid_constant__ struct some s)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < s.n; i++)
		sum += s.words[i];
	*s.out = sum;
}

/* The second half starts when every block has done its first half. */
__global__ void grid_barrier(unsigned *counts, unsigned *result)
{
	if (threadIdx.x == 0)
		counts[blockIdx.x] = blockIdx.x + 1;
	cg::this_grid().sync();
	if (threadIdx.x == 0) {
		unsigned sum = 0;

		for (unsigned i = 0; i < gridDim.x; i++)
			sum += counts[i];
		result[blockIdx.x] = sum;
	}
}

}

// SPDX-License-Identifier: BSD-2-Clause
// kernels_sm90.cu - kernels that need a Hopper GPU: clusters whose blocks
// read each other's shared memory, a grid barrier, the most parameters that
// there may be, one kernel that starts before the last one's end, and tiles
// that the tensor memory accelerator fetches.
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

/* With a pointer before it 32,764 bytes of parameters, which is the limit. */
struct biggest {
	unsigned words[8188];
	unsigned last;
};

struct alignas(64) tensor_map {
	unsigned long long opaque[16];
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

__global__ void sum_all_params(unsigned *out,
			       const __grid_constant__ struct biggest b)
{
	unsigned sum = b.last;

	for (int i = 0; i < 8188; i++)
		sum = sum * 3 + b.words[i];
	*out = sum;
}

/* Lets the next kernel start early, then does its work. */
__global__ void first_half(unsigned *p, unsigned us)
{
	unsigned long long start, now;

	asm volatile("griddepcontrol.launch_dependents;");
	asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
	do
		asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
	while (now - start < us * 1000ull);
	p[blockIdx.x] += 10;
}

/* Starts early, and waits for the first one's results. */
__global__ void second_half(unsigned *p)
{
	asm volatile("griddepcontrol.wait;" ::: "memory");
	p[blockIdx.x] = p[blockIdx.x] * 3 + 1;
}

/* One tile of @bytes bytes at (@x, @y), fetched and written out as it lies
 * in shared memory. */
__global__ void fetch_tile(const __grid_constant__ struct tensor_map map,
			   int x, int y, unsigned bytes, unsigned char *out)
{
	extern __shared__ __align__(1024) unsigned char tile[];
	__shared__ __align__(8) unsigned long long bar;
	unsigned b = (unsigned)__cvta_generic_to_shared(&bar);
	unsigned t = (unsigned)__cvta_generic_to_shared(tile);
	unsigned ready = 0;

	if (threadIdx.x == 0) {
		asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(b));
		asm volatile("fence.proxy.async.shared::cta;");
		asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;"
			     ::"r"(b), "r"(bytes) : "memory");
		asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global"
			     ".mbarrier::complete_tx::bytes [%0], "
			     "[%1, {%2, %3}], [%4];"
			     ::"r"(t), "l"(&map), "r"(x), "r"(y), "r"(b)
			     : "memory");
	}
	__syncthreads();
	while (!ready)
		asm volatile("{\n.reg .pred p;\n"
			     "mbarrier.try_wait.parity.shared.b64 p, [%1], 0;\n"
			     "selp.u32 %0, 1, 0, p;\n}"
			     : "=r"(ready) : "r"(b) : "memory");
	for (unsigned i = threadIdx.x; i < bytes; i += blockDim.x)
		out[i] = tile[i];
}

}

// SPDX-License-Identifier: BSD-2-Clause
// kernels_cond.cu - kernels that decide what a graph's conditional node does.
// They call the device runtime, so nvcc links them: an image for sm_90.
#include <cuda_runtime.h>

extern "C" {

/* The value that the node sees; 0 ends a loop. */
__global__ void decide(cudaGraphConditionalHandle h, const unsigned *p)
{
	cudaGraphSetConditional(h, *p);
}

/* One less each time, so that a loop ends. */
__global__ void count_down(cudaGraphConditionalHandle h, unsigned *left,
			   unsigned *done)
{
	*done = *done * 3 + *left;
	*left -= 1;
	cudaGraphSetConditional(h, *left);
}

__global__ void chain(unsigned *p, unsigned mul, unsigned add)
{
	*p = *p * mul + add;
}

}

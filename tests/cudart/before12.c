// SPDX-License-Identifier: BSD-2-Clause
/*
 * before12.c - what nvcc 12 and later ask of the runtime at a launch, said in
 * the words of the runtime of CUDA 11, whose own nvcc makes these calls in a
 * program's objects.
 */
#include <cuda_runtime_api.h>

cudaError_t __cudaGetKernel(const void **kernel, const void *stub);
cudaError_t __cudaGetKernel(const void **kernel, const void *stub)
{
	*kernel = stub;
	return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block,
			       void **args, size_t shared, cudaStream_t stream);
cudaError_t __cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block,
			       void **args, size_t shared, cudaStream_t stream)
{
	return cudaLaunchKernel(kernel, grid, block, args, shared, stream);
}

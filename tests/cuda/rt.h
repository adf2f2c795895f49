/* SPDX-License-Identifier: BSD-2-Clause */
/* rt.h - for programs on the CUDA runtime: a call that fails ends the test. */
#ifndef TESTS_CUDA_RT_H
#define TESTS_CUDA_RT_H

#include <cuda_runtime.h>

#include "report.h"

#define RT(call)                                                               \
	do {                                                                   \
		cudaError_t rt_err = (call);                                   \
		if (rt_err != cudaSuccess)                                     \
			fail("%s:%d: %s gave %s (%s)", __FILE__, __LINE__,     \
			     #call, cudaGetErrorName(rt_err),                  \
			     cudaGetErrorString(rt_err));                      \
	} while (0)

/* After a <<<>>> launch: errors of the launch, then of the kernel. */
#define RT_LAUNCHED()                                                          \
	do {                                                                   \
		RT(cudaGetLastError());                                        \
		RT(cudaDeviceSynchronize());                                   \
	} while (0)

template <typename T> static T *dev_alloc(size_t n)
{
	void *p = NULL;

	RT(cudaMalloc(&p, n * sizeof(T)));
	return (T *)p;
}

template <typename T> static T *dev_copy_of(const T *host, size_t n)
{
	T *p = dev_alloc<T>(n);

	RT(cudaMemcpy(p, host, n * sizeof(T), cudaMemcpyHostToDevice));
	return p;
}

template <typename T> static void to_host(T *host, const T *dev, size_t n)
{
	RT(cudaMemcpy(host, dev, n * sizeof(T), cudaMemcpyDeviceToHost));
}

#endif

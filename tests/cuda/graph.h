/* SPDX-License-Identifier: BSD-2-Clause */
/* graph.h - for programs that build graphs by hand. */
#ifndef TESTS_CUDA_GRAPH_H
#define TESTS_CUDA_GRAPH_H

#include "drv.h"

static UNUSED_OK CUDA_KERNEL_NODE_PARAMS graph_params(CUfunction f,
						      unsigned threads,
						      void **args)
{
	CUDA_KERNEL_NODE_PARAMS k = { .func = f,
				      .gridDimX = 1,
				      .gridDimY = 1,
				      .gridDimZ = 1,
				      .blockDimX = threads,
				      .blockDimY = 1,
				      .blockDimZ = 1,
				      .kernelParams = args };

	return k;
}

/* A node of one thread behind @n others. */
static UNUSED_OK CUgraphNode graph_kernel(CUgraph g, const CUgraphNode *after,
					  size_t n, CUfunction f, void **args)
{
	CUDA_KERNEL_NODE_PARAMS k = graph_params(f, 1, args);
	CUgraphNode node;

	DRV(cuGraphAddKernelNode(&node, g, after, n, &k));
	return node;
}

#endif

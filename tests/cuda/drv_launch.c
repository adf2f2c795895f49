// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_launch.c - launches beyond the plain one: attributes, cooperative,
 * clusters, parameters over 4 KiB, programmatic order, occupancy, function
 * attributes and cache settings. Needs a GPU of compute capability 9.0.
 */
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"
#include "kernels_sm90_ptx.h"

static CUmodule mod, hopper;

static CUlaunchConfig config(unsigned grid, unsigned block,
			     CUlaunchAttribute *attrs, unsigned n)
{
	CUlaunchConfig c = { .gridDimX = grid,
			     .gridDimY = 1,
			     .gridDimZ = 1,
			     .blockDimX = block,
			     .blockDimY = 1,
			     .blockDimZ = 1,
			     .attrs = attrs,
			     .numAttrs = n };

	return c;
}

static void clusters(void)
{
	CUfunction f = drv_function(hopper, "cluster_sum");
	CUlaunchAttribute at = { .id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION };
	CUlaunchConfig c = config(8, 32, &at, 1);
	CUdeviceptr out = drv_alloc(8 * 4);
	void *args[] = { &out };
	int most = 0, active = 0;
	unsigned got[8];

	at.value.clusterDim.x = 4;
	at.value.clusterDim.y = at.value.clusterDim.z = 1;
	DRV(cuLaunchKernelEx(&c, f, args, NULL));
	DRV(cuMemcpyDtoH(got, out, sizeof(got)));
	DRV(cuOccupancyMaxPotentialClusterSize(&most, f, &c));
	DRV(cuOccupancyMaxActiveClusters(&active, f, &c));
	printf("clusters of 4: %u %u, largest %d, some active %d\n", got[0],
	       got[7], most, active > 0);
	if (got[0] != 1004 || got[7] != 2604)
		wrong_result("drv_launch: should be 1004 2604");
	at.value.clusterDim.x = 3;
	SHOW("8 blocks in clusters of 3", cuLaunchKernelEx(&c, f, args, NULL));
	DRV(cuMemFree(out));
}

static void big_parameters(void)
{
	static unsigned words[4000];
	CUfunction f = drv_function(hopper, "sum_params");
	CUdeviceptr out = drv_alloc(4);
	void *args[] = { words, &out };
	unsigned got = 0, want = 0;

	for (unsigned i = 0; i < 4000; i++)
		want += words[i] = i * i;
	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	/* The words were taken at the launch. */
	memset(words, 0xff, sizeof(words));
	DRV(cuMemcpyDtoH(&got, out, 4));
	printf("16,000 bytes of parameters give %u\n", got);
	if (got != want)
		wrong_result("drv_launch: should give %u", want);
	DRV(cuMemFree(out));
}

/* As NCCL launches: a large struct, of which only the used bytes are sent. */
static void part_of_a_struct(void)
{
	struct { CUdeviceptr out; unsigned n, words[5]; } some = {
		.out = drv_alloc(4), .n = 5, .words = { 1, 20, 300, 4000, 50000 }
	};
	CUfunction f = drv_function(hopper, "sum_some");
	size_t size = sizeof(some);
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &some,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			  CU_LAUNCH_PARAM_END };
	CUlaunchAttribute at = { .id = CU_LAUNCH_ATTRIBUTE_PRIORITY };
	CUlaunchConfig c = config(1, 1, &at, 1);
	unsigned got = 0;

	for (int i = 0; i < 3; i++) {
		some.words[0] = (unsigned)i;
		DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
		DRV(cuMemcpyDtoH(&got, some.out, 4));
		printf("%zu bytes of 4,096 give %u\n", size, got);
		if (got != 54320 + (unsigned)i)
			fail("drv_launch: should give %d", 54320 + i);
	}
	some.words[4] = 90000;
	DRV(cuLaunchKernelEx(&c, f, NULL, extra));
	DRV(cuMemcpyDtoH(&got, some.out, 4));
	printf("with an attribute %u\n", got);
	if (got != 94322)
		fail("drv_launch: should give 94322");
	DRV(cuMemFree(some.out));
}

static void cooperative(void)
{
	CUfunction f = drv_function(hopper, "grid_barrier");
	CUlaunchAttribute at = { .id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE };
	CUlaunchConfig c = config(20, 64, &at, 1);
	CUdeviceptr counts = drv_alloc(64 * 4), res = drv_alloc(64 * 4);
	void *args[] = { &counts, &res };
	unsigned got[20];

	DRV(cuLaunchCooperativeKernel(f, 20, 1, 1, 64, 1, 1, 0, NULL, args));
	DRV(cuMemcpyDtoH(got, res, sizeof(got)));
	printf("cooperative %u %u\n", got[0], got[19]);
	if (got[0] != 210 || got[19] != 210)
		wrong_result("drv_launch: should be 210 210");
	at.value.cooperative = 1;
	DRV(cuMemsetD32(res, 0, 20));
	DRV(cuLaunchKernelEx(&c, f, args, NULL));
	DRV(cuMemcpyDtoH(got, res, sizeof(got)));
	printf("cooperative by attribute %u\n", got[7]);
	EXPECT("a cooperative grid too large",
	       cuLaunchCooperativeKernel(f, 100000, 1, 1, 64, 1, 1, 0, NULL,
					 args),
	       CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
	DRV(cuMemFree(counts));
	DRV(cuMemFree(res));
}

/* Programmatic serialization changes when a kernel starts, not its result. */
static void attributes(void)
{
	CUfunction f = drv_function(mod, "bump");
	CUlaunchAttribute at[2] = {
		{ .id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION },
		{ .id = CU_LAUNCH_ATTRIBUTE_PRIORITY }
	};
	CUlaunchConfig c = config(4, 64, at, 2);
	CUdeviceptr p = drv_alloc(256 * 4);
	unsigned n = 256, by = 2, got = 0;
	void *args[] = { &p, &n, &by };

	DRV(cuStreamCreate(&c.hStream, CU_STREAM_NON_BLOCKING));
	DRV(cuMemsetD32Async(p, 0, 256, c.hStream));
	at[0].value.programmaticStreamSerializationAllowed = 0;
	for (int i = 0; i < 10; i++)
		DRV(cuLaunchKernelEx(&c, f, args, NULL));
	DRV(cuStreamSynchronize(c.hStream));
	DRV(cuMemcpyDtoH(&got, p + 1020, 4));
	printf("10 launches with attributes give %u\n", got);
	if (got != 20)
		wrong_result("drv_launch: should give 20");
	DRV(cuStreamDestroy(c.hStream));
	DRV(cuMemFree(p));
}

static size_t no_shared(int block)
{
	(void)block;
	return 0;
}

static void functions(void)
{
	CUfunction f = drv_function(mod, "shared_sum");
	int v = 0, blocks = 0, grid = 0, block = 0;
	size_t dynamic = 0;

	for (int a = 0; a <= CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT;
	     a++) {
		DRV(cuFuncGetAttribute(&v, (CUfunction_attribute)a, f));
		printf("function attribute %d is %d\n", a, v);
	}
	DRV(cuFuncSetAttribute(f,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100000));
	DRV(cuFuncGetAttribute(&v,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, f));
	DRV(cuFuncSetCacheConfig(f, CU_FUNC_CACHE_PREFER_SHARED));
	DRV(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, f, 256,
							50000));
	DRV(cuOccupancyMaxPotentialBlockSize(&grid, &block, f, no_shared, 0,
					     0));
	DRV(cuOccupancyAvailableDynamicSMemPerBlock(&dynamic, f, 2, 256));
	printf("dynamic %d, occupancy %d, best %d x %d, available %zu\n", v,
	       blocks, grid, block, dynamic);
	SHOW("300 KB of shared memory",
	     cuFuncSetAttribute(f,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 300000));
}

int main(void)
{
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);

	drv_needs_sm90(dev, true);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuModuleLoadData(&hopper, kernels_sm90_ptx));
	clusters();
	big_parameters();
	part_of_a_struct();
	cooperative();
	attributes();
	functions();
	DRV(cuModuleUnload(mod));
	DRV(cuModuleUnload(hopper));
	return 0;
}

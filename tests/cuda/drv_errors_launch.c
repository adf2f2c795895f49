// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_launch.c - launches of impossible shape, with wrong parameters
 * and attributes, and what is asked about them: occupancy.
 */
#include "errors.h"

static void launches(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty");
	CUfunction g = drv_function(mod, "fill");
	size_t size = 3;
	unsigned word = 0;
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &word,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			  CU_LAUNCH_PARAM_END };
	void *args[] = { &word };
	CUlaunchConfig c = { .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1 };
	int v;

	(void)dev;
	PROBE("grid 0", cuLaunchKernel(f, 0, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	PROBE("grid 2^31",
	     cuLaunchKernel(f, 1u << 31, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	PROBE("grid y 65536",
	     cuLaunchKernel(f, 1, 65536, 1, 1, 1, 1, 0, 0, NULL, NULL));
	PROBE("block 0", cuLaunchKernel(f, 1, 1, 1, 1, 0, 1, 0, 0, NULL, NULL));
	PROBE("block 1025",
	     cuLaunchKernel(f, 1, 1, 1, 1025, 1, 1, 0, 0, NULL, NULL));
	PROBE("block 32x64",
	     cuLaunchKernel(f, 1, 1, 1, 32, 64, 1, 0, 0, NULL, NULL));
	PROBE("block z 65",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 65, 0, 0, NULL, NULL));
	PROBE("shared 1 GiB",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 1 << 30, 0, NULL, NULL));
	PROBE("both kinds of arguments",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, 0, args, extra));
	PROBE("no arguments where some are needed",
	     cuLaunchKernel(g, 1, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	PROBE("launch with config NULL", cuLaunchKernelEx(NULL, f, NULL, NULL));
	PROBE("config with block 0", cuLaunchKernelEx(&c, f, NULL, NULL));
	PROBE("occupancy of block 0",
	     cuOccupancyMaxActiveBlocksPerMultiprocessor(&v, f, 0, 0));
	PROBE("occupancy of block -1",
	     cuOccupancyMaxActiveBlocksPerMultiprocessor(&v, f, -1, 0));
}

static void blocks_of_parameters(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "fill"), e = drv_function(mod, "empty");
	CUdeviceptr p = drv_alloc(64);
	struct { CUdeviceptr p; unsigned n, v, more[64]; } block = { p, 16, 7,
								     { 0 } };
	size_t size = 16;
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &block,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			  CU_LAUNCH_PARAM_END };
	void *bad[] = { (void *)77, &block, CU_LAUNCH_PARAM_END };
	void *none[] = { CU_LAUNCH_PARAM_END };
	void *no_size[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &block,
			    CU_LAUNCH_PARAM_END };
	void *no_block[] = { CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			     CU_LAUNCH_PARAM_END };

	(void)dev;
#define EXTRA(what, func, list)                                                \
	PROBE(what, cuLaunchKernel(func, 1, 1, 1, 16, 1, 1, 0, NULL, NULL,     \
				   list))
	EXTRA("a block, all is well", f, extra);
	size = 12;
	EXTRA("a block of 12 bytes of 16", f, extra);
	size = 8;
	EXTRA("a block of 8 bytes of 16", f, extra);
	size = 17;
	EXTRA("a block of a byte more", f, extra);
	size = 200;
	EXTRA("a block of 200 bytes", f, extra);
	size = 0;
	EXTRA("a block of 0 bytes", f, extra);
	/* Not 2^63: NVIDIA's driver cuts the size off, and takes that. */
	size = 16;
	EXTRA("a block for no parameters", e, extra);
	EXTRA("an item 77", f, bad);
	EXTRA("no items", f, none);
	EXTRA("no items, no parameters", e, none);
	EXTRA("no size", f, no_size);
	EXTRA("no block", f, no_block);
	PROBE("and the end", cuCtxSynchronize());
}

static CUresult with_attr(CUfunction f, CUlaunchAttribute *a, unsigned n,
			  unsigned grid)
{
	CUlaunchConfig c = { .gridDimX = grid, .gridDimY = 1, .gridDimZ = 1,
			     .blockDimX = 32, .blockDimY = 1, .blockDimZ = 1,
			     .attrs = a, .numAttrs = n };

	return cuLaunchKernelEx(&c, f, NULL, NULL);
}

static void attributes(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty");
	CUlaunchAttribute a[40] = { { .id = CU_LAUNCH_ATTRIBUTE_IGNORE } };

	(void)dev;
	PROBE("one to ignore", with_attr(f, a, 1, 4));
	PROBE("attributes of NULL", with_attr(f, NULL, 1, 4));
	a[0].id = (CUlaunchAttributeID)99;
	PROBE("attribute 99", with_attr(f, a, 1, 4));
	a[0].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
	PROBE("cluster 0", with_attr(f, a, 1, 4));
	a[0].value.clusterDim.x = 3;
	a[0].value.clusterDim.y = a[0].value.clusterDim.z = 1;
	PROBE("cluster 3 of 4", with_attr(f, a, 1, 4));
	a[0].value.clusterDim.x = 64;
	PROBE("cluster 64", with_attr(f, a, 1, 64));
	a[0].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE;
	memset(&a[0].value, 0, sizeof(a[0].value));
	a[0].value.clusterSchedulingPolicyPreference =
		(CUclusterSchedulingPolicy)99;
	PROBE("cluster policy 99", with_attr(f, a, 1, 4));
	a[0].id = CU_LAUNCH_ATTRIBUTE_PRIORITY;
	a[0].value.priority = -1000;
	PROBE("priority -1000", with_attr(f, a, 1, 4));
	a[0].id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
	a[0].value.cooperative = 1;
	PROBE("cooperative, 10,000,000 blocks", with_attr(f, a, 1, 10000000));
	a[0].id = CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY;
	a[0].value.syncPolicy = (CUsynchronizationPolicy)99;
	PROBE("a stream's attribute", with_attr(f, a, 1, 4));
	a[0].id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT;
	memset(&a[0].value, 0, sizeof(a[0].value));
	PROBE("programmatic event NULL", with_attr(f, a, 1, 4));
	a[0].id = CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT;
	PROBE("completion event NULL", with_attr(f, a, 1, 4));
	a[0].id = CU_LAUNCH_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT;
	a[0].value.sharedMemCarveout = 101;
	PROBE("carveout 101", with_attr(f, a, 1, 4));
	for (int i = 0; i < 40; i++)
		a[i].id = CU_LAUNCH_ATTRIBUTE_IGNORE;
	PROBE("40 to ignore", with_attr(f, a, 40, 4));
	PROBE("and the end", cuCtxSynchronize());
}

static void cooperative(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty");
	CUstream s;

	(void)dev;
	DRV(cuStreamCreate(&s, 0));
#define COOP(what, grid, block, smem, stream)                                  \
	PROBE(what, cuLaunchCooperativeKernel(f, grid, 1, 1, block, 1, 1,      \
					      smem, stream, NULL))
	COOP("cooperative, all is well", 2, 32, 0, s);
	COOP("cooperative, grid 0", 0, 32, 0, s);
	COOP("cooperative, block 0", 2, 0, 0, s);
	COOP("cooperative, block 1025", 2, 1025, 0, s);
	COOP("cooperative, 10,000,000 blocks", 10000000, 32, 0, s);
	COOP("cooperative, 1 GiB shared", 2, 32, 1 << 30, s);
	COOP("cooperative in the legacy stream", 2, 32, 0, NULL);
	DRV(cuStreamDestroy(s));
}

static CUresult blocks(CUfunction f, unsigned grid, unsigned x, unsigned smem)
{
	return cuLaunchKernel(f, grid, 1, 1, x, 1, 1, smem, NULL, NULL, NULL);
}

/* Wrong launches after right ones of the same kernel, and the other way. */
static void bounds(CUdevice dev, CUmodule mod)
{
	static const char ptx[] =
		".version 7.0\n.target sm_75\n.address_size 64\n"
		".visible .entry at_most() .maxntid 64, 1, 1 { ret; }\n"
		".visible .entry exactly() .reqntid 32, 1, 1 { ret; }\n";
	const CUfunction_attribute most =
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
	CUfunction f, g, e = drv_function(mod, "empty");
	CUmodule m;

	(void)dev;
	READY(cuModuleLoadData(&m, ptx));
	f = drv_function(m, "at_most");
	g = drv_function(m, "exactly");
	PROBE("64 threads of at most 64", blocks(f, 1, 64, 0));
	PROBE("65 threads of at most 64", blocks(f, 1, 65, 0));
	PROBE("1024 threads of at most 64", blocks(f, 1, 1024, 0));
	PROBE("1 thread of at most 64", blocks(f, 1, 1, 0));
	PROBE("16 threads of 32", blocks(g, 1, 16, 0));
	PROBE("32 threads of 32", blocks(g, 1, 32, 0));
	PROBE("64 threads of 32", blocks(g, 1, 64, 0));
	PROBE("32 threads of 32 again", blocks(g, 1, 32, 0));
	PROBE("48 KiB shared", blocks(e, 1, 32, 49152));
	PROBE("a byte more", blocks(e, 1, 32, 49153));
	PROBE("64 KiB are allowed", cuFuncSetAttribute(e, most, 65536));
	PROBE("64 KiB", blocks(e, 1, 32, 65536));
	PROBE("a byte more than that", blocks(e, 1, 32, 65537));
	PROBE("1 KiB is allowed", cuFuncSetAttribute(e, most, 1024));
	PROBE("2 KiB", blocks(e, 1, 32, 2048));
	PROBE("1 KiB", blocks(e, 1, 32, 1024));
	PROBE("and the end", cuCtxSynchronize());
}

static void clusters(CUdevice dev, CUmodule mod)
{
	static const char ptx[] =
		".version 7.8\n.target sm_90\n.address_size 64\n"
		".visible .entry pairs() .explicitcluster "
		".reqnctapercluster 2, 1, 1 { ret; }\n"
		".visible .entry any() { ret; }\n";
	const CUfunction_attribute width =
		CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH;
	CUlaunchAttribute a = { .id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION };
	CUfunction f, g;
	CUmodule m;
	int v = 0;

	(void)dev, (void)mod;
	READY(cuModuleLoadData(&m, ptx));
	f = drv_function(m, "pairs");
	g = drv_function(m, "any");
	PROBE("how wide", cuFuncGetAttribute(&v, width, f));
	probe_says("width %d", v);
	PROBE("4 blocks in pairs", blocks(f, 4, 32, 0));
	PROBE("3 blocks in pairs", blocks(f, 3, 32, 0));
	PROBE("2 blocks in pairs", blocks(f, 2, 32, 0));
	PROBE("3 blocks in pairs again", blocks(f, 3, 32, 0));
	PROBE("3 blocks", blocks(g, 3, 32, 0));
	a.value.clusterDim.x = 2;
	a.value.clusterDim.y = a.value.clusterDim.z = 1;
	PROBE("4 in clusters of 2", with_attr(g, &a, 1, 4));
	PROBE("3 in clusters of 2", with_attr(g, &a, 1, 3));
	PROBE("4 in clusters of 2 again", with_attr(g, &a, 1, 4));
	a.value.clusterDim.x = 9;
	PROBE("9 in clusters of 9", with_attr(g, &a, 1, 9));
	PROBE("not portable", cuFuncSetAttribute(g,
		CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1));
	PROBE("9 in clusters of 9 again", with_attr(g, &a, 1, 9));
	PROBE("in clusters of 64", cuFuncSetAttribute(g, width, 64));
	PROBE("64 blocks", blocks(g, 64, 32, 0));
	PROBE("and the end", cuCtxSynchronize());
}

static void occupancy(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty");
	CUlaunchConfig c = { .gridDimX = 4, .gridDimY = 1, .gridDimZ = 1,
			     .blockDimX = 32, .blockDimY = 1, .blockDimZ = 1 };
	size_t bytes = 0;
	int v = 0, w = 0;

	(void)dev;
	PROBE("block 1025",
	      cuOccupancyMaxActiveBlocksPerMultiprocessor(&v, f, 1025, 0));
	PROBE("shared 2^63", cuOccupancyMaxActiveBlocksPerMultiprocessor(&v, f,
							32, HUGE_SIZE));
	probe_says("blocks %d", v);
	PROBE("flags 0x80",
	      cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&v, f, 32,
								   0, 0x80));
	PROBE("potential, limit -1",
	      cuOccupancyMaxPotentialBlockSize(&v, &w, f, NULL, 0, -1));
	PROBE("potential, limit 100,000",
	      cuOccupancyMaxPotentialBlockSize(&v, &w, f, NULL, 0, 100000));
	PROBE("potential, flags 0x80",
	      cuOccupancyMaxPotentialBlockSizeWithFlags(&v, &w, f, NULL, 0, 0,
							0x80));
	PROBE("available, 0 blocks",
	      cuOccupancyAvailableDynamicSMemPerBlock(&bytes, f, 0, 32));
	PROBE("available, 1,000 blocks",
	      cuOccupancyAvailableDynamicSMemPerBlock(&bytes, f, 1000, 32));
	PROBE("available, block 0",
	      cuOccupancyAvailableDynamicSMemPerBlock(&bytes, f, 1, 0));
	PROBE("cluster size without a cluster",
	      cuOccupancyMaxPotentialClusterSize(&v, f, &c));
	PROBE("clusters without a cluster",
	      cuOccupancyMaxActiveClusters(&v, f, &c));
	c.blockDimX = 0;
	PROBE("cluster size, block 0",
	      cuOccupancyMaxPotentialClusterSize(&v, f, &c));
	PROBE("clusters, config NULL",
	      cuOccupancyMaxActiveClusters(&v, f, NULL));
}

static void host_functions(CUdevice dev, CUmodule mod)
{
	(void)dev, (void)mod;
	PROBE("host function NULL", cuLaunchHostFunc(NULL, NULL, NULL));
	PROBE("callback NULL", cuStreamAddCallback(NULL, NULL, NULL, 0));
	PROBE("user object of NULL", cuUserObjectCreate(NULL, &dev, NULL, 1, 1));
	PROBE("retain user object NULL", cuUserObjectRetain(NULL, 1));
	PROBE("release user object NULL", cuUserObjectRelease(NULL, 1));
}

static const struct group groups[] = {
	{ "launches", launches, true },
	{ "blocks of parameters", blocks_of_parameters, true },
	{ "attributes", attributes, true },
	{ "cooperative", cooperative, true },
	{ "bounds", bounds, true },
	{ "clusters", clusters, true },
	{ "occupancy", occupancy, true },
	{ "host functions", host_functions, true },
};

int main(void)
{
	return groups_run(groups, 8);
}

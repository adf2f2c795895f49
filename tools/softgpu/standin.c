// SPDX-License-Identifier: BSD-2-Clause
/*
 * standin.c - with VGPU_SOFTGPU_STANDIN=1 this driver plays an NVIDIA H200:
 * its compute capability and attributes. A kernel that there is no PTX of, or
 * whose PTX the interpreter cannot run, is loaded all the same, and a launch
 * of it is accepted and does nothing. That is enough for what NVIDIA's
 * libraries do before the first result, and for comparing what reaches a
 * driver; results of such kernels mean nothing.
 */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>
#include <string.h>

bool sg_standin(void)
{
	static _Atomic int known = -1;

	if (known < 0) {
		const char *s = getenv("VGPU_SOFTGPU_STANDIN");

		known = s && !strcmp(s, "1");
	}
	return known == 1;
}

int sg_cc(void)
{
	return sg_standin() ? 90 : SG_CC;
}

int sg_smem_optin(void)
{
	return sg_standin() ? 232448 : (int)SG_SMEM_OPTIN;
}

/* Only what differs from softgpu's own table in device.c. */
static const struct {
	CUdevice_attribute attr;
	int value;
} h200[] = {
	{ CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 132 },
	{ CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9 },
	{ CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0 },
	{ CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 232448 },
	{ CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 233472 },
	{ CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK, 1024 },
	{ CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR, 32 },
	{ CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1980000 },
	{ CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 3201000 },
	{ CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 6144 },
	{ CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 62914560 },
	{ CU_DEVICE_ATTRIBUTE_MAX_PERSISTING_L2_CACHE_SIZE, 39321600 },
	{ CU_DEVICE_ATTRIBUTE_MAX_ACCESS_POLICY_WINDOW_SIZE, 134217728 },
	{ CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 3 },
	{ CU_DEVICE_ATTRIBUTE_ECC_ENABLED, 1 },
	{ CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_COMPUTE_PREEMPTION_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO, 2 },
	{ CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED, 0 },
	{ CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST, 0 },
	{ CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH, 1 },
	{ CU_DEVICE_ATTRIBUTE_GPU_PCI_DEVICE_ID, 0x233510de },
	{ CU_DEVICE_ATTRIBUTE_GPU_PCI_SUBSYSTEM_ID, 0x18be10de },
	{ CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED, 1 },
	{ CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_WIDTH, 131072 },
	{ CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_WIDTH, 131072 },
	{ CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_HEIGHT, 65536 },
	{ CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_WIDTH, 16384 },
	{ CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_HEIGHT, 16384 },
	{ CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH, 16384 },
};

bool standin_attribute(CUdevice_attribute attr, int *value)
{
	for (size_t i = 0; sg_standin() && i < sizeof(h200) / sizeof(*h200);
	     i++)
		if (h200[i].attr == attr) {
			*value = h200[i].value;
			return true;
		}
	return false;
}

/* Attributes of clusters, which softgpu does not have, are kept and told. */
bool standin_func_kept(const struct sg_func *f, CUfunction_attribute attr)
{
	(void)f;
	return sg_standin() &&
	       attr >= CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET &&
	       attr <= CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE;
}

/* No more blocks than a cluster may have: 8, or 16 where the program asks for
 * what not every GPU can. */
CUresult standin_cluster(const struct sg_func *f, const unsigned int dim[3])
{
	const int *kept = f->kernel ? f->kernel->kept : f->kept;
	uint64_t most = kept[CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED]
				? 16 : 8, blocks = 1;

	for (int i = 0; i < 3; i++) {
		int set = kept[CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH + i];
		uint64_t n = dim[i] ? dim[i] : set ? (unsigned int)set : 1;

		blocks = n > most ? most + 1 : blocks * n;
	}
	return blocks > most ? CUDA_ERROR_INVALID_CLUSTER_SIZE : CUDA_SUCCESS;
}

static CUresult clusters(int *n, CUfunction f, const CUlaunchConfig *c,
			 int value)
{
	if (!sg_standin())
		return CUDA_ERROR_NOT_SUPPORTED;
	if (!n || !c || !f)
		return CUDA_ERROR_INVALID_VALUE;
	if (!handle_is(f, H_FUNC) && !handle_is(f, H_KERNEL))
		return CUDA_ERROR_INVALID_HANDLE;
	*n = value;
	return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveClusters(int *n, CUfunction f,
				      const CUlaunchConfig *c)
{
	return clusters(n, f, c, 66);
}

CUresult cuOccupancyMaxPotentialClusterSize(int *n, CUfunction f,
					    const CUlaunchConfig *c)
{
	return clusters(n, f, c, 8);
}

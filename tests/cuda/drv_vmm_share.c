// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_vmm_share.c - physical memory exported as a file descriptor and
 * imported again: the same memory at two places.
 */
#include <unistd.h>

#include "drv.h"
#include "kernels_ptx.h"

static CUmodule mod;
static CUmemAllocationProp prop;
static CUmemAccessDesc access_desc;
static size_t grain;

static void setup(CUdevice dev)
{
	prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
	prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	prop.location.id = dev;
	prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
	access_desc.location = prop.location;
	access_desc.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
	DRV(cuMemGetAllocationGranularity(&grain, &prop,
		CU_MEM_ALLOC_GRANULARITY_RECOMMENDED));
}

/* @h as another handle, by way of a file descriptor. */
static CUmemGenericAllocationHandle
through_file(CUmemGenericAllocationHandle h)
{
	CUmemGenericAllocationHandle copy;
	int fd = -1;

	DRV(cuMemExportToShareableHandle(
		&fd, h, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
	if (fd < 0)
		fail("drv_vmm_share: the export gave no file descriptor");
	DRV(cuMemImportFromShareableHandle(
		&copy, (void *)(intptr_t)fd,
		CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR));
	close(fd);
	return copy;
}

static void map(CUdeviceptr at, CUmemGenericAllocationHandle h)
{
	DRV(cuMemMap(at, grain, 0, h, 0));
	DRV(cuMemRelease(h));
	DRV(cuMemSetAccess(at, grain, &access_desc, 1));
}

/* What is written at one place shows at the other, in both directions. */
static void same_memory(CUdeviceptr one, CUdeviceptr other)
{
	unsigned n = 64, v = 9000;
	void *args[] = { &other, &n, &v };

	DRV(cuMemsetD32(one, 4711, 16));
	DRV(cuCtxSynchronize());
	printf("the import shows %u\n", drv_word(other + 20));
	if (drv_word(other + 20) != 4711)
		wrong_result("drv_vmm_share: the import is not the same memory");
	DRV(cuLaunchKernel(drv_function(mod, "fill"), 1, 1, 1, 64, 1, 1, 0,
			   NULL, args, NULL));
	DRV(cuCtxSynchronize());
	printf("the original shows %u\n", drv_word(one + 20));
	if (drv_word(one + 20) != 9005)
		wrong_result("drv_vmm_share: the original is not the same memory");
}

int main(void)
{
	CUmemGenericAllocationHandle h, copy;
	CUdeviceptr base = 0;
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	setup(dev);
	DRV(cuMemAddressReserve(&base, 2 * grain, 0, 0, 0));
	DRV(cuMemCreate(&h, grain, &prop, 0));
	copy = through_file(h);
	map(base, h);
	map(base + grain, copy);
	same_memory(base, base + grain);
	DRV(cuMemUnmap(base, grain));
	/* The import keeps the memory alone now. */
	printf("the import afterwards shows %u\n", drv_word(base + grain + 20));
	DRV(cuMemUnmap(base + grain, grain));
	DRV(cuMemAddressFree(base, 2 * grain));
	DRV(cuModuleUnload(mod));
	return 0;
}

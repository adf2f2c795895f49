// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_vmm.c - virtual memory management as inference engines use it: one
 * large reservation that grows by mapping at its end, each handle released
 * straight after its mapping, one unmap over all maps; retain and export.
 */
#include <unistd.h>

#include "drv.h"
#include "kernels_ptx.h"

#define STEPS 6

static CUmodule mod;
static CUmemAllocationProp prop;
static CUmemAccessDesc access_desc;
static size_t grain;

static CUmemGenericAllocationHandle create(size_t size)
{
	CUmemGenericAllocationHandle h;

	DRV(cuMemCreate(&h, size, &prop, 0));
	return h;
}

static void launch_fill(CUdeviceptr p, unsigned n, unsigned v)
{
	void *args[] = { &p, &n, &v };

	DRV(cuLaunchKernel(drv_function(mod, "fill"), (n + 127) / 128, 1, 1,
			   128, 1, 1, 0, NULL, args, NULL));
}

/* Each step grows the region and must leave the earlier contents alone. */
static void grow(CUdeviceptr base)
{
	size_t used = 0;

	for (unsigned i = 0; i < STEPS; i++) {
		size_t size = grain * (i % 3 + 1);
		CUmemGenericAllocationHandle h = create(size);
		unsigned word = 0;

		DRV(cuMemMap(base + used, size, 0, h, 0));
		DRV(cuMemRelease(h));
		DRV(cuMemSetAccess(base + used, size, &access_desc, 1));
		launch_fill(base + used, (unsigned)(size / 4), i * 1000);
		used += size;
		DRV(cuMemcpyDtoH(&word, base + 40, 4));
		if (word != 10)
			fail("drv_vmm: step %u left %u at the start, not 10", i,
			     word);
		DRV(cuMemcpyDtoH(&word, base + used - size + 4, 4));
		printf("step %u word %u\n", i, word);
		if (word != i * 1000 + 1)
			fail("drv_vmm: step %u wrote %u", i, word);
	}
	/* A set and a copy that span all the maps. */
	DRV(cuMemsetD32(base, 7, used / 4));
	DRV(cuMemcpyDtoD(base + used / 2, base, used / 2));
	/* All maps in one call. */
	DRV(cuMemUnmap(base, used));
}

static void access_and_retain(CUdeviceptr base)
{
	CUmemLocation loc = prop.location;
	CUmemGenericAllocationHandle h = create(grain), again;
	CUmemAllocationProp got;
	unsigned long long flags = 0;

	DRV(cuMemMap(base, grain, 0, h, 0));
	DRV(cuMemSetAccess(base, grain, &access_desc, 1));
	DRV(cuMemGetAccess(&flags, &loc, base));
	DRV(cuMemRetainAllocationHandle(&again, (void *)(uintptr_t)base));
	DRV(cuMemGetAllocationPropertiesFromHandle(&got, again));
	printf("access %llu, retained type %d on device %d\n", flags,
	       (int)got.type, got.location.id);
	DRV(cuMemRelease(again));
	DRV(cuMemRelease(h));
	DRV(cuMemUnmap(base, grain));
}

/* Exported as a file and imported again: the same memory at two places. */
static void export_import(CUdeviceptr base)
{
	CUmemGenericAllocationHandle h, copy;
	unsigned word = 0;
	int fd = -1;

	prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
	h = create(grain);
	DRV(cuMemExportToShareableHandle(
		&fd, h, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
	DRV(cuMemImportFromShareableHandle(
		&copy, (void *)(intptr_t)fd,
		CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR));
	close(fd);
	DRV(cuMemMap(base, grain, 0, h, 0));
	DRV(cuMemMap(base + grain, grain, 0, copy, 0));
	DRV(cuMemRelease(h));
	DRV(cuMemRelease(copy));
	DRV(cuMemSetAccess(base, 2 * grain, &access_desc, 1));
	DRV(cuMemsetD32(base, 4711, 16));
	DRV(cuCtxSynchronize());
	DRV(cuMemcpyDtoH(&word, base + grain + 20, 4));
	printf("imported memory shows %u\n", word);
	if (word != 4711)
		fail("drv_vmm: the import is not the same memory");
	DRV(cuMemUnmap(base, 2 * grain));
}

static void wrong_calls(CUdeviceptr base)
{
	CUmemGenericAllocationHandle h;

	prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_NONE;
	EXPECT("a size that is no multiple", cuMemCreate(&h, 4096, &prop, 0),
	       CUDA_ERROR_INVALID_VALUE);
	SHOW("an unmap of nothing", cuMemUnmap(base, grain));
}

int main(void)
{
	size_t total = (size_t)32 << 30;
	CUdeviceptr base = 0;
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
	prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	prop.location.id = dev;
	access_desc.location = prop.location;
	access_desc.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
	DRV(cuMemGetAllocationGranularity(&grain, &prop,
		CU_MEM_ALLOC_GRANULARITY_RECOMMENDED));
	printf("granularity %zu\n", grain);
	DRV(cuMemAddressReserve(&base, total, 0, 0, 0));
	grow(base);
	access_and_retain(base);
	export_import(base);
	wrong_calls(base);
	DRV(cuMemAddressFree(base, total));
	DRV(cuModuleUnload(mod));
	return 0;
}

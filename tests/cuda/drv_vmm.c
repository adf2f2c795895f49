// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_vmm.c - virtual memory management as inference engines use it: one
 * large reservation that grows by mapping at its end, each handle released
 * straight after its mapping, one unmap over all maps; access and retain.
 * An unmap does not wait for work on what it takes away: the program must.
 */
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
	unsigned last = 0;
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
			wrong_result("drv_vmm: step %u left %u at the start, not 10", i,
			     word);
		DRV(cuMemcpyDtoH(&word, base + used - size + 4, 4));
		printf("step %u word %u\n", i, word);
		if (word != i * 1000 + 1)
			wrong_result("drv_vmm: step %u wrote %u", i, word);
	}
	/* A set and a copy that span all the maps. */
	DRV(cuMemsetD32(base, 7, used / 4));
	DRV(cuMemcpyDtoD(base + used / 2, base, used / 2));
	DRV(cuMemcpyDtoH(&last, base + used - 4, 4));
	printf("over all maps %u\n", last);
	if (last != 7)
		wrong_result("drv_vmm: over all maps should give 7");
	/* A copy on the device returns before it is done. */
	DRV(cuCtxSynchronize());
	/* All maps in one call. */
	DRV(cuMemUnmap(base, used));
}

static void access_and_retain(CUdeviceptr base)
{
	CUmemLocation loc = prop.location;
	CUmemGenericAllocationHandle h = create(grain), again;
	CUmemAllocationProp got;
	unsigned long long flags = 0;
	unsigned word = 0;

	DRV(cuMemMap(base, grain, 0, h, 0));
	DRV(cuMemSetAccess(base, grain, &access_desc, 1));
	DRV(cuMemGetAccess(&flags, &loc, base));
	DRV(cuMemRetainAllocationHandle(&again, (void *)(uintptr_t)base));
	DRV(cuMemGetAllocationPropertiesFromHandle(&got, again));
	printf("access %llu, retained type %d on device %d\n", flags,
	       (int)got.type, got.location.id);
	DRV(cuMemRelease(again));
	DRV(cuMemRelease(h));
	/* The map alone keeps the memory. */
	launch_fill(base, 64, 500);
	DRV(cuMemcpyDtoH(&word, base + 4, 4));
	printf("released but mapped %u\n", word);
	if (word != 501)
		wrong_result("drv_vmm: mapped memory gives %u, not 501", word);
	DRV(cuMemUnmap(base, grain));
}

static void wrong_calls(CUdeviceptr base)
{
	CUmemGenericAllocationHandle h;

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
	wrong_calls(base);
	DRV(cuMemAddressFree(base, total));
	DRV(cuModuleUnload(mod));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_memory.c - wrong calls about memory of the device and the host,
 * pools, managed memory and virtual memory management.
 */
#include "errors.h"

static void memory(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(4096), q = 0;
	unsigned char h[64] = { 0 };
	CUdeviceptr base;
	size_t size;
	void *host;

	(void)dev, (void)mod;
	PROBE("allocate NULL", cuMemAlloc(NULL, 16));
	PROBE("allocate 0", cuMemAlloc(&q, 0));
	PROBE("allocate 2^63", cuMemAlloc(&q, HUGE_SIZE));
	PROBE("allocate 2^64-1", cuMemAlloc(&q, SIZE_MAX));
	PROBE("pitch of element size 3", cuMemAllocPitch(&q, &size, 16, 16, 3));
	PROBE("pitch of height 0", cuMemAllocPitch(&q, &size, 16, 0, 4));
	PROBE("free 0", cuMemFree(0));
	PROBE("free 1", cuMemFree(1));
	PROBE("free inside", cuMemFree(p + 16));
	PROBE("set 0 words", cuMemsetD32(p, 1, 0));
	PROBE("set at 2 of 4", cuMemsetD32(p + 2, 1, 4));
	PROBE("set at NULL", cuMemsetD8(0, 1, 16));
	PROBE("copy to NULL", cuMemcpyDtoH(NULL, p, 16));
	PROBE("copy from NULL", cuMemcpyHtoD(p, NULL, 16));
	PROBE("copy of 0 bytes", cuMemcpyHtoD(p, h, 0));
	PROBE("copy of 0 bytes to NULL", cuMemcpyDtoH(NULL, p, 0));
	PROBE("copy to address 0", cuMemcpyHtoD(0, h, 16));
	PROBE("2D copy of NULL", cuMemcpy2D(NULL));
	PROBE("3D copy of NULL", cuMemcpy3D(NULL));
	PROBE("range of NULL", cuMemGetAddressRange(&base, &size, 0));
	PROBE("range to NULLs", cuMemGetAddressRange(NULL, NULL, p));
	PROBE("info NULL", cuMemGetInfo(NULL, NULL));
	PROBE("pinned 0", cuMemAllocHost(&host, 0));
	PROBE("pinned NULL", cuMemAllocHost(NULL, 16));
	PROBE("pinned 2^63", cuMemAllocHost(&host, HUGE_SIZE));
	PROBE("pinned with flags 0xf0", cuMemHostAlloc(&host, 16, 0xf0));
	PROBE("free pinned NULL", cuMemFreeHost(NULL));
	PROBE("free pinned local", cuMemFreeHost(h));
	PROBE("register NULL", cuMemHostRegister(NULL, 16, 0));
	PROBE("register 0 bytes", cuMemHostRegister(h, 0, 0));
	PROBE("unregister local", cuMemHostUnregister(h));
	PROBE("device pointer of local", cuMemHostGetDevicePointer(&q, h, 0));
	PROBE("pointer attribute 999",
	     cuPointerGetAttribute(h, (CUpointer_attribute)999, p));
	PROBE("free", cuMemFree(p));
	PROBE("free again", cuMemFree(p));
}

/* Whatever is let through faults later: each is waited for. */
static void past_the_end(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(4096);
	size_t far = (size_t)1 << 36;

	(void)dev, (void)mod;
	PROBE("set 2^62 words", cuMemsetD32(p, 1, (size_t)1 << 62));
	PROBE("and its end", cuCtxSynchronize());
	PROBE("set past the end", cuMemsetD8(p, 1, far));
	PROBE("and its end", cuCtxSynchronize());
	PROBE("copy of 2^63 bytes", cuMemcpyDtoD(p, p, HUGE_SIZE));
	PROBE("and its end", cuCtxSynchronize());
	PROBE("copy past the end", cuMemcpyDtoD(p, p + 8, far));
	PROBE("and its end", cuCtxSynchronize());
}

static void host_memory(CUdevice dev, CUmodule mod)
{
	static unsigned char page[3][4096] __attribute__((aligned(4096)));
	void *host = &host, *again;
	CUdeviceptr p = 0;
	unsigned flags = 0;

	(void)dev, (void)mod;
	PROBE("pinned 0 bytes, its address", cuMemAllocHost(&host, 0));
	probe_says("the address is %s", host ? "one" : "NULL");
	DRV(cuMemAllocHost(&host, 4096));
	PROBE("flags of the middle", cuMemHostGetFlags(&flags,
						       (char *)host + 16));
	PROBE("flags to NULL", cuMemHostGetFlags(NULL, host));
	PROBE("flags of a local", cuMemHostGetFlags(&flags, &p));
	PROBE("device pointer, flags 1", cuMemHostGetDevicePointer(&p, host, 1));
	PROBE("device pointer to NULL",
	      cuMemHostGetDevicePointer(NULL, host, 0));
	PROBE("device pointer of the middle",
	      cuMemHostGetDevicePointer(&p, (char *)host + 16, 0));
	probe_says("it is %lld behind", (long long)(p - (uintptr_t)host));
	PROBE("free pinned in the middle", cuMemFreeHost((char *)host + 16));
	PROBE("register what is pinned", cuMemHostRegister(host, 4096, 0));
	PROBE("unregister what is pinned", cuMemHostUnregister(host));
	PROBE("free pinned", cuMemFreeHost(host));
	PROBE("free pinned again", cuMemFreeHost(host));
	PROBE("register with flags 0x80", cuMemHostRegister(page, 4096, 0x80));
	PROBE("register 2^63 bytes", cuMemHostRegister(page, HUGE_SIZE, 0));
	PROBE("register two pages", cuMemHostRegister(page, 8192, 0));
	PROBE("register the same", cuMemHostRegister(page, 8192, 0));
	PROBE("register one of them", cuMemHostRegister(page[1], 4096, 0));
	PROBE("register over the end", cuMemHostRegister(page[1], 8192, 0));
	PROBE("unregister the second", cuMemHostUnregister(page[1]));
	PROBE("free what is registered", cuMemFreeHost(page));
	PROBE("unregister", cuMemHostUnregister(page));
	PROBE("unregister again", cuMemHostUnregister(page));
	PROBE("unregister NULL", cuMemHostUnregister(NULL));
	DRV(cuMemAllocHost(&again, 64));
	PROBE("free pinned as the device's",
	      cuMemFree((CUdeviceptr)(uintptr_t)again));
}

static void managed(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = 0;

	(void)dev, (void)mod;
	PROBE("managed 0 bytes", cuMemAllocManaged(&p, 0, 1));
	PROBE("managed 2^63 bytes", cuMemAllocManaged(&p, HUGE_SIZE, 1));
	PROBE("managed with flags 0", cuMemAllocManaged(&p, 64, 0));
	PROBE("managed with flags 3", cuMemAllocManaged(&p, 64, 3));
	PROBE("managed with flags 0x80", cuMemAllocManaged(&p, 64, 0x80));
	PROBE("managed to NULL", cuMemAllocManaged(NULL, 64, 1));
	p = drv_alloc(4096);
	PROBE("attach what is not managed",
	      cuStreamAttachMemAsync(NULL, p, 0, CU_MEM_ATTACH_GLOBAL));
	PROBE("attach 0", cuStreamAttachMemAsync(NULL, 0, 0, 1));
	DRV(cuMemFree(p));
}

static CUmemPoolProps pool_props(CUdevice dev)
{
	CUmemPoolProps p = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = { .type = CU_MEM_LOCATION_TYPE_DEVICE,
			      .id = dev } };

	return p;
}

static void pools(CUdevice dev, CUmodule mod)
{
	CUmemPoolProps props = pool_props(dev);
	CUmemoryPool pool = NULL, bad = NULL;
	CUdeviceptr p = 0;
	cuuint64_t v = 0;

	(void)mod;
	props.location.id = 77;
	PROBE("pool on device 77", cuMemPoolCreate(&bad, &props));
	props = pool_props(dev);
	props.allocType = (CUmemAllocationType)9;
	PROBE("pool of type 9", cuMemPoolCreate(&bad, &props));
	props = pool_props(dev);
	props.handleTypes = (CUmemAllocationHandleType)0x4000;
	PROBE("pool of handle type 0x4000", cuMemPoolCreate(&bad, &props));
	props = pool_props(dev);
	READY(cuMemPoolCreate(&pool, &props));
	PROBE("pool attribute 99", cuMemPoolGetAttribute(pool,
						(CUmemPool_attribute)99, &v));
	PROBE("set pool attribute 99", cuMemPoolSetAttribute(pool,
						(CUmemPool_attribute)99, &v));
	v = 1;
	PROBE("set the reserved bytes to 1", cuMemPoolSetAttribute(pool,
				CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT, &v));
	PROBE("set the high mark to 1", cuMemPoolSetAttribute(pool,
				CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH, &v));
	PROBE("0 bytes from a pool",
	      cuMemAllocFromPoolAsync(&p, 0, pool, NULL));
	PROBE("2^63 bytes from a pool",
	      cuMemAllocFromPoolAsync(&p, HUGE_SIZE, pool, NULL));
	PROBE("0 bytes in stream order", cuMemAllocAsync(&p, 0, NULL));
	PROBE("2^62 bytes in stream order",
	      cuMemAllocAsync(&p, HUGE_SIZE / 2, NULL));
	PROBE("free 0 in stream order", cuMemFreeAsync(0, NULL));
	PROBE("free 64 in stream order", cuMemFreeAsync(64, NULL));
	READY(cuMemAllocFromPoolAsync(&p, 4096, pool, NULL));
	PROBE("free the middle in stream order", cuMemFreeAsync(p + 64, NULL));
	PROBE("free in stream order", cuMemFreeAsync(p, NULL));
	PROBE("and again", cuMemFreeAsync(p, NULL));
	PROBE("and its end", cuStreamSynchronize(NULL));
	PROBE("the pool of device 77", cuDeviceGetMemPool(&bad, 77));
	PROBE("the default pool of device -1",
	      cuDeviceGetDefaultMemPool(&bad, -1));
	PROBE("device 77 gets a pool", cuDeviceSetMemPool(77, pool));
	READY(cuDeviceGetDefaultMemPool(&bad, dev));
	PROBE("destroy the default pool", cuMemPoolDestroy(bad));
	PROBE("trim to 2^63", cuMemPoolTrimTo(pool, HUGE_SIZE));
	PROBE("destroy the pool", cuMemPoolDestroy(pool));
}

static void virtual_memory(CUdevice dev, CUmodule mod)
{
	CUmemAllocationProp prop = { .type = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = { .type = CU_MEM_LOCATION_TYPE_DEVICE,
			      .id = dev } };
	CUmemAccessDesc access = { .location = prop.location,
		.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE };
	CUmemGenericAllocationHandle h = 0, odd = 0;
	unsigned long long rights = 0;
	CUdeviceptr va = 0, none = 0;
	size_t grain = 0;

	(void)mod;
	READY(cuMemGetAllocationGranularity(&grain, &prop,
					  CU_MEM_ALLOC_GRANULARITY_MINIMUM));
	PROBE("granularity of option 9", cuMemGetAllocationGranularity(&grain,
			&prop, (CUmemAllocationGranularity_flags)9));
	PROBE("reserve 0", cuMemAddressReserve(&none, 0, 0, 0, 0));
	PROBE("reserve 1 byte", cuMemAddressReserve(&none, 1, 0, 0, 0));
	PROBE("reserve 2^63", cuMemAddressReserve(&none, HUGE_SIZE, 0, 0, 0));
	PROBE("reserve, alignment 3",
	      cuMemAddressReserve(&none, grain, 3, 0, 0));
	PROBE("reserve, flags 1", cuMemAddressReserve(&none, grain, 0, 0, 1));
	PROBE("create 0 bytes", cuMemCreate(&odd, 0, &prop, 0));
	PROBE("create 1 byte", cuMemCreate(&odd, 1, &prop, 0));
	PROBE("create 2^63 bytes", cuMemCreate(&odd, HUGE_SIZE, &prop, 0));
	PROBE("create with flags 1", cuMemCreate(&odd, grain, &prop, 1));
	READY(cuMemAddressReserve(&va, 2 * grain, 0, 0, 0));
	READY(cuMemCreate(&h, grain, &prop, 0));
	PROBE("access of nothing mapped",
	      cuMemSetAccess(va, grain, &access, 1));
	PROBE("unmap nothing", cuMemUnmap(va, grain));
	PROBE("copy to nothing mapped", cuMemsetD8(va, 1, 16));
	PROBE("map at offset 1", cuMemMap(va, grain, 1, h, 0));
	PROBE("map half a grain", cuMemMap(va, grain / 2, 0, h, 0));
	PROBE("map more than there is", cuMemMap(va, 2 * grain, 0, h, 0));
	PROBE("map with flags 1", cuMemMap(va, grain, 0, h, 1));
	PROBE("map handle 0", cuMemMap(va, grain, 0, 0, 0));
	PROBE("map where nothing is reserved",
	      cuMemMap(va + 64 * grain, grain, 0, h, 0));
	PROBE("map", cuMemMap(va, grain, 0, h, 0));
	PROBE("map again", cuMemMap(va, grain, 0, h, 0));
	PROBE("copy without access", cuMemsetD8(va, 1, 16));
	PROBE("access for nobody", cuMemSetAccess(va, grain, &access, 0));
	PROBE("access of 0 bytes", cuMemSetAccess(va, 0, &access, 1));
	access.location.id = 77;
	PROBE("access for device 77", cuMemSetAccess(va, grain, &access, 1));
	access.location.id = dev;
	PROBE("access", cuMemSetAccess(va, grain, &access, 1));
	PROBE("whose access", cuMemGetAccess(&rights, &access.location, va));
	probe_says("rights %llu", rights);
	PROBE("free what is mapped", cuMemAddressFree(va, 2 * grain));
	PROBE("cuMemFree of what is mapped", cuMemFree(va));
	PROBE("unmap half", cuMemUnmap(va, grain / 2));
	PROBE("unmap", cuMemUnmap(va, grain));
	PROBE("unmap again", cuMemUnmap(va, grain));
	PROBE("release", cuMemRelease(h));
	PROBE("release 0", cuMemRelease(0));
	PROBE("free half of it", cuMemAddressFree(va, grain));
	PROBE("free all of it", cuMemAddressFree(va, 2 * grain));
	PROBE("and again", cuMemAddressFree(va, 2 * grain));
}

static const struct group groups[] = {
	{ "memory", memory, true },
	{ "past the end", past_the_end, true },
	{ "host memory", host_memory, true },
	{ "managed memory", managed, true },
	{ "pools", pools, true },
	{ "virtual memory", virtual_memory, true },
};

int main(void)
{
	return groups_run(groups, 6);
}

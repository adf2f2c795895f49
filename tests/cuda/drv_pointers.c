// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_pointers.c - what is known of an address: every attribute of every kind
 * of memory, address ranges, and the advice, prefetches and range attributes
 * of managed memory.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "drv.h"
#include "kernels_more_ptx.h"

static CUcontext ctx;
static CUdevice dev;

/* Addresses, ids and contexts differ from run to run: only what they are to
 * each other is printed. The GPU may have registered memory at an address of
 * its own, which cuMemHostGetDevicePointer tells. */
static void describe(const char *what, CUdeviceptr p, CUdeviceptr base)
{
	CUmemorytype type = (CUmemorytype)0;
	unsigned managed = 9, sync = 9, legacy = 9, mapped = 9;
	CUdeviceptr start = 0, device = 0, there = p;
	CUmemoryPool pool = NULL;
	unsigned long long id = 0;
	CUcontext owner = NULL;
	void *host = NULL;
	int ordinal = -9;
	size_t size = 0;
	CUresult r[13];

#define ASK(i, a, v) r[i] = cuPointerGetAttribute(&v, CU_POINTER_ATTRIBUTE_##a, p)
	ASK(0, CONTEXT, owner);
	ASK(1, MEMORY_TYPE, type);
	ASK(2, DEVICE_POINTER, device);
	ASK(3, HOST_POINTER, host);
	ASK(4, BUFFER_ID, id);
	ASK(5, IS_MANAGED, managed);
	ASK(6, DEVICE_ORDINAL, ordinal);
	ASK(7, RANGE_START_ADDR, start);
	ASK(8, RANGE_SIZE, size);
	ASK(9, MAPPED, mapped);
	ASK(10, SYNC_MEMOPS, sync);
	ASK(11, IS_LEGACY_CUDA_IPC_CAPABLE, legacy);
	ASK(12, MEMPOOL_HANDLE, pool);
	if (cuMemHostGetDevicePointer(&there, (void *)(uintptr_t)p, 0))
		there = p;
	printf("%s:", what);
	for (int i = 0; i < 13; i++)
		printf(" %d", (int)r[i]);
	printf("\n  type %d device %d managed %u mapped %u sync %u legacy %u"
	       "\n", (int)type, ordinal, managed, mapped, sync, legacy);
	printf("  context %s, device pointer %s, host pointer %s, id %s, "
	       "start %s, size %s, pool %s\n",
	       !owner ? "none" : owner == ctx ? "ours" : "another",
	       device == there ? "right" : device ? "wrong" : "none",
	       (uintptr_t)host == p ? "the same" : host ? "another" : "none",
	       id ? "set" : "none", start == base ? "right" : start ? "wrong" :
	       "none", size ? "set" : "none", pool ? "set" : "none");
}

static void kinds(CUstream st)
{
	static int variable;
	CUdeviceptr p = drv_alloc(100000), m, a, g;
	void *pinned, *registered;
	size_t bytes = 0, total = 0;
	CUmodule mod;

	DRV(cuMemAllocManaged(&m, 100000, CU_MEM_ATTACH_GLOBAL));
	DRV(cuMemHostAlloc(&pinned, 100000, CU_MEMHOSTALLOC_DEVICEMAP));
	DRV(cuMemAllocAsync(&a, 100000, st));
	DRV(cuStreamSynchronize(st));
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	registered = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (registered == MAP_FAILED)
		fail("drv_pointers: no memory to register");
	DRV(cuMemHostRegister(registered, 65536, 0));
	describe("device", p + 400, p);
	describe("managed", m + 400, m);
	describe("pinned", (CUdeviceptr)(uintptr_t)pinned + 400,
		 (CUdeviceptr)(uintptr_t)pinned);
	describe("registered", (CUdeviceptr)(uintptr_t)registered + 400,
		 (CUdeviceptr)(uintptr_t)registered);
	describe("of a pool", a, a);
	describe("a variable", (CUdeviceptr)(uintptr_t)&variable, 0);
	describe("nothing", 0x1000, 0);
	DRV(cuMemGetAddressRange(&g, &total, p + 99999));
	printf("range of device memory %s, %zu\n", g == p ? "right" : "wrong",
	       total);
	DRV(cuMemGetAddressRange(&g, &bytes, m + 99999));
	printf("of managed memory %s, %zu\n", g == m ? "right" : "wrong",
	       bytes);
	DRV(cuMemGetAddressRange(NULL, &bytes, a));
	DRV(cuMemGetAddressRange(&g, NULL, a));
	printf("of a pool's %s, %zu\n", g == a ? "right" : "wrong", bytes);
	SHOW("of a variable",
	     cuMemGetAddressRange(&g, &bytes,
				  (CUdeviceptr)(uintptr_t)&variable));
	DRV(cuMemFree(p));
	SHOW("of freed memory", cuMemGetAddressRange(&g, &bytes, p));
	DRV(cuMemFree(m));
	DRV(cuMemFreeHost(pinned));
	DRV(cuMemHostUnregister(registered));
	munmap(registered, 65536);
	DRV(cuMemFreeAsync(a, st));
	DRV(cuModuleUnload(mod));
}

static void set_attribute(void)
{
	CUdeviceptr p = drv_alloc(4096);
	int on = 1, got = 9;

	DRV(cuPointerSetAttribute(&on, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, p));
	DRV(cuPointerGetAttribute(&got, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, p));
	printf("sync memops %d\n", got);
	SHOW("what cannot be set",
	     cuPointerSetAttribute(&on, CU_POINTER_ATTRIBUTE_CONTEXT, p));
	DRV(cuMemFree(p));
}

static int range_of(CUmem_range_attribute a, CUdeviceptr m, size_t n)
{
	int v = -99;

	DRV(cuMemRangeGetAttribute(&v, sizeof(v), a, m, n));
	return v;
}

static void advice(CUstream st)
{
	static const struct {
		const char *name;
		CUmem_advise on, off;
		CUmem_range_attribute what;
	} kind[] = {
		{ "read mostly", CU_MEM_ADVISE_SET_READ_MOSTLY,
		  CU_MEM_ADVISE_UNSET_READ_MOSTLY,
		  CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY },
		{ "preferred", CU_MEM_ADVISE_SET_PREFERRED_LOCATION,
		  CU_MEM_ADVISE_UNSET_PREFERRED_LOCATION,
		  CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION },
		{ "accessed", CU_MEM_ADVISE_SET_ACCESSED_BY,
		  CU_MEM_ADVISE_UNSET_ACCESSED_BY,
		  CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY }
	};
	CUmemLocation on = { .type = CU_MEM_LOCATION_TYPE_DEVICE, .id = dev };
	CUmemLocation host = { .type = CU_MEM_LOCATION_TYPE_HOST };
	size_t n = 4 << 20;
	CUdeviceptr m = 0;

	DRV(cuMemAllocManaged(&m, n, CU_MEM_ATTACH_GLOBAL));
	for (int i = 0; i < 3; i++) {
		printf("%s: %d", kind[i].name, range_of(kind[i].what, m, n));
		DRV(cuMemAdvise(m, n, kind[i].on, on));
		printf(", %d", range_of(kind[i].what, m, n));
		DRV(cuMemAdvise(m, n, kind[i].off, on));
		printf(", %d\n", range_of(kind[i].what, m, n));
	}
	for (size_t i = 0; i < n; i += 4096)
		*(unsigned char *)(uintptr_t)(m + i) = (unsigned char)(i >> 12);
	DRV(cuMemPrefetchAsync(m, n, on, 0, st));
	DRV(cuStreamSynchronize(st));
	printf("last prefetched to %d",
	       range_of(CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION, m, n));
	DRV(cuMemPrefetchAsync(m, n, host, 0, st));
	DRV(cuStreamSynchronize(st));
	printf(", then to %d, byte %u\n",
	       range_of(CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION, m, n),
	       *(unsigned char *)(uintptr_t)(m + 77 * 4096));
	SHOW("an advice that is none",
	     cuMemAdvise(m, n, (CUmem_advise)77, on));
	on.id = 77;
	SHOW("a device that is none",
	     cuMemAdvise(m, n, CU_MEM_ADVISE_SET_ACCESSED_BY, on));
	SHOW("more than there is",
	     cuMemAdvise(m, n + (64 << 20), CU_MEM_ADVISE_SET_READ_MOSTLY,
			 host));
	DRV(cuMemFree(m));
}

int main(void)
{
	CUstream st;

	dev = drv_open(&ctx);
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	kinds(st);
	set_attribute();
	advice(st);
	DRV(cuStreamDestroy(st));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * A CUDA driver that runs nothing and watches: device memory is a piece of
 * host memory at a fixed address, work is done when it is asked for, and what
 * the executor passes in the guest's name is judged. Host memory that the
 * driver was not told of is "foreign": NVIDIA's driver would copy it, so a
 * guest that gets there reads and writes the executor.
 *
 * fakecuda_all.c gives every function that is not here an answer.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/hostile/fakecuda.h"

#define DEVICE_BYTES (64ull << 20)
#define REGIONS 256

EXPORT struct fake_watch fake_watch;

struct region {
	uint64_t base, size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct region device[REGIONS], registered[REGIONS];
static uint64_t next_device = FAKE_DEVICE;
static uintptr_t next_handle = 0x1000;

static bool inside(const struct region *r, uint64_t p, uint64_t n)
{
	for (int i = 0; i < REGIONS; i++)
		if (r[i].size && p >= r[i].base &&
		    p - r[i].base <= r[i].size &&
		    n <= r[i].size - (p - r[i].base))
			return true;
	return false;
}

static bool add(struct region *r, uint64_t base, uint64_t size)
{
	for (int i = 0; i < REGIONS; i++) {
		if (r[i].size)
			continue;
		r[i] = (struct region){ base, size };
		return true;
	}
	return false;
}

static bool drop(struct region *r, uint64_t base)
{
	for (int i = 0; i < REGIONS; i++) {
		if (!r[i].size || r[i].base != base)
			continue;
		r[i].size = 0;
		return true;
	}
	return false;
}

void *fake_handle(void)
{
	return (void *)__atomic_add_fetch(&next_handle, 16, __ATOMIC_RELAXED);
}

/* ---- start ------------------------------------------------------------- */

/* As if the process had ended. */
EXPORT void fake_reset(void)
{
	memset(device, 0, sizeof(device));
	memset(registered, 0, sizeof(registered));
	next_device = FAKE_DEVICE;
}

EXPORT CUresult CUDAAPI cuInit(unsigned int flags)
{
	void *want = (void *)FAKE_DEVICE, *p;

	(void)flags;
	p = mmap(want, DEVICE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		 MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != want)
		return CUDA_ERROR_OUT_OF_MEMORY;
	p = mmap((void *)FAKE_SECRET, 4096, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != (void *)FAKE_SECRET)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memset(p, FAKE_SECRET_BYTE, 4096);
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuDriverGetVersion(int *v)
{
	*v = 13000;
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuDeviceGetCount(int *n)
{
	*n = 1;
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuDeviceGet(CUdevice *d, int i)
{
	*d = i;
	return i ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuDeviceGetName(char *s, int len, CUdevice d)
{
	(void)d;
	snprintf(s, (size_t)len, "fake");
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuDeviceGetPCIBusId(char *s, int len, CUdevice d)
{
	(void)d;
	snprintf(s, (size_t)len, "0000:01:00.0");
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuDeviceGetAttribute(int *v, CUdevice_attribute a,
					     CUdevice d)
{
	(void)a;
	*v = 1;
	return d ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuGetErrorName(CUresult r, const char **s)
{
	(void)r;
	*s = "CUDA_ERROR";
	return CUDA_SUCCESS;
}

/* ---- what makes handles ------------------------------------------------ */

EXPORT CUresult CUDAAPI cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d)
{
	*c = (CUcontext)(uintptr_t)0x100;
	return d ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuCtxCreate_v2(CUcontext *c, unsigned int flags,
				       CUdevice d)
{
	(void)flags;
	*c = fake_handle();
	return d ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuStreamCreate(CUstream *s, unsigned int flags)
{
	(void)flags;
	*s = fake_handle();
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuStreamCreateWithPriority(CUstream *s,
						   unsigned int flags, int p)
{
	(void)p;
	return cuStreamCreate(s, flags);
}

EXPORT CUresult CUDAAPI cuEventCreate(CUevent *e, unsigned int flags)
{
	(void)flags;
	*e = fake_handle();
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuModuleGetFunction(CUfunction *f, CUmodule m,
					    const char *name)
{
	if (!m || !name || strlen(name) > 4096)
		return CUDA_ERROR_INVALID_VALUE;
	*f = fake_handle();
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuLibraryGetKernel(CUkernel *k, CUlibrary l,
					   const char *name)
{
	if (!l || !name || strlen(name) > 4096)
		return CUDA_ERROR_INVALID_VALUE;
	*k = fake_handle();
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuKernelGetFunction(CUfunction *f, CUkernel k)
{
	*f = fake_handle();
	return k ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

EXPORT CUresult CUDAAPI cuFuncGetParamInfo(CUfunction f, size_t i,
					   size_t *off, size_t *size)
{
	(void)f;
	*off = 8 * i;
	if (size)
		*size = 8;
	return i < 2 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

EXPORT CUresult CUDAAPI cuKernelGetParamInfo(CUkernel k, size_t i,
					     size_t *off, size_t *size)
{
	return cuFuncGetParamInfo((CUfunction)k, i, off, size);
}

EXPORT CUresult CUDAAPI cuFuncGetName(const char **name, CUfunction f)
{
	*name = "kernel";
	return f ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

EXPORT CUresult CUDAAPI cuKernelGetName(const char **name, CUkernel k)
{
	return cuFuncGetName(name, (CUfunction)k);
}

/* ---- memory ------------------------------------------------------------ */

EXPORT CUresult CUDAAPI cuMemAlloc_v2(CUdeviceptr *p, size_t n)
{
	CUresult r = CUDA_ERROR_OUT_OF_MEMORY;

	if (!n)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	if (n <= FAKE_DEVICE + DEVICE_BYTES - next_device &&
	    add(device, next_device, n)) {
		*p = next_device;
		next_device += (n + 511) & ~511ull;
		r = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

EXPORT CUresult CUDAAPI cuMemFree_v2(CUdeviceptr p)
{
	bool was;

	pthread_mutex_lock(&lock);
	was = drop(device, p);
	pthread_mutex_unlock(&lock);
	return was ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

EXPORT CUresult CUDAAPI cuMemHostRegister_v2(void *p, size_t n,
					     unsigned int flags)
{
	bool ok;

	(void)flags;
	pthread_mutex_lock(&lock);
	ok = add(registered, (uintptr_t)p, n);
	pthread_mutex_unlock(&lock);
	return ok ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

EXPORT CUresult CUDAAPI cuMemHostUnregister(void *p)
{
	pthread_mutex_lock(&lock);
	drop(registered, (uintptr_t)p);
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

static bool known(uint64_t p, uint64_t n)
{
	return inside(device, p, n) || inside(registered, p, n);
}

EXPORT CUresult CUDAAPI cuPointerGetAttribute(void *v, CUpointer_attribute a,
					      CUdeviceptr p)
{
	if (!known(p, 1))
		return CUDA_ERROR_INVALID_VALUE;
	if (a == CU_POINTER_ATTRIBUTE_MEMORY_TYPE)
		*(unsigned int *)v = inside(device, p, 1) ?
				     CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
	else
		memset(v, 0, 4);
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *n,
						CUdeviceptr p)
{
	for (int i = 0; i < REGIONS; i++) {
		if (!device[i].size || p < device[i].base ||
		    p - device[i].base >= device[i].size)
			continue;
		if (base)
			*base = device[i].base;
		if (n)
			*n = device[i].size;
		return CUDA_SUCCESS;
	}
	return CUDA_ERROR_NOT_FOUND;
}

void fake_foreign(const char *call, uint64_t p, uint64_t n)
{
	fake_watch.foreign++;
	snprintf(fake_watch.what, sizeof(fake_watch.what),
		 "%s of %llu bytes at 0x%llx", call, (unsigned long long)n,
		 (unsigned long long)p);
	fprintf(stderr, "fakecuda: FOREIGN MEMORY: %s\n", fake_watch.what);
}

/* A side of a copy between unified addresses, as NVIDIA's driver takes it. */
static bool side(const char *call, uint64_t p, uint64_t n)
{
	if (known(p, n))
		return true;
	if (p >= FAKE_DEVICE && p < FAKE_DEVICE + DEVICE_BYTES)
		return false; /* the GPU's own, and wrong */
	fake_foreign(call, p, n);
	return p >= FAKE_SECRET && n <= 4096 && p - FAKE_SECRET <= 4096 - n;
}

static CUresult unified(const char *call, uint64_t d, uint64_t s, uint64_t n)
{
	if (!n)
		return CUDA_SUCCESS;
	if (!side(call, d, n) || !side(call, s, n))
		return CUDA_ERROR_INVALID_VALUE;
	memmove((void *)(uintptr_t)d, (void *)(uintptr_t)s, n);
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuMemcpyAsync(CUdeviceptr d, CUdeviceptr s, size_t n,
				      CUstream h)
{
	(void)h;
	return unified("cuMemcpyAsync", d, s, n);
}

EXPORT CUresult CUDAAPI cuMemcpy(CUdeviceptr d, CUdeviceptr s, size_t n)
{
	return unified("cuMemcpy", d, s, n);
}

EXPORT CUresult CUDAAPI cuMemcpyDtoDAsync_v2(CUdeviceptr d, CUdeviceptr s,
					     size_t n, CUstream h)
{
	(void)h;
	if (n && (!known(d, n) || !known(s, n)))
		return CUDA_ERROR_INVALID_VALUE;
	return unified("cuMemcpyDtoDAsync", d, s, n);
}

EXPORT CUresult CUDAAPI cuMemcpyHtoD_v2(CUdeviceptr d, const void *s, size_t n)
{
	if (n && !known(d, n))
		return CUDA_ERROR_INVALID_VALUE;
	if (n)
		memcpy((void *)(uintptr_t)d, s, n);
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuMemcpyHtoDAsync_v2(CUdeviceptr d, const void *s,
					     size_t n, CUstream h)
{
	(void)h;
	return cuMemcpyHtoD_v2(d, s, n);
}

EXPORT CUresult CUDAAPI cuMemcpyDtoH_v2(void *d, CUdeviceptr s, size_t n)
{
	if (n && !known(s, n))
		return CUDA_ERROR_INVALID_VALUE;
	if (n)
		memcpy(d, (void *)(uintptr_t)s, n);
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuMemcpyDtoHAsync_v2(void *d, CUdeviceptr s, size_t n,
					     CUstream h)
{
	(void)h;
	return cuMemcpyDtoH_v2(d, s, n);
}

/* The bytes that one linear side of a 3D copy spans. False: the driver says
 * no by itself, or there is nothing to copy. */
static bool span(uint64_t base, uint64_t pitch, uint64_t height, uint64_t x,
		 uint64_t y, uint64_t z, const CUDA_MEMCPY3D *c,
		 uint64_t *from, uint64_t *n)
{
	unsigned __int128 first, last, row = (unsigned __int128)x +
						c->WidthInBytes;

	if (!pitch)
		pitch = (uint64_t)row;
	if (!height)
		height = c->Height + y;
	if (row > pitch || !c->WidthInBytes || !c->Height || !c->Depth)
		return false;
	first = ((unsigned __int128)z * height + y) * pitch + x;
	last = (((unsigned __int128)z + c->Depth - 1) * height + y +
		c->Height - 1) * pitch + row;
	*from = base + (uint64_t)first;
	*n = (uint64_t)(last - first);
	return first < 1ull << 48 && last < 1ull << 48;
}

EXPORT CUresult CUDAAPI cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *c, CUstream h)
{
	uint64_t p, n;

	(void)h;
	if (c->srcMemoryType == CU_MEMORYTYPE_HOST ||
	    c->srcMemoryType == CU_MEMORYTYPE_UNIFIED) {
		if (!span(c->srcMemoryType == CU_MEMORYTYPE_HOST ?
			  (uintptr_t)c->srcHost : c->srcDevice, c->srcPitch,
			  c->srcHeight, c->srcXInBytes, c->srcY, c->srcZ, c,
			  &p, &n) || !side("cuMemcpy3D from", p, n))
			return CUDA_ERROR_INVALID_VALUE;
	}
	if (c->dstMemoryType == CU_MEMORYTYPE_HOST ||
	    c->dstMemoryType == CU_MEMORYTYPE_UNIFIED) {
		if (!span(c->dstMemoryType == CU_MEMORYTYPE_HOST ?
			  (uintptr_t)c->dstHost : c->dstDevice, c->dstPitch,
			  c->dstHeight, c->dstXInBytes, c->dstY, c->dstZ, c,
			  &p, &n) || !side("cuMemcpy3D to", p, n))
			return CUDA_ERROR_INVALID_VALUE;
	}
	return CUDA_SUCCESS;
}

// SPDX-License-Identifier: BSD-2-Clause
/* alloc.c - allocation calls: device, managed and pinned memory. */
#include "tools/softgpu/softgpu.h"

#include <string.h>
#include <sys/mman.h>

static CUresult alloc(CUdeviceptr *out, size_t n, enum mem_kind kind)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);
	uint64_t addr;

	if (r)
		return r;
	if (!out)
		return CUDA_ERROR_INVALID_VALUE;
	r = capture_unsafe();
	if (!r)
		r = mem_alloc(ctx, n, kind, NULL, &addr);
	if (!r)
		*out = addr;
	return r;
}

CUresult cuMemAlloc(CUdeviceptr *out, size_t n)
{
	return alloc(out, n, MEM_DEVICE);
}

CUresult cuMemAllocManaged(CUdeviceptr *out, size_t n, unsigned int flags)
{
	if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST)
		return CUDA_ERROR_INVALID_VALUE;
	return alloc(out, n, MEM_MANAGED);
}

CUresult cuMemAllocPitch(CUdeviceptr *out, size_t *pitch, size_t width,
			 size_t height, unsigned int elem)
{
	size_t p = (width + 511) & ~(size_t)511;
	CUresult r;

	if (!pitch || (elem != 4 && elem != 8 && elem != 16) || p < width ||
	    (height && p > SIZE_MAX / height))
		return CUDA_ERROR_INVALID_VALUE;
	r = alloc(out, p * height, MEM_DEVICE);
	if (!r)
		*pitch = p;
	return r;
}

/* As on a GPU, freeing waits for work that may still use the memory. */
CUresult cuMemFree(CUdeviceptr ptr)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);
	struct mem_range m;

	if (r || !ptr)
		return r;
	if (!mem_find(ptr, &m) || m.addr != ptr || m.kind >= MEM_MAPPED)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sg_lock);
	ctx_wait(ctx);
	pthread_mutex_unlock(&sg_lock);
	if (ctx->error)
		return (CUresult)ctx->error;
	return mem_free(ptr, false);
}

CUresult cuMemGetInfo(size_t *avail, size_t *total)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);

	if (r)
		return r;
	if (avail)
		*avail = dev_size - mem_used();
	if (total)
		*total = dev_size;
	return CUDA_SUCCESS;
}

CUresult cuMemGetAddressRange(CUdeviceptr *base, size_t *size, CUdeviceptr ptr)
{
	struct mem_range m;

	if (sg_ready())
		return sg_ready();
	if (!mem_find(ptr, &m))
		return CUDA_ERROR_NOT_FOUND;
	if (base)
		*base = m.addr;
	if (size)
		*size = m.size;
	return CUDA_SUCCESS;
}

/* --- host memory: the device sees it at the same address ------------------ */

CUresult cuMemHostAlloc(void **out, size_t n, unsigned int flags)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);
	void *p;

	if (r)
		return r;
	if (!out || !n || (flags & ~7u))
		return CUDA_ERROR_INVALID_VALUE;
	p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = host_add(ctx, p, n, MEM_HOST, flags | CU_MEMHOSTALLOC_DEVICEMAP);
	if (r)
		munmap(p, n);
	else
		*out = p;
	return r;
}

CUresult cuMemAllocHost(void **out, size_t n)
{
	return cuMemHostAlloc(out, n, 0);
}

static CUresult host_range(const void *p, struct mem_range *m)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);

	if (r)
		return r;
	if (!p || !mem_find((uint64_t)(uintptr_t)p, m) || m->kind < MEM_HOST)
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

static CUresult host_release(void *p, enum mem_kind kind, CUresult otherwise)
{
	struct mem_range m;
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);

	if (r)
		return r;
	if (!mem_find((uint64_t)(uintptr_t)p, &m))
		return otherwise;
	if (m.kind != kind || m.addr != (uint64_t)(uintptr_t)p)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sg_lock);
	ctx_wait(ctx);
	pthread_mutex_unlock(&sg_lock);
	return mem_free(m.addr, true);
}

CUresult cuMemFreeHost(void *p)
{
	return host_release(p, MEM_HOST, CUDA_ERROR_INVALID_VALUE);
}

static bool is_mapped(uint64_t addr, size_t n)
{
	uint64_t page = addr & ~UINT64_C(4095);

	return addr + n > addr &&
	       !msync((void *)(uintptr_t)page, addr + n - page, MS_ASYNC);
}

CUresult cuMemHostRegister(void *p, size_t n, unsigned int flags)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);

	if (r)
		return r;
	if (!p || !n || (flags & ~15u) ||
	    (uint64_t)(uintptr_t)p - dev_base < dev_span ||
	    !is_mapped((uint64_t)(uintptr_t)p, n))
		return CUDA_ERROR_INVALID_VALUE;
	if (flags & CU_MEMHOSTREGISTER_IOMEMORY)
		return CUDA_ERROR_NOT_SUPPORTED;
	return host_add(ctx, p, n, MEM_REGISTERED, flags);
}

CUresult cuMemHostUnregister(void *p)
{
	return host_release(p, MEM_REGISTERED,
			    CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

CUresult cuMemHostGetDevicePointer(CUdeviceptr *out, void *p,
				   unsigned int flags)
{
	struct mem_range m;
	CUresult r = host_range(p, &m);

	if (!r && (!out || flags))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*out = (CUdeviceptr)(uintptr_t)p;
	return r;
}

CUresult cuMemHostGetFlags(unsigned int *flags, void *p)
{
	struct mem_range m;
	CUresult r = host_range(p, &m);

	if (!r && !flags)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*flags = m.flags;
	return r;
}

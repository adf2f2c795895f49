// SPDX-License-Identifier: BSD-2-Clause
/* pointer.c - questions about pointers, hints for managed memory. */
#include "tools/softgpu/softgpu.h"

static CUresult pointer_attribute(void *data, CUpointer_attribute attr,
				  const struct mem_range *m, uint64_t ptr)
{
	switch (attr) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*(CUcontext *)data = (CUcontext)m->ctx;
		break;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*(unsigned int *)data = m->kind >= MEM_HOST
						? CU_MEMORYTYPE_HOST
						: CU_MEMORYTYPE_DEVICE;
		break;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
		*(CUdeviceptr *)data =
			attr == CU_POINTER_ATTRIBUTE_DEVICE_POINTER ? ptr
								    : m->addr;
		break;
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		if (m->kind < MEM_HOST && m->kind != MEM_MANAGED)
			return CUDA_ERROR_INVALID_VALUE;
		*(void **)data = (void *)(uintptr_t)ptr;
		break;
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
		*(unsigned long long *)data = m->id;
		break;
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
	case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
		*(int *)data = 0;
		break;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
		*(unsigned int *)data = m->kind == MEM_MANAGED;
		break;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*(int *)data = 0;
		break;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
		*(size_t *)data = m->size;
		break;
	case CU_POINTER_ATTRIBUTE_MAPPED:
		*(int *)data = 1;
		break;
	case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
		*(unsigned long long *)data = 0;
		break;
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
		*(unsigned int *)data =
			CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE;
		break;
	case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
		*(CUmemoryPool *)data = (CUmemoryPool)m->pool;
		break;
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
	return CUDA_SUCCESS;
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attr,
			       CUdeviceptr ptr)
{
	struct mem_range m;

	if (sg_ready())
		return sg_ready();
	if (!data || !mem_find(ptr, &m))
		return CUDA_ERROR_INVALID_VALUE;
	return pointer_attribute(data, attr, &m, ptr);
}

/* What is asked about a pointer that is not ours has these answers. */
static void unknown_pointer(void *data, CUpointer_attribute attr,
			    CUdeviceptr ptr)
{
	switch (attr) {
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		*(void **)data = (void *)(uintptr_t)ptr;
		break;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*(int *)data = -2;
		break;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
	case CU_POINTER_ATTRIBUTE_MAPPED:
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
		*(unsigned int *)data = 0;
		break;
	default:
		*(unsigned long long *)data = 0;
	}
}

CUresult cuPointerGetAttributes(unsigned int n, CUpointer_attribute *attrs,
				void **data, CUdeviceptr ptr)
{
	struct mem_range m;
	bool known;

	if (sg_ready())
		return sg_ready();
	if (!n || !attrs || !data)
		return CUDA_ERROR_INVALID_VALUE;
	known = mem_find(ptr, &m);
	for (unsigned int i = 0; i < n; i++)
		if (!known || pointer_attribute(data[i], attrs[i], &m, ptr))
			unknown_pointer(data[i], attrs[i], ptr);
	return CUDA_SUCCESS;
}

/* Managed memory is where it is; the hint only has to be a sensible one. */
CUresult cuMemAdvise(CUdeviceptr ptr, size_t n, CUmem_advise advice,
		     CUmemLocation where)
{
	struct mem_range m;

	(void)where;
	if (sg_ready())
		return sg_ready();
	if (!n || !mem_ok(ptr, n) || !mem_find(ptr, &m) ||
	    m.kind != MEM_MANAGED || (int)advice < 1 || (int)advice > 6)
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

CUresult cuMemPrefetchAsync(CUdeviceptr ptr, size_t n, CUmemLocation where,
			    unsigned int flags, CUstream h)
{
	struct sg_ctx *ctx;
	struct sg_stream *s;
	struct mem_range m;
	CUresult r = sg_current(&ctx);

	(void)where;
	if (!r)
		r = stream_get(h, ctx, &s);
	if (r)
		return r;
	if (flags || !n || !mem_ok(ptr, n) || !mem_find(ptr, &m) ||
	    m.kind != MEM_MANAGED)
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

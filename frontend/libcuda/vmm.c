// SPDX-License-Identifier: BSD-2-Clause
/*
 * vmm.c - calls that the generated stubs would do with a gap: addresses that
 * are reserved must be known to be the GPU's, copies between arrays must count
 * as work of the stream, managed memory is the library's own.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

/* ---- reserved addresses ------------------------------------------------ */

VG_EXPORT CUresult CUDAAPI cuMemAddressReserve(CUdeviceptr *ptr, size_t size,
					       size_t alignment,
					       CUdeviceptr addr,
					       unsigned long long flags)
{
	struct in_vgReserve in = { size, alignment, addr, flags };
	struct out_vgReserve out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	/* No context: what is mapped there later may be any device's. */
	struct vg_range range = { .size = size, .kind = VG_RANGE_DEVICE };
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!ptr)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_call(OP_vgReserve, &s, 1, &o, 1);
	if (r)
		return r;
	range.base = out.ptr;
	range.open = calloc(1, size / VG_GRAIN + 1);
	if (!range.open) {
		cuMemAddressFree(out.ptr, size);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	vg_range_add(&range);
	*ptr = out.ptr;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuMemAddressFree(CUdeviceptr ptr, size_t size)
{
	struct in_vgReserveFree in = { ptr, size };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_range range;
	CUresult r = vg_enter();

	if (!r)
		r = vg_call(OP_vgReserveFree, &s, 1, NULL, 0);
	if (!r && vg_range_remove(ptr, &range))
		free(range.open);
	return r;
}

/* ---- copies that involve arrays on both sides, or device memory --------- */

VG_EXPORT CUresult CUDAAPI cuMemcpyAtoA_v2(CUarray dst, size_t dstOffset,
					   CUarray src, size_t srcOffset,
					   size_t n)
{
	CUDA_MEMCPY3D c = { .srcMemoryType = CU_MEMORYTYPE_ARRAY,
			    .srcArray = src, .srcXInBytes = srcOffset,
			    .dstMemoryType = CU_MEMORYTYPE_ARRAY,
			    .dstArray = dst, .dstXInBytes = dstOffset,
			    .WidthInBytes = n, .Height = 1, .Depth = 1 };

	return cuMemcpy3DAsync_v2(&c, vg_implicit_stream());
}

VG_EXPORT CUresult CUDAAPI cuMemcpyAtoD_v2(CUdeviceptr dst, CUarray src,
					   size_t srcOffset, size_t n)
{
	CUDA_MEMCPY3D c = { .srcMemoryType = CU_MEMORYTYPE_ARRAY,
			    .srcArray = src, .srcXInBytes = srcOffset,
			    .dstMemoryType = CU_MEMORYTYPE_DEVICE,
			    .dstDevice = dst,
			    .WidthInBytes = n, .Height = 1, .Depth = 1 };

	return cuMemcpy3DAsync_v2(&c, vg_implicit_stream());
}

VG_EXPORT CUresult CUDAAPI cuMemcpyDtoA_v2(CUarray dst, size_t dstOffset,
					   CUdeviceptr src, size_t n)
{
	CUDA_MEMCPY3D c = { .srcMemoryType = CU_MEMORYTYPE_DEVICE,
			    .srcDevice = src,
			    .dstMemoryType = CU_MEMORYTYPE_ARRAY,
			    .dstArray = dst, .dstXInBytes = dstOffset,
			    .WidthInBytes = n, .Height = 1, .Depth = 1 };

	return cuMemcpy3DAsync_v2(&c, vg_implicit_stream());
}

/* ---- managed memory ---------------------------------------------------- */

/* Ours is visible to both sides at any time: there is nothing to attach. */
VG_EXPORT CUresult CUDAAPI cuStreamAttachMemAsync(CUstream hStream,
						  CUdeviceptr ptr, size_t n,
						  unsigned int flags)
{
	struct vg_range range;
	struct vg_ctx *c;
	uint32_t id;
	CUresult r = vg_need_ctx(&c);

	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)hStream, &id);
	if (r)
		return r;
	if (flags != CU_MEM_ATTACH_GLOBAL && flags != CU_MEM_ATTACH_HOST &&
	    flags != CU_MEM_ATTACH_SINGLE)
		return CUDA_ERROR_INVALID_VALUE;
	if (!vg_range_find(ptr, &range) || range.kind != VG_RANGE_MANAGED ||
	    (n && (range.base != ptr || range.size != n)))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

/* ---- tensor maps ------------------------------------------------------- */

/* The map must lie on 128 bytes, which inside a record it does not. */
VG_EXPORT CUresult CUDAAPI cuTensorMapReplaceAddress(CUtensorMap *map,
						     void *address)
{
	struct in_vgTensorAddress in = { .address = (uintptr_t)address };
	struct vg_seg s = { &in, sizeof(in) }, o = { map, sizeof(in.map) };
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!map)
		return CUDA_ERROR_INVALID_VALUE;
	_Static_assert(sizeof(*map) == sizeof(in.map), "wire size");
	memcpy(in.map, map->opaque, sizeof(in.map));
	return vg_call(OP_vgTensorAddress, &s, 1, &o, 1);
}

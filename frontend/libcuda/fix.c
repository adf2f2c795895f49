// SPDX-License-Identifier: BSD-2-Clause
/* fix.c - structs that carry handles: ids go in the handles' places. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include "xenstore-schema/calls/allowed.h"

CUresult vg_fix_handle(enum vgpu_kind kind, void *field)
{
	uintptr_t h;
	uint64_t wire;
	uint32_t id;
	CUresult r;

	memcpy(&h, field, sizeof(h));
	r = vg_handle_in(kind, h, &id);
	wire = id;
	memcpy(field, &wire, sizeof(wire));
	return r;
}

static void out_place(enum vgpu_kind kind, void *field)
{
	*(uint64_t *)field = vg_handle_out(kind,
					   (uint32_t)*(uint64_t *)field);
}

CUresult vg_fix_CUDA_RESOURCE_DESC(CUDA_RESOURCE_DESC *d)
{
	if (d->resType == CU_RESOURCE_TYPE_ARRAY)
		return vg_fix_handle(KIND_ARRAY, &d->res.array.hArray);
	if (d->resType == CU_RESOURCE_TYPE_MIPMAPPED_ARRAY)
		return vg_fix_handle(KIND_MIPMAP,
				     &d->res.mipmap.hMipmappedArray);
	return CUDA_SUCCESS;
}

void vg_unfix_CUDA_RESOURCE_DESC(CUDA_RESOURCE_DESC *d)
{
	if (d->resType == CU_RESOURCE_TYPE_ARRAY)
		out_place(KIND_ARRAY, &d->res.array.hArray);
	else if (d->resType == CU_RESOURCE_TYPE_MIPMAPPED_ARRAY)
		out_place(KIND_MIPMAP, &d->res.mipmap.hMipmappedArray);
}

CUresult vg_fix_CUDA_MEMCPY3D(CUDA_MEMCPY3D *d)
{
	CUresult r = CUDA_SUCCESS;

	if (d->srcMemoryType == CU_MEMORYTYPE_ARRAY)
		r = vg_fix_handle(KIND_ARRAY, &d->srcArray);
	if (!r && d->dstMemoryType == CU_MEMORYTYPE_ARRAY)
		r = vg_fix_handle(KIND_ARRAY, &d->dstArray);
	return r;
}

void vg_unfix_CUDA_MEMCPY3D(CUDA_MEMCPY3D *d)
{
	if (d->srcMemoryType == CU_MEMORYTYPE_ARRAY)
		out_place(KIND_ARRAY, &d->srcArray);
	if (d->dstMemoryType == CU_MEMORYTYPE_ARRAY)
		out_place(KIND_ARRAY, &d->dstArray);
}

/* ---- memory that a guest may ask for: allowed.h ---- */

CUresult vg_fix_CUmemLocation(CUmemLocation *l)
{
	return vg_allowed_CUmemLocation(l);
}

CUresult vg_fix_CUmemAllocationProp(CUmemAllocationProp *p)
{
	return vg_allowed_CUmemAllocationProp(p);
}

CUresult vg_fix_CUmemPoolProps(CUmemPoolProps *p)
{
	return vg_allowed_CUmemPoolProps(p);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * fix.c - structs that carry handles: the guest sends ids in the handles'
 * places, the driver wants its own; and back.
 */
#include "cuda-exec/exec_internal.h"

#include "xenstore-schema/calls/allowed.h"

static void out_place(struct ex *e, enum vgpu_kind kind, void *field)
{
	uint32_t id;

	if (ex_obj_ref(e, kind, *(uint64_t *)field, &id))
		id = 0;
	*(uint64_t *)field = id;
}

CUresult ex_fix_CUDA_RESOURCE_DESC(struct ex *e, CUDA_RESOURCE_DESC *d)
{
	if (d->resType == CU_RESOURCE_TYPE_ARRAY)
		return ex_handle_in(e, KIND_ARRAY, &d->res.array.hArray);
	if (d->resType == CU_RESOURCE_TYPE_MIPMAPPED_ARRAY)
		return ex_handle_in(e, KIND_MIPMAP,
				&d->res.mipmap.hMipmappedArray);
	return CUDA_SUCCESS;
}

void ex_unfix_CUDA_RESOURCE_DESC(struct ex *e, CUDA_RESOURCE_DESC *d)
{
	if (d->resType == CU_RESOURCE_TYPE_ARRAY)
		out_place(e, KIND_ARRAY, &d->res.array.hArray);
	else if (d->resType == CU_RESOURCE_TYPE_MIPMAPPED_ARRAY)
		out_place(e, KIND_MIPMAP, &d->res.mipmap.hMipmappedArray);
}

CUresult ex_fix_CUDA_MEMCPY3D(struct ex *e, CUDA_MEMCPY3D *d)
{
	CUresult r = CUDA_SUCCESS;

	if (d->srcMemoryType == CU_MEMORYTYPE_ARRAY)
		r = ex_handle_in(e, KIND_ARRAY, &d->srcArray);
	if (!r && d->dstMemoryType == CU_MEMORYTYPE_ARRAY)
		r = ex_handle_in(e, KIND_ARRAY, &d->dstArray);
	return r;
}

void ex_unfix_CUDA_MEMCPY3D(struct ex *e, CUDA_MEMCPY3D *d)
{
	if (d->srcMemoryType == CU_MEMORYTYPE_ARRAY)
		out_place(e, KIND_ARRAY, &d->srcArray);
	if (d->dstMemoryType == CU_MEMORYTYPE_ARRAY)
		out_place(e, KIND_ARRAY, &d->dstArray);
}

/* ---- memory that a guest may ask for: allowed.h ---- */

CUresult ex_fix_CUmemLocation(struct ex *e, CUmemLocation *l)
{
	(void)e;
	return vg_allowed_CUmemLocation(l);
}

CUresult ex_fix_CUmemAllocationProp(struct ex *e, CUmemAllocationProp *p)
{
	(void)e;
	return vg_allowed_CUmemAllocationProp(p);
}

CUresult ex_fix_CUmemPoolProps(struct ex *e, CUmemPoolProps *p)
{
	(void)e;
	return vg_allowed_CUmemPoolProps(p);
}

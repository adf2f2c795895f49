// SPDX-License-Identifier: BSD-2-Clause
/* calls_vmm.c - reserved addresses, sparse arrays, tensor maps. */
#include "cuda-exec/exec_internal.h"

#include <string.h>

CUresult ex_vgReserve(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgReserve *in = rd_take(rd, sizeof(*in));
	struct out_vgReserve *out = wr_take(wr, sizeof(*out));
	CUdeviceptr p = 0;
	CUresult r;

	(void)e;
	if (!in || !out)
		return EX_BAD;
	if (!R.cuMemAddressReserve)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuMemAddressReserve(&p, in->size, in->alignment, in->addr,
				  in->flags);
	out->ptr = p;
	return r;
}

CUresult ex_vgReserveFree(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgReserveFree *in = rd_take(rd, sizeof(*in));

	(void)e;
	(void)wr;
	if (!in)
		return EX_BAD;
	return R.cuMemAddressFree ? R.cuMemAddressFree(in->ptr, in->size) :
				    CUDA_ERROR_NOT_SUPPORTED;
}

/* ---- sparse arrays ----------------------------------------------------- */

static CUresult fix_map(struct ex *e, CUarrayMapInfo *m)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;

	if (m->resourceType == CU_RESOURCE_TYPE_ARRAY)
		r = ex_handle_in(e, KIND_ARRAY, &m->resource.array);
	else if (m->resourceType == CU_RESOURCE_TYPE_MIPMAPPED_ARRAY)
		r = ex_handle_in(e, KIND_MIPMAP, &m->resource.mipmap);
	/* Any other type would be a number that the driver takes as it is. */
	if (!r && m->memHandleType != CU_MEM_HANDLE_TYPE_GENERIC)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : ex_handle_in(e, KIND_VMM, &m->memHandle.memHandle);
}

CUresult ex_vgMapArrays(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgMapArrays *in = rd_take(rd, sizeof(*in));
	const CUarrayMapInfo *from;
	AUTO_FREE CUarrayMapInfo *maps = NULL;
	CUstream s;
	CUresult r;

	(void)wr;
	from = in ? rd_array(rd, in->count, sizeof(*from)) : NULL;
	if (!from || rd->bad)
		return EX_BAD;
	if (!R.cuMemMapArrayAsync)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_stream(e, in->stream, &s);
	maps = calloc((size_t)in->count + 1, sizeof(*maps));
	if (!r && !maps)
		r = CUDA_ERROR_OUT_OF_MEMORY;
	for (uint32_t i = 0; i < in->count && !r; i++) {
		maps[i] = from[i];
		r = fix_map(e, &maps[i]);
	}
	if (r)
		return r;
	ex_stream_touch(e, in->stream);
	return R.cuMemMapArrayAsync(maps, in->count, s);
}

CUresult ex_vgTensorAddress(struct ex *e, struct vgpu_rd *rd,
			    struct vgpu_wr *wr)
{
	const struct in_vgTensorAddress *in = rd_take(rd, sizeof(*in));
	uint8_t *out = wr_take(wr, sizeof(in->map));
	CUtensorMap map;
	CUresult r;

	(void)e;
	if (!in || !out)
		return EX_BAD;
	if (!R.cuTensorMapReplaceAddress)
		return CUDA_ERROR_NOT_SUPPORTED;
	memcpy(map.opaque, in->map, sizeof(map.opaque));
	r = R.cuTensorMapReplaceAddress(&map, (void *)(uintptr_t)in->address);
	if (!r)
		memcpy(out, map.opaque, sizeof(map.opaque));
	return r;
}

// SPDX-License-Identifier: BSD-2-Clause
/* sparse.c - memory mapped into parts of sparse arrays. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include "frontend/libcuda/place.h"

#define MAPS_MAX 128u /* of one record */

/* A bit for each of the devices as this program counts them. */
static CUresult host_devices(unsigned int mask, unsigned int *ret)
{
	*ret = 0;
	for (int i = 0; i < 32; i++) {
		CUdevice host = vg_host_device(i);

		if (!(mask >> i & 1))
			continue;
		if (host >= 32)
			return CUDA_ERROR_INVALID_VALUE;
		*ret |= 1u << host;
	}
	return CUDA_SUCCESS;
}

static CUresult wire_form(CUarrayMapInfo *m)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;

	if (!m->resource.array) /* or the mipmapped one: a union */
		return r;
	if (m->resourceType == CU_RESOURCE_TYPE_ARRAY)
		r = vg_fix_handle(KIND_ARRAY, &m->resource.array);
	else if (m->resourceType == CU_RESOURCE_TYPE_MIPMAPPED_ARRAY)
		r = vg_fix_handle(KIND_MIPMAP, &m->resource.mipmap);
	if (!r && m->memHandleType != CU_MEM_HANDLE_TYPE_GENERIC)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = vg_fix_handle(KIND_VMM, &m->memHandle.memHandle);
	return r ? r : host_devices(m->deviceBitMask, &m->deviceBitMask);
}

static CUresult send(uint32_t stream, const CUarrayMapInfo *maps, uint32_t n)
{
	struct in_vgMapArrays in = { .stream = stream, .count = n };
	CUarrayMapInfo wire[MAPS_MAX];
	struct vg_seg s[] = { { &in, sizeof(in) },
			      { wire, n * sizeof(wire[0]) } };
	CUresult r = CUDA_SUCCESS;

	/* One after the other: what follows a bad one may not be there. */
	for (uint32_t i = 0; i < n && !r; i++) {
		wire[i] = maps[i];
		r = wire_form(&wire[i]);
	}
	return r ? r : vg_call(OP_vgMapArrays, s, 2, NULL, 0);
}

VG_EXPORT CUresult CUDAAPI cuMemMapArrayAsync(CUarrayMapInfo *maps,
					      unsigned int count,
					      CUstream hStream)
{
	struct vg_ctx *c;
	uint32_t stream;
	CUresult r = vg_stream_in(hStream, &stream, &c);

	if (r)
		return r;
	if (!maps || !count)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned int i = 0; i < count && !r; i += MAPS_MAX)
		r = send(stream, maps + i,
			 count - i < MAPS_MAX ? count - i : MAPS_MAX);
	vg_stream_touch(stream);
	return r;
}

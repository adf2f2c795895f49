// SPDX-License-Identifier: BSD-2-Clause
/* calls_vmm.c - reserved addresses, tensor maps. */
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

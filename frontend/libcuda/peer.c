// SPDX-License-Identifier: BSD-2-Clause
/*
 * peer.c - copies between contexts, attributes of ranges.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

/* ---- copies between contexts ------------------------------------------- */

static bool ours_only(CUmemorytype t, const void *host, CUdeviceptr addr)
{
	struct vg_range r;

	if (t == CU_MEMORYTYPE_HOST)
		addr = (uintptr_t)host;
	else if (t != CU_MEMORYTYPE_UNIFIED)
		return false;
	return !vg_range_find(addr, &r) || r.kind == VG_RANGE_PLAIN || r.device;
}

static CUresult side_context(CUmemorytype t, CUcontext c)
{
	return t == CU_MEMORYTYPE_ARRAY || t == CU_MEMORYTYPE_HOST ||
	       vg_ctx_of(c) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

/* A side in the program's own memory is staged, or has another address there; the address of the other side
 * says itself which GPU it is on. The structs differ in the contexts only. */
static CUDA_MEMCPY3D without_contexts(const CUDA_MEMCPY3D_PEER *p)
{
	CUDA_MEMCPY3D c;

	_Static_assert(sizeof(c) == sizeof(*p) &&
		       offsetof(CUDA_MEMCPY3D, reserved0) ==
		       offsetof(CUDA_MEMCPY3D_PEER, srcContext) &&
		       offsetof(CUDA_MEMCPY3D, reserved1) ==
		       offsetof(CUDA_MEMCPY3D_PEER, dstContext), "layout");
	memcpy(&c, p, sizeof(c));
	c.reserved0 = c.reserved1 = NULL;
	return c;
}

static CUresult wire_form(CUDA_MEMCPY3D_PEER *p)
{
	CUresult r = CUDA_SUCCESS;

	if (p->srcMemoryType == CU_MEMORYTYPE_ARRAY) {
		r = vg_fix_handle(KIND_ARRAY, &p->srcArray);
		p->srcContext = NULL;
	}
	if (!r && p->dstMemoryType == CU_MEMORYTYPE_ARRAY) {
		r = vg_fix_handle(KIND_ARRAY, &p->dstArray);
		p->dstContext = NULL;
	}
	if (!r)
		r = vg_fix_handle(KIND_CTX, &p->srcContext);
	return r ? r : vg_fix_handle(KIND_CTX, &p->dstContext);
}

static CUresult copy_peer(const CUDA_MEMCPY3D_PEER *p, CUstream s, bool sync)
{
	struct in_vgCopyPeer in = { 0 };
	struct vg_seg seg = { &in, sizeof(in) };
	CUDA_MEMCPY3D_PEER w;
	CUDA_MEMCPY3D c;
	struct vg_ctx *ctx;
	CUresult r = vg_need_ctx(&ctx);

	if (!r && !p)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r && (!p->WidthInBytes || !p->Height || !p->Depth))
		return CUDA_SUCCESS;
	if (!r)
		r = side_context(p->srcMemoryType, p->srcContext);
	if (!r)
		r = side_context(p->dstMemoryType, p->dstContext);
	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)s, &in.stream);
	if (r)
		return r;
	if (ours_only(p->srcMemoryType, p->srcHost, p->srcDevice) ||
	    ours_only(p->dstMemoryType, p->dstHost, p->dstDevice)) {
		c = without_contexts(p);
		return sync ? cuMemcpy3D_v2(&c) : cuMemcpy3DAsync_v2(&c, s);
	}
	w = *p;
	r = wire_form(&w);
	if (r)
		return r;
	memcpy(in.copy, &w, sizeof(w));
	r = vg_call(OP_vgCopyPeer, &seg, 1, NULL, 0);
	vg_stream_touch(in.stream);
	if (!r && sync)
		r = vg_report(vg_stream_wait(in.stream));
	return r;
}

VG_EXPORT CUresult CUDAAPI cuMemcpy3DPeer(const CUDA_MEMCPY3D_PEER *p)
{
	return copy_peer(p, vg_implicit_stream(), true);
}

VG_EXPORT CUresult CUDAAPI cuMemcpy3DPeerAsync(const CUDA_MEMCPY3D_PEER *p,
					       CUstream hStream)
{
	return copy_peer(p, hStream, false);
}

/* ---- attributes of managed ranges -------------------------------------- */

VG_EXPORT CUresult CUDAAPI
cuMemRangeGetAttributes(void **data, size_t *sizes,
			CUmem_range_attribute *attributes, size_t n,
			CUdeviceptr ptr, size_t count)
{
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!data || !sizes || !attributes || !n)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < n && !r; i++)
		r = data[i] && sizes[i] ?
		    cuMemRangeGetAttribute(data[i], sizes[i], attributes[i],
					   ptr, count) :
		    CUDA_ERROR_INVALID_VALUE;
	return r;
}

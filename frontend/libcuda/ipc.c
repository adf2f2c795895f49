// SPDX-License-Identifier: BSD-2-Clause
/*
 * ipc.c - what other processes of this VM describe in 64 bytes: memory, events
 * and memory out of a shared pool. The executor has enciphered the bytes for
 * this VM; here they are carried.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

_Static_assert(sizeof(CUipcMemHandle) == sizeof(struct out_vgSealGet) &&
	       sizeof(CUipcEventHandle) == sizeof(struct out_vgSealGet) &&
	       sizeof(CUmemPoolPtrExportData) == sizeof(struct out_vgSealGet),
	       "wire size");

static CUresult describe(void *bytes, const struct in_vgSealGet *in)
{
	struct vg_seg s = { in, sizeof(*in) };
	struct vg_seg o = { bytes, sizeof(struct out_vgSealGet) };
	CUresult r = vg_enter();

	if (!r && !bytes)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : vg_call(OP_vgSealGet, &s, 1, &o, 1);
}

VG_EXPORT CUresult CUDAAPI cuIpcGetMemHandle(CUipcMemHandle *handle,
					     CUdeviceptr ptr)
{
	const struct in_vgSealGet in = { .what = VG_SEAL_MEMORY, .ptr = ptr };

	vg_range_told(ptr);
	return describe(handle, &in);
}

VG_EXPORT CUresult CUDAAPI cuMemPoolExportPointer(CUmemPoolPtrExportData *data,
						  CUdeviceptr ptr)
{
	const struct in_vgSealGet in = { .what = VG_SEAL_POINTER, .ptr = ptr };

	return describe(data, &in);
}

VG_EXPORT CUresult CUDAAPI cuIpcGetEventHandle(CUipcEventHandle *handle,
					       CUevent event)
{
	struct in_vgSealGet in = { .what = VG_SEAL_EVENT };
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_EVENT, (uintptr_t)event, &in.event);
	return r ? r : describe(handle, &in);
}

static CUresult open_it(struct in_vgSealOpen *in, const void *bytes,
			struct out_vgSealOpen *out)
{
	struct vg_seg s = { in, sizeof(*in) }, o = { out, sizeof(*out) };

	memcpy(in->bytes, bytes, sizeof(in->bytes));
	return vg_call(OP_vgSealOpen, &s, 1, &o, 1);
}

/* As open_it(), for memory: its addresses are the GPU's from now on. */
static CUresult open_memory(struct in_vgSealOpen *in, const void *bytes,
			    CUdeviceptr *ret)
{
	struct vg_range range = { .kind = VG_RANGE_DEVICE };
	struct out_vgSealOpen out = { 0 };
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (!r)
		r = open_it(in, bytes, &out);
	if (r)
		return r;
	range.base = out.ptr;
	range.size = out.size;
	range.ctx = c->id;
	/* Opened twice it is the same memory at the same address. */
	if (range.size && !vg_range_known(range.base, 1))
		vg_range_add(&range);
	*ret = out.ptr;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuIpcOpenMemHandle_v2(CUdeviceptr *pdptr,
						 CUipcMemHandle handle,
						 unsigned int flags)
{
	struct in_vgSealOpen in = { .what = VG_SEAL_MEMORY, .flags = flags };
	CUresult r = vg_enter();

	if (!r && !pdptr)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : open_memory(&in, &handle, pdptr);
}

VG_EXPORT CUresult CUDAAPI cuMemPoolImportPointer(CUdeviceptr *ptr,
						  CUmemoryPool pool,
						  CUmemPoolPtrExportData *data)
{
	struct in_vgSealOpen in = { .what = VG_SEAL_POINTER };
	CUresult r = vg_enter();

	if (!r && (!ptr || !data))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = vg_handle_in(KIND_MEMPOOL, (uintptr_t)pool, &in.pool);
	return r ? r : open_memory(&in, data, ptr);
}

VG_EXPORT CUresult CUDAAPI cuIpcOpenEventHandle(CUevent *event,
						CUipcEventHandle handle)
{
	struct in_vgSealOpen in = { .what = VG_SEAL_EVENT };
	struct out_vgSealOpen out = { 0 };
	CUresult r = vg_enter();

	if (!r && !event)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = open_it(&in, &handle, &out);
	if (!r)
		*event = (CUevent)vg_handle_out(KIND_EVENT, out.event);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuIpcCloseMemHandle(CUdeviceptr ptr)
{
	struct in_vgIpcClose in = { .ptr = ptr };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_range range;
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (!r)
		r = vg_call(OP_vgIpcClose, &s, 1, NULL, 0);
	if (!r)
		vg_range_remove(ptr, &range); /* if open still: asked about */
	return r;
}

// SPDX-License-Identifier: BSD-2-Clause
/* calls_memory.c - allocations and copies. */
#include "cuda-exec/exec_internal.h"

#include <string.h>

static CUresult alloc_async(struct ex *e, const struct in_vgMemAlloc *in,
			    CUdeviceptr *p)
{
	CUstream s;
	uint64_t pool;
	CUresult r = ex_stream(e, in->stream, &s);

	if (r)
		return r;
	ex_stream_touch(e, in->stream);
	if (in->what == VG_ALLOC_ASYNC)
		return R.cuMemAllocAsync ?
		       R.cuMemAllocAsync(p, in->size, s) :
		       CUDA_ERROR_NOT_SUPPORTED;
	r = ex_obj(e, KIND_MEMPOOL, in->pool, &pool);
	if (r)
		return r;
	return R.cuMemAllocFromPoolAsync ?
	       R.cuMemAllocFromPoolAsync(p, in->size,
			(CUmemoryPool)(uintptr_t)pool, s) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult alloc(struct ex *e, const struct in_vgMemAlloc *in,
		      CUdeviceptr *p, size_t *pitch)
{
	switch (in->what) {
	case VG_ALLOC:
		return R.cuMemAlloc_v2(p, in->size);
	case VG_ALLOC_PITCH:
		return R.cuMemAllocPitch_v2 ?
		       R.cuMemAllocPitch_v2(p, pitch, in->size, in->height,
					    in->flags) :
		       CUDA_ERROR_NOT_SUPPORTED;
	case VG_ALLOC_MANAGED:
		return R.cuMemAllocManaged ?
		       R.cuMemAllocManaged(p, in->size, in->flags) :
		       CUDA_ERROR_NOT_SUPPORTED;
	case VG_ALLOC_ASYNC:
	case VG_ALLOC_POOL:
		return alloc_async(e, in, p);
	default:
		return EX_BAD;
	}
}

CUresult ex_vgMemAlloc(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgMemAlloc *in = rd_take(rd, sizeof(*in));
	struct out_vgMemAlloc *out = wr_take(wr, sizeof(*out));
	CUdeviceptr p = 0;
	size_t pitch = 0;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	r = alloc(e, in, &p, &pitch);
	if (r)
		return r;
	out->ptr = p;
	out->pitch = pitch;
	out->base_size = in->what == VG_ALLOC_PITCH ? pitch * in->height :
						      in->size;
	memmap_add(e, p, out->base_size);
	return CUDA_SUCCESS;
}

CUresult ex_vgMemFree(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgMemFree *in = rd_take(rd, sizeof(*in));
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	if (!in->async) {
		r = R.cuMemFree_v2(in->ptr);
		if (!r)
			memmap_del(e, in->ptr);
		return r;
	}
	r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	ex_stream_touch(e, in->stream);
	if (!R.cuMemFreeAsync)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuMemFreeAsync(in->ptr, s);
	if (r)
		return r;
	memmap_del(e, in->ptr);
	ex_stream_frees(e, in->stream);
	return CUDA_SUCCESS;
}

/* ---- copies ------------------------------------------------------------ */

static void count(struct ex *e, const struct in_vgCopy *in)
{
	if (ex_arena_at(e, in->src))
		e->stats->bytes_to_gpu += in->len;
	else if (ex_arena_at(e, in->dst))
		e->stats->bytes_from_gpu += in->len;
}

/* Straight between the guest's granted pages and the GPU, or on the GPU; the
 * record of a synchronous copy is answered when it is done. */
CUresult ex_vgCopy(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCopy *in = rd_take(rd, sizeof(*in));
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	r = ex_reach(e, in->dst, in->len);
	if (!r)
		r = ex_reach(e, in->src, in->len);
	if (r)
		return r;
	ex_stream_touch(e, in->stream);
	r = R.cuMemcpyAsync(in->dst, in->src, in->len, s);
	if (r)
		return r;
	count(e, in);
	if (!in->sync)
		return CUDA_SUCCESS;
	e->quiet_since = 0; /* it is not done yet: no use in asking */
	return ex_wait_stream(e, in->stream, s);
}

/*
 * Bytes in the record. A caller of the synchronous copy does not wait for us,
 * yet may launch in a stream that does not wait for the legacy stream: where
 * that costs no waiting, the copy is complete before the next record is taken,
 * as it is natively.
 */
CUresult ex_vgCopyIn(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCopyIn *in = rd_take(rd, sizeof(*in));
	const void *bytes = in ? rd_array(rd, in->len, 1) : NULL;
	CUstream s;
	CUresult r;

	(void)wr;
	if (!bytes)
		return EX_BAD;
	r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	e->stats->bytes_to_gpu += in->len;
	if (!in->stream && !e->captures && ex_ctx_quiet(e))
		return R.cuMemcpyHtoD_v2(in->dst, bytes, in->len);
	ex_stream_touch(e, in->stream);
	return R.cuMemcpyHtoDAsync_v2(in->dst, bytes, in->len, s);
}

CUresult ex_vgCopyOut(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCopyOut *in = rd_take(rd, sizeof(*in));
	CUstream s;
	CUresult r;

	if (!in || in->len > VGPU_SLOT_SIZE - sizeof(struct vgpu_slot) ||
	    (e->rec.flags & VGPU_REC_WINDOW))
		return EX_BAD;
	(void)wr;
	r = ex_stream(e, in->stream, &s);
	if (r || word_answer(e, in->stream, s, in->src, in->len, &r))
		return r;
	if (pend_looks(e) && word_copy(e, s, in->src, in->len, &r))
		return r ? r : pend_copied(e, in->stream, in->len);
	return waiter_free(e) ?
	       waiter_post(e, WAIT_COPY, in->stream, NULL, in->src, in->len) :
	       pend_copy_out(e, in->stream, in->src, in->len);
}

/* Bytes in the window: DMA goes straight to and from the granted pages. */
CUresult ex_vgCopyWindow(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCopyWindow *in = rd_take(rd, sizeof(*in));
	uint8_t *host;
	CUstream s;
	CUresult r;

	(void)wr;
	host = in ? ex_window(e, in->arena, in->offset, in->len) : NULL;
	if (!host || in->fence >= VGPU_FENCES)
		return EX_BAD;
	r = ex_stream(e, in->stream, &s);
	if (!r) {
		ex_stream_touch(e, in->stream);
		r = in->to_device ?
		    R.cuMemcpyHtoDAsync_v2(in->device, host, in->len, s) :
		    R.cuMemcpyDtoHAsync_v2(host, in->device, in->len, s);
	}
	if (r) {
		ex_fence(e, in->fence, in->value, r);
		return in->to_device ? r : CUDA_SUCCESS;
	}
	if (in->to_device)
		e->stats->bytes_to_gpu += in->len;
	else
		e->stats->bytes_from_gpu += in->len;
	return pend_fence(e, in->stream, in->fence, in->value);
}

/*
 * One side of a 3D copy: host memory is the window's, where @arena names one,
 * or an address in it; unified addresses are what the guest may reach. Device
 * addresses are for the driver to judge.
 */
static CUresult side_ok(struct ex *e, uint32_t arena, CUDA_MEMCPY3D *c,
			bool src)
{
	CUmemorytype type = src ? c->srcMemoryType : c->dstMemoryType;
	CUdeviceptr addr = src ? c->srcDevice : c->dstDevice;
	uint64_t host = (uint64_t)(uintptr_t)(src ? c->srcHost : c->dstHost);
	uint64_t from, len, end;
	void *p;

	if (type != CU_MEMORYTYPE_HOST && type != CU_MEMORYTYPE_UNIFIED)
		return CUDA_SUCCESS;
	if (!vg_span(c, src, &from, &len))
		return CUDA_ERROR_INVALID_VALUE;
	if (type == CU_MEMORYTYPE_UNIFIED || arena == VGPU_ARENAS) {
		if (type == CU_MEMORYTYPE_HOST)
			addr = host;
		return addr + from < addr ? CUDA_ERROR_INVALID_VALUE :
					    ex_reach(e, addr + from, len);
	}
	end = from + len;
	p = ex_window(e, arena, host, end);
	if (!p)
		return EX_BAD;
	if (src)
		c->srcHost = p;
	else
		c->dstHost = p;
	return CUDA_SUCCESS;
}

CUresult ex_vgCopy2D(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCopy2D *in = rd_take(rd, sizeof(*in));
	CUDA_MEMCPY3D c;
	CUstream s;
	CUresult r;

	(void)wr;
	_Static_assert(sizeof(c) == sizeof(in->copy), "wire size");
	if (!in || in->fence > VGPU_FENCES || in->arena > VGPU_ARENAS)
		return EX_BAD;
	memcpy(&c, in->copy, sizeof(c));
	r = side_ok(e, in->arena, &c, true);
	if (!r)
		r = side_ok(e, in->arena, &c, false);
	if (r == EX_BAD)
		return r;
	if (!r)
		r = ex_fix_CUDA_MEMCPY3D(e, &c);
	if (!r)
		r = ex_stream(e, in->stream, &s);
	if (!r && !R.cuMemcpy3DAsync_v2)
		r = CUDA_ERROR_NOT_SUPPORTED;
	if (!r) {
		ex_stream_touch(e, in->stream);
		r = R.cuMemcpy3DAsync_v2(&c, s);
	}
	if (in->fence == VGPU_FENCES)
		return r;
	if (r) {
		ex_fence(e, in->fence, in->value, r);
		return CUDA_SUCCESS;
	}
	return pend_fence(e, in->stream, in->fence, in->value);
}

/* ---- pointers ---------------------------------------------------------- */

CUresult ex_vgPointer(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgPointer *in = rd_take(rd, sizeof(*in));
	struct out_vgPointer *out = wr_take(wr, sizeof(*out));
	CUresult r;
	uint32_t id;

	if (!in || !out)
		return EX_BAD;
	if (!in->attribute)
		return R.cuMemGetAddressRange_v2 ?
		       R.cuMemGetAddressRange_v2((CUdeviceptr *)&out->base,
						 &out->size,
						 in->ptr) :
		       CUDA_ERROR_NOT_SUPPORTED;
	if (!R.cuPointerGetAttribute)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuPointerGetAttribute(out->value,
				    (CUpointer_attribute)in->attribute,
				    in->ptr);
	if (r)
		return r;
	if (in->attribute == CU_POINTER_ATTRIBUTE_CONTEXT) {
		r = ex_obj_ref(e, KIND_CTX, out->value[0], &id);
		out->value[0] = id;
	} else if (in->attribute == CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE) {
		r = ex_obj_ref(e, KIND_MEMPOOL, out->value[0], &id);
		out->value[0] = id;
	}
	return r;
}

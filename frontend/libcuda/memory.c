// SPDX-License-Identifier: BSD-2-Clause
/* memory.c - device memory, pinned memory, managed memory. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <stdio.h>
#include <unistd.h>

/* ---- device memory ----------------------------------------------------- */

/* Of the host, which may need what is held here. */
static CUresult alloc_there(struct in_vgMemAlloc *in,
			    struct out_vgMemAlloc *out)
{
	struct vg_seg s = { in, sizeof(*in) }, o = { out, sizeof(*out) };
	CUresult r;

	if (in->what != VG_ALLOC)
		vg_held_give_back(); /* it may be work in a stream */
	do
		r = vg_call(OP_vgMemAlloc, &s, 1, &o, 1);
	while (r == CUDA_ERROR_OUT_OF_MEMORY && vg_held_give_back());
	return r;
}

static bool alloc_here(const struct vg_ctx *c, const struct in_vgMemAlloc *in,
		       struct out_vgMemAlloc *out)
{
	out->base_size = in->size;
	return in->what == VG_ALLOC && !atomic_load(&c->sticky) &&
	       !atomic_load(&c->capturing) &&
	       vg_held_take(c->id, in->size, &out->ptr);
}

static CUresult alloc(struct in_vgMemAlloc *in, struct out_vgMemAlloc *out,
		      enum vg_range_kind kind)
{
	struct vg_range range = { .kind = kind };
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (!r && !alloc_here(c, in, out))
		r = alloc_there(in, out);
	if (r)
		return r;
	range.base = out->ptr;
	range.size = out->base_size;
	range.ctx = c->id;
	range.flags = VG_ALLOCATED;
	if (in->what == VG_ALLOC && vg_held_fits(in->size))
		range.flags |= VG_HOLDABLE;
	range.pool = in->what == VG_ALLOC_ASYNC || in->what == VG_ALLOC_POOL;
	vg_range_add(&range);
	return CUDA_SUCCESS;
}

static CUresult simple_alloc(CUdeviceptr *dptr, struct in_vgMemAlloc *in)
{
	struct out_vgMemAlloc out;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!dptr)
		return CUDA_ERROR_INVALID_VALUE;
	r = alloc(in, &out, VG_RANGE_DEVICE);
	if (!r)
		*dptr = out.ptr;
	return r;
}

VG_EXPORT CUresult CUDAAPI cuMemAlloc_v2(CUdeviceptr *dptr, size_t n)
{
	struct in_vgMemAlloc in = { .what = VG_ALLOC, .size = n };

	return simple_alloc(dptr, &in);
}

VG_EXPORT CUresult CUDAAPI cuMemAllocPitch_v2(CUdeviceptr *dptr, size_t *pitch,
					      size_t width, size_t height,
					      unsigned int element)
{
	struct in_vgMemAlloc in = { .what = VG_ALLOC_PITCH, .flags = element,
				    .size = width, .height = height };
	struct out_vgMemAlloc out;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!dptr || !pitch)
		return CUDA_ERROR_INVALID_VALUE;
	r = alloc(&in, &out, VG_RANGE_DEVICE);
	if (r)
		return r;
	*dptr = out.ptr;
	*pitch = out.pitch;
	return CUDA_SUCCESS;
}

static CUresult alloc_in_stream(CUdeviceptr *dptr, struct in_vgMemAlloc *in,
				CUstream hStream)
{
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)hStream, &in->stream);
	if (!r)
		r = simple_alloc(dptr, in);
	vg_stream_touch(in->stream);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuMemAllocAsync(CUdeviceptr *dptr, size_t n,
					   CUstream hStream)
{
	struct in_vgMemAlloc in = { .what = VG_ALLOC_ASYNC, .size = n };

	return alloc_in_stream(dptr, &in, hStream);
}

VG_EXPORT CUresult CUDAAPI cuMemAllocFromPoolAsync(CUdeviceptr *dptr, size_t n,
						   CUmemoryPool pool,
						   CUstream hStream)
{
	struct in_vgMemAlloc in = { .what = VG_ALLOC_POOL, .size = n };
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_MEMPOOL, (uintptr_t)pool, &in.pool);
	return r ? r : alloc_in_stream(dptr, &in, hStream);
}

/* Freeing waits for work that is outstanding; without any, or in a stream,
 * nobody needs to wait for the host. */
static bool need_not_wait(CUdeviceptr ptr, bool async, struct vg_range *range)
{
	struct vg_ctx *c = vg_ctx();

	return c && vg_range_find(ptr, range) && range->base == ptr &&
	       range->kind == VG_RANGE_DEVICE &&
	       (range->flags & VG_ALLOCATED) && range->ctx == c->id &&
	       !atomic_load(&c->sticky) && !atomic_load(&c->capturing) &&
	       (async || vg_ctx_done(c));
}

static CUresult release(CUdeviceptr ptr, uint32_t stream, bool async)
{
	struct in_vgMemFree in = { ptr, stream, async };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_range range;
	bool sure = need_not_wait(ptr, async, &range);
	CUresult r;

	if (sure && !async && (range.flags & VG_HOLDABLE)) {
		if (vg_held_keep(ptr))
			return CUDA_SUCCESS;
		sure = false; /* another thread has freed it meanwhile */
	}
	/* What is held may be what this would free again. */
	if (!sure || async)
		vg_held_give_back();
	r = sure ? vg_post(OP_vgMemFree, &s, 1) :
		   vg_call(OP_vgMemFree, &s, 1, NULL, 0);
	if (!r)
		vg_range_remove(ptr, &range);
	return r;
}

/* Memory of the host's, by the call that is for it: cuMemFree for what stands
 * in the place of managed memory, cuMemFreeHost for the rest. */
static CUresult free_host(uint64_t p, bool managed)
{
	struct vg_range range;
	CUresult r;

	if (!vg_range_find(p, &range) || range.base != p || range.owner ||
	    range.managed != managed ||
	    (range.kind != VG_RANGE_PINNED && range.kind != VG_RANGE_PLAIN))
		return CUDA_ERROR_INVALID_VALUE;
	/* The GPU may still be at it; or its context is gone, with which it
	 * should have gone. */
	r = vg_handle_state(KIND_CTX, range.ctx) ?
	    cuCtxSynchronize_v2((CUcontext)vg_handle_out(KIND_CTX,
							 range.ctx)) :
	    CUDA_ERROR_INVALID_VALUE;
	vg_range_remove(p, &range);
	if (range.kind == VG_RANGE_PLAIN)
		free((void *)(uintptr_t)p);
	else
		vg_pinned_free((void *)(uintptr_t)p);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuMemFree_v2(CUdeviceptr ptr)
{
	struct vg_ctx *c;
	struct vg_range range = { 0 };
	CUresult r = vg_need_ctx(&c);

	if (r || !ptr)
		return r;
	if (vg_range_find(ptr, &range) && range.managed && range.base == ptr)
		return free_host(ptr, true);
	r = release(ptr, 0, false);
	if (!r && range.kind == VG_RANGE_MANAGED)
		vg_managed_drop(ptr);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuMemFreeAsync(CUdeviceptr ptr, CUstream hStream)
{
	uint32_t id;
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)hStream, &id);
	if (r || !ptr)
		return r;
	r = release(ptr, id, true);
	vg_stream_touch(id);
	return r;
}

/* ---- memory of the host ------------------------------------------------ */

/* Granted memory while the budget lasts, then plain memory whose copies are
 * staged: slower, and not for kernels, but no call fails for it. */
static CUresult host_alloc(void **pp, size_t n, unsigned int flags,
			   bool managed)
{
	struct vg_range range = { .size = n, .kind = VG_RANGE_PINNED,
				  .flags = flags, .managed = managed };
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);
	void *p;

	if (r)
		return r;
	if (!pp)
		return CUDA_ERROR_INVALID_VALUE;
	*pp = NULL;
	if (!n)
		return CUDA_SUCCESS; /* as NVIDIA's driver */
	range.ctx = c->id;
	p = vg_pinned_alloc(n);
	if (!p) {
		range.kind = VG_RANGE_PLAIN;
		p = aligned_alloc(VGPU_PAGE, (n + VGPU_PAGE - 1) &
				  ~(size_t)(VGPU_PAGE - 1));
	}
	if (!p)
		return CUDA_ERROR_OUT_OF_MEMORY;
	range.base = (uintptr_t)p;
	vg_range_add(&range);
	*pp = p;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuMemHostAlloc(void **pp, size_t n,
					  unsigned int flags)
{
	if (flags & ~7u)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	return host_alloc(pp, n, flags, false);
}

VG_EXPORT CUresult CUDAAPI cuMemAllocHost_v2(void **pp, size_t n)
{
	return host_alloc(pp, n, 0, false);
}

/* Real managed memory on the host, mirrored here; where its addresses are in
 * use in this process, granted memory that both reach. */
VG_EXPORT CUresult CUDAAPI cuMemAllocManaged(CUdeviceptr *dptr, size_t n,
					     unsigned int flags)
{
	struct in_vgMemAlloc in = { .what = VG_ALLOC_MANAGED, .size = n,
				    .flags = flags };
	struct out_vgMemAlloc out;
	struct vg_range range;
	void *p;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!dptr || (flags != CU_MEM_ATTACH_GLOBAL &&
		      flags != CU_MEM_ATTACH_HOST))
		return CUDA_ERROR_INVALID_VALUE;
	if (n >> 47)
		return CUDA_ERROR_OUT_OF_MEMORY; /* no room for the mirror */
	r = alloc(&in, &out, VG_RANGE_MANAGED);
	if (r)
		return r;
	if (!vg_managed_add(out.ptr, n, vg_ctx())) {
		*dptr = out.ptr;
		return CUDA_SUCCESS;
	}
	if (!release(out.ptr, 0, false))
		vg_range_remove(out.ptr, &range);
	r = host_alloc(&p, n, flags, true);
	if (!r)
		*dptr = (uintptr_t)p;
	return r;
}

VG_EXPORT CUresult CUDAAPI cuMemFreeHost(void *p)
{
	CUresult r = vg_enter();

	return r || !p ? r : free_host((uintptr_t)p, false);
}

VG_EXPORT CUresult CUDAAPI cuMemHostGetDevicePointer_v2(CUdeviceptr *pdptr,
							void *p,
							unsigned int flags)
{
	struct vg_range range;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!pdptr || flags || !vg_range_find((uintptr_t)p, &range))
		return CUDA_ERROR_INVALID_VALUE;
	if (range.kind == VG_RANGE_PLAIN)
		return vg_not_supported("mapped host memory beyond the budget "
					"of granted pages");
	*pdptr = vg_range_device(&range, (uintptr_t)p);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuMemHostGetFlags(unsigned int *flags, void *p)
{
	struct vg_range range;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!flags || !vg_range_find((uintptr_t)p, &range) ||
	    (range.kind != VG_RANGE_PINNED && range.kind != VG_RANGE_PLAIN))
		return CUDA_ERROR_INVALID_VALUE;
	*flags = range.flags | CU_MEMHOSTALLOC_DEVICEMAP;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuMemGetAddressRange_v2(CUdeviceptr *base,
						   size_t *size,
						   CUdeviceptr ptr)
{
	struct in_vgPointer in = { .ptr = ptr };
	struct out_vgPointer out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	struct vg_range range;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!base && !size)
		return CUDA_SUCCESS;
	if (vg_range_find(ptr, &range) && range.kind != VG_RANGE_DEVICE &&
	    range.kind != VG_RANGE_MANAGED) {
		out.base = range.base;
		out.size = range.size;
	} else {
		r = vg_call(OP_vgPointer, &s, 1, &o, 1);
	}
	if (!r && base)
		*base = out.base;
	if (!r && size)
		*size = out.size;
	return r;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * copy.c - copies. Small ones travel in the record or the reply, large ones
 * through pieces of the window, so that our memcpy and the GPU's DMA overlap;
 * addresses that the host's driver knows go as they are.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include "tools/lib/bulk.h"

/* Up to here a copy costs less inside the record than a piece does. */
#define INLINE_IN  16384u
#define INLINE_OUT (VGPU_SLOT_SIZE - sizeof(struct vgpu_slot))
/* Pieces that one copy from the GPU keeps on the way. */
#define AHEAD 8u

/* What waits, a captured stream refuses, and its capture is over. */
static CUresult captured(uint64_t dst, uint64_t src, uint64_t n, bool in,
			 CUstream s, bool sync, uint32_t id)
{
	return sync ? vg_stream_wait(id) :
		      vg_shadow_linear(dst, src, n, in, s);
}

/* ---- addresses that the host knows ------------------------------------- */

/* Memory that the library did not allocate, a module's variable: the host
 * knows. It is remembered, so that it is asked once. */
static bool ask_host(uint64_t addr)
{
	struct in_vgPointer in = { .ptr = addr,
			.attribute = CU_POINTER_ATTRIBUTE_MEMORY_TYPE };
	struct out_vgPointer out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	struct vg_range r = { .kind = VG_RANGE_DEVICE };

	if (vg_call(OP_vgPointer, &s, 1, &o, 1) ||
	    (uint32_t)out.value[0] != CU_MEMORYTYPE_DEVICE)
		return false;
	in.attribute = 0;
	if (!vg_call(OP_vgPointer, &s, 1, &o, 1)) {
		r.base = out.base;
		r.size = out.size;
		r.ctx = vg_ctx() ? vg_ctx()->id : 0;
		vg_range_add(&r);
	}
	return true;
}

/* A large copy that leaves the GPU's memory is refused before any of the
 * program's is touched: its size may be nonsense. */
bool vg_ends_on_gpu(uint64_t addr, uint64_t n)
{
	struct vg_range r;
	uint64_t last;

	if (__builtin_add_overflow(addr, n - 1, &last))
		return false;
	return vg_range_known(addr, n) || vg_range_find(last, &r) ||
	       ask_host(last);
}

/* Host memory that the GPU reaches: all of it, or it is staged. */
static bool granted(const void *p, uint64_t n)
{
	struct vg_range r;
	uint64_t addr = (uintptr_t)p;

	return vg_range_find(addr, &r) && r.kind == VG_RANGE_PINNED &&
	       n <= r.size - (addr - r.base);
}

static bool managed(const void *p)
{
	struct vg_range r;

	return vg_range_find((uintptr_t)p, &r) && r.kind == VG_RANGE_MANAGED;
}

/* ---- to the GPU -------------------------------------------------------- */

static CUresult in_record(uint64_t dst, const void *src, uint32_t n,
			  uint32_t stream, bool known)
{
	struct in_vgCopyIn in = { dst, n, stream };
	struct vg_seg s[] = { { &in, sizeof(in) }, { src, n } };

	/* An address that we do not know may be wrong: the caller is told. */
	return known ? vg_post(OP_vgCopyIn, s, 2) :
		       vg_call(OP_vgCopyIn, s, 2, NULL, 0);
}

static CUresult post_piece(const struct vg_piece *p, uint64_t device,
			   uint64_t n, uint32_t stream, bool to_device)
{
	struct in_vgCopyWindow in = {
		.device = device, .len = n, .offset = p->offset,
		.arena = p->arena, .stream = stream, .to_device = to_device,
		.fence = p->index, .value = p->value,
	};
	struct vg_seg s = { &in, sizeof(in) };

	return vg_post(OP_vgCopyWindow, &s, 1);
}

static CUresult in_pieces(uint64_t dst, const uint8_t *src, uint64_t n,
			  uint32_t stream, bool wait)
{
	CUresult r = CUDA_SUCCESS;

	while (n && !r) {
		struct vg_piece p;
		uint64_t k;

		r = vg_piece_take(&p, true);
		if (r)
			return r;
		k = n < p.size ? n : p.size;
		bulk_send(p.base, src, k);
		r = post_piece(&p, dst, k, stream, true);
		if (r) {
			vg_piece_free(&p);
			return r;
		}
		dst += k;
		src += k;
		n -= k;
		if (!n && wait)
			r = vg_piece_wait(&p);
		vg_piece_fly(&p);
	}
	return r;
}

CUresult vg_copy_in(uint64_t dst, const void *src, uint64_t n, CUstream s,
		    bool sync)
{
	bool known;
	uint32_t id;
	struct vg_ctx *c;
	CUresult r = vg_stream_in(s, &id, &c);

	if (r || !n)
		return r;
	if (!dst || vg_nowhere((uintptr_t)src) ||
	    (n > INLINE_IN && !vg_ends_on_gpu(dst, n)))
		return CUDA_ERROR_INVALID_VALUE;
	if (vg_captured(s, c))
		return captured(dst, (uintptr_t)src, n, true, s, sync, id);
	if (managed(src) || (n > INLINE_IN && granted(src, n)))
		return vg_copy(dst, (uintptr_t)src, n, s, sync);
	known = vg_range_known(dst, n);
	if (n <= INLINE_IN)
		r = in_record(dst, src, (uint32_t)n, id, known);
	else
		r = in_pieces(dst, src, n, id, sync || !known);
	if (!sync) {
		vg_stream_touch(id);
		return r;
	}
	vg_stream_touch_brief(id);
	return vg_report(r);
}

/* ---- from the GPU ------------------------------------------------------ */

static CUresult out_reply(void *dst, uint64_t src, uint32_t n, uint32_t stream)
{
	struct in_vgCopyOut in = { src, n, stream };
	struct vg_seg s = { &in, sizeof(in) }, o = { dst, n };

	return vg_call(OP_vgCopyOut, &s, 1, &o, 1);
}

struct flight {
	struct vg_piece p;
	uint64_t n;
	uint8_t *to;
};

static CUresult land(struct flight *f)
{
	CUresult r = vg_piece_wait(&f->p);

	if (!r)
		bulk_copy(f->to, f->p.base, f->n);
	vg_piece_free(&f->p);
	return r;
}

/* The piece of @f is taken: send it for the next bytes. */
static CUresult start(struct flight *f, uint64_t src, uint8_t *dst, uint64_t n,
		      uint32_t stream)
{
	CUresult r;

	f->n = n < f->p.size ? n : f->p.size;
	f->to = dst;
	r = post_piece(&f->p, src, f->n, stream, false);
	if (r)
		vg_piece_free(&f->p);
	return r;
}

/* Who holds pieces waits for no other: threads that all hold some and want
 * one more would wait for each other. */
static bool take_more(struct vg_piece *p, bool holds, CUresult *r)
{
	if (holds)
		return vg_piece_try(p, true);
	*r = vg_piece_take(p, true);
	return !*r;
}

static CUresult out_pieces(uint8_t *dst, uint64_t src, uint64_t n,
			   uint32_t stream)
{
	struct flight f[AHEAD];
	uint64_t head = 0, tail = 0;
	CUresult r = CUDA_SUCCESS, e;

	while (n || head != tail) {
		struct flight *g = &f[head % AHEAD];

		if (n && head - tail < AHEAD &&
		    take_more(&g->p, head != tail, &r)) {
			r = start(g, src, dst, n, stream);
			if (r) {
				n = 0;
				continue;
			}
			src += g->n;
			dst += g->n;
			n -= g->n;
			head++;
			continue;
		}
		e = head != tail ? land(&f[tail++ % AHEAD]) : r;
		if (e && !r)
			r = e;
		if (r)
			n = 0;
	}
	return r;
}

CUresult vg_copy_out(void *dst, uint64_t src, uint64_t n, CUstream s,
		     bool sync)
{
	uint64_t submitted;
	uint32_t id;
	struct vg_ctx *c;
	CUresult r = vg_stream_in(s, &id, &c);

	if (r || !n)
		return r;
	if (vg_nowhere((uintptr_t)dst) || !src ||
	    (n > INLINE_OUT && !vg_ends_on_gpu(src, n)))
		return CUDA_ERROR_INVALID_VALUE;
	if (vg_captured(s, c))
		return captured((uintptr_t)dst, src, n, false, s, sync, id);
	if (managed(dst) || (n > INLINE_OUT && granted(dst, n)))
		return vg_copy((uintptr_t)dst, src, n, s, true);
	submitted = atomic_load(&c->submitted);
	r = n <= INLINE_OUT ? out_reply(dst, src, (uint32_t)n, id) :
			      out_pieces(dst, src, n, id);
	if (!r)
		vg_ctx_waited(c, id, submitted);
	return vg_report(r);
}

/* ---- both sides are the host's ----------------------------------------- */

/* As the host has it; false: it may be wrong. */
static bool place(uint64_t *addr, uint64_t n)
{
	struct vg_range r;

	if (!vg_range_find(*addr, &r) || r.kind == VG_RANGE_PLAIN ||
	    n > r.size - (*addr - r.base) ||
	    (r.open && !vg_range_known(*addr, n)))
		return false;
	*addr = vg_range_device(&r, *addr);
	return true;
}

CUresult vg_copy(uint64_t dst, uint64_t src, uint64_t n, CUstream s, bool sync)
{
	bool to = place(&dst, n), from = place(&src, n), known = to && from;
	struct in_vgCopy in = { dst, src, n, 0, sync };
	struct vg_seg seg = { &in, sizeof(in) };
	uint64_t submitted;
	struct vg_ctx *c;
	CUresult r = vg_stream_in(s, &in.stream, &c);

	if (r || !n)
		return r;
	/* What is done when the call returns needs no wait later. */
	if (sync) {
		submitted = atomic_load(&c->submitted);
		r = vg_call(OP_vgCopy, &seg, 1, NULL, 0);
		if (!r)
			vg_ctx_waited(c, in.stream, submitted);
		return vg_report(r);
	}
	r = known ? vg_post(OP_vgCopy, &seg, 1) :
		    vg_call(OP_vgCopy, &seg, 1, NULL, 0);
	vg_stream_touch(in.stream);
	return r;
}

/* Unified addresses: what is not the GPU's is the program's own memory. */
static bool on_gpu(uint64_t addr)
{
	struct vg_range r;

	if (vg_range_find(addr, &r))
		return r.kind != VG_RANGE_PLAIN;
	return ask_host(addr);
}

static CUresult host_copy(uint64_t dst, uint64_t src, uint64_t n, CUstream s,
			  bool sync)
{
	CUDA_MEMCPY3D c = { .WidthInBytes = n, .Height = 1, .Depth = 1,
			    .srcMemoryType = CU_MEMORYTYPE_HOST,
			    .srcHost = (const void *)(uintptr_t)src,
			    .dstMemoryType = CU_MEMORYTYPE_HOST,
			    .dstHost = (void *)(uintptr_t)dst };
	struct vg_ctx *ctx;
	uint32_t id;
	CUresult r = vg_stream_in(s, &id, &ctx);

	if (!r && !sync && vg_captured(s, ctx))
		return vg_shadow_copy(&c, s);
	if (!r && n)
		memmove(c.dstHost, c.srcHost, n);
	return r;
}

static CUresult any_copy(uint64_t dst, uint64_t src, uint64_t n, CUstream s,
			 bool sync)
{
	bool d, h;

	if (n && (vg_nowhere(dst) || vg_nowhere(src)))
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	d = on_gpu(dst);
	h = on_gpu(src);
	if (d && h)
		return vg_copy(dst, src, n, s, sync);
	if (d)
		return vg_copy_in(dst, (void *)(uintptr_t)src, n, s, sync);
	if (h)
		return vg_copy_out((void *)(uintptr_t)dst, src, n, s, sync);
	return host_copy(dst, src, n, s, sync);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyHtoD_v2(CUdeviceptr dst, const void *src,
					   size_t n)
{
	return vg_copy_in(dst, src, n, vg_implicit_stream(), true);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyHtoDAsync_v2(CUdeviceptr dst,
						const void *src, size_t n,
						CUstream hStream)
{
	if (granted(src, n))
		return vg_copy(dst, (uintptr_t)src, n, hStream, false);
	return vg_copy_in(dst, src, n, hStream, false);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyDtoH_v2(void *dst, CUdeviceptr src, size_t n)
{
	return vg_copy_out(dst, src, n, vg_implicit_stream(), true);
}

/* To pinned memory without waiting; pageable memory has the bytes when the
 * call returns, as CUDA does it. */
VG_EXPORT CUresult CUDAAPI cuMemcpyDtoHAsync_v2(void *dst, CUdeviceptr src,
						size_t n, CUstream hStream)
{
	if (granted(dst, n))
		return vg_copy((uintptr_t)dst, src, n, hStream, false);
	return vg_copy_out(dst, src, n, hStream, false);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyDtoD_v2(CUdeviceptr dst, CUdeviceptr src,
					   size_t n)
{
	return vg_copy(dst, src, n, vg_implicit_stream(), false);
}

VG_EXPORT CUresult CUDAAPI cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t n)
{
	return any_copy(dst, src, n, vg_implicit_stream(), true);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src,
					 size_t n, CUstream hStream)
{
	return any_copy(dst, src, n, hStream, false);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyPeer(CUdeviceptr dst, CUcontext dctx,
					CUdeviceptr src, CUcontext sctx,
					size_t n)
{
	CUresult r = cuMemcpyPeerAsync(dst, dctx, src, sctx, n,
				       vg_implicit_stream());

	return r ? r : cuStreamSynchronize(vg_implicit_stream());
}

/* ---- fills: natively they do not wait either --------------------------- */

#define FILL(name, ctype) \
	VG_EXPORT CUresult CUDAAPI cuMemset##name##_v2(CUdeviceptr dst, \
						       ctype v, size_t n) \
	{ \
		return cuMemset##name##Async(dst, v, n, vg_implicit_stream()); \
	}
FILL(D8, unsigned char)
FILL(D16, unsigned short)
FILL(D32, unsigned int)

#define FILL2D(name, ctype) \
	VG_EXPORT CUresult CUDAAPI cuMemset##name##_v2(CUdeviceptr dst, \
			size_t pitch, ctype v, size_t w, size_t h) \
	{ \
		return cuMemset##name##Async(dst, pitch, v, w, h, \
					     vg_implicit_stream()); \
	}
FILL2D(D2D8, unsigned char)
FILL2D(D2D16, unsigned short)
FILL2D(D2D32, unsigned int)

// SPDX-License-Identifier: BSD-2-Clause
/*
 * copy.c - copies. All memory is this process's, so every kind of copy is the
 * same; what differs is which addresses are checked and who waits.
 */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>
#include <string.h>

enum side { HOST, DEVICE, EITHER };

static bool in_device(uint64_t addr)
{
	return addr - dev_base < dev_span;
}

/* Bytes from the first to the last one of a shape. */
static size_t extent(const struct copy_shape *c, size_t pitch, size_t slice)
{
	return (c->depth - 1) * slice + (c->height - 1) * pitch + c->width;
}

static bool side_ok(const void *p, enum side side, size_t n)
{
	uint64_t addr = (uint64_t)(uintptr_t)p;

	if (side == DEVICE || (side == EITHER && in_device(addr)))
		return mem_ok(addr, n);
	return p != NULL;
}

/* Host memory that may change or go away when the call returns. */
static bool pageable(const void *p, size_t n)
{
	return !mem_ok((uint64_t)(uintptr_t)p, n);
}

static bool stage(struct op *op)
{
	struct copy_shape *c = &op->copy;
	size_t n = extent(c, c->src_pitch, c->src_slice);

	op->staging = malloc(n);
	if (!op->staging)
		return false;
	memcpy(op->staging, c->src, n);
	c->src = op->staging;
	return true;
}

static bool idle(const struct sg_stream *s)
{
	return !s->last || s->last->done;
}

static CUresult copy_shape(const struct copy_shape *c, enum side to,
			   enum side from, CUstream h, bool sync)
{
	size_t to_n, from_n;
	struct sg_stream *s;
	CUresult r = stream_work(h, &s);
	struct sg_ctx *ctx;
	struct op *op;

	if (r)
		return r;
	if (!c->width || !c->height || !c->depth)
		return CUDA_SUCCESS;
	to_n = extent(c, c->dst_pitch, c->dst_slice);
	from_n = extent(c, c->src_pitch, c->src_slice);
	if (!side_ok(c->dst, to, to_n) || !side_ok(c->src, from, from_n))
		return CUDA_ERROR_INVALID_VALUE;
	ctx = s->ctx;
	if (s->capture)
		return sync ? capture_broken(s) : capture_copy(s, c);
	sync |= pageable(c->dst, to_n);
	pthread_mutex_lock(&sg_lock);
	op = op_new(OP_COPY, ctx);
	op->copy = *c;
	/* Copying pageable memory right away saves the staging copy. */
	if (!sync && pageable(c->src, from_n)) {
		sync = idle(s) && ((s->flags & CU_STREAM_NON_BLOCKING) ||
				   (s != ctx->legacy && idle(ctx->legacy)));
		if (!sync && !stage(op))
			sync = true;
	}
	if (sync)
		op_run_sync(op, s);
	else
		op_submit(op, s);
	pthread_mutex_unlock(&sg_lock);
	if (!sync)
		return CUDA_SUCCESS;
	printf_flush();
	return (CUresult)atomic_load(&ctx->error);
}

static CUresult linear(void *dst, const void *src, size_t n, enum side to,
		       enum side from, CUstream h, bool sync)
{
	struct copy_shape c = { .dst = dst, .src = src, .width = n,
				.height = 1, .depth = 1 };

	return copy_shape(&c, to, from, h, sync);
}

#define PTR(d) ((void *)(uintptr_t)(d))

CUresult cuMemcpyHtoD(CUdeviceptr dst, const void *src, size_t n)
{
	return linear(PTR(dst), src, n, DEVICE, HOST, NULL, true);
}

CUresult cuMemcpyDtoH(void *dst, CUdeviceptr src, size_t n)
{
	return linear(dst, PTR(src), n, HOST, DEVICE, NULL, true);
}

CUresult cuMemcpyDtoD(CUdeviceptr dst, CUdeviceptr src, size_t n)
{
	return linear(PTR(dst), PTR(src), n, DEVICE, DEVICE, NULL, true);
}

CUresult cuMemcpy(CUdeviceptr dst, CUdeviceptr src, size_t n)
{
	return linear(PTR(dst), PTR(src), n, EITHER, EITHER, NULL, true);
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr dst, const void *src, size_t n,
			   CUstream h)
{
	return linear(PTR(dst), src, n, DEVICE, HOST, h, false);
}

CUresult cuMemcpyDtoHAsync(void *dst, CUdeviceptr src, size_t n, CUstream h)
{
	return linear(dst, PTR(src), n, HOST, DEVICE, h, false);
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr dst, CUdeviceptr src, size_t n,
			   CUstream h)
{
	return linear(PTR(dst), PTR(src), n, DEVICE, DEVICE, h, false);
}

CUresult cuMemcpyAsync(CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream h)
{
	return linear(PTR(dst), PTR(src), n, EITHER, EITHER, h, false);
}

CUresult cuMemcpyBatchAsync(CUdeviceptr *dst, CUdeviceptr *src, size_t *n,
			    size_t count, CUmemcpyAttributes *attrs,
			    size_t *which, size_t nattrs, CUstream h)
{
	CUresult r = CUDA_SUCCESS;

	if (!dst || !src || !n || !attrs || !which || !nattrs || !count)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count && !r; i++)
		r = cuMemcpyAsync(dst[i], src[i], n[i], h);
	return r;
}

CUresult cuMemcpyPeer(CUdeviceptr dst, CUcontext to, CUdeviceptr src,
		      CUcontext from, size_t n)
{
	if (!handle_is(to, H_CTX) || !handle_is(from, H_CTX))
		return CUDA_ERROR_INVALID_CONTEXT;
	return cuMemcpyDtoD(dst, src, n);
}

CUresult cuMemcpyPeerAsync(CUdeviceptr dst, CUcontext to, CUdeviceptr src,
			   CUcontext from, size_t n, CUstream h)
{
	if (!handle_is(to, H_CTX) || !handle_is(from, H_CTX))
		return CUDA_ERROR_INVALID_CONTEXT;
	return cuMemcpyDtoDAsync(dst, src, n, h);
}

/* --- 2D and 3D ------------------------------------------------------------ */

static bool endpoint(CUmemorytype type, const void *host, CUdeviceptr dev,
		     uint8_t **base, enum side *side)
{
	if (type == CU_MEMORYTYPE_HOST) {
		*base = (uint8_t *)(uintptr_t)host;
		*side = HOST;
	} else if (type == CU_MEMORYTYPE_DEVICE) {
		*base = PTR(dev);
		*side = DEVICE;
	} else if (type == CU_MEMORYTYPE_UNIFIED) {
		*base = PTR(dev);
		*side = EITHER;
	} else {
		return false;	/* arrays: this device has no textures */
	}
	return true;
}

static CUresult copy2d(const CUDA_MEMCPY2D *p, CUstream h, bool sync)
{
	struct copy_shape c = { .depth = 1 };
	enum side to, from;
	uint8_t *dst, *src;

	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	if (!endpoint(p->dstMemoryType, p->dstHost, p->dstDevice, &dst, &to) ||
	    !endpoint(p->srcMemoryType, p->srcHost, p->srcDevice, &src, &from))
		return CUDA_ERROR_NOT_SUPPORTED;
	c.dst_pitch = p->dstPitch ? p->dstPitch : p->dstXInBytes +
						 p->WidthInBytes;
	c.src_pitch = p->srcPitch ? p->srcPitch : p->srcXInBytes +
						 p->WidthInBytes;
	if (p->dstXInBytes + p->WidthInBytes > c.dst_pitch ||
	    p->srcXInBytes + p->WidthInBytes > c.src_pitch)
		return CUDA_ERROR_INVALID_VALUE;
	c.dst = dst + p->dstY * c.dst_pitch + p->dstXInBytes;
	c.src = src + p->srcY * c.src_pitch + p->srcXInBytes;
	c.width = p->WidthInBytes;
	c.height = p->Height;
	return copy_shape(&c, to, from, h, sync);
}

CUresult cuMemcpy2D(const CUDA_MEMCPY2D *p)
{
	return copy2d(p, NULL, true);
}

CUresult cuMemcpy2DUnaligned(const CUDA_MEMCPY2D *p)
{
	return copy2d(p, NULL, true);
}

CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D *p, CUstream h)
{
	return copy2d(p, h, false);
}

static CUresult copy3d(const CUDA_MEMCPY3D *p, CUstream h, bool sync)
{
	struct copy_shape c = { 0 };
	size_t dst_h, src_h;
	enum side to, from;
	uint8_t *dst, *src;

	if (!p || p->srcLOD || p->dstLOD)
		return CUDA_ERROR_INVALID_VALUE;
	if (!endpoint(p->dstMemoryType, p->dstHost, p->dstDevice, &dst, &to) ||
	    !endpoint(p->srcMemoryType, p->srcHost, p->srcDevice, &src, &from))
		return CUDA_ERROR_NOT_SUPPORTED;
	c.dst_pitch = p->dstPitch ? p->dstPitch : p->dstXInBytes +
						 p->WidthInBytes;
	c.src_pitch = p->srcPitch ? p->srcPitch : p->srcXInBytes +
						 p->WidthInBytes;
	dst_h = p->dstHeight ? p->dstHeight : p->dstY + p->Height;
	src_h = p->srcHeight ? p->srcHeight : p->srcY + p->Height;
	if (p->dstXInBytes + p->WidthInBytes > c.dst_pitch ||
	    p->srcXInBytes + p->WidthInBytes > c.src_pitch)
		return CUDA_ERROR_INVALID_VALUE;
	c.dst_slice = c.dst_pitch * dst_h;
	c.src_slice = c.src_pitch * src_h;
	c.dst = dst + p->dstZ * c.dst_slice + p->dstY * c.dst_pitch +
		p->dstXInBytes;
	c.src = src + p->srcZ * c.src_slice + p->srcY * c.src_pitch +
		p->srcXInBytes;
	c.width = p->WidthInBytes;
	c.height = p->Height;
	c.depth = p->Depth;
	return copy_shape(&c, to, from, h, sync);
}

CUresult cuMemcpy3D(const CUDA_MEMCPY3D *p)
{
	return copy3d(p, NULL, true);
}

CUresult cuMemcpy3DAsync(const CUDA_MEMCPY3D *p, CUstream h)
{
	return copy3d(p, h, false);
}

/* --- memset: never waits -------------------------------------------------- */

static CUresult fill(CUdeviceptr dst, size_t pitch, uint32_t v,
		     unsigned int elem, size_t width, size_t height, CUstream h)
{
	struct copy_shape c = { .dst = PTR(dst), .width = width * elem,
				.height = height, .depth = 1,
				.dst_pitch = pitch };
	struct sg_stream *s;
	CUresult r = stream_work(h, &s);
	struct op *op;

	if (r)
		return r;
	/* NVIDIA's driver counts in 64 bits too: 2^62 words are no bytes. */
	if (!c.width || !height)
		return CUDA_SUCCESS;
	if (width > SIZE_MAX / elem || (dst & (elem - 1)) || (height > 1 && (pitch & (elem - 1))) ||
	    (height > 1 && pitch < c.width) ||
	    !mem_ok(dst, extent(&c, pitch, 0)))
		return CUDA_ERROR_INVALID_VALUE;
	if (s->capture) {
		CUDA_MEMSET_NODE_PARAMS m = { .dst = dst, .pitch = pitch,
					      .value = v, .elementSize = elem,
					      .width = width,
					      .height = height };

		return capture_fill(s, &m);
	}
	c.width = width;
	pthread_mutex_lock(&sg_lock);
	op = op_new(OP_FILL, s->ctx);
	op->copy = c;
	op->value = v;
	op->elem = elem;
	op_submit(op, s);
	pthread_mutex_unlock(&sg_lock);
	return CUDA_SUCCESS;
}

#define MEMSET(BITS, T)                                                    \
	CUresult cuMemsetD##BITS##Async(CUdeviceptr dst, T v, size_t n,    \
					CUstream h)                        \
	{                                                                  \
		return fill(dst, 0, v, BITS / 8, n, 1, h);                 \
	}                                                                  \
	CUresult cuMemsetD2D##BITS##Async(CUdeviceptr dst, size_t pitch, T v, \
					  size_t w, size_t n, CUstream h)  \
	{                                                                  \
		return fill(dst, pitch, v, BITS / 8, w, n, h);             \
	}
MEMSET(8, unsigned char)
MEMSET(16, unsigned short)
MEMSET(32, unsigned int)

CUresult cuMemsetD8(CUdeviceptr dst, unsigned char v, size_t n)
{
	return fill(dst, 0, v, 1, n, 1, NULL);
}

CUresult cuMemsetD16(CUdeviceptr dst, unsigned short v, size_t n)
{
	return fill(dst, 0, v, 2, n, 1, NULL);
}

CUresult cuMemsetD32(CUdeviceptr dst, unsigned int v, size_t n)
{
	return fill(dst, 0, v, 4, n, 1, NULL);
}

CUresult cuMemsetD2D8(CUdeviceptr dst, size_t pitch, unsigned char v, size_t w,
		      size_t n)
{
	return fill(dst, pitch, v, 1, w, n, NULL);
}

CUresult cuMemsetD2D16(CUdeviceptr dst, size_t pitch, unsigned short v,
		       size_t w, size_t n)
{
	return fill(dst, pitch, v, 2, w, n, NULL);
}

CUresult cuMemsetD2D32(CUdeviceptr dst, size_t pitch, unsigned int v, size_t w,
		       size_t n)
{
	return fill(dst, pitch, v, 4, w, n, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * copy3d.c - copies with pitch, of two and three dimensions, to and from
 * arrays. A side in the program's memory is packed into a piece of the window,
 * as many rows at a time as fit.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"

struct job {
	CUDA_MEMCPY3D c;       /* array handles are ids */
	uint32_t stream;
	bool sync;
	uint8_t *host;         /* the side in our memory, or NULL */
	uint64_t pitch, height, x, y, z;
	bool to_device;
};

static CUresult send(struct job *j, const CUDA_MEMCPY3D *c, uint32_t arena,
		     const struct vg_piece *p, bool wait)
{
	struct in_vgCopy2D in = { .arena = arena, .stream = j->stream,
				  .fence = p ? p->index : VGPU_FENCES,
				  .value = p ? p->value : 0 };
	struct vg_seg s = { &in, sizeof(in) };

	memcpy(in.copy, c, sizeof(*c));
	return wait ? vg_call(OP_vgCopy2D, &s, 1, NULL, 0) :
		      vg_post(OP_vgCopy2D, &s, 1);
}

static uint8_t *row_at(const struct job *j, uint64_t y, uint64_t z)
{
	return j->host + ((j->z + z) * j->height + j->y + y) * j->pitch + j->x;
}

static void pack(const struct job *j, const struct vg_piece *p, uint64_t y,
		 uint64_t z, uint64_t rows)
{
	uint64_t w = j->c.WidthInBytes;

	for (uint64_t i = 0; i < rows; i++)
		if (j->to_device)
			memcpy(p->base + i * w, row_at(j, y + i, z), w);
		else
			memcpy(row_at(j, y + i, z), p->base + i * w, w);
}

/* The part of the copy that goes through the piece. */
static CUDA_MEMCPY3D part(const struct job *j, const struct vg_piece *p,
			  uint64_t y, uint64_t z, uint64_t rows)
{
	CUDA_MEMCPY3D c = j->c;

	c.Height = rows;
	c.Depth = 1;
	if (j->to_device) {
		c.srcHost = (void *)(uintptr_t)p->offset;
		c.srcXInBytes = c.srcY = c.srcZ = 0;
		c.srcPitch = c.WidthInBytes;
		c.srcHeight = rows;
		c.dstY += y;
		c.dstZ += z;
	} else {
		c.dstHost = (void *)(uintptr_t)p->offset;
		c.dstXInBytes = c.dstY = c.dstZ = 0;
		c.dstPitch = c.WidthInBytes;
		c.dstHeight = rows;
		c.srcY += y;
		c.srcZ += z;
	}
	return c;
}

static CUresult one_part(struct job *j, uint64_t y, uint64_t z, uint64_t rows)
{
	struct vg_piece p;
	CUDA_MEMCPY3D c;
	CUresult r = vg_piece_take(&p, true);

	if (r)
		return r;
	if (j->to_device)
		pack(j, &p, y, z, rows);
	c = part(j, &p, y, z, rows);
	r = send(j, &c, p.arena, &p, false);
	if (r) {
		vg_piece_free(&p);
		return r;
	}
	if (j->to_device && !j->sync) {
		vg_piece_fly(&p);
		return CUDA_SUCCESS;
	}
	r = vg_piece_wait(&p);
	if (!r && !j->to_device)
		pack(j, &p, y, z, rows);
	vg_piece_free(&p);
	return r;
}

static CUresult staged(struct job *j)
{
	uint64_t w = j->c.WidthInBytes, rows;
	struct vg_piece probe;
	CUresult r = vg_piece_take(&probe, true);

	if (r)
		return r;
	rows = probe.size / w;
	vg_piece_free(&probe);
	if (!rows && w >> 47)
		return CUDA_ERROR_INVALID_VALUE; /* no row is that long */
	if (!rows)
		return vg_not_supported("copies of rows larger than a piece "
					"of the window");
	for (uint64_t z = 0; z < j->c.Depth && !r; z++)
		for (uint64_t y = 0; y < j->c.Height && !r; y += rows) {
			uint64_t left = j->c.Height - y;

			r = one_part(j, y, z, left < rows ? left : rows);
		}
	return r;
}

/* A unified side is the GPU's if we know it so. Pinned memory is known to the
 * host by the same address. */
static CUmemorytype side(CUmemorytype t, void **host, CUdeviceptr *dev)
{
	struct vg_range r;
	uint64_t addr = t == CU_MEMORYTYPE_HOST ? (uintptr_t)*host : *dev;

	if (t != CU_MEMORYTYPE_HOST && t != CU_MEMORYTYPE_UNIFIED)
		return t;
	if (vg_range_find(addr, &r) && r.kind != VG_RANGE_PLAIN) {
		*dev = vg_range_device(&r, addr);
		return CU_MEMORYTYPE_UNIFIED;
	}
	*host = (void *)(uintptr_t)addr;
	return CU_MEMORYTYPE_HOST;
}

/* Checked before any of the program's memory is touched: a size of nonsense is
 * an error, and not a crash. */
static bool plausible(const CUDA_MEMCPY3D *c, bool src)
{
	CUmemorytype type = src ? c->srcMemoryType : c->dstMemoryType;
	uint64_t dev = src ? c->srcDevice : c->dstDevice, from, len;

	if (type == CU_MEMORYTYPE_HOST)
		return !vg_nowhere((uintptr_t)(src ? c->srcHost : c->dstHost)) &&
		       vg_span(c, src, &from, &len);
	if (type == CU_MEMORYTYPE_ARRAY)
		return (src ? c->srcArray : c->dstArray) &&
		       vg_span(c, src, &from, &len);
	if (type != CU_MEMORYTYPE_DEVICE && type != CU_MEMORYTYPE_UNIFIED)
		return true;
	return vg_span(c, src, &from, &len) && dev && dev + from >= dev &&
	       (!len || vg_ends_on_gpu(dev + from, len));
}

static CUresult host_to_host(const CUDA_MEMCPY3D *c)
{
	uint64_t sh = c->srcHeight ? c->srcHeight : c->Height;
	uint64_t dh = c->dstHeight ? c->dstHeight : c->Height;

	for (uint64_t z = 0; z < c->Depth; z++)
		for (uint64_t y = 0; y < c->Height; y++)
			memmove((uint8_t *)c->dstHost + ((c->dstZ + z) * dh +
				c->dstY + y) * c->dstPitch + c->dstXInBytes,
				(const uint8_t *)c->srcHost + ((c->srcZ + z) *
				sh + c->srcY + y) * c->srcPitch +
				c->srcXInBytes, c->WidthInBytes);
	return CUDA_SUCCESS;
}

static void host_side(struct job *j)
{
	CUDA_MEMCPY3D *c = &j->c;
	bool src = c->srcMemoryType == CU_MEMORYTYPE_HOST;

	j->to_device = src;
	j->host = src ? (uint8_t *)(uintptr_t)c->srcHost : c->dstHost;
	j->pitch = src ? c->srcPitch : c->dstPitch;
	j->height = src ? c->srcHeight : c->dstHeight;
	j->x = src ? c->srcXInBytes : c->dstXInBytes;
	j->y = src ? c->srcY : c->dstY;
	j->z = src ? c->srcZ : c->dstZ;
	if (!j->pitch)
		j->pitch = j->x + c->WidthInBytes;
	if (!j->height)
		j->height = j->y + c->Height;
}

static CUresult copy3d(const CUDA_MEMCPY3D *p, CUstream s, bool sync)
{
	struct job j = { .sync = sync };
	CUDA_MEMCPY3D *c = &j.c;
	struct vg_ctx *ctx;
	CUresult r = vg_stream_in(s, &j.stream, &ctx);

	if (!r && !p)
		r = CUDA_ERROR_INVALID_VALUE;
	if (r)
		return r;
	*c = *p;
	if (!c->WidthInBytes || !c->Height || !c->Depth)
		return CUDA_SUCCESS;
	if (!sync && vg_captured(s, ctx) && shadow_needed(c))
		return vg_shadow_copy(c, s);
	c->srcMemoryType = side(c->srcMemoryType, (void **)&c->srcHost,
				&c->srcDevice);
	c->dstMemoryType = side(c->dstMemoryType, &c->dstHost, &c->dstDevice);
	if (!plausible(c, true) || !plausible(c, false))
		return CUDA_ERROR_INVALID_VALUE;
	if (c->srcMemoryType == CU_MEMORYTYPE_HOST &&
	    c->dstMemoryType == CU_MEMORYTYPE_HOST)
		return host_to_host(c);
	r = vg_fix_CUDA_MEMCPY3D(c);
	if (r)
		return r;
	if (c->srcMemoryType == CU_MEMORYTYPE_HOST ||
	    c->dstMemoryType == CU_MEMORYTYPE_HOST) {
		host_side(&j);
		r = staged(&j);
	} else {
		r = send(&j, c, VGPU_ARENAS, NULL, true);
	}
	vg_stream_touch(j.stream);
	if (!r && sync)
		r = vg_report(vg_stream_wait(j.stream));
	return r;
}

static CUDA_MEMCPY3D from_2d(const CUDA_MEMCPY2D *p)
{
	return (CUDA_MEMCPY3D){
		.srcXInBytes = p->srcXInBytes, .srcY = p->srcY,
		.srcMemoryType = p->srcMemoryType, .srcHost = p->srcHost,
		.srcDevice = p->srcDevice, .srcArray = p->srcArray,
		.srcPitch = p->srcPitch, .srcHeight = p->srcY + p->Height,
		.dstXInBytes = p->dstXInBytes, .dstY = p->dstY,
		.dstMemoryType = p->dstMemoryType, .dstHost = p->dstHost,
		.dstDevice = p->dstDevice, .dstArray = p->dstArray,
		.dstPitch = p->dstPitch, .dstHeight = p->dstY + p->Height,
		.WidthInBytes = p->WidthInBytes, .Height = p->Height,
		.Depth = 1,
	};
}

static CUresult copy2d(const CUDA_MEMCPY2D *p, CUstream s, bool sync)
{
	CUDA_MEMCPY3D c;

	if (!p)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	if ((p->srcPitch && p->srcPitch < p->WidthInBytes) ||
	    (p->dstPitch && p->dstPitch < p->WidthInBytes))
		return CUDA_ERROR_INVALID_VALUE;
	c = from_2d(p);
	return copy3d(&c, s, sync);
}

VG_EXPORT CUresult CUDAAPI cuMemcpy2D_v2(const CUDA_MEMCPY2D *p)
{
	return copy2d(p, vg_implicit_stream(), true);
}

VG_EXPORT CUresult CUDAAPI cuMemcpy2DUnaligned_v2(const CUDA_MEMCPY2D *p)
{
	return copy2d(p, vg_implicit_stream(), true);
}

VG_EXPORT CUresult CUDAAPI cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *p,
					      CUstream hStream)
{
	return copy2d(p, hStream, false);
}

VG_EXPORT CUresult CUDAAPI cuMemcpy3D_v2(const CUDA_MEMCPY3D *p)
{
	return copy3d(p, vg_implicit_stream(), true);
}

VG_EXPORT CUresult CUDAAPI cuMemcpy3DAsync_v2(const CUDA_MEMCPY3D *p,
					      CUstream hStream)
{
	return copy3d(p, hStream, false);
}

/* ---- arrays of one dimension ------------------------------------------- */

static CUresult array_copy(CUarray a, uint64_t off, void *host, uint64_t n,
			   bool to_array, CUstream s, bool sync)
{
	CUDA_MEMCPY3D c = { .WidthInBytes = n, .Height = 1, .Depth = 1 };

	if (to_array) {
		c.srcMemoryType = CU_MEMORYTYPE_HOST;
		c.srcHost = host;
		c.dstMemoryType = CU_MEMORYTYPE_ARRAY;
		c.dstArray = a;
		c.dstXInBytes = off;
	} else {
		c.dstMemoryType = CU_MEMORYTYPE_HOST;
		c.dstHost = host;
		c.srcMemoryType = CU_MEMORYTYPE_ARRAY;
		c.srcArray = a;
		c.srcXInBytes = off;
	}
	return copy3d(&c, s, sync);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyAtoH_v2(void *dst, CUarray a, size_t off,
					   size_t n)
{
	return array_copy(a, off, dst, n, false, vg_implicit_stream(), true);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyHtoA_v2(CUarray a, size_t off,
					   const void *src, size_t n)
{
	return array_copy(a, off, (void *)(uintptr_t)src, n, true,
			  vg_implicit_stream(), true);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyAtoHAsync_v2(void *dst, CUarray a,
						size_t off, size_t n,
						CUstream hStream)
{
	return array_copy(a, off, dst, n, false, hStream, false);
}

VG_EXPORT CUresult CUDAAPI cuMemcpyHtoAAsync_v2(CUarray a, size_t off,
						const void *src, size_t n,
						CUstream hStream)
{
	return array_copy(a, off, (void *)(uintptr_t)src, n, true, hStream,
			  false);
}

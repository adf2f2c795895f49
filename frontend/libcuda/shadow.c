// SPDX-License-Identifier: BSD-2-Clause
/*
 * shadow.c - copies in graphs whose host side is the program's own memory. A
 * graph reads and writes that memory when it runs, and the host's driver has
 * none of it. So the copy goes to or from granted memory, its shadow, which a
 * host function of ours, in the graph before or after the copy, fills from or
 * gives to the program's memory, in the same order as the copy itself.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/shadow.h"

/* ---- host functions ---------------------------------------------------- */

static uint8_t *row_of(const struct shape *s, uint64_t y, uint64_t z)
{
	return s->host + ((s->z + z) * s->height + s->y + y) * s->pitch + s->x;
}

static void move_rows(const struct shadow *h, bool give)
{
	const struct shape *s = &h->of;
	uint8_t *at = h->copy;

	for (uint64_t z = 0; z < s->slices; z++)
		for (uint64_t y = 0; y < s->rows; y++, at += s->width)
			if (give)
				memcpy(row_of(s, y, z), at, s->width);
			else
				memcpy(at, row_of(s, y, z), s->width);
}

static void CUDA_CB fill(void *arg)
{
	move_rows(arg, false);
}

static void CUDA_CB give(void *arg)
{
	move_rows(arg, true);
}

/* ---- the two sides of a copy ------------------------------------------- */

static bool pageable(CUmemorytype type, const void *host, uint64_t unified)
{
	uint64_t addr = type == CU_MEMORYTYPE_HOST ? (uintptr_t)host : unified;
	struct vg_range range;
	bool found;

	if (type != CU_MEMORYTYPE_HOST && type != CU_MEMORYTYPE_UNIFIED)
		return false;
	found = vg_range_find(addr, &range);
	/* Unified and not known to us may be the GPU's: the host judges. */
	return found ? range.kind == VG_RANGE_PLAIN :
		       type == CU_MEMORYTYPE_HOST;
}

bool shadow_needed(const CUDA_MEMCPY3D *c)
{
	return pageable(c->srcMemoryType, c->srcHost, c->srcDevice) ||
	       pageable(c->dstMemoryType, c->dstHost, c->dstDevice);
}

/* Pinned memory, too, where a node has functions that move it already. */
static bool shadowed(const struct shadow_owner *o, CUmemorytype type,
		     const void *host, uint64_t unified)
{
	struct vg_range range;

	if (pageable(type, host, unified))
		return true;
	return o->pinned && (type == CU_MEMORYTYPE_HOST ||
			     (type == CU_MEMORYTYPE_UNIFIED &&
			      vg_range_find(unified, &range) &&
			      range.kind == VG_RANGE_PINNED && !range.device));
}

static CUresult source(const struct shadow_owner *o, CUDA_MEMCPY3D *c,
		       struct shadow **ret)
{
	struct shape s = { NULL, c->srcPitch, c->srcHeight, c->srcXInBytes,
			   c->srcY, c->srcZ, c->WidthInBytes, c->Height,
			   c->Depth };
	CUresult r;

	if (!shadowed(o, c->srcMemoryType, c->srcHost, c->srcDevice))
		return CUDA_SUCCESS;
	s.host = c->srcMemoryType == CU_MEMORYTYPE_HOST ?
		 (uint8_t *)(uintptr_t)c->srcHost :
		 (uint8_t *)(uintptr_t)c->srcDevice;
	s.pitch = s.pitch ? s.pitch : s.x + s.width;
	s.height = s.height ? s.height : s.y + s.rows;
	r = shadow_new(o, &s, ret);
	if (r)
		return r;
	c->srcMemoryType = CU_MEMORYTYPE_HOST;
	c->srcHost = (*ret)->copy;
	c->srcPitch = s.width;
	c->srcHeight = s.rows;
	c->srcXInBytes = c->srcY = c->srcZ = 0;
	return CUDA_SUCCESS;
}

static CUresult target(const struct shadow_owner *o, CUDA_MEMCPY3D *c,
		       struct shadow **ret)
{
	struct shape s = { NULL, c->dstPitch, c->dstHeight, c->dstXInBytes,
			   c->dstY, c->dstZ, c->WidthInBytes, c->Height,
			   c->Depth };
	CUresult r;

	if (!shadowed(o, c->dstMemoryType, c->dstHost, c->dstDevice))
		return CUDA_SUCCESS;
	s.host = c->dstMemoryType == CU_MEMORYTYPE_HOST ?
		 (uint8_t *)c->dstHost : (uint8_t *)(uintptr_t)c->dstDevice;
	s.pitch = s.pitch ? s.pitch : s.x + s.width;
	s.height = s.height ? s.height : s.y + s.rows;
	r = shadow_new(o, &s, ret);
	if (r)
		return r;
	c->dstMemoryType = CU_MEMORYTYPE_HOST;
	c->dstHost = (*ret)->copy;
	c->dstPitch = s.width;
	c->dstHeight = s.rows;
	c->dstXInBytes = c->dstY = c->dstZ = 0;
	return CUDA_SUCCESS;
}

static CUresult both(const struct shadow_owner *o, CUDA_MEMCPY3D *c,
		     struct shadow **from, struct shadow **to)
{
	CUresult r = source(o, c, from);

	return r ? r : target(o, c, to);
}

/* ---- captured ---------------------------------------------------------- */

bool vg_captured(CUstream s, const struct vg_ctx *c)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;

	return unlikely(atomic_load(&c->capturing)) &&
	       !cuStreamIsCapturing(s, &status) &&
	       status == CU_STREAM_CAPTURE_STATUS_ACTIVE;
}

CUresult vg_shadow_copy(const CUDA_MEMCPY3D *p, CUstream s)
{
	struct shadow *from = NULL, *to = NULL;
	CUDA_MEMCPY3D c = *p;
	CUresult r = both(&(struct shadow_owner){ .stream = s }, &c, &from,
			  &to);

	if (!r && from)
		r = cuLaunchHostFunc(s, fill, from);
	if (!r)
		r = cuMemcpy3DAsync_v2(&c, s);
	if (!r && to)
		r = cuLaunchHostFunc(s, give, to);
	return r;
}

CUresult vg_shadow_linear(uint64_t dst, uint64_t src, uint64_t n, bool in,
			  CUstream s)
{
	CUDA_MEMCPY3D c = { .WidthInBytes = n, .Height = 1, .Depth = 1 };
	struct shadow *from = NULL, *to = NULL;
	CUresult r;

	c.srcMemoryType = in ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
	c.dstMemoryType = in ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
	if (in) {
		c.srcHost = (const void *)(uintptr_t)src;
		c.dstDevice = dst;
	} else {
		c.srcDevice = src;
		c.dstHost = (void *)(uintptr_t)dst;
	}
	r = both(&(struct shadow_owner){ .stream = s }, &c, &from, &to);
	if (!r && from)
		r = cuLaunchHostFunc(s, fill, from);
	if (!r)
		r = vg_copy(to ? (uintptr_t)to->copy : dst,
			    from ? (uintptr_t)from->copy : src, n, s, false);
	if (!r && to)
		r = cuLaunchHostFunc(s, give, to);
	return r;
}

/* ---- put into a graph by hand ------------------------------------------ */

static CUresult add_function(CUgraph g, CUgraphNode *last, CUhostFn fn,
			     struct shadow *h)
{
	CUDA_HOST_NODE_PARAMS p = { fn, h };
	CUgraphNode n;
	CUresult r;

	if (!h)
		return CUDA_SUCCESS;
	r = cuGraphAddHostNode(&n, g, last, *last != NULL, &p);
	*last = n;
	return r;
}

static CUresult add_copy(CUgraph g, CUgraphNode *last, const CUDA_MEMCPY3D *c,
			 CUcontext ctx)
{
	CUgraphNode n;
	CUresult r = cuGraphAddMemcpyNode(&n, g, last, *last != NULL, c, ctx);

	*last = n;
	return r;
}

/* A graph that does the copy: one node, whoever depends on what. */
CUresult shadow_graph(const CUDA_MEMCPY_NODE_PARAMS *p, bool pinned,
		      CUgraph *ret)
{
	struct shadow *from = NULL, *to = NULL;
	CUDA_MEMCPY3D c = p->copyParams;
	CUgraphNode last = NULL;
	CUresult r = cuGraphCreate(ret, 0);

	if (r)
		return r;
	r = both(&(struct shadow_owner){ .graph = *ret, .pinned = pinned }, &c,
		 &from, &to);
	if (!r)
		r = add_function(*ret, &last, fill, from);
	if (!r)
		r = add_copy(*ret, &last, &c, p->copyCtx);
	if (!r)
		r = add_function(*ret, &last, give, to);
	if (r)
		cuGraphDestroy(*ret);
	return r;
}

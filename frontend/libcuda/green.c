// SPDX-License-Identifier: BSD-2-Clause
/*
 * green.c - green contexts: the host makes them, the library numbers the
 * ordinary context that each can be seen as, and its streams.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <pthread.h>

#include "frontend/libcuda/cls.h"
#include "frontend/libcuda/place.h"

struct green {
	uint32_t ctx;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Streams of green contexts count from here: apart from the others. */
static _Atomic uint64_t next_unique = 1ull << 40;

static CUresult green_id(CUgreenCtx green, uint32_t *id)
{
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_GREENCTX, (uintptr_t)green, id);
	return !r && !*id ? CUDA_ERROR_INVALID_CONTEXT : r;
}

static CUresult make_ctx(uint32_t id, struct vg_ctx **ret)
{
	struct in_vgGreen in = { .green = id };
	struct out_vgGreen out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	struct green *g = malloc(sizeof(*g));
	struct vg_ctx *c = g ? vg_ctx_new(0, false) : NULL;
	CUresult r;

	if (!c) {
		free(g);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	in.ctx = g->ctx = c->id;
	r = vg_call(OP_vgGreenCtx, &s, 1, &o, 1);
	if (!r && !vg_handle_set_state(KIND_GREENCTX, id, g))
		r = CUDA_ERROR_OUT_OF_MEMORY;
	if (r) {
		free(g);
		vg_handle_del(KIND_CTX, c->id);
		return r;
	}
	c->dev = vg_guest_device(out.device);
	c->green = id;
	atomic_store(&c->active, true);
	*ret = c;
	return CUDA_SUCCESS;
}

/* The context that a green one is seen as: the same each time. */
static CUresult ctx_of(uint32_t id, struct vg_ctx **ret)
{
	CUresult r = CUDA_SUCCESS;
	struct green *g;

	pthread_mutex_lock(&lock);
	g = vg_handle_state(KIND_GREENCTX, id);
	*ret = g ? vg_handle_state(KIND_CTX, g->ctx) : NULL;
	if (!*ret || (*ret)->green != id)
		r = make_ctx(id, ret);
	pthread_mutex_unlock(&lock);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuCtxFromGreenCtx(CUcontext *ctx, CUgreenCtx green)
{
	struct vg_ctx *c;
	uint32_t id;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	r = green_id(green, &id);
	if (!r)
		r = ctx_of(id, &c);
	if (!r)
		*ctx = (CUcontext)vg_handle_out(KIND_CTX, c->id);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuGreenCtxDestroy(CUgreenCtx green)
{
	struct in_vgGreen in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct green *g;
	CUresult r = green_id(green, &in.green);

	if (r)
		return r;
	g = vg_handle_state(KIND_GREENCTX, in.green);
	in.ctx = g ? g->ctx : 0;
	if (in.ctx)
		cls_context_died((CUcontext)vg_handle_out(KIND_CTX, in.ctx));
	r = vg_call(OP_vgGreenDestroy, &s, 1, NULL, 0);
	vg_ctx_ended();
	if (r)
		return r;
	vg_handle_del(KIND_GREENCTX, in.green);
	if (in.ctx) {
		vg_ctx_streams_die(in.ctx);
		vg_handle_del(KIND_CTX, in.ctx);
	}
	return CUDA_SUCCESS;
}

/* ---- streams ----------------------------------------------------------- */

static int clamped(const struct vg_ctx *c, int priority)
{
	int least = vg_devices[c->dev].info.priority_least;
	int best = vg_devices[c->dev].info.priority_greatest;

	return priority < best ? best : priority > least ? least : priority;
}

static CUresult make_stream(uint32_t green, const struct vg_ctx *c,
			    unsigned int flags, int priority, uint32_t *id)
{
	struct in_vgGreenStream in = { .green = green, .flags = flags,
				       .priority = priority };
	struct vg_seg seg = { &in, sizeof(in) };
	struct vg_stream *st = calloc(1, sizeof(*st));
	CUresult r;

	if (!st)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = vg_handle_new(KIND_STREAM, id);
	if (r) {
		free(st);
		return r;
	}
	st->flags = flags;
	st->priority = priority;
	st->ctx = c->id;
	st->unique = next_unique++;
	vg_handle_set_state(KIND_STREAM, *id, st);
	in.stream = *id;
	r = vg_call(OP_vgGreenStream, &seg, 1, NULL, 0);
	if (r)
		vg_handle_del(KIND_STREAM, *id);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuGreenCtxStreamCreate(CUstream *stream,
						  CUgreenCtx green,
						  unsigned int flags,
						  int priority)
{
	struct vg_ctx *c;
	uint32_t id, sid;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!stream)
		return CUDA_ERROR_INVALID_VALUE;
	r = green_id(green, &id);
	if (!r && flags != CU_STREAM_NON_BLOCKING)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = ctx_of(id, &c);
	if (!r)
		r = make_stream(id, c, flags, clamped(c, priority), &sid);
	if (!r)
		*stream = (CUstream)vg_handle_out(KIND_STREAM, sid);
	return r;
}

static CUresult green_of(CUstream hStream, struct vg_ctx **c, CUgreenCtx *green)
{
	CUcontext ctx;
	CUresult r = cuStreamGetCtx(hStream, &ctx);

	if (r)
		return r;
	*c = vg_ctx_of(ctx);
	*green = *c ? (CUgreenCtx)vg_handle_out(KIND_GREENCTX, (*c)->green) :
		      NULL;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuStreamGetGreenCtx(CUstream hStream,
					       CUgreenCtx *green)
{
	struct vg_ctx *c;
	CUgreenCtx g;
	CUresult r = green_of(hStream, &c, &g);

	if (r)
		return r;
	if (!green)
		return CUDA_ERROR_INVALID_VALUE;
	*green = g;
	return CUDA_SUCCESS;
}

/* Of a green stream the context is the device's primary one. */
VG_EXPORT CUresult CUDAAPI cuStreamGetCtx_v2(CUstream hStream, CUcontext *pctx,
					     CUgreenCtx *green)
{
	struct vg_ctx *c;
	CUcontext ctx;
	CUgreenCtx g;
	CUresult r = green_of(hStream, &c, &g);

	if (r)
		return r;
	if (!pctx && !green)
		return CUDA_ERROR_INVALID_VALUE;
	ctx = vg_ctx_handle(c);
	if (g)
		r = vg_primary_handle(c->dev, &ctx);
	if (!r && pctx)
		*pctx = ctx;
	if (!r && green)
		*green = g;
	return r;
}

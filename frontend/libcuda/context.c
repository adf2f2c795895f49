// SPDX-License-Identifier: BSD-2-Clause
/*
 * context.c - the thread's stack of contexts, and what a context is. None of
 * it asks the host.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

_Thread_local struct vg_thread vg_thread;
_Thread_local int vg_ptds;

/* ---- the stack --------------------------------------------------------- */

struct vg_ctx *vg_ctx(void)
{
	return vg_thread.depth ? vg_thread.stack[vg_thread.depth - 1] : NULL;
}

CUcontext vg_ctx_handle(const struct vg_ctx *c)
{
	return c ? (CUcontext)vg_handle_out(KIND_CTX, c->id) : NULL;
}

CUcontext vg_ctx_current(void)
{
	return vg_ctx_handle(vg_ctx());
}

struct vg_ctx *vg_ctx_of(CUcontext c)
{
	uint32_t id;

	if (!c || vg_handle_in(KIND_CTX, (uintptr_t)c, &id))
		return NULL;
	return vg_handle_state(KIND_CTX, id);
}

struct vg_ctx *vg_ctx_ever(CUcontext c)
{
	uint32_t id;
	CUresult r = c ? vg_handle_in(KIND_CTX, (uintptr_t)c, &id) :
			 CUDA_ERROR_INVALID_CONTEXT;

	return r == CUDA_ERROR_CONTEXT_IS_DESTROYED ?
	       vg_handle_buried(KIND_CTX, id) : r ? NULL :
	       vg_handle_state(KIND_CTX, id);
}

CUresult vg_ctx_push(struct vg_ctx *c)
{
	if (vg_thread.depth == VG_STACK_MAX)
		return CUDA_ERROR_OUT_OF_MEMORY;
	atomic_fetch_add(&c->places, 1);
	vg_thread.stack[vg_thread.depth++] = c;
	return CUDA_SUCCESS;
}

void vg_ctx_pop(void)
{
	struct vg_ctx *c = vg_thread.stack[--vg_thread.depth];

	if (atomic_fetch_sub(&c->places, 1) == 1 &&
	    atomic_load(&c->destroyed))
		vg_handle_del(KIND_CTX, c->id);
}

void vg_ctx_destroyed(struct vg_ctx *c)
{
	vg_handle_bury(KIND_CTX, c->id);
	atomic_store(&c->destroyed, true);
	if (!atomic_load(&c->places))
		vg_handle_del(KIND_CTX, c->id);
}

/* Destroyed, or a primary one between its end and its next retain. */
static bool is_dead(const struct vg_ctx *c)
{
	return atomic_load(&c->sticky) == CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

CUresult vg_need_ctx(struct vg_ctx **ret)
{
	CUresult r = vg_enter();

	if (r)
		return r;
	*ret = vg_ctx();
	return *ret ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

VG_EXPORT CUresult CUDAAPI cuCtxGetCurrent(CUcontext *pctx)
{
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	*pctx = vg_ctx_current();
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxSetCurrent(CUcontext ctx)
{
	struct vg_ctx *c = vg_ctx_ever(ctx);
	CUresult r = vg_enter();

	if (r)
		return r;
	if (ctx && !c)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (c && c == vg_ctx())
		return CUDA_SUCCESS;
	if (vg_thread.depth)
		vg_ctx_pop();
	return c ? vg_ctx_push(c) : CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxPushCurrent_v2(CUcontext ctx)
{
	struct vg_ctx *c = vg_ctx_ever(ctx);
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	return c ? vg_ctx_push(c) : CUDA_ERROR_INVALID_CONTEXT;
}

VG_EXPORT CUresult CUDAAPI cuCtxPopCurrent_v2(CUcontext *pctx)
{
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!vg_thread.depth)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (pctx)
		*pctx = vg_ctx_current();
	vg_ctx_pop();
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxPushCurrent(CUcontext ctx)
{
	return cuCtxPushCurrent_v2(ctx);
}

VG_EXPORT CUresult CUDAAPI cuCtxPopCurrent(CUcontext *pctx)
{
	return cuCtxPopCurrent_v2(pctx);
}

/* A stream brings its context along: with one that is not a default stream
 * no context need be current. @id: the stream's. */
CUresult vg_stream_in(CUstream s, uint32_t *id, struct vg_ctx **c)
{
	CUresult r = vg_enter();
	struct vg_stream *state;

	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)s, id);
	if (r)
		return r;
	state = *id > VGPU_STREAM_LEGACY ? vg_handle_state(KIND_STREAM, *id) :
					   NULL;
	*c = state ? vg_handle_state(KIND_CTX, state->ctx) : vg_ctx();
	return *c ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

/* ---- what a context is ------------------------------------------------- */

CUresult vg_ctx_or_current(CUcontext ctx, struct vg_ctx **ret)
{
	CUresult r = vg_enter();

	if (r)
		return r;
	*ret = ctx ? vg_ctx_of(ctx) : vg_ctx();
	return *ret ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}

VG_EXPORT CUresult CUDAAPI cuCtxGetDevice_v2(CUdevice *device, CUcontext ctx)
{
	struct vg_ctx *c;
	CUresult r = vg_ctx_or_current(ctx, &c);

	if (r)
		return r;
	if (!device)
		return CUDA_ERROR_INVALID_VALUE;
	*device = c->dev;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxGetDevice(CUdevice *device)
{
	return cuCtxGetDevice_v2(device, NULL);
}

VG_EXPORT CUresult CUDAAPI cuCtxGetApiVersion(CUcontext ctx,
					      unsigned int *version)
{
	struct vg_ctx *c;
	CUresult r = vg_ctx_or_current(ctx, &c);

	if (r)
		return r;
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	if (is_dead(c)) /* natively another answer than for the others */
		return CUDA_ERROR_INVALID_CONTEXT;
	*version = c->api_version;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxGetFlags(unsigned int *flags)
{
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!flags)
		return CUDA_ERROR_INVALID_VALUE;
	*flags = c->primary ? vg_devices[c->dev].primary_flags : c->flags;
	return CUDA_SUCCESS;
}

uint64_t vg_ctx_id(CUcontext ctx, CUresult *ret)
{
	struct vg_ctx *c;

	*ret = vg_ctx_or_current(ctx, &c);
	if (!*ret && is_dead(c))
		*ret = CUDA_ERROR_CONTEXT_IS_DESTROYED;
	return *ret ? 0 : c->unique;
}

VG_EXPORT CUresult CUDAAPI cuCtxGetId(CUcontext ctx, unsigned long long *id)
{
	CUresult r;
	uint64_t v = vg_ctx_id(ctx, &r);

	if (r)
		return r;
	if (!id)
		return CUDA_ERROR_INVALID_VALUE;
	*id = v;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxGetStreamPriorityRange(int *least,
						       int *greatest)
{
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (is_dead(c))
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	if (least)
		*least = vg_devices[c->dev].info.priority_least;
	if (greatest)
		*greatest = vg_devices[c->dev].info.priority_greatest;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxAttach(CUcontext *pctx, unsigned int flags)
{
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!pctx || flags)
		return CUDA_ERROR_INVALID_VALUE;
	*pctx = vg_ctx_handle(c);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxDetach(CUcontext ctx)
{
	CUresult r = vg_enter();

	return r ? r : vg_ctx_of(ctx) ? CUDA_SUCCESS :
					CUDA_ERROR_INVALID_CONTEXT;
}

VG_EXPORT CUresult CUDAAPI
cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
	CUstreamCaptureMode old = (CUstreamCaptureMode)vg_thread.capture_mode;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	vg_thread.capture_mode = (uint32_t)*mode; /* unchecked, as natively */
	*mode = old;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
	const char *e = getenv("CUDA_MODULE_LOADING");
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	*mode = e && !strcmp(e, "EAGER") ? CU_MODULE_EAGER_LOADING :
					   CU_MODULE_LAZY_LOADING;
	return CUDA_SUCCESS;
}

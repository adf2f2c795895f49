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
	struct vg_ctx *c = vg_ctx_of(ctx);
	CUresult r = vg_enter();

	if (r)
		return r;
	if (ctx && !c)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (!c) {
		if (vg_thread.depth)
			vg_thread.depth--;
		return CUDA_SUCCESS;
	}
	if (!vg_thread.depth)
		vg_thread.depth = 1;
	vg_thread.stack[vg_thread.depth - 1] = c;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxPushCurrent_v2(CUcontext ctx)
{
	struct vg_ctx *c = vg_ctx_of(ctx);
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!c)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (vg_thread.depth == VG_STACK_MAX)
		return CUDA_ERROR_OUT_OF_MEMORY;
	vg_thread.stack[vg_thread.depth++] = c;
	return CUDA_SUCCESS;
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
	vg_thread.depth--;
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

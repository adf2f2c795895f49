// SPDX-License-Identifier: BSD-2-Clause
/*
 * context.c - the thread's stack of contexts, primary and created contexts.
 * Only bringing one to life, ending it and waiting for it ask the host.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <pthread.h>

#include "frontend/libcuda/cls.h"

_Thread_local struct vg_thread vg_thread;
_Thread_local int vg_ptds;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t next_unique = 1;

/* ---- the stack --------------------------------------------------------- */

struct vg_ctx *vg_ctx(void)
{
	return vg_thread.depth ? vg_thread.stack[vg_thread.depth - 1] : NULL;
}

static CUcontext handle_of(const struct vg_ctx *c)
{
	return c ? (CUcontext)vg_handle_out(KIND_CTX, c->id) : NULL;
}

CUcontext vg_ctx_current(void)
{
	return handle_of(vg_ctx());
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

static CUresult ctx_or_current(CUcontext ctx, struct vg_ctx **ret)
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
	CUresult r = ctx_or_current(ctx, &c);

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
	CUresult r = ctx_or_current(ctx, &c);

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

	*ret = ctx_or_current(ctx, &c);
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
	*pctx = handle_of(c);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxDetach(CUcontext ctx)
{
	struct vg_ctx *c;

	return ctx_or_current(ctx, &c);
}

VG_EXPORT CUresult CUDAAPI
cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
	CUstreamCaptureMode old = vg_thread.capture_mode;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!mode || *mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_ERROR_INVALID_VALUE;
	vg_thread.capture_mode = (uint8_t)*mode;
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

/* ---- coming to life ---------------------------------------------------- */

struct vg_ctx *vg_ctx_new(CUdevice dev, bool primary)
{
	struct vg_ctx *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->dev = dev;
	c->primary = primary;
	c->unique = next_unique++;
	c->api_version = 3020;
	if (vg_handle_new(KIND_CTX, &c->id)) {
		free(c);
		return NULL;
	}
	vg_handle_set_state(KIND_CTX, c->id, c);
	return c;
}

/* The primary context's handle is known before the context exists. */
static struct vg_ctx *primary_of(CUdevice dev)
{
	struct vg_device *d = vg_device(dev);

	if (!d)
		return NULL;
	pthread_mutex_lock(&lock);
	if (!d->primary)
		d->primary = vg_ctx_new(dev, true);
	pthread_mutex_unlock(&lock);
	return d->primary;
}

CUresult vg_primary_handle(CUdevice dev, CUcontext *ret)
{
	struct vg_ctx *c;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!vg_device(dev))
		return CUDA_ERROR_INVALID_DEVICE;
	c = primary_of(dev);
	*ret = handle_of(c);
	return c ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult primary_call(enum vgpu_op op, struct vg_device *d,
			     struct out_vgPrimary *out)
{
	struct in_vgPrimary in = { .device = (int32_t)d->host_index,
				   .ctx = d->primary ? d->primary->id : 0,
				   .flags = d->primary_flags };
	struct vg_seg s = { &in, sizeof(in) }, o = { out, sizeof(*out) };
	struct vg_opts none = { .use_ctx = true };

	return vg_call_opts(op, &s, 1, &o, out ? 1 : 0, &none);
}

static CUresult bring_up(struct vg_device *d)
{
	struct out_vgPrimary out = { 0 };
	CUresult r = primary_call(OP_vgPrimaryRetain, d, &out);

	if (r)
		return r;
	d->info.priority_least = out.priority_least;
	d->info.priority_greatest = out.priority_greatest;
	if (out.api_version)
		d->primary->api_version = out.api_version;
	atomic_store(&d->primary->active, true);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDevicePrimaryCtxRetain(CUcontext *pctx,
						    CUdevice dev)
{
	struct vg_device *d = vg_device(dev);
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!d)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!primary_of(dev))
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&lock);
	if (!atomic_load(&d->primary->active))
		r = bring_up(d);
	if (!r) {
		d->primary_refs++;
		*pctx = handle_of(d->primary);
	}
	pthread_mutex_unlock(&lock);
	return r;
}

static void forget(struct vg_ctx *c)
{
	atomic_store(&c->active, false);
	atomic_store(&c->sticky, 0);
	atomic_store(&c->limits_known, false);
	atomic_store(&c->capturing, 0);
	c->unique = next_unique++;
}

/* Destructors of context-local storage run while the context still works. */
static CUresult end_primary(struct vg_device *d, enum vgpu_op op)
{
	CUresult r;

	cls_context_died(handle_of(d->primary));
	r = primary_call(op, d, NULL);
	forget(d->primary);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
	struct vg_device *d = vg_device(dev);
	bool last = false;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!d)
		return CUDA_ERROR_INVALID_DEVICE;
	pthread_mutex_lock(&lock);
	if (!d->primary_refs)
		r = CUDA_ERROR_INVALID_CONTEXT;
	else
		last = --d->primary_refs == 0;
	pthread_mutex_unlock(&lock);
	return last ? end_primary(d, OP_vgPrimaryRelease) : r;
}

VG_EXPORT CUresult CUDAAPI cuDevicePrimaryCtxReset_v2(CUdevice dev)
{
	struct vg_device *d = vg_device(dev);
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!d)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!d->primary || !atomic_load(&d->primary->active))
		return CUDA_SUCCESS;
	r = end_primary(d, OP_vgPrimaryReset);
	d->primary_flags = 0;
	/* Those who retained it still may use it: it comes back empty. */
	if (!r && d->primary_refs) {
		pthread_mutex_lock(&lock);
		r = bring_up(d);
		pthread_mutex_unlock(&lock);
	}
	return r;
}

VG_EXPORT CUresult CUDAAPI cuDevicePrimaryCtxSetFlags_v2(CUdevice dev,
							 unsigned int flags)
{
	struct vg_device *d = vg_device(dev);
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!d)
		return CUDA_ERROR_INVALID_DEVICE;
	if (flags & ~(unsigned int)CU_CTX_FLAGS_MASK ||
	    (flags & CU_CTX_SCHED_MASK) == 3)
		return CUDA_ERROR_INVALID_VALUE;
	d->primary_flags = flags;
	if (d->primary && atomic_load(&d->primary->active))
		return primary_call(OP_vgPrimarySetFlags, d, NULL);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDevicePrimaryCtxGetState(CUdevice dev,
						      unsigned int *flags,
						      int *active)
{
	struct vg_device *d = vg_device(dev);
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!d)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!flags || !active)
		return CUDA_ERROR_INVALID_VALUE;
	*flags = d->primary_flags;
	*active = d->primary && atomic_load(&d->primary->active);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDevicePrimaryCtxRelease(CUdevice dev)
{
	return cuDevicePrimaryCtxRelease_v2(dev);
}

VG_EXPORT CUresult CUDAAPI cuDevicePrimaryCtxReset(CUdevice dev)
{
	return cuDevicePrimaryCtxReset_v2(dev);
}

VG_EXPORT CUresult CUDAAPI cuDevicePrimaryCtxSetFlags(CUdevice dev,
						      unsigned int flags)
{
	return cuDevicePrimaryCtxSetFlags_v2(dev, flags);
}

/* ---- created contexts -------------------------------------------------- */

VG_EXPORT CUresult CUDAAPI cuCtxCreate_v2(CUcontext *pctx, unsigned int flags,
					  CUdevice dev)
{
	struct vg_device *d = vg_device(dev);
	struct out_vgPrimary out = { 0 };
	struct in_vgCtxCreate in = { .flags = flags };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	struct vg_opts none = { .use_ctx = true };
	struct vg_ctx *c;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!d)
		return CUDA_ERROR_INVALID_DEVICE;
	if (vg_thread.depth == VG_STACK_MAX || !(c = vg_ctx_new(dev, false)))
		return CUDA_ERROR_OUT_OF_MEMORY;
	in.ctx = c->id;
	in.device = (int32_t)d->host_index;
	c->flags = flags;
	r = vg_call_opts(OP_vgCtxCreate, &s, 1, &o, 1, &none);
	if (r) {
		vg_handle_del(KIND_CTX, c->id);
		return r;
	}
	d->info.priority_least = out.priority_least;
	d->info.priority_greatest = out.priority_greatest;
	if (out.api_version)
		c->api_version = out.api_version;
	atomic_store(&c->active, true);
	vg_thread.stack[vg_thread.depth++] = c;
	*pctx = handle_of(c);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxCreate(CUcontext *pctx, unsigned int flags,
				       CUdevice dev)
{
	return cuCtxCreate_v2(pctx, flags, dev);
}

VG_EXPORT CUresult CUDAAPI cuCtxCreate_v3(CUcontext *pctx,
					  CUexecAffinityParam *params,
					  int nparams, unsigned int flags,
					  CUdevice dev)
{
	if (params || nparams)
		return vg_not_supported("cuCtxCreate_v3 with execution "
					"affinity");
	return cuCtxCreate_v2(pctx, flags, dev);
}

VG_EXPORT CUresult CUDAAPI cuCtxCreate_v4(CUcontext *pctx,
					  CUctxCreateParams *params,
					  unsigned int flags, CUdevice dev)
{
	if (params && (params->execAffinityParams || params->cigParams))
		return vg_not_supported("cuCtxCreate_v4 with execution "
					"affinity or CIG");
	return cuCtxCreate_v2(pctx, flags, dev);
}

VG_EXPORT CUresult CUDAAPI cuCtxDestroy_v2(CUcontext ctx)
{
	struct vg_ctx *c = vg_ctx_of(ctx);
	struct in_vgCtx in;
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_opts none = { .use_ctx = true };
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!c || c->primary)
		return CUDA_ERROR_INVALID_CONTEXT;
	cls_context_died(ctx);
	if (vg_ctx() == c)
		vg_thread.depth--;
	in.ctx = c->id;
	r = vg_call_opts(OP_vgCtxDestroy, &s, 1, NULL, 0, &none);
	vg_handle_del(KIND_CTX, c->id);
	return r;
}

/* ---- waiting and limits ------------------------------------------------ */

VG_EXPORT CUresult CUDAAPI cuCtxSynchronize_v2(CUcontext ctx)
{
	struct vg_ctx *c;
	struct in_vgCtx in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_opts opts = { .use_ctx = true };
	uint64_t submitted;
	CUresult r = ctx_or_current(ctx, &c);

	if (r)
		return r;
	submitted = atomic_load(&c->submitted);
	if (submitted == atomic_load(&c->synced) &&
	    !atomic_load(&c->capturing))
		return vg_report((CUresult)atomic_load(&c->sticky));
	in.ctx = opts.ctx = c->id;
	r = vg_report(vg_call_opts(OP_vgCtxSync, &s, 1, NULL, 0, &opts));
	if (!r)
		atomic_store(&c->synced, submitted);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuCtxSynchronize(void)
{
	return cuCtxSynchronize_v2(NULL);
}

static CUresult limits_of(struct vg_ctx *c)
{
	struct vg_seg o = { &c->limits, sizeof(c->limits) };
	CUresult r = CUDA_SUCCESS;

	if (!atomic_load(&c->limits_known))
		r = vg_call(OP_vgCtxLimits, NULL, 0, &o, 1);
	if (!r)
		atomic_store(&c->limits_known, true);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuCtxGetLimit(size_t *value, CUlimit limit)
{
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!value)
		return CUDA_ERROR_INVALID_VALUE;
	if ((unsigned int)limit >= VGPU_LIMITS)
		return CUDA_ERROR_UNSUPPORTED_LIMIT;
	r = limits_of(c);
	if (r)
		return r;
	if (c->limits.result[limit])
		return (CUresult)c->limits.result[limit];
	*value = c->limits.value[limit];
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuCtxSetLimit(CUlimit limit, size_t value)
{
	struct in_vgCtxSetLimit in = { .limit = limit, .value = value };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	r = vg_call(OP_vgCtxSetLimit, &s, 1, NULL, 0);
	atomic_store(&c->limits_known, false);
	return r;
}

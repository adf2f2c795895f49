// SPDX-License-Identifier: BSD-2-Clause
/*
 * context_life.c - primary and created contexts: brought to life, and ended.
 * This is what asks the host.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <pthread.h>

#include "frontend/libcuda/cls.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic uint64_t vg_ctx_next = 1;

/* ---- coming to life ---------------------------------------------------- */

struct vg_ctx *vg_ctx_new(CUdevice dev, bool primary)
{
	struct vg_ctx *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->dev = dev;
	c->primary = primary;
	c->unique = vg_ctx_next++;
	c->api_version = 3020;
	if (vg_handle_new(KIND_CTX, &c->id)) {
		free(c);
		return NULL;
	}
	vg_handle_set_state(KIND_CTX, c->id, c);
	return c;
}

void vg_ctx_ended(void)
{
	vg_ctx_next++;
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
	*ret = vg_ctx_handle(c);
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
	atomic_store(&d->primary->sticky, 0);
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
		*pctx = vg_ctx_handle(d->primary);
	}
	pthread_mutex_unlock(&lock);
	return r;
}

static void bury_stream(uint32_t id, void *state, void *ctx)
{
	if (((struct vg_stream *)state)->ctx == *(uint32_t *)ctx)
		vg_handle_bury(KIND_STREAM, id);
}

static void bury_event(uint32_t id, void *state, void *ctx)
{
	if (((struct vg_event *)state)->ctx == *(uint32_t *)ctx)
		vg_handle_bury(KIND_EVENT, id);
}

void vg_ctx_streams_die(uint32_t ctx)
{
	vg_handle_each(KIND_STREAM, bury_stream, &ctx);
}

/* What goes with a context, and what it says to those who have it current. */
static void dies(struct vg_ctx *c)
{
	vg_ctx_streams_die(c->id);
	vg_handle_each(KIND_EVENT, bury_event, &c->id);
	vg_range_forget(c->id);
	vg_ctx_ended();
	atomic_store(&c->active, false);
	atomic_store(&c->sticky, CUDA_ERROR_CONTEXT_IS_DESTROYED);
}

static void forget(struct vg_ctx *c)
{
	dies(c);
	atomic_store(&c->limits_known, false);
	atomic_store(&c->capturing, 0);
	c->unique = vg_ctx_next++;
}

/* Nothing runs in it, and what it printed has come: nobody need wait while it
 * is taken down, which is what a program's end does. */
bool vg_ctx_quiet(const struct vg_ctx *c)
{
	return atomic_load(&c->submitted) == atomic_load(&c->synced) &&
	       !atomic_load(&c->capturing) && !atomic_load(&c->sticky);
}

static CUresult release(struct vg_device *d)
{
	struct in_vgPrimary in = { .device = (int32_t)d->host_index,
				   .ctx = d->primary->id };
	struct vg_seg s = { &in, sizeof(in) };

	return vg_ctx_quiet(d->primary) ?
	       vg_post_outside(OP_vgPrimaryRelease, &s, 1) :
	       primary_call(OP_vgPrimaryRelease, d, NULL);
}

/* Destructors of context-local storage run while the context still works. */
static CUresult end_primary(struct vg_device *d, enum vgpu_op op)
{
	CUresult r;

	cls_context_died(vg_ctx_handle(d->primary));
	r = op == OP_vgPrimaryRelease ? release(d) : primary_call(op, d, NULL);
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
	/* Whoever retains it next brings it back, empty. */
	r = end_primary(d, OP_vgPrimaryReset);
	d->primary_flags = 0;
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
	*pctx = vg_ctx_handle(c);
	return vg_ctx_push(c);
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
	CUresult r;

	(void)params;
	if (!nparams || !pctx || !vg_device(dev))
		return cuCtxCreate_v2(pctx, flags, dev);
	r = vg_not_supported("cuCtxCreate_v3 with execution affinity");
	/* As NVIDIA's without MPS. */
	return r == CUDA_ERROR_NOT_SUPPORTED ?
	       CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY : r;
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
	struct vg_ctx *c = vg_ctx_ever(ctx);
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
	if (atomic_load(&c->destroyed))
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	cls_context_died(ctx);
	in.ctx = c->id;
	r = vg_call_opts(OP_vgCtxDestroy, &s, 1, NULL, 0, &none);
	dies(c);
	vg_ctx_destroyed(c);
	if (vg_ctx() == c)
		vg_ctx_pop();
	return r;
}

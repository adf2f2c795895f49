// SPDX-License-Identifier: BSD-2-Clause
/* context_limits.c - waiting for a context, and its limits, which the host
 * tells all at once. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

VG_EXPORT CUresult CUDAAPI cuCtxSynchronize_v2(CUcontext ctx)
{
	struct vg_ctx *c;
	struct in_vgCtx in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_opts opts = { .use_ctx = true };
	uint64_t submitted;
	CUresult r = vg_ctx_or_current(ctx, &c);

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
		return CUDA_ERROR_INVALID_VALUE;
	r = (CUresult)atomic_load(&c->sticky);
	if (!r)
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

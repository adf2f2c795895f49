// SPDX-License-Identifier: BSD-2-Clause
/* calls_context.c - primary and created contexts, limits, waiting for one. */
#include "cuda-exec/exec_internal.h"

/* A context has come to life: what could not be done without one. */
static CUresult entered(struct ex *e, uint32_t ctx, struct out_vgPrimary *out)
{
	CUresult r = ex_use_ctx(e, ctx);
	uint64_t real;

	if (r)
		return r;
	ex_register_window(e);
	if (!out)
		return CUDA_SUCCESS;
	if (R.cuCtxGetStreamPriorityRange)
		R.cuCtxGetStreamPriorityRange(&out->priority_least,
					      &out->priority_greatest);
	ex_obj(e, KIND_CTX, ctx, &real);
	if (R.cuCtxGetApiVersion)
		R.cuCtxGetApiVersion((CUcontext)(uintptr_t)real,
				     &out->api_version);
	return CUDA_SUCCESS;
}

CUresult ex_vgPrimaryRetain(struct ex *e, struct vgpu_rd *rd,
			    struct vgpu_wr *wr)
{
	const struct in_vgPrimary *in = rd_take(rd, sizeof(*in));
	struct out_vgPrimary *out = wr_take(wr, sizeof(*out));
	CUcontext real;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	if (in->flags) {
		r = warm_flags(in->device, in->flags);
		if (r)
			return r;
	}
	r = R.cuDevicePrimaryCtxRetain(&real, in->device);
	if (r)
		return r;
	warm_taken(in->device);
	if (!ex_object(e, KIND_CTX, in->ctx)) {
		r = ex_obj_new(e, KIND_CTX, in->ctx,
			       (uint64_t)(uintptr_t)real);
		if (r)
			return r;
	}
	return entered(e, in->ctx, out);
}

/* The driver forgets the context: so do we, before and after. */
static void forget(struct ex *e, uint32_t ctx)
{
	pend_forget_ctx(e, ctx);
	ex_window_forget_ctx(e, ctx);
	if (e->cur_ctx == ctx) {
		R.cuCtxSetCurrent(NULL);
		e->cur_ctx = 0;
	}
	ex_modules_forget(e, ctx);
	ex_obj_gone(e, ctx);
	ex_captures_forget(e);
	ex_obj_del(e, KIND_CTX, ctx);
}

CUresult ex_vgPrimaryRelease(struct ex *e, struct vgpu_rd *rd,
			     struct vgpu_wr *wr)
{
	const struct in_vgPrimary *in = rd_take(rd, sizeof(*in));

	(void)wr;
	if (!in)
		return EX_BAD;
	forget(e, in->ctx);
	return R.cuDevicePrimaryCtxRelease_v2(in->device);
}

CUresult ex_vgPrimaryReset(struct ex *e, struct vgpu_rd *rd,
			   struct vgpu_wr *wr)
{
	const struct in_vgPrimary *in = rd_take(rd, sizeof(*in));
	CUcontext real;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	if (!ex_object(e, KIND_CTX, in->ctx))
		return R.cuDevicePrimaryCtxReset_v2(in->device);
	forget(e, in->ctx);
	r = R.cuDevicePrimaryCtxReset_v2(in->device);
	if (r)
		return r;
	/* The guest still holds it: native CUDA gives it back on next use. */
	r = R.cuDevicePrimaryCtxRetain(&real, in->device);
	if (!r)
		R.cuDevicePrimaryCtxRelease_v2(in->device);
	return r;
}

CUresult ex_vgPrimarySetFlags(struct ex *e, struct vgpu_rd *rd,
			      struct vgpu_wr *wr)
{
	const struct in_vgPrimary *in = rd_take(rd, sizeof(*in));

	(void)e;
	(void)wr;
	if (!in)
		return EX_BAD;
	return R.cuDevicePrimaryCtxSetFlags_v2(in->device, in->flags);
}

CUresult ex_vgCtxCreate(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCtxCreate *in = rd_take(rd, sizeof(*in));
	struct out_vgPrimary *out = wr_take(wr, sizeof(*out));
	CUcontext real = NULL;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	if (!R.cuCtxCreate_v2)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuCtxCreate_v2(&real, in->flags, in->device);
	if (r)
		return r;
	warm_taken(-1);
	/* Creating pushed it on this thread's stack; ours is flat. */
	R.cuCtxPopCurrent_v2(NULL);
	e->cur_ctx = 0;
	R.cuCtxSetCurrent(NULL);
	r = ex_obj_new(e, KIND_CTX, in->ctx, (uint64_t)(uintptr_t)real);
	return r ? r : entered(e, in->ctx, out);
}

CUresult ex_vgCtxDestroy(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCtx *in = rd_take(rd, sizeof(*in));
	uint64_t real;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = ex_obj(e, KIND_CTX, in->ctx, &real);
	if (r || !real)
		return CUDA_ERROR_INVALID_CONTEXT;
	forget(e, in->ctx);
	return R.cuCtxDestroy_v2((CUcontext)(uintptr_t)real);
}

CUresult ex_vgCtxSync(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCtx *in = rd_take(rd, sizeof(*in));
	uint32_t stream;
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = in->ctx ? ex_use_ctx(e, in->ctx) : CUDA_SUCCESS;
	if (r)
		return r;
	if (ex_only_stream(e, &stream) && !ex_stream(e, stream, &s) &&
	    word_answer(e, stream, s, 0, 0, &r))
		return r;
	return !pend_looks(e) && waiter_free(e) ?
	       waiter_post(e, WAIT_CTX, 0, NULL, 0, 0) :
	       pend_ctx(e);
}

CUresult ex_vgCtxLimits(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	struct out_vgCtxLimits *out = wr_take(wr, sizeof(*out));

	(void)e;
	(void)rd;
	if (!out)
		return EX_BAD;
	if (!R.cuCtxGetLimit)
		return CUDA_ERROR_NOT_SUPPORTED;
	for (uint32_t i = 0; i < VGPU_LIMITS; i++) {
		CUresult r = R.cuCtxGetLimit(&out->value[i], (CUlimit)i);

		/* Every context has the first: this one is broken. */
		if (r && !i)
			return r;
		out->result[i] = (uint16_t)r;
	}
	return CUDA_SUCCESS;
}

CUresult ex_vgCtxSetLimit(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCtxSetLimit *in = rd_take(rd, sizeof(*in));

	(void)wr;
	if (!in)
		return EX_BAD;
	if (!R.cuCtxSetLimit)
		return CUDA_ERROR_NOT_SUPPORTED;
	e->fifo_ctx = 0; /* the size that is known may be another now */
	return R.cuCtxSetLimit((CUlimit)in->limit, in->value);
}

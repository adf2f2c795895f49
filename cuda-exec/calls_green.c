// SPDX-License-Identifier: BSD-2-Clause
/* calls_green.c - green contexts, the ordinary context that each is seen as,
 * and their streams. */
#include "cuda-exec/exec_internal.h"

static struct ex_object *green_of(struct ex *e, uint32_t id, CUgreenCtx *ret)
{
	struct ex_object *o = ex_object(e, KIND_GREENCTX, id);

	*ret = o ? (CUgreenCtx)(uintptr_t)o->real : NULL;
	return o;
}

CUresult ex_vgGreenCtx(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgGreen *in = rd_take(rd, sizeof(*in));
	struct out_vgGreen *out = wr_take(wr, sizeof(*out));
	CUcontext real = NULL;
	struct ex_object *o;
	uint32_t *ctx;
	CUgreenCtx g;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	o = green_of(e, in->green, &g);
	if (!o)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (o->extra)
		return EX_BAD; /* the guest has asked already */
	if (!R.cuCtxFromGreenCtx)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuCtxFromGreenCtx(&real, g);
	if (r)
		return r;
	ctx = malloc(sizeof(*ctx));
	if (!ctx)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*ctx = in->ctx;
	o->extra = ctx;
	r = ex_obj_new(e, KIND_CTX, in->ctx, (uint64_t)(uintptr_t)real);
	if (r)
		return r;
	ex_object(e, KIND_CTX, in->ctx)->green = true;
	r = ex_use_ctx(e, in->ctx);
	return r ? r : R.cuCtxGetDevice(&out->device);
}

CUresult ex_vgGreenStream(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgGreenStream *in = rd_take(rd, sizeof(*in));
	CUstream s = NULL;
	struct ex_object *o;
	CUgreenCtx g;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	o = green_of(e, in->green, &g);
	if (!o)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (!o->extra)
		return EX_BAD; /* the guest's library asks for it first */
	if (!R.cuGreenCtxStreamCreate)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuGreenCtxStreamCreate(&s, g, in->flags, in->priority);
	return r ? r : ex_stream_new(e, in->stream, s, *(uint32_t *)o->extra);
}

CUresult ex_vgGreenDestroy(struct ex *e, struct vgpu_rd *rd,
			   struct vgpu_wr *wr)
{
	const struct in_vgGreen *in = rd_take(rd, sizeof(*in));
	struct ex_object *o;
	uint32_t ctx;
	CUgreenCtx g;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	o = green_of(e, in->green, &g);
	if (!o)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (!R.cuGreenCtxDestroy)
		return CUDA_ERROR_NOT_SUPPORTED;
	ctx = o->extra ? *(uint32_t *)o->extra : 0;
	if (ctx)
		waiter_leave_ctx(ctx);
	r = R.cuGreenCtxDestroy(g);
	if (r)
		return r;
	ex_obj_del(e, KIND_GREENCTX, in->green);
	if (!ctx)
		return CUDA_SUCCESS;
	pend_forget_ctx(e, ctx);
	if (e->cur_ctx == ctx) {
		R.cuCtxSetCurrent(NULL);
		e->cur_ctx = 0;
	}
	ex_obj_gone(e, ctx);
	ex_captures_forget(e);
	ex_obj_del(e, KIND_CTX, ctx);
	return CUDA_SUCCESS;
}

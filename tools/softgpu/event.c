// SPDX-License-Identifier: BSD-2-Clause
/* event.c - events: a marker in a stream that can be waited for and timed. */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>

struct sg_event {
	struct op *op;
	unsigned int flags;
	struct sg_ctx *ctx;
	unsigned long long ctx_id;
	struct captured captured;
};

static CUresult get(CUevent h, struct sg_event **e)
{
	*e = (struct sg_event *)h;
	if (sg_ready())
		return sg_ready();
	if (!h || !handle_is(h, H_EVENT))
		return CUDA_ERROR_INVALID_HANDLE;
	return handle_is((*e)->ctx, H_CTX) && (*e)->ctx->id == (*e)->ctx_id ?
	       CUDA_SUCCESS : CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

CUresult cuEventCreate(CUevent *out, unsigned int flags)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);
	struct sg_event *e;

	if (r)
		return r;
	if (!out || (flags & ~7u))
		return CUDA_ERROR_INVALID_VALUE;
	if (flags & CU_EVENT_INTERPROCESS)
		return CUDA_ERROR_NOT_SUPPORTED;
	e = calloc(1, sizeof(*e));
	if (!e || !handle_add(e, H_EVENT)) {
		free(e);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	e->flags = flags;
	e->ctx = ctx;
	e->ctx_id = ctx->id;
	*out = (CUevent)e;
	return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent h)
{
	struct sg_event *e;
	CUresult r = get(h, &e);

	if (r && r != CUDA_ERROR_CONTEXT_IS_DESTROYED)
		return r;
	handle_del(e);
	pthread_mutex_lock(&sg_lock);
	op_unref(e->op);
	pthread_mutex_unlock(&sg_lock);
	event_uncapture(&e->captured);
	free(e);
	return r;
}

CUresult cuEventRecordWithFlags(CUevent h, CUstream stream, unsigned int flags)
{
	struct sg_event *e;
	struct sg_stream *s;
	CUresult r = get(h, &e);
	struct op *op;

	if (!r)
		r = stream_work(stream, &s);
	if (r)
		return r;
	if (flags & ~1u)
		return CUDA_ERROR_INVALID_VALUE;
	if (s->ctx != e->ctx)
		return CUDA_ERROR_INVALID_HANDLE;
	if (s->capture)
		return capture_record(s, h, &e->captured, flags);
	if (flags)
		return CUDA_ERROR_ILLEGAL_STATE;
	event_uncapture(&e->captured);
	pthread_mutex_lock(&sg_lock);
	op = op_new(OP_MARK, s->ctx);
	op_ref(op);
	op_submit(op, s);
	op_unref(e->op);
	e->op = op;
	pthread_mutex_unlock(&sg_lock);
	return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent h, CUstream stream)
{
	return cuEventRecordWithFlags(h, stream, 0);
}

CUresult cuEventQuery(CUevent h)
{
	struct sg_event *e;
	CUresult r = get(h, &e);
	int error = 0;

	if (r)
		return r;
	if (e->captured.by)
		return capture_query(&e->captured);
	pthread_mutex_lock(&sg_lock);
	if (e->op) {
		r = e->op->done ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
		if (handle_is(e->op->ctx, H_CTX))
			error = e->op->ctx->error;
	}
	pthread_mutex_unlock(&sg_lock);
	return error ? (CUresult)error : r;
}

CUresult cuEventSynchronize(CUevent h)
{
	struct sg_event *e;
	CUresult r = get(h, &e);
	struct sg_ctx *ctx = NULL;

	if (r)
		return r;
	if (e->captured.by)
		return capture_query(&e->captured);
	pthread_mutex_lock(&sg_lock);
	if (e->op) {
		ctx = e->op->ctx;
		op_wait(e->op);
	}
	pthread_mutex_unlock(&sg_lock);
	printf_flush();
	return ctx && handle_is(ctx, H_CTX)
		       ? (CUresult)atomic_load(&ctx->error) : CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *ms, CUevent start, CUevent end)
{
	struct sg_event *a, *b;
	CUresult r = get(start, &a);

	if (!r)
		r = get(end, &b);
	if (r)
		return r;
	pthread_mutex_lock(&sg_lock);
	if (!a->op || !b->op || (a->flags & CU_EVENT_DISABLE_TIMING) ||
	    (b->flags & CU_EVENT_DISABLE_TIMING))
		r = CUDA_ERROR_INVALID_HANDLE;
	else if (!a->op->done || !b->op->done)
		r = CUDA_ERROR_NOT_READY;
	else if (!ms)
		r = CUDA_ERROR_INVALID_VALUE;
	else
		*ms = (float)((double)(int64_t)(b->op->done_ns -
						a->op->done_ns) / 1e6);
	pthread_mutex_unlock(&sg_lock);
	return r;
}

CUresult cuStreamWaitEvent(CUstream stream, CUevent h, unsigned int flags)
{
	struct sg_event *e;
	struct sg_stream *s;
	CUresult r = capture_refused(stream, get(h, &e));
	struct op *op;

	if (!r)
		r = stream_work(stream, &s);
	if (r)
		return r;
	if (flags & ~1u)
		return CUDA_ERROR_INVALID_VALUE;
	if (s->capture || e->captured.by)
		return capture_wait(s, h, &e->captured, flags);
	if (flags)
		return CUDA_ERROR_ILLEGAL_STATE;
	pthread_mutex_lock(&sg_lock);
	if (e->op && !e->op->done) {
		op = op_new(OP_MARK, s->ctx);
		op_after(op, e->op);
		op_submit(op, s);
	}
	pthread_mutex_unlock(&sg_lock);
	return CUDA_SUCCESS;
}

// SPDX-License-Identifier: BSD-2-Clause
/* stream.c - streams and what is put into them beside kernels and copies. */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>

/*
 * With sg_lock held. A stream with work stays in its context's list, because
 * that work still orders others, until a later stream_reap() finds it done.
 */
void stream_free(struct sg_stream *s)
{
	struct sg_stream **at = &s->ctx->streams;

	capture_stream_ends(s);
	handle_del(s);
	s->zombie = true;
	if (s->last && !s->last->done)
		return;
	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
	op_unref(s->last);
	free(s);
}

/* With sg_lock held: all of a context that goes. Whoever still holds one is
 * told, so that the handle is known for good. */
void streams_bury(struct sg_ctx *ctx)
{
	while (ctx->streams) {
		uintptr_t h = (uintptr_t)ctx->streams;
		bool held = !ctx->streams->zombie;

		stream_free(ctx->streams);
		if (held && !handle_add((void *)h, H_DEAD_STREAM))
			abort();
	}
}

static void stream_reap(struct sg_ctx *ctx)
{
	for (struct sg_stream *s = ctx->streams, *next; s; s = next) {
		next = s->next;
		if (s->zombie)
			stream_free(s);
	}
}

struct sg_stream *stream_new(struct sg_ctx *ctx, unsigned int flags, int prio)
{
	struct sg_stream *s = calloc(1, sizeof(*s));

	if (!s || !handle_add(s, H_STREAM)) {
		free(s);
		return NULL;
	}
	pthread_mutex_lock(&sg_lock);
	stream_reap(ctx);
	s->ctx = ctx;
	s->flags = flags;
	s->priority = prio;
	s->id = sg_next_id();
	s->next = ctx->streams;
	ctx->streams = s;
	pthread_mutex_unlock(&sg_lock);
	return s;
}

static struct sg_stream *per_thread(struct sg_ctx *ctx)
{
	struct sg_stream *s;

	pthread_mutex_lock(&sg_lock);
	for (s = ctx->streams; s; s = s->next)
		if (s->per_thread && pthread_equal(s->thread, pthread_self()))
			break;
	pthread_mutex_unlock(&sg_lock);
	if (s)
		return s;
	s = stream_new(ctx, 0, 0);
	if (s) {
		s->thread = pthread_self();
		s->per_thread = true;
	}
	return s;
}

static CUresult no_stream(CUstream h)
{
	return handle_is(h, H_DEAD_STREAM) ? CUDA_ERROR_CONTEXT_IS_DESTROYED :
					     CUDA_ERROR_INVALID_HANDLE;
}

CUresult stream_get(CUstream h, struct sg_ctx *ctx, struct sg_stream **s)
{
	*s = (struct sg_stream *)h;
	if (!h || h == CU_STREAM_LEGACY)
		*s = ctx->legacy;
	else if (h == CU_STREAM_PER_THREAD)
		*s = per_thread(ctx);
	else if (!handle_is(h, H_STREAM))
		return no_stream(h);
	if (!*s)
		return CUDA_ERROR_OUT_OF_MEMORY;
	return (CUresult)atomic_load(&(*s)->ctx->error);
}

CUresult stream_work(CUstream h, struct sg_stream **s)
{
	struct sg_ctx *ctx = NULL;
	CUresult r = !h || h == CU_STREAM_LEGACY || h == CU_STREAM_PER_THREAD ?
		     sg_current(&ctx) : sg_ready();

	if (!r)
		r = stream_get(h, ctx, s);
	return r ? r : capture_allows(*s);
}

static CUresult get(CUstream h, struct sg_stream **s)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);

	return r ? r : stream_get(h, ctx, s);
}

CUresult cuStreamCreateWithPriority(CUstream *out, unsigned int flags, int prio)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);
	struct sg_stream *s;

	(void)prio;	/* the range is 0..0; others clamp, as documented */
	if (r)
		return r;
	if (!out || (flags & ~1u))
		return CUDA_ERROR_INVALID_VALUE;
	s = stream_new(ctx, flags, 0);
	if (!s)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*out = (CUstream)s;
	return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *out, unsigned int flags)
{
	return cuStreamCreateWithPriority(out, flags, 0);
}

CUresult cuStreamDestroy(CUstream h)
{
	if (sg_ready())
		return sg_ready();
	if (!h || !handle_is(h, H_STREAM))
		return no_stream(h);
	pthread_mutex_lock(&sg_lock);
	stream_free((struct sg_stream *)h);
	pthread_mutex_unlock(&sg_lock);
	return CUDA_SUCCESS;
}

CUresult cuStreamQuery(CUstream h)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);
	bool busy;

	if (r)
		return r;
	if (s->capture)
		return capture_broken(s);
	pthread_mutex_lock(&sg_lock);
	busy = s->last && !s->last->done;
	pthread_mutex_unlock(&sg_lock);
	if (s->ctx->error)
		return (CUresult)s->ctx->error;
	return busy ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream h)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);
	struct sg_ctx *ctx;

	if (r)
		return r;
	if (s->capture)
		return capture_broken(s);
	ctx = s->ctx;
	pthread_mutex_lock(&sg_lock);
	if (s->last)
		op_wait(s->last);
	pthread_mutex_unlock(&sg_lock);
	printf_flush();
	return (CUresult)atomic_load(&ctx->error);
}

CUresult cuStreamGetFlags(CUstream h, unsigned int *flags)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (!r && !flags)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*flags = s->flags;
	return r;
}

CUresult cuStreamGetPriority(CUstream h, int *prio)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (!r && !prio)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*prio = s->priority;
	return r;
}

CUresult cuStreamGetId(CUstream h, unsigned long long *id)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (!r && !id)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*id = s->id;
	return r;
}

CUresult cuStreamGetCtx(CUstream h, CUcontext *ctx)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (!r && !ctx)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*ctx = (CUcontext)s->ctx;
	return r;
}

CUresult cuStreamGetDevice(CUstream h, CUdevice *dev)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (!r && !dev)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*dev = 0;
	return r;
}

static CUresult host_op(CUstream h, void (*fn)(void *),
			CUstreamCallback callback, void *user)
{
	struct sg_stream *s;
	CUresult r = stream_work(h, &s);
	struct op *op;

	if (r)
		return r;
	if (!fn && !callback)
		return CUDA_ERROR_INVALID_VALUE;
	if (s->capture)
		return fn ? capture_host(s, fn, user) : capture_broken(s);
	pthread_mutex_lock(&sg_lock);
	op = op_new(OP_HOST, s->ctx);
	op->host = fn;
	op->callback = callback;
	op->handle = h;
	op->user = user;
	op_submit(op, s);
	pthread_mutex_unlock(&sg_lock);
	return CUDA_SUCCESS;
}

CUresult cuLaunchHostFunc(CUstream h, CUhostFn fn, void *user)
{
	return host_op(h, fn, NULL, user);
}

CUresult cuStreamAddCallback(CUstream h, CUstreamCallback callback, void *user,
			     unsigned int flags)
{
	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	return host_op(h, NULL, callback, user);
}

static CUresult value_op(CUstream h, enum op_kind kind, CUdeviceptr addr,
			 uint64_t value, unsigned int flags, unsigned int size)
{
	struct sg_stream *s;
	CUresult r = stream_work(h, &s);
	struct op *op;

	if (r)
		return r;
	if ((addr & (size - 1)) || !mem_ok(addr, size) ||
	    (flags & ~(kind == OP_WAIT ? 3u : 1u)))
		return CUDA_ERROR_INVALID_VALUE;
	if (s->capture)
		return CUDA_ERROR_NOT_SUPPORTED;
	pthread_mutex_lock(&sg_lock);
	op = op_new(kind, s->ctx);
	op->copy.dst = (uint8_t *)(uintptr_t)addr;
	op->value64 = value;
	op->flags = flags;
	op->size = size;
	op_submit(op, s);
	pthread_mutex_unlock(&sg_lock);
	return CUDA_SUCCESS;
}

CUresult cuStreamWriteValue32(CUstream h, CUdeviceptr addr, cuuint32_t value,
			      unsigned int flags)
{
	return value_op(h, OP_WRITE, addr, value, flags, 4);
}

CUresult cuStreamWriteValue64(CUstream h, CUdeviceptr addr, cuuint64_t value,
			      unsigned int flags)
{
	return value_op(h, OP_WRITE, addr, value, flags, 8);
}

CUresult cuStreamWaitValue32(CUstream h, CUdeviceptr addr, cuuint32_t value,
			     unsigned int flags)
{
	return value_op(h, OP_WAIT, addr, value, flags, 4);
}

CUresult cuStreamWaitValue64(CUstream h, CUdeviceptr addr, cuuint64_t value,
			     unsigned int flags)
{
	return value_op(h, OP_WAIT, addr, value, flags, 8);
}

static CUresult batch_op(CUstream h, const CUstreamBatchMemOpParams *p)
{
	switch (p->operation) {
	case CU_STREAM_MEM_OP_WAIT_VALUE_32:
		return value_op(h, OP_WAIT, p->waitValue.address,
				p->waitValue.value, p->waitValue.flags, 4);
	case CU_STREAM_MEM_OP_WAIT_VALUE_64:
		return value_op(h, OP_WAIT, p->waitValue.address,
				p->waitValue.value64, p->waitValue.flags, 8);
	case CU_STREAM_MEM_OP_WRITE_VALUE_32:
		return value_op(h, OP_WRITE, p->writeValue.address,
				p->writeValue.value, p->writeValue.flags, 4);
	case CU_STREAM_MEM_OP_WRITE_VALUE_64:
		return value_op(h, OP_WRITE, p->writeValue.address,
				p->writeValue.value64, p->writeValue.flags, 8);
	case CU_STREAM_MEM_OP_FLUSH_REMOTE_WRITES:
	case CU_STREAM_MEM_OP_BARRIER:
		return CUDA_SUCCESS; /* every write is seen at once here */
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult cuStreamBatchMemOp(CUstream h, unsigned int count,
			    CUstreamBatchMemOpParams *params,
			    unsigned int flags)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (r)
		return r;
	if (count > 256 || (count && !params) || flags)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned int i = 0; i < count && !r; i++)
		r = batch_op(h, &params[i]);
	return r;
}

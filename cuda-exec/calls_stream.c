// SPDX-License-Identifier: BSD-2-Clause
/* calls_stream.c - streams, capture, host functions, events. */
#include "cuda-exec/exec_internal.h"

#include <string.h>
#include <time.h>

CUresult ex_stream_new(struct ex *e, uint32_t id, CUstream s, uint32_t ctx)
{
	CUresult r = ex_obj_new(e, KIND_STREAM, id, (uint64_t)(uintptr_t)s);

	if (!r)
		ex_object(e, KIND_STREAM, id)->ctx = ctx;
	return r;
}

CUresult ex_vgStreamCreate(struct ex *e, struct vgpu_rd *rd,
			   struct vgpu_wr *wr)
{
	const struct in_vgStreamCreate *in = rd_take(rd, sizeof(*in));
	CUstream s = NULL;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	if (in->with_priority && R.cuStreamCreateWithPriority)
		r = R.cuStreamCreateWithPriority(&s, in->flags, in->priority);
	else
		r = R.cuStreamCreate(&s, in->flags);
	return r ? r : ex_stream_new(e, in->stream, s, e->cur_ctx);
}

CUresult ex_vgStreamDestroy(struct ex *e, struct vgpu_rd *rd,
			    struct vgpu_wr *wr)
{
	const struct in_vgStream *in = rd_take(rd, sizeof(*in));
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = ex_stream(e, in->stream, &s);
	if (r == CUDA_ERROR_CONTEXT_IS_DESTROYED) {
		ex_obj_del(e, KIND_STREAM, in->stream);
		return CUDA_SUCCESS; /* the guest gives up the id */
	}
	if (r)
		return r;
	/* Waits on it become waits on an event; its work goes on. */
	waiter_leave_stream(in->stream);
	pend_forget_stream(e, in->stream);
	ex_stream_touch(e, in->stream);
	e->orphans_ctx = !e->orphans_ctx || e->orphans_ctx == e->cur_ctx ?
			 e->cur_ctx : EX_SEVERAL;
	ex_stream_idle(e, in->stream);
	ex_capture_ended(e, in->stream);
	r = R.cuStreamDestroy_v2(s);
	ex_obj_del(e, KIND_STREAM, in->stream);
	return r == CUDA_ERROR_CONTEXT_IS_DESTROYED ? CUDA_SUCCESS : r;
}

/* The record in work is answered when the stream is done with what it has. */
CUresult ex_wait_stream(struct ex *e, uint32_t id, CUstream s)
{
	CUresult r;

	if (!(e->rec.flags & VGPU_REC_SYNC))
		return CUDA_SUCCESS; /* nobody waits */
	if (word_answer(e, id, s, 0, 0, &r))
		return r;
	return !pend_looks(e) && waiter_free(e) ?
	       waiter_post(e, WAIT_STREAM, id, NULL, 0, 0) :
	       pend_stream(e, id);
}

CUresult ex_vgStreamSync(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgStream *in = rd_take(rd, sizeof(*in));
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = ex_stream(e, in->stream, &s);
	return r ? r : ex_wait_stream(e, in->stream, s);
}

CUresult ex_vgStreamQuery(struct ex *e, struct vgpu_rd *rd,
			  struct vgpu_wr *wr)
{
	const struct in_vgStream *in = rd_take(rd, sizeof(*in));
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = ex_stream(e, in->stream, &s);
	if (!r)
		r = R.cuStreamQuery(s);
	if (!r)
		ex_stream_idle(e, in->stream);
	return r;
}

/* ---- capture ----------------------------------------------------------- */

CUresult ex_vgCaptureBegin(struct ex *e, struct vgpu_rd *rd,
			   struct vgpu_wr *wr)
{
	const struct in_vgStream *in = rd_take(rd, sizeof(*in));
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	if (!R.cuStreamBeginCapture_v2)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_stream(e, in->stream, &s);
	if (!r)
		r = ex_capture_room(e);
	if (!r)
		r = R.cuStreamBeginCapture_v2(s, (CUstreamCaptureMode)in->mode);
	if (!r)
		ex_capture_began(e, in->stream, in->mode);
	return r;
}

CUresult ex_vgCaptureEnd(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgStream *in = rd_take(rd, sizeof(*in));
	struct out_vgCaptureEnd *out = wr_take(wr, sizeof(*out));
	CUgraph g = NULL;
	CUstream s;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	if (!R.cuStreamEndCapture)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_stream(e, in->stream, &s);
	if (!r && ex_capture_foreign(e, in->stream))
		return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	if (!r)
		r = R.cuStreamEndCapture(s, &g);
	if (r != CUDA_ERROR_ILLEGAL_STATE)
		ex_capture_ended(e, in->stream);
	return r ? r : ex_obj_ref(e, KIND_GRAPH, (uint64_t)(uintptr_t)g,
				  &out->graph);
}

static CUresult capture_full(struct ex *e, CUstream s, uint32_t cap,
			     struct out_vgCaptureInfo *out, uint32_t *ids)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	const CUgraphNode *deps = NULL;
	CUgraph g = NULL;
	cuuint64_t id = 0;
	size_t n = 0;
	CUresult r = R.cuStreamGetCaptureInfo_v2(s, &status, &id, &g, &deps,
						 &n);
	if (r)
		return r;
	out->status = status;
	out->id = id;
	if (status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return CUDA_SUCCESS;
	out->nodes = (uint32_t)n;
	r = ex_obj_ref(e, KIND_GRAPH, (uint64_t)(uintptr_t)g, &out->graph);
	return r ? r : ex_refs(e, KIND_GNODE, (const uint64_t *)deps,
			       n < cap ? n : cap, ids);
}

CUresult ex_vgCaptureInfo(struct ex *e, struct vgpu_rd *rd,
			  struct vgpu_wr *wr)
{
	const struct in_vgCaptureInfo *in = rd_take(rd, sizeof(*in));
	struct out_vgCaptureInfo *out = wr_take(wr, sizeof(*out));
	uint32_t *ids = in ? wr_array(wr, in->cap, 4) : NULL;
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUstream s;
	CUresult r;

	if (!in || !out || !ids)
		return EX_BAD;
	r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	if (in->full)
		return R.cuStreamGetCaptureInfo_v2 ?
		       capture_full(e, s, in->cap, out, ids) :
		       CUDA_ERROR_NOT_SUPPORTED;
	if (!R.cuStreamIsCapturing)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuStreamIsCapturing(s, &status);
	out->status = status;
	return r;
}

/* ---- host functions ---------------------------------------------------- */

/*
 * A host function runs in the guest. The driver calls us on a thread of its
 * own, in stream order; we pass the request through a slot of the control
 * page and wait until the guest says that it has run. Nothing here takes the
 * ring thread's time, so a ring thread that waits for the GPU does not stop
 * the function that the GPU waits for.
 */
static struct ex *session;             /* the only one of this process */
static _Atomic uint32_t callback_busy; /* bit per slot */

static uint32_t callback_take(void)
{
	for (;;) {
		uint32_t busy = atomic_load(&callback_busy);
		uint32_t free = ~busy & ((1u << VGPU_CALLBACKS) - 1);

		if (!free) {
			nanosleep(&(struct timespec){ 0, 50000 }, NULL);
			continue;
		}
		free &= -free;
		if (atomic_compare_exchange_weak(&callback_busy, &busy,
						 busy | free))
			return (uint32_t)__builtin_ctz(free);
	}
}

static void run_in_guest(uint64_t token, CUresult status)
{
	struct ex *e = session;
	uint32_t slot = callback_take(), spins = 0;
	struct vgpu_callback *c = &e->ctl->callback[slot];
	uint32_t want = shared_load32(&c->want) + 1;

	c->token = token;
	c->status = status;
	shared_store32(&c->want, want);
	ex_notify(e);
	while (shared_load32(&c->done) != want) {
		if (++spins < 2000)
			cpu_relax();
		else
			nanosleep(&(struct timespec){ 0, 50000 }, NULL);
	}
	atomic_fetch_and(&callback_busy, ~(1u << slot));
}

/* The token itself is the argument: a graph may run the function any number
 * of times, so there is nothing here that could be freed too early. */
void CUDA_CB ex_host_func(void *token)
{
	run_in_guest((uintptr_t)token, CUDA_SUCCESS);
}

static void CUDA_CB stream_callback(CUstream s, CUresult status, void *token)
{
	(void)s;
	run_in_guest((uintptr_t)token, status);
}

void *ex_host_token(struct ex *e, uint64_t token)
{
	session = e;
	return (void *)(uintptr_t)token;
}

CUresult ex_vgHostFunc(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgHostFunc *in = rd_take(rd, sizeof(*in));
	CUstream s;
	CUresult r;
	void *token;

	(void)wr;
	if (!in)
		return EX_BAD;
	if (in->callback ? !R.cuStreamAddCallback : !R.cuLaunchHostFunc)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	token = ex_host_token(e, in->token);
	ex_stream_touch(e, in->stream);
	return in->callback ?
	       R.cuStreamAddCallback(s, stream_callback, token, 0) :
	       R.cuLaunchHostFunc(s, ex_host_func, token);
}

/* ---- events ------------------------------------------------------------ */

static CUresult event_of(struct ex *e, uint32_t id, CUevent *ret)
{
	uint64_t real;
	CUresult r = ex_obj(e, KIND_EVENT, id, &real);

	*ret = (CUevent)(uintptr_t)real;
	return r;
}

/* Events of a green context are the primary one's, and outlive it. */
static uint32_t event_ctx(struct ex *e)
{
	const struct ex_object *c = ex_object(e, KIND_CTX, e->cur_ctx);

	return c && !c->green ? e->cur_ctx : 0;
}

CUresult ex_vgEventCreate(struct ex *e, struct vgpu_rd *rd,
			  struct vgpu_wr *wr)
{
	const struct in_vgEventCreate *in = rd_take(rd, sizeof(*in));
	CUevent ev = NULL;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = R.cuEventCreate(&ev, in->flags);
	if (!r)
		r = ex_obj_new(e, KIND_EVENT, in->event,
			       (uint64_t)(uintptr_t)ev);
	if (!r)
		ex_object(e, KIND_EVENT, in->event)->ctx = event_ctx(e);
	return r;
}

CUresult ex_vgEventDestroy(struct ex *e, struct vgpu_rd *rd,
			   struct vgpu_wr *wr)
{
	const struct in_vgEvent *in = rd_take(rd, sizeof(*in));
	CUevent ev;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = event_of(e, in->event, &ev);
	if (r == CUDA_ERROR_CONTEXT_IS_DESTROYED) {
		ex_obj_del(e, KIND_EVENT, in->event);
		return CUDA_SUCCESS; /* the guest gives up the id */
	}
	if (r || !ev)
		return CUDA_ERROR_INVALID_HANDLE;
	waiter_leave_event(ev);
	pend_forget_event(e, ev);
	r = R.cuEventDestroy_v2(ev);
	ex_obj_del(e, KIND_EVENT, in->event);
	/* It went with its context: the guest was told what it needs. */
	return r == CUDA_ERROR_CONTEXT_IS_DESTROYED ? CUDA_SUCCESS : r;
}

CUresult ex_vgEventRecord(struct ex *e, struct vgpu_rd *rd,
			  struct vgpu_wr *wr)
{
	const struct in_vgEventRecord *in = rd_take(rd, sizeof(*in));
	CUevent ev;
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = event_of(e, in->event, &ev);
	if (!r)
		r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	ex_stream_touch(e, in->stream);
	if (in->with_flags && R.cuEventRecordWithFlags)
		return R.cuEventRecordWithFlags(ev, s, in->flags);
	return R.cuEventRecord(ev, s);
}

CUresult ex_vgEventSync(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgEvent *in = rd_take(rd, sizeof(*in));
	const struct ex_object *o;
	CUevent ev;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = event_of(e, in->event, &ev);
	if (r)
		return r;
	o = ex_object(e, KIND_EVENT, in->event);
	return pend_event(e, ev, o ? o->ctx : 0);
}

CUresult ex_vgEventQuery(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgEvent *in = rd_take(rd, sizeof(*in));
	CUevent ev;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = event_of(e, in->event, &ev);
	return r ? r : R.cuEventQuery(ev);
}

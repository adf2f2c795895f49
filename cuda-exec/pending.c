// SPDX-License-Identifier: BSD-2-Clause
/*
 * pending.c - waits that do not block the ring.
 *
 * A guest thread that waits for a stream, an event or a context gets an entry
 * here; the ring thread looks at the entries between records and while it
 * would be idle. A wait on a stream starts as cuStreamQuery, the cheapest
 * question; when more work is about to enter a stream that is waited for, the
 * wait becomes one on an event recorded before that work, so that later work
 * cannot keep it waiting.
 *
 * With cores to spare the ring thread goes on looking for as long as it spins
 * anyway while the GPU works; then, or at once, the wait is the waiter's, which
 * learns of the end 10 us later but sleeps or spins in the driver.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#include "tools/lib/ticks.h"

struct pend *pend_new(struct ex *e, enum pend_type type)
{
	struct pend *p = NULL;

	for (uint32_t i = 0; i < e->pends && !p; i++)
		if (e->pend[i].type == PEND_FREE)
			p = &e->pend[i];
	if (!p && e->pends < EX_PENDING_MAX)
		p = &e->pend[e->pends++];
	if (!p)
		return NULL;
	*p = (struct pend){ .type = type, .ctx = e->cur_ctx, .parent = -1,
			    .op = e->rec.op, .slot = e->rec.slot,
			    .seq = e->rec.seq, .since = e->since,
			    .fence = VGPU_FENCES, .touches = e->touches,
			    .asked = ticks_ns() };
	e->pend_live++;
	if (type == PEND_STREAM)
		e->pend_streams++;
	return p;
}

void pend_free(struct ex *e, struct pend *p)
{
	if (p->type == PEND_STREAM)
		e->pend_streams--;
	if (p->own_event)
		R.cuEventDestroy_v2(p->event);
	e->pend_watched -= p->watched;
	p->type = PEND_FREE;
	e->pend_live--;
	while (e->pends && e->pend[e->pends - 1].type == PEND_FREE)
		e->pends--;
}

static CUresult record_event(struct pend *p, CUstream s)
{
	CUresult r = R.cuEventCreate(&p->event, CU_EVENT_DISABLE_TIMING);

	if (r)
		return r;
	r = R.cuEventRecord(p->event, s);
	if (r) {
		R.cuEventDestroy_v2(p->event);
		return r;
	}
	p->own_event = true;
	return CUDA_SUCCESS;
}

/* More work is about to be submitted: bind stream waits to what is there. */
void pend_pin(struct ex *e)
{
	uint32_t ctx = e->cur_ctx;

	ex_relax(e);
	for (uint32_t i = 0; i < e->pends && e->pend_streams; i++) {
		struct pend *p = &e->pend[i];
		CUstream s;

		if (p->type != PEND_STREAM || ex_stream(e, p->stream, &s) ||
		    ex_use_ctx(e, p->ctx))
			continue;
		/* A stream that cannot take an event (a dead context) is
		 * still asked by query. */
		if (record_event(p, s))
			continue;
		p->type = PEND_EVENT;
		e->pend_streams--;
	}
	ex_use_ctx(e, ctx);
}

/* ---- asking ------------------------------------------------------------ */

static CUresult wait_for(struct ex *e, uint32_t stream, struct pend like)
{
	struct pend *p = pend_new(e, PEND_STREAM);

	if (!p)
		return EX_BAD;
	p->ctx = ex_stream_ctx(e, stream);
	p->stream = stream;
	p->has_slot = true;
	p->src = like.src;
	p->len = like.len;
	p->in_slot = like.in_slot;
	return EX_PENDING;
}

CUresult pend_stream(struct ex *e, uint32_t stream)
{
	return wait_for(e, stream, (struct pend){ 0 });
}

CUresult pend_copied(struct ex *e, uint32_t stream, uint32_t len)
{
	return wait_for(e, stream, (struct pend){ .in_slot = len });
}

/* @ctx: the event's, or 0 */
CUresult pend_event(struct ex *e, CUevent event, uint32_t ctx)
{
	struct pend *p = pend_new(e, PEND_EVENT);

	if (!p)
		return EX_BAD;
	if (ctx)
		p->ctx = ctx;
	p->event = event;
	p->has_slot = true;
	return EX_PENDING;
}

CUresult pend_copy_out(struct ex *e, uint32_t stream, uint64_t src,
		       uint32_t len)
{
	return wait_for(e, stream, (struct pend){ .src = src, .len = len });
}

/* The piece of the window is free when what is in the stream now is done. */
CUresult pend_fence(struct ex *e, uint32_t stream, uint32_t fence,
		    uint32_t value)
{
	struct pend *p;
	CUstream s;
	CUresult r;

	r = ex_stream(e, stream, &s);
	if (!r && word_fence(e, stream, s, fence, value))
		return EX_PENDING;
	p = pend_new(e, PEND_EVENT);
	if (!p)
		return EX_BAD;
	p->ctx = ex_stream_ctx(e, stream);
	p->fence = fence;
	p->value = value;
	p->stream = stream;
	if (!r)
		r = record_event(p, s);
	if (r) {
		ex_fence(e, fence, value, r);
		pend_free(e, p);
	}
	return r;
}

/* A context is idle when each of its streams that had work is. With more of
 * them than can be looked at one by one, the driver waits for all. */
CUresult pend_ctx(struct ex *e)
{
	struct pend *p, *c;
	int self;

	/* What is left is for waits that have no other way. */
	if (e->pend_live + ex_busy_streams(e) > EX_PENDING_MAX - EX_PENDING_SPARE)
		return R.cuCtxSynchronize();
	p = pend_new(e, PEND_CTX);
	if (!p)
		return EX_BAD;
	self = (int)(p - e->pend);
	p->has_slot = true;
	for (uint32_t i = 0; i < e->dirties; i++) {
		if (!ex_work_here(e, &e->dirty[i]))
			continue;
		c = pend_new(e, PEND_STREAM);
		if (!c)
			return EX_BAD;
		p = &e->pend[self];
		c->stream = e->dirty[i].stream;
		c->ctx = e->dirty[i].ctx;
		c->parent = self;
		p->children++;
	}
	return EX_PENDING;
}

/* ---- looking ----------------------------------------------------------- */

static CUresult own_stream(struct ex *e)
{
	CUresult r;

	if (e->own_ctx == e->cur_ctx)
		return CUDA_SUCCESS;
	if (e->own_ctx)
		R.cuStreamDestroy_v2(e->own_stream);
	e->own_ctx = 0;
	r = R.cuStreamCreate(&e->own_stream, CU_STREAM_NON_BLOCKING);
	if (!r)
		e->own_ctx = e->cur_ctx;
	return r;
}

/* Small copies to the guest, once what precedes them is done: on a stream of
 * our own, so that work submitted later is not waited for. */
static CUresult copy_out(struct ex *e, struct pend *p, void *buf)
{
	CUresult r = own_stream(e);

	if (!r)
		r = R.cuMemcpyDtoHAsync_v2(buf, p->src, p->len, e->own_stream);
	if (!r)
		r = R.cuStreamSynchronize(e->own_stream);
	if (!r)
		e->stats->bytes_from_gpu += p->len;
	return r;
}

/* The streams of a context's wait, which may be other contexts', do not outlive
 * it: its place in the table is the next one's. */
static void free_children(struct ex *e, int parent)
{
	for (uint32_t i = 0; i < e->pends; i++)
		if (e->pend[i].type != PEND_FREE && e->pend[i].parent == parent)
			pend_free(e, &e->pend[i]);
}

static void drop(struct ex *e, struct pend *p)
{
	if (p->children)
		free_children(e, (int)(p - e->pend));
	pend_free(e, p);
}

static void finish(struct ex *e, struct pend *p, CUresult r)
{
	uint8_t data[VGPU_SLOT_SIZE];
	uint32_t len = 0;
	int parent = p->parent;

	/* A slot that the GPU has answered is the guest's again. */
	if (p->type == PEND_WORD && word_there(p->word, p->value))
		r = CUDA_SUCCESS;
	if (r && p->watched)
		waiter_cancel();
	if (!r && p->len) {
		r = copy_out(e, p, data);
		len = r ? 0 : p->len;
	}
	if (r)
		e->stats->errors++;
	if (!r && p->type == PEND_WORD)
		ex_notify(e); /* the GPU has answered already: wake who sleeps */
	else if (p->has_slot)
		ex_reply(e, p->slot, p->seq, p->since, r,
			 p->in_slot ? NULL : data,
			 r ? 0 : p->in_slot ? p->in_slot : len);
	else if (p->fence < VGPU_FENCES)
		ex_fence(e, p->fence, p->value, r);
	drop(e, p);
	if (parent >= 0) {
		e->pend[parent].children--;
		if (r && !e->pend[parent].result)
			e->pend[parent].result = r;
	}
}

/* The driver's own wait, once there is nothing to wait for: it delivers what
 * kernels printed, and gives back what was freed. */
static CUresult settle(struct ex *e, struct pend *p)
{
	CUstream s;
	bool own;

	if (p->type == PEND_EVENT)
		return p->has_slot && (e->any_frees || ex_prints(e)) ?
		       R.cuEventSynchronize(p->event) : CUDA_SUCCESS;
	if (ex_stream(e, p->stream, &s))
		return CUDA_ERROR_INVALID_HANDLE;
	own = ex_stream_freed(e, p->stream) || ex_prints(e);
	ex_stream_idle(e, p->stream);
	return own ? R.cuStreamSynchronize(s) : CUDA_SUCCESS;
}

/* The question itself broke a capture: another one gets another answer. */
static bool is_captured(CUresult r)
{
	return r >= CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED &&
	       r <= CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
}

/* What an assertion says comes with a wait of the driver's own. */
static CUresult failed(const struct pend *p, CUstream s, CUresult r)
{
	CUresult again;

	if (is_captured(r))
		return r;
	again = p->type == PEND_EVENT ? R.cuEventSynchronize(p->event) :
					R.cuStreamSynchronize(s);
	return again ? again : r;
}

static CUresult look(struct ex *e, struct pend *p)
{
	CUstream s = NULL;
	CUresult r;

	if (p->type == PEND_WORD)
		return word_look(e, p);
	if (p->type == PEND_CTX)
		return p->children ? CUDA_ERROR_NOT_READY :
		       p->result ? p->result : R.cuCtxSynchronize();
	if (p->type == PEND_EVENT)
		r = R.cuEventQuery(p->event);
	else if (ex_stream(e, p->stream, &s))
		return CUDA_ERROR_INVALID_HANDLE;
	else
		r = R.cuStreamQuery(s);
	if (!r)
		return settle(e, p);
	return r == CUDA_ERROR_NOT_READY ? r : failed(p, s, r);
}

/* Looking is the fastest way to see the end of a wait. */
bool pend_looks(const struct ex *e)
{
	return waiter_may_spin() && e->spin_ns && !e->captures;
}

/* Before the ring thread sleeps, who waits is the waiter's. */
static bool is_long(const struct ex *e, const struct pend *p, uint64_t now)
{
	uint64_t ns = pend_looks(e) ? EX_GPU_SPINS * e->spin_ns * 3 / 4 : 20000;

	return p->has_slot && !p->own_event && now - p->asked > ns;
}

/* A word needs nobody as long as the guest itself looks at it. */
static void hand_over(struct ex *e, struct pend *p)
{
	if (p->type != PEND_WORD) {
		if (waiter_take_over(e, p))
			drop(e, p);
	} else if (!p->watched && shared_load32(&e->ctl->guest_waiters) &&
		   waiter_watch(e, p)) {
		p->watched = true;
		e->pend_watched++;
	}
}

bool pend_poll(struct ex *e)
{
	uint64_t now = ticks_ns();
	uint32_t ctx = e->cur_ctx;
	bool some = false;

	ex_relax(e);
	for (uint32_t i = 0; i < e->pends; i++) {
		struct pend *p = &e->pend[i];
		CUresult r;

		if (p->type == PEND_FREE)
			continue;
		r = p->type == PEND_WORD ? CUDA_SUCCESS :
					   ex_use_ctx(e, p->ctx);
		if (!r)
			r = look(e, p);
		if (r == CUDA_ERROR_NOT_READY) {
			if (is_long(e, p, now))
				hand_over(e, p);
			continue;
		}
		finish(e, p, r);
		some = true;
	}
	if (e->cur_ctx != ctx)
		ex_use_ctx(e, ctx);
	return some;
}

/* Words in it are still written; but by this id it is not found again. */
void pend_forget_stream(struct ex *e, uint32_t stream)
{
	for (uint32_t i = 0; i < e->pends; i++)
		if (e->pend[i].type == PEND_WORD &&
		    e->pend[i].stream == stream)
			e->pend[i].stream = UINT32_MAX;
}

/* The event is about to be destroyed: whoever waits for it is answered first,
 * as the driver answers now. It is not asked again: another process of the VM
 * may have recorded it anew. */
void pend_forget_event(struct ex *e, CUevent event)
{
	for (uint32_t i = 0; i < e->pends; i++)
		if (e->pend[i].type == PEND_EVENT && e->pend[i].event == event)
			finish(e, &e->pend[i], R.cuEventSynchronize(event));
}

/* The context dies: whoever waits in it is told, its streams are no more. */
void pend_forget_ctx(struct ex *e, uint32_t ctx)
{
	waiter_leave_ctx(ctx);
	for (uint32_t i = 0; i < e->pends; i++) {
		struct pend *p = &e->pend[i];

		if (p->type == PEND_FREE || p->ctx != ctx)
			continue;
		p->own_event = false;
		p->len = 0;
		finish(e, p, CUDA_ERROR_CONTEXT_IS_DESTROYED);
	}
	word_forget_ctx(e, ctx);
	if (e->own_ctx == ctx)
		e->own_ctx = 0; /* it goes with its context */
	for (uint32_t i = 0; i < e->dirties;)
		if (e->dirty[i].ctx == ctx)
			e->dirty[i] = e->dirty[--e->dirties];
		else
			i++;
}

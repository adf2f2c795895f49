// SPDX-License-Identifier: BSD-2-Clause
/*
 * capture.c - stream capture: each piece of work becomes a node after those
 * that its stream came to before. Other streams of the context join by waiting
 * for events that were recorded in the capture. What a capture forbids breaks
 * it, and work in a broken one is refused.
 */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>

/* Its streams and the events recorded in it hold one reference each. */
struct capture {
	CUgraph graph;
	struct sg_stream *origin;
	CUstreamCaptureMode mode;
	pthread_t thread;
	uint64_t id;
	bool bad;
	uint32_t refs;
	struct capture *next;	/* of those that have not ended */
};

static struct capture *captures;
static _Thread_local CUstreamCaptureMode thread_mode;

void capture_unref(struct capture *c)
{
	if (c && !--c->refs)
		free(c);
}

void tips_free(struct tips *t)
{
	free(t->node);
	*t = (struct tips){ 0 };
}

static void tips_add(struct tips *t, CUgraphNode n)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->node[i] == n)
			return;
	t->node = grow(t->node, &t->cap, t->n, sizeof(n));
	t->node[t->n++] = n;
}

static void tips_join(struct tips *to, const struct tips *from)
{
	for (size_t i = 0; i < from->n; i++)
		tips_add(to, from->node[i]);
}

static void enter(struct sg_stream *s, struct capture *c)
{
	c->refs++;
	s->capture = c;
}

void capture_leave(struct sg_stream *s)
{
	struct capture *c = s->capture;

	s->capture = NULL;
	tips_free(&s->tips);
	capture_unref(c);
}

/* ---- what is forbidden --------------------------------------------------- */

static CUresult broken(struct capture *c, CUresult r)
{
	c->bad = true;
	return r;
}

CUresult capture_broken(struct sg_stream *s)
{
	return broken(s->capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

/* May work enter this stream? The legacy stream would wait for those that it
 * waits for, were they not captured. */
CUresult capture_allows(struct sg_stream *s)
{
	CUresult r = CUDA_SUCCESS;

	if (s->capture)
		return s->capture->bad ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED :
					 CUDA_SUCCESS;
	if (s != s->ctx->legacy)
		return CUDA_SUCCESS;
	for (struct sg_stream *o = s->ctx->streams; o; o = o->next)
		if (o->capture && !(o->flags & CU_STREAM_NON_BLOCKING))
			r = broken(o->capture,
				   CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	return r;
}

/* Work for a captured stream that is wrong breaks its capture. */
CUresult capture_refused(CUstream h, CUresult r)
{
	struct sg_stream *s = (struct sg_stream *)h;

	if (r && handle_is(h, H_STREAM) && s->capture)
		s->capture->bad = true;
	return r;
}

/* A call that may wait for the GPU, whatever the stream. */
CUresult capture_unsafe(void)
{
	CUresult r = CUDA_SUCCESS;

	if (thread_mode == CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_SUCCESS;
	for (struct capture *c = captures; c; c = c->next)
		if (c->mode == CU_STREAM_CAPTURE_MODE_RELAXED)
			continue;
		else if (pthread_equal(c->thread, pthread_self()) ||
			 (c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL &&
			  thread_mode == CU_STREAM_CAPTURE_MODE_GLOBAL))
			r = broken(c, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	return r;
}

/* Waiting for a context waits for its captured streams. */
CUresult capture_in(struct sg_ctx *ctx)
{
	CUresult r = CUDA_SUCCESS;

	for (struct sg_stream *s = ctx->streams; s; s = s->next)
		if (s->capture)
			r = capture_broken(s);
	return r;
}

/* ---- work ---------------------------------------------------------------- */

static CUresult captured(struct sg_stream *s, CUresult r, CUgraphNode n)
{
	if (!r) {
		s->tips.n = 0;
		tips_add(&s->tips, n);
	}
	return r;
}

CUresult capture_kernel(struct sg_stream *s, const CUDA_KERNEL_NODE_PARAMS *k)
{
	CUgraphNode n = NULL;
	CUresult r = cuGraphAddKernelNode(&n, s->capture->graph, s->tips.node,
					  s->tips.n, k);

	return captured(s, r, n);
}

CUresult capture_copy(struct sg_stream *s, const struct copy_shape *c)
{
	CUDA_MEMCPY3D m = { .srcMemoryType = CU_MEMORYTYPE_UNIFIED,
			    .srcDevice = (CUdeviceptr)(uintptr_t)c->src,
			    .srcPitch = c->src_pitch,
			    .dstMemoryType = CU_MEMORYTYPE_UNIFIED,
			    .dstDevice = (CUdeviceptr)(uintptr_t)c->dst,
			    .dstPitch = c->dst_pitch,
			    .WidthInBytes = c->width, .Height = c->height,
			    .Depth = c->depth };
	CUgraphNode n = NULL;
	CUresult r;

	if (c->depth > 1)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = cuGraphAddMemcpyNode(&n, s->capture->graph, s->tips.node,
				 s->tips.n, &m, NULL);
	return captured(s, r, n);
}

CUresult capture_fill(struct sg_stream *s, const CUDA_MEMSET_NODE_PARAMS *m)
{
	CUgraphNode n = NULL;
	CUresult r = cuGraphAddMemsetNode(&n, s->capture->graph, s->tips.node,
					  s->tips.n, m, NULL);

	return captured(s, r, n);
}

CUresult capture_host(struct sg_stream *s, CUhostFn fn, void *user)
{
	CUDA_HOST_NODE_PARAMS h = { fn, user };
	CUgraphNode n = NULL;
	CUresult r = cuGraphAddHostNode(&n, s->capture->graph, s->tips.node,
					s->tips.n, &h);

	return captured(s, r, n);
}

/* ---- events -------------------------------------------------------------- */

void event_uncapture(struct captured *e)
{
	capture_unref(e->by);
	tips_free(&e->tips);
	e->by = NULL;
}

/* For the outside it is a node; for other streams a place in this capture. */
CUresult capture_record(struct sg_stream *s, CUevent h, struct captured *e,
			unsigned int flags)
{
	CUgraphNode n = NULL;
	CUresult r;

	if (flags & CU_EVENT_RECORD_EXTERNAL) {
		r = cuGraphAddEventRecordNode(&n, s->capture->graph,
					      s->tips.node, s->tips.n, h);
		return captured(s, r, n);
	}
	event_uncapture(e);
	e->by = s->capture;
	e->by->refs++;
	tips_join(&e->tips, &s->tips);
	return CUDA_SUCCESS;
}

/* @s waits for an event; one of them is captured. */
CUresult capture_wait(struct sg_stream *s, CUevent h, const struct captured *e,
		      unsigned int flags)
{
	CUgraphNode n = NULL;
	CUresult r;

	if (s->capture && (flags & CU_EVENT_WAIT_EXTERNAL)) {
		r = cuGraphAddEventWaitNode(&n, s->capture->graph,
					    s->tips.node, s->tips.n, h);
		return captured(s, r, n);
	}
	if (!e->by)
		return broken(s->capture,
			      CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
	if (e->by->bad || !e->by->origin)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (s == s->ctx->legacy)
		return broken(e->by, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	if (s->capture && s->capture != e->by) {
		broken(s->capture, 0);
		return broken(e->by, CUDA_ERROR_STREAM_CAPTURE_MERGE);
	}
	if (s->ctx != e->by->origin->ctx)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (!s->capture)
		enter(s, e->by);
	tips_join(&s->tips, &e->tips);
	return CUDA_SUCCESS;
}

/* NVIDIA's driver has another answer once the capture is broken. */
CUresult capture_query(const struct captured *e)
{
	return e->by->bad ? CUDA_ERROR_INVALID_VALUE :
			    broken(e->by, CUDA_ERROR_CAPTURED_EVENT);
}

/* ---- begin and end ------------------------------------------------------- */

static CUresult get(CUstream h, struct sg_stream **s)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);

	return r ? r : stream_get(h, ctx, s);
}

CUresult cuStreamBeginCapture(CUstream h, CUstreamCaptureMode mode)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);
	struct capture *c;

	if (r)
		return r;
	if ((unsigned int)mode > 2)
		return CUDA_ERROR_INVALID_VALUE;
	if (s == s->ctx->legacy)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (s->capture)
		return CUDA_ERROR_ILLEGAL_STATE;
	c = calloc(1, sizeof(*c));
	if (!c || cuGraphCreate(&c->graph, 0))
		abort();
	c->origin = s;
	c->mode = mode;
	c->thread = pthread_self();
	c->id = sg_next_id();
	c->next = captures;
	captures = c;
	enter(s, c);
	return CUDA_SUCCESS;
}

/* Its streams are free again; what they have done is @c's graph, or gone. */
static void end(struct capture *c, bool keep)
{
	struct capture **at = &captures;
	struct sg_ctx *ctx = c->origin->ctx;

	c->refs++;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	for (struct sg_stream *s = ctx->streams; s; s = s->next)
		if (s->capture == c)
			capture_leave(s);
	if (!keep)
		cuGraphDestroy(c->graph);
	c->origin = NULL;
	capture_unref(c);
}

/* A stream that goes takes the capture that began in it along. */
void capture_stream_ends(struct sg_stream *s)
{
	if (s->capture && s->capture->origin == s)
		end(s->capture, false);
	else if (s->capture)
		capture_leave(s);
}

/* Has the origin waited for all that the others did? */
static bool joined(const struct capture *c)
{
	const struct sg_stream *o = c->origin;

	for (struct sg_stream *s = o->ctx->streams; s; s = s->next)
		for (size_t i = 0; s->capture == c && i < s->tips.n; i++)
			if (!graph_reaches(o->tips.node, o->tips.n,
					   s->tips.node[i]))
				return false;
	return true;
}

CUresult cuStreamEndCapture(CUstream h, CUgraph *graph)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);
	struct capture *c;

	if (r)
		return r;
	c = s->capture;
	if (graph)
		*graph = NULL;
	if (!c)
		return CUDA_ERROR_ILLEGAL_STATE;
	if (c->origin != s)
		return broken(c, CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
	/* Natively too it ends when the graph has nowhere to go. */
	r = c->bad ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED :
	    joined(c) ? CUDA_SUCCESS : CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
	if (!r && graph)
		*graph = c->graph;
	end(c, !r && graph);
	return r;
}

CUresult cuStreamIsCapturing(CUstream h, CUstreamCaptureStatus *status)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (!r && !status)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*status = !s->capture ? CU_STREAM_CAPTURE_STATUS_NONE :
			  s->capture->bad ?
			  CU_STREAM_CAPTURE_STATUS_INVALIDATED :
			  CU_STREAM_CAPTURE_STATUS_ACTIVE;
	return r;
}

CUresult cuStreamGetCaptureInfo(CUstream h, CUstreamCaptureStatus *status,
				cuuint64_t *id, CUgraph *graph,
				const CUgraphNode **deps,
				const CUgraphEdgeData **edges, size_t *n)
{
	struct sg_stream *s;
	CUresult r = cuStreamIsCapturing(h, status);

	if (r || *status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return r;
	r = get(h, &s);
	if (r)
		return r;
	if (id)
		*id = s->capture->id;
	if (graph)
		*graph = s->capture->graph;
	if (deps)
		*deps = s->tips.node;
	if (edges)
		*edges = NULL;
	if (n)
		*n = s->tips.n;
	return CUDA_SUCCESS;
}

/* Whatever the mode: NVIDIA's driver looks at none either. */
CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
	CUstreamCaptureMode old = thread_mode;

	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	thread_mode = *mode;
	*mode = old;
	return CUDA_SUCCESS;
}

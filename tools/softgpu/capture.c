// SPDX-License-Identifier: BSD-2-Clause
/*
 * capture.c - capture of one stream: each piece of work becomes a node after
 * the one before it. Joining a capture by events is not there.
 */
#include "tools/softgpu/softgpu.h"

static CUresult captured(struct sg_stream *s, CUresult r, CUgraphNode n)
{
	if (!r)
		s->tip = n;
	return r;
}

CUresult capture_kernel(struct sg_stream *s, const CUDA_KERNEL_NODE_PARAMS *k)
{
	CUgraphNode n = NULL;
	CUresult r = cuGraphAddKernelNode(&n, s->capture, &s->tip,
					  s->tip != NULL, k);

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
	r = cuGraphAddMemcpyNode(&n, s->capture, &s->tip, s->tip != NULL, &m,
				 NULL);
	return captured(s, r, n);
}

CUresult capture_fill(struct sg_stream *s, const CUDA_MEMSET_NODE_PARAMS *m)
{
	CUgraphNode n = NULL;
	CUresult r = cuGraphAddMemsetNode(&n, s->capture, &s->tip,
					  s->tip != NULL, m, NULL);

	return captured(s, r, n);
}

CUresult capture_host(struct sg_stream *s, CUhostFn fn, void *user)
{
	CUDA_HOST_NODE_PARAMS h = { fn, user };
	CUgraphNode n = NULL;
	CUresult r = cuGraphAddHostNode(&n, s->capture, &s->tip,
					s->tip != NULL, &h);

	return captured(s, r, n);
}

/* One for the outside; others would join streams. */
CUresult capture_event(struct sg_stream *s, CUevent e, unsigned int flags)
{
	CUgraphNode n = NULL;
	CUresult r;

	if (!(flags & CU_EVENT_RECORD_EXTERNAL))
		return CUDA_ERROR_NOT_SUPPORTED;
	r = cuGraphAddEventRecordNode(&n, s->capture, &s->tip,
				      s->tip != NULL, e);
	return captured(s, r, n);
}

/* What waits is forbidden, and the capture is over. */
CUresult capture_broken(struct sg_stream *s)
{
	s->capture_bad = true;
	return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

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

	if (r)
		return r;
	if ((unsigned int)mode > 2)
		return CUDA_ERROR_INVALID_VALUE;
	if (s == s->ctx->legacy)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (s->capture)
		return CUDA_ERROR_ILLEGAL_STATE;
	s->tip = NULL;
	s->capture_bad = false;
	return cuGraphCreate(&s->capture, 0);
}

CUresult cuStreamEndCapture(CUstream h, CUgraph *graph)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (r)
		return r;
	if (!graph)
		return CUDA_ERROR_INVALID_VALUE;
	*graph = NULL;
	if (!s->capture)
		return CUDA_ERROR_ILLEGAL_STATE;
	if (s->capture_bad)
		cuGraphDestroy(s->capture);
	else
		*graph = s->capture;
	s->capture = NULL;
	return s->capture_bad ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED :
				CUDA_SUCCESS;
}

CUresult cuStreamIsCapturing(CUstream h, CUstreamCaptureStatus *status)
{
	struct sg_stream *s;
	CUresult r = get(h, &s);

	if (!r && !status)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*status = !s->capture ? CU_STREAM_CAPTURE_STATUS_NONE :
			  s->capture_bad ?
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
		*id = s->id + 1;
	if (graph)
		*graph = s->capture;
	if (deps)
		*deps = &s->tip;
	if (edges)
		*edges = NULL;
	if (n)
		*n = s->tip != NULL;
	return CUDA_SUCCESS;
}

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode)
{
	static _Thread_local CUstreamCaptureMode current;
	CUstreamCaptureMode old = current;

	if (!mode || (unsigned int)*mode > 2)
		return CUDA_ERROR_INVALID_VALUE;
	current = *mode;
	*mode = old;
	return CUDA_SUCCESS;
}

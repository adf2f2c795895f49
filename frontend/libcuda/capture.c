// SPDX-License-Identifier: BSD-2-Clause
/* capture.c - stream capture: the host captures, the library knows which of
 * its streams are captured, so that asking about the others costs nothing. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#define NODES_MAX 256u /* dependencies of a captured stream in one reply */

static CUresult stream_of(CUstream hStream, uint32_t *id, struct vg_ctx **c)
{
	return vg_stream_in(hStream, id, c);
}

/* Capture spreads to other streams by events, so any of the context's may be
 * captured while one is. */
void vg_capture_begins(struct vg_ctx *c, uint32_t stream)
{
	struct vg_stream *s = vg_handle_state(KIND_STREAM, stream);

	if (!s || atomic_exchange(&s->capturing, true))
		return;
	if (!atomic_load(&c->capturing))
		atomic_store(&c->capture_failed, false);
	atomic_fetch_add(&c->capturing, 1);
}

void vg_capture_ends(struct vg_ctx *c, uint32_t stream)
{
	struct vg_stream *s = vg_handle_state(KIND_STREAM, stream);

	if (s && atomic_exchange(&s->capturing, false) &&
	    atomic_load(&c->capturing))
		atomic_fetch_sub(&c->capturing, 1);
}

/*
 * While something is captured, what a capture takes or forbids is waited for:
 * its error is the call's own, and there is nothing else to wait for. Launches
 * are not here: launch.c knows which of them may fail.
 */
const bool vg_capturable[OP_NR] = {
	[OP_vgCopy] = true, [OP_vgCopyIn] = true, [OP_vgHostFunc] = true,
	[OP_vgEventRecord] = true, [OP_cuStreamWaitEvent] = true,
	[OP_cuGraphLaunch] = true, [OP_cuMemcpyDtoDAsync_v2] = true,
	[OP_cuMemcpyPeerAsync] = true, [OP_cuMemsetD8Async] = true,
	[OP_cuMemsetD16Async] = true, [OP_cuMemsetD32Async] = true,
	[OP_cuMemsetD2D8Async] = true, [OP_cuMemsetD2D16Async] = true,
	[OP_cuMemsetD2D32Async] = true, [OP_cuStreamWaitValue32] = true,
	[OP_cuStreamWaitValue32_v2] = true, [OP_cuStreamWaitValue64] = true,
	[OP_cuStreamWaitValue64_v2] = true, [OP_cuStreamWriteValue32] = true,
	[OP_cuStreamWriteValue32_v2] = true, [OP_cuStreamWriteValue64] = true,
	[OP_cuStreamWriteValue64_v2] = true,
};

static void failed(uint32_t id, void *state, void *unused)
{
	struct vg_ctx *c = state;

	(void)id, (void)unused;
	atomic_store(&c->capture_failed, true);
}

/* What a capture forbids breaks it, whichever context's it is; other errors
 * may break those of the current one. */
void vg_capture_error(CUresult r)
{
	struct vg_ctx *c = vg_ctx();

	if (r >= CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED &&
	    r <= CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD)
		vg_handle_each(KIND_CTX, failed, NULL);
	else if (c && r != CUDA_ERROR_NOT_READY)
		atomic_store(&c->capture_failed, true);
}

/* What is refused here for a captured stream breaks its capture, as in the
 * driver: there a query does. One of another stream might break others. */
CUresult vg_capture_refused(const struct vg_ctx *c, uint32_t stream,
			    CUresult r)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	struct in_vgStream in = { .stream = stream };
	struct vg_seg s = { &in, sizeof(in) };

	if (!r || !atomic_load(&c->capturing) || stream <= VGPU_STREAM_LEGACY)
		return r;
	if (!cuStreamIsCapturing((CUstream)vg_handle_out(KIND_STREAM, stream),
				 &status) &&
	    status == CU_STREAM_CAPTURE_STATUS_ACTIVE)
		vg_call(OP_vgStreamQuery, &s, 1, NULL, 0);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuStreamBeginCapture_v2(CUstream hStream,
						   CUstreamCaptureMode mode)
{
	struct in_vgStream in = { .mode = mode };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_ctx *c;
	CUresult r = stream_of(hStream, &in.stream, &c);

	if (!r)
		r = vg_call(OP_vgCaptureBegin, &s, 1, NULL, 0);
	if (!r)
		vg_capture_begins(c, in.stream);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuStreamBeginCapture(CUstream hStream)
{
	return cuStreamBeginCapture_v2(hStream, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

VG_EXPORT CUresult CUDAAPI cuStreamEndCapture(CUstream hStream,
					      CUgraph *phGraph)
{
	struct in_vgStream in = { 0 };
	struct out_vgCaptureEnd out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	CUgraph graph;
	struct vg_ctx *c;
	CUresult r = stream_of(hStream, &in.stream, &c);

	if (r)
		return r;
	r = vg_call(OP_vgCaptureEnd, &s, 1, &o, 1);
	if (r != CUDA_ERROR_ILLEGAL_STATE &&
	    r != CUDA_ERROR_STREAM_CAPTURE_UNMATCHED &&
	    r != CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD)
		vg_capture_ends(c, in.stream);
	graph = r ? NULL : (CUgraph)vg_handle_out(KIND_GRAPH, out.graph);
	if (phGraph)
		*phGraph = graph;
	else if (graph)
		cuGraphDestroy(graph); /* nobody will ever have it */
	return vg_report(r);
}

struct info {
	struct out_vgCaptureInfo head;
	uint32_t ids[NODES_MAX];
};

static CUresult ask(CUstream hStream, bool full, struct info *i)
{
	struct in_vgCaptureInfo in = { .full = full,
				       .cap = full ? NODES_MAX : 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_seg o[] = { { &i->head, sizeof(i->head) },
			      { i->ids, in.cap * 4 } };
	struct vg_ctx *c;
	CUresult r = stream_of(hStream, &in.stream, &c);

	memset(&i->head, 0, sizeof(i->head));
	if (r || !atomic_load(&c->capturing))
		return r;
	return vg_call(OP_vgCaptureInfo, &s, 1, o, full ? 2 : 1);
}

VG_EXPORT CUresult CUDAAPI cuStreamIsCapturing(CUstream hStream,
					       CUstreamCaptureStatus *status)
{
	struct info i;
	CUresult r;

	if (!status)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	r = ask(hStream, false, &i);
	if (!r)
		*status = (CUstreamCaptureStatus)i.head.status;
	return r;
}

/* The dependencies are valid until the next call on the stream: each thread
 * has one array for them. */
static _Thread_local CUgraphNode nodes[NODES_MAX];

static CUresult full_info(CUstream hStream, CUstreamCaptureStatus *status,
			  cuuint64_t *id, CUgraph *graph,
			  const CUgraphNode **deps, size_t *ndeps)
{
	struct info i;
	CUresult r;

	if (!status)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	r = ask(hStream, true, &i);
	if (r)
		return r;
	*status = (CUstreamCaptureStatus)i.head.status;
	if (*status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return CUDA_SUCCESS;
	if (i.head.nodes > NODES_MAX)
		return vg_not_supported("capture with more than 256 "
					"dependencies of one stream");
	if (id)
		*id = i.head.id;
	if (graph)
		*graph = (CUgraph)vg_handle_out(KIND_GRAPH, i.head.graph);
	for (uint32_t k = 0; k < i.head.nodes; k++)
		nodes[k] = (CUgraphNode)vg_handle_out(KIND_GNODE, i.ids[k]);
	if (deps)
		*deps = nodes;
	if (ndeps)
		*ndeps = i.head.nodes;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI
cuStreamGetCaptureInfo_v2(CUstream hStream, CUstreamCaptureStatus *status,
			  cuuint64_t *id, CUgraph *graph,
			  const CUgraphNode **deps, size_t *ndeps)
{
	return full_info(hStream, status, id, graph, deps, ndeps);
}

VG_EXPORT CUresult CUDAAPI
cuStreamGetCaptureInfo_v3(CUstream hStream, CUstreamCaptureStatus *status,
			  cuuint64_t *id, CUgraph *graph,
			  const CUgraphNode **deps,
			  const CUgraphEdgeData **edges, size_t *ndeps)
{
	if (edges)
		*edges = NULL; /* edges without data, as the driver says it */
	return full_info(hStream, status, id, graph, deps, ndeps);
}

VG_EXPORT CUresult CUDAAPI
cuStreamGetCaptureInfo(CUstream hStream, CUstreamCaptureStatus *status,
		       cuuint64_t *id)
{
	return full_info(hStream, status, id, NULL, NULL, NULL);
}

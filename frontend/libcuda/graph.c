// SPDX-License-Identifier: BSD-2-Clause
/* graph.c - whole graphs: made executable, updated, described, destroyed;
 * user objects; capture into a graph that exists. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"

#include <stdio.h>

#define LOG_MAX 8192u

static CUresult graph_id(CUgraph graph, uint32_t *id)
{
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_GRAPH, (uintptr_t)graph, id);
	return !r && !*id ? CUDA_ERROR_INVALID_VALUE : r;
}

VG_EXPORT CUresult CUDAAPI cuGraphDestroy(CUgraph graph)
{
	struct in_vgGraph in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	CUresult r = graph_id(graph, &in.graph);

	if (!r)
		r = vg_call(OP_vgGraphDestroy, &s, 1, NULL, 0);
	if (!r)
		graph_memory_forget(in.graph);
	return r;
}

/* ---- making executable ------------------------------------------------- */

static CUresult instantiate(struct in_vgInstantiate *in,
			    struct out_vgInstantiate *out, char *text,
			    CUgraphExec *exec, CUgraph graph)
{
	struct vg_seg s = { in, sizeof(*in) };
	struct vg_seg o[] = { { out, sizeof(*out) }, { text, in->log } };
	CUresult r = graph_id(graph, &in->graph);

	if (r)
		return r;
	if (!exec)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_call(OP_vgInstantiate, &s, 1, o, in->log ? 2 : 1);
	if (!r && !out->result)
		*exec = (CUgraphExec)vg_handle_out(KIND_GEXEC, out->exec);
	return r ? r : (CUresult)out->result;
}

VG_EXPORT CUresult CUDAAPI cuGraphInstantiate_v2(CUgraphExec *exec,
						 CUgraph graph,
						 CUgraphNode *bad, char *text,
						 size_t size)
{
	struct in_vgInstantiate in = { 0 };
	struct out_vgInstantiate out = { 0 };
	CUresult r;

	if (text)
		in.log = size > LOG_MAX ? LOG_MAX : (uint32_t)size;
	r = instantiate(&in, &out, text, exec, graph);
	if (bad)
		*bad = (CUgraphNode)vg_handle_out(KIND_GNODE, out.error_node);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuGraphInstantiate(CUgraphExec *exec, CUgraph graph,
					      CUgraphNode *bad, char *text,
					      size_t size)
{
	return cuGraphInstantiate_v2(exec, graph, bad, text, size);
}

VG_EXPORT CUresult CUDAAPI
cuGraphInstantiateWithParams(CUgraphExec *exec, CUgraph graph,
			     CUDA_GRAPH_INSTANTIATE_PARAMS *p)
{
	struct in_vgInstantiate in = { .params = 1 };
	struct out_vgInstantiate out = { .detail = CUDA_GRAPH_INSTANTIATE_ERROR };
	CUresult r = vg_enter();

	if (!r && !p)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)p->hUploadStream,
				 &in.stream);
	if (r)
		return r;
	in.flags = p->flags;
	r = instantiate(&in, &out, NULL, exec, graph);
	if (in.flags & CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD)
		vg_stream_touch(in.stream);
	p->hErrNode_out = (CUgraphNode)vg_handle_out(KIND_GNODE,
						     out.error_node);
	p->result_out = (CUgraphInstantiateResult)out.detail;
	return r;
}

/* ---- updating ---------------------------------------------------------- */

VG_EXPORT CUresult CUDAAPI
cuGraphExecUpdate_v2(CUgraphExec exec, CUgraph graph,
		     CUgraphExecUpdateResultInfo *info)
{
	struct in_vgGraphUpdate in = { 0 };
	struct out_vgGraphUpdate out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	CUresult r = graph_id(graph, &in.graph);

	if (!r)
		r = vg_handle_in(KIND_GEXEC, (uintptr_t)exec, &in.exec);
	if (r)
		return r;
	if (!in.exec)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_call(OP_vgGraphUpdate, &s, 1, &o, 1);
	if (r || !info)
		return r ? r : (CUresult)out.result;
	info->result = (CUgraphExecUpdateResult)out.detail;
	info->errorNode = (CUgraphNode)vg_handle_out(KIND_GNODE, out.node);
	info->errorFromNode = (CUgraphNode)vg_handle_out(KIND_GNODE, out.from);
	return (CUresult)out.result;
}

VG_EXPORT CUresult CUDAAPI cuGraphExecUpdate(CUgraphExec exec, CUgraph graph,
					     CUgraphNode *bad,
					     CUgraphExecUpdateResult *result)
{
	CUgraphExecUpdateResultInfo info = { 0 };
	CUresult r = vg_enter();

	if (r)
		return r;
	r = cuGraphExecUpdate_v2(exec, graph, &info);
	if (result)
		*result = info.result;
	if (bad)
		*bad = info.errorNode;
	return r;
}

/* ---- describing -------------------------------------------------------- */

static CUresult description(CUgraph graph, unsigned int flags, char **text,
			    uint64_t *size)
{
	struct in_vgGraph in = { .flags = flags };
	struct out_vgStaged out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	CUresult r = graph_id(graph, &in.graph);

	if (r)
		return r;
	fetch_begin();
	r = vg_call(OP_vgGraphDot, &s, 1, &o, 1);
	if (!r) {
		*size = out.size;
		*text = malloc(out.size + 1);
		r = *text ? fetch_bytes(*text, out.size) :
			    CUDA_ERROR_OUT_OF_MEMORY;
	}
	fetch_end();
	return r;
}

static CUresult write_file(const char *path, const char *text, uint64_t size)
{
	FILE *f = fopen(path, "we");
	bool good;

	if (!f)
		return CUDA_ERROR_OPERATING_SYSTEM;
	good = fwrite(text, 1, size, f) == size;
	good = !fclose(f) && good;
	return good ? CUDA_SUCCESS : CUDA_ERROR_OPERATING_SYSTEM;
}

VG_EXPORT CUresult CUDAAPI cuGraphDebugDotPrint(CUgraph graph, const char *path,
						unsigned int flags)
{
	AUTO_FREE char *text = NULL;
	uint64_t size = 0;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!path)
		return CUDA_ERROR_INVALID_VALUE;
	r = description(graph, flags, &text, &size);
	return r ? r : write_file(path, text, size);
}

/* ---- user objects ------------------------------------------------------ */

VG_EXPORT CUresult CUDAAPI cuUserObjectCreate(CUuserObject *object, void *ptr,
					      CUhostFn destroy,
					      unsigned int refs,
					      unsigned int flags)
{
	struct in_vgUserObject in = { .refs = refs, .flags = flags };
	struct out_vgId out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!object || !destroy)
		return CUDA_ERROR_INVALID_VALUE;
	r = host_token(destroy, ptr, &in.token);
	if (!r)
		r = vg_call(OP_vgUserObject, &s, 1, &o, 1);
	if (!r)
		*object = (CUuserObject)vg_handle_out(KIND_USEROBJ, out.id);
	return r;
}

/* ---- capture into a graph ---------------------------------------------- */

VG_EXPORT CUresult CUDAAPI
cuStreamBeginCaptureToGraph(CUstream hStream, CUgraph graph,
			    const CUgraphNode *deps,
			    const CUgraphEdgeData *edges, size_t n,
			    CUstreamCaptureMode mode)
{
	struct in_vgCaptureTo in = { .mode = mode };
	AUTO_FREE uint32_t *ids = NULL;
	struct vg_ctx *c;
	CUresult r = vg_stream_in(hStream, &in.stream, &c);

	if (!r)
		r = graph_id(graph, &in.graph);
	if (!r && n && !deps)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = vg_handles_in(KIND_GNODE, (const uint64_t *)deps, n, &ids);
	if (r)
		return r;
	in.ndeps = (uint32_t)n;
	in.nedges = edges ? (uint32_t)n : 0;
	struct vg_seg s[] = { { &in, sizeof(in) }, { ids, n * 4 },
			      { edges, in.nedges * sizeof(*edges) } };

	r = vg_call(OP_vgCaptureTo, s, 3, NULL, 0);
	if (!r)
		vg_capture_begins(c, in.stream);
	return r;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * calls_graph_exec.c - whole graphs: made executable, updated, described,
 * destroyed; user objects; capture into a graph that exists.
 */
#include "cuda-exec/exec_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MAX   16384u
#define DEPTH_MAX 64u /* child graphs inside child graphs */

/* ---- destroying: the ids of what dies with the graph ------------------- */

static void forget(struct ex *e, enum vgpu_kind kind, const void *real)
{
	uint32_t id;

	if (!ex_obj_ref(e, kind, (uint64_t)(uintptr_t)real, &id))
		ex_obj_del(e, kind, id);
}

static void forget_nodes(struct ex *e, CUgraph g, uint32_t depth)
{
	AUTO_FREE CUgraphNode *node = NULL;
	size_t n = 0;

	if (depth > DEPTH_MAX || !R.cuGraphGetNodes ||
	    R.cuGraphGetNodes(g, NULL, &n) || !n)
		return;
	node = calloc(n, sizeof(*node));
	if (!node || R.cuGraphGetNodes(g, node, &n))
		return; /* stale ids cost table room, nothing else */
	for (size_t i = 0; i < n; i++) {
		CUgraphNodeType type = CU_GRAPH_NODE_TYPE_EMPTY;
		CUgraph child = NULL;

		if (R.cuGraphNodeGetType &&
		    !R.cuGraphNodeGetType(node[i], &type) &&
		    type == CU_GRAPH_NODE_TYPE_GRAPH &&
		    R.cuGraphChildGraphNodeGetGraph &&
		    !R.cuGraphChildGraphNodeGetGraph(node[i], &child)) {
			forget_nodes(e, child, depth + 1);
			forget(e, KIND_GRAPH, child);
		}
		forget(e, KIND_GNODE, node[i]);
	}
}

CUresult ex_vgGraphDestroy(struct ex *e, struct vgpu_rd *rd,
			   struct vgpu_wr *wr)
{
	const struct in_vgGraph *in = rd_take(rd, sizeof(*in));
	uint64_t g;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	if (!R.cuGraphDestroy)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_obj(e, KIND_GRAPH, in->graph, &g);
	if (!r && !g)
		r = CUDA_ERROR_INVALID_VALUE;
	if (r)
		return r;
	forget_nodes(e, (CUgraph)(uintptr_t)g, 0);
	r = R.cuGraphDestroy((CUgraph)(uintptr_t)g);
	if (!r)
		ex_obj_del(e, KIND_GRAPH, in->graph);
	return r;
}

/* ---- making executable ------------------------------------------------- */

static CUresult with_log(const struct in_vgInstantiate *in, CUgraph g,
			 CUgraphExec *x, CUgraphNode *bad, char *text)
{
	if (R.cuGraphInstantiate_v2)
		return R.cuGraphInstantiate_v2(x, g, bad,
					       in->log ? text : NULL, in->log);
	return R.cuGraphInstantiateWithFlags ?
	       R.cuGraphInstantiateWithFlags(x, g, 0) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult with_params(struct ex *e, const struct in_vgInstantiate *in,
			    CUgraph g, CUgraphExec *x,
			    CUDA_GRAPH_INSTANTIATE_PARAMS *p)
{
	CUresult r = ex_stream(e, in->stream, &p->hUploadStream);

	if (r)
		return r;
	p->flags = in->flags;
	if (in->flags & CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD)
		ex_stream_touch(e, in->stream);
	return R.cuGraphInstantiateWithParams ?
	       R.cuGraphInstantiateWithParams(x, g, p) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

CUresult ex_vgInstantiate(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgInstantiate *in = rd_take(rd, sizeof(*in));
	struct out_vgInstantiate *out = wr_take(wr, sizeof(*out));
	char *text = in ? wr_array(wr, in->log, 1) : NULL;
	CUDA_GRAPH_INSTANTIATE_PARAMS p = { 0 };
	CUgraphExec x = NULL;
	uint64_t g;
	CUresult r;

	if (!out || !text || in->log > LOG_MAX)
		return EX_BAD;
	r = ex_obj(e, KIND_GRAPH, in->graph, &g);
	if (r)
		return r;
	r = in->params ? with_params(e, in, (CUgraph)(uintptr_t)g, &x, &p) :
			 with_log(in, (CUgraph)(uintptr_t)g, &x,
				  &p.hErrNode_out, text);
	out->result = r;
	out->detail = p.result_out;
	if (!r)
		return ex_obj_ref(e, KIND_GEXEC, (uint64_t)(uintptr_t)x,
				  &out->exec);
	return ex_obj_ref(e, KIND_GNODE, (uint64_t)(uintptr_t)p.hErrNode_out,
			  &out->error_node);
}

static CUresult update(CUgraphExec x, CUgraph g,
		       CUgraphExecUpdateResultInfo *info)
{
	if (R.cuGraphExecUpdate_v2)
		return R.cuGraphExecUpdate_v2(x, g, info);
	return R.cuGraphExecUpdate ?
	       R.cuGraphExecUpdate(x, g, &info->errorNode, &info->result) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

CUresult ex_vgGraphUpdate(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgGraphUpdate *in = rd_take(rd, sizeof(*in));
	struct out_vgGraphUpdate *out = wr_take(wr, sizeof(*out));
	CUgraphExecUpdateResultInfo info = { 0 };
	uint64_t x, g;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	r = ex_obj(e, KIND_GEXEC, in->exec, &x);
	if (!r)
		r = ex_obj(e, KIND_GRAPH, in->graph, &g);
	if (r)
		return r;
	out->result = update((CUgraphExec)(uintptr_t)x, (CUgraph)(uintptr_t)g,
			     &info);
	out->detail = info.result;
	r = ex_obj_ref(e, KIND_GNODE, (uint64_t)(uintptr_t)info.errorNode,
		       &out->node);
	return r ? r : ex_obj_ref(e, KIND_GNODE,
				  (uint64_t)(uintptr_t)info.errorFromNode,
				  &out->from);
}

/* ---- describing -------------------------------------------------------- */

/* The driver writes a file by name; one without a place on any disk. */
static CUresult print_to(int fd, CUgraph g, unsigned int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return R.cuGraphDebugDotPrint(g, path, flags);
}

static CUresult stage_file(int fd, struct out_vgStaged *out)
{
	off_t size = lseek(fd, 0, SEEK_END);
	void *p;
	CUresult r;

	if (size < 0)
		return CUDA_ERROR_OPERATING_SYSTEM;
	out->size = (uint64_t)size;
	if (!size)
		return ex_stage(NULL, 0);
	p = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = ex_stage(p, (uint64_t)size);
	munmap(p, (size_t)size);
	return r;
}

CUresult ex_vgGraphDot(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgGraph *in = rd_take(rd, sizeof(*in));
	struct out_vgStaged *out = wr_take(wr, sizeof(*out));
	uint64_t g;
	CUresult r;
	int fd;

	if (!in || !out)
		return EX_BAD;
	if (!R.cuGraphDebugDotPrint)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_obj(e, KIND_GRAPH, in->graph, &g);
	if (r)
		return r;
	fd = memfd_create("dot", MFD_CLOEXEC);
	if (fd < 0)
		return CUDA_ERROR_OPERATING_SYSTEM;
	r = print_to(fd, (CUgraph)(uintptr_t)g, in->flags);
	if (!r)
		r = stage_file(fd, out);
	close(fd);
	return r;
}

/* ---- user objects ------------------------------------------------------ */

/* The driver destroys on its own thread, where host functions run too: so the
 * guest's destructor may be waited for there. */
CUresult ex_vgUserObject(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgUserObject *in = rd_take(rd, sizeof(*in));
	struct out_vgId *out = wr_take(wr, sizeof(*out));
	CUuserObject o = NULL;
	CUresult r;

	if (!in || !out || !(in->token & VGPU_TOKEN_KEPT))
		return EX_BAD;
	if (!R.cuUserObjectCreate)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuUserObjectCreate(&o, ex_host_token(e, in->token), ex_host_func,
				 in->refs, in->flags);
	return r ? r : ex_obj_ref(e, KIND_USEROBJ, (uint64_t)(uintptr_t)o,
				  &out->id);
}

static CUresult owner_of(struct ex *e, const struct in_vgGraphOwns *in,
			 CUgraph *ret)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	uint64_t g;
	CUstream s;
	CUresult r;

	if (in->graph) {
		r = ex_obj(e, KIND_GRAPH, in->graph, &g);
		*ret = (CUgraph)(uintptr_t)g;
		return r;
	}
	if (!R.cuStreamGetCaptureInfo_v2)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_stream(e, in->stream, &s);
	if (!r)
		r = R.cuStreamGetCaptureInfo_v2(s, &status, NULL, ret, NULL,
						NULL);
	return !r && status != CU_STREAM_CAPTURE_STATUS_ACTIVE ?
	       CUDA_ERROR_ILLEGAL_STATE : r;
}

/* What the guest has for a graph lives as long as the graph, its clones and
 * its executables: the driver knows when that is over. */
CUresult ex_vgGraphOwns(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgGraphOwns *in = rd_take(rd, sizeof(*in));
	CUuserObject o = NULL;
	CUgraph g = NULL;
	CUresult r;

	(void)wr;
	if (!in || !(in->token & VGPU_TOKEN_KEPT))
		return EX_BAD;
	if (!R.cuUserObjectCreate || !R.cuGraphRetainUserObject)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = owner_of(e, in, &g);
	if (!r)
		r = R.cuUserObjectCreate(&o, ex_host_token(e, in->token),
					 ex_host_func, 1,
					 CU_USER_OBJECT_NO_DESTRUCTOR_SYNC);
	if (r)
		return r;
	r = R.cuGraphRetainUserObject(g, o, 1, CU_GRAPH_USER_OBJECT_MOVE);
	if (r && R.cuUserObjectRelease) /* its end is told all the same */
		R.cuUserObjectRelease(o, 1);
	return r;
}

/* ---- capture into a graph ---------------------------------------------- */

CUresult ex_vgCaptureTo(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCaptureTo *in = rd_take(rd, sizeof(*in));
	AUTO_FREE uint64_t *deps = NULL;
	const CUgraphEdgeData *edges;
	const uint32_t *ids;
	CUstream s;
	uint64_t g;
	CUresult r;

	(void)wr;
	if (!in || (in->nedges && in->nedges != in->ndeps))
		return EX_BAD;
	ids = rd_array(rd, in->ndeps, 4);
	edges = rd_array(rd, in->nedges, sizeof(*edges));
	if (rd->bad)
		return EX_BAD;
	if (!R.cuStreamBeginCaptureToGraph)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_stream(e, in->stream, &s);
	if (!r)
		r = ex_obj(e, KIND_GRAPH, in->graph, &g);
	if (!r)
		r = ex_objs(e, KIND_GNODE, ids, in->ndeps, &deps);
	if (!r)
		r = ex_capture_room(e);
	if (r)
		return r;
	r = R.cuStreamBeginCaptureToGraph(s, (CUgraph)(uintptr_t)g,
		in->ndeps ? (CUgraphNode *)deps : NULL,
		in->nedges ? edges : NULL, in->ndeps,
		(CUstreamCaptureMode)in->mode);
	if (!r)
		ex_capture_began(e, in->stream, in->mode);
	return r;
}

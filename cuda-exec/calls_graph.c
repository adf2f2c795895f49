// SPDX-License-Identifier: BSD-2-Clause
/*
 * calls_graph.c - nodes of graphs: made, changed. What the program asked by a
 * call of the node's own type is done by that call, so that it is judged as
 * it is natively.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

struct add {
	CUgraph graph;
	CUgraphNode *deps;
	const CUgraphEdgeData *edges;
	size_t ndeps;
	CUgraphNode node;
};

static CUresult add_generic(struct add *a, struct ex_node *n)
{
	if (R.cuGraphAddNode_v2)
		return R.cuGraphAddNode_v2(&a->node, a->graph, a->deps,
					   a->edges, a->ndeps, &n->p);
	if (R.cuGraphAddNode && !a->edges)
		return R.cuGraphAddNode(&a->node, a->graph, a->deps, a->ndeps,
					&n->p);
	return CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult add_by_type(struct add *a, struct ex_node *n)
{
	CUgraphNodeParams *p = &n->p;

	if (p->type == CU_GRAPH_NODE_TYPE_KERNEL && R.cuGraphAddKernelNode_v2)
		return R.cuGraphAddKernelNode_v2(&a->node, a->graph, a->deps,
			a->ndeps, (CUDA_KERNEL_NODE_PARAMS_v2 *)&p->kernel);
	if (p->type == CU_GRAPH_NODE_TYPE_MEMCPY && R.cuGraphAddMemcpyNode)
		return R.cuGraphAddMemcpyNode(&a->node, a->graph, a->deps,
			a->ndeps, &p->memcpy.copyParams, p->memcpy.copyCtx);
	if (p->type == CU_GRAPH_NODE_TYPE_HOST && R.cuGraphAddHostNode)
		return R.cuGraphAddHostNode(&a->node, a->graph, a->deps,
			a->ndeps, (CUDA_HOST_NODE_PARAMS *)&p->host);
	if (p->type == CU_GRAPH_NODE_TYPE_MEM_ALLOC && R.cuGraphAddMemAllocNode)
		return R.cuGraphAddMemAllocNode(&a->node, a->graph, a->deps,
			a->ndeps, (CUDA_MEM_ALLOC_NODE_PARAMS *)&p->alloc);
	if (p->type == CU_GRAPH_NODE_TYPE_BATCH_MEM_OP &&
	    R.cuGraphAddBatchMemOpNode)
		return R.cuGraphAddBatchMemOpNode(&a->node, a->graph, a->deps,
			a->ndeps, (CUDA_BATCH_MEM_OP_NODE_PARAMS *)&p->memOp);
	return add_generic(a, n);
}

/* What the call gives back beside the node. */
static CUresult added(struct ex *e, struct add *a, struct ex_node *n,
		      struct out_vgNode *out, uint32_t *bodies)
{
	CUresult r = ex_obj_ref(e, KIND_GNODE, (uint64_t)(uintptr_t)a->node,
				&out->node);
	CUgraph *g = n->p.conditional.phGraph_out;

	/* Only an allocation answers in its struct; the addresses in it that
	 * are ours are not the guest's business. */
	if (n->p.type == CU_GRAPH_NODE_TYPE_MEM_ALLOC) {
		n->p.alloc.accessDescs = NULL;
		memcpy(out->body, n->p.reserved1, sizeof(out->body));
	}
	if (n->p.type != CU_GRAPH_NODE_TYPE_CONDITIONAL || r || !g)
		return r;
	out->tail = n->p.conditional.size * 4;
	return ex_refs(e, KIND_GRAPH, (const uint64_t *)g,
		       n->p.conditional.size, bodies);
}

static struct ex_node node; /* too large for the stack; ring thread only */

static uint32_t bodies_of(const struct in_vgNode *in)
{
	CUDA_CONDITIONAL_NODE_PARAMS c;

	memcpy(&c, in->body, sizeof(c));
	return in->type == CU_GRAPH_NODE_TYPE_CONDITIONAL ? c.size : 0;
}

CUresult ex_vgNodeAdd(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgNode *in = rd_take(rd, sizeof(*in));
	struct out_vgNode *out = wr_take(wr, sizeof(*out));
	AUTO_FREE uint64_t *deps = NULL;
	const uint32_t *ids;
	uint32_t *bodies;
	const void *tail;
	struct add a = { 0 };
	uint64_t g;
	CUresult r;

	if (!in || !out || (in->nedges && in->nedges != in->ndeps))
		return EX_BAD;
	ids = rd_array(rd, in->ndeps, 4);
	a.edges = rd_array(rd, in->nedges, sizeof(CUgraphEdgeData));
	tail = rd_array(rd, in->tail, 1);
	bodies = wr_array(wr, bodies_of(in), 4);
	if (rd->bad || !bodies)
		return EX_BAD;
	r = ex_obj(e, KIND_GRAPH, in->graph, &g);
	if (!r)
		r = ex_objs(e, KIND_GNODE, ids, in->ndeps, &deps);
	if (!r)
		r = ex_node_in(e, in, tail, &node);
	if (r)
		return r;
	a.graph = (CUgraph)(uintptr_t)g;
	a.deps = in->ndeps ? (CUgraphNode *)deps : NULL;
	a.ndeps = in->ndeps;
	if (!in->nedges)
		a.edges = NULL;
	r = in->generic ? add_generic(&a, &node) : add_by_type(&a, &node);
	return r ? r : added(e, &a, &node, out, bodies);
}

/* ---- changing ---------------------------------------------------------- */

static CUresult set_node(const struct in_vgNode *in, CUgraphNode h,
			 CUgraphNodeParams *p)
{
	if (in->generic)
		return R.cuGraphNodeSetParams ? R.cuGraphNodeSetParams(h, p) :
						CUDA_ERROR_NOT_SUPPORTED;
	if (p->type == CU_GRAPH_NODE_TYPE_KERNEL &&
	    R.cuGraphKernelNodeSetParams_v2)
		return R.cuGraphKernelNodeSetParams_v2(h,
			(CUDA_KERNEL_NODE_PARAMS_v2 *)&p->kernel);
	if (p->type == CU_GRAPH_NODE_TYPE_MEMCPY &&
	    R.cuGraphMemcpyNodeSetParams)
		return R.cuGraphMemcpyNodeSetParams(h, &p->memcpy.copyParams);
	if (p->type == CU_GRAPH_NODE_TYPE_HOST && R.cuGraphHostNodeSetParams)
		return R.cuGraphHostNodeSetParams(h,
			(CUDA_HOST_NODE_PARAMS *)&p->host);
	if (p->type == CU_GRAPH_NODE_TYPE_BATCH_MEM_OP &&
	    R.cuGraphBatchMemOpNodeSetParams)
		return R.cuGraphBatchMemOpNodeSetParams(h,
			(CUDA_BATCH_MEM_OP_NODE_PARAMS *)&p->memOp);
	return CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult set_exec(const struct in_vgNode *in, CUgraphExec x,
			 CUgraphNode h, CUgraphNodeParams *p)
{
	if (in->generic)
		return R.cuGraphExecNodeSetParams ?
		       R.cuGraphExecNodeSetParams(x, h, p) :
		       CUDA_ERROR_NOT_SUPPORTED;
	if (p->type == CU_GRAPH_NODE_TYPE_KERNEL &&
	    R.cuGraphExecKernelNodeSetParams_v2)
		return R.cuGraphExecKernelNodeSetParams_v2(x, h,
			(CUDA_KERNEL_NODE_PARAMS_v2 *)&p->kernel);
	if (p->type == CU_GRAPH_NODE_TYPE_MEMCPY &&
	    R.cuGraphExecMemcpyNodeSetParams)
		return R.cuGraphExecMemcpyNodeSetParams(x, h,
			&p->memcpy.copyParams, p->memcpy.copyCtx);
	if (p->type == CU_GRAPH_NODE_TYPE_HOST &&
	    R.cuGraphExecHostNodeSetParams)
		return R.cuGraphExecHostNodeSetParams(x, h,
			(CUDA_HOST_NODE_PARAMS *)&p->host);
	if (p->type == CU_GRAPH_NODE_TYPE_BATCH_MEM_OP &&
	    R.cuGraphExecBatchMemOpNodeSetParams)
		return R.cuGraphExecBatchMemOpNodeSetParams(x, h,
			(CUDA_BATCH_MEM_OP_NODE_PARAMS *)&p->memOp);
	return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult ex_vgNodeSet(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgNode *in = rd_take(rd, sizeof(*in));
	const void *tail = in ? rd_array(rd, in->tail, 1) : NULL;
	uint64_t h, x;
	CUresult r;

	(void)wr;
	if (!tail)
		return EX_BAD;
	r = ex_obj(e, KIND_GNODE, in->node, &h);
	if (!r)
		r = ex_obj(e, KIND_GEXEC, in->exec, &x);
	if (!r)
		r = ex_node_in(e, in, tail, &node);
	if (r)
		return r;
	return in->exec ? set_exec(in, (CUgraphExec)(uintptr_t)x,
				   (CUgraphNode)(uintptr_t)h, &node.p) :
			  set_node(in, (CUgraphNode)(uintptr_t)h, &node.p);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * graph_nodes.c - nodes are made and changed: each call fills the one struct
 * that knows all types, which graph_wire.c sends on its way.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"

#include <pthread.h>

struct bodies {
	struct out_vgNode head;
	uint32_t id[VGPU_GRAPH_BODIES];
};

/* What graph memory occupies is known like any allocation, until the graph
 * that reserved the addresses is destroyed. */
struct graph_memory {
	uint32_t graph;
	uint64_t base;
	struct graph_memory *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct graph_memory *memory;

static void track(uint32_t graph, const CUDA_MEM_ALLOC_NODE_PARAMS_v2 *a)
{
	struct vg_range range = { .base = a->dptr, .size = a->bytesize,
				  .kind = VG_RANGE_DEVICE };
	struct graph_memory *m = malloc(sizeof(*m));

	if (!m || !a->dptr || !a->bytesize) {
		free(m); /* an untracked range is asked about */
		return;
	}
	range.ctx = vg_ctx() ? vg_ctx()->id : 0;
	vg_range_add(&range);
	pthread_mutex_lock(&lock);
	*m = (struct graph_memory){ graph, a->dptr, memory };
	memory = m;
	pthread_mutex_unlock(&lock);
}

void graph_memory_forget(uint32_t graph)
{
	struct vg_range range;

	pthread_mutex_lock(&lock);
	for (struct graph_memory **p = &memory; *p;) {
		struct graph_memory *m = *p;

		if (m->graph != graph) {
			p = &m->next;
			continue;
		}
		vg_range_remove(m->base, &range);
		*p = m->next;
		free(m);
	}
	pthread_mutex_unlock(&lock);
}

/* Graphs of a conditional node: an array of ours that lives with the node. */
static CUresult body_graphs(CUgraphNodeParams *p, uint32_t node,
			    const struct bodies *b)
{
	uint32_t n = p->conditional.size;
	AUTO_FREE uint64_t *g = calloc(n, sizeof(*g));

	if (!g)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (uint32_t i = 0; i < n; i++)
		g[i] = vg_handle_out(KIND_GRAPH, b->id[i]);
	p->conditional.phGraph_out = node_keep(node, NULL, g,
					       n * sizeof(*g), 0, NULL);
	return p->conditional.phGraph_out ? CUDA_SUCCESS :
					    CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult answer(uint32_t graph, CUgraphNodeParams *p,
		       const struct bodies *b)
{
	if (p->type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
		return body_graphs(p, b->head.node, b);
	if (p->type == CU_GRAPH_NODE_TYPE_MEM_ALLOC) {
		memcpy(&p->alloc.dptr, (const uint8_t *)b->head.body +
		       offsetof(CUDA_MEM_ALLOC_NODE_PARAMS_v2, dptr), 8);
		track(graph, &p->alloc);
	}
	return CUDA_SUCCESS;
}

static uint32_t bodies_of(const struct in_vgNode *in)
{
	CUDA_CONDITIONAL_NODE_PARAMS p;

	memcpy(&p, in->body, sizeof(p));
	return in->type == CU_GRAPH_NODE_TYPE_CONDITIONAL ? p.size : 0;
}

static CUresult send_add(struct node_call *c, const CUgraphNode *deps,
			 const CUgraphEdgeData *edges, size_t n,
			 struct bodies *b)
{
	AUTO_FREE uint32_t *ids = NULL;
	uint64_t extra = 4 * bodies_of(&c->in);
	struct vg_seg o[] = { { &b->head, sizeof(b->head) },
			      { b->id, extra } };
	CUresult r;

	if (n && !deps)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_handles_in(KIND_GNODE, (const uint64_t *)deps, n, &ids);
	if (r)
		return r;
	c->in.ndeps = (uint32_t)n;
	c->in.nedges = edges ? (uint32_t)n : 0;
	struct vg_seg s[] = { { &c->in, sizeof(c->in) }, { ids, n * 4 },
			      { edges, c->in.nedges * sizeof(*edges) },
			      { c->tail, c->in.tail } };
	return vg_call(OP_vgNodeAdd, s, 4, o, extra ? 2 : 1);
}

static CUresult add(CUgraphNode *ret, CUgraph graph, const CUgraphNode *deps,
		    const CUgraphEdgeData *edges, size_t n,
		    CUgraphNodeParams *p, bool generic);

/* A copy of the program's own memory is a graph of its own. */
static CUresult add_shadow(CUgraphNode *ret, CUgraph graph,
			   const CUgraphNode *deps,
			   const CUgraphEdgeData *edges, size_t n,
			   const CUDA_MEMCPY_NODE_PARAMS *copy)
{
	CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_GRAPH };
	CUresult r = shadow_graph(copy, false, &p.graph.graph);

	if (r)
		return r;
	r = add(ret, graph, deps, edges, n, &p, true);
	cuGraphDestroy(p.graph.graph);
	return r;
}

static CUresult add(CUgraphNode *ret, CUgraph graph, const CUgraphNode *deps,
		    const CUgraphEdgeData *edges, size_t n,
		    CUgraphNodeParams *p, bool generic)
{
	struct node_call c = { .in.generic = generic };
	struct bodies *b = calloc(1, sizeof(*b));
	CUresult r = vg_enter();

	if (!r && !b)
		r = CUDA_ERROR_OUT_OF_MEMORY;
	if (!r)
		r = vg_handle_in(KIND_GRAPH, (uintptr_t)graph, &c.in.graph);
	if (!r && ret && p && p->type == CU_GRAPH_NODE_TYPE_MEMCPY &&
	    shadow_needed(&p->memcpy.copyParams)) {
		free(b);
		return add_shadow(ret, graph, deps, edges, n, &p->memcpy);
	}
	if (!r)
		r = node_encode(p, &c);
	if (!r && !ret) /* the node's own parameters are looked at first */
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = send_add(&c, deps, edges, n, b);
	if (!r)
		r = answer(c.in.graph, p, b);
	if (!r)
		*ret = (CUgraphNode)vg_handle_out(KIND_GNODE, b->head.node);
	free(c.own);
	free(b);
	return r;
}

static bool no_kernel(const CUgraphNodeParams *p)
{
	return p && p->type == CU_GRAPH_NODE_TYPE_KERNEL && !p->kernel.func &&
	       !p->kernel.kern;
}

/* The copy of an executable that is a graph of its own becomes another one;
 * the driver judges whether it may. */
static CUresult set_shadow(CUgraphExec exec, CUgraphNode node,
			   const CUDA_MEMCPY_NODE_PARAMS *copy)
{
	CUgraph g;
	CUresult r = shadow_graph(copy, true, &g);

	if (r)
		return r;
	r = cuGraphExecChildGraphNodeSetParams(exec, node, g);
	cuGraphDestroy(g);
	return r;
}

static bool is_shadow(CUgraphNode node, const CUgraphNodeParams *p)
{
	CUgraphNodeType type;

	return p && p->type == CU_GRAPH_NODE_TYPE_MEMCPY &&
	       !cuGraphNodeGetType(node, &type) &&
	       type == CU_GRAPH_NODE_TYPE_GRAPH;
}

static CUresult set(CUgraphExec exec, CUgraphNode node, bool of_exec,
		    const CUgraphNodeParams *p, bool generic)
{
	struct node_call c = { .in.generic = generic };
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_GNODE, (uintptr_t)node, &c.in.node);
	if (!r && of_exec)
		r = vg_handle_in(KIND_GEXEC, (uintptr_t)exec, &c.in.exec);
	if (!r && (!c.in.node || (of_exec && !c.in.exec)))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r && of_exec && no_kernel(p))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r && of_exec && is_shadow(node, p))
		return set_shadow(exec, node, &p->memcpy);
	if (!r)
		r = node_encode(p, &c);
	if (!r) {
		struct vg_seg s[] = { { &c.in, sizeof(c.in) },
				      { c.tail, c.in.tail } };

		r = vg_call(OP_vgNodeSet, s, 2, NULL, 0);
	}
	free(c.own);
	return r;
}

/* ---- all types --------------------------------------------------------- */

VG_EXPORT CUresult CUDAAPI
cuGraphAddNode_v2(CUgraphNode *node, CUgraph graph, const CUgraphNode *deps,
		  const CUgraphEdgeData *edges, size_t n, CUgraphNodeParams *p)
{
	return add(node, graph, deps, edges, n, p, true);
}

VG_EXPORT CUresult CUDAAPI cuGraphAddNode(CUgraphNode *node, CUgraph graph,
					  const CUgraphNode *deps, size_t n,
					  CUgraphNodeParams *p)
{
	return add(node, graph, deps, NULL, n, p, true);
}

VG_EXPORT CUresult CUDAAPI cuGraphNodeSetParams(CUgraphNode node,
						CUgraphNodeParams *p)
{
	return set(NULL, node, false, p, true);
}

VG_EXPORT CUresult CUDAAPI cuGraphExecNodeSetParams(CUgraphExec exec,
						    CUgraphNode node,
						    CUgraphNodeParams *p)
{
	return set(exec, node, true, p, true);
}

/* ---- one type each ----------------------------------------------------- */

/* A function that fills the large struct from the type's own, or says no. */
#define FILL(name, type_name, field, ptype) \
	static CUresult fill_##name(CUgraphNodeParams *p, const ptype *from) \
	{ \
		CUresult r = vg_enter(); \
		memset(p, 0, sizeof(*p)); \
		p->type = type_name; \
		if (!r && !from) \
			r = CUDA_ERROR_INVALID_VALUE; \
		if (!r) \
			memcpy(&p->field, from, sizeof(*from)); \
		return r; \
	}
FILL(kernel_v1, CU_GRAPH_NODE_TYPE_KERNEL, kernel, CUDA_KERNEL_NODE_PARAMS_v1)
FILL(kernel, CU_GRAPH_NODE_TYPE_KERNEL, kernel, CUDA_KERNEL_NODE_PARAMS_v2)
FILL(host, CU_GRAPH_NODE_TYPE_HOST, host, CUDA_HOST_NODE_PARAMS)
FILL(alloc, CU_GRAPH_NODE_TYPE_MEM_ALLOC, alloc, CUDA_MEM_ALLOC_NODE_PARAMS)
FILL(mem_op, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP, memOp,
     CUDA_BATCH_MEM_OP_NODE_PARAMS)
FILL(copy, CU_GRAPH_NODE_TYPE_MEMCPY, memcpy.copyParams, CUDA_MEMCPY3D)

#define ADD(api, name, ptype) \
	VG_EXPORT CUresult CUDAAPI api(CUgraphNode *node, CUgraph graph, \
				       const CUgraphNode *deps, size_t n, \
				       const ptype *from) \
	{ \
		CUgraphNodeParams p; \
		CUresult r = fill_##name(&p, from); \
		return r ? r : add(node, graph, deps, NULL, n, &p, false); \
	}
ADD(cuGraphAddKernelNode, kernel_v1, CUDA_KERNEL_NODE_PARAMS_v1)
ADD(cuGraphAddKernelNode_v2, kernel, CUDA_KERNEL_NODE_PARAMS_v2)
ADD(cuGraphAddHostNode, host, CUDA_HOST_NODE_PARAMS)
ADD(cuGraphAddBatchMemOpNode, mem_op, CUDA_BATCH_MEM_OP_NODE_PARAMS)

#define SET(api, name, ptype) \
	VG_EXPORT CUresult CUDAAPI api(CUgraphNode node, const ptype *from) \
	{ \
		CUgraphNodeParams p; \
		CUresult r = fill_##name(&p, from); \
		return r ? r : set(NULL, node, false, &p, false); \
	}
SET(cuGraphKernelNodeSetParams, kernel_v1, CUDA_KERNEL_NODE_PARAMS_v1)
SET(cuGraphKernelNodeSetParams_v2, kernel, CUDA_KERNEL_NODE_PARAMS_v2)
SET(cuGraphHostNodeSetParams, host, CUDA_HOST_NODE_PARAMS)
SET(cuGraphBatchMemOpNodeSetParams, mem_op, CUDA_BATCH_MEM_OP_NODE_PARAMS)
SET(cuGraphMemcpyNodeSetParams, copy, CUDA_MEMCPY3D)

#define SET_EXEC(api, name, ptype) \
	VG_EXPORT CUresult CUDAAPI api(CUgraphExec exec, CUgraphNode node, \
				       const ptype *from) \
	{ \
		CUgraphNodeParams p; \
		CUresult r = fill_##name(&p, from); \
		return r ? r : set(exec, node, true, &p, false); \
	}
SET_EXEC(cuGraphExecKernelNodeSetParams, kernel_v1, CUDA_KERNEL_NODE_PARAMS_v1)
SET_EXEC(cuGraphExecKernelNodeSetParams_v2, kernel, CUDA_KERNEL_NODE_PARAMS_v2)
SET_EXEC(cuGraphExecHostNodeSetParams, host, CUDA_HOST_NODE_PARAMS)
SET_EXEC(cuGraphExecBatchMemOpNodeSetParams, mem_op,
	 CUDA_BATCH_MEM_OP_NODE_PARAMS)

/* ---- types with an argument or an answer more -------------------------- */

VG_EXPORT CUresult CUDAAPI
cuGraphAddMemcpyNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *deps,
		     size_t n, const CUDA_MEMCPY3D *from, CUcontext ctx)
{
	CUgraphNodeParams p;
	CUresult r = fill_copy(&p, from);

	p.memcpy.copyCtx = ctx;
	return r ? r : add(node, graph, deps, NULL, n, &p, false);
}

VG_EXPORT CUresult CUDAAPI
cuGraphExecMemcpyNodeSetParams(CUgraphExec exec, CUgraphNode node,
			       const CUDA_MEMCPY3D *from, CUcontext ctx)
{
	CUgraphNodeParams p;
	CUresult r = fill_copy(&p, from);

	p.memcpy.copyCtx = ctx;
	return r ? r : set(exec, node, true, &p, false);
}

VG_EXPORT CUresult CUDAAPI
cuGraphAddMemAllocNode(CUgraphNode *node, CUgraph graph,
		       const CUgraphNode *deps, size_t n,
		       CUDA_MEM_ALLOC_NODE_PARAMS *from)
{
	CUgraphNodeParams p;
	CUresult r = fill_alloc(&p, from);

	if (!r)
		r = add(node, graph, deps, NULL, n, &p, false);
	if (!r)
		from->dptr = p.alloc.dptr;
	return r;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * graph.c - graphs built by hand: kernels, sets, copies, host functions,
 * events, empty nodes and child graphs. An executable one is a copy of its
 * graph; a launch submits its nodes to the stream one after the other, each
 * after those that it depends on, which is an order that CUDA allows.
 */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>
#include <string.h>

struct node {
	CUgraphNodeType type;
	struct graph *child;
	uint8_t *block;		/* a kernel's parameters */
	size_t bytes;
	struct node **deps;
	size_t ndeps, cap;
	struct node *twin;	/* while the graph is copied */
	const struct node *origin; /* what it is a copy of */
	bool done;		/* while it is launched */
	union {
		CUDA_KERNEL_NODE_PARAMS kernel;
		CUDA_MEMSET_NODE_PARAMS set;
		CUDA_MEMCPY3D copy;
		CUDA_HOST_NODE_PARAMS host;
		CUevent event;
	} p;
};

struct graph {
	struct node **node;
	size_t n, cap;
	struct owned owned;
};

/* ---- made and destroyed -------------------------------------------------- */

static struct graph *graph_new(enum handle_kind kind)
{
	struct graph *g = calloc(1, sizeof(*g));

	if (!g || !handle_add(g, kind))
		abort();
	return g;
}

static void node_free(struct node *n);

static void graph_free(struct graph *g)
{
	for (size_t i = 0; i < g->n; i++)
		node_free(g->node[i]);
	owned_free(&g->owned);
	handle_del(g);
	free(g->node);
	free(g);
}

static void node_free(struct node *n)
{
	if (n->child)
		graph_free(n->child);
	handle_del(n);
	free(n->block);
	free(n->deps);
	free(n);
}

static struct node *node_new(struct graph *g, CUgraphNodeType type)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n || !handle_add(n, H_GNODE))
		abort();
	n->type = type;
	g->node = grow(g->node, &g->cap, g->n, sizeof(n));
	g->node[g->n++] = n;
	return n;
}

static void depend(struct node *n, struct node *on)
{
	n->deps = grow(n->deps, &n->cap, n->ndeps, sizeof(on));
	n->deps[n->ndeps++] = on;
}

static struct graph *graph_copy(const struct graph *from,
				enum handle_kind kind)
{
	struct graph *g = graph_new(kind);

	owned_copy(&g->owned, &from->owned);
	for (size_t i = 0; i < from->n; i++) {
		struct node *o = from->node[i], *n = node_new(g, o->type);

		n->p = o->p;
		n->origin = o;
		n->bytes = o->bytes;
		n->child = o->child ? graph_copy(o->child, H_GRAPH) : NULL;
		n->block = o->block ? malloc(o->bytes) : NULL;
		if (n->block)
			memcpy(n->block, o->block, o->bytes);
		o->twin = n;
	}
	for (size_t i = 0; i < from->n; i++)
		for (size_t k = 0; k < from->node[i]->ndeps; k++)
			depend(from->node[i]->twin,
			       from->node[i]->deps[k]->twin);
	return g;
}

CUresult cuGraphCreate(CUgraph *ret, unsigned int flags)
{
	if (!ret || flags)
		return CUDA_ERROR_INVALID_VALUE;
	*ret = (CUgraph)graph_new(H_GRAPH);
	return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph g)
{
	if (!handle_is(g, H_GRAPH))
		return CUDA_ERROR_INVALID_VALUE;
	graph_free((struct graph *)g);
	return CUDA_SUCCESS;
}

struct owned *graph_owned(CUgraph g)
{
	return handle_is(g, H_GRAPH) ? &((struct graph *)g)->owned : NULL;
}

CUresult cuGraphClone(CUgraph *ret, CUgraph g)
{
	if (!ret || !handle_is(g, H_GRAPH))
		return CUDA_ERROR_INVALID_VALUE;
	*ret = (CUgraph)graph_copy((struct graph *)g, H_GRAPH);
	return CUDA_SUCCESS;
}

CUresult cuGraphGetNodes(CUgraph h, CUgraphNode *nodes, size_t *count)
{
	const struct graph *g = (struct graph *)h;

	if (!count || !handle_is(h, H_GRAPH))
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; nodes && i < *count; i++)
		nodes[i] = i < g->n ? (CUgraphNode)g->node[i] : NULL;
	*count = g->n;
	return CUDA_SUCCESS;
}

bool graph_reaches(const CUgraphNode *from, size_t n, CUgraphNode to)
{
	for (size_t i = 0; i < n; i++) {
		const struct node *at = (struct node *)from[i];

		if (from[i] == to ||
		    graph_reaches((CUgraphNode *)at->deps, at->ndeps, to))
			return true;
	}
	return false;
}

CUresult cuGraphNodeGetType(CUgraphNode n, CUgraphNodeType *type)
{
	if (!type || !handle_is(n, H_GNODE))
		return CUDA_ERROR_INVALID_VALUE;
	*type = ((struct node *)n)->type;
	return CUDA_SUCCESS;
}

CUresult cuGraphChildGraphNodeGetGraph(CUgraphNode n, CUgraph *ret)
{
	if (!ret || !handle_is(n, H_GNODE) || !((struct node *)n)->child)
		return CUDA_ERROR_INVALID_VALUE;
	*ret = (CUgraph)((struct node *)n)->child;
	return CUDA_SUCCESS;
}

/* ---- nodes --------------------------------------------------------------- */

static CUresult add(CUgraphNode *ret, CUgraph h, const CUgraphNode *deps,
		    size_t ndeps, CUgraphNodeType type, struct node **n)
{
	if (!ret || !handle_is(h, H_GRAPH) || (ndeps && !deps))
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < ndeps; i++)
		if (!handle_is(deps[i], H_GNODE))
			return CUDA_ERROR_INVALID_VALUE;
	*n = node_new((struct graph *)h, type);
	for (size_t i = 0; i < ndeps; i++)
		depend(*n, (struct node *)deps[i]);
	*ret = (CUgraphNode)*n;
	return CUDA_SUCCESS;
}

/* One block, however they were given. */
static CUresult keep_params(struct node *n, const CUDA_KERNEL_NODE_PARAMS *k)
{
	size_t off, size;

	for (size_t i = 0; !cuFuncGetParamInfo(k->func, i, &off, &size); i++)
		n->bytes = off + size > n->bytes ? off + size : n->bytes;
	n->block = calloc(1, n->bytes + 1);
	for (void **e = k->extra; e && *e != CU_LAUNCH_PARAM_END; e += 2)
		if (*e == CU_LAUNCH_PARAM_BUFFER_POINTER)
			memcpy(n->block, e[1], n->bytes);
	for (size_t i = 0; !k->extra && k->kernelParams &&
	     !cuFuncGetParamInfo(k->func, i, &off, &size); i++)
		memcpy(n->block + off, k->kernelParams[i], size);
	return CUDA_SUCCESS;
}

CUresult cuGraphAddKernelNode(CUgraphNode *ret, CUgraph g,
			      const CUgraphNode *deps, size_t ndeps,
			      const CUDA_KERNEL_NODE_PARAMS *k)
{
	struct node *n;
	CUresult r;

	if (!k || !k->func)
		return CUDA_ERROR_INVALID_VALUE;
	r = add(ret, g, deps, ndeps, CU_GRAPH_NODE_TYPE_KERNEL, &n);
	if (r)
		return r;
	n->p.kernel = *k;
	return keep_params(n, k);
}

CUresult cuGraphAddMemsetNode(CUgraphNode *ret, CUgraph g,
			      const CUgraphNode *deps, size_t ndeps,
			      const CUDA_MEMSET_NODE_PARAMS *set, CUcontext c)
{
	struct node *n;
	CUresult r;

	(void)c;
	if (!set)
		return CUDA_ERROR_INVALID_VALUE;
	r = add(ret, g, deps, ndeps, CU_GRAPH_NODE_TYPE_MEMSET, &n);
	if (!r)
		n->p.set = *set;
	return r;
}

CUresult cuGraphAddMemcpyNode(CUgraphNode *ret, CUgraph g,
			      const CUgraphNode *deps, size_t ndeps,
			      const CUDA_MEMCPY3D *copy, CUcontext c)
{
	struct node *n;
	CUresult r;

	(void)c;
	if (!copy)
		return CUDA_ERROR_INVALID_VALUE;
	r = add(ret, g, deps, ndeps, CU_GRAPH_NODE_TYPE_MEMCPY, &n);
	if (!r)
		n->p.copy = *copy;
	return r;
}

CUresult cuGraphAddHostNode(CUgraphNode *ret, CUgraph g,
			    const CUgraphNode *deps, size_t ndeps,
			    const CUDA_HOST_NODE_PARAMS *host)
{
	struct node *n;
	CUresult r;

	if (!host || !host->fn)
		return CUDA_ERROR_INVALID_VALUE;
	r = add(ret, g, deps, ndeps, CU_GRAPH_NODE_TYPE_HOST, &n);
	if (!r)
		n->p.host = *host;
	return r;
}

CUresult cuGraphAddEmptyNode(CUgraphNode *ret, CUgraph g,
			     const CUgraphNode *deps, size_t ndeps)
{
	struct node *n;

	return add(ret, g, deps, ndeps, CU_GRAPH_NODE_TYPE_EMPTY, &n);
}

static CUresult add_event(CUgraphNode *ret, CUgraph g,
			  const CUgraphNode *deps, size_t ndeps, CUevent event,
			  CUgraphNodeType type)
{
	struct node *n;
	CUresult r;

	if (!handle_is(event, H_EVENT))
		return CUDA_ERROR_INVALID_HANDLE;
	r = add(ret, g, deps, ndeps, type, &n);
	if (!r)
		n->p.event = event;
	return r;
}

CUresult cuGraphAddEventRecordNode(CUgraphNode *ret, CUgraph g,
				   const CUgraphNode *deps, size_t ndeps,
				   CUevent event)
{
	return add_event(ret, g, deps, ndeps, event,
			 CU_GRAPH_NODE_TYPE_EVENT_RECORD);
}

CUresult cuGraphAddEventWaitNode(CUgraphNode *ret, CUgraph g,
				 const CUgraphNode *deps, size_t ndeps,
				 CUevent event)
{
	return add_event(ret, g, deps, ndeps, event,
			 CU_GRAPH_NODE_TYPE_WAIT_EVENT);
}

CUresult cuGraphAddChildGraphNode(CUgraphNode *ret, CUgraph g,
				  const CUgraphNode *deps, size_t ndeps,
				  CUgraph child)
{
	struct node *n;
	CUresult r;

	if (!handle_is(child, H_GRAPH))
		return CUDA_ERROR_INVALID_VALUE;
	r = add(ret, g, deps, ndeps, CU_GRAPH_NODE_TYPE_GRAPH, &n);
	if (!r)
		n->child = graph_copy((struct graph *)child, H_GRAPH);
	return r;
}

/* The call of all types, for the one that has no other with edges. */
CUresult cuGraphAddNode(CUgraphNode *ret, CUgraph g, const CUgraphNode *deps,
			const CUgraphEdgeData *edges, size_t ndeps,
			CUgraphNodeParams *p)
{
	(void)edges;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	if (p->type == CU_GRAPH_NODE_TYPE_GRAPH)
		return cuGraphAddChildGraphNode(ret, g, deps, ndeps,
						p->graph.graph);
	if (p->type == CU_GRAPH_NODE_TYPE_EMPTY)
		return cuGraphAddEmptyNode(ret, g, deps, ndeps);
	return CUDA_ERROR_NOT_SUPPORTED;
}

/* ---- executable ---------------------------------------------------------- */

CUresult cuGraphInstantiateWithFlags(CUgraphExec *ret, CUgraph g,
				     unsigned long long flags)
{
	if (!ret || !handle_is(g, H_GRAPH) || flags)
		return CUDA_ERROR_INVALID_VALUE;
	*ret = (CUgraphExec)graph_copy((struct graph *)g, H_GEXEC);
	return CUDA_SUCCESS;
}

CUresult cuGraphExecDestroy(CUgraphExec x)
{
	if (!handle_is(x, H_GEXEC))
		return CUDA_ERROR_INVALID_VALUE;
	graph_free((struct graph *)x);
	return CUDA_SUCCESS;
}

static bool same_shape(const struct graph *a, const struct graph *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->node[i]->type != b->node[i]->type ||
		    a->node[i]->ndeps != b->node[i]->ndeps ||
		    (a->node[i]->child && !same_shape(a->node[i]->child,
						      b->node[i]->child)))
			return false;
	return true;
}

static struct node *copy_of(CUgraphExec h, CUgraphNode origin)
{
	const struct graph *x = (struct graph *)h;

	if (!handle_is(h, H_GEXEC) || !handle_is(origin, H_GNODE))
		return NULL;
	for (size_t i = 0; i < x->n; i++)
		if (x->node[i]->origin == (struct node *)origin)
			return x->node[i];
	return NULL;
}

CUresult cuGraphExecChildGraphNodeSetParams(CUgraphExec x, CUgraphNode node,
					    CUgraph child)
{
	struct node *n = copy_of(x, node);

	if (!n || !n->child || !handle_is(child, H_GRAPH) ||
	    !same_shape(n->child, (struct graph *)child))
		return CUDA_ERROR_INVALID_VALUE;
	graph_free(n->child);
	n->child = graph_copy((struct graph *)child, H_GRAPH);
	return CUDA_SUCCESS;
}

CUresult cuGraphExecMemcpyNodeSetParams(CUgraphExec x, CUgraphNode node,
					const CUDA_MEMCPY3D *copy,
					CUcontext c)
{
	struct node *n = copy_of(x, node);

	(void)c;
	if (!n || !copy || n->type != CU_GRAPH_NODE_TYPE_MEMCPY)
		return CUDA_ERROR_INVALID_VALUE;
	n->p.copy = *copy;
	return CUDA_SUCCESS;
}

/* The executable stays; what it runs, and what that owns, is the graph's. */
CUresult cuGraphExecUpdate(CUgraphExec x, CUgraph g,
			   CUgraphExecUpdateResultInfo *info)
{
	struct graph *to = (struct graph *)x, *from, old;

	if (!info || !handle_is(x, H_GEXEC) || !handle_is(g, H_GRAPH))
		return CUDA_ERROR_INVALID_VALUE;
	*info = (CUgraphExecUpdateResultInfo){ 0 };
	if (!same_shape(to, (struct graph *)g)) {
		info->result = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
		return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
	}
	from = graph_copy((struct graph *)g, H_GEXEC);
	old = *to;
	*to = *from;
	*from = old;
	graph_free(from);
	return CUDA_SUCCESS;
}

static CUresult run_kernel(const struct node *n, CUstream s)
{
	const CUDA_KERNEL_NODE_PARAMS *k = &n->p.kernel;
	size_t bytes = n->bytes;
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, n->block,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
			  CU_LAUNCH_PARAM_END };

	return cuLaunchKernel(k->func, k->gridDimX, k->gridDimY, k->gridDimZ,
			      k->blockDimX, k->blockDimY, k->blockDimZ,
			      k->sharedMemBytes, s, NULL, extra);
}

static CUresult run_set(const CUDA_MEMSET_NODE_PARAMS *m, CUstream s)
{
	size_t pitch = m->height > 1 ? m->pitch : m->width * m->elementSize;

	if (m->elementSize == 1)
		return cuMemsetD2D8Async(m->dst, pitch,
					 (unsigned char)m->value, m->width,
					 m->height, s);
	if (m->elementSize == 2)
		return cuMemsetD2D16Async(m->dst, pitch,
					  (unsigned short)m->value, m->width,
					  m->height, s);
	return cuMemsetD2D32Async(m->dst, pitch, m->value, m->width,
				  m->height, s);
}

static CUresult run(struct graph *g, CUstream s);

static CUresult run_node(const struct node *n, CUstream s)
{
	switch (n->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		return run_kernel(n, s);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		return run_set(&n->p.set, s);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return cuMemcpy3DAsync(&n->p.copy, s);
	case CU_GRAPH_NODE_TYPE_HOST:
		return cuLaunchHostFunc(s, n->p.host.fn, n->p.host.userData);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return cuEventRecord(n->p.event, s);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return cuStreamWaitEvent(s, n->p.event, 0);
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return run(n->child, s);
	default:
		return CUDA_SUCCESS;
	}
}

static bool ready(const struct node *n)
{
	for (size_t i = 0; i < n->ndeps; i++)
		if (!n->deps[i]->done)
			return false;
	return !n->done;
}

static CUresult run(struct graph *g, CUstream s)
{
	CUresult r = CUDA_SUCCESS;

	for (size_t i = 0; i < g->n; i++)
		g->node[i]->done = false;
	for (size_t left = g->n; left && !r; left--) {
		size_t i = 0;

		while (i < g->n && !ready(g->node[i]))
			i++;
		if (i == g->n)
			return CUDA_ERROR_INVALID_VALUE; /* a loop */
		r = run_node(g->node[i], s);
		g->node[i]->done = true;
	}
	return r ? r : owned_until(&g->owned, s);
}

CUresult cuGraphLaunch(CUgraphExec x, CUstream h)
{
	struct sg_stream *s;
	CUresult r = stream_work(h, &s);

	/* As NVIDIA's driver says it of this call alone. */
	if (r == CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (r)
		return r;
	return handle_is(x, H_GEXEC) ? run((struct graph *)x, h) :
				       CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphUpload(CUgraphExec x, CUstream s)
{
	(void)s;
	return handle_is(x, H_GEXEC) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

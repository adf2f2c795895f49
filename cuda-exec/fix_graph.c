// SPDX-License-Identifier: BSD-2-Clause
/*
 * fix_graph.c - a graph node's parameters as the guest sent them, made into
 * what the driver takes. Every count is compared with the bytes that came,
 * every handle looked up by its kind, host addresses must be the guest's.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#include "xenstore-schema/calls/allowed.h"

CUresult ex_handle_in(struct ex *e, enum vgpu_kind kind, void *field)
{
	uint64_t id, real;
	CUresult r;

	memcpy(&id, field, sizeof(id));
	if (id >= VGPU_ID_MAX)
		return CUDA_ERROR_INVALID_HANDLE;
	r = ex_obj(e, kind, (uint32_t)id, &real);
	memcpy(field, &real, sizeof(real));
	return r;
}

CUresult ex_handle_out(struct ex *e, enum vgpu_kind kind, void *field)
{
	uint64_t real;
	uint32_t id;
	CUresult r;

	memcpy(&real, field, sizeof(real));
	r = ex_obj_ref(e, kind, real, &id);
	real = id;
	memcpy(field, &real, sizeof(real));
	return r;
}

/* ---- kernels ----------------------------------------------------------- */

static CUresult kernel(struct ex *e, const struct in_vgNode *in,
		       const void *tail, struct ex_node *n)
{
	CUDA_KERNEL_NODE_PARAMS_v3 *k = &n->p.kernel;
	uint64_t func = in->body[0], kern;
	enum vgpu_kind kind = (enum vgpu_kind)(func >> 32);
	struct ex_object *code;
	CUresult r;

	if (func && kind != KIND_FUNCTION && kind != KIND_KERNEL)
		return EX_BAD;
	func &= UINT32_MAX;
	memcpy(&k->func, &func, sizeof(func));
	memcpy(&kern, &k->kern, sizeof(kern));
	r = ex_handle_in(e, kind, &k->func);
	if (!r)
		r = ex_handle_in(e, KIND_KERNEL, &k->kern);
	if (!r)
		r = ex_handle_in(e, KIND_CTX, &k->ctx);
	k->kernelParams = NULL;
	k->extra = NULL;
	if (r || !in->tail)
		return r;
	code = func ? ex_object(e, kind, (uint32_t)func) :
		      ex_object(e, KIND_KERNEL, (uint32_t)kern);
	ex_params(&n->params, code ? code->extra : NULL, tail, in->tail);
	k->kernelParams = n->params.params_arg;
	k->extra = n->params.extra_arg;
	return CUDA_SUCCESS;
}

/* ---- copies ------------------------------------------------------------ */

static CUresult check_side(struct ex *e, const CUDA_MEMCPY3D *c, bool src)
{
	CUmemorytype type = src ? c->srcMemoryType : c->dstMemoryType;
	uint64_t addr = src ? c->srcDevice : c->dstDevice, from, len;

	if (type != CU_MEMORYTYPE_HOST && type != CU_MEMORYTYPE_UNIFIED)
		return CUDA_SUCCESS;
	if (type == CU_MEMORYTYPE_HOST)
		addr = (uintptr_t)(src ? c->srcHost : c->dstHost);
	if (!vg_span(c, src, &from, &len) || addr + from < addr)
		return CUDA_ERROR_INVALID_VALUE;
	return ex_reach(e, addr + from, len);
}

static CUresult copy(struct ex *e, struct ex_node *n)
{
	CUDA_MEMCPY_NODE_PARAMS *m = &n->p.memcpy;
	CUresult r = check_side(e, &m->copyParams, true);

	if (!r)
		r = check_side(e, &m->copyParams, false);
	if (!r)
		r = ex_handle_in(e, KIND_CTX, &m->copyCtx);
	return r ? r : ex_fix_CUDA_MEMCPY3D(e, &m->copyParams);
}

/* ---- the other types --------------------------------------------------- */

static CUresult host(struct ex *e, struct ex_node *n)
{
	uint64_t token = (uintptr_t)n->p.host.userData;

	if (!(token & VGPU_TOKEN_KEPT))
		return EX_BAD;
	n->p.host.fn = ex_host_func;
	n->p.host.userData = ex_host_token(e, token);
	return CUDA_SUCCESS;
}

static CUresult alloc(const struct in_vgNode *in, const void *tail,
		      struct ex_node *n)
{
	CUDA_MEM_ALLOC_NODE_PARAMS_v2 *a = &n->p.alloc;

	if (in->tail / sizeof(CUmemAccessDesc) != a->accessDescCount ||
	    in->tail % sizeof(CUmemAccessDesc))
		return EX_BAD;
	a->accessDescs = a->accessDescCount ? tail : NULL;
	a->poolProps.win32SecurityAttributes = NULL;
	a->dptr = 0;
	return vg_allowed_CUmemPoolProps(&a->poolProps);
}

static CUresult mem_op(struct ex *e, const struct in_vgNode *in,
		       const void *tail, struct ex_node *n)
{
	CUDA_BATCH_MEM_OP_NODE_PARAMS_v2 *m = &n->p.memOp;

	if (in->tail != (uint64_t)m->count * sizeof(*m->paramArray))
		return EX_BAD;
	m->paramArray = (void *)(uintptr_t)tail;
	return ex_handle_in(e, KIND_CTX, &m->ctx);
}

static CUresult conditional(struct ex *e, struct ex_node *n)
{
	CUDA_CONDITIONAL_NODE_PARAMS *c = &n->p.conditional;

	if (c->size > VGPU_GRAPH_BODIES)
		return EX_BAD;
	c->phGraph_out = NULL;
	return ex_handle_in(e, KIND_CTX, &c->ctx);
}

CUresult ex_node_in(struct ex *e, const struct in_vgNode *in, const void *tail,
		    struct ex_node *n)
{
	memset(&n->p, 0, sizeof(n->p));
	n->p.type = (CUgraphNodeType)in->type;
	memcpy(n->p.reserved1, in->body, sizeof(in->body));
	switch (n->p.type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		return kernel(e, in, tail, n);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return copy(e, n);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		return ex_handle_in(e, KIND_CTX, &n->p.memset.ctx);
	case CU_GRAPH_NODE_TYPE_HOST:
		return host(e, n);
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return ex_handle_in(e, KIND_GRAPH, &n->p.graph.graph);
	case CU_GRAPH_NODE_TYPE_EMPTY:
	case CU_GRAPH_NODE_TYPE_MEM_FREE:
		return CUDA_SUCCESS;
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return ex_handle_in(e, KIND_EVENT, &n->p.eventWait.event);
	case CU_GRAPH_NODE_TYPE_MEM_ALLOC:
		return alloc(in, tail, n);
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP:
		return mem_op(e, in, tail, n);
	case CU_GRAPH_NODE_TYPE_CONDITIONAL:
		return conditional(e, n);
	default:
		return EX_BAD; /* the guest's library sends no other */
	}
}

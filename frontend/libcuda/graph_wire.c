// SPDX-License-Identifier: BSD-2-Clause
/*
 * graph_wire.c - a node's parameters in the form that travels: handles become
 * ids, pointers become bytes behind the record, functions become tokens.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"
#include "frontend/libcuda/place.h"

#define BLOCK_MAX 65536u /* more than any driver takes for one kernel */

/* ---- kernels ----------------------------------------------------------- */

static CUresult from_extra(struct node_call *c, void **extra)
{
	size_t bytes = 0;

	for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
		if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
			c->tail = extra[1];
		else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
			bytes = *(size_t *)extra[1];
		else
			return CUDA_ERROR_INVALID_VALUE;
	}
	if (bytes > BLOCK_MAX || (bytes && !c->tail))
		return CUDA_ERROR_INVALID_VALUE;
	c->in.tail = (uint32_t)bytes;
	return CUDA_SUCCESS;
}

static CUresult from_pointers(struct node_call *c, const struct vg_function *f,
			      void **params)
{
	if (!f->nparams)
		return CUDA_SUCCESS;
	if (!params || f->bytes > BLOCK_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	c->own = calloc(1, f->bytes);
	if (!c->own)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (uint32_t i = 0; i < f->nparams; i++) {
		if (!params[i])
			return CUDA_ERROR_INVALID_VALUE;
		memcpy(c->own + f->param[i].offset, params[i],
		       f->param[i].size);
	}
	c->tail = c->own;
	c->in.tail = f->bytes;
	return CUDA_SUCCESS;
}

static CUresult kernel(struct node_call *c, const CUDA_KERNEL_NODE_PARAMS_v3 *p)
{
	CUDA_KERNEL_NODE_PARAMS_v3 k = *p;
	struct vg_function *f;
	CUresult r = vg_function_of(p->func ? (uintptr_t)p->func :
					      (uintptr_t)p->kern, &f);

	if (r)
		return r;
	if (p->kernelParams && p->extra)
		return CUDA_ERROR_INVALID_VALUE;
	k.kernelParams = k.extra = NULL;
	k.func = NULL;
	k.kern = NULL;
	if (p->func) {
		uint64_t v = (uint64_t)f->kind << 32 | f->id;

		memcpy(&k.func, &v, sizeof(v));
		k.ctx = NULL;
	} else if (f->kind != KIND_KERNEL) {
		return CUDA_ERROR_INVALID_VALUE;
	} else {
		uint64_t v = f->id;

		memcpy(&k.kern, &v, sizeof(v));
		r = vg_fix_handle(KIND_CTX, &k.ctx);
	}
	memcpy(c->in.body, &k, sizeof(k));
	if (r)
		return r;
	return p->extra ? from_extra(c, p->extra) :
			  from_pointers(c, f, p->kernelParams);
}

/* ---- copies ------------------------------------------------------------ */

/* Registered memory has another address at the GPU. */
static void place(CUmemorytype type, void **host, CUdeviceptr *unified)
{
	struct vg_range range;

	if (type == CU_MEMORYTYPE_HOST &&
	    vg_range_find((uintptr_t)*host, &range))
		*host = (void *)(uintptr_t)vg_range_device(&range,
							   (uintptr_t)*host);
	else if (type == CU_MEMORYTYPE_UNIFIED &&
		 vg_range_find(*unified, &range))
		*unified = vg_range_device(&range, *unified);
}

/* The node runs when nobody of us is there to stage its bytes. When it is
 * made, shadow.c sees to that; one that exists takes such memory only if it
 * had some before, and in an executable. */
CUresult node_copy_check(CUDA_MEMCPY3D *c)
{
	if (shadow_needed(c))
		return vg_not_supported("changing a graph's copy node to "
					"memory that is not of cuMemHostAlloc");
	place(c->srcMemoryType, (void **)&c->srcHost, &c->srcDevice);
	place(c->dstMemoryType, &c->dstHost, &c->dstDevice);
	return CUDA_SUCCESS;
}

static CUresult copy(struct node_call *c, const CUDA_MEMCPY_NODE_PARAMS *p)
{
	CUDA_MEMCPY_NODE_PARAMS m = *p;
	CUresult r = node_copy_check(&m.copyParams);

	if (!r)
		r = vg_fix_handle(KIND_CTX, &m.copyCtx);
	if (!r)
		r = vg_fix_CUDA_MEMCPY3D(&m.copyParams);
	memcpy(c->in.body, &m, sizeof(m));
	return r;
}

/* ---- the other types --------------------------------------------------- */

static CUresult host(struct node_call *c, const CUDA_HOST_NODE_PARAMS_v2 *p)
{
	CUDA_HOST_NODE_PARAMS_v2 h = { 0 };
	uint64_t token;
	CUresult r = host_token(p->fn, p->userData, &token);

	if (r)
		return r;
	memcpy(&h.userData, &token, sizeof(token));
	memcpy(c->in.body, &h, sizeof(h));
	return CUDA_SUCCESS;
}

static CUresult access_list(struct node_call *c, const CUmemAccessDesc *from,
			    size_t n)
{
	CUmemAccessDesc *d;

	if (!n)
		return CUDA_SUCCESS;
	if (!from || n > (size_t)vg_ndevices)
		return CUDA_ERROR_INVALID_VALUE;
	d = malloc(n * sizeof(*d));
	if (!d)
		return CUDA_ERROR_OUT_OF_MEMORY;
	c->own = (uint8_t *)d;
	memcpy(d, from, n * sizeof(*d));
	for (size_t i = 0; i < n; i++)
		vg_place_CUmemAccessDesc(&d[i]);
	c->tail = d;
	c->in.tail = (uint32_t)(n * sizeof(*d));
	return CUDA_SUCCESS;
}

static CUresult alloc(struct node_call *c,
		      const CUDA_MEM_ALLOC_NODE_PARAMS_v2 *p)
{
	CUDA_MEM_ALLOC_NODE_PARAMS_v2 a = *p;

	vg_place_CUmemPoolProps(&a.poolProps);
	a.accessDescs = NULL;
	a.dptr = 0;
	memcpy(c->in.body, &a, sizeof(a));
	return access_list(c, p->accessDescs, p->accessDescCount);
}

static CUresult mem_op(struct node_call *c,
		       const CUDA_BATCH_MEM_OP_NODE_PARAMS_v2 *p)
{
	CUDA_BATCH_MEM_OP_NODE_PARAMS_v2 m = *p;
	CUresult r = vg_fix_handle(KIND_CTX, &m.ctx);

	if (p->count > 1024 || (p->count && !p->paramArray))
		return CUDA_ERROR_INVALID_VALUE;
	m.paramArray = NULL;
	memcpy(c->in.body, &m, sizeof(m));
	c->tail = p->paramArray;
	c->in.tail = p->count * (uint32_t)sizeof(*p->paramArray);
	return r;
}

static CUresult record(struct node_call *c)
{
	CUresult r = vg_fix_handle(KIND_EVENT, c->in.body);

	if (!r)
		vg_event_elsewhere((uint32_t)c->in.body[0]);
	return r;
}

static CUresult conditional(struct node_call *c,
			    const CUDA_CONDITIONAL_NODE_PARAMS *p)
{
	CUDA_CONDITIONAL_NODE_PARAMS k = *p;
	CUresult r = vg_fix_handle(KIND_CTX, &k.ctx);

	if (!p->size || p->size > VGPU_GRAPH_BODIES)
		return CUDA_ERROR_INVALID_VALUE;
	k.phGraph_out = NULL;
	memcpy(c->in.body, &k, sizeof(k));
	return r;
}

CUresult node_encode(const CUgraphNodeParams *p, struct node_call *c)
{
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	c->in.type = (uint32_t)p->type;
	_Static_assert(sizeof(c->in.body) == sizeof(p->reserved1),
		       "wire size");
	memcpy(c->in.body, p->reserved1, sizeof(c->in.body));
	switch (p->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		return kernel(c, &p->kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return copy(c, &p->memcpy);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		return vg_fix_handle(KIND_CTX, (uint8_t *)c->in.body +
				     offsetof(CUDA_MEMSET_NODE_PARAMS_v2, ctx));
	case CU_GRAPH_NODE_TYPE_HOST:
		return host(c, &p->host);
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return vg_fix_handle(KIND_GRAPH, c->in.body);
	case CU_GRAPH_NODE_TYPE_EMPTY:
	case CU_GRAPH_NODE_TYPE_MEM_FREE:
		return CUDA_SUCCESS;
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return record(c);
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return vg_fix_handle(KIND_EVENT, c->in.body);
	case CU_GRAPH_NODE_TYPE_MEM_ALLOC:
		return alloc(c, &p->alloc);
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP:
		return mem_op(c, &p->memOp);
	case CU_GRAPH_NODE_TYPE_CONDITIONAL:
		return conditional(c, &p->conditional);
	case CU_GRAPH_NODE_TYPE_EXT_SEMAS_SIGNAL:
	case CU_GRAPH_NODE_TYPE_EXT_SEMAS_WAIT:
		return vg_not_supported("graph nodes of external semaphores");
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

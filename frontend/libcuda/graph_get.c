// SPDX-License-Identifier: BSD-2-Clause
/*
 * graph_get.c - what a node holds. The host is asked each time; the pointers
 * that the program gets stay valid as long as the answer is the same.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"
#include "frontend/libcuda/place.h"

#define TAIL_MAX 65536u

/* ---- memory that lives with a node ------------------------------------- */

struct node_state {
	const void *owner;     /* the function whose layout the pointers have */
	uint64_t len;
	uint32_t pointers;
	uint32_t pad;
	uint64_t bytes[];      /* then the pointers */
};

void *node_keep(uint32_t node, const void *owner, const void *bytes,
		uint64_t len, uint32_t pointers, void ***pointer)
{
	struct node_state *s = vg_handle_state(KIND_GNODE, node);
	uint64_t words = (len + 7) / 8;

	if (!s || s->owner != owner || s->len != len ||
	    s->pointers != pointers || memcmp(s->bytes, bytes, len)) {
		s = calloc(1, sizeof(*s) + (words + pointers) * 8);
		if (!s)
			return NULL;
		s->owner = owner;
		s->len = len;
		s->pointers = pointers;
		if (len)
			memcpy(s->bytes, bytes, len);
		if (!vg_handle_set_state(KIND_GNODE, node, s)) {
			free(s);
			return NULL;
		}
	}
	if (pointer)
		*pointer = (void **)(s->bytes + words);
	return s->bytes;
}

/* ---- asking ------------------------------------------------------------ */

struct got {
	uint32_t node;
	struct out_vgNode head;
	uint8_t *tail;
};

static CUresult ask_with(struct got *g, CUgraphNodeType type, uint32_t cap)
{
	struct in_vgNodeGet in = { .node = g->node, .type = type, .cap = cap };
	struct vg_seg s = { &in, sizeof(in) };

	free(g->tail);
	g->tail = calloc(1, (size_t)cap + 8);
	if (!g->tail)
		return CUDA_ERROR_OUT_OF_MEMORY;
	struct vg_seg o[] = { { &g->head, sizeof(g->head) },
			      { g->tail, cap } };
	return vg_call(OP_vgNodeGet, &s, 1, o, 2);
}

static CUresult ask(CUgraphNode node, CUgraphNodeType type, struct got *g)
{
	CUresult r = vg_enter();

	*g = (struct got){ 0 };
	if (!r)
		r = vg_handle_in(KIND_GNODE, (uintptr_t)node, &g->node);
	if (!r && !g->node)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = ask_with(g, type, 1024);
	if (!r && g->head.tail > TAIL_MAX)
		return CUDA_ERROR_UNKNOWN;
	if (!r && g->head.tail > 1024)
		r = ask_with(g, type, (g->head.tail + 7) & ~7u);
	return r;
}

/* ---- kernels ----------------------------------------------------------- */

static CUresult function_of(const CUDA_KERNEL_NODE_PARAMS_v2 *k,
			    uint32_t origin, struct vg_function **f)
{
	uint64_t func, kern;

	memcpy(&func, &k->func, sizeof(func));
	memcpy(&kern, &k->kern, sizeof(kern));
	if (func)
		return vg_function_by_id((enum vgpu_kind)(func >> 32),
					 (uint32_t)func, origin, f);
	return vg_function_by_id(KIND_KERNEL, (uint32_t)kern, origin, f);
}

static CUresult kernel_pointers(struct got *g, struct vg_function *f,
				CUDA_KERNEL_NODE_PARAMS_v2 *k)
{
	void **pointer;
	uint8_t *bytes;

	k->kernelParams = k->extra = NULL;
	if (!g->head.tail || !f->nparams)
		return CUDA_SUCCESS;
	if (g->head.tail < f->bytes)
		return CUDA_ERROR_UNKNOWN;
	bytes = node_keep(g->node, f, g->tail, g->head.tail, f->nparams,
			  &pointer);
	if (!bytes)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (uint32_t i = 0; i < f->nparams; i++)
		pointer[i] = bytes + f->param[i].offset;
	k->kernelParams = pointer;
	return CUDA_SUCCESS;
}

static CUresult get_kernel(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v2 *k)
{
	struct vg_function *f;
	struct got g;
	uint64_t id[2] = { 0 };
	CUresult r = ask(node, CU_GRAPH_NODE_TYPE_KERNEL, &g);

	memcpy(k, g.head.body, sizeof(*k));
	if (!r)
		r = function_of(k, g.head.node, &f);
	if (!r)
		r = kernel_pointers(&g, f, k);
	free(g.tail);
	if (r)
		return r;
	memcpy(&id[0], &k->func, 8);
	k->func = (CUfunction)vg_handle_out((enum vgpu_kind)(id[0] >> 32),
					    (uint32_t)id[0]);
	memcpy(&id[0], &k->kern, 8);
	memcpy(&id[1], &k->ctx, 8);
	k->kern = (CUkernel)vg_handle_out(KIND_KERNEL, (uint32_t)id[0]);
	k->ctx = (CUcontext)vg_handle_out(KIND_CTX, (uint32_t)id[1]);
	return CUDA_SUCCESS;
}

/* The first version is the beginning of the second. */
static CUresult kernel_params(CUgraphNode node, void *p, size_t size)
{
	CUDA_KERNEL_NODE_PARAMS_v2 k;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	r = get_kernel(node, &k);
	if (!r)
		memcpy(p, &k, size);
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuGraphKernelNodeGetParams_v2(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v2 *p)
{
	return kernel_params(node, p, sizeof(*p));
}

VG_EXPORT CUresult CUDAAPI
cuGraphKernelNodeGetParams(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS_v1 *p)
{
	return kernel_params(node, p, sizeof(*p));
}

/* ---- the others -------------------------------------------------------- */

VG_EXPORT CUresult CUDAAPI cuGraphHostNodeGetParams(CUgraphNode node,
						    CUDA_HOST_NODE_PARAMS *p)
{
	struct got g;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	r = ask(node, CU_GRAPH_NODE_TYPE_HOST, &g);
	free(g.tail);
	if (!r && !host_function(g.head.body[1], &p->fn, &p->userData))
		r = CUDA_ERROR_UNKNOWN;
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuGraphMemAllocNodeGetParams(CUgraphNode node, CUDA_MEM_ALLOC_NODE_PARAMS *p)
{
	CUDA_MEM_ALLOC_NODE_PARAMS a;
	struct got g;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	r = ask(node, CU_GRAPH_NODE_TYPE_MEM_ALLOC, &g);
	memcpy(&a, g.head.body, sizeof(a));
	vg_unplace_CUmemLocation(&a.poolProps.location);
	for (uint32_t i = 0; !r && i < g.head.tail / sizeof(CUmemAccessDesc);
	     i++)
		vg_unplace_CUmemAccessDesc(&((CUmemAccessDesc *)g.tail)[i]);
	a.accessDescs = NULL;
	if (!r && g.head.tail) {
		a.accessDescs = node_keep(g.node, NULL, g.tail, g.head.tail,
					  0, NULL);
		r = a.accessDescs ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
	}
	free(g.tail);
	if (!r)
		*p = a;
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuGraphBatchMemOpNodeGetParams(CUgraphNode node,
			       CUDA_BATCH_MEM_OP_NODE_PARAMS *p)
{
	CUDA_BATCH_MEM_OP_NODE_PARAMS m;
	struct got g;
	uint64_t id;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	r = ask(node, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP, &g);
	memcpy(&m, g.head.body, sizeof(m));
	m.paramArray = NULL;
	if (!r && g.head.tail) {
		m.paramArray = node_keep(g.node, NULL, g.tail, g.head.tail, 0,
					 NULL);
		r = m.paramArray ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
	}
	free(g.tail);
	if (r)
		return r;
	memcpy(&id, &m.ctx, sizeof(id));
	m.ctx = (CUcontext)vg_handle_out(KIND_CTX, (uint32_t)id);
	*p = m;
	return CUDA_SUCCESS;
}

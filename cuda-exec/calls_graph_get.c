// SPDX-License-Identifier: BSD-2-Clause
/*
 * calls_graph_get.c - what a node holds. A kernel's parameters come back as
 * one block, also for nodes that a capture made.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#define BLOCK_MAX 65536u
#define PARAMS_MAX 8192u /* 32 KiB of parameters, 4 bytes each */

static uint8_t block[BLOCK_MAX]; /* ring thread only */

/* The driver's own arrays of pointers, packed by the function's layout. */
static CUresult pack(const CUDA_KERNEL_NODE_PARAMS_v2 *k, uint32_t *bytes)
{
	size_t off, size;

	for (size_t i = 0; i < PARAMS_MAX; i++) {
		CUresult r = k->func ?
			     R.cuFuncGetParamInfo(k->func, i, &off, &size) :
			     R.cuKernelGetParamInfo(k->kern, i, &off, &size);

		if (r == CUDA_ERROR_INVALID_VALUE)
			return CUDA_SUCCESS;
		if (r)
			return r;
		if (!range_ok(off, size, BLOCK_MAX) || !k->kernelParams[i])
			return CUDA_ERROR_INVALID_VALUE;
		memcpy(block + off, k->kernelParams[i], size);
		if (off + size > *bytes)
			*bytes = (uint32_t)(off + size);
	}
	return CUDA_SUCCESS;
}

static CUresult copy_extra(void **extra, uint32_t *bytes)
{
	const void *from = NULL;
	size_t n = 0;

	for (; *extra != CU_LAUNCH_PARAM_END; extra += 2)
		if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
			from = extra[1];
		else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
			n = *(size_t *)extra[1];
		else
			return CUDA_ERROR_INVALID_VALUE;
	if (n > BLOCK_MAX || (n && !from))
		return CUDA_ERROR_INVALID_VALUE;
	if (n)
		memcpy(block, from, n);
	*bytes = (uint32_t)n;
	return CUDA_SUCCESS;
}

static CUresult ask_kernel(CUgraphNode h, CUDA_KERNEL_NODE_PARAMS_v2 *k)
{
	if (R.cuGraphKernelNodeGetParams_v2)
		return R.cuGraphKernelNodeGetParams_v2(h, k);
	return R.cuGraphKernelNodeGetParams ?
	       R.cuGraphKernelNodeGetParams(h,
					(CUDA_KERNEL_NODE_PARAMS_v1 *)k) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

/* What the code goes with when it is unloaded: library or module. */
static uint32_t origin_of(struct ex *e, const CUDA_KERNEL_NODE_PARAMS_v2 *k)
{
	CUlibrary lib = NULL;
	CUmodule mod = NULL;
	uint32_t id = 0;

	if (k->kern && R.cuKernelGetLibrary &&
	    !R.cuKernelGetLibrary(&lib, k->kern))
		ex_obj_ref(e, KIND_LIBRARY, (uint64_t)(uintptr_t)lib, &id);
	else if (k->func && R.cuFuncGetModule &&
		 !R.cuFuncGetModule(&mod, k->func))
		ex_obj_ref(e, KIND_MODULE, (uint64_t)(uintptr_t)mod, &id);
	return id;
}

/* The id of code; one that is new here is marked with its origin. */
static CUresult code_out(struct ex *e, enum vgpu_kind kind, void *field,
			 uint32_t *origin)
{
	CUresult r = ex_handle_out(e, kind, field);
	struct ex_object *o;
	uint64_t id;

	memcpy(&id, field, sizeof(id));
	o = r || !id ? NULL : ex_object(e, kind, (uint32_t)id);
	if (!o)
		return r;
	if (!o->ctx)
		o->ctx = *origin;
	*origin = o->ctx;
	return CUDA_SUCCESS;
}

static CUresult kernel(struct ex *e, CUgraphNode h, struct out_vgNode *out)
{
	CUDA_KERNEL_NODE_PARAMS_v2 k = { 0 };
	uint64_t func;
	CUresult r = ask_kernel(h, &k);

	if (r)
		return r;
	memset(block, 0, sizeof(block));
	if (k.kernelParams && (k.func ? !R.cuFuncGetParamInfo :
					!R.cuKernelGetParamInfo))
		r = CUDA_ERROR_NOT_SUPPORTED;
	else if (k.kernelParams)
		r = pack(&k, &out->tail);
	else if (k.extra)
		r = copy_extra(k.extra, &out->tail);
	k.kernelParams = k.extra = NULL;
	out->node = origin_of(e, &k);
	if (!r)
		r = code_out(e, KIND_KERNEL, &k.kern, &out->node);
	if (!r)
		r = code_out(e, KIND_FUNCTION, &k.func, &out->node);
	if (!r)
		r = ex_handle_out(e, KIND_CTX, &k.ctx);
	if (r) /* handles in it are still the driver's */
		return r;
	memcpy(out->body, &k, sizeof(k));
	func = out->body[0];
	out->body[0] = func ? (uint64_t)KIND_FUNCTION << 32 | func : 0;
	return CUDA_SUCCESS;
}

static CUresult host(CUgraphNode h, struct out_vgNode *out)
{
	CUDA_HOST_NODE_PARAMS p = { 0 };
	CUresult r;

	if (!R.cuGraphHostNodeGetParams)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuGraphHostNodeGetParams(h, &p);
	if (r)
		return r;
	out->body[0] = 0;
	out->body[1] = p.fn == ex_host_func ? (uintptr_t)p.userData : 0;
	return CUDA_SUCCESS;
}

static CUresult alloc(CUgraphNode h, struct out_vgNode *out)
{
	CUDA_MEM_ALLOC_NODE_PARAMS p = { 0 };
	uint64_t n;
	CUresult r;

	if (!R.cuGraphMemAllocNodeGetParams)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuGraphMemAllocNodeGetParams(h, &p);
	if (r)
		return r;
	n = p.accessDescs ? p.accessDescCount : 0;
	if (n > BLOCK_MAX / sizeof(*p.accessDescs))
		return CUDA_ERROR_NOT_SUPPORTED;
	out->tail = (uint32_t)(n * sizeof(*p.accessDescs));
	if (n)
		memcpy(block, p.accessDescs, out->tail);
	p.accessDescs = NULL;
	memcpy(out->body, &p, sizeof(p));
	return CUDA_SUCCESS;
}

static CUresult mem_op(struct ex *e, CUgraphNode h, struct out_vgNode *out)
{
	CUDA_BATCH_MEM_OP_NODE_PARAMS p = { 0 };
	CUresult r;

	if (!R.cuGraphBatchMemOpNodeGetParams)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuGraphBatchMemOpNodeGetParams(h, &p);
	if (r)
		return r;
	if (p.count > BLOCK_MAX / sizeof(*p.paramArray))
		return CUDA_ERROR_NOT_SUPPORTED;
	out->tail = p.count * (uint32_t)sizeof(*p.paramArray);
	if (p.count)
		memcpy(block, p.paramArray, out->tail);
	p.paramArray = NULL;
	r = ex_handle_out(e, KIND_CTX, &p.ctx);
	memcpy(out->body, &p, sizeof(p));
	return r;
}

static CUresult get(struct ex *e, uint32_t type, CUgraphNode h,
		    struct out_vgNode *out)
{
	switch ((CUgraphNodeType)type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		return kernel(e, h, out);
	case CU_GRAPH_NODE_TYPE_HOST:
		return host(h, out);
	case CU_GRAPH_NODE_TYPE_MEM_ALLOC:
		return alloc(h, out);
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP:
		return mem_op(e, h, out);
	default:
		return EX_BAD; /* the others have getters of their own */
	}
}

CUresult ex_vgNodeGet(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgNodeGet *in = rd_take(rd, sizeof(*in));
	struct out_vgNode *out = wr_take(wr, sizeof(*out));
	void *tail = in ? wr_array(wr, in->cap, 1) : NULL;
	uint64_t h;
	CUresult r;

	if (!out || !tail)
		return EX_BAD;
	r = ex_obj(e, KIND_GNODE, in->node, &h);
	if (!r)
		r = get(e, in->type, (CUgraphNode)(uintptr_t)h, out);
	if (!r)
		memcpy(tail, block, out->tail < in->cap ? out->tail : in->cap);
	return r;
}

// SPDX-License-Identifier: BSD-2-Clause
/* launch.c - a launch checked, its parameters copied, queued. */
#include "tools/softgpu/softgpu.h"
#include "tools/softgpu/exec.h"

#include "tools/lib/log.h"

#include <stdlib.h>
#include <string.h>

struct request {
	uint32_t dim[3], block[3];
	unsigned int dynamic;
	CUstream stream;
	void **params, **extra;
	bool coop;
	unsigned int cluster[3];	/* of an attribute; 0: none */
};

static CUresult check_shape(const struct request *q, const struct sg_func *f)
{
	uint64_t threads = (uint64_t)q->block[0] * q->block[1] * q->block[2];
	const uint32_t *req = f->fn->reqntid, *max = f->fn->maxntid;

	if (!threads || !q->dim[0] || !q->dim[1] || !q->dim[2] ||
	    threads > SG_MAX_THREADS || q->block[0] > 1024 ||
	    q->block[1] > 1024 || q->block[2] > 64 ||
	    q->dim[0] > 2147483647u || q->dim[1] > 65535 || q->dim[2] > 65535)
		return CUDA_ERROR_INVALID_VALUE;
	if (req[0] && memcmp(req, q->block, sizeof(q->block)))
		return CUDA_ERROR_INVALID_VALUE;
	if (max[0] && threads > (uint64_t)max[0] * max[1] * max[2])
		return CUDA_ERROR_INVALID_VALUE;
	if (q->dynamic > (unsigned int)func_max_dynamic(f) ||
	    f->fn->static_shared > SG_SMEM_DEFAULT)
		return q->coop ? CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE :
				 CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

/* As NVIDIA's driver: a block that is too short is taken as it is. */
static CUresult from_extra(uint8_t *to, uint64_t need, void **extra)
{
	const void *buffer = NULL;
	size_t size = 0;

	for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
		if (*extra == CU_LAUNCH_PARAM_BUFFER_POINTER)
			buffer = extra[1];
		else if (*extra == CU_LAUNCH_PARAM_BUFFER_SIZE)
			size = *(size_t *)extra[1];
		else
			return CUDA_ERROR_INVALID_VALUE;
	}
	if (!need)
		return CUDA_SUCCESS;
	if (!buffer)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(to, buffer, size < need ? size : need);
	return CUDA_SUCCESS;
}

static CUresult copy_params(uint8_t *to, const struct ptx_func *f,
			    const struct request *q)
{
	if (q->params && q->extra)
		return CUDA_ERROR_INVALID_VALUE;
	if (q->extra)
		return from_extra(to, f->param_bytes, q->extra);
	if (f->nparams && !q->params)
		return CUDA_ERROR_INVALID_VALUE;
	for (uint32_t i = 0; i < f->nparams; i++) {
		if (!q->params[i])
			return CUDA_ERROR_INVALID_VALUE;
		memcpy(to + f->params[i]->off, q->params[i],
		       f->params[i]->size);
	}
	return CUDA_SUCCESS;
}

static CUresult grid_new(const struct request *q, struct sg_func *f,
			 struct sg_ctx *ctx, struct grid **out)
{
	struct grid *g = calloc(1, sizeof(*g));
	uint32_t base = (f->fn->static_shared + 15u) & ~15u;
	CUresult r;

	if (!g)
		return CUDA_ERROR_OUT_OF_MEMORY;
	g->mod = f->mod->image->mod;
	g->fn = f->fn;
	g->globals = f->mod->globals;
	memcpy(g->dim, q->dim, sizeof(g->dim));
	memcpy(g->block, q->block, sizeof(g->block));
	g->nblocks = (uint64_t)q->dim[0] * q->dim[1] * q->dim[2];
	g->dyn_shared = q->dynamic;
	g->shared_bytes = q->dynamic ? base + q->dynamic + f->fn->dyn_pad
				     : f->fn->static_shared;
	g->id = sg_next_id();
	g->ctx = ctx;
	g->params = calloc(1, f->fn->param_bytes + 16);
	r = g->params ? copy_params(g->params, f->fn, q)
		      : CUDA_ERROR_OUT_OF_MEMORY;
	if (r) {
		free(g->params);
		free(g);
		return r;
	}
	*out = g;
	return CUDA_SUCCESS;
}

/*
 * All blocks of a cooperative grid are resident; they meet at a counter in a
 * workspace whose address the kernel reads from %envreg1 and %envreg2.
 */
static CUresult make_cooperative(struct grid *g, struct sg_ctx *ctx)
{
	CUresult r;

	if (g->nblocks > SG_SMS * SG_BLOCKS_PER_SM)
		return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
	g->resident_max = (uint32_t)g->nblocks;
	r = mem_alloc(ctx, 256, MEM_DEVICE, NULL, &g->coop);
	if (!r)
		memset((void *)(uintptr_t)g->coop, 0, 256);
	return r;
}

static CUresult capture(struct sg_stream *s, CUfunction h,
			const struct request *q)
{
	CUDA_KERNEL_NODE_PARAMS k = { .func = h,
				      .gridDimX = q->dim[0],
				      .gridDimY = q->dim[1],
				      .gridDimZ = q->dim[2],
				      .blockDimX = q->block[0],
				      .blockDimY = q->block[1],
				      .blockDimZ = q->block[2],
				      .sharedMemBytes = q->dynamic,
				      .kernelParams = q->params,
				      .extra = q->extra };

	return q->coop ? CUDA_ERROR_NOT_SUPPORTED : capture_kernel(s, &k);
}

static CUresult launch(CUfunction h, const struct request *q)
{
	struct sg_stream *s;
	struct sg_func *f;
	struct grid *g;
	struct op *op;
	CUresult r = stream_work(q->stream, &s);

	if (!r)
		r = func_get(h, s->ctx, &f);
	if (!r && f->mod->ctx != s->ctx)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (!r)
		r = check_shape(q, f);
	if (!r)
		r = standin_cluster(f, q->cluster);
	if (r)
		return capture_refused(q->stream, r);
	if (s->capture)
		return capture(s, h, q);
	r = grid_new(q, f, s->ctx, &g);
	if (!r && q->coop && !f->fn->opaque) {
		r = make_cooperative(g, s->ctx);
		if (r) {
			free(g->params);
			free(g);
		}
	}
	if (r)
		return r;
	if (f->mod ? f->mod->image->mod->prints : f->lib->image->mod->prints)
		printf_in_use();
	if (f->fn->opaque) {
		free(g->params);
		free(g);
		g = NULL;
	}
	pthread_mutex_lock(&sg_lock);
	op = op_new(g ? OP_KERNEL : OP_MARK, s->ctx);
	op->grid = g;
	op_submit(op, s);
	pthread_mutex_unlock(&sg_lock);
	return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction f, unsigned int gx, unsigned int gy,
			unsigned int gz, unsigned int bx, unsigned int by,
			unsigned int bz, unsigned int shared, CUstream stream,
			void **params, void **extra)
{
	struct request q = { .dim = { gx, gy, gz }, .block = { bx, by, bz },
			     .dynamic = shared, .stream = stream,
			     .params = params, .extra = extra };

	return launch(f, &q);
}

CUresult cuLaunchCooperativeKernel(CUfunction f, unsigned int gx,
				   unsigned int gy, unsigned int gz,
				   unsigned int bx, unsigned int by,
				   unsigned int bz, unsigned int shared,
				   CUstream stream, void **params)
{
	struct request q = { .dim = { gx, gy, gz }, .block = { bx, by, bz },
			     .dynamic = shared, .stream = stream,
			     .params = params, .coop = true };

	return launch(f, &q);
}

#define ATTR_MAX 16 /* the last that CUDA 13.0 knows */

/* Attributes that only tune are obeyed by doing nothing. */
static CUresult attribute(struct request *q, const CUlaunchAttribute *a)
{
	switch (a->id) {
	case CU_LAUNCH_ATTRIBUTE_IGNORE:
	case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
	case CU_LAUNCH_ATTRIBUTE_PRIORITY:
	case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
	case CU_LAUNCH_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
	case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
	case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
		return CUDA_SUCCESS;
	case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
		q->coop = a->value.cooperative != 0;
		return CUDA_SUCCESS;
	case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
		if (sg_standin()) {
			q->cluster[0] = a->value.clusterDim.x;
			q->cluster[1] = a->value.clusterDim.y;
			q->cluster[2] = a->value.clusterDim.z;
			return CUDA_SUCCESS;
		}
		if (a->value.clusterDim.x == 1 && a->value.clusterDim.y == 1 &&
		    a->value.clusterDim.z == 1)
			return CUDA_SUCCESS;
		break;
	default:
		if ((unsigned int)a->id > ATTR_MAX)
			return CUDA_ERROR_INVALID_VALUE;
		break;
	}
	log_error("launch attribute %d is not supported", (int)a->id);
	return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **params,
			  void **extra)
{
	struct request q = { .params = params, .extra = extra };
	CUresult r = CUDA_SUCCESS;

	if (!c || (c->numAttrs && !c->attrs))
		return CUDA_ERROR_INVALID_VALUE;
	q.dim[0] = c->gridDimX;
	q.dim[1] = c->gridDimY;
	q.dim[2] = c->gridDimZ;
	q.block[0] = c->blockDimX;
	q.block[1] = c->blockDimY;
	q.block[2] = c->blockDimZ;
	q.dynamic = c->sharedMemBytes;
	q.stream = c->hStream;
	for (unsigned int i = 0; !r && i < c->numAttrs; i++)
		r = attribute(&q, &c->attrs[i]);
	return r ? r : launch(f, &q);
}

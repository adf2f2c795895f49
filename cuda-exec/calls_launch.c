// SPDX-License-Identifier: BSD-2-Clause
/* calls_launch.c - kernels, and the questions about their occupancy. */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#define ATTRS_MAX 32u /* CUDA knows some 20 */

static CUresult fix_attr(struct ex *e, CUlaunchAttribute *a)
{
	uint64_t h = 0;
	uint32_t id;
	CUresult r = CUDA_SUCCESS;

	if (a->id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT) {
		id = (uint32_t)(uintptr_t)a->value.programmaticEvent.event;
		r = ex_obj(e, KIND_EVENT, id, &h);
		a->value.programmaticEvent.event = (CUevent)(uintptr_t)h;
	} else if (a->id == CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT) {
		id = (uint32_t)(uintptr_t)a->value.launchCompletionEvent.event;
		r = ex_obj(e, KIND_EVENT, id, &h);
		a->value.launchCompletionEvent.event = (CUevent)(uintptr_t)h;
	} else if (a->id == CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE) {
		/* Its output is a pointer that device code uses. */
		r = CUDA_ERROR_NOT_SUPPORTED;
	}
	return r;
}

static CUresult attrs_of(struct ex *e, const struct vg_launch_attr *from,
			 uint32_t n, CUlaunchAttribute *to)
{
	for (uint32_t i = 0; i < n; i++) {
		CUresult r;

		memset(&to[i], 0, sizeof(to[i]));
		to[i].id = (CUlaunchAttributeID)from[i].id;
		memcpy(&to[i].value, from[i].value, sizeof(from[i].value));
		r = fix_attr(e, &to[i]);
		if (r)
			return r;
	}
	return CUDA_SUCCESS;
}

static CUlaunchConfig config_of(const uint32_t grid[3], const uint32_t block[3],
				uint32_t smem, CUstream s,
				CUlaunchAttribute *attrs, uint32_t n)
{
	return (CUlaunchConfig){
		.gridDimX = grid[0], .gridDimY = grid[1], .gridDimZ = grid[2],
		.blockDimX = block[0], .blockDimY = block[1],
		.blockDimZ = block[2], .sharedMemBytes = smem, .hStream = s,
		.attrs = attrs, .numAttrs = n,
	};
}

static bool fits(const struct ex_layout *l, uint32_t bytes)
{
	uint64_t end = 0, at;

	for (uint32_t i = 0; i < l->n; i++) {
		at = (uint64_t)l->p[i].offset + l->p[i].size;
		end = at > end ? at : end;
	}
	return end == bytes;
}

void ex_params(struct ex_params *p, const struct ex_layout *l,
	       const uint8_t *block, uint32_t bytes)
{
	p->params_arg = p->extra_arg = NULL;
	if (l && fits(l, bytes)) {
		for (uint32_t i = 0; i < l->n; i++)
			p->each[i] = (void *)(uintptr_t)(block +
							 l->p[i].offset);
		p->params_arg = l->n ? p->each : NULL;
		return;
	}
	p->bytes = bytes;
	p->extra[0] = CU_LAUNCH_PARAM_BUFFER_POINTER;
	p->extra[1] = (void *)(uintptr_t)block;
	p->extra[2] = CU_LAUNCH_PARAM_BUFFER_SIZE;
	p->extra[3] = &p->bytes;
	p->extra[4] = CU_LAUNCH_PARAM_END;
	p->extra_arg = bytes || l ? p->extra : NULL;
}

static CUresult launch_ex(struct ex *e, const struct in_vgLaunch *in,
			  const struct vg_launch_attr *from, CUfunction f,
			  CUstream s, const struct ex_params *p)
{
	CUlaunchAttribute attrs[ATTRS_MAX];
	uint32_t n = in->attrs;
	CUlaunchConfig c;
	CUresult r;

	if (!R.cuLaunchKernelEx)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = attrs_of(e, from, n, attrs);
	if (r)
		return r;
	if (in->flags & VG_LAUNCH_COOPERATIVE) {
		attrs[n].id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
		attrs[n++].value.cooperative = 1;
	}
	c = config_of(in->grid, in->block, in->smem, s, attrs, n);
	return R.cuLaunchKernelEx(&c, f, p->params_arg, p->extra_arg);
}

static uint32_t limit(const struct in_vgLaunch *in, uint64_t f, int attr,
		      CUdevice dev, uint32_t unknown)
{
	int v = 0;

	return ex_func_attr(in->kind, f, attr, dev, &v) ? unknown :
	       v < 0 ? 0 : (uint32_t)v;
}

/* For who waits: beyond these the driver may refuse another launch. It does
 * not load the kernel for the answer, as that is loaded by now. */
static void limits_of(struct ex *e, const struct in_vgLaunch *in, uint64_t f,
		      struct out_vgLaunch *out)
{
	CUdevice dev = -1; /* no context need be current: the stream has one */

	ex_relax(e); /* our own questions break no capture */
	R.cuCtxGetDevice(&dev);
	out->max_smem = limit(in, f,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, dev,
		UINT32_MAX);
	for (int a = CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET;
	     a <= CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH; a++)
		out->clusters |= limit(in, f, a, dev, 0);
}

CUresult ex_vgLaunch(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgLaunch *in = rd_take(rd, sizeof(*in));
	struct out_vgLaunch *out = wr_take(wr, sizeof(*out));
	const struct vg_launch_attr *attrs;
	const void *params;
	struct ex_object *f;
	struct ex_params p;
	CUfunction fn;
	CUstream s;
	CUresult r;

	if (!in || !out || in->attrs >= ATTRS_MAX ||
	    (in->kind != KIND_KERNEL && in->kind != KIND_FUNCTION))
		return EX_BAD;
	params = rd_array(rd, in->bytes, 1);
	attrs = rd_array(rd, in->attrs, sizeof(*attrs));
	if (rd->bad)
		return EX_BAD;
	f = ex_object(e, (enum vgpu_kind)in->kind, in->id);
	if (!f)
		return CUDA_ERROR_INVALID_HANDLE;
	r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	ex_params(&p, f->extra, params, in->bytes);
	fn = (CUfunction)(uintptr_t)f->real;
	e->stats->launches++;
	ex_stream_touch(e, in->stream);
	r = in->flags ? launch_ex(e, in, attrs, fn, s, &p) :
	    R.cuLaunchKernel(fn, in->grid[0], in->grid[1], in->grid[2],
			     in->block[0], in->block[1], in->block[2],
			     in->smem, s, p.params_arg, p.extra_arg);
	if (!r && e->rec.flags & VGPU_REC_SYNC)
		limits_of(e, in, f->real, out);
	return r;
}

/* ---- occupancy --------------------------------------------------------- */

static CUresult clusters(struct ex *e, const struct in_vgOccupancy *in,
			 const struct vg_launch_attr *from, CUfunction f,
			 int *value)
{
	CUlaunchAttribute attrs[ATTRS_MAX];
	CUlaunchConfig c;
	CUstream s;
	CUresult r = attrs_of(e, from, in->attrs, attrs);

	if (!r)
		r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	c = config_of(in->grid, in->dim, (uint32_t)in->smem, s, attrs,
		      in->attrs);
	if (in->what == VG_OCC_CLUSTERS)
		return R.cuOccupancyMaxActiveClusters ?
		       R.cuOccupancyMaxActiveClusters(value, f, &c) :
		       CUDA_ERROR_NOT_SUPPORTED;
	return R.cuOccupancyMaxPotentialClusterSize ?
	       R.cuOccupancyMaxPotentialClusterSize(value, f, &c) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult occupancy(struct ex *e, const struct in_vgOccupancy *in,
			  const struct vg_launch_attr *attrs, CUfunction f,
			  struct out_vgOccupancy *out)
{
	size_t bytes = 0;
	int v = 0, v2 = 0;
	CUresult r = CUDA_ERROR_NOT_SUPPORTED;

	if (in->what == VG_OCC_CLUSTERS || in->what == VG_OCC_CLUSTER_SIZE)
		r = clusters(e, in, attrs, f, &v);
	else if (in->what == VG_OCC_BLOCKS &&
		 R.cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags)
		r = R.cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&v,
			f, in->block, in->smem, in->flags);
	else if (in->what == VG_OCC_POTENTIAL &&
		 R.cuOccupancyMaxPotentialBlockSizeWithFlags)
		r = R.cuOccupancyMaxPotentialBlockSizeWithFlags(&v, &v2, f,
			NULL, in->smem, in->block, in->flags);
	else if (in->what == VG_OCC_AVAILABLE_SMEM &&
		 R.cuOccupancyAvailableDynamicSMemPerBlock)
		r = R.cuOccupancyAvailableDynamicSMemPerBlock(&bytes, f,
			in->blocks, in->block);
	out->value = bytes ? (int64_t)bytes : v;
	out->value2 = v2;
	return r;
}

CUresult ex_vgOccupancy(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgOccupancy *in = rd_take(rd, sizeof(*in));
	struct out_vgOccupancy *out = wr_take(wr, sizeof(*out));
	const struct vg_launch_attr *attrs;
	uint64_t f;
	CUresult r;

	if (!in || !out || in->attrs > ATTRS_MAX ||
	    (in->kind != KIND_KERNEL && in->kind != KIND_FUNCTION))
		return EX_BAD;
	attrs = rd_array(rd, in->attrs, sizeof(*attrs));
	if (rd->bad)
		return EX_BAD;
	r = ex_obj(e, (enum vgpu_kind)in->kind, in->id, &f);
	return r ? r : occupancy(e, in, attrs, (CUfunction)(uintptr_t)f, out);
}

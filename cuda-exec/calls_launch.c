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

/* The parameter block as the guest's library built it from the layout. */
static CUresult launch(struct ex *e, const struct in_vgLaunch *in,
		       const void *params, const struct vg_launch_attr *from,
		       CUfunction f, CUstream s)
{
	CUlaunchAttribute attrs[ATTRS_MAX];
	size_t bytes = in->bytes;
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER,
			  (void *)(uintptr_t)params,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
			  CU_LAUNCH_PARAM_END };
	void **ex = bytes ? extra : NULL;
	CUlaunchConfig c;
	CUresult r;

	if (!(in->flags & VG_LAUNCH_EX))
		return R.cuLaunchKernel(f, in->grid[0], in->grid[1],
					in->grid[2], in->block[0],
					in->block[1], in->block[2], in->smem,
					s, NULL, ex);
	if (!R.cuLaunchKernelEx)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = attrs_of(e, from, in->attrs, attrs);
	if (r)
		return r;
	c = config_of(in->grid, in->block, in->smem, s, attrs, in->attrs);
	return R.cuLaunchKernelEx(&c, f, NULL, ex);
}

static CUresult cooperative(const struct in_vgLaunch *in, const void *params,
			    CUfunction f, CUstream s)
{
	CUlaunchAttribute a = { .id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE };
	size_t bytes = in->bytes;
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER,
			  (void *)(uintptr_t)params,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
			  CU_LAUNCH_PARAM_END };
	CUlaunchConfig c;

	if (!R.cuLaunchKernelEx)
		return CUDA_ERROR_NOT_SUPPORTED;
	a.value.cooperative = 1;
	c = config_of(in->grid, in->block, in->smem, s, &a, 1);
	return R.cuLaunchKernelEx(&c, f, NULL, bytes ? extra : NULL);
}

CUresult ex_vgLaunch(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgLaunch *in = rd_take(rd, sizeof(*in));
	const struct vg_launch_attr *attrs;
	const void *params;
	uint64_t f;
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in || in->attrs > ATTRS_MAX ||
	    (in->kind != KIND_KERNEL && in->kind != KIND_FUNCTION))
		return EX_BAD;
	params = rd_array(rd, in->bytes, 1);
	attrs = rd_array(rd, in->attrs, sizeof(*attrs));
	if (rd->bad)
		return EX_BAD;
	r = ex_obj(e, (enum vgpu_kind)in->kind, in->id, &f);
	if (!r)
		r = ex_stream(e, in->stream, &s);
	if (r)
		return r;
	e->stats->launches++;
	ex_stream_touch(e, in->stream);
	if (in->flags & VG_LAUNCH_COOPERATIVE)
		return cooperative(in, params, (CUfunction)(uintptr_t)f, s);
	return launch(e, in, params, attrs, (CUfunction)(uintptr_t)f, s);
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

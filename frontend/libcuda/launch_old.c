// SPDX-License-Identifier: BSD-2-Clause
/* launch_old.c - launches as CUDA 3 had them: parameters set one by one. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

static CUresult old_room(struct vg_function *f, uint64_t end)
{
	uint8_t *p;

	if (end > 4096)
		return CUDA_ERROR_INVALID_VALUE;
	if (f->old_params)
		return CUDA_SUCCESS;
	p = calloc(1, 4096);
	f->old_params = p;
	return p ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

VG_EXPORT CUresult CUDAAPI cuParamSetv(CUfunction hfunc, int offset, void *ptr,
				       unsigned int n)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (!r)
		r = vg_function_of((uintptr_t)hfunc, &f);
	if (r)
		return r;
	if (!ptr || offset < 0)
		return CUDA_ERROR_INVALID_VALUE;
	if (n)
		r = old_room(f, (uint64_t)offset + n);
	if (!r && n)
		memcpy(f->old_params + offset, ptr, n);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuParamSeti(CUfunction hfunc, int offset,
				       unsigned int value)
{
	return cuParamSetv(hfunc, offset, &value, sizeof(value));
}

VG_EXPORT CUresult CUDAAPI cuParamSetf(CUfunction hfunc, int offset,
				       float value)
{
	return cuParamSetv(hfunc, offset, &value, sizeof(value));
}

VG_EXPORT CUresult CUDAAPI cuParamSetSize(CUfunction hfunc, unsigned int n)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (!r)
		r = vg_function_of((uintptr_t)hfunc, &f);
	if (!r)
		r = old_room(f, n);
	if (!r)
		f->old_size = n;
	return r;
}

VG_EXPORT CUresult CUDAAPI cuFuncSetBlockShape(CUfunction hfunc, int x, int y,
					       int z)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (!r)
		r = vg_function_of((uintptr_t)hfunc, &f);
	if (r)
		return r;
	if (x <= 0 || y <= 0 || z <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	f->old_block[0] = (uint32_t)x;
	f->old_block[1] = (uint32_t)y;
	f->old_block[2] = (uint32_t)z;
	return CUDA_SUCCESS;
}

/* More than a multiprocessor has, where that is known. */
static bool too_much(unsigned int n)
{
	int most = vg_ctx() ? vg_devices[vg_ctx()->dev].info.attr[
		CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR] : 0;

	return most > 0 && n > (unsigned int)most;
}

VG_EXPORT CUresult CUDAAPI cuFuncSetSharedSize(CUfunction hfunc,
					       unsigned int n)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (!r)
		r = vg_function_of((uintptr_t)hfunc, &f);
	if (!r && too_much(n))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		f->old_smem = n;
	return r;
}

VG_EXPORT CUresult CUDAAPI cuLaunchGridAsync(CUfunction hfunc, int w, int h,
					     CUstream hStream)
{
	struct vg_function *f;
	size_t size;
	void *extra[5] = { CU_LAUNCH_PARAM_BUFFER_POINTER, NULL,
			   CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			   CU_LAUNCH_PARAM_END };
	CUresult r = vg_enter();

	if (!r)
		r = vg_function_of((uintptr_t)hfunc, &f);
	if (r)
		return r;
	if (w <= 0 || h <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	size = f->old_size;
	extra[1] = f->old_params;
	return cuLaunchKernel(hfunc, (unsigned int)w, (unsigned int)h, 1,
			      f->old_block[0], f->old_block[1],
			      f->old_block[2], f->old_smem, hStream, NULL,
			      extra);
}

VG_EXPORT CUresult CUDAAPI cuLaunchGrid(CUfunction hfunc, int w, int h)
{
	return cuLaunchGridAsync(hfunc, w, h, NULL);
}

VG_EXPORT CUresult CUDAAPI cuLaunch(CUfunction hfunc)
{
	return cuLaunchGridAsync(hfunc, 1, 1, NULL);
}

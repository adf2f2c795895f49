// SPDX-License-Identifier: BSD-2-Clause
/* function.c - attributes, parameters and occupancy of kernels. */
#include "tools/softgpu/softgpu.h"

static CUresult any(const void *h, struct sg_func **f)
{
	*f = (struct sg_func *)(uintptr_t)h;
	if (sg_ready())
		return sg_ready();
	return h && (handle_is(h, H_FUNC) || handle_is(h, H_KERNEL))
		       ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

int func_max_dynamic(const struct sg_func *f)
{
	int room = (int)SG_SMEM_DEFAULT - (int)f->fn->static_shared;

	if (f->max_dynamic >= 0)
		return f->max_dynamic;
	if (f->kernel && f->kernel->max_dynamic >= 0)
		return f->kernel->max_dynamic;
	return room > 0 ? room : 0;
}

static int max_threads(const struct ptx_func *f)
{
	const uint32_t *d = f->reqntid[0] ? f->reqntid : f->maxntid;

	return d[0] ? (int)(d[0] * d[1] * d[2]) : SG_MAX_THREADS;
}

static CUresult get_attribute(int *pi, CUfunction_attribute attr,
			      const struct sg_func *f)
{
	switch (attr) {
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
		*pi = max_threads(f->fn);
		break;
	case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
		*pi = (int)f->fn->static_shared;
		break;
	case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
		*pi = (int)f->fn->frame;
		break;
	case CU_FUNC_ATTRIBUTE_NUM_REGS:
		*pi = f->fn->nregs < 1 ? 1 : f->fn->nregs > 64
						? 64 : (int)f->fn->nregs;
		break;
	case CU_FUNC_ATTRIBUTE_PTX_VERSION:
	case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
		*pi = sg_cc();
		break;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		*pi = func_max_dynamic(f);
		break;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		*pi = f->carveout;
		break;
	default:
		if (standin_func_kept(f, attr)) {
			*pi = f->kept[attr];
			return CUDA_SUCCESS;
		}
		if ((int)attr < 0 || attr >= CU_FUNC_ATTRIBUTE_MAX)
			return CUDA_ERROR_INVALID_VALUE;
		*pi = 0;	/* constants, cache mode, clusters: none */
	}
	return CUDA_SUCCESS;
}

static CUresult set_attribute(struct sg_func *f, CUfunction_attribute attr,
			      int v)
{
	int room = (int)sg_smem_optin() - (int)f->fn->static_shared;

	if (attr == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) {
		if (v < -1 || v > 100)
			return CUDA_ERROR_INVALID_VALUE;
		f->carveout = v;
		return CUDA_SUCCESS;
	}
	if (standin_func_kept(f, attr)) {
		if (v < 0)
			return CUDA_ERROR_INVALID_VALUE;
		f->kept[attr] = v;
		return CUDA_SUCCESS;
	}
	if (attr != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || v < 0 ||
	    v > room)
		return CUDA_ERROR_INVALID_VALUE;
	f->max_dynamic = v;
	return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *pi, CUfunction_attribute attr, CUfunction h)
{
	struct sg_func *f;
	CUresult r = any(h, &f);

	if (!r && !pi)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : get_attribute(pi, attr, f);
}

CUresult cuFuncSetAttribute(CUfunction h, CUfunction_attribute attr, int v)
{
	struct sg_func *f;
	CUresult r = any(h, &f);

	return r ? r : set_attribute(f, attr, v);
}

CUresult cuKernelGetAttribute(int *pi, CUfunction_attribute attr, CUkernel h,
			      CUdevice dev)
{
	if (dev)
		return CUDA_ERROR_INVALID_DEVICE;
	return cuFuncGetAttribute(pi, attr, (CUfunction)h);
}

CUresult cuKernelSetAttribute(CUfunction_attribute attr, int v, CUkernel h,
			      CUdevice dev)
{
	if (dev)
		return CUDA_ERROR_INVALID_DEVICE;
	return cuFuncSetAttribute((CUfunction)h, attr, v);
}

CUresult cuFuncSetCacheConfig(CUfunction h, CUfunc_cache config)
{
	struct sg_func *f;
	CUresult r = any(h, &f);

	return !r && (unsigned int)config > 3 ? CUDA_ERROR_INVALID_VALUE : r;
}

CUresult cuFuncGetName(const char **name, CUfunction h)
{
	struct sg_func *f;
	CUresult r = any(h, &f);

	if (!r && !name)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*name = f->fn->name;
	return r;
}

CUresult cuFuncGetModule(CUmodule *mod, CUfunction h)
{
	struct sg_ctx *ctx;
	struct sg_func *f;
	CUresult r = sg_current(&ctx);

	if (!r && !mod)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = func_get(h, ctx, &f);
	if (!r)
		*mod = (CUmodule)f->mod;
	return r;
}

CUresult cuFuncGetParamInfo(CUfunction h, size_t i, size_t *off, size_t *size)
{
	struct sg_func *f;
	CUresult r = any(h, &f);

	if (r)
		return r;
	if (!off || i >= f->fn->nparams)
		return CUDA_ERROR_INVALID_VALUE;
	*off = f->fn->params[i]->off;
	if (size)
		*size = f->fn->params[i]->size;
	return CUDA_SUCCESS;
}

CUresult cuKernelGetParamInfo(CUkernel h, size_t i, size_t *off, size_t *size)
{
	return cuFuncGetParamInfo((CUfunction)h, i, off, size);
}

CUresult cuFuncIsLoaded(CUfunctionLoadingState *state, CUfunction h)
{
	struct sg_func *f;
	CUresult r = any(h, &f);

	if (!r && !state)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*state = CU_FUNCTION_LOADING_STATE_LOADED;
	return r;
}

CUresult cuFuncLoad(CUfunction h)
{
	struct sg_func *f;

	return any(h, &f);
}

/* --- occupancy: threads, shared memory and blocks of a multiprocessor ----- */

static int occupancy(const struct sg_func *f, int threads, size_t dynamic)
{
	size_t smem = f->fn->static_shared + dynamic;
	int blocks = 2048 / ((threads + 31) / 32 * 32);

	if (threads > max_threads(f->fn))
		return 0;
	if (blocks > SG_BLOCKS_PER_SM)
		blocks = SG_BLOCKS_PER_SM;
	if (smem && sg_smem_optin() / smem < (size_t)blocks)
		blocks = (int)(sg_smem_optin() / smem);
	return blocks;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
	int *blocks, CUfunction h, int threads, size_t dynamic,
	unsigned int flags)
{
	struct sg_func *f;
	CUresult r = any(h, &f);

	if (r)
		return r;
	if (!blocks || threads <= 0 || (flags & ~1u))
		return CUDA_ERROR_INVALID_VALUE;
	*blocks = occupancy(f, threads, dynamic);
	return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction h,
						     int threads,
						     size_t dynamic)
{
	return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
		blocks, h, threads, dynamic, 0);
}

CUresult cuOccupancyMaxPotentialBlockSizeWithFlags(
	int *grid, int *block, CUfunction h, CUoccupancyB2DSize dynamic_of,
	size_t dynamic, int limit, unsigned int flags)
{
	struct sg_func *f;
	CUresult r = any(h, &f);
	int best = 0, top;

	if (r)
		return r;
	if (!grid || !block || (flags & ~1u))
		return CUDA_ERROR_INVALID_VALUE;
	top = max_threads(f->fn);
	if (limit > 0 && limit < top)
		top = limit;
	for (int t = top; t > 0; t -= t % 32 ? t % 32 : 32) {
		size_t d = dynamic_of ? dynamic_of(t) : dynamic;
		int n = occupancy(f, t, d);

		if (n * t > best) {
			best = n * t;
			*block = t;
			*grid = n * SG_SMS;
		}
	}
	return best ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuOccupancyMaxPotentialBlockSize(int *grid, int *block, CUfunction h,
					  CUoccupancyB2DSize dynamic_of,
					  size_t dynamic, int limit)
{
	return cuOccupancyMaxPotentialBlockSizeWithFlags(
		grid, block, h, dynamic_of, dynamic, limit, 0);
}

CUresult cuOccupancyAvailableDynamicSMemPerBlock(size_t *bytes, CUfunction h,
						 int blocks, int threads)
{
	struct sg_func *f;
	CUresult r = any(h, &f);
	size_t share;

	if (r)
		return r;
	if (!bytes || blocks <= 0 || threads <= 0 || threads > SG_MAX_THREADS ||
	    blocks > SG_BLOCKS_PER_SM || blocks * threads > 2048)
		return CUDA_ERROR_INVALID_VALUE;
	share = sg_smem_optin() / (size_t)blocks;
	*bytes = share > f->fn->static_shared ? share - f->fn->static_shared
					      : 0;
	return CUDA_SUCCESS;
}

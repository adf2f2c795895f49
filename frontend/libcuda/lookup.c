// SPDX-License-Identifier: BSD-2-Clause
/*
 * lookup.c - what is found in modules and libraries: functions and kernels, by
 * name and in lists, and the function that a kernel is in a context.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

VG_EXPORT CUresult CUDAAPI cuModuleGetFunction(CUfunction *hfunc, CUmodule hmod,
					       const char *name)
{
	struct vg_function *f;
	struct vg_ctx *c;
	uint32_t id;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	r = vg_handle_in(KIND_MODULE, (uintptr_t)hmod, &id);
	if (!r && !id)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (!r && (!hfunc || !name))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = vg_function_get(KIND_MODULE, id, name, KIND_FUNCTION, &f);
	if (!r)
		*hfunc = (CUfunction)vg_handle_out(KIND_FUNCTION, f->id);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuLibraryGetKernel(CUkernel *pKernel,
					      CUlibrary library,
					      const char *name)
{
	struct vg_function *f;
	uint32_t id;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!pKernel || !name)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_handle_in(KIND_LIBRARY, (uintptr_t)library, &id);
	if (!r && !id)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (!r)
		r = vg_function_get(KIND_LIBRARY, id, name, KIND_KERNEL, &f);
	if (!r)
		*pKernel = (CUkernel)vg_handle_out(KIND_KERNEL, f->id);
	return r;
}

/* A kernel's function in the context where it was asked for last: the runtime
 * asks with each question about a kernel. The number of a context takes the
 * bits above an id's, and comes back after 2^36 contexts. */
#define FUNCTION_BITS 28

_Static_assert(VGPU_ID_MAX == 1u << FUNCTION_BITS, "ids fill the lower bits");

static bool known_function(struct vg_function *k, const struct vg_ctx *c,
			   CUfunction *ret)
{
	uint64_t seen = atomic_load(&k->function);

	if (!seen || seen >> FUNCTION_BITS != c->unique)
		return false;
	*ret = (CUfunction)vg_handle_out(KIND_FUNCTION,
					 (uint32_t)seen & (VGPU_ID_MAX - 1));
	return true;
}

VG_EXPORT CUresult CUDAAPI cuKernelGetFunction(CUfunction *pFunc,
					       CUkernel kernel)
{
	struct vg_function *k, *f;
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!pFunc)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_function_of((uintptr_t)kernel, &k);
	if (!r && k->kind != KIND_KERNEL)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (r || known_function(k, c, pFunc))
		return r;
	r = vg_function_get(KIND_KERNEL, k->id, NULL, KIND_FUNCTION, &f);
	if (r)
		return r;
	atomic_store(&k->function, c->unique << FUNCTION_BITS | f->id);
	*pFunc = (CUfunction)vg_handle_out(KIND_FUNCTION, f->id);
	return CUDA_SUCCESS;
}

/* ---- lists ------------------------------------------------------------- */

#define LIST_CAP 400u

static CUresult list(enum vgpu_kind from, uintptr_t h, enum vgpu_kind kind,
		     uint64_t *to, unsigned int n)
{
	struct in_vgFunctions in = { .from = from };
	struct { struct out_vgFunctions h; uint32_t id[LIST_CAP]; } out;
	struct vg_seg s = { &in, sizeof(in) };
	CUresult r = vg_enter();

	if (!r && !to)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = vg_handle_in(from, h, &in.id);
	if (!r && !in.id)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (r)
		return r;
	while (in.first < n && !r) {
		struct vg_seg o[] = { { &out.h, sizeof(out.h) },
				      { out.id, LIST_CAP * 4 } };
		struct vg_function *f;

		in.cap = LIST_CAP;
		r = vg_call(OP_vgFunctions, &s, 1, o, 2);
		for (uint32_t i = 0; !r && i < LIST_CAP && in.first + i < n &&
		     in.first + i < out.h.count; i++) {
			r = vg_function_by_id(kind, out.id[i], in.id, &f);
			to[in.first + i] = vg_handle_out(kind, out.id[i]);
		}
		in.first += LIST_CAP;
		if (!r && in.first >= out.h.count)
			break;
	}
	return r;
}

VG_EXPORT CUresult CUDAAPI cuModuleEnumerateFunctions(CUfunction *functions,
						      unsigned int n,
						      CUmodule mod)
{
	return list(KIND_MODULE, (uintptr_t)mod, KIND_FUNCTION,
		    (uint64_t *)functions, n);
}

VG_EXPORT CUresult CUDAAPI cuLibraryEnumerateKernels(CUkernel *kernels,
						     unsigned int n,
						     CUlibrary lib)
{
	return list(KIND_LIBRARY, (uintptr_t)lib, KIND_KERNEL,
		    (uint64_t *)kernels, n);
}

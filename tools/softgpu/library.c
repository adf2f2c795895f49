// SPDX-License-Identifier: BSD-2-Clause
/*
 * library.c - libraries: images without a context. A kernel of one becomes a
 * function of a module when it is used in a context for the first time.
 */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>
#include <string.h>

static CUresult get(CUlibrary h, struct sg_library **lib)
{
	*lib = (struct sg_library *)h;
	if (sg_ready())
		return sg_ready();
	return h && handle_is(h, H_LIBRARY) ? CUDA_SUCCESS
					    : CUDA_ERROR_INVALID_HANDLE;
}

static struct sg_func *kernel_new(struct sg_library *lib,
				  const struct ptx_func *fn)
{
	struct sg_func *k = calloc(1, sizeof(*k));

	if (!k || !handle_add(k, H_KERNEL))
		abort();
	k->kind = H_KERNEL;
	k->fn = fn;
	k->lib = lib;
	k->max_dynamic = -1;
	k->carveout = -1;
	return k;
}

CUresult cuLibraryLoadData(CUlibrary *out, const void *code,
			   CUjit_option *jit, void **jit_values,
			   unsigned int njit, CUlibraryOption *options,
			   void **values, unsigned int noptions)
{
	struct sg_library *lib;
	struct ptx_module *p;
	CUresult r = sg_ready();

	(void)jit;
	(void)jit_values;
	(void)njit;
	(void)options;
	(void)values;
	(void)noptions;
	if (r)
		return r;
	if (!out || !code)
		return CUDA_ERROR_INVALID_VALUE;
	lib = calloc(1, sizeof(*lib));
	if (!lib)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = image_load(code, &lib->image);
	if (r) {
		free(lib);
		return r;
	}
	p = lib->image->mod;
	lib->kernels = calloc(p->nfuncs + 1, sizeof(*lib->kernels));
	if (!lib->kernels || !handle_add(lib, H_LIBRARY))
		abort();
	for (size_t i = 0; i < p->nfuncs; i++)
		if (p->funcs[i]->entry && p->funcs[i]->defined)
			lib->kernels[lib->nkernels++] =
				kernel_new(lib, p->funcs[i]);
	*out = (CUlibrary)lib;
	return CUDA_SUCCESS;
}

CUresult cuLibraryUnload(CUlibrary h)
{
	struct sg_library *lib;
	CUresult r = get(h, &lib);
	struct sg_module *m;

	if (r)
		return r;
	pthread_mutex_lock(&sg_lock);
	while ((m = lib->modules)) {
		ctx_wait(m->ctx);
		module_free(m);
	}
	pthread_mutex_unlock(&sg_lock);
	printf_flush();
	handle_del(lib);
	for (uint32_t i = 0; i < lib->nkernels; i++) {
		handle_del(lib->kernels[i]);
		free(lib->kernels[i]);
	}
	free(lib->kernels);
	image_unref(lib->image);
	free(lib);
	return CUDA_SUCCESS;
}

CUresult library_module(struct sg_library *lib, struct sg_ctx *ctx,
			struct sg_module **out)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	struct sg_module *m;
	CUresult r = CUDA_SUCCESS;

	pthread_mutex_lock(&lock);
	for (m = lib->modules; m && m->ctx != ctx; m = m->lib_next)
		;
	if (!m) {
		r = module_instance(lib->image, ctx, lib, &m);
		for (uint32_t i = 0; !r && i < m->nfuncs; i++)
			m->funcs[i]->kernel = lib->kernels[i];
	}
	*out = m;
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult func_get(CUfunction h, struct sg_ctx *ctx, struct sg_func **f)
{
	struct sg_func *k = (struct sg_func *)h;
	struct sg_module *m;
	CUresult r;

	*f = k;
	if (h && handle_is(h, H_FUNC))
		return CUDA_SUCCESS;
	if (!h || !handle_is(h, H_KERNEL))
		return CUDA_ERROR_INVALID_HANDLE;
	r = library_module(k->lib, ctx, &m);
	for (uint32_t i = 0; !r && i < m->nfuncs; i++)
		if (m->funcs[i]->fn == k->fn)
			*f = m->funcs[i];
	return r;
}

CUresult cuLibraryGetKernel(CUkernel *out, CUlibrary h, const char *name)
{
	struct sg_library *lib;
	CUresult r = get(h, &lib);

	if (r)
		return r;
	if (!out || !name)
		return CUDA_ERROR_INVALID_VALUE;
	for (uint32_t i = 0; i < lib->nkernels; i++)
		if (!strcmp(lib->kernels[i]->fn->name, name)) {
			*out = (CUkernel)lib->kernels[i];
			return CUDA_SUCCESS;
		}
	return CUDA_ERROR_NOT_FOUND;
}

CUresult cuLibraryGetModule(CUmodule *out, CUlibrary h)
{
	struct sg_library *lib;
	struct sg_ctx *ctx;
	CUresult r = get(h, &lib);

	if (!r)
		r = sg_current(&ctx);
	if (!r && !out)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : library_module(lib, ctx, (struct sg_module **)out);
}

/* A managed variable has its address before any context is current: it lives
 * in the primary context, which stays for it. */
static CUresult context_of_managed(struct sg_ctx **ctx)
{
	static CUcontext kept;

	if (!sg_current(ctx))
		return CUDA_SUCCESS;
	if (!kept) {
		CUresult r = cuDevicePrimaryCtxRetain(&kept, 0);

		if (r)
			return r;
	}
	*ctx = (struct sg_ctx *)kept;
	return CUDA_SUCCESS;
}

static CUresult get_var(CUdeviceptr *ptr, size_t *bytes, CUlibrary h,
			const char *name, bool managed)
{
	struct sg_library *lib;
	struct sg_module *m;
	struct sg_ctx *ctx;
	const struct ptx_var *v;
	CUresult r = get(h, &lib);

	if (!r)
		r = managed ? context_of_managed(&ctx) : sg_current(&ctx);
	if (r)
		return r;
	if (!name)
		return CUDA_ERROR_INVALID_VALUE;
	v = ptx_find_var(lib->image->mod, name);
	if (!v || (managed && !v->managed))
		return CUDA_ERROR_NOT_FOUND;
	r = library_module(lib, ctx, &m);
	if (r)
		return r;
	if (ptr)
		*ptr = m->globals + v->off;
	if (bytes)
		*bytes = v->size;
	return CUDA_SUCCESS;
}

CUresult cuLibraryGetGlobal(CUdeviceptr *ptr, size_t *bytes, CUlibrary h,
			    const char *name)
{
	return get_var(ptr, bytes, h, name, false);
}

CUresult cuLibraryGetManaged(CUdeviceptr *ptr, size_t *bytes, CUlibrary h,
			     const char *name)
{
	return get_var(ptr, bytes, h, name, true);
}

CUresult cuLibraryGetKernelCount(unsigned int *count, CUlibrary h)
{
	struct sg_library *lib;
	CUresult r = get(h, &lib);

	if (!r && !count)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*count = lib->nkernels;
	return r;
}

CUresult cuLibraryEnumerateKernels(CUkernel *kernels, unsigned int n,
				   CUlibrary h)
{
	struct sg_library *lib;
	CUresult r = get(h, &lib);

	if (!r && !kernels)
		r = CUDA_ERROR_INVALID_VALUE;
	for (unsigned int i = 0; !r && i < n && i < lib->nkernels; i++)
		kernels[i] = (CUkernel)lib->kernels[i];
	return r;
}

static CUresult kernel(CUkernel h, struct sg_func **k)
{
	*k = (struct sg_func *)h;
	if (sg_ready())
		return sg_ready();
	return h && handle_is(h, H_KERNEL) ? CUDA_SUCCESS
					   : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuKernelGetFunction(CUfunction *out, CUkernel h)
{
	struct sg_ctx *ctx;
	struct sg_func *f;
	CUresult r = sg_current(&ctx);

	if (!r && !out)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = func_get((CUfunction)h, ctx, &f);
	if (!r)
		*out = (CUfunction)f;
	return r;
}

CUresult cuKernelGetLibrary(CUlibrary *out, CUkernel h)
{
	struct sg_func *k;
	CUresult r = kernel(h, &k);

	if (!r && !out)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*out = (CUlibrary)k->lib;
	return r;
}

CUresult cuKernelGetName(const char **name, CUkernel h)
{
	struct sg_func *k;
	CUresult r = kernel(h, &k);

	if (!r && !name)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*name = k->fn->name;
	return r;
}

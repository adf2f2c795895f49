// SPDX-License-Identifier: BSD-2-Clause
/* module.c - images, and modules: an image with variables in a context. */
#include "tools/softgpu/softgpu.h"

#include "tools/lib/log.h"

#include <stdlib.h>
#include <string.h>

CUresult image_load(const void *data, struct image **out)
{
	struct image *im;
	char *code;
	size_t len;
	bool sass;
	CUresult r = fatbin_code(data, &code, &len, &sass);

	if (r)
		return r;
	im = calloc(1, sizeof(*im));
	if (!im)
		r = CUDA_ERROR_OUT_OF_MEMORY;
	else if (sass)
		r = cubin_load(code, &im->mod);
	else
		r = (CUresult)ptx_load(code, len, &im->mod);
	free(code);
	if (!r && im->mod->target > sg_cc()) {
		log_error("PTX for sm_%d is newer than this device (sm_%d)",
			  im->mod->target, sg_cc());
		ptx_free(im->mod);
		r = CUDA_ERROR_NO_BINARY_FOR_GPU;
	}
	if (r) {
		free(im);
		return r;
	}
	im->refs = 1;
	*out = im;
	return CUDA_SUCCESS;
}

void image_unref(struct image *im)
{
	if (__atomic_sub_fetch(&im->refs, 1, __ATOMIC_ACQ_REL))
		return;
	ptx_free(im->mod);
	free(im);
}

static uint64_t name_address(const struct sg_module *m, const char *name)
{
	const struct ptx_var *v = ptx_find_var(m->image->mod, name);
	const struct ptx_func *f = ptx_find_func(m->image->mod, name);

	return v ? m->globals + v->off : f ? PTX_FUNC_ADDR(f->index) : 0;
}

static void init_vars(const struct sg_module *m)
{
	const struct ptx_module *p = m->image->mod;

	memset((void *)(uintptr_t)m->globals, 0, p->globals_bytes);
	for (size_t i = 0; i < p->nvars; i++) {
		const struct ptx_var *v = p->vars[i];
		uint8_t *at = (uint8_t *)(uintptr_t)(m->globals + v->off);

		if (v->init)
			memcpy(at, v->init, v->size);
		for (size_t k = 0; k < v->nrelocs; k++) {
			const struct ptx_reloc *r = &v->relocs[k];
			uint64_t addr = name_address(m, r->name) +
					(uint64_t)r->addend;

			memcpy(at + r->at, &addr, r->size);
		}
	}
}

/* All variables lie in one block, which is managed when one of them is. */
static enum mem_kind kind_of_vars(const struct ptx_module *p)
{
	for (size_t i = 0; i < p->nvars; i++)
		if (p->vars[i]->managed)
			return MEM_MANAGED;
	return MEM_DEVICE;
}

/* A function that is gone leaves its address to the next one, which with a
 * real driver depends on the allocator: who keeps old answers is found out. */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sg_func *spare;

static void func_free(struct sg_func *f)
{
	pthread_mutex_lock(&spare_lock);
	f->next = spare;
	spare = f;
	pthread_mutex_unlock(&spare_lock);
}

static struct sg_func *func_alloc(void)
{
	struct sg_func *f;

	pthread_mutex_lock(&spare_lock);
	f = spare;
	if (f)
		spare = f->next;
	pthread_mutex_unlock(&spare_lock);
	if (f)
		memset(f, 0, sizeof(*f));
	return f ? f : calloc(1, sizeof(*f));
}

static struct sg_func *func_new(struct sg_module *m, const struct ptx_func *fn)
{
	struct sg_func *f = func_alloc();

	if (!f || !handle_add(f, H_FUNC)) {
		free(f);
		return NULL;
	}
	f->kind = H_FUNC;
	f->fn = fn;
	f->mod = m;
	f->max_dynamic = -1;
	f->carveout = -1;
	return f;
}

static bool make_funcs(struct sg_module *m)
{
	const struct ptx_module *p = m->image->mod;

	m->funcs = calloc(p->nfuncs + 1, sizeof(*m->funcs));
	if (!m->funcs)
		return false;
	for (size_t i = 0; i < p->nfuncs; i++) {
		if (!p->funcs[i]->entry || !p->funcs[i]->defined)
			continue;
		m->funcs[m->nfuncs] = func_new(m, p->funcs[i]);
		if (!m->funcs[m->nfuncs++])
			return false;
	}
	return true;
}

CUresult module_instance(struct image *im, struct sg_ctx *ctx,
			 struct sg_library *lib, struct sg_module **out)
{
	struct sg_module *m = calloc(1, sizeof(*m));
	CUresult r = CUDA_ERROR_OUT_OF_MEMORY;

	if (!m)
		return r;
	m->image = im;
	m->ctx = ctx;
	m->lib = lib;
	if (!make_funcs(m) || !handle_add(m, H_MODULE))
		abort();
	__atomic_add_fetch(&im->refs, 1, __ATOMIC_ACQ_REL);
	if (im->mod->globals_bytes)
		r = mem_alloc(ctx, im->mod->globals_bytes,
			      kind_of_vars(im->mod), NULL, &m->globals);
	else
		r = CUDA_SUCCESS;
	if (m->globals)
		init_vars(m);
	pthread_mutex_lock(&sg_lock);
	m->next = ctx->modules;
	ctx->modules = m;
	if (lib) {
		m->lib_next = lib->modules;
		lib->modules = m;
	}
	if (r)
		module_free(m);
	else
		*out = m;
	pthread_mutex_unlock(&sg_lock);
	return r;
}

/* With sg_lock held and no kernel of it running. */
void module_free(struct sg_module *m)
{
	struct sg_module **at = &m->ctx->modules;

	while (*at && *at != m)
		at = &(*at)->next;
	if (*at)
		*at = m->next;
	if (m->lib) {
		at = &m->lib->modules;
		while (*at && *at != m)
			at = &(*at)->lib_next;
		if (*at)
			*at = m->lib_next;
	}
	handle_del(m);
	for (uint32_t i = 0; i < m->nfuncs; i++) {
		handle_del(m->funcs[i]);
		func_free(m->funcs[i]);
	}
	free(m->funcs);
	if (m->globals)
		mem_free(m->globals, false);
	image_unref(m->image);
	free(m);
}

/* All of a context that goes. Of one that comes back they are forgotten. */
void modules_bury(struct sg_ctx *ctx)
{
	while (ctx->modules) {
		uintptr_t h = (uintptr_t)ctx->modules;

		module_free(ctx->modules);
		if (!ctx->primary && !handle_add((void *)h, H_DEAD_MODULE))
			abort();
	}
}

CUresult cuModuleLoadData(CUmodule *out, const void *data)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);
	struct image *im;

	if (r)
		return r;
	if (!out || !data)
		return CUDA_ERROR_INVALID_VALUE;
	/* As the driver: only a library may be nvcc's wrapper. */
	if (is_wrapper(data))
		return CUDA_ERROR_INVALID_IMAGE;
	r = image_load(data, &im);
	if (r)
		return r;
	r = module_instance(im, ctx, NULL, (struct sg_module **)out);
	image_unref(im);
	return r;
}

CUresult cuModuleLoadDataEx(CUmodule *out, const void *data, unsigned int n,
			    CUjit_option *options, void **values)
{
	(void)options;	/* hints for a compiler that does not exist here */
	(void)values;
	(void)n;
	return cuModuleLoadData(out, data);
}

CUresult cuModuleLoadFatBinary(CUmodule *out, const void *data)
{
	return cuModuleLoadData(out, data);
}

static CUresult get(CUmodule h, struct sg_module **m)
{
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);

	*m = (struct sg_module *)h;
	if (!r && !(h && handle_is(h, H_MODULE)))
		r = h && handle_is(h, H_DEAD_MODULE) ?
		    CUDA_ERROR_CONTEXT_IS_DESTROYED :
		    CUDA_ERROR_INVALID_HANDLE;
	return r;
}

CUresult cuModuleUnload(CUmodule h)
{
	struct sg_module *m;
	CUresult r = get(h, &m);

	if (r)
		return r;
	pthread_mutex_lock(&sg_lock);
	ctx_wait(m->ctx);
	module_free(m);
	pthread_mutex_unlock(&sg_lock);
	printf_flush();
	return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *out, CUmodule h, const char *name)
{
	struct sg_module *m;
	CUresult r = get(h, &m);

	if (r)
		return r;
	if (!out || !name || !*name)
		return CUDA_ERROR_INVALID_VALUE;
	for (uint32_t i = 0; i < m->nfuncs; i++)
		if (!strcmp(m->funcs[i]->fn->name, name)) {
			*out = (CUfunction)m->funcs[i];
			return CUDA_SUCCESS;
		}
	return CUDA_ERROR_NOT_FOUND;
}

CUresult cuModuleGetGlobal(CUdeviceptr *ptr, size_t *bytes, CUmodule h,
			   const char *name)
{
	struct sg_module *m;
	CUresult r = get(h, &m);
	const struct ptx_var *v;

	if (r)
		return r;
	if (!name)
		return CUDA_ERROR_INVALID_VALUE;
	v = ptx_find_var(m->image->mod, name);
	if (!v)
		return CUDA_ERROR_NOT_FOUND;
	if (ptr)
		*ptr = m->globals + v->off;
	if (bytes)
		*bytes = v->size;
	return CUDA_SUCCESS;
}

CUresult cuModuleGetFunctionCount(unsigned int *count, CUmodule h)
{
	struct sg_module *m;
	CUresult r = get(h, &m);

	if (!r && !count)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*count = m->nfuncs;
	return r;
}

CUresult cuModuleEnumerateFunctions(CUfunction *funcs, unsigned int n,
				    CUmodule h)
{
	struct sg_module *m;
	CUresult r = get(h, &m);

	if (!r && !funcs)
		r = CUDA_ERROR_INVALID_VALUE;
	for (unsigned int i = 0; !r && i < n && i < m->nfuncs; i++)
		funcs[i] = (CUfunction)m->funcs[i];
	return r;
}

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	*mode = CU_MODULE_LAZY_LOADING;
	return sg_ready();
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * function.c - functions and kernels: what the library knows of each, which
 * arrives with the reply that names it. A CUkernel may stand where a
 * CUfunction is wanted.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

CUresult vg_function_of(uintptr_t h, struct vg_function **ret)
{
	enum vgpu_kind kind = vg_handle_kind(h);

	*ret = kind == KIND_FUNCTION || kind == KIND_KERNEL ?
	       vg_handle_state(kind, (uint32_t)h >> 4) : NULL;
	return *ret ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

/* More parameters than one reply holds. */
static CUresult more_params(struct vg_function *f)
{
	struct in_vgParams in = { .kind = f->kind, .id = f->id };
	struct { struct out_vgParams h; struct vg_param p[VGPU_PARAMS]; } out;
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_seg o[] = { { &out.h, sizeof(out.h) },
			      { out.p, sizeof(out.p) } };

	for (uint32_t i = VGPU_PARAMS; i < f->nparams; i += VGPU_PARAMS) {
		uint32_t n = f->nparams - i;
		CUresult r;

		in.first = i;
		r = vg_call(OP_vgParams, &s, 1, o, 2);
		if (r)
			return r;
		memcpy(f->param + i, out.p,
		       (n < VGPU_PARAMS ? n : VGPU_PARAMS) * sizeof(*f->param));
	}
	return CUDA_SUCCESS;
}

/*
 * A function ends with its context, and the driver may give its handle to
 * another one, of which only the parameters are told here: the rest is asked
 * again. The program may still hold the name, which is why that is not freed.
 */
static void renew(struct vg_function *f, const struct vg_function *now)
{
	for (int i = 0; i < 16; i++)
		atomic_store(&f->attr[i].known, 0);
	for (int i = 0; i < VG_GOOD_SHAPES; i++)
		atomic_store(&f->good[i], 0);
	atomic_store(&f->name, NULL);
	f->owner = now->owner;
	f->origin = now->origin;
	atomic_store(&f->era, atomic_load(&now->era));
}

/* A kernel ends with its library, which is told here. */
static bool up_to_date(const struct vg_function *f, uint64_t era)
{
	return f && (f->kind == KIND_KERNEL || atomic_load(&f->era) == era);
}

/* Another thread may have been faster, and use what it has made. */
static CUresult install(struct vg_function *f, struct vg_function **ret)
{
	struct vg_function *old;
	bool same;

	pthread_mutex_lock(&lock);
	old = vg_handle_state(f->kind, f->id);
	same = old && old->nparams == f->nparams &&
	       !memcmp(old->param, f->param, f->nparams * sizeof(*f->param));
	if (same && !up_to_date(old, atomic_load(&f->era)))
		renew(old, f);
	*ret = same ? old : vg_handle_set_state(f->kind, f->id, f) ? f : NULL;
	pthread_mutex_unlock(&lock);
	if (*ret != f)
		free(f);
	return *ret ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* @era: read before the host was asked. */
static CUresult keep(enum vgpu_kind kind, const struct out_vgFunction *h,
		     const struct vg_param *p, uint32_t origin, uint64_t era,
		     struct vg_function **ret)
{
	uint32_t n = h->params < VGPU_PARAMS ? h->params : VGPU_PARAMS;
	struct vg_function *f;
	CUresult r;

	f = calloc(1, sizeof(*f) + ((size_t)h->params + 1) * sizeof(*p));
	if (!f)
		return CUDA_ERROR_OUT_OF_MEMORY;
	f->kind = kind;
	f->id = h->id;
	f->owner = h->owner;
	f->origin = origin;
	atomic_store(&f->era, era);
	f->nparams = h->params;
	f->param = (struct vg_param *)(f + 1);
	memcpy(f->param, p, n * sizeof(*p));
	r = more_params(f);
	for (uint32_t i = 0; i < f->nparams; i++)
		if (f->param[i].offset + f->param[i].size > f->bytes)
			f->bytes = f->param[i].offset + f->param[i].size;
	if (!r)
		return install(f, ret);
	free(f);
	return r;
}

CUresult vg_function_get(enum vgpu_kind from, uint32_t from_id,
			 const char *name, enum vgpu_kind kind,
			 struct vg_function **ret)
{
	struct vg_function *k = vg_handle_state(KIND_KERNEL, from_id);
	struct in_vgFunction in = { .from = from, .id = from_id,
		.name_len = name ? (uint32_t)strlen(name) + 1 : 0 };
	struct { struct out_vgFunction h; struct vg_param p[VGPU_PARAMS]; } out;
	struct vg_seg s[] = { { &in, sizeof(in) }, { name, in.name_len } };
	struct vg_seg o[] = { { &out.h, sizeof(out.h) },
			      { out.p, sizeof(out.p) } };
	uint64_t era = vg_ctx_era();
	CUresult r = vg_call(OP_vgFunction, s, 2, o, 2);

	if (r)
		return r;
	*ret = vg_handle_state(kind, out.h.id);
	return up_to_date(*ret, era) ? CUDA_SUCCESS :
	       keep(kind, &out.h, out.p,
		    from == KIND_KERNEL && k ? k->origin : from_id, era, ret);
}

/* One whose id came from a list: its parameters are asked for now. */
CUresult vg_function_by_id(enum vgpu_kind kind, uint32_t id, uint32_t origin,
			   struct vg_function **ret)
{
	struct in_vgParams in = { .kind = kind, .id = id };
	struct { struct out_vgParams h; struct vg_param p[VGPU_PARAMS]; } out;
	struct out_vgFunction h = { .id = id };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_seg o[] = { { &out.h, sizeof(out.h) },
			      { out.p, sizeof(out.p) } };
	uint64_t era = vg_ctx_era();
	CUresult r;

	*ret = vg_handle_state(kind, id);
	if (up_to_date(*ret, era))
		return CUDA_SUCCESS;
	r = vg_call(OP_vgParams, &s, 1, o, 2);
	h.params = out.h.count;
	h.owner = origin;
	return r ? r : keep(kind, &h, out.p, origin, era, ret);
}

static void forget_one(uint32_t id, void *state, void *arg)
{
	struct vg_function *f = state;

	if (f->origin != *(uint32_t *)arg)
		return;
	vg_handle_del(f->kind, id);
	free(atomic_exchange(&f->name, NULL));
}

void vg_functions_forget(uint32_t origin)
{
	vg_settings_changed(origin);
	vg_handle_each(KIND_FUNCTION, forget_one, &origin);
	vg_handle_each(KIND_KERNEL, forget_one, &origin);
}

/* ---- names, parameters, owners ----------------------------------------- */

static CUresult name_of(struct vg_function *f, const char **ret)
{
	struct in_vgParams in = { .kind = f->kind, .id = f->id, .name = 1 };
	struct { struct out_vgParams h; char name[1024]; } out;
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_seg o[] = { { &out.h, sizeof(out.h) },
			      { out.name, sizeof(out.name) } };
	char *none = NULL, *copy;
	CUresult r;

	*ret = atomic_load(&f->name);
	if (*ret)
		return CUDA_SUCCESS;
	r = vg_call(OP_vgParams, &s, 1, o, 2);
	if (r)
		return r;
	copy = strndup(out.name, sizeof(out.name));
	if (!copy)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (!atomic_compare_exchange_strong(&f->name, &none, copy))
		free(copy);
	*ret = atomic_load(&f->name);
	return CUDA_SUCCESS;
}

static CUresult get_name(const char **name, uintptr_t h)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!name || !h)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_function_of(h, &f);
	return r ? r : name_of(f, name);
}

VG_EXPORT CUresult CUDAAPI cuFuncGetName(const char **name, CUfunction hfunc)
{
	return get_name(name, (uintptr_t)hfunc);
}

VG_EXPORT CUresult CUDAAPI cuKernelGetName(const char **name, CUkernel hfunc)
{
	return get_name(name, (uintptr_t)hfunc);
}

static CUresult param_info(uintptr_t h, size_t i, size_t *off, size_t *size)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (!r)
		r = h ? vg_function_of(h, &f) : CUDA_ERROR_INVALID_VALUE;
	if (r)
		return r;
	if (!off || i >= f->nparams)
		return CUDA_ERROR_INVALID_VALUE;
	*off = f->param[i].offset;
	if (size)
		*size = f->param[i].size;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuFuncGetParamInfo(CUfunction func, size_t i,
					      size_t *off, size_t *size)
{
	return param_info((uintptr_t)func, i, off, size);
}

VG_EXPORT CUresult CUDAAPI cuKernelGetParamInfo(CUkernel kernel, size_t i,
						size_t *off, size_t *size)
{
	return param_info((uintptr_t)kernel, i, off, size);
}

VG_EXPORT CUresult CUDAAPI cuKernelGetLibrary(CUlibrary *lib, CUkernel kernel)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (!r && !lib)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = vg_function_of((uintptr_t)kernel, &f);
	if (r)
		return r;
	*lib = (CUlibrary)vg_handle_out(KIND_LIBRARY, f->owner);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuFuncGetModule(CUmodule *mod, CUfunction hfunc)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (!r && (!mod || !hfunc))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = vg_function_of((uintptr_t)hfunc, &f);
	if (r)
		return r;
	*mod = (CUmodule)vg_handle_out(KIND_MODULE, f->owner);
	return CUDA_SUCCESS;
}

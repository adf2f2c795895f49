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

static CUresult keep(enum vgpu_kind kind, const struct out_vgFunction *h,
		     const struct vg_param *p, uint32_t origin,
		     struct vg_function **ret)
{
	uint32_t n = h->params < VGPU_PARAMS ? h->params : VGPU_PARAMS;
	struct vg_function *f = calloc(1, sizeof(*f));
	CUresult r;

	if (!f)
		return CUDA_ERROR_OUT_OF_MEMORY;
	f->kind = kind;
	f->id = h->id;
	f->owner = h->owner;
	f->origin = origin;
	f->nparams = h->params;
	f->param = calloc((size_t)h->params + 1, sizeof(*f->param));
	if (!f->param) {
		free(f);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	memcpy(f->param, p, n * sizeof(*p));
	r = more_params(f);
	for (uint32_t i = 0; i < f->nparams; i++)
		if (f->param[i].offset + f->param[i].size > f->bytes)
			f->bytes = f->param[i].offset + f->param[i].size;
	if (r || !vg_handle_set_state(kind, f->id, f)) {
		free(f->param);
		free(f);
		return r ? r : CUDA_ERROR_OUT_OF_MEMORY;
	}
	*ret = f;
	return CUDA_SUCCESS;
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
	CUresult r = vg_call(OP_vgFunction, s, 2, o, 2);

	if (r)
		return r;
	pthread_mutex_lock(&lock);
	*ret = vg_handle_state(kind, out.h.id);
	pthread_mutex_unlock(&lock);
	return *ret ? CUDA_SUCCESS :
	       keep(kind, &out.h, out.p,
		    from == KIND_KERNEL && k ? k->origin : from_id, ret);
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
	CUresult r;

	*ret = vg_handle_state(kind, id);
	if (*ret)
		return CUDA_SUCCESS;
	r = vg_call(OP_vgParams, &s, 1, o, 2);
	h.params = out.h.count;
	h.owner = origin;
	return r ? r : keep(kind, &h, out.p, origin, ret);
}

static void forget_one(uint32_t id, void *state, void *arg)
{
	struct vg_function *f = state;

	if (f->origin == *(uint32_t *)arg)
		vg_handle_del(f->kind, id);
}

void vg_functions_forget(uint32_t origin)
{
	vg_handle_each(KIND_FUNCTION, forget_one, &origin);
	vg_handle_each(KIND_KERNEL, forget_one, &origin);
}

/* ---- attributes -------------------------------------------------------- */

void vg_function_attr_forget(struct vg_function *f)
{
	for (int i = 0; i < 16; i++)
		atomic_store(&f->attr[i].known, false);
}

CUresult vg_function_attr(struct vg_function *f, CUdevice dev, int attr,
			  int *value)
{
	struct in_vgFuncAttrs in = { .kind = f->kind, .id = f->id };
	struct out_vgFuncAttrs out;
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	int i = f->kind == KIND_KERNEL ? dev & 15 : 0;
	CUresult r;

	if (attr < 0 || attr >= (int)VGPU_FUNC_ATTRS)
		return CUDA_ERROR_INVALID_VALUE;
	if (!atomic_load(&f->attr[i].known)) {
		in.device = (int32_t)vg_devices[dev].host_index;
		r = vg_call(OP_vgFuncAttrs, &s, 1, &o, 1);
		if (r)
			return r;
		memcpy(f->attr[i].value, out.value, sizeof(out.value));
		memcpy(f->attr[i].result, out.result, sizeof(out.result));
		atomic_store(&f->attr[i].known, true);
	}
	if (f->attr[i].result[attr])
		return CUDA_ERROR_INVALID_VALUE;
	*value = f->attr[i].value[attr];
	return CUDA_SUCCESS;
}

/* Launches are clusters from now on, of which the driver may refuse some. */
static void new_cluster(struct vg_function *f)
{
	for (int i = 0; i < VG_GOOD_SHAPES; i++)
		atomic_store(&f->good[i], 0);
	atomic_store(&f->clusters, true);
}

static CUresult set_attr(struct vg_function *f, CUdevice dev, int attr,
			 int value)
{
	struct in_vgFuncSetAttr in = {
		.kind = f->kind, .id = f->id, .attr = (uint32_t)attr,
		.value = value,
		.device = (int32_t)vg_devices[dev].host_index };
	struct vg_seg s = { &in, sizeof(in) };
	CUresult r;

	/* NVIDIA's driver does not survive all of these. */
	if (attr < 0 || attr >= (int)VGPU_FUNC_ATTRS)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_call(OP_vgFuncSetAttr, &s, 1, NULL, 0);
	vg_function_attr_forget(f);
	if (!r && attr >= CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET)
		new_cluster(f);
	return r;
}

static CUresult current_device(CUdevice *dev)
{
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	*dev = r ? 0 : c->dev;
	return r;
}

VG_EXPORT CUresult CUDAAPI cuFuncGetAttribute(int *pi, CUfunction_attribute a,
					      CUfunction hfunc)
{
	struct vg_function *f;
	CUdevice dev;
	CUresult r = current_device(&dev);

	if (r)
		return r;
	if (!pi)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_function_of((uintptr_t)hfunc, &f);
	return r ? r : vg_function_attr(f, dev, (int)a, pi);
}

VG_EXPORT CUresult CUDAAPI cuKernelGetAttribute(int *pi, CUfunction_attribute a,
						CUkernel kernel, CUdevice dev)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (!r)
		r = vg_function_of((uintptr_t)kernel, &f);
	if (r)
		return r;
	if (!pi)
		return CUDA_ERROR_INVALID_VALUE;
	if (!vg_device(dev))
		return CUDA_ERROR_INVALID_DEVICE;
	return vg_function_attr(f, dev, (int)a, pi);
}

VG_EXPORT CUresult CUDAAPI cuFuncSetAttribute(CUfunction hfunc,
					      CUfunction_attribute a, int value)
{
	struct vg_function *f;
	CUdevice dev;
	CUresult r = current_device(&dev);

	if (!r)
		r = vg_function_of((uintptr_t)hfunc, &f);
	return r ? r : set_attr(f, dev, (int)a, value);
}

VG_EXPORT CUresult CUDAAPI cuKernelSetAttribute(CUfunction_attribute a,
						int value, CUkernel kernel,
						CUdevice dev)
{
	struct vg_function *f;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!vg_device(dev))
		return CUDA_ERROR_INVALID_DEVICE;
	r = vg_function_of((uintptr_t)kernel, &f);
	return r ? r : set_attr(f, dev, (int)a, value);
}

/* ---- names, parameters, owners, configuration -------------------------- */

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

static CUresult config(uintptr_t h, uint32_t what, int value, CUdevice dev,
		       int *ret)
{
	struct in_vgFuncConfig in = { .what = what, .value = value };
	struct out_vgFuncConfig out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	struct vg_function *f;
	CUresult r = vg_function_of(h, &f);

	if (r)
		return r;
	if (!vg_device(dev))
		return CUDA_ERROR_INVALID_DEVICE;
	in.kind = f->kind;
	in.id = f->id;
	in.device = (int32_t)vg_devices[dev].host_index;
	r = vg_call(OP_vgFuncConfig, &s, 1, &o, 1);
	if (!r && ret)
		*ret = out.value;
	return r;
}

VG_EXPORT CUresult CUDAAPI cuFuncSetCacheConfig(CUfunction hfunc,
						CUfunc_cache c)
{
	CUdevice dev;
	CUresult r = current_device(&dev);

	return r ? r : config((uintptr_t)hfunc, VG_CONFIG_CACHE, (int)c, dev,
			      NULL);
}

VG_EXPORT CUresult CUDAAPI cuKernelSetCacheConfig(CUkernel kernel,
						  CUfunc_cache c, CUdevice dev)
{
	CUresult r = vg_enter();

	return r ? r : config((uintptr_t)kernel, VG_CONFIG_CACHE, (int)c, dev,
			      NULL);
}

VG_EXPORT CUresult CUDAAPI cuFuncSetSharedMemConfig(CUfunction hfunc,
						    CUsharedconfig c)
{
	CUdevice dev;
	CUresult r = current_device(&dev);

	return r ? r : config((uintptr_t)hfunc, VG_CONFIG_SHARED, (int)c, dev,
			      NULL);
}

VG_EXPORT CUresult CUDAAPI cuFuncLoad(CUfunction hfunc)
{
	CUdevice dev;
	CUresult r = current_device(&dev);

	return r ? r : config((uintptr_t)hfunc, VG_CONFIG_LOAD, 0, dev, NULL);
}

VG_EXPORT CUresult CUDAAPI cuFuncIsLoaded(CUfunctionLoadingState *state,
					  CUfunction hfunc)
{
	CUdevice dev;
	CUresult r = current_device(&dev);
	int v = 0;

	if (r)
		return r;
	if (!state)
		return CUDA_ERROR_INVALID_VALUE;
	r = config((uintptr_t)hfunc, VG_CONFIG_LOADED, 0, dev, &v);
	if (!r)
		*state = (CUfunctionLoadingState)v;
	return r;
}

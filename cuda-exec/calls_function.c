// SPDX-License-Identifier: BSD-2-Clause
/* calls_function.c - functions of modules and kernels of libraries. */
#include "cuda-exec/exec_internal.h"

#include <string.h>

static CUresult param_info(enum vgpu_kind kind, uint64_t real, size_t i,
			   size_t *off, size_t *size)
{
	if (kind == KIND_KERNEL)
		return R.cuKernelGetParamInfo ?
		       R.cuKernelGetParamInfo((CUkernel)(uintptr_t)real, i,
					      off, size) :
		       CUDA_ERROR_NOT_SUPPORTED;
	return R.cuFuncGetParamInfo ?
	       R.cuFuncGetParamInfo((CUfunction)(uintptr_t)real, i, off,
				    size) : CUDA_ERROR_NOT_SUPPORTED;
}

/* The driver has no count: it answers INVALID_VALUE behind the last one. */
static CUresult params_of(enum vgpu_kind kind, uint64_t real, uint32_t first,
			  struct vgpu_wr *wr, uint32_t *count)
{
	struct vg_param *p = wr_array(wr, VGPU_PARAMS, sizeof(*p));
	size_t off, size;
	CUresult r = CUDA_SUCCESS;
	uint32_t i;

	if (!p)
		return EX_BAD;
	for (i = 0; !r; i++) {
		r = param_info(kind, real, first + i, &off, &size);
		if (r)
			break;
		if (i < VGPU_PARAMS)
			p[i] = (struct vg_param){ (uint32_t)off,
						  (uint32_t)size };
	}
	*count = i;
	return r == CUDA_ERROR_INVALID_VALUE ? CUDA_SUCCESS : r;
}

/* Keep the layout with the object: launches use it. More parameters than a
 * reply holds are launched by their block alone. What was there before may be
 * that of a function whose context is gone, and whose handle came again. */
static void keep_layout(struct ex *e, enum vgpu_kind kind, uint32_t id,
			const struct vg_param *p, uint32_t n)
{
	struct ex_object *o = ex_object(e, kind, id);
	struct ex_layout *l;

	if (!o)
		return;
	free(o->extra);
	l = n > VGPU_PARAMS ? NULL : malloc(sizeof(*l) + n * sizeof(*p));
	o->extra = l;
	if (!l)
		return;
	l->n = n;
	memcpy(l->p, p, n * sizeof(*p));
}

static uint32_t owner_of(struct ex *e, enum vgpu_kind kind, uint64_t real)
{
	CUlibrary lib = NULL;
	CUmodule mod = NULL;
	uint32_t id = 0;

	if (kind == KIND_KERNEL && R.cuKernelGetLibrary &&
	    !R.cuKernelGetLibrary(&lib, (CUkernel)(uintptr_t)real))
		ex_obj_ref(e, KIND_LIBRARY, (uint64_t)(uintptr_t)lib, &id);
	else if (kind == KIND_FUNCTION && R.cuFuncGetModule &&
		 !R.cuFuncGetModule(&mod, (CUfunction)(uintptr_t)real))
		ex_obj_ref(e, KIND_MODULE, (uint64_t)(uintptr_t)mod, &id);
	return id;
}

static CUresult describe(struct ex *e, enum vgpu_kind kind, uint64_t real,
			 uint32_t origin, struct out_vgFunction *out,
			 struct vgpu_wr *wr)
{
	CUresult r = ex_obj_ref(e, kind, real, &out->id);
	const void *p;

	if (r)
		return r;
	ex_object(e, kind, out->id)->ctx = origin;
	out->owner = owner_of(e, kind, real);
	p = wr->cur;
	r = params_of(kind, real, 0, wr, &out->params);
	if (!r)
		keep_layout(e, kind, out->id, p, out->params);
	return r;
}

static CUresult lookup(uint32_t from, uint64_t real, const char *name,
		       enum vgpu_kind *kind, uint64_t *ret)
{
	CUfunction f = NULL;
	CUkernel k = NULL;
	CUresult r;

	*kind = from == KIND_LIBRARY ? KIND_KERNEL : KIND_FUNCTION;
	if (from == KIND_LIBRARY)
		r = R.cuLibraryGetKernel(&k, (CUlibrary)(uintptr_t)real, name);
	else if (from == KIND_MODULE)
		r = R.cuModuleGetFunction(&f, (CUmodule)(uintptr_t)real, name);
	else
		r = R.cuKernelGetFunction(&f, (CUkernel)(uintptr_t)real);
	*ret = k ? (uint64_t)(uintptr_t)k : (uint64_t)(uintptr_t)f;
	return r;
}

CUresult ex_vgFunction(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgFunction *in = rd_take(rd, sizeof(*in));
	struct out_vgFunction *out = wr_take(wr, sizeof(*out));
	const char *name = NULL;
	enum vgpu_kind kind;
	uint32_t origin;
	uint64_t real;
	CUresult r;

	if (!in || !out ||
	    (in->from != KIND_LIBRARY && in->from != KIND_MODULE &&
	     in->from != KIND_KERNEL))
		return EX_BAD;
	if (in->from != KIND_KERNEL)
		name = rd_string(rd, in->name_len);
	if (rd->bad)
		return EX_BAD;
	r = ex_obj(e, (enum vgpu_kind)in->from, in->id, &real);
	if (!r && !real)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (!r)
		r = lookup(in->from, real, name, &kind, &real);
	if (r)
		return r;
	origin = in->from == KIND_KERNEL ?
		 ex_object(e, KIND_KERNEL, in->id)->ctx : in->id;
	return describe(e, kind, real, origin, out, wr);
}

CUresult ex_vgFunctions(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgFunctions *in = rd_take(rd, sizeof(*in));
	struct out_vgFunctions *out = wr_take(wr, sizeof(*out));
	uint32_t *ids = in ? wr_array(wr, in->cap, 4) : NULL;
	AUTO_FREE uint64_t *list = NULL;
	uint32_t count = 0, n;
	bool lib;
	uint64_t real;
	CUresult r;

	if (!in || !out || !ids ||
	    (in->from != KIND_LIBRARY && in->from != KIND_MODULE))
		return EX_BAD;
	lib = in->from == KIND_LIBRARY;
	if (lib ? !R.cuLibraryEnumerateKernels : !R.cuModuleEnumerateFunctions)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_obj(e, (enum vgpu_kind)in->from, in->id, &real);
	if (!r)
		r = lib ? R.cuLibraryGetKernelCount(&count,
					(CUlibrary)(uintptr_t)real) :
			  R.cuModuleGetFunctionCount(&count,
					(CUmodule)(uintptr_t)real);
	if (r)
		return r;
	out->count = count;
	list = calloc((size_t)count + 1, sizeof(*list));
	if (!list)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = lib ? R.cuLibraryEnumerateKernels((CUkernel *)list, count,
					      (CUlibrary)(uintptr_t)real) :
		  R.cuModuleEnumerateFunctions((CUfunction *)list, count,
					       (CUmodule)(uintptr_t)real);
	if (r || in->first >= count)
		return r;
	n = count - in->first < in->cap ? count - in->first : in->cap;
	r = ex_refs(e, lib ? KIND_KERNEL : KIND_FUNCTION, list + in->first, n,
		    ids);
	for (uint32_t i = 0; !r && i < n; i++) {
		struct ex_object *o = ex_object(e, lib ? KIND_KERNEL :
						KIND_FUNCTION, ids[i]);

		if (o)
			o->ctx = in->id;
	}
	return r;
}

static CUresult name_of(enum vgpu_kind kind, uint64_t real,
			struct out_vgParams *out, struct vgpu_wr *wr)
{
	const char *name = NULL;
	char *room = wr_array(wr, 1024, 1);
	CUresult r = CUDA_ERROR_NOT_SUPPORTED;

	if (!room)
		return EX_BAD;
	if (kind == KIND_KERNEL && R.cuKernelGetName)
		r = R.cuKernelGetName(&name, (CUkernel)(uintptr_t)real);
	else if (kind == KIND_FUNCTION && R.cuFuncGetName)
		r = R.cuFuncGetName(&name, (CUfunction)(uintptr_t)real);
	if (r)
		return r;
	out->count = (uint32_t)strlen(name) + 1;
	if (out->count > 1024)
		return CUDA_ERROR_NOT_SUPPORTED;
	memcpy(room, name, out->count);
	return CUDA_SUCCESS;
}

/* The driver's handle of a kernel or function that a record names. */
static CUresult code_of(struct ex *e, uint32_t kind, uint32_t id,
			uint64_t *real)
{
	CUresult r;

	if (kind != KIND_KERNEL && kind != KIND_FUNCTION)
		return EX_BAD;
	r = ex_obj(e, (enum vgpu_kind)kind, id, real);
	return !r && !*real ? CUDA_ERROR_INVALID_HANDLE : r;
}

CUresult ex_vgParams(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgParams *in = rd_take(rd, sizeof(*in));
	struct out_vgParams *out = wr_take(wr, sizeof(*out));
	const void *p;
	uint64_t real;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	r = code_of(e, in->kind, in->id, &real);
	if (r)
		return r;
	if (in->name)
		return name_of((enum vgpu_kind)in->kind, real, out, wr);
	p = wr->cur;
	r = params_of((enum vgpu_kind)in->kind, real, in->first, wr,
		      &out->count);
	if (!r && !in->first)
		keep_layout(e, (enum vgpu_kind)in->kind, in->id, p,
			    out->count);
	return r;
}

CUresult ex_func_attr(uint32_t kind, uint64_t real, int attr, CUdevice dev,
		      int *value)
{
	if (kind == KIND_KERNEL)
		return R.cuKernelGetAttribute ?
		       R.cuKernelGetAttribute(value,
				(CUfunction_attribute)attr,
				(CUkernel)(uintptr_t)real, dev) :
		       CUDA_ERROR_NOT_SUPPORTED;
	return R.cuFuncGetAttribute ?
	       R.cuFuncGetAttribute(value, (CUfunction_attribute)attr,
				    (CUfunction)(uintptr_t)real) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

CUresult ex_vgFuncAttrs(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgFuncAttrs *in = rd_take(rd, sizeof(*in));
	struct out_vgFuncAttrs *out = wr_take(wr, sizeof(*out));
	uint64_t real;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	r = code_of(e, in->kind, in->id, &real);
	if (r)
		return r;
	for (uint32_t i = 0; i < VGPU_FUNC_ATTRS; i++) {
		r = ex_func_attr(in->kind, real, (int)i, in->device,
				 &out->value[i]);
		out->result[i] = r != CUDA_SUCCESS;
		if (i == 0)
			out->first_error = r;
	}
	return (CUresult)out->first_error;
}

CUresult ex_vgFuncSetAttr(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgFuncSetAttr *in = rd_take(rd, sizeof(*in));
	uint64_t real;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	r = code_of(e, in->kind, in->id, &real);
	if (r)
		return r;
	if (in->kind == KIND_KERNEL)
		return R.cuKernelSetAttribute ?
		       R.cuKernelSetAttribute((CUfunction_attribute)in->attr,
				in->value, (CUkernel)(uintptr_t)real,
				in->device) : CUDA_ERROR_NOT_SUPPORTED;
	return R.cuFuncSetAttribute ?
	       R.cuFuncSetAttribute((CUfunction)(uintptr_t)real,
				    (CUfunction_attribute)in->attr,
				    in->value) : CUDA_ERROR_NOT_SUPPORTED;
}

static CUresult func_config(const struct in_vgFuncConfig *in, uint64_t real,
			    struct out_vgFuncConfig *out)
{
	CUfunction f = (CUfunction)(uintptr_t)real;

	if (in->what == VG_CONFIG_CACHE && in->kind == KIND_KERNEL &&
	    R.cuKernelSetCacheConfig)
		return R.cuKernelSetCacheConfig((CUkernel)(uintptr_t)real,
						(CUfunc_cache)in->value,
						in->device);
	if (in->what == VG_CONFIG_CACHE && R.cuFuncSetCacheConfig)
		return R.cuFuncSetCacheConfig(f, (CUfunc_cache)in->value);
	if (in->what == VG_CONFIG_SHARED && R.cuFuncSetSharedMemConfig)
		return R.cuFuncSetSharedMemConfig(f,
						  (CUsharedconfig)in->value);
	if (in->what == VG_CONFIG_LOAD && R.cuFuncLoad)
		return R.cuFuncLoad(f);
	if (in->what == VG_CONFIG_LOADED && R.cuFuncIsLoaded)
		return R.cuFuncIsLoaded((CUfunctionLoadingState *)&out->value,
					f);
	return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult ex_vgFuncConfig(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgFuncConfig *in = rd_take(rd, sizeof(*in));
	struct out_vgFuncConfig *out = wr_take(wr, sizeof(*out));
	uint64_t real;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	r = code_of(e, in->kind, in->id, &real);
	return r ? r : func_config(in, real, out);
}

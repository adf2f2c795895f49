// SPDX-License-Identifier: BSD-2-Clause
/*
 * attributes.c - what a function or kernel is told to be, and what it says that
 * it is: attributes, of which the host tells all at once, and configuration.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

/*
 * What was set for a function may show in others: a kernel's attributes are
 * those of its functions too. So what the host has said holds until something
 * is set for any function of the same module or library, which are small;
 * where two share a number, the host is asked once more than it must be.
 */
#define ORIGINS 1024u

static _Atomic uint64_t changes[ORIGINS];

uint64_t vg_settings(uint32_t origin)
{
	return atomic_load(&changes[origin % ORIGINS]) + 1;
}

void vg_settings_changed(uint32_t origin)
{
	atomic_fetch_add(&changes[origin % ORIGINS], 1);
}

CUresult vg_function_attr(struct vg_function *f, CUdevice dev, int attr,
			  int *value)
{
	struct in_vgFuncAttrs in = { .kind = f->kind, .id = f->id };
	struct out_vgFuncAttrs out;
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	int i = f->kind == KIND_KERNEL ? dev & 15 : 0;
	uint64_t now = vg_settings(f->origin); /* before the answer */
	CUresult r;

	if (attr < 0 || attr >= (int)VGPU_FUNC_ATTRS)
		return CUDA_ERROR_INVALID_VALUE;
	if (atomic_load(&f->attr[i].known) != now) {
		in.device = (int32_t)vg_devices[dev].host_index;
		r = vg_call(OP_vgFuncAttrs, &s, 1, &o, 1);
		if (r)
			return r;
		memcpy(f->attr[i].value, out.value, sizeof(out.value));
		memcpy(f->attr[i].result, out.result, sizeof(out.result));
		atomic_store(&f->attr[i].known, now);
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
	vg_settings_changed(f->origin);
	if (!r && attr >= CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET)
		new_cluster(f);
	if (!r && attr == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
		atomic_store(&f->max_smem, (uint32_t)value);
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

/* ---- configuration ----------------------------------------------------- */

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
	if (what == VG_CONFIG_CACHE || what == VG_CONFIG_SHARED)
		vg_settings_changed(f->origin);
	if (!r && ret)
		*ret = out.value;
	return r;
}

/* The same on the current context's device. */
static CUresult config_here(CUfunction f, uint32_t what, int value)
{
	CUdevice dev;
	CUresult r = current_device(&dev);

	return r ? r : config((uintptr_t)f, what, value, dev, NULL);
}

VG_EXPORT CUresult CUDAAPI cuFuncSetCacheConfig(CUfunction hfunc,
						CUfunc_cache c)
{
	return config_here(hfunc, VG_CONFIG_CACHE, (int)c);
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
	return config_here(hfunc, VG_CONFIG_SHARED, (int)c);
}

VG_EXPORT CUresult CUDAAPI cuFuncLoad(CUfunction hfunc)
{
	return config_here(hfunc, VG_CONFIG_LOAD, 0);
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

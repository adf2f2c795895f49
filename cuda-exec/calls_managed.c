// SPDX-License-Identifier: BSD-2-Clause
/*
 * calls_managed.c - variables of modules and libraries, and for those in
 * managed memory the block they lie in, which the guest mirrors.
 */
#include "cuda-exec/exec_internal.h"

static CUresult variable(const struct in_vgModuleVar *in, uint64_t handle,
			 const char *name, CUdeviceptr *p, size_t *size)
{
	void *h = (void *)(uintptr_t)handle;

	switch (in->of) {
	case VG_VAR_MANAGED:
		return R.cuLibraryGetManaged ?
		       R.cuLibraryGetManaged(p, size, h, name) :
		       CUDA_ERROR_NOT_SUPPORTED;
	case VG_VAR_OF_LIBRARY:
		return R.cuLibraryGetGlobal ?
		       R.cuLibraryGetGlobal(p, size, h, name) :
		       CUDA_ERROR_NOT_SUPPORTED;
	case VG_VAR_OF_MODULE:
		return R.cuModuleGetGlobal_v2 ?
		       R.cuModuleGetGlobal_v2(p, size, h, name) :
		       CUDA_ERROR_NOT_SUPPORTED;
	default:
		return EX_BAD;
	}
}

static bool is_managed(CUdeviceptr p)
{
	unsigned int yes = 0;

	return R.cuPointerGetAttribute &&
	       !R.cuPointerGetAttribute(&yes, CU_POINTER_ATTRIBUTE_IS_MANAGED,
					p) && yes;
}

/* Without a context the driver does not tell the block: then the variable is
 * the block. */
static void tell_block(struct out_vgModuleVar *out, CUdeviceptr p, size_t size)
{
	CUdeviceptr base = p;
	size_t block = size;

	if (!R.cuMemGetAddressRange_v2 ||
	    R.cuMemGetAddressRange_v2(&base, &block, p)) {
		base = p;
		block = size;
	}
	out->base = base;
	out->base_size = block;
}

CUresult ex_vgModuleVar(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgModuleVar *in = rd_take(rd, sizeof(*in));
	struct out_vgModuleVar *out = wr_take(wr, sizeof(*out));
	const char *name = NULL;
	CUdeviceptr p = 0;
	size_t size = 0;
	uint64_t handle;
	CUresult r;

	if (in && in->name_len)
		name = rd_string(rd, in->name_len);
	if (!in || !out || rd->bad)
		return EX_BAD;
	r = ex_obj(e, in->of == VG_VAR_OF_MODULE ? KIND_MODULE : KIND_LIBRARY,
		   in->handle, &handle);
	if (!r && !handle && in->of == VG_VAR_MANAGED)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (!r)
		r = variable(in, handle, name, in->want & 1 ? &p : NULL,
			     in->want & 2 ? &size : NULL);
	if (r)
		return r;
	out->ptr = p;
	out->size = size;
	if (p && (in->of == VG_VAR_MANAGED || is_managed(p))) {
		if (!size)
			variable(in, handle, name, NULL, &size);
		tell_block(out, p, size);
	}
	return CUDA_SUCCESS;
}

// SPDX-License-Identifier: BSD-2-Clause
/* calls_managed.c - variables in managed memory, and the block they lie in. */
#include "cuda-exec/exec_internal.h"

CUresult ex_vgManagedVar(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgManagedVar *in = rd_take(rd, sizeof(*in));
	struct out_vgManagedVar *out = wr_take(wr, sizeof(*out));
	const char *name = in ? rd_string(rd, in->name_len) : NULL;
	CUdeviceptr p = 0, base = 0;
	size_t size = 0, block = 0;
	uint64_t lib;
	CUresult r;

	if (!out || !name)
		return EX_BAD;
	if (!R.cuLibraryGetManaged)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = ex_obj(e, KIND_LIBRARY, in->library, &lib);
	if (!r && !lib)
		r = CUDA_ERROR_INVALID_HANDLE;
	if (!r)
		r = R.cuLibraryGetManaged(&p, &size, (CUlibrary)(uintptr_t)lib,
					  name);
	if (r)
		return r;
	/* Without a context the driver does not tell the block: then the
	 * variable is the block. */
	if (!R.cuMemGetAddressRange_v2 ||
	    R.cuMemGetAddressRange_v2(&base, &block, p)) {
		base = p;
		block = size;
	}
	*out = (struct out_vgManagedVar){ p, size, base, block };
	return CUDA_SUCCESS;
}

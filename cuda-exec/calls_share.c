// SPDX-License-Identifier: BSD-2-Clause
/* calls_share.c - memory and events of other processes of the VM. */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#define POSIX_FD CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR

_Static_assert(VG_SHARE_TOKEN == EXEC_TOKEN, "one token");

/* ---- 64 bytes that describe something: seal.c --------------------------- */

static CUresult describe(struct ex *e, const struct in_vgSealGet *in,
			 void *bytes)
{
	uint64_t event;
	CUresult r;

	switch (in->what) {
	case VG_SEAL_MEMORY:
		return R.cuIpcGetMemHandle ?
		       R.cuIpcGetMemHandle(bytes, in->ptr) :
		       CUDA_ERROR_NOT_SUPPORTED;
	case VG_SEAL_POINTER:
		return R.cuMemPoolExportPointer ?
		       R.cuMemPoolExportPointer(bytes, in->ptr) :
		       CUDA_ERROR_NOT_SUPPORTED;
	case VG_SEAL_EVENT:
		r = ex_obj(e, KIND_EVENT, in->event, &event);
		if (r)
			return r;
		return R.cuIpcGetEventHandle ?
		       R.cuIpcGetEventHandle(bytes,
					     (CUevent)(uintptr_t)event) :
		       CUDA_ERROR_NOT_SUPPORTED;
	default:
		return EX_BAD;
	}
}

CUresult ex_vgSealGet(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgSealGet *in = rd_take(rd, sizeof(*in));
	struct out_vgSealGet *out = wr_take(wr, sizeof(*out));
	uint64_t bytes[8] = { 0 };
	CUresult r;

	_Static_assert(sizeof(bytes) == sizeof(CUipcMemHandle) &&
		       sizeof(bytes) == sizeof(CUipcEventHandle) &&
		       sizeof(bytes) == sizeof(CUmemPoolPtrExportData), "size");
	if (!in || !out)
		return EX_BAD;
	r = describe(e, in, bytes);
	if (r)
		return r;
	seal(e->seal_key, in->what, bytes);
	memcpy(out->bytes, bytes, sizeof(bytes));
	return CUDA_SUCCESS;
}

static CUresult open_memory(const struct in_vgSealOpen *in, const void *bytes,
			    CUdeviceptr *p)
{
	CUipcMemHandle handle;

	if (!R.cuIpcOpenMemHandle_v2)
		return CUDA_ERROR_NOT_SUPPORTED;
	memcpy(&handle, bytes, sizeof(handle));
	return R.cuIpcOpenMemHandle_v2(p, handle, in->flags);
}

static CUresult open_pointer(struct ex *e, const struct in_vgSealOpen *in,
			     const void *bytes, CUdeviceptr *p)
{
	CUmemPoolPtrExportData data;
	uint64_t pool;
	CUresult r = ex_obj(e, KIND_MEMPOOL, in->pool, &pool);

	if (r)
		return r;
	if (!R.cuMemPoolImportPointer)
		return CUDA_ERROR_NOT_SUPPORTED;
	memcpy(&data, bytes, sizeof(data));
	return R.cuMemPoolImportPointer(p, (CUmemoryPool)(uintptr_t)pool,
					&data);
}

static CUresult open_event(struct ex *e, const void *bytes, uint32_t *id)
{
	CUipcEventHandle handle;
	CUevent event = NULL;
	CUresult r;

	if (!R.cuIpcOpenEventHandle)
		return CUDA_ERROR_NOT_SUPPORTED;
	memcpy(&handle, bytes, sizeof(handle));
	r = R.cuIpcOpenEventHandle(&event, handle);
	return r ? r : ex_obj_ref(e, KIND_EVENT, (uintptr_t)event, id);
}

CUresult ex_vgSealOpen(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgSealOpen *in = rd_take(rd, sizeof(*in));
	struct out_vgSealOpen *out = wr_take(wr, sizeof(*out));
	CUdeviceptr p = 0;
	uint64_t bytes[8];
	CUresult r;

	if (!in || !out || in->what > VG_SEAL_POINTER)
		return EX_BAD;
	memcpy(bytes, in->bytes, sizeof(bytes));
	unseal(e->seal_key, in->what, bytes);
	if (in->what == VG_SEAL_EVENT)
		return open_event(e, bytes, &out->event);
	r = in->what == VG_SEAL_MEMORY ? open_memory(in, bytes, &p) :
					 open_pointer(e, in, bytes, &p);
	if (r)
		return r;
	out->ptr = p;
	if (R.cuMemGetAddressRange_v2)
		R.cuMemGetAddressRange_v2(NULL, &out->size, p);
	return CUDA_SUCCESS;
}

CUresult ex_vgIpcClose(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgIpcClose *in = rd_take(rd, sizeof(*in));

	(void)e;
	(void)wr;
	if (!in)
		return EX_BAD;
	return R.cuIpcCloseMemHandle ? R.cuIpcCloseMemHandle(in->ptr) :
				       CUDA_ERROR_NOT_SUPPORTED;
}

/* ---- file descriptors: share.c ------------------------------------------ */

static CUresult export_fd(struct ex *e, const struct in_vgShare *in, int *fd)
{
	uint64_t h;
	CUresult r;

	if (in->what > VG_SHARE_POOL)
		return EX_BAD;
	r = ex_obj(e, in->what == VG_SHARE_VMM ? KIND_VMM : KIND_MEMPOOL,
		   in->id, &h);
	if (r)
		return r;
	if (in->what == VG_SHARE_VMM)
		return R.cuMemExportToShareableHandle ?
		       R.cuMemExportToShareableHandle(fd, h, POSIX_FD, 0) :
		       CUDA_ERROR_NOT_SUPPORTED;
	return R.cuMemPoolExportToShareableHandle ?
	       R.cuMemPoolExportToShareableHandle(fd,
			(CUmemoryPool)(uintptr_t)h, POSIX_FD, 0) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

CUresult ex_vgShare(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgShare *in = rd_take(rd, sizeof(*in));
	struct out_vgShare *out = wr_take(wr, sizeof(*out));
	int fd = -1;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	r = export_fd(e, in, &fd);
	if (!r && fd < 0)
		r = CUDA_ERROR_OPERATING_SYSTEM;
	if (!r)
		r = share_add(fd, out->token);
	if (r && fd >= 0)
		close(fd);
	return r;
}

CUresult ex_vgUnshare(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgUnshare *in = rd_take(rd, sizeof(*in));

	(void)e;
	(void)wr;
	if (!in)
		return EX_BAD;
	return share_drop(in->token) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* The driver takes what it needs out of @fd; it stays ours. */
static CUresult import_fd(struct ex *e, uint32_t what, int fd, uint32_t *id)
{
	void *os = (void *)(intptr_t)fd;
	CUmemGenericAllocationHandle h = 0;
	CUmemoryPool pool = NULL;
	CUresult r;

	if (what == VG_SHARE_VMM) {
		if (!R.cuMemImportFromShareableHandle)
			return CUDA_ERROR_NOT_SUPPORTED;
		r = R.cuMemImportFromShareableHandle(&h, os, POSIX_FD);
		return r ? r : ex_obj_ref(e, KIND_VMM, h, id);
	}
	if (!R.cuMemPoolImportFromShareableHandle)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuMemPoolImportFromShareableHandle(&pool, os, POSIX_FD, 0);
	return r ? r : ex_obj_ref(e, KIND_MEMPOOL, (uintptr_t)pool, id);
}

CUresult ex_vgImport(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgImport *in = rd_take(rd, sizeof(*in));
	struct out_vgId *out = wr_take(wr, sizeof(*out));
	AUTO_FD int fd = -1;

	if (!in || !out || in->what > VG_SHARE_POOL ||
	    strnlen(in->sid, sizeof(in->sid)) > EXEC_SID_MAX)
		return EX_BAD;
	fd = share_fetch(e, in->sid, in->token);
	return fd < 0 ? CUDA_ERROR_INVALID_VALUE :
			import_fd(e, in->what, fd, &out->id);
}

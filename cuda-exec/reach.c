// SPDX-License-Identifier: BSD-2-Clause
/*
 * reach.c - which memory a guest may name by address.
 *
 * Under unified addresses the driver copies from and to any memory of this
 * process, so an address in a record is looked at before the driver sees it:
 * it must lie in the session's window, or the driver must know it as other
 * than host memory.
 */
#include "cuda-exec/exec_internal.h"

/* Host memory that the driver knows is the window's, checked before; managed
 * memory calls itself host memory now and then. */
static CUresult known(uint64_t addr)
{
	unsigned int type = 0, managed = 0;
	CUresult r = R.cuPointerGetAttribute(&type,
				CU_POINTER_ATTRIBUTE_MEMORY_TYPE, addr);

	if (r || type != CU_MEMORYTYPE_HOST)
		return r;
	r = R.cuPointerGetAttribute(&managed, CU_POINTER_ATTRIBUTE_IS_MANAGED,
				    addr);
	return r ? r : managed ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult in_window(const struct ex *e, uint64_t addr, uint64_t len)
{
	const struct ex_arena *a = ex_arena_at(e, addr);

	if (!a)
		return CUDA_ERROR_NOT_FOUND;
	return range_ok(addr - (uint64_t)(uintptr_t)a->base, len, a->size) ?
	       CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult ex_reach(const struct ex *e, uint64_t addr, uint64_t len)
{
	uint64_t last;
	CUresult r;

	if (!len)
		return CUDA_SUCCESS;
	if (__builtin_add_overflow(addr, len - 1, &last))
		return CUDA_ERROR_INVALID_VALUE;
	r = in_window(e, addr, len);
	if (r != CUDA_ERROR_NOT_FOUND)
		return r;
	if (!R.cuPointerGetAttribute)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = known(addr);
	return r || last == addr ? r : known(last);
}

/*
 * ex_span() - the bytes that one linear side of a 3D copy touches.
 * @from: bytes from the side's address to the first one
 *
 * A pitch or height of 0 means that rows or slices follow each other closely.
 * False: no memory is that large.
 */
bool ex_span(const CUDA_MEMCPY3D *c, bool src, uint64_t *from, uint64_t *len)
{
	unsigned __int128 pitch = src ? c->srcPitch : c->dstPitch;
	unsigned __int128 height = src ? c->srcHeight : c->dstHeight;
	uint64_t x = src ? c->srcXInBytes : c->dstXInBytes;
	uint64_t y = src ? c->srcY : c->dstY, z = src ? c->srcZ : c->dstZ;
	uint64_t most = 1ull << 48; /* keeps all products in 128 bits */
	unsigned __int128 first, end;

	*from = *len = 0;
	if (!c->WidthInBytes || !c->Height || !c->Depth)
		return true;
	if (x > most || y > most || z > most || c->WidthInBytes > most ||
	    c->Height > most || c->Depth > most || pitch > most ||
	    height > most)
		return false;
	if (!pitch)
		pitch = x + c->WidthInBytes;
	if (!height)
		height = y + c->Height;
	/* (2^49 * 2^49 + 2^49) rows would not fit with the pitch. */
	first = z * height + y;
	end = (z + c->Depth - 1) * height + y + c->Height - 1;
	if (end > most)
		return false;
	first = first * pitch + x;
	end = end * pitch + x + c->WidthInBytes;
	if (end > most)
		return false;
	*from = (uint64_t)first;
	*len = (uint64_t)(end - first);
	return true;
}

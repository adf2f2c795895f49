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

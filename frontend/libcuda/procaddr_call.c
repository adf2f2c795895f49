// SPDX-License-Identifier: BSD-2-Clause
/*
 * procaddr_call.c - cuGetProcAddress: what is asked, answered from the table
 * of procaddr.c. A file of its own, because the table names the entry points
 * that programs see, and everything else the functions behind them (trace.h).
 */
#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#include "frontend/libcuda/procaddr.h"
#include "frontend/libcuda/vg.h"

static bool arguments_ok(const char *symbol, int version, cuuint64_t flags)
{
	return symbol && version <= vg_driver_version() &&
	       flags <= CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
}

VG_EXPORT CUresult cuGetProcAddress(const char *symbol, void **pfn,
				    int cudaVersion, cuuint64_t flags)
{
	bool per_thread =
		flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
	void *found;

	if (!arguments_ok(symbol, cudaVersion, flags))
		return CUDA_ERROR_INVALID_VALUE;
	if (procaddr_find(symbol, cudaVersion, per_thread, &found))
		return CUDA_ERROR_NOT_FOUND;
	if (!pfn)
		return CUDA_ERROR_INVALID_VALUE;
	*pfn = found;
	return CUDA_SUCCESS;
}

/* Unlike the first version, success with a NULL pointer for what is not
 * there, and the reason in the status. An empty name is an error in both. */
VG_EXPORT CUresult cuGetProcAddress_v2(const char *symbol, void **pfn,
				       int cudaVersion, cuuint64_t flags,
				       CUdriverProcAddressQueryResult *status)
{
	bool per_thread =
		flags == CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
	enum procaddr_status found;

	if (!pfn || !arguments_ok(symbol, cudaVersion, flags))
		return CUDA_ERROR_INVALID_VALUE;
	*pfn = NULL;
	found = procaddr_find(symbol, cudaVersion, per_thread, pfn);
	if (status)
		*status = (CUdriverProcAddressQueryResult)found;
	return *symbol ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

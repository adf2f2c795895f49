/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * allowed.h - memory that a guest may ask the driver for: none of the host's
 * own, which the guest's processor could not reach, and none with a fabric
 * handle, which other machines could open. Device attributes say the same, so
 * that both sides answer without a word; the executor's answer is the one that
 * counts.
 */
#ifndef VGPU_ALLOWED_H
#define VGPU_ALLOWED_H

#include <cuda.h>

static inline CUresult vg_allowed_CUmemLocation(const CUmemLocation *l)
{
	return l->type == CU_MEM_LOCATION_TYPE_HOST ||
	       l->type == CU_MEM_LOCATION_TYPE_HOST_NUMA ||
	       l->type == CU_MEM_LOCATION_TYPE_HOST_NUMA_CURRENT ?
	       CUDA_ERROR_NOT_SUPPORTED : CUDA_SUCCESS;
}

static inline CUresult vg_allowed(const CUmemLocation *l,
				  CUmemAllocationHandleType types)
{
	return (unsigned int)types & CU_MEM_HANDLE_TYPE_FABRIC ?
	       CUDA_ERROR_NOT_SUPPORTED : vg_allowed_CUmemLocation(l);
}

static inline CUresult
vg_allowed_CUmemAllocationProp(const CUmemAllocationProp *p)
{
	return vg_allowed(&p->location, p->requestedHandleTypes);
}

static inline CUresult vg_allowed_CUmemPoolProps(const CUmemPoolProps *p)
{
	return vg_allowed(&p->location, p->handleTypes);
}

#endif

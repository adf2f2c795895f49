// SPDX-License-Identifier: BSD-2-Clause
/*
 * A libcuda.so.1 of one made-up device around the real tables, for
 * integrity_cudart_test.c; integrity_cudart_stubs.c has all other entry points.
 *
 * TEST_FLIP=uuid|version|pci makes one bit that NVIDIA's runtime saw differ
 * from what the digest is made of.
 */
#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#include "frontend/libcuda/cls.h"
#include "frontend/libcuda/vg.h"
#include "tools/lib/log.h"

#include <stdlib.h>
#include <string.h>

#define VERSION 13000
#define PRIMARY ((CUcontext)0x10)

static bool initialised, retained;
static __thread CUcontext current;
static char memory[4096] __attribute__((aligned(256)));

static bool flipped(const char *what)
{
	const char *flip = getenv("TEST_FLIP");

	return flip && !strcmp(flip, what);
}

CUcontext vg_ctx_current(void)
{
	return current;
}

bool vg_initialised(void)
{
	return initialised;
}

bool vg_exiting(void)
{
	return false;
}

CUresult vg_primary_handle(CUdevice dev, CUcontext *ret)
{
	if (dev)
		return CUDA_ERROR_INVALID_DEVICE;
	*ret = PRIMARY;
	return CUDA_SUCCESS;
}

uint64_t vg_ctx_id(CUcontext ctx, CUresult *ret)
{
	*ret = !ctx || ctx == PRIMARY ? CUDA_SUCCESS :
					CUDA_ERROR_INVALID_CONTEXT;
	return 1;
}

uint64_t vg_stream_id(CUcontext ctx, CUstream s)
{
	(void)ctx;
	return (uintptr_t)s + 1;
}

CUresult vg_not_supported(const char *what)
{
	log_warn("%s is not supported", what);
	return CUDA_ERROR_NOT_SUPPORTED;
}

int vg_driver_version(void)
{
	return VERSION ^ flipped("version");
}

VG_EXPORT CUresult cuInit(unsigned int flags)
{
	(void)flags;
	initialised = true;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuDriverGetVersion(int *version)
{
	*version = VERSION;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuDeviceGetCount(int *count)
{
	*count = 1;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuDeviceGet(CUdevice *dev, int ordinal)
{
	*dev = ordinal;
	return ordinal ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

VG_EXPORT CUresult cuDeviceGetName(char *name, int len, CUdevice dev)
{
	(void)dev;
	strncpy(name, "made up", (size_t)len);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)
{
	(void)dev;
	*bytes = 1 << 30;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attr,
					CUdevice dev)
{
	static int asked_pci;

	(void)dev;
	*value = 0;
	if (attr == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
		*value = 9;
	if (attr == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)
		*value = 4 ^ (asked_pci++ && flipped("pci"));
	return CUDA_SUCCESS;
}

/* The runtime asks once; a later question is that of the digest. */
VG_EXPORT CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
	static int asked;

	(void)dev;
	memcpy(uuid->bytes, "one made-up UUID", 16);
	if (asked++ && flipped("uuid"))
		uuid->bytes[7] ^= 0x10;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode *mode)
{
	*mode = CU_MODULE_LAZY_LOADING;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuCtxGetCurrent(CUcontext *ret)
{
	*ret = current;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuCtxSetCurrent(CUcontext ctx)
{
	current = ctx;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuCtxGetDevice_v2(CUdevice *dev, CUcontext ctx)
{
	(void)ctx;
	*dev = 0;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *ret, CUdevice dev)
{
	(void)dev;
	retained = true;
	*ret = PRIMARY;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuDevicePrimaryCtxRelease(CUdevice dev)
{
	(void)dev;
	cls_context_died(PRIMARY);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *ret, size_t bytes)
{
	if (!retained || bytes > sizeof(memory))
		return CUDA_ERROR_OUT_OF_MEMORY;
	*ret = (uintptr_t)memory;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult cuMemFree_v2(CUdeviceptr p)
{
	return p == (uintptr_t)memory ? CUDA_SUCCESS :
					CUDA_ERROR_INVALID_VALUE;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * export_cudart.c - the six tables without which no runtime call works.
 */
#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#include "frontend/libcuda/cls.h"
#include "frontend/libcuda/export_slots.h"
#include "frontend/libcuda/integrity.h"
#include "tools/lib/cleanup.h"
#include "xenstore-schema/image.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static CUresult ready(void)
{
	if (vg_exiting())
		return CUDA_ERROR_DEINITIALIZED;
	return vg_initialised() ? CUDA_SUCCESS : CUDA_ERROR_NOT_INITIALIZED;
}

/*
 * 6bd5fb6c: the runtime's own entry points. 13.0 uses slot 2 only; 11.x also
 * loads its modules here, with slot 6, and tells of their end with slot 7.
 */
/* A linked image without code for this GPU (it has no bytes if the program was
 * compiled to PTX only) has to be linked again from its parts, and of those
 * only a library knows. It stays loaded, since its module is a part of it. */
static CUresult load_as_library(CUmodule *ret, const void *wrapper)
{
	CUlibrary lib;
	CUresult r = cuLibraryLoadData(&lib, wrapper, NULL, NULL, 0, NULL,
				       NULL, 0);

	if (r)
		return r;
	r = cuLibraryGetModule(ret, lib);
	if (r)
		cuLibraryUnload(lib);
	return r;
}

/* Here the driver takes nvcc's wrapper; cuModuleLoadData, by which the host
 * has to load it, takes what is in it. */
static CUresult load_wrapper(CUmodule *ret, const void *wrapper)
{
	struct image_wrapper w;
	CUresult r;

	if (!ret || !wrapper)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(&w, wrapper, sizeof(w.magic));
	if (w.magic != IMAGE_WRAPPER_MAGIC)
		return cuModuleLoadData(ret, wrapper);
	memcpy(&w, wrapper, sizeof(w));
	if (!w.data || (w.version != 1 && w.version != 2))
		return CUDA_ERROR_INVALID_IMAGE;
	r = cuModuleLoadData(ret, w.data);
	return r == CUDA_ERROR_NO_BINARY_FOR_GPU && w.version == 2 && w.more ?
		load_as_library(ret, wrapper) : r;
}

static CUresult primary_handle(CUcontext *ret, CUdevice dev)
{
	CUresult r = ready();

	if (!r && !ret)
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : vg_primary_handle(dev, ret);
}

/* What the last three arguments of slots 6 and 8 mean is not known; they have
 * only been seen as 0. */
static CUresult load_wrapper_more(CUmodule *ret, const void *wrapper, void *a,
				  void *b, unsigned int n)
{
	if (a || b || n)
		return vg_not_supported("private table t6bd5fb6c slot 0x06 "
					"with more than an image");
	return load_wrapper(ret, wrapper);
}

static CUresult load_fatbin_more(const void *fatbin, CUmodule *ret, void *a,
				 void *b, unsigned int n)
{
	if (a || b || n)
		return vg_not_supported("private table t6bd5fb6c slot 0x08 "
					"with more than an image");
	return cuModuleLoadData(ret, fatbin);
}

/* The runtime is about to forget a module: nothing of it is kept here. */
static void module_going(size_t unused)
{
	(void)unused;
}

/* Asks for the JIT compilers to be loaded: the host's driver does it when it
 * needs them. */
static CUresult load_compilers(void)
{
	return ready();
}

SLOTS(2, t6bd5fb6c)

const union export_word export_cudart[] = {
	WORDS(2, t6bd5fb6c)
	SIZE_WORDS(13),
	[1] = SLOT(load_wrapper),
	[2] = SLOT(primary_handle),
	[6] = SLOT(load_wrapper_more),
	[7] = SLOT(module_going),
	[8] = SLOT(load_fatbin_more),
	[12] = SLOT(load_compilers),
};

/*
 * a094798c: which runtime calls a profiler wants to hear of. One 32-bit flag
 * per call of the runtime's callback list; all stay 0, so slot 1, which would
 * tell the profiler, is never called. Larger than the counts say, since a
 * runtime may have more calls than its driver knew of.
 */
#define RUNTIME_CALLS 1024
#define OTHER_CALLS   14

static uint32_t runtime_flags[2 * RUNTIME_CALLS];
static uint32_t other_flags[64];

static void get_runtime_flags(void **ret, size_t *count)
{
	*ret = runtime_flags;
	*count = RUNTIME_CALLS;
}

static void get_other_flags(void **ret, size_t *count)
{
	*ret = other_flags;
	*count = OTHER_CALLS;
}

/* The profiler's id of a context; without a profiler there is none. */
static CUresult callback_context(CUcontext ctx, uint64_t *ret)
{
	(void)ctx;
	if (!ret)
		return CUDA_ERROR_INVALID_VALUE;
	*ret = 0;
	return CUDA_SUCCESS;
}

SLOTS(2, ta094798c)

const union export_word export_hooks[] = {
	WORDS(2, ta094798c)
	SIZE_WORDS(7),
	[2] = SLOT(get_runtime_flags),
	[4] = SLOT(callback_context),
	[6] = SLOT(get_other_flags),
};

/* 42d85a81: the current context. cuBLASLt asks several times per GEMM. */
static CUresult current_context(CUcontext *ret)
{
	CUresult r = ready();

	if (r)
		return r;
	if (!ret)
		return CUDA_ERROR_INVALID_VALUE;
	*ret = vg_ctx_current();
	return CUDA_SUCCESS;
}

SLOTS(2, t42d85a81)

const union export_word export_tls[] = {
	WORDS(2, t42d85a81)
	SIZE_WORDS(3),
	[2] = SLOT(current_context),
};

/* c693336e: context-local storage; the one table without a size word. */
const union export_word export_cls[] = {
	SLOT(cls_put),
	SLOT(cls_del),
	SLOT(cls_get),
	{ .size = 0 },
};

/* 263e8860: whether a context is a wrapped one. None is, and then NVIDIA's
 * driver does not touch the last argument; callers rely on that. */
static CUresult check_context(CUcontext ctx, uint32_t *wrapped,
			      void **unwrapped)
{
	(void)ctx;
	(void)unwrapped;
	if (!wrapped)
		return CUDA_ERROR_INVALID_VALUE;
	*wrapped = 0;
	return CUDA_SUCCESS;
}

static uint32_t check_state(void)
{
	return 0;
}

SLOTS(2, t263e8860)

const union export_word export_checks[] = {
	WORDS(2, t263e8860)
	SIZE_WORDS(15),
	[2] = SLOT(check_context),
	[3] = SLOT(check_state),
};

/* d4082055: integrity.h. The devices are asked for in the way in which the
 * runtime asked, so that both sides hash the same. */
static CUresult describe_device(int ordinal, struct integrity_device *ret)
{
	static const CUdevice_attribute pci[3] = {
		CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID,
		CU_DEVICE_ATTRIBUTE_PCI_BUS_ID,
		CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID,
	};
	int32_t *into[3] = { &ret->pci_domain, &ret->pci_bus,
			     &ret->pci_device };
	CUuuid uuid;
	CUdevice dev;
	CUresult r = cuDeviceGet(&dev, ordinal);

	if (!r)
		r = cuDeviceGetUuid(&uuid, dev);
	for (int i = 0; !r && i < 3; i++)
		r = cuDeviceGetAttribute(into[i], pci[i], dev);
	if (!r)
		memcpy(ret->uuid, uuid.bytes, sizeof(ret->uuid));
	return r;
}

static CUresult describe_devices(struct integrity_device **ret, size_t *count)
{
	int n = 0;
	CUresult r = cuDeviceGetCount(&n);

	if (r)
		return r;
	*ret = calloc((size_t)n + 1, sizeof(**ret));
	if (!*ret)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*count = (size_t)n;
	for (int i = 0; !r && i < n; i++)
		r = describe_device(i, &(*ret)[i]);
	return r;
}

static CUresult integrity_check(uint32_t version, uint64_t unix_seconds,
				uint64_t result[2])
{
	AUTO_FREE struct integrity_device *devices = NULL;
	struct integrity_input in = {
		.driver_version = (uint32_t)vg_driver_version(),
		.version = version,
		.pid = (uint32_t)getpid(),
		.tid = (uint32_t)pthread_self(),
		.cudart_table = (uintptr_t)export_cudart,
		.integrity_table = (uintptr_t)export_integrity,
		.function = (uintptr_t)export_integrity[1].fn,
		.unix_seconds = unix_seconds,
	};
	CUresult r;

	if (!result)
		return CUDA_ERROR_INVALID_VALUE;
	r = describe_devices(&devices, &in.ndevices);
	if (r)
		return r;
	in.devices = devices;
	integrity_result(&in, (uint8_t *)result);
	return CUDA_SUCCESS;
}

/* Turns checking on or off for later; there is nothing here to turn. */
static CUresult integrity_enable(int enabled)
{
	(void)enabled;
	return CUDA_SUCCESS;
}

SLOTS(2, td4082055)

const union export_word export_integrity[] = {
	WORDS(2, td4082055)
	SIZE_WORDS(3),
	[1] = SLOT(integrity_check),
	[2] = SLOT(integrity_enable),
};

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors.c - wrong calls before cuInit, about devices and contexts, and
 * what results are called. Not here, because NVIDIA's driver writes past the
 * end: cuDeviceGetName with a length below 1.
 */
#include <limits.h>

#include "errors.h"

static void before_init(CUdevice dev, CUmodule mod)
{
	(void)dev, (void)mod;
	PROBE("before cuInit", cuCtxSynchronize());
	PROBE("cuInit(1)", cuInit(1));
}

static void devices(CUdevice dev, CUmodule mod)
{
	size_t bytes;
	CUuuid uuid;
	CUdevice d;
	char c[4];
	int v;

	(void)dev, (void)mod;
	PROBE("count NULL", cuDeviceGetCount(NULL));
	PROBE("device NULL", cuDeviceGet(NULL, 0));
	PROBE("device -1", cuDeviceGet(&d, -1));
	PROBE("device INT_MAX", cuDeviceGet(&d, INT_MAX));
	PROBE("name NULL", cuDeviceGetName(NULL, 10, 0));
	PROBE("name cut to 4 bytes", cuDeviceGetName(c, 4, 0));
	PROBE("total of device 77", cuDeviceTotalMem(&bytes, 77));
	PROBE("total NULL", cuDeviceTotalMem(NULL, 0));
	PROBE("uuid NULL", cuDeviceGetUuid(NULL, 0));
	PROBE("uuid of device -3", cuDeviceGetUuid(&uuid, -3));
	PROBE("attribute 0", cuDeviceGetAttribute(&v, 0, 0));
	PROBE("attribute -5",
	     cuDeviceGetAttribute(&v, (CUdevice_attribute)-5, 0));
	PROBE("attribute to NULL", cuDeviceGetAttribute(NULL, 1, 0));
	PROBE("attribute of device 9", cuDeviceGetAttribute(&v, 1, 9));
	PROBE("driver version NULL", cuDriverGetVersion(NULL));
	PROBE("peer of itself", cuDeviceCanAccessPeer(&v, 0, 0));
	PROBE("peer 50", cuDeviceCanAccessPeer(&v, 0, 50));
}

static void contexts(CUdevice dev, CUmodule mod)
{
	unsigned flags, version;
	CUcontext c, dead;
	size_t value;
	int active;

	(void)mod;
	PROBE("primary of device 5", cuDevicePrimaryCtxRetain(&c, 5));
	PROBE("primary NULL", cuDevicePrimaryCtxRetain(NULL, dev));
	PROBE("state of device 5",
	     cuDevicePrimaryCtxGetState(5, &flags, &active));
	PROBE("flags 0x7777", cuDevicePrimaryCtxSetFlags(dev, 0x7777));
	PROBE("create NULL", cuCtxCreate(NULL, NULL, 0, dev));
	PROBE("create with flags 0xffff",
	     cuCtxCreate(&c, NULL, 0xffff, dev));
	PROBE("create on device 9", cuCtxCreate(&c, NULL, 0, 9));
	PROBE("destroy NULL", cuCtxDestroy(NULL));
	PROBE("current NULL", cuCtxGetCurrent(NULL));
	PROBE("limit 99", cuCtxGetLimit(&value, (CUlimit)99));
	PROBE("set limit 99", cuCtxSetLimit((CUlimit)99, 1));
	PROBE("version NULL", cuCtxGetApiVersion(NULL, &version));
	PROBE("cache config 17", cuCtxSetCacheConfig((CUfunc_cache)17));
	PROBE("priority range NULL", cuCtxGetStreamPriorityRange(NULL, NULL));
	DRV(cuCtxCreate(&dead, NULL, 0, dev));
	DRV(cuCtxDestroy(dead));
	PROBE("current after destroy", cuCtxGetCurrent(&c));
	probe_says("current is %s", c ? "a context" : "none");
	PROBE("pop with nothing on the stack",
	     (cuCtxSetCurrent(NULL), cuCtxPopCurrent(&c)));
	PROBE("allocation without context", cuMemAlloc((CUdeviceptr *)&value,
						      16));
	PROBE("stream without context", cuStreamCreate((CUstream *)&c, 0));
	PROBE("synchronize without context", cuCtxSynchronize());
}

static void names(CUdevice dev, CUmodule mod)
{
	const char *text = "untouched";

	(void)dev, (void)mod;
	PROBE("name of result 4242", cuGetErrorName((CUresult)4242, &text));
	probe_says("text is %s", text ? text : "NULL");
	for (int i = 0; i < 1000; i++)
		if (cuGetErrorString((CUresult)i, &text) == CUDA_SUCCESS)
			probe_says("%d %s: %s", i, drv_name((CUresult)i),
				   text);
}

static const struct group groups[] = {
	{ "before cuInit", before_init, false },
	{ "names", names, false },
	{ "devices", devices, true },
	{ "contexts", contexts, true },
};

int main(void)
{
	return groups_run(groups, 4);
}

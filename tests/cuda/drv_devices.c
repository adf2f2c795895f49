// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_devices.c - what the environment leaves of the devices: how many, and
 * whether the first works. `drv_devices uuid` prints the UUIDs only;
 * `drv_devices blocking` whether a launch returns before its kernel ends;
 * `drv_devices loading` how modules are loaded. Run by environment.sh.
 */
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

static void print_uuid(CUdevice dev)
{
	CUuuid u;

	DRV(cuDeviceGetUuid(&u, dev));
	printf("GPU-");
	for (int i = 0; i < 16; i++)
		printf("%02x%s", (unsigned char)u.bytes[i],
		       i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
	printf("\n");
}

static void blocking(void)
{
	unsigned us = 1, add = 1, v = 0;
	CUdeviceptr p = drv_alloc(4);
	void *args[] = { &p, &us, &add };
	CUfunction f;
	CUmodule mod;
	CUstream st;

	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	f = drv_function(mod, "late_add");
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuMemsetD32(p, 0, 1));
	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	DRV(cuCtxSynchronize());
	us = 300000;
	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
	SHOW("after the launch", cuStreamQuery(st));
	DRV(cuStreamSynchronize(st));
	DRV(cuMemcpyDtoH(&v, p, 4));
	printf("word %u\n", v);
}

static void loading(void)
{
	CUmoduleLoadingMode mode = (CUmoduleLoadingMode)0;
	CUfunctionLoadingState state = (CUfunctionLoadingState)9;
	CUmodule mod;

	DRV(cuModuleGetLoadingMode(&mode));
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	SHOW("is it loaded", cuFuncIsLoaded(&state, drv_function(mod, "say")));
	printf("mode %d state %d\n", (int)mode, (int)state);
	DRV(cuFuncLoad(drv_function(mod, "say")));
	DRV(cuFuncIsLoaded(&state, drv_function(mod, "say")));
	printf("loaded: state %d\n", (int)state);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	CUresult res = cuInit(0);
	CUcontext ctx;
	int n = -1;

	if (!*what)
		printf("cuInit %s\n", drv_name(res));
	if (res)
		return 0;
	DRV(cuDeviceGetCount(&n));
	if (!strcmp(what, "uuid")) {
		for (int i = 0; i < n; i++)
			print_uuid(i);
		return 0;
	}
	drv_open(&ctx);
	if (!strcmp(what, "blocking"))
		blocking();
	else if (!strcmp(what, "loading"))
		loading();
	else
		printf("devices %d, memory of the first %s\n", n,
		       drv_alloc(16) ? "works" : "fails");
	return 0;
}

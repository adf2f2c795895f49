// SPDX-License-Identifier: BSD-2-Clause
/*
 * counted [LAUNCHES [COPIES [BYTES]]] - a known number of calls, for tests
 * that count what calls cost: launches, then a wait, then copies each way
 * whose bytes are checked, then 7 questions that need no GPU.
 */
#include <string.h>

#include "drv.h"

static const char empty_ptx[] = ".version 6.4\n"
				".target sm_75\n"
				".address_size 64\n"
				".visible .entry empty()\n"
				"{\n"
				"	ret;\n"
				"}\n";

static unsigned long arg(int argc, char **argv, int i, unsigned long otherwise)
{
	char *end;
	unsigned long v = i < argc ? strtoul(argv[i], &end, 10) : otherwise;

	if (i < argc && (end == argv[i] || *end))
		fail("counted: %s is not a number", argv[i]);
	return v;
}

static void launches(CUmodule mod, unsigned long n)
{
	CUfunction f;

	DRV(cuModuleGetFunction(&f, mod, "empty"));
	for (unsigned long i = 0; i < n; i++)
		DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	DRV(cuStreamSynchronize(NULL));
}

static void copies(unsigned long n, unsigned long bytes)
{
	unsigned char *to = malloc(bytes), *from = malloc(bytes);
	CUdeviceptr p;

	if (!to || !from)
		fail("counted: no %lu bytes", 2 * bytes);
	DRV(cuMemAlloc(&p, bytes));
	for (unsigned long i = 0; i < n; i++) {
		memset(to, (int)i + 1, bytes);
		DRV(cuMemcpyHtoD(p, to, bytes));
		DRV(cuMemcpyDtoH(from, p, bytes));
		if (memcmp(to, from, bytes))
			fail("counted: copy %lu came back changed", i);
	}
	DRV(cuMemFree(p));
	free(to);
	free(from);
}

int main(int argc, char **argv)
{
	unsigned long l = arg(argc, argv, 1, 1000), c = arg(argc, argv, 2, 4);
	unsigned long bytes = arg(argc, argv, 3, 1 << 20);
	CUcontext ctx, now;
	CUdevice dev = drv_open(&ctx);
	CUmodule mod;

	DRV(cuModuleLoadData(&mod, empty_ptx));
	if (l)
		launches(mod, l);
	if (c)
		copies(c, bytes);
	for (int i = 0; i < 7; i++)
		DRV(cuCtxGetCurrent(&now));
	DRV(cuModuleUnload(mod));
	DRV(cuDevicePrimaryCtxRelease(dev));
	printf("counted: %lu launches, %lu copies of %lu bytes each way\n", l,
	       c, bytes);
	return 0;
}

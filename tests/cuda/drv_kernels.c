// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_kernels.c - what libraries ask about the same kernel again and again:
 * its function in each context, in one that is gone and made anew, and in a
 * library that is loaded again. Answers may be remembered, old ones not given.
 */
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"

#define ASKED 20 /* times; trace.t knows this number */

static CUlibrary load(CUkernel *fill, CUkernel *axpy)
{
	CUlibrary lib;

	DRV(cuLibraryLoadData(&lib, kernels_ptx, NULL, NULL, 0, NULL, NULL,
			      0));
	DRV(cuLibraryGetKernel(fill, lib, "fill"));
	DRV(cuLibraryGetKernel(axpy, lib, "axpy"));
	return lib;
}

static CUfunction function_of(CUkernel k)
{
	CUfunction first, again;

	DRV(cuKernelGetFunction(&first, k));
	for (int i = 1; i < ASKED; i++) {
		DRV(cuKernelGetFunction(&again, k));
		if (again != first)
			wrong_result("drv_kernels: another function each time");
	}
	return first;
}

static void runs(const char *where, CUfunction f, unsigned v)
{
	CUdeviceptr p = drv_alloc(4);
	unsigned one = 1, got = 0;
	void *args[] = { &p, &one, &v };

	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	DRV(cuMemcpyDtoH(&got, p, 4));
	DRV(cuMemFree(p));
	printf("%s: %u\n", where, got);
	if (got != v)
		wrong_result("%s: should be %u", where, v);
}

/* The function belongs to a context, the kernel does not. */
static void in_contexts(CUdevice dev, CUkernel fill, CUkernel axpy)
{
	CUfunction f = function_of(fill), other = function_of(axpy), there;
	CUcontext c;

	if (f == other)
		wrong_result("drv_kernels: two kernels, one function");
	runs("the primary context", f, 1);
	for (unsigned i = 0; i < 2; i++) {
		DRV(cuCtxCreate(&c, NULL, 0, dev));
		there = function_of(fill);
		if (there == f)
			wrong_result("drv_kernels: two contexts, one function");
		runs("a context of its own", there, 10 + i);
		DRV(cuCtxDestroy(c));
		runs("the first context again", function_of(fill), 20 + i);
	}
}

int main(void)
{
	CUkernel fill, axpy;
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);
	CUlibrary lib = load(&fill, &axpy);

	in_contexts(dev, fill, axpy);
	DRV(cuLibraryUnload(lib));
	lib = load(&fill, &axpy);
	runs("a library loaded again", function_of(fill), 30);
	DRV(cuLibraryUnload(lib));
	DRV(cuDevicePrimaryCtxRelease(dev));
	return 0;
}

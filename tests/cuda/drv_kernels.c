// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_kernels.c - what libraries ask about the same kernel again and again:
 * its function in each context, in one that is gone and made anew, and in a
 * library that is loaded again; how many of its blocks fit. Answers may be
 * remembered, old ones not given: not those of a function whose context ended
 * and whose handle is another's now.
 */
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"

#define ASKED 20 /* times; trace.t knows this number */

/* Its shared memory leaves room for few blocks. */
static const char wide_ptx[] = ".version 6.4\n"
			       ".target sm_75\n"
			       ".address_size 64\n"
			       ".visible .entry wide()\n"
			       "{\n"
			       "	.shared .align 4 .b8 room[32768];\n"
			       "	.reg .b32 %r<2>;\n"
			       "	mov.u32 %r1, %tid.x;\n"
			       "	st.volatile.shared.u32 [room], %r1;\n"
			       "	ret;\n"
			       "}\n";

#define HEAD ".version 6.4\n.target sm_75\n.address_size 64\n.visible .entry "
#define BODY "{\n"                                                             \
	     "	.reg .b32 %r<2>;\n"                                             \
	     "	.reg .b64 %rd<3>;\n"                                            \
	     "	ld.param.u64 %rd1, [to];\n"                                     \
	     "	cvta.to.global.u64 %rd2, %rd1;\n"                               \
	     "	ld.param.u32 %r1, [value];\n"                                   \
	     "	st.global.u32 [%rd2], %r1;\n"                                   \
	     "	ret;\n"                                                         \
	     "}\n"

/* The same, with their parameters in two orders. */
static const char *const stores_ptx[] = {
	HEAD "to_value(.param .u64 to, .param .u32 value)\n" BODY,
	HEAD "value_to(.param .u32 value, .param .u64 to)\n" BODY,
};
static const char *const stores[] = { "to_value", "value_to" };

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

static int fit(CUkernel k, int threads, size_t smem)
{
	int n = 0, again;

	DRV(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&n,
			(CUfunction)k, threads, smem, 0));
	for (int i = 1; i < ASKED; i++) {
		DRV(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
				&again, (CUfunction)k, threads, smem, 0));
		if (again != n)
			wrong_result("drv_kernels: %d blocks, then %d", n,
				     again);
	}
	return n;
}

static void fits(const char *when, CUkernel k)
{
	printf("%s: %d, %d, %d blocks\n", when, fit(k, 128, 0),
	       fit(k, 256, 0), fit(k, 128, 40000));
}

/* What is set for the kernel, its function tells. */
static int dynamic_of(CUfunction f)
{
	int max = 0;

	DRV(cuFuncGetAttribute(&max,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, f));
	return max;
}

/* Four times three questions: settings and unloading make answers old. */
static void occupancy(CUdevice dev)
{
	CUlibrary lib;
	CUkernel k, axpy;
	CUfunction f;
	int few, max, before;

	lib = load(&k, &axpy);
	DRV(cuKernelGetFunction(&f, k));
	fits("blocks that fit", k);
	before = dynamic_of(f);
	DRV(cuKernelSetAttribute(
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 65536, k,
		dev));
	fits("with 64 KiB of dynamic shared memory", k);
	DRV(cuFuncSetCacheConfig(f, CU_FUNC_CACHE_PREFER_SHARED));
	fits("with more shared memory", k);
	few = fit(k, 128, 0);
	DRV(cuKernelGetAttribute(&max,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, k, dev));
	printf("may have %d bytes, its function %d, before %d\n", max,
	       dynamic_of(f), before);
	DRV(cuLibraryUnload(lib));

	/* Its handle may be the same. */
	DRV(cuLibraryLoadData(&lib, wide_ptx, NULL, NULL, 0, NULL, NULL, 0));
	DRV(cuLibraryGetKernel(&k, lib, "wide"));
	fits("blocks of another kernel", k);
	if (fit(k, 128, 0) >= few)
		wrong_result("drv_kernels: they cannot be as many");
	DRV(cuLibraryUnload(lib));
}

/* Each in a context of its own, which ends before the next one's begins. */
static void one_after_the_other(CUdevice dev)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned v = 40 + i, got = 0;
		const char *name;
		CUdeviceptr p;
		void *args[] = { i % 2 ? (void *)&v : (void *)&p,
				 i % 2 ? (void *)&p : (void *)&v };
		CUcontext c;
		CUmodule mod;
		CUfunction f;

		DRV(cuCtxCreate(&c, NULL, 0, dev));
		DRV(cuModuleLoadData(&mod, stores_ptx[i % 2]));
		f = drv_function(mod, stores[i % 2]);
		DRV(cuFuncGetName(&name, f));
		p = drv_alloc(4);
		DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
		DRV(cuMemcpyDtoH(&got, p, 4));
		printf("%s in its context: %u\n", name, got);
		if (got != v || strcmp(name, stores[i % 2]) != 0)
			wrong_result("drv_kernels: should be %s, %u",
				     stores[i % 2], v);
		DRV(cuCtxDestroy(c));
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
	occupancy(dev);
	one_after_the_other(dev);
	DRV(cuDevicePrimaryCtxRelease(dev));
	return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* drv.h - for programs on the plain driver API. */
#ifndef TESTS_CUDA_DRV_H
#define TESTS_CUDA_DRV_H

#include <cuda.h>
#include <stdbool.h>

#include "report.h"

static UNUSED_OK const char *drv_name(CUresult res)
{
	const char *name = NULL;

	if (cuGetErrorName(res, &name) != CUDA_SUCCESS || !name)
		return "an unknown result";
	return name;
}

static UNUSED_OK void drv_check(CUresult res, const char *call,
				const char *file, int line)
{
	const char *text = NULL;

	if (res == CUDA_SUCCESS)
		return;
	if (cuGetErrorString(res, &text) != CUDA_SUCCESS || !text)
		text = "no text";
	fail("%s:%d: %s gave %s (%s)", file, line, call, drv_name(res), text);
}

#define DRV(call) drv_check((call), #call, __FILE__, __LINE__)

/* Prints what a wrong call gives, and requires it to be @want. */
#define EXPECT(what, call, want)                                               \
	do {                                                                   \
		CUresult expect_res = (call);                                  \
		printf("%-36s %s\n", what, drv_name(expect_res));              \
		if (expect_res != (want))                                      \
			fail("%s:%d: %s should give %s", __FILE__, __LINE__,   \
			     what, #want);                                     \
	} while (0)

/* Prints what a call gives; right is what the native driver gives too. */
#define SHOW(what, call) printf("%-36s %s\n", what, drv_name(call))

/* cuInit and the primary context of device 0, made current. */
static UNUSED_OK CUdevice drv_open(CUcontext *ctx)
{
	CUdevice dev;
	int count = 0;

	DRV(cuInit(0));
	DRV(cuDeviceGetCount(&count));
	if (count < 1)
		fail("there is no CUDA device");
	DRV(cuDeviceGet(&dev, 0));
	DRV(cuDevicePrimaryCtxRetain(ctx, dev));
	DRV(cuCtxSetCurrent(*ctx));
	return dev;
}

static UNUSED_OK CUdeviceptr drv_alloc(size_t bytes)
{
	CUdeviceptr p = 0;

	DRV(cuMemAlloc(&p, bytes));
	return p;
}

static UNUSED_OK CUfunction drv_function(CUmodule mod, const char *name)
{
	CUfunction f = NULL;

	DRV(cuModuleGetFunction(&f, mod, name));
	return f;
}

/* Adds @by to @n words, by the kernel of kernels.cu. */
static UNUSED_OK void drv_bump(CUmodule mod, CUdeviceptr p, unsigned n,
			       unsigned by, CUstream st)
{
	void *args[] = { &p, &n, &by };

	DRV(cuLaunchKernel(drv_function(mod, "bump"), (n + 127) / 128, 1, 1,
			   128, 1, 1, 0, st, args, NULL));
}

static UNUSED_OK unsigned drv_word(CUdeviceptr p)
{
	unsigned v = 0;

	DRV(cuMemcpyDtoH(&v, p, 4));
	return v;
}

/* Ends the program where its kernels cannot run: check-gpu counts that as
 * skipped. @or_later: they are PTX, not code for this one. */
static UNUSED_OK void drv_needs_sm90(CUdevice dev, bool or_later)
{
	int major = 0;

	DRV(cuDeviceGetAttribute(&major,
		CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, dev));
	if (major == 9 || (major > 9 && or_later))
		return;
	fprintf(stderr, "needs a GPU of compute capability 9.0\n");
	exit(77);
}

/* @n unsigned words at @p, each must be what @want says of its index. */
static UNUSED_OK void drv_expect_u32(const char *what, CUdeviceptr p, size_t n,
				     uint32_t (*want)(size_t))
{
	uint32_t *h = (uint32_t *)must_alloc(n * 4);

	DRV(cuMemcpyDtoH(h, p, n * 4));
	for (size_t i = 0; i < n; i++)
		if (h[i] != want(i))
			wrong_result("%s: word %zu is %u, not %u", what, i, h[i],
			     want(i));
	printf("%s checksum %016llx\n", what,
	       (unsigned long long)checksum(h, n * 4));
	free(h);
}

#endif

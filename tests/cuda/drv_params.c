// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_params.c - parameters of kernels: as many bytes as there may be and as
 * many single ones, by pointers and as a block; launch attributes that there
 * are not are an error of the launch itself, not of a later call.
 */
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define WORDS 8189
#define MANY 120

static CUdeviceptr p;
static CUstream st;

struct block {
	CUdeviceptr out;
	unsigned words[WORDS];
};

static void launch(CUfunction f, unsigned threads, void **params, void **extra)
{
	DRV(cuLaunchKernel(f, 1, 1, 1, threads, 1, 1, 0, st, params, extra));
}

static void result(const char *what, unsigned want)
{
	unsigned got = 0;

	DRV(cuStreamSynchronize(st));
	DRV(cuMemcpyDtoH(&got, p, 4));
	printf("%s: %u\n", what, got);
	if (got != want)
		wrong_result("%s: should be %u", what, want);
}

static void most(CUmodule mod)
{
	static struct block b;
	size_t bytes = sizeof(b.out) + sizeof(b.words);
	void *params[] = { &b.out, b.words };
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &b,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
			  CU_LAUNCH_PARAM_END };
	CUfunction f = drv_function(mod, "sum_most");

	b.out = p;
	for (unsigned round = 0; round < 4; round++) {
		unsigned want = 0;

		for (unsigned i = 0; i < WORDS; i++) {
			b.words[i] = i * 7 + round;
			want += b.words[i] * (i + 1);
		}
		DRV(cuMemsetD32Async(p, 0, 1, st));
		launch(f, 128, round % 2 ? NULL : params,
		       round % 2 ? extra : NULL);
		memset(b.words, 0xff, sizeof(b.words));
		result(round % 2 ? "32,764 bytes as a block" :
				   "32,764 bytes by pointers", want);
	}
}

static void many(CUmodule mod)
{
	CUfunction f = drv_function(mod, "sum_many");
	struct {
		CUdeviceptr out;
		unsigned v[MANY];
	} b = { .out = p };
	size_t bytes = sizeof(b);
	void *params[MANY + 1] = { &b.out };
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &b,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
			  CU_LAUNCH_PARAM_END };
	unsigned want = 0;

	for (unsigned i = 0; i < MANY; i++) {
		b.v[i] = i * i + 5;
		params[i + 1] = &b.v[i];
		want = want * 3 + b.v[i];
	}
	launch(f, 1, params, NULL);
	result("121 parameters by pointers", want);
	DRV(cuMemsetD32Async(p, 0, 1, st));
	launch(f, 1, NULL, extra);
	result("121 parameters as a block", want);
}

static CUresult with_attribute(CUfunction f, int id, int value)
{
	CUlaunchAttribute at;
	CUlaunchConfig c = { .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1,
			     .blockDimX = 1, .blockDimY = 1, .blockDimZ = 1,
			     .hStream = st, .attrs = &at, .numAttrs = 1 };
	unsigned three = 3, one = 1;
	void *params[] = { &p, &three, &one };

	/* Programs leave the rest of the value as it is. */
	memset(&at, rand() & 0xff, sizeof(at));
	at.id = (CUlaunchAttributeID)id;
	at.value.priority = value;
	return cuLaunchKernelEx(&c, f, params, NULL);
}

static void attributes(CUmodule mod)
{
	CUfunction f = drv_function(mod, "chain");
	unsigned want = 1;

	DRV(cuMemsetD32Async(p, 1, 1, st));
	for (int i = 0; i < 5; i++) {
		DRV(with_attribute(f, CU_LAUNCH_ATTRIBUTE_PRIORITY, 0));
		want = want * 3 + 1;
		EXPECT("an attribute that is none",
		       with_attribute(f, 99 + i, 1), CUDA_ERROR_INVALID_VALUE);
	}
	result("with attributes", want);
}

int main(void)
{
	CUcontext ctx;
	CUmodule mod;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	p = drv_alloc(4);
	most(mod);
	many(mod);
	attributes(mod);
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(mod));
	return 0;
}

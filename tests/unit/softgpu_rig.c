// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/softgpu_rig.h"

#include <stdlib.h>

CUmodule module;
CUcontext context;
bool cooperative;

/* Built by nvcc beside the test, see tools/softgpu/rules.mk. */
__asm__(".section .rodata\n"
	".global test_ptx, test_fatbin\n"
	"test_ptx:\n.incbin \"" SOFTGPU_KERNELS ".ptx\"\n.byte 0\n"
	".balign 16\n"
	"test_fatbin:\n.incbin \"" SOFTGPU_KERNELS ".fatbin\"\n"
	".previous\n");

int rig_up(void **state)
{
	(void)state;
	setenv("VGPU_SOFTGPU_MEMORY_MIB", "256", 1);
	OK(cuInit(0));
	OK(cuDevicePrimaryCtxRetain(&context, 0));
	OK(cuCtxSetCurrent(context));
	OK(cuModuleLoadData(&module, test_ptx));
	return 0;
}

CUfunction function(const char *name)
{
	CUfunction f;

	OK(cuModuleGetFunction(&f, module, name));
	return f;
}

static void *prepare(const struct arg *a, CUdeviceptr *dev)
{
	if (a->kind == A_VALUE)
		return a->p;
	*dev = 0;
	if (a->kind == A_NULL)
		return dev;
	OK(cuMemAlloc(dev, a->n));
	if (a->kind == A_OUT)
		OK(cuMemsetD8(*dev, 0xee, a->n));
	else
		OK(cuMemcpyHtoD(*dev, a->p, a->n));
	return dev;
}

static void finish(const struct arg *a, CUdeviceptr dev)
{
	if (a->kind == A_OUT || a->kind == A_INOUT)
		OK(cuMemcpyDtoH(a->p, dev, a->n));
	if (a->kind != A_VALUE && a->kind != A_NULL)
		OK(cuMemFree(dev));
}

void run3(const char *name, const unsigned int dim[3],
	  const unsigned int block[3], unsigned int shared,
	  const struct arg *args)
{
	CUfunction f = function(name);
	CUdeviceptr dev[16];
	void *params[16];
	int n;

	for (n = 0; args[n].kind != A_END; n++)
		params[n] = prepare(&args[n], &dev[n]);
	if (cooperative)
		OK(cuLaunchCooperativeKernel(f, dim[0], dim[1], dim[2],
					     block[0], block[1], block[2],
					     shared, NULL, params));
	else
		OK(cuLaunchKernel(f, dim[0], dim[1], dim[2], block[0],
				  block[1], block[2], shared, NULL, params,
				  NULL));
	OK(cuCtxSynchronize());
	for (int i = 0; i < n; i++)
		finish(&args[i], dev[i]);
}

void run(const char *name, unsigned int blocks, unsigned int threads,
	 unsigned int shared, const struct arg *args)
{
	unsigned int dim[3] = { blocks, 1, 1 }, block[3] = { threads, 1, 1 };

	run3(name, dim, block, shared, args);
}

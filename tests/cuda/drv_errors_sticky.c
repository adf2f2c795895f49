// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_sticky.c - after a kernel's fault every call of the context gives
 * its error, until the context is gone. Each fault in a process of its own;
 * the kernel's end is waited for first, so that all of it is certain.
 */
#include "errors.h"

static void calls_after(CUfunction f, CUdeviceptr p, CUstream s, CUevent e)
{
	CUdeviceptr q = 0;
	size_t n = 0;
	int v = 0, word = 0;

	PROBE("synchronize the context", cuCtxSynchronize());
	PROBE("synchronize again", cuCtxSynchronize());
	PROBE("synchronize the stream", cuStreamSynchronize(s));
	PROBE("query the stream", cuStreamQuery(s));
	PROBE("query an event", cuEventQuery(e));
	PROBE("synchronize an event", cuEventSynchronize(e));
	PROBE("record an event", cuEventRecord(e, s));
	PROBE("allocate", cuMemAlloc(&q, 64));
	PROBE("copy to the GPU", cuMemcpyHtoD(p, &word, 4));
	PROBE("copy from the GPU", cuMemcpyDtoH(&word, p, 4));
	PROBE("fill", cuMemsetD8(p, 1, 4));
	PROBE("launch", cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, NULL, NULL));
	PROBE("create a stream", cuStreamCreate(&s, 0));
	PROBE("create an event", cuEventCreate(&e, 0));
	PROBE("memory", cuMemGetInfo(&n, &n));
	PROBE("limit", cuCtxGetLimit(&n, CU_LIMIT_STACK_SIZE));
	PROBE("device attribute", cuDeviceGetAttribute(&v, 1, 0));
	PROBE("function attribute", cuFuncGetAttribute(&v, 0, f));
	PROBE("free", cuMemFree(p));
}

static void fault(CUdevice dev, CUmodule mod, uint64_t at)
{
	CUfunction f = drv_function(mod, "fill"), g = drv_function(mod, "empty");
	CUdeviceptr p = drv_alloc(64), bad = at;
	/* libfakecuda's parameters have 8 bytes each. */
	uint64_t n = 1, value = 7;
	void *args[] = { &bad, &n, &value };
	CUcontext ctx = NULL;
	CUstream s;
	CUevent e;

	DRV(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&e, 0));
	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, args, NULL));
	/* Nobody can launch behind the fault's back. */
	PROBE("the fault", cuStreamSynchronize(s));
	calls_after(g, p, s, e);
	PROBE("release the context", cuDevicePrimaryCtxRelease(dev));
	PROBE("retain it", cuDevicePrimaryCtxRetain(&ctx, dev));
}

static void far_away(CUdevice dev, CUmodule mod)
{
	fault(dev, mod, (uint64_t)1 << 45);
}

static void odd(CUdevice dev, CUmodule mod)
{
	fault(dev, mod, drv_alloc(64) + 2);
}

static void null(CUdevice dev, CUmodule mod)
{
	fault(dev, mod, 0);
}

static void sticky_group(const void *data)
{
	const struct group *g = data;
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);
	CUmodule mod = NULL;

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	g->run(dev, mod);
}

int main(void)
{
	static const struct group groups[] = {
		{ "far away", far_away, true },
		{ "a word at 2", odd, true },
		{ "at NULL", null, true },
	};
	int failed = 0;

	for (int i = 0; i < 3; i++)
		failed |= probe_group(groups[i].name, sticky_group, &groups[i]);
	return failed;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * errors.h - for drv_errors*.c: wrong calls in groups that run in a process
 * each (probe.h). No result is expected here: each is told by name, and what
 * is right is what the native driver gives. Where that one crashes there is no
 * right answer, and check-gpu leaves the line out.
 */
#ifndef TESTS_CUDA_ERRORS_H
#define TESTS_CUDA_ERRORS_H

#include "drv.h"
#include "kernels_ptx.h"
#include "probe.h"

#define HUGE_SIZE ((size_t)1 << 63)

/* What the probes behind it need; softgpu cannot all of it, and the rest of
 * the group is then left out. On a GPU that would be a difference. */
#define READY(call)                                                            \
	do {                                                                   \
		CUresult ready_res = (call);                                   \
		if (ready_res != CUDA_SUCCESS) {                               \
			probe_says("%s: %s, no more here", #call,              \
				   drv_name(ready_res));                       \
			return;                                                \
		}                                                              \
	} while (0)

struct group {
	const char *name;
	void (*run)(CUdevice dev, CUmodule mod);
	bool opened; /* has a context and a module */
};

/* At the end of a group: is the context still good for anything? */
static void still_works(CUmodule mod)
{
	CUdeviceptr p = 0;
	CUfunction f = NULL;
	unsigned n = 16, v = 40, got = 0;
	void *args[] = { &p, &n, &v };

	PROBE("afterwards an allocation", cuMemAlloc(&p, 64));
	PROBE("afterwards a function", cuModuleGetFunction(&f, mod, "fill"));
	if (!p || !f)
		return;
	PROBE("afterwards a launch", cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0,
						    NULL, args, NULL));
	PROBE("afterwards a copy", cuMemcpyDtoH(&got, p + 8, 4));
	probe_says("afterwards a kernel gives %u", got);
}

static void run_group(const void *data)
{
	const struct group *g = data;
	CUdevice dev = 0;
	CUcontext ctx;
	CUmodule mod = NULL;

	if (!g->opened) {
		g->run(dev, mod);
		return;
	}
	dev = drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	g->run(dev, mod);
	PROBE("afterwards the context", cuCtxSetCurrent(ctx));
	still_works(mod);
}

static UNUSED_OK int groups_run(const struct group *groups, size_t n)
{
	int failed = 0;

	for (size_t i = 0; i < n; i++)
		failed |= probe_group(groups[i].name, run_group, &groups[i]);
	return failed;
}

#endif

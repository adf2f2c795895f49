// SPDX-License-Identifier: BSD-2-Clause
/* real.c - the host's CUDA driver, loaded by the path of the configuration. */
#include "cuda-exec/exec_internal.h"

#include <dlfcn.h>
#include <stdio.h>

struct real R;

int real_load(const char *path, char *why, size_t size)
{
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CUresult r;

	if (!lib) {
		snprintf(why, size, "cannot load the CUDA driver %s: %s", path,
			 dlerror());
		return -1;
	}
#define X(name) R.name = (__typeof__(R.name))dlsym(lib, #name);
	REAL_CALLS(X)
#undef X
	if (!R.cuInit || !R.cuCtxSetCurrent || !R.cuDevicePrimaryCtxRetain) {
		snprintf(why, size, "%s is not a CUDA driver: it lacks cuInit, "
			 "cuCtxSetCurrent or cuDevicePrimaryCtxRetain", path);
		return -1;
	}
	r = R.cuInit(0);
	if (r) {
		const char *name = NULL;

		if (R.cuGetErrorName)
			R.cuGetErrorName(r, &name);
		snprintf(why, size, "cuInit of %s failed: %s (%d)", path,
			 name ? name : "unknown", r);
		return -1;
	}
	return 0;
}

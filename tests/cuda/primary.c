// SPDX-License-Identifier: BSD-2-Clause
/*
 * primary.c - the life of a primary context as a program sees it, whatever is
 * held ready for it: state, flags, memory, reset, release.
 *
 *   primary [none|create|flags|sleep MS|times]
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_ptx.h"

static void state(const char *what)
{
	unsigned int flags = 99;
	int active = 99;

	DRV(cuDevicePrimaryCtxGetState(0, &flags, &active));
	printf("%-28s active %d flags %u\n", what, active, flags);
}

static unsigned int fill(unsigned int v)
{
	unsigned int got = 0, one = 1;
	CUdeviceptr p;
	void *args[] = { &p, &one, &v };
	CUfunction f;
	CUmodule mod;

	DRV(cuMemAlloc(&p, 4));
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuModuleGetFunction(&f, mod, "fill"));
	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	DRV(cuMemcpyDtoH(&got, p, 4));
	DRV(cuModuleUnload(mod));
	DRV(cuMemFree(p));
	return got;
}

static void whole_life(unsigned int flags)
{
	size_t before, after, total;
	CUdeviceptr p;
	CUcontext c, d;

	state("before");
	if (flags) {
		DRV(cuDevicePrimaryCtxSetFlags(0, flags));
		state("flags set");
	}
	DRV(cuDevicePrimaryCtxRetain(&c, 0));
	DRV(cuDevicePrimaryCtxRetain(&d, 0));
	DRV(cuCtxSetCurrent(c));
	state("retained twice");
	printf("the same context: %s\n", c == d ? "yes" : "no");
	DRV(cuMemGetInfo(&before, &total));
	DRV(cuMemAlloc(&p, 64 << 20));
	DRV(cuMemGetInfo(&after, &total));
	printf("64 MiB less: %s\n", before - after >= 64 << 20 ? "yes" : "no");
	printf("fill gives %u\n", fill(7));
	DRV(cuDevicePrimaryCtxRelease(0));
	state("released once");
	printf("fill gives %u\n", fill(8));
	DRV(cuDevicePrimaryCtxReset(0));
	SHOW("released after a reset", cuDevicePrimaryCtxRelease(0));
	state("reset and released");
	SHOW("released too often", cuDevicePrimaryCtxRelease(0));
	DRV(cuDevicePrimaryCtxRetain(&c, 0));
	DRV(cuCtxSetCurrent(c));
	state("retained again");
	printf("fill gives %u\n", fill(9));
	DRV(cuDevicePrimaryCtxRelease(0));
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* How long a program's start takes, step by step. */
static int times(void)
{
	double t[4];
	CUcontext c;
	CUmodule mod;

	t[0] = now_ms();
	DRV(cuInit(0));
	t[1] = now_ms();
	DRV(cuDevicePrimaryCtxRetain(&c, 0));
	DRV(cuCtxSetCurrent(c));
	t[2] = now_ms();
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	t[3] = now_ms();
	printf("init %.2f context %.2f load %.2f\n", t[1] - t[0], t[2] - t[1],
	       t[3] - t[2]);
	DRV(cuDevicePrimaryCtxRelease(0));
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	CUcontext c;

	if (!strcmp(how, "times"))
		return times();
	DRV(cuInit(0));
	if (!strcmp(how, "none"))
		return 0;
	if (!strcmp(how, "sleep")) {
		usleep((useconds_t)atoi(argv[2]) * 1000);
		return 0;
	}
	if (!strcmp(how, "create")) {
		DRV(cuCtxCreate(&c, NULL, 0, 0));
		state("another context made");
		printf("fill gives %u\n", fill(5));
		DRV(cuCtxDestroy(c));
		return 0;
	}
	whole_life(!strcmp(how, "flags") ? CU_CTX_LMEM_RESIZE_TO_MAX : 0);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_printf.c - what device code prints arrives in the program's stdout: all
 * of it, each speaker's lines in order, before the wait that ends the work
 * returns, and between what the program prints itself.
 */
#include "drv.h"
#include "kernels_more_ptx.h"

static CUfunction say;

static void speak(unsigned who, unsigned from, unsigned n, CUstream st)
{
	void *args[] = { &who, &from, &n };

	DRV(cuLaunchKernel(say, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

/* Every kind of wait brings out what was printed before it. */
static void waits(CUstream st)
{
	CUdeviceptr p = drv_alloc(4);
	unsigned v = 0;
	CUevent ev;

	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	speak(1, 0, 2, st);
	DRV(cuStreamSynchronize(st));
	printf("after cuStreamSynchronize\n");
	speak(1, 2, 2, st);
	DRV(cuCtxSynchronize());
	printf("after cuCtxSynchronize\n");
	speak(1, 4, 2, st);
	DRV(cuEventRecord(ev, st));
	DRV(cuEventSynchronize(ev));
	DRV(cuCtxSynchronize());
	printf("after cuEventSynchronize\n");
	speak(1, 6, 2, NULL);
	DRV(cuMemcpyDtoH(&v, p, 4));
	DRV(cuCtxSynchronize());
	printf("after cuMemcpyDtoH\n");
	DRV(cuEventDestroy(ev));
	DRV(cuMemFree(p));
}

int main(void)
{
	CUcontext ctx;
	CUmodule mod;
	CUstream st[4];
	size_t size = 0;

	drv_open(&ctx);
	DRV(cuCtxSetLimit(CU_LIMIT_PRINTF_FIFO_SIZE, 4 << 20));
	DRV(cuCtxGetLimit(&size, CU_LIMIT_PRINTF_FIFO_SIZE));
	printf("buffer of %zu bytes\n", size);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	say = drv_function(mod, "say");
	for (int i = 0; i < 4; i++)
		DRV(cuStreamCreate(&st[i], CU_STREAM_NON_BLOCKING));
	waits(st[0]);
	/* One stream after the other: native has one order only. */
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned k = 0; k < 5; k++)
			speak(i, 100 * k, 20, st[i]);
		DRV(cuStreamSynchronize(st[i]));
	}
	/* Much at once: 3,000 lines of some 60 bytes. */
	for (unsigned k = 0; k < 30; k++)
		speak(9, 100 * k, 100, st[0]);
	DRV(cuStreamSynchronize(st[0]));
	/* What nobody waits for comes with the context's end at the latest. */
	speak(10, 0, 3, st[1]);
	for (int i = 0; i < 4; i++)
		DRV(cuStreamDestroy(st[i]));
	DRV(cuModuleUnload(mod));
	DRV(cuDevicePrimaryCtxRelease(0));
	printf("drv_printf done\n");
	return 0;
}

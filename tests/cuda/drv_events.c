// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_events.c - timing, blocking waits, events recorded over and over,
 * destroyed while pending, and waits between streams in a long chain.
 */
#include "drv.h"
#include "kernels_ptx.h"

static CUmodule mod;

static void spin(unsigned us, CUstream st)
{
	void *args[] = { &us };

	DRV(cuLaunchKernel(drv_function(mod, "spin_us"), 1, 1, 1, 1, 1, 1, 0,
			   st, args, NULL));
}

static void timing(CUstream st)
{
	CUevent start, stop, plain;
	float ms = 0;

	DRV(cuEventCreate(&start, CU_EVENT_DEFAULT));
	DRV(cuEventCreate(&stop, CU_EVENT_BLOCKING_SYNC));
	DRV(cuEventCreate(&plain, CU_EVENT_DISABLE_TIMING));
	DRV(cuEventRecord(start, st));
	spin(50000, st);
	DRV(cuEventRecord(stop, st));
	DRV(cuEventRecord(plain, st));
	SHOW("elapsed time while it runs",
	     cuEventElapsedTime(&ms, start, stop));
	SHOW("query while it runs", cuEventQuery(stop));
	DRV(cuEventSynchronize(stop));
	DRV(cuEventQuery(stop));
	DRV(cuEventElapsedTime(&ms, start, stop));
	printf("50 ms took at least %s\n", ms >= 49.8f ? "50 ms" : "less");
	if (!(ms >= 49.8f))
		wrong_result("drv_events: 50 ms took %.3f ms", ms);
	EXPECT("elapsed time without timing",
	       cuEventElapsedTime(&ms, start, plain),
	       CUDA_ERROR_INVALID_HANDLE);
	DRV(cuEventDestroy(start));
	DRV(cuEventDestroy(stop));
	DRV(cuEventDestroy(plain));
}

/* The event stands for its last record only. */
static void recorded_again(CUstream st)
{
	CUevent ev;

	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	SHOW("query of a fresh event", cuEventQuery(ev));
	SHOW("wait for a fresh event", cuEventSynchronize(ev));
	for (int i = 0; i < 1000; i++)
		DRV(cuEventRecord(ev, st));
	spin(50000, st);
	DRV(cuEventRecord(ev, st));
	SHOW("query of the last record", cuEventQuery(ev));
	DRV(cuEventSynchronize(ev));
	SHOW("query after the wait", cuEventQuery(ev));
	DRV(cuEventDestroy(ev));
}

static void destroyed_pending(CUstream a, CUstream b)
{
	CUdeviceptr p = drv_alloc(4);
	unsigned n = 1, v = 5, got = 0;
	void *args[] = { &p, &n, &v };

	/* The set is work of the legacy stream, which these do not wait for. */
	DRV(cuMemsetD32(p, 0, 1));
	DRV(cuStreamSynchronize(NULL));
	for (int i = 0; i < 100; i++) {
		CUevent ev;

		DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
		DRV(cuLaunchKernel(drv_function(mod, "bump"), 1, 1, 1, 32, 1,
				   1, 0, i % 2 ? a : b, args, NULL));
		DRV(cuEventRecord(ev, i % 2 ? a : b));
		DRV(cuStreamWaitEvent(i % 2 ? b : a, ev, 0));
		/* The wait stays although the event is gone. */
		DRV(cuEventDestroy(ev));
	}
	DRV(cuStreamSynchronize(a));
	DRV(cuStreamSynchronize(b));
	DRV(cuMemcpyDtoH(&got, p, 4));
	printf("chain of 100 kernels on two streams gives %u\n", got);
	if (got != 500)
		wrong_result("drv_events: the chain should give 500");
	DRV(cuMemFree(p));
}

int main(void)
{
	CUcontext ctx;
	CUstream a, b;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	spin(1, a); /* the first launch loads; not part of any time */
	DRV(cuStreamSynchronize(a));
	timing(a);
	recorded_again(b);
	destroyed_pending(a, b);
	DRV(cuStreamDestroy(a));
	DRV(cuStreamDestroy(b));
	DRV(cuModuleUnload(mod));
	return 0;
}

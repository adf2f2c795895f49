// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_churn.c - what a service does in a day, in half a minute: everything that
 * can be made and destroyed is, over and over, and neither this process nor the
 * device has less room afterwards. `drv_churn marks [DIVISOR [TIMES]]` prints
 * "mark" after each third and waits for a line, so that flat.sh and flat.t
 * can look at other processes meanwhile.
 */
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define MIB (1024 * 1024)

static CUcontext ctx;
static CUdevice dev;
static CUmodule mod;
static CUfunction chain;

static void step(CUdeviceptr p, CUstream st)
{
	unsigned mul = 3, add = 1;
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

static void streams_and_events(long i)
{
	CUstream st;
	CUevent ev[2];
	float ms;

	DRV(cuStreamCreateWithPriority(&st, CU_STREAM_NON_BLOCKING, -(int)
				       (i % 3)));
	DRV(cuEventCreate(&ev[0], 0));
	DRV(cuEventCreate(&ev[1], CU_EVENT_BLOCKING_SYNC));
	DRV(cuEventRecord(ev[0], st));
	DRV(cuEventRecord(ev[1], st));
	DRV(cuEventSynchronize(ev[1]));
	DRV(cuEventElapsedTime(&ms, ev[0], ev[1]));
	DRV(cuEventDestroy(ev[0]));
	DRV(cuEventDestroy(ev[1]));
	DRV(cuStreamDestroy(st));
}

static void memory(long i)
{
	CUdeviceptr p = drv_alloc(1000 + (size_t)(i % 50) * 40000), q;
	size_t pitch;
	void *h;

	DRV(cuMemAllocPitch(&q, &pitch, 300, 20, 4));
	DRV(cuMemHostAlloc(&h, 5000 + (size_t)(i % 9) * 30000, 0));
	DRV(cuMemsetD8Async(p, 1, 1000, NULL));
	DRV(cuMemcpyDtoHAsync(h, p, 1000, NULL));
	DRV(cuMemcpyHtoDAsync(q, h, 1000, NULL));
	DRV(cuStreamSynchronize(NULL));
	DRV(cuMemFree(p));
	DRV(cuMemFree(q));
	DRV(cuMemFreeHost(h));
}

static void pools(long i)
{
	CUdeviceptr p;
	CUstream st;

	(void)i;
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuMemAllocAsync(&p, 100000, st));
	DRV(cuMemsetD32Async(p, 1, 1, st));
	step(p, st);
	DRV(cuMemFreeAsync(p, st));
	DRV(cuStreamSynchronize(st));
	DRV(cuStreamDestroy(st));
}

static void modules(long i)
{
	CUdeviceptr p = drv_alloc(4);
	CUfunction f;
	CUmodule m;

	(void)i;
	DRV(cuModuleLoadData(&m, kernels_more_ptx));
	f = drv_function(m, "chain");
	DRV(cuMemsetD32(p, 1, 1));
	{
		unsigned mul = 3, add = 1;
		void *args[] = { &p, &mul, &add };

		DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	}
	DRV(cuCtxSynchronize());
	DRV(cuModuleUnload(m));
	DRV(cuMemFree(p));
}

static void CUDA_CB nothing(void *arg)
{
	(void)arg;
}

static void graphs(long i)
{
	CUdeviceptr p = drv_alloc(4);
	CUgraphExec exec;
	CUstream st;
	CUgraph g;

	(void)i;
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	step(p, st);
	step(p, st);
	DRV(cuLaunchHostFunc(st, nothing, NULL));
	DRV(cuStreamEndCapture(st, &g));
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(p));
}

/* Of this process's own memory; the graph goes before what runs it. */
static void graph_copies(long i)
{
	static unsigned from[20000], to[20000];
	CUdeviceptr p = drv_alloc(sizeof(from));
	CUgraphExec exec;
	CUstream st;
	CUgraph g;

	from[1] = (unsigned)i;
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	DRV(cuMemcpyHtoDAsync(p, from, sizeof(from), st));
	DRV(cuMemcpyDtoHAsync(to, p, sizeof(to), st));
	DRV(cuStreamEndCapture(st, &g));
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuGraphDestroy(g));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	if (to[1] != (unsigned)i)
		fail("drv_churn: round %ld: a graph copied %u", i, to[1]);
	DRV(cuGraphExecDestroy(exec));
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(p));
}

/* Left behind on purpose: what a context has goes with it. */
static void contexts(long i)
{
	CUcontext own;
	CUdeviceptr p;
	CUstream st;
	CUmodule m;

	(void)i;
	DRV(cuCtxCreate(&own, NULL, 0, dev));
	p = drv_alloc(4 * MIB);
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuModuleLoadData(&m, kernels_more_ptx));
	DRV(cuMemsetD32Async(p, 1, 100, st));
	DRV(cuCtxSynchronize());
	DRV(cuCtxDestroy(own));
}

static const struct {
	const char *name;
	void (*once)(long i);
	long rounds;
} kinds[] = {
	{ "streams and events", streams_and_events, 3000 },
	{ "memory", memory, 1500 },
	{ "pools", pools, 1500 },
	{ "modules", modules, 150 },
	{ "graphs", graphs, 750 },
	{ "graphs with copies", graph_copies, 900 },
	{ "contexts", contexts, 15 },
};

static long resident_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	if (!f)
		fail("drv_churn: no /proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static size_t device_free(void)
{
	size_t left = 0, total;

	DRV(cuCtxSynchronize());
	DRV(cuMemGetInfo(&left, &total));
	return left;
}

static void third(long divide, long times)
{
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (long i = 0; i < kinds[k].rounds * times / divide / 3 + 1;
		     i++)
			kinds[k].once(i);
}

static void mark(int wanted)
{
	char line[16];

	if (!wanted)
		return;
	printf("mark\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		fail("drv_churn: nobody answers the mark");
}

int main(int argc, char **argv)
{
	int marks = argc > 1 && !strcmp(argv[1], "marks");
	long divide = arg_long(argc - marks, argv + marks, 1, 1);
	long times = arg_long(argc - marks, argv + marks, 2, 1), kib = 0;
	size_t left = 0;

	dev = drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	for (int i = 0; i < 3; i++) {
		third(divide, times);
		/* The first third may fill caches; the others may not. */
		if (i == 0) {
			kib = resident_kib();
			left = device_free();
		}
		mark(marks);
	}
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		printf("%ld times %s\n", kinds[k].rounds * times / divide,
		       kinds[k].name);
	kib = resident_kib() - kib;
	printf("this process %s\n", kib < 16 * 1024 ? "is flat" : "grows");
	if (kib >= 16 * 1024)
		fail("drv_churn: %ld KiB more than after the first third",
		     kib);
	printf("the device's memory %s\n",
	       device_free() + 16 * MIB > left ? "is flat" : "shrinks");
	if (device_free() + 16 * MIB <= left)
		fail("drv_churn: %zu bytes of the device are lost",
		     left - device_free());
	DRV(cuModuleUnload(mod));
	return 0;
}

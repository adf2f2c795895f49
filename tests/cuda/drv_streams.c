// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_streams.c - priorities, attributes, value waits and writes, batches of
 * them, capture in all modes, the legacy and the per-thread stream.
 */
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"

#define N 4096

static CUmodule mod;
static CUcontext ctx;

static void launch_bump(CUdeviceptr p, unsigned by, CUstream st)
{
	unsigned n = N;
	void *args[] = { &p, &n, &by };

	DRV(cuLaunchKernel(drv_function(mod, "bump"), N / 128, 1, 1, 128, 1, 1,
			   0, st, args, NULL));
}

/*
 * The first launch of a kernel may load it, which waits for all streams: with
 * a stream that waits for a later call, forever.
 */
static void load_kernels(void)
{
	CUdeviceptr p = drv_alloc(N * 4);

	DRV(cuMemsetD32(p, 0, N));
	launch_bump(p, 1, NULL);
	DRV(cuCtxSynchronize());
	DRV(cuMemFree(p));
}

static void properties(void)
{
	int low = 0, high = 0, prio = 99;
	unsigned flags = 99;
	unsigned long long id_a = 0, id_b = 0;
	CUcontext owner = NULL;
	CUstream a, b;

	DRV(cuCtxGetStreamPriorityRange(&low, &high));
	DRV(cuStreamCreateWithPriority(&a, CU_STREAM_NON_BLOCKING, high));
	DRV(cuStreamCreateWithPriority(&b, CU_STREAM_DEFAULT, -1000));
	DRV(cuStreamGetPriority(a, &prio));
	DRV(cuStreamGetFlags(a, &flags));
	DRV(cuStreamGetCtx(a, &owner));
	DRV(cuStreamGetId(a, &id_a));
	DRV(cuStreamGetId(b, &id_b));
	printf("priorities %d..%d, stream %d flags %u\n", low, high, prio,
	       flags);
	DRV(cuStreamGetPriority(b, &prio));
	printf("priority -1000 becomes %d\n", prio);
	if (owner != ctx || id_a == id_b)
		wrong_result("drv_streams: context or id of a stream is wrong");
	DRV(cuStreamDestroy(a));
	DRV(cuStreamDestroy(b));
}

/* One stream waits for a word that another one, then the host, writes. */
static void values(CUdevice dev)
{
	CUdeviceptr flag = drv_alloc(16), p = drv_alloc(N * 4), d_host;
	CUstreamBatchMemOpParams ops[2];
	CUstream a, b;
	unsigned *host;
	int able = 0;

	/* Newer drivers always can; the attribute is of the second version. */
	DRV(cuDeviceGetAttribute(&able,
		CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS, dev));
	printf("64-bit stream memory operations %d\n", able);
	DRV(cuMemHostAlloc((void **)&host, 64, CU_MEMHOSTALLOC_DEVICEMAP));
	DRV(cuMemHostGetDevicePointer(&d_host, host, 0));
	DRV(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	DRV(cuMemsetD32(flag, 0, 4));
	DRV(cuMemsetD32(p, 1, N));
	DRV(cuCtxSynchronize());
	DRV(cuStreamWaitValue32(a, flag, 3, CU_STREAM_WAIT_VALUE_EQ));
	launch_bump(p, 10, a);
	SHOW("a stream that waits", cuStreamQuery(a));
	DRV(cuStreamWriteValue32(b, flag, 3, 0));
	DRV(cuStreamSynchronize(a));
	printf("after the write %u\n", drv_word(p));

	*(volatile unsigned *)host = 0;
	DRV(cuStreamWaitValue32(a, d_host, 5, CU_STREAM_WAIT_VALUE_GEQ));
	launch_bump(p, 100, a);
	*(volatile unsigned *)host = 6;
	DRV(cuStreamSynchronize(a));
	printf("after the host's write %u\n", drv_word(p));

	memset(ops, 0, sizeof(ops));
	ops[0].writeValue.operation = CU_STREAM_MEM_OP_WRITE_VALUE_32;
	ops[0].writeValue.address = flag, ops[0].writeValue.value = 77;
	ops[1].writeValue.operation = CU_STREAM_MEM_OP_WRITE_VALUE_64;
	ops[1].writeValue.address = flag + 8;
	ops[1].writeValue.value64 = 0x500000006ull;
	DRV(cuStreamBatchMemOp(b, 2, ops, 0));
	DRV(cuStreamSynchronize(b));
	printf("batch %u %u %u\n", drv_word(flag), drv_word(flag + 8),
	       drv_word(flag + 12));
	if (drv_word(p) != 111 || drv_word(flag) != 77 ||
	    drv_word(flag + 12) != 5)
		wrong_result("drv_streams: value waits gave %u", drv_word(p));
	DRV(cuMemFreeHost(host));
	DRV(cuMemFree(flag));
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(a));
	DRV(cuStreamDestroy(b));
}

static void capture_mode(CUstreamCaptureMode mode, const char *name)
{
	CUdeviceptr p = drv_alloc(N * 4), q = 0;
	CUstreamCaptureStatus status;
	CUgraphExec exec;
	CUgraph graph;
	size_t nodes = 0;
	CUstream a;

	DRV(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamBeginCapture(a, mode));
	DRV(cuStreamIsCapturing(a, &status));
	DRV(cuMemsetD32Async(p, 5, N, a));
	launch_bump(p, 2, a);
	printf("%s: status %d, ", name, status);
	/* Whether an unsafe call is let through depends on the mode. */
	printf("cuMemAlloc meanwhile %s, ", drv_name(cuMemAlloc(&q, 4096)));
	if (cuStreamEndCapture(a, &graph) == CUDA_SUCCESS && graph) {
		DRV(cuGraphGetNodes(graph, NULL, &nodes));
		DRV(cuGraphInstantiate(&exec, graph, 0));
		for (int i = 0; i < 3; i++)
			DRV(cuGraphLaunch(exec, a));
		DRV(cuStreamSynchronize(a));
		printf("%zu nodes give %u\n", nodes, drv_word(p));
		if (drv_word(p) != 7)
			wrong_result("drv_streams: the graph should give 7");
		DRV(cuGraphExecDestroy(exec));
		DRV(cuGraphDestroy(graph));
	} else {
		printf("capture was invalidated\n");
	}
	if (q)
		DRV(cuMemFree(q));
	DRV(cuStreamDestroy(a));
	DRV(cuMemFree(p));
}

/* A second stream joins a capture through an event and leaves it again. */
static void capture_two(void)
{
	CUdeviceptr p = drv_alloc(N * 4), q = drv_alloc(N * 4);
	CUdeviceptr r = drv_alloc(N * 4);
	CUevent fork, join;
	CUgraphExec exec;
	CUstream a, b;
	CUgraph graph;
	size_t nodes = 0;

	DRV(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&fork, CU_EVENT_DISABLE_TIMING));
	DRV(cuEventCreate(&join, CU_EVENT_DISABLE_TIMING));
	DRV(cuStreamBeginCapture(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DRV(cuMemsetD32Async(p, 1, N, a));
	DRV(cuMemsetD32Async(q, 1, N, a));
	DRV(cuEventRecord(fork, a));
	DRV(cuStreamWaitEvent(b, fork, 0));
	launch_bump(q, 8, b);
	DRV(cuEventRecord(join, b));
	launch_bump(p, 3, a);
	DRV(cuStreamWaitEvent(a, join, 0));
	launch_bump(q, 1, a);
	DRV(cuMemcpyDtoDAsync(r, q, N * 4, a));
	DRV(cuStreamEndCapture(a, &graph));
	DRV(cuGraphGetNodes(graph, NULL, &nodes));
	DRV(cuGraphInstantiate(&exec, graph, 0));
	DRV(cuGraphUpload(exec, a));
	DRV(cuGraphLaunch(exec, a));
	DRV(cuStreamSynchronize(a));
	printf("two streams: %zu nodes give %u %u %u\n", nodes, drv_word(p),
	       drv_word(q), drv_word(r));
	if (drv_word(p) != 4 || drv_word(q) != 10 || drv_word(r) != 10)
		wrong_result("drv_streams: should give 4 10 10");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(graph));
	DRV(cuEventDestroy(fork));
	DRV(cuEventDestroy(join));
	DRV(cuStreamDestroy(a));
	DRV(cuStreamDestroy(b));
	DRV(cuMemFree(p));
	DRV(cuMemFree(q));
	DRV(cuMemFree(r));
}

/* What is forbidden in a capture ends it, and the stream is usable again. */
static void capture_broken(void)
{
	CUdeviceptr p = drv_alloc(N * 4);
	CUgraph graph = NULL;
	CUstream a;

	DRV(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamBeginCapture(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	DRV(cuMemsetD32Async(p, 1, N, a));
	SHOW("cuStreamSynchronize in a capture", cuStreamSynchronize(a));
	SHOW("the end of that capture", cuStreamEndCapture(a, &graph));
	if (graph)
		DRV(cuGraphDestroy(graph));
	DRV(cuMemsetD32Async(p, 6, N, a));
	DRV(cuStreamSynchronize(a));
	printf("afterwards the stream gives %u\n", drv_word(p));
	if (drv_word(p) != 6)
		wrong_result("drv_streams: should give 6");
	DRV(cuStreamDestroy(a));
	DRV(cuMemFree(p));
}

static void special_streams(void)
{
	CUdeviceptr p = drv_alloc(N * 4);

	DRV(cuMemsetD32Async(p, 1, N, CU_STREAM_LEGACY));
	launch_bump(p, 1, CU_STREAM_PER_THREAD);
	DRV(cuStreamSynchronize(CU_STREAM_PER_THREAD));
	launch_bump(p, 1, CU_STREAM_LEGACY);
	DRV(cuStreamSynchronize(CU_STREAM_LEGACY));
	printf("legacy and per-thread streams %u\n", drv_word(p));
	if (drv_word(p) != 3)
		wrong_result("drv_streams: should give 3");
	DRV(cuMemFree(p));
}

int main(void)
{
	CUdevice dev = drv_open(&ctx);

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	load_kernels();
	properties();
	values(dev);
	capture_mode(CU_STREAM_CAPTURE_MODE_GLOBAL, "global");
	capture_mode(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, "thread local");
	capture_mode(CU_STREAM_CAPTURE_MODE_RELAXED, "relaxed");
	capture_two();
	capture_broken();
	special_streams();
	DRV(cuModuleUnload(mod));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_capture_copies.c - captured copies to and from every kind of host
 * memory: what was captured is read and written when the graph is launched.
 */
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define N 3000 /* words: more than fits into one record of anything */

static CUcontext ctx;
static CUmodule mod;
static CUfunction chain;

static void step(CUdeviceptr p, unsigned mul, unsigned add, CUstream st)
{
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

static CUstream new_stream(void)
{
	CUstream st;

	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	return st;
}

/* What was captured is read and written when the graph is launched. */
static void copies(const char *name, unsigned *from, unsigned *to)
{
	CUdeviceptr p = drv_alloc(N * 4);
	CUstream st = new_stream();
	CUgraphExec exec;
	CUgraph g;

	for (unsigned i = 0; i < N; i++)
		from[i] = i;
	memset(to, 0, N * 4);
	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	DRV(cuMemcpyHtoDAsync(p, from, N * 4, st));
	step(p, 3, 1, st);
	step(p + 4 * (N - 1), 5, 2, st);
	DRV(cuMemcpyDtoHAsync(to, p, N * 4, st));
	DRV(cuStreamEndCapture(st, &g));
	DRV(cuGraphInstantiate(&exec, g, 0));
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < N; i++)
			from[i] = 10 * i + round;
		DRV(cuGraphLaunch(exec, st));
		DRV(cuStreamSynchronize(st));
		printf("%s round %u: %u %u %u\n", name, round, to[0], to[1],
		       to[N - 1]);
		if (to[0] != 3 * round + 1 || to[1] != 10 + round ||
		    to[N - 1] != 5 * (10 * (N - 1) + round) + 2)
			fail("drv_capture_copies: copies of %s memory are wrong",
			     name);
	}
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(p));
}

static void host_memory(void)
{
	static unsigned plain[2][N];
	unsigned *a, *b;

	DRV(cuMemHostAlloc((void **)&a, N * 4, 0));
	DRV(cuMemHostAlloc((void **)&b, N * 4, CU_MEMHOSTALLOC_PORTABLE));
	copies("pinned", a, b);
	copies("pageable", plain[0], plain[1]);
	copies("mixed", plain[0], b);
	DRV(cuMemFreeHost(a));
	DRV(cuMemFreeHost(b));
}

/* Rows in the middle of the program's memory, to rows in the middle of it. */
static void rectangles(void)
{
	static unsigned from[40 * 30], to[40 * 30];
	CUdeviceptr p = drv_alloc(sizeof(from));
	CUDA_MEMCPY2D in = { .srcXInBytes = 12, .srcY = 2,
			     .srcMemoryType = CU_MEMORYTYPE_HOST,
			     .srcHost = from, .srcPitch = 160,
			     .dstMemoryType = CU_MEMORYTYPE_DEVICE,
			     .dstDevice = p, .dstPitch = 80,
			     .WidthInBytes = 80, .Height = 20 };
	CUDA_MEMCPY2D out = { .srcMemoryType = CU_MEMORYTYPE_DEVICE,
			      .srcDevice = p, .srcPitch = 80,
			      .dstXInBytes = 8, .dstY = 1,
			      .dstMemoryType = CU_MEMORYTYPE_HOST,
			      .dstHost = to, .dstPitch = 160,
			      .WidthInBytes = 80, .Height = 20 };
	CUstream st = new_stream();
	CUgraphExec exec;
	CUgraph g;

	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	DRV(cuMemcpy2DAsync(&in, st));
	step(p, 3, 1, st);
	DRV(cuMemcpy2DAsync(&out, st));
	DRV(cuStreamEndCapture(st, &g));
	DRV(cuGraphInstantiate(&exec, g, 0));
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 40 * 30; i++) {
			from[i] = 10000 * round + i;
			to[i] = 5;
		}
		DRV(cuGraphLaunch(exec, st));
		DRV(cuStreamSynchronize(st));
		for (unsigned i = 0; i < 40 * 30; i++) {
			unsigned x = i % 40, y = i / 40, want = 5;

			if (x >= 2 && x < 22 && y >= 1 && y < 21)
				want = from[(y + 1) * 40 + x + 1];
			if (i == 42)
				want = 3 * want + 1;
			if (to[i] != want)
				fail("drv_capture_copies: round %u word %u is "
				     "%u, not %u", round, i, to[i], want);
		}
		printf("rectangle round %u: %u %u\n", round, to[42], to[861]);
	}
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(p));
}

int main(void)
{
	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	host_memory();
	rectangles();
	DRV(cuModuleUnload(mod));
	return 0;
}

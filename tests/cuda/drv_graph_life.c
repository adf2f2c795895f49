// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_graph_life.c - graphs with copies of the program's own memory, made and
 * destroyed a thousand times in every order: executables that outlive their
 * graph, clones, child graphs, updates, captures that come to nothing, and
 * destroying while a launch runs. Results are right, and memory is flat.
 */
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define N 16384 /* words: a thousand rounds are more than any window */

static CUcontext ctx;
static CUmodule mod;
static CUfunction chain;
static CUdeviceptr dev;
static CUstream st;
static unsigned from[N], to[N], other[N];

static void step(CUstream s)
{
	unsigned mul = 3, add = 1;
	void *args[] = { &dev, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, s, args, NULL));
}

static CUgraph captured(unsigned *a, unsigned *b)
{
	CUgraph g;

	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	DRV(cuMemcpyHtoDAsync(dev, a, N * 4, st));
	step(st);
	DRV(cuMemcpyDtoHAsync(b, dev, N * 4, st));
	DRV(cuStreamEndCapture(st, &g));
	return g;
}

static CUDA_MEMCPY3D copy_of(void *host, int in)
{
	CUDA_MEMCPY3D c = { .WidthInBytes = N * 4, .Height = 1, .Depth = 1 };

	c.srcMemoryType = in ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
	c.dstMemoryType = in ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
	c.srcHost = in ? host : NULL;
	c.dstHost = in ? NULL : host;
	c.srcDevice = in ? 0 : dev;
	c.dstDevice = in ? dev : 0;
	return c;
}

static CUgraphNode copy_node(CUgraph g, CUgraphNode after, void *host, int in)
{
	CUDA_MEMCPY3D c = copy_of(host, in);
	CUgraphNode n;

	DRV(cuGraphAddMemcpyNode(&n, g, &after, after != NULL, &c, ctx));
	return n;
}

static CUgraph by_hand(void)
{
	CUgraph g;

	DRV(cuGraphCreate(&g, 0));
	copy_node(g, copy_node(g, NULL, from, 1), to, 0);
	return g;
}

/* The first word goes through the kernel, the others are copied. */
static void check(const char *what, long round, const unsigned *b, int kernel)
{
	unsigned first = kernel ? 3 * from[0] + 1 : from[0];

	if (b[0] != first || memcmp(b + 1, from + 1, (N - 1) * 4))
		fail("drv_graph_life: %s, round %ld: %u %u %u are not %u %u %u",
		     what, round, b[0], b[1], b[N - 1], first, from[1],
		     from[N - 1]);
}

static CUgraphExec executable(CUgraph g)
{
	CUgraphExec x;

	DRV(cuGraphInstantiate(&x, g, 0));
	return x;
}

static void launch(CUgraphExec x)
{
	memset(to, 0, sizeof(to));
	memset(other, 0, sizeof(other));
	DRV(cuGraphLaunch(x, st));
	DRV(cuStreamSynchronize(st));
}

/* ---- the orders -------------------------------------------------------- */

static void in_order(long i)
{
	CUgraph g = captured(from, to);
	CUgraphExec x = executable(g);

	launch(x);
	check("in order", i, to, 1);
	DRV(cuGraphExecDestroy(x));
	DRV(cuGraphDestroy(g));
}

static void graph_first(long i)
{
	CUgraph g = i % 2 ? captured(from, to) : by_hand();
	CUgraphExec x = executable(g);

	DRV(cuGraphDestroy(g));
	g = captured(other, other); /* must not get what the other has */
	launch(x);
	check("graph first", i, to, i % 2 != 0);
	DRV(cuGraphExecDestroy(x));
	DRV(cuGraphDestroy(g));
}

static void clones(long i)
{
	CUgraph g = captured(from, to), c;
	CUgraphExec x;

	DRV(cuGraphClone(&c, g));
	DRV(cuGraphDestroy(g));
	x = executable(c);
	DRV(cuGraphDestroy(c));
	launch(x);
	check("clone", i, to, 1);
	DRV(cuGraphExecDestroy(x));
}

static void children(long i)
{
	CUgraph g = captured(from, to), parent;
	CUgraphNode n, last;
	CUgraphExec x;

	DRV(cuGraphCreate(&parent, 0));
	DRV(cuGraphAddChildGraphNode(&n, parent, NULL, 0, g));
	DRV(cuGraphDestroy(g));
	last = copy_node(parent, n, other, 0);
	DRV(cuGraphAddEmptyNode(&n, parent, &last, 1));
	x = executable(parent);
	DRV(cuGraphDestroy(parent));
	launch(x);
	check("child", i, to, 1);
	check("beside a child", i, other, 1);
	DRV(cuGraphExecDestroy(x));
}

static void updates(long i)
{
	CUgraphExecUpdateResultInfo info;
	CUgraph g = captured(from, to);
	CUgraphExec x = executable(g);

	DRV(cuGraphDestroy(g));
	g = captured(from, other);
	DRV(cuGraphExecUpdate(x, g, &info));
	DRV(cuGraphDestroy(g));
	launch(x);
	check("update", i, other, 1);
	if (to[1])
		fail("drv_graph_life: round %ld: what the graph was ran", i);
	DRV(cuGraphExecDestroy(x));
}

/* To other memory, and back: the graph stays what it was. */
static void node_updates(long i)
{
	static unsigned third[N];
	CUDA_MEMCPY3D in = copy_of(from, 1), out;
	CUgraphNode n[2];
	CUgraphExec x;
	CUgraph g;

	DRV(cuGraphCreate(&g, 0));
	n[0] = copy_node(g, NULL, to, 1);
	n[1] = copy_node(g, n[0], other, 0);
	x = executable(g);
	for (int k = 0; k < 3; k++) {
		out = copy_of(k == 1 ? third : to, 0);
		memset(third, 0, sizeof(third));
		DRV(cuGraphExecMemcpyNodeSetParams(x, n[0], &in, ctx));
		DRV(cuGraphExecMemcpyNodeSetParams(x, n[1], &out, ctx));
		launch(x);
		check("updated nodes", i, k == 1 ? third : to, 0);
	}
	memcpy(to, from, sizeof(to));
	DRV(cuGraphExecDestroy(x));
	x = executable(g);
	memset(other, 0, sizeof(other));
	DRV(cuGraphLaunch(x, st));
	DRV(cuStreamSynchronize(st));
	check("nodes as they were", i, other, 0);
	DRV(cuGraphExecDestroy(x));
	DRV(cuGraphDestroy(g));
}

/* Waiting for the stream ends the capture. */
static void aborted(long i)
{
	CUgraph g = NULL;

	(void)i;
	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	DRV(cuMemcpyHtoDAsync(dev, from, N * 4, st));
	if (cuStreamSynchronize(st) != CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
		fail("drv_graph_life: a captured stream was waited for");
	if (cuStreamEndCapture(st, &g) !=
	    CUDA_ERROR_STREAM_CAPTURE_INVALIDATED || g)
		fail("drv_graph_life: a broken capture made a graph");
}

static void while_running(long i)
{
	CUgraph g = captured(from, to);
	CUgraphExec x = executable(g);

	memset(to, 0, sizeof(to));
	DRV(cuGraphLaunch(x, st));
	DRV(cuGraphExecDestroy(x));
	DRV(cuGraphDestroy(g));
	DRV(cuStreamSynchronize(st));
	check("while running", i, to, 1);
}

static const struct {
	const char *name;
	void (*once)(long i);
	long rounds;
} kinds[] = {
	{ "in order", in_order, 1000 },
	{ "the graph before its executable", graph_first, 200 },
	{ "of clones", clones, 200 },
	{ "of children", children, 200 },
	{ "of updated executables", updates, 200 },
	{ "of updated nodes", node_updates, 200 },
	{ "of broken captures", aborted, 200 },
	{ "while a launch runs", while_running, 200 },
};

static long resident_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	if (!f)
		fail("drv_graph_life: no /proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

static long all(long divide)
{
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (long i = 0; i < kinds[k].rounds / divide; i++) {
			for (unsigned w = 0; w < N; w++)
				from[w] = w + (unsigned)i;
			kinds[k].once(i);
		}
	return resident_kib();
}

int main(void)
{
	long kib;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	dev = drv_alloc(N * 4);
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	kib = all(10); /* what is kept for later is there now */
	kib = all(1) - kib;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		printf("%ld times %s\n", kinds[k].rounds, kinds[k].name);
	printf("this process %s\n", kib < 8 * 1024 ? "is flat" : "grows");
	if (kib >= 8 * 1024)
		fail("drv_graph_life: %ld KiB more than at first", kib);
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(dev));
	DRV(cuModuleUnload(mod));
	return 0;
}

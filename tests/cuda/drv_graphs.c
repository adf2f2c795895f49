// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_graphs.c - graphs built by hand: kernel, memset, copy, host, empty,
 * event and memory nodes, child graphs; clone, update, node parameters.
 */
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"

#define N 1024

static CUmodule mod;
static CUcontext ctx;
static CUstream st;
static int host_calls;

static void CUDA_CB host_node(void *arg)
{
	*(int *)arg += 1;
}

static CUDA_KERNEL_NODE_PARAMS bump_params(void **args)
{
	CUDA_KERNEL_NODE_PARAMS k = { .func = drv_function(mod, "bump"),
				      .gridDimX = N / 128,
				      .gridDimY = 1,
				      .gridDimZ = 1,
				      .blockDimX = 128,
				      .blockDimY = 1,
				      .blockDimZ = 1,
				      .kernelParams = args };

	return k;
}

static CUgraphNode add_memset(CUgraph g, CUdeviceptr p, unsigned value)
{
	CUDA_MEMSET_NODE_PARAMS m = { .dst = p,
				      .value = value,
				      .elementSize = 4,
				      .width = N,
				      .height = 1 };
	CUgraphNode n;

	DRV(cuGraphAddMemsetNode(&n, g, NULL, 0, &m, ctx));
	return n;
}

static CUgraphNode add_copy_out(CUgraph g, CUgraphNode after, void *host,
				CUdeviceptr p)
{
	CUDA_MEMCPY3D c = { .srcMemoryType = CU_MEMORYTYPE_DEVICE,
			    .srcDevice = p,
			    .srcPitch = N * 4,
			    .srcHeight = 1,
			    .dstPitch = N * 4,
			    .dstHeight = 1,
			    .dstMemoryType = CU_MEMORYTYPE_HOST,
			    .dstHost = host,
			    .WidthInBytes = N * 4,
			    .Height = 1,
			    .Depth = 1 };
	CUgraphNode n;

	DRV(cuGraphAddMemcpyNode(&n, g, &after, 1, &c, ctx));
	return n;
}

static unsigned run(CUgraphExec exec, const unsigned *h)
{
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	return h[N - 1];
}

/* memset -> kernel -> copy -> host function, then changed in every way. */
static void by_hand(void)
{
	CUdeviceptr p = drv_alloc(N * 4);
	unsigned n = N, by = 5, by2 = 7, *h;
	void *args[] = { &p, &n, &by }, *args2[] = { &p, &n, &by2 };
	CUDA_KERNEL_NODE_PARAMS k = bump_params(args), k2 = bump_params(args2);
	CUDA_HOST_NODE_PARAMS hn = { host_node, &host_calls };
	CUgraphNode set, kernel, copy, host, empty;
	CUgraphExecUpdateResultInfo info;
	CUgraphExec exec;
	CUgraph g, twin;
	CUgraphNodeType type;
	size_t nodes = 0, edges = 0;

	DRV(cuMemHostAlloc((void **)&h, N * 4, 0));
	DRV(cuGraphCreate(&g, 0));
	set = add_memset(g, p, 100);
	DRV(cuGraphAddKernelNode(&kernel, g, &set, 1, &k));
	copy = add_copy_out(g, kernel, h, p);
	DRV(cuGraphAddHostNode(&host, g, &copy, 1, &hn));
	DRV(cuGraphAddEmptyNode(&empty, g, &host, 1));
	DRV(cuGraphGetNodes(g, NULL, &nodes));
	DRV(cuGraphGetEdges(g, NULL, NULL, NULL, &edges));
	DRV(cuGraphNodeGetType(host, &type));
	DRV(cuGraphInstantiate(&exec, g, 0));
	printf("by hand: %zu nodes %zu edges type %d gives %u", nodes, edges,
	       type, run(exec, h));
	DRV(cuGraphExecKernelNodeSetParams(exec, kernel, &k2));
	printf(", new parameters %u", run(exec, h));

	DRV(cuGraphClone(&twin, g));
	DRV(cuGraphExecUpdate(exec, twin, &info));
	printf(", updated from a clone %u, host function ran %d times\n",
	       run(exec, h), host_calls);
	if (info.result != CU_GRAPH_EXEC_UPDATE_SUCCESS || h[0] != 105 ||
	    host_calls != 3)
		wrong_result("drv_graphs: should be 105, 107, 105 and 3 times");
	DRV(cuGraphDestroyNode(empty));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(twin));
	DRV(cuGraphDestroy(g));
	DRV(cuMemFreeHost(h));
	DRV(cuMemFree(p));
}

static void child_graph(void)
{
	CUdeviceptr p = drv_alloc(N * 4);
	unsigned n = N, by = 1;
	void *args[] = { &p, &n, &by };
	CUDA_KERNEL_NODE_PARAMS k = bump_params(args);
	CUgraphNode inner, set, a, b;
	CUgraphExec exec;
	CUgraph g, child;

	DRV(cuGraphCreate(&child, 0));
	DRV(cuGraphAddKernelNode(&inner, child, NULL, 0, &k));
	DRV(cuGraphCreate(&g, 0));
	set = add_memset(g, p, 0);
	DRV(cuGraphAddChildGraphNode(&a, g, &set, 1, child));
	DRV(cuGraphAddChildGraphNode(&b, g, &a, 1, child));
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	printf("child graphs give %u\n", drv_word(p));
	if (drv_word(p) != 2)
		wrong_result("drv_graphs: two child graphs should give 2");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuGraphDestroy(child));
	DRV(cuMemFree(p));
}

/* Memory that lives inside the graph. */
static void memory_nodes(CUdevice dev)
{
	CUDA_MEM_ALLOC_NODE_PARAMS alloc = { .bytesize = N * 4 };
	CUgraphNode a, set, kernel, copy, freed;
	CUDA_MEMSET_NODE_PARAMS m = { .value = 3,
				      .elementSize = 4,
				      .width = N,
				      .height = 1 };
	unsigned n = N, by = 4, *h;
	CUgraphExec exec;
	CUgraph g;

	alloc.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
	alloc.poolProps.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	alloc.poolProps.location.id = dev;
	DRV(cuMemHostAlloc((void **)&h, N * 4, 0));
	DRV(cuGraphCreate(&g, 0));
	DRV(cuGraphAddMemAllocNode(&a, g, NULL, 0, &alloc));
	m.dst = alloc.dptr;
	DRV(cuGraphAddMemsetNode(&set, g, &a, 1, &m, ctx));
	{
		void *args[] = { &alloc.dptr, &n, &by };
		CUDA_KERNEL_NODE_PARAMS k = bump_params(args);

		DRV(cuGraphAddKernelNode(&kernel, g, &set, 1, &k));
	}
	copy = add_copy_out(g, kernel, h, alloc.dptr);
	DRV(cuGraphAddMemFreeNode(&freed, g, &copy, 1, alloc.dptr));
	DRV(cuGraphInstantiate(&exec, g, 0));
	for (int i = 0; i < 3; i++)
		DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	printf("memory nodes give %u\n", h[5]);
	if (h[5] != 7)
		wrong_result("drv_graphs: memory nodes should give 7");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuDeviceGraphMemTrim(dev));
	DRV(cuMemFreeHost(h));
}

static void event_nodes(void)
{
	CUgraphNode record, wait;
	CUgraphExec exec;
	CUevent ev;
	CUgraph g;

	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	DRV(cuGraphCreate(&g, 0));
	DRV(cuGraphAddEventRecordNode(&record, g, NULL, 0, ev));
	DRV(cuGraphAddEventWaitNode(&wait, g, &record, 1, ev));
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	SHOW("event of a graph", cuEventQuery(ev));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuEventDestroy(ev));
}

/* A loop in the graph is refused; a graph of nothing is a graph. */
static void wrong_graphs(void)
{
	CUgraphNode a, b;
	CUgraphExec exec = NULL;
	CUgraph g;

	DRV(cuGraphCreate(&g, 0));
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphAddEmptyNode(&a, g, NULL, 0));
	DRV(cuGraphAddEmptyNode(&b, g, &a, 1));
	SHOW("an edge that closes a loop",
	     cuGraphAddDependencies(g, &b, &a, NULL, 1));
	SHOW("a graph with a loop", cuGraphInstantiate(&exec, g, 0));
	DRV(cuGraphDestroy(g));
}

int main(void)
{
	CUdevice dev = drv_open(&ctx);

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	by_hand();
	child_graph();
	memory_nodes(dev);
	event_nodes();
	wrong_graphs();
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(mod));
	return 0;
}

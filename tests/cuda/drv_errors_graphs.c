// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_graphs.c - graphs built, changed, instantiated and launched
 * wrongly: foreign nodes, cycles, impossible parameters.
 */
#include "errors.h"

static CUgraph graph_with(CUgraphNode *node, unsigned n)
{
	CUgraph g = NULL;

	DRV(cuGraphCreate(&g, 0));
	for (unsigned i = 0; i < n; i++)
		DRV(cuGraphAddEmptyNode(&node[i], g, NULL, 0));
	return g;
}

static void shapes(CUdevice dev, CUmodule mod)
{
	CUgraphNode n[3] = { NULL }, m[1] = { NULL }, extra = NULL, root[4];
	CUgraph g, h, copy = NULL;
	CUgraphNodeType type;
	size_t count = 0;

	(void)dev, (void)mod;
	READY(cuGraphCreate(&g, 0));
	(void)cuGraphDestroy(g);
	g = graph_with(n, 3);
	h = graph_with(m, 1);
	PROBE("depend on a foreign node",
	      cuGraphAddEmptyNode(&extra, g, m, 1));
	PROBE("depend on NULL", cuGraphAddEmptyNode(&extra, g, NULL, 1));
	PROBE("depend twice on one", cuGraphAddEmptyNode(&extra, g,
				(CUgraphNode[]){ n[0], n[0] }, 2));
	PROBE("2^40 dependencies of NULL",
	      cuGraphAddEmptyNode(&extra, g, NULL, (size_t)1 << 40));
	PROBE("an edge", cuGraphAddDependencies(g, &n[0], &n[1], NULL, 1));
	PROBE("the edge again", cuGraphAddDependencies(g, &n[0], &n[1], NULL,
						       1));
	PROBE("an edge to itself", cuGraphAddDependencies(g, &n[0], &n[0],
							  NULL, 1));
	PROBE("an edge to another graph",
	      cuGraphAddDependencies(g, &n[0], &m[0], NULL, 1));
	PROBE("an edge back", cuGraphAddDependencies(g, &n[1], &n[0], NULL,
						     1));
	PROBE("no edges", cuGraphAddDependencies(g, NULL, NULL, NULL, 0));
	PROBE("remove an edge that is not",
	      cuGraphRemoveDependencies(g, &n[0], &n[2], NULL, 1));
	PROBE("remove an edge",
	      cuGraphRemoveDependencies(g, &n[1], &n[0], NULL, 1));
	count = 1;
	PROBE("room for one node of all", cuGraphGetNodes(g, root, &count));
	probe_says("count %zu", count);
	count = 4;
	PROBE("room for more", cuGraphGetRootNodes(g, root, &count));
	probe_says("count %zu", count);
	PROBE("count to NULL", cuGraphGetNodes(g, root, NULL));
	PROBE("clone", cuGraphClone(&copy, g));
	PROBE("a node that is not in the clone",
	      cuGraphNodeFindInClone(&extra, m[0], copy));
	PROBE("find in what is no clone",
	      cuGraphNodeFindInClone(&extra, n[0], h));
	PROBE("a child of itself", cuGraphAddChildGraphNode(&extra, g, NULL, 0,
							    g));
	PROBE("type to NULL", cuGraphNodeGetType(n[0], NULL));
	PROBE("type", cuGraphNodeGetType(n[0], &type));
	PROBE("kernel parameters of an empty node",
	      cuGraphKernelNodeGetParams(n[0],
					 &(CUDA_KERNEL_NODE_PARAMS){ 0 }));
	PROBE("memset parameters of an empty node",
	      cuGraphMemsetNodeGetParams(n[0],
					 &(CUDA_MEMSET_NODE_PARAMS){ 0 }));
	PROBE("child of an empty node",
	      cuGraphChildGraphNodeGetGraph(n[0], &copy));
	PROBE("event of an empty node",
	      cuGraphEventRecordNodeGetEvent(n[0], &(CUevent){ NULL }));
	PROBE("destroy a node", cuGraphDestroyNode(n[2]));
	PROBE("print to nowhere",
	      cuGraphDebugDotPrint(g, "/nonexistent/file", 0));
	PROBE("destroy", cuGraphDestroy(g));
	(void)cuGraphDestroy(h);
}

static void nodes(CUdevice dev, CUmodule mod)
{
	CUDA_KERNEL_NODE_PARAMS k = { .func = drv_function(mod, "fill"),
		.gridDimX = 1, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 32,
		.blockDimY = 1, .blockDimZ = 1 }, bad;
	CUdeviceptr p = drv_alloc(4096);
	CUDA_MEMSET_NODE_PARAMS s = { .dst = p, .elementSize = 4, .width = 16,
				      .height = 1 }, odd;
	uint64_t n = 16, v = 1; /* libfakecuda's parameters have 8 bytes each */
	void *args[] = { &p, &n, &v };
	CUDA_HOST_NODE_PARAMS host = { NULL, NULL };
	CUgraphNodeParams any = { .type = (CUgraphNodeType)99 };
	CUgraphNode node = NULL;
	CUcontext ctx = NULL;
	CUevent e;
	CUgraph g;

	(void)dev;
	READY(cuGraphCreate(&g, 0));
	DRV(cuCtxGetCurrent(&ctx));
	DRV(cuEventCreate(&e, 0));
	k.kernelParams = args;
#define KERNEL(what, field, value)                                             \
	do {                                                                   \
		bad = k;                                                       \
		bad.field = value;                                             \
		PROBE(what, cuGraphAddKernelNode(&node, g, NULL, 0, &bad));    \
	} while (0)
	KERNEL("kernel, all is well", gridDimX, 1);
	KERNEL("kernel, function NULL", func, NULL);
	KERNEL("kernel, grid 0", gridDimX, 0);
	KERNEL("kernel, grid y 65536", gridDimY, 65536);
	KERNEL("kernel, block 1025", blockDimX, 1025);
	KERNEL("kernel, block z 65", blockDimZ, 65);
	KERNEL("kernel, shared 1 GiB", sharedMemBytes, 1u << 30);
	KERNEL("kernel, no parameters", kernelParams, NULL);
	KERNEL("kernel, both kinds", extra, args);
#define FILL(what, field, value)                                               \
	do {                                                                   \
		odd = s;                                                       \
		odd.field = value;                                             \
		PROBE(what, cuGraphAddMemsetNode(&node, g, NULL, 0, &odd,      \
						 ctx));                        \
	} while (0)
	FILL("set, all is well", value, 1);
	FILL("set, element size 3", elementSize, 3);
	FILL("set, element size 8", elementSize, 8);
	FILL("set, width 0", width, 0);
	FILL("set, height 0", height, 0);
	FILL("set, at 2", dst, p + 2);
	FILL("set, at 0", dst, 0);
	FILL("set, at nobody's", dst, 4096);
	FILL("set, width 2^63", width, HUGE_SIZE);
	FILL("set, rows without pitch", height, 4);
	PROBE("set, context NULL",
	      cuGraphAddMemsetNode(&node, g, NULL, 0, &s, NULL));
	PROBE("host function NULL",
	      cuGraphAddHostNode(&node, g, NULL, 0, &host));
	PROBE("record event NULL",
	      cuGraphAddEventRecordNode(&node, g, NULL, 0, NULL));
	PROBE("wait for event NULL",
	      cuGraphAddEventWaitNode(&node, g, NULL, 0, NULL));
	PROBE("free 0", cuGraphAddMemFreeNode(&node, g, NULL, 0, 0));
	PROBE("free what no graph took",
	      cuGraphAddMemFreeNode(&node, g, NULL, 0, p));
	PROBE("a node of type 99",
	      cuGraphAddNode(&node, g, NULL, NULL, 0, &any));
	any.type = CU_GRAPH_NODE_TYPE_CONDITIONAL;
	PROBE("a condition without a handle",
	      cuGraphAddNode(&node, g, NULL, NULL, 0, &any));
	any.type = CU_GRAPH_NODE_TYPE_BATCH_MEM_OP;
	PROBE("a batch of nothing",
	      cuGraphAddNode(&node, g, NULL, NULL, 0, &any));
	(void)cuGraphDestroy(g);
}

static void execs(CUdevice dev, CUmodule mod)
{
	CUgraphExecUpdateResultInfo info = { 0 };
	CUgraphNode n[2] = { NULL }, m[1] = { NULL };
	CUgraph g, h;
	CUgraphExec x = NULL, y = NULL;
	CUuserObject obj = NULL;
	cuuint64_t flags = 0;
	CUstream s;

	(void)dev, (void)mod;
	READY(cuGraphCreate(&g, 0));
	(void)cuGraphDestroy(g);
	g = graph_with(n, 2);
	h = graph_with(m, 1);
	DRV(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	PROBE("instantiate with flags 0x8000",
	      cuGraphInstantiate(&y, g, 0x8000));
	PROBE("instantiate for the device, empty",
	      cuGraphInstantiate(&y, g,
			CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH));
	DRV(cuGraphInstantiate(&x, g, 0));
	PROBE("update from another shape", cuGraphExecUpdate(x, h, &info));
	probe_says("result %d", (int)info.result);
	PROBE("update to NULL", cuGraphExecUpdate(x, g, NULL));
	PROBE("update", cuGraphExecUpdate(x, g, &info));
	PROBE("set an empty node's kernel", cuGraphExecKernelNodeSetParams(x,
			n[0], &(CUDA_KERNEL_NODE_PARAMS){ 0 }));
	PROBE("enable an empty node", cuGraphNodeSetEnabled(x, n[0], 1));
	PROBE("enable a foreign node", cuGraphNodeSetEnabled(x, m[0], 1));
	PROBE("flags", cuGraphExecGetFlags(x, &flags));
	PROBE("upload NULL", cuGraphUpload(NULL, s));
	PROBE("upload", cuGraphUpload(x, s));
	PROBE("launch", cuGraphLaunch(x, s));
	PROBE("launch in the legacy stream", cuGraphLaunch(x, NULL));
	PROBE("object, 0 references",
	      cuUserObjectCreate(&obj, &dev, NULL, 0, 1));
	PROBE("object, flags 0", cuUserObjectCreate(&obj, &dev, NULL, 1, 0));
	PROBE("retain object NULL",
	      cuGraphRetainUserObject(g, NULL, 1, 0));
	PROBE("release object NULL", cuGraphReleaseUserObject(g, NULL, 1));
	PROBE("graph memory of device 77", cuDeviceGraphMemTrim(77));
	PROBE("graph memory attribute 99", cuDeviceGetGraphMemAttribute(dev,
			(CUgraphMem_attribute)99, &flags));
	PROBE("set the memory in use", cuDeviceSetGraphMemAttribute(dev,
			CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT, &flags));
	PROBE("destroy", cuGraphExecDestroy(x));
	PROBE("and the end", cuStreamSynchronize(s));
	(void)cuGraphDestroy(g);
	(void)cuGraphDestroy(h);
	DRV(cuStreamDestroy(s));
}

static const struct group groups[] = {
	{ "shapes", shapes, true },
	{ "nodes", nodes, true },
	{ "executable graphs", execs, true },
};

int main(void)
{
	return groups_run(groups, 3);
}

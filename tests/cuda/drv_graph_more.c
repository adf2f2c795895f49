// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_graph_more.c - what else graphs have: edges asked for and taken away,
 * clones, kernel node attributes, batches of memory operations, events that
 * graphs record and wait for, memory that one graph allocates and another
 * frees, a description in a file of this machine.
 */
#include <string.h>
#include <unistd.h>

#include "graph.h"
#include "kernels_more_ptx.h"
#include "kernels_ptx.h"

static CUcontext ctx;
static CUdevice dev;
static CUmodule mod, more;
static CUfunction chain, late;
static CUstream st;
static CUdeviceptr p;

static CUgraphNode add_kernel(CUgraph g, const CUgraphNode *after, CUfunction f,
			      unsigned a, unsigned b)
{
	void *args[] = { &p, &a, &b };

	return graph_kernel(g, after, after ? 1 : 0, f, args);
}

static unsigned run(CUgraph g)
{
	CUgraphExec exec;

	DRV(cuMemsetD32(p, 1, 1));
	DRV(cuCtxSynchronize());
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	DRV(cuGraphExecDestroy(exec));
	return drv_word(p);
}

static void counts(CUgraph g, CUgraphNode n)
{
	size_t nodes = 0, roots = 0, edges = 0, before = 0, after = 0;

	DRV(cuGraphGetNodes(g, NULL, &nodes));
	DRV(cuGraphGetRootNodes(g, NULL, &roots));
	DRV(cuGraphGetEdges(g, NULL, NULL, NULL, &edges));
	DRV(cuGraphNodeGetDependencies(n, NULL, NULL, &before));
	DRV(cuGraphNodeGetDependentNodes(n, NULL, NULL, &after));
	printf("nodes %zu roots %zu edges %zu, of one: %zu before, %zu "
	       "after\n", nodes, roots, edges, before, after);
}

/* a -> b -> c; then the order is turned round by other edges. */
static void edges(void)
{
	CUgraphNode a, b, c, from[8], to[8];
	CUgraphEdgeData data[8];
	CUgraph g, twin;
	CUgraphNode found = NULL;
	size_t n = 8;

	DRV(cuGraphCreate(&g, 0));
	a = add_kernel(g, NULL, chain, 3, 1);
	b = add_kernel(g, &a, chain, 5, 2);
	c = add_kernel(g, &b, chain, 7, 3);
	counts(g, b);
	printf("a b c: %u\n", run(g));
	DRV(cuGraphGetEdges(g, from, to, data, &n));
	for (size_t i = 0; i < n; i++)
		printf("edge %s of a, %s of c, type %d\n",
		       from[i] == a ? "out" : "not out",
		       to[i] == c ? "in" : "not in", data[i].type);
	DRV(cuGraphClone(&twin, g));
	DRV(cuGraphRemoveDependencies(g, &a, &b, NULL, 1));
	DRV(cuGraphAddDependencies(g, &c, &a, NULL, 1));
	counts(g, c);
	printf("b c a: %u\n", run(g));
	SHOW("an edge that is none",
	     cuGraphRemoveDependencies(g, &a, &b, NULL, 1));
	SHOW("an edge twice", cuGraphAddDependencies(g, &c, &a, NULL, 1));
	SHOW("an edge to itself", cuGraphAddDependencies(g, &c, &c, NULL, 1));
	DRV(cuGraphNodeFindInClone(&found, b, twin));
	counts(twin, found);
	printf("the clone: %u\n", run(twin));
	DRV(cuGraphDestroyNode(found));
	printf("the clone without b: %u\n", run(twin));
	SHOW("what is not in a clone", cuGraphNodeFindInClone(&found, b, g));
	DRV(cuGraphDestroy(twin));
	DRV(cuGraphDestroy(g));
}

static void attributes(void)
{
	CUkernelNodeAttrValue v;
	CUgraphNode a, b;
	CUgraph g;

	DRV(cuGraphCreate(&g, 0));
	a = add_kernel(g, NULL, chain, 3, 1);
	b = add_kernel(g, &a, chain, 5, 2);
	memset(&v, 0, sizeof(v));
	v.priority = -3;
	DRV(cuGraphKernelNodeSetAttribute(a, CU_LAUNCH_ATTRIBUTE_PRIORITY,
					  &v));
	memset(&v, 0, sizeof(v));
	v.cooperative = 1;
	DRV(cuGraphKernelNodeSetAttribute(a, CU_LAUNCH_ATTRIBUTE_COOPERATIVE,
					  &v));
	DRV(cuGraphKernelNodeCopyAttributes(b, a));
	memset(&v, 0, sizeof(v));
	DRV(cuGraphKernelNodeGetAttribute(b, CU_LAUNCH_ATTRIBUTE_PRIORITY,
					  &v));
	printf("priority %d", v.priority);
	DRV(cuGraphKernelNodeGetAttribute(b, CU_LAUNCH_ATTRIBUTE_COOPERATIVE,
					  &v));
	printf(" cooperative %d, gives %u\n", v.cooperative, run(g));
	DRV(cuGraphDestroy(g));
}

static void memory_operations(void)
{
	CUstreamBatchMemOpParams ops[3];
	CUDA_BATCH_MEM_OP_NODE_PARAMS m = { .ctx = ctx,
					    .count = 3,
					    .paramArray = ops }, got;
	CUgraphNode node;
	CUgraph g;

	memset(ops, 0, sizeof(ops));
	ops[0].writeValue.operation = CU_STREAM_MEM_OP_WRITE_VALUE_32;
	ops[0].writeValue.address = p + 4, ops[0].writeValue.value = 11;
	ops[1].waitValue.operation = CU_STREAM_MEM_OP_WAIT_VALUE_32;
	ops[1].waitValue.address = p + 4, ops[1].waitValue.value = 11;
	ops[1].waitValue.flags = CU_STREAM_WAIT_VALUE_EQ;
	ops[2].writeValue.operation = CU_STREAM_MEM_OP_WRITE_VALUE_64;
	ops[2].writeValue.address = p + 8;
	ops[2].writeValue.value64 = 0x700000008ull;
	DRV(cuGraphCreate(&g, 0));
	DRV(cuGraphAddBatchMemOpNode(&node, g, NULL, 0, &m));
	memset(&got, 0, sizeof(got));
	DRV(cuGraphBatchMemOpNodeGetParams(node, &got));
	add_kernel(g, &node, chain, 3, 1);
	run(g);
	printf("%u operations: %u %u %u\n", got.count, drv_word(p + 4),
	       drv_word(p + 8), drv_word(p + 12));
	DRV(cuGraphDestroy(g));
}

/* An event that a graph records: known only when the graph got there. */
static void events(void)
{
	CUgraphNode record, kernel, wait;
	CUevent ev, gate, got = NULL;
	CUgraphExec exec;
	CUstream other;
	CUgraph g;

	DRV(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	DRV(cuEventCreate(&gate, CU_EVENT_DISABLE_TIMING));
	DRV(cuGraphCreate(&g, 0));
	DRV(cuGraphAddEventWaitNode(&wait, g, NULL, 0, gate));
	kernel = add_kernel(g, &wait, late, 200000, 5);
	DRV(cuGraphAddEventRecordNode(&record, g, &kernel, 1, ev));
	DRV(cuGraphEventRecordNodeGetEvent(record, &got));
	printf("the node's event is %s\n", got == ev ? "ours" : "another");
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuMemsetD32(p, 1, 1));
	DRV(cuCtxSynchronize());
	for (unsigned i = 0; i < 3; i++) {
		DRV(cuGraphLaunch(exec, st));
		SHOW("the event while the graph runs", cuEventQuery(ev));
		/* Three ways to wait for it. */
		if (i == 0)
			DRV(cuEventSynchronize(ev));
		if (i == 1) {
			DRV(cuStreamWaitEvent(other, ev, 0));
			DRV(cuStreamSynchronize(other));
		}
		if (i == 2)
			while (cuEventQuery(ev) == CUDA_ERROR_NOT_READY)
				usleep(1000);
		printf("round %u: the kernel gave %u\n", i, drv_word(p));
		DRV(cuStreamSynchronize(st));
	}
	if (drv_word(p) != 16)
		fail("drv_graph_more: should give 16");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuEventDestroy(ev));
	DRV(cuEventDestroy(gate));
	DRV(cuStreamDestroy(other));
}

/* Allocated by one graph, used by a stream, freed by another graph. */
static void memory(void)
{
	CUDA_MEM_ALLOC_NODE_PARAMS a = { .bytesize = 1 << 20 }, back;
	CUgraph g1, g2;
	CUgraphNode alloc, freed;
	CUgraphExec e1, e2;
	CUdeviceptr q = 0;
	cuuint64_t used = 99, high = 0;

	a.poolProps.allocType = CU_MEM_ALLOCATION_TYPE_PINNED;
	a.poolProps.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	a.poolProps.location.id = dev;
	DRV(cuGraphCreate(&g1, 0));
	DRV(cuGraphAddMemAllocNode(&alloc, g1, NULL, 0, &a));
	DRV(cuGraphMemAllocNodeGetParams(alloc, &back));
	printf("allocation of %zu, address %s\n", back.bytesize,
	       back.dptr == a.dptr ? "kept" : "lost");
	DRV(cuGraphCreate(&g2, 0));
	DRV(cuGraphAddMemFreeNode(&freed, g2, NULL, 0, a.dptr));
	DRV(cuGraphMemFreeNodeGetParams(freed, &q));
	printf("freed address %s\n", q == a.dptr ? "kept" : "lost");
	DRV(cuGraphInstantiate(&e1, g1, 0));
	DRV(cuGraphInstantiate(&e2, g2, 0));
	for (unsigned i = 0; i < 3; i++) {
		DRV(cuGraphLaunch(e1, st));
		DRV(cuMemsetD32Async(a.dptr + 4096, i + 40, 16, st));
		DRV(cuMemcpyDtoDAsync(p, a.dptr + 4096, 4, st));
		DRV(cuStreamSynchronize(st));
		DRV(cuDeviceGetGraphMemAttribute(dev,
			CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT, &used));
		if (i == 1) { /* the stream frees it */
			DRV(cuMemFreeAsync(a.dptr, st));
		} else {
			DRV(cuGraphLaunch(e2, st));
		}
		DRV(cuStreamSynchronize(st));
		printf("round %u: %u, %s in use\n", i, drv_word(p),
		       used ? "some" : "none");
	}
	DRV(cuDeviceGetGraphMemAttribute(dev,
		CU_GRAPH_MEM_ATTR_USED_MEM_CURRENT, &used));
	DRV(cuDeviceGetGraphMemAttribute(dev,
		CU_GRAPH_MEM_ATTR_USED_MEM_HIGH, &high));
	printf("in the end %llu in use, the most %s\n",
	       (unsigned long long)used, high >= 1 << 20 ? "enough" : "low");
	DRV(cuGraphExecDestroy(e1));
	DRV(cuGraphExecDestroy(e2));
	DRV(cuGraphDestroy(g1));
	DRV(cuGraphDestroy(g2));
	DRV(cuDeviceGraphMemTrim(dev));
}

/* The file is this program's, wherever the driver may be. */
static void description(void)
{
	char path[] = "/tmp/drv_graph_more.XXXXXX", text[64] = "";
	int fd = mkstemp(path);
	size_t n = 0;
	CUgraph g;
	FILE *f;

	if (fd < 0)
		fail("drv_graph_more: no temporary file");
	close(fd);
	DRV(cuGraphCreate(&g, 0));
	add_kernel(g, NULL, chain, 3, 1);
	DRV(cuGraphDebugDotPrint(g, path, CU_GRAPH_DEBUG_DOT_FLAGS_VERBOSE));
	f = fopen(path, "r");
	if (!f)
		fail("drv_graph_more: the description is not there");
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	unlink(path);
	printf("description begins with '%.7s', %s\n", text,
	       n > 40 ? "and goes on" : "and ends");
	SHOW("a folder that is none",
	     cuGraphDebugDotPrint(g, "/nonexistent/folder/file", 0));
	DRV(cuGraphDestroy(g));
}

int main(void)
{
	dev = drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuModuleLoadData(&more, kernels_more_ptx));
	chain = drv_function(more, "chain");
	late = drv_function(more, "late_add");
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	p = drv_alloc(64);
	DRV(cuMemsetD32(p, 0, 16));
	edges();
	attributes();
	memory_operations();
	events();
	memory();
	description();
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(mod));
	DRV(cuModuleUnload(more));
	return 0;
}

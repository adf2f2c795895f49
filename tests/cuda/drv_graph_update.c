// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_graph_update.c - executable graphs change: by another graph, with each
 * result that has; node by node; nodes switched off and on; one graph
 * launched many times and in several streams.
 */
#include "graph.h"
#include "kernels_more_ptx.h"
#include "kernels_ptx.h"

static CUcontext ctx;
static CUmodule mod, more;
static CUfunction chain, bump;
static CUstream st;
static CUdeviceptr p;

static CUgraphNode add_chain(CUgraph g, const CUgraphNode *after, unsigned mul,
			     unsigned add)
{
	void *args[] = { &p, &mul, &add };

	return graph_kernel(g, after, after ? 1 : 0, chain, args);
}

static CUgraphNode add_bump(CUgraph g, const CUgraphNode *after, unsigned by)
{
	unsigned one = 1;
	void *args[] = { &p, &one, &by };
	CUDA_KERNEL_NODE_PARAMS k = graph_params(bump, 32, args);
	CUgraphNode n;

	DRV(cuGraphAddKernelNode(&n, g, after, after ? 1 : 0, &k));
	return n;
}

static CUgraphNode add_set(CUgraph g, const CUgraphNode *after, unsigned value)
{
	CUDA_MEMSET_NODE_PARAMS m = { .dst = p,
				      .value = value,
				      .elementSize = 4,
				      .width = 4,
				      .height = 1 };
	CUgraphNode n;

	DRV(cuGraphAddMemsetNode(&n, g, after, after ? 1 : 0, &m, ctx));
	return n;
}

static unsigned launch(CUgraphExec exec)
{
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	return drv_word(p);
}

/* Two nodes: a set and a kernel. What differs is the caller's. */
static CUgraph two_nodes(unsigned set, unsigned mul, unsigned add)
{
	CUgraphNode a;
	CUgraph g;

	DRV(cuGraphCreate(&g, 0));
	a = add_set(g, NULL, set);
	add_chain(g, &a, mul, add);
	return g;
}

static void update(CUgraphExec exec, CUgraph g, const char *what)
{
	CUgraphExecUpdateResultInfo info = { 0 };
	CUresult res = cuGraphExecUpdate(exec, g, &info);

	printf("%-24s %s result %d nodes %d %d, then %u\n", what,
	       drv_name(res), (int)info.result, info.errorNode != NULL,
	       info.errorFromNode != NULL, launch(exec));
	DRV(cuGraphDestroy(g));
}

static void whole_graphs(void)
{
	CUgraph g = two_nodes(1, 3, 4), other;
	CUgraphExec exec;
	CUgraphNode a, b;

	DRV(cuGraphInstantiate(&exec, g, 0));
	printf("at first %u\n", launch(exec));
	update(exec, two_nodes(2, 5, 6), "other values");
	DRV(cuGraphCreate(&other, 0));
	a = add_set(other, NULL, 7);
	update(exec, other, "a node less");
	other = two_nodes(2, 5, 6);
	DRV(cuGraphAddEmptyNode(&a, other, NULL, 0));
	update(exec, other, "a node more");
	DRV(cuGraphCreate(&other, 0));
	a = add_set(other, NULL, 7);
	b = add_set(other, &a, 8);
	(void)b;
	update(exec, other, "another type");
	DRV(cuGraphCreate(&other, 0));
	a = add_set(other, NULL, 7);
	add_bump(other, &a, 9);
	update(exec, other, "another function");
	DRV(cuGraphCreate(&other, 0));
	add_set(other, NULL, 7);
	add_chain(other, NULL, 1, 1);
	update(exec, other, "an edge less");
	update(exec, two_nodes(3, 3, 3), "and back");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
}

static void single_nodes(void)
{
	CUDA_MEMSET_NODE_PARAMS m = { .dst = p,
				      .value = 50,
				      .elementSize = 4,
				      .width = 4,
				      .height = 1 }, got = { 0 };
	CUDA_KERNEL_NODE_PARAMS k, back;
	unsigned mul = 2, add = 9;
	void *args[] = { &p, &mul, &add };
	CUgraphNode set, kernel, foreign;
	CUgraph g, other;
	CUgraphExec exec;

	DRV(cuGraphCreate(&g, 0));
	set = add_set(g, NULL, 1);
	kernel = add_chain(g, &set, 3, 4);
	DRV(cuGraphInstantiate(&exec, g, 0));
	k = graph_params(chain, 1, args);
	DRV(cuGraphExecKernelNodeSetParams(exec, kernel, &k));
	printf("kernel of the exec: %u", launch(exec));
	DRV(cuGraphExecMemsetNodeSetParams(exec, set, &m, ctx));
	printf(", set of the exec: %u\n", launch(exec));
	/* The graph itself has not changed; then it does. */
	DRV(cuGraphMemsetNodeGetParams(set, &got));
	DRV(cuGraphKernelNodeGetParams(kernel, &back));
	printf("the graph still sets %u, multiplies by %u\n", got.value,
	       *(unsigned *)back.kernelParams[1]);
	m.value = 70;
	DRV(cuGraphMemsetNodeSetParams(set, &m));
	DRV(cuGraphKernelNodeSetParams(kernel, &k));
	DRV(cuGraphKernelNodeGetParams(kernel, &back));
	printf("now by %u, function %s\n", *(unsigned *)back.kernelParams[1],
	       back.func == chain ? "kept" : "lost");
	printf("the exec is as it was: %u\n", launch(exec));
	DRV(cuGraphCreate(&other, 0));
	foreign = add_set(other, NULL, 1);
	SHOW("a node of another graph",
	     cuGraphExecMemsetNodeSetParams(exec, foreign, &m, ctx));
	DRV(cuGraphDestroy(other));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
}

static void switched_off(void)
{
	CUgraphNode set, a, b;
	CUgraphExec exec;
	unsigned on = 9;
	CUgraph g;

	DRV(cuGraphCreate(&g, 0));
	set = add_set(g, NULL, 1);
	a = add_chain(g, &set, 3, 1);
	b = add_chain(g, &a, 5, 2);
	DRV(cuGraphInstantiate(&exec, g, 0));
	printf("all on %u", launch(exec));
	DRV(cuGraphNodeSetEnabled(exec, a, 0));
	DRV(cuGraphNodeGetEnabled(exec, a, &on));
	printf(", one off (%u) %u", on, launch(exec));
	DRV(cuGraphNodeSetEnabled(exec, b, 0));
	printf(", two off %u", launch(exec));
	DRV(cuGraphNodeSetEnabled(exec, a, 1));
	DRV(cuGraphNodeSetEnabled(exec, b, 1));
	DRV(cuGraphNodeGetEnabled(exec, b, &on));
	printf(", on again (%u) %u\n", on, launch(exec));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
}

/* One executable graph: its launches keep an order, in any streams. */
static void many_launches(void)
{
	CUstream s[4];
	CUgraphExec exec;
	unsigned want = 1;
	CUgraph g;

	DRV(cuGraphCreate(&g, 0));
	add_chain(g, NULL, 3, 7);
	DRV(cuGraphInstantiate(&exec, g, 0));
	for (int i = 0; i < 4; i++)
		DRV(cuStreamCreate(&s[i], CU_STREAM_NON_BLOCKING));
	DRV(cuGraphUpload(exec, s[0]));
	DRV(cuMemsetD32(p, 1, 1));
	DRV(cuCtxSynchronize());
	for (int i = 0; i < 1000; i++) {
		DRV(cuGraphLaunch(exec, s[0]));
		want = want * 3 + 7;
	}
	DRV(cuStreamSynchronize(s[0]));
	printf("1,000 launches: %s", drv_word(p) == want ? "right" : "wrong");
	for (int i = 0; i < 200; i++) {
		DRV(cuGraphLaunch(exec, s[i % 4]));
		want = want * 3 + 7;
	}
	for (int i = 0; i < 4; i++)
		DRV(cuStreamSynchronize(s[i]));
	printf(", 200 in 4 streams: %s\n",
	       drv_word(p) == want ? "right" : "wrong");
	if (drv_word(p) != want)
		fail("drv_graph_update: should be %u", want);
	/* Destroyed while its work is still to be done. */
	for (int i = 0; i < 50; i++)
		DRV(cuGraphLaunch(exec, s[0]));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuStreamSynchronize(s[0]));
	for (int i = 0; i < 50; i++)
		want = want * 3 + 7;
	printf("destroyed in the middle: %s\n",
	       drv_word(p) == want ? "right" : "wrong");
	for (int i = 0; i < 4; i++)
		DRV(cuStreamDestroy(s[i]));
}

static void instantiated_with(void)
{
	CUDA_GRAPH_INSTANTIATE_PARAMS ip = { 0 };
	CUgraphExec exec;
	cuuint64_t flags = 99;
	CUgraph g = two_nodes(4, 5, 6);

	ip.flags = CUDA_GRAPH_INSTANTIATE_FLAG_UPLOAD |
		   CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY;
	ip.hUploadStream = st;
	DRV(cuGraphInstantiateWithParams(&exec, g, &ip));
	DRV(cuGraphExecGetFlags(exec, &flags));
	printf("with parameters: result %d flags %llu gives %u\n",
	       (int)ip.result_out, (unsigned long long)flags, launch(exec));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphInstantiate(&exec, g,
		CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH));
	DRV(cuGraphExecGetFlags(exec, &flags));
	printf("flags %llu give %u\n", (unsigned long long)flags,
	       launch(exec));
	DRV(cuGraphExecDestroy(exec));
	SHOW("flags that are none", cuGraphInstantiate(&exec, g, 0x1000));
	DRV(cuGraphDestroy(g));
}

int main(void)
{
	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuModuleLoadData(&more, kernels_more_ptx));
	chain = drv_function(more, "chain");
	bump = drv_function(mod, "bump");
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	p = drv_alloc(64);
	DRV(cuMemsetD32(p, 0, 16));
	whole_graphs();
	single_nodes();
	switched_off();
	many_launches();
	instantiated_with();
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(mod));
	DRV(cuModuleUnload(more));
	return 0;
}

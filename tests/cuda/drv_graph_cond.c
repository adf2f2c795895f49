// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_graph_cond.c - conditional nodes: if, if with else, while, switch, one
 * inside another, a body that is captured. Needs compute capability 9.0.
 */
#include "graph.h"
#include "kernels_cond_image.h"

static CUcontext ctx;
static CUmodule mod;
static CUfunction decide, count_down, chain;
static CUstream st;

static CUgraphNode add_kernel(CUgraph g, const CUgraphNode *after, CUfunction f,
			      void **args)
{
	return graph_kernel(g, after, after ? 1 : 0, f, args);
}

static CUgraphNode add_chain(CUgraph g, const CUgraphNode *after,
			     CUdeviceptr p, unsigned mul, unsigned add)
{
	void *args[] = { &p, &mul, &add };

	return add_kernel(g, after, chain, args);
}

/* The node after @after; its bodies' graphs in @body. */
static CUgraphNode add_cond(CUgraph g, const CUgraphNode *after,
			    CUgraphConditionalHandle h,
			    CUgraphConditionalNodeType type, unsigned bodies,
			    CUgraph *body)
{
	CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_CONDITIONAL };
	CUgraphNode n;

	p.conditional.handle = h;
	p.conditional.type = type;
	p.conditional.size = bodies;
	p.conditional.ctx = ctx;
	DRV(cuGraphAddNode(&n, g, after, NULL, after ? 1 : 0, &p));
	for (unsigned i = 0; i < bodies; i++)
		body[i] = p.conditional.phGraph_out[i];
	return n;
}

static CUgraphConditionalHandle handle(CUgraph g, unsigned dflt, unsigned flags)
{
	CUgraphConditionalHandle h = 0;

	DRV(cuGraphConditionalHandleCreate(&h, g, ctx, dflt, flags));
	return h;
}

/* The condition is read from memory by a kernel before the node. */
static void if_and_else(CUdeviceptr cond, CUdeviceptr p)
{
	CUgraphConditionalHandle h;
	CUgraphExec exec;
	CUgraphNode first, node;
	CUgraph g, body[2];

	DRV(cuGraphCreate(&g, 0));
	h = handle(g, 0, 0);
	{
		void *args[] = { &h, &cond };

		first = add_kernel(g, NULL, decide, args);
	}
	node = add_cond(g, &first, h, CU_GRAPH_COND_TYPE_IF, 2, body);
	add_chain(body[0], NULL, p, 1, 100);
	add_chain(body[1], NULL, p, 1, 3);
	add_chain(g, &node, p, 10, 0);
	DRV(cuGraphInstantiate(&exec, g, 0));
	for (unsigned i = 0; i < 4; i++) {
		DRV(cuMemsetD32Async(p, 0, 1, st));
		DRV(cuMemsetD32Async(cond, i % 2, 1, st));
		DRV(cuGraphLaunch(exec, st));
		DRV(cuStreamSynchronize(st));
		printf("if %u: %u\n", i % 2, drv_word(p));
		if (drv_word(p) != (i % 2 ? 1000 : 30))
			fail("drv_graph_cond: if %u gives %u", i % 2,
			     drv_word(p));
	}
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
}

static void loop(CUdeviceptr left, CUdeviceptr done)
{
	CUgraphConditionalHandle h;
	CUgraphExec exec;
	CUgraph g, body;
	unsigned want = 0;

	DRV(cuGraphCreate(&g, 0));
	h = handle(g, 1, CU_GRAPH_COND_ASSIGN_DEFAULT);
	add_cond(g, NULL, h, CU_GRAPH_COND_TYPE_WHILE, 1, &body);
	{
		void *args[] = { &h, &left, &done };

		add_kernel(body, NULL, count_down, args);
	}
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuMemsetD32Async(left, 20, 1, st));
	DRV(cuMemsetD32Async(done, 0, 1, st));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	for (unsigned i = 20; i; i--)
		want = want * 3 + i;
	printf("while: %u left, %u\n", drv_word(left), drv_word(done));
	if (drv_word(left) || drv_word(done) != want)
		fail("drv_graph_cond: the loop should give %u", want);
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
}

static void choice(CUdeviceptr cond, CUdeviceptr p)
{
	CUgraphConditionalHandle h;
	CUgraphExec exec;
	CUgraphNode first;
	CUgraph g, body[5];

	DRV(cuGraphCreate(&g, 0));
	h = handle(g, 0, 0);
	{
		void *args[] = { &h, &cond };

		first = add_kernel(g, NULL, decide, args);
	}
	add_cond(g, &first, h, CU_GRAPH_COND_TYPE_SWITCH, 5, body);
	for (unsigned i = 0; i < 5; i++)
		add_chain(body[i], NULL, p, 0, 11 * i + 1);
	DRV(cuGraphInstantiate(&exec, g, 0));
	/* 5 and above run no body. */
	for (unsigned i = 0; i < 7; i++) {
		DRV(cuMemsetD32Async(p, 99, 1, st));
		DRV(cuMemsetD32Async(cond, i, 1, st));
		DRV(cuGraphLaunch(exec, st));
		DRV(cuStreamSynchronize(st));
		printf("switch %u: %u\n", i, drv_word(p));
		if (drv_word(p) != (i < 5 ? 11 * i + 1 : 99))
			fail("drv_graph_cond: switch %u gives %u", i,
			     drv_word(p));
	}
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
}

/* In the loop's body an if, whose own body is captured from a stream. */
static void nested(CUdeviceptr left, CUdeviceptr done, CUdeviceptr p)
{
	CUgraphConditionalHandle h, inner;
	CUgraphNode count;
	CUgraphExec exec;
	CUgraph g, body, hit, got = NULL;
	unsigned mul = 1, add = 7;
	void *args[] = { &p, &mul, &add };
	CUstream cap;

	DRV(cuStreamCreate(&cap, CU_STREAM_NON_BLOCKING));
	DRV(cuGraphCreate(&g, 0));
	h = handle(g, 1, CU_GRAPH_COND_ASSIGN_DEFAULT);
	add_cond(g, NULL, h, CU_GRAPH_COND_TYPE_WHILE, 1, &body);
	inner = handle(body, 1, CU_GRAPH_COND_ASSIGN_DEFAULT);
	{
		void *a[] = { &h, &left, &done };

		count = add_kernel(body, NULL, count_down, a);
	}
	add_cond(body, &count, inner, CU_GRAPH_COND_TYPE_IF, 1, &hit);
	DRV(cuStreamBeginCaptureToGraph(cap, hit, NULL, NULL, 0,
					CU_STREAM_CAPTURE_MODE_RELAXED));
	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, cap, args, NULL));
	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, cap, args, NULL));
	DRV(cuStreamEndCapture(cap, &got));
	DRV(cuGraphInstantiate(&exec, g, 0));
	DRV(cuMemsetD32Async(left, 5, 1, st));
	DRV(cuMemsetD32Async(p, 0, 1, st));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	printf("nested: %u left, %u, the graph captured to is %s\n",
	       drv_word(left), drv_word(p),
	       got == hit ? "the same" : "another");
	if (drv_word(p) != 70)
		fail("drv_graph_cond: nested should give 70");
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuStreamDestroy(cap));
}

static void wrong_ones(void)
{
	CUgraphNodeParams p = { .type = CU_GRAPH_NODE_TYPE_CONDITIONAL };
	CUgraphConditionalHandle h;
	CUgraphNode n;
	CUgraph g;

	DRV(cuGraphCreate(&g, 0));
	h = handle(g, 0, 0);
	p.conditional.handle = h;
	p.conditional.ctx = ctx;
	p.conditional.type = CU_GRAPH_COND_TYPE_WHILE;
	p.conditional.size = 2;
	SHOW("a loop with two bodies",
	     cuGraphAddNode(&n, g, NULL, NULL, 0, &p));
	p.conditional.size = 0;
	SHOW("a loop without a body",
	     cuGraphAddNode(&n, g, NULL, NULL, 0, &p));
	SHOW("flags that are none",
	     cuGraphConditionalHandleCreate(&h, g, ctx, 0, 0x80));
	DRV(cuGraphDestroy(g));
}

int main(void)
{
	CUdevice dev = drv_open(&ctx);
	CUdeviceptr p;

	drv_needs_sm90(dev, false);
	DRV(cuModuleLoadData(&mod, kernels_cond_image));
	decide = drv_function(mod, "decide");
	count_down = drv_function(mod, "count_down");
	chain = drv_function(mod, "chain");
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	p = drv_alloc(64);
	DRV(cuMemsetD32Async(p, 0, 16, st));
	if_and_else(p, p + 4);
	loop(p + 8, p + 12);
	choice(p + 16, p + 20);
	nested(p + 24, p + 28, p + 32);
	wrong_ones();
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(mod));
	return 0;
}

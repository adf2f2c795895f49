// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_capture.c - what a capture says about itself and takes in: into a graph
 * that exists, with its dependencies changed on the way, by several threads
 * in each mode, of host functions, of events for the outside.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_more_ptx.h"

static CUcontext ctx;
static CUmodule mod;
static CUfunction chain, late;

static void step(CUdeviceptr p, unsigned mul, unsigned add, CUstream st)
{
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

static size_t nodes_of(CUgraph g)
{
	size_t n = 0;

	DRV(cuGraphGetNodes(g, NULL, &n));
	return n;
}

static CUstream new_stream(void)
{
	CUstream st;

	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	return st;
}

static void info(CUstream st, const char *when)
{
	const CUgraphNode *deps = NULL;
	const CUgraphEdgeData *data = NULL;
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	cuuint64_t id = 0;
	CUgraph g = NULL;
	size_t n = 99;

	DRV(cuStreamGetCaptureInfo(st, &status, &id, &g, &deps, &data, &n));
	printf("%-20s status %d", when, (int)status);
	if (status == CU_STREAM_CAPTURE_STATUS_ACTIVE)
		printf(" id %s nodes %zu depends on %zu", id ? "set" : "none",
		       nodes_of(g), n);
	printf("\n");
}

/* The stream is told to depend on other nodes than it would. */
static void changed_on_the_way(void)
{
	CUdeviceptr p = drv_alloc(8);
	CUstream st = new_stream();
	CUstreamCaptureStatus status;
	const CUgraphNode *deps = NULL;
	CUgraphNode first, extra;
	CUgraphExec exec;
	CUgraph g, end = NULL;
	cuuint64_t id;
	size_t n = 0, edges = 0;

	info(st, "before");
	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	info(st, "begun");
	step(p, 3, 1, st);
	info(st, "one kernel");
	DRV(cuStreamGetCaptureInfo(st, &status, &id, &g, &deps, NULL, &n));
	first = deps[0];
	/* A node put into the graph by hand, which the stream then waits for */
	DRV(cuGraphAddEmptyNode(&extra, g, &first, 1));
	DRV(cuStreamUpdateCaptureDependencies(st, &extra, NULL, 1,
		CU_STREAM_ADD_CAPTURE_DEPENDENCIES));
	info(st, "one added");
	step(p, 5, 2, st);
	DRV(cuStreamUpdateCaptureDependencies(st, NULL, NULL, 0,
		CU_STREAM_SET_CAPTURE_DEPENDENCIES));
	info(st, "none");
	step(p + 4, 7, 3, st);
	DRV(cuStreamEndCapture(st, &end));
	info(st, "ended");
	DRV(cuGraphGetEdges(end, NULL, NULL, NULL, &edges));
	printf("the graph has %zu nodes and %zu edges\n", nodes_of(end),
	       edges);
	DRV(cuMemsetD32Async(p, 1, 2, st));
	DRV(cuGraphInstantiate(&exec, end, 0));
	DRV(cuGraphLaunch(exec, st));
	DRV(cuStreamSynchronize(st));
	printf("and gives %u %u\n", drv_word(p), drv_word(p + 4));
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(end));
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(p));
}

static void into_a_graph(void)
{
	CUdeviceptr p = drv_alloc(4);
	CUstream st = new_stream();
	CUDA_MEMSET_NODE_PARAMS m = { .dst = p,
				      .value = 2,
				      .elementSize = 4,
				      .width = 1,
				      .height = 1 };
	CUgraphNode set;
	CUgraphExec exec;
	CUgraph g, end = NULL;

	DRV(cuGraphCreate(&g, 0));
	DRV(cuGraphAddMemsetNode(&set, g, NULL, 0, &m, ctx));
	for (unsigned i = 0; i < 2; i++) {
		DRV(cuStreamBeginCaptureToGraph(st, g, &set, NULL, 1,
			CU_STREAM_CAPTURE_MODE_GLOBAL));
		step(p, 3, i, st);
		DRV(cuStreamEndCapture(st, &end));
		printf("captured into %s graph: %zu nodes\n",
		       end == g ? "the same" : "another", nodes_of(g));
		if (i)
			break;
		DRV(cuGraphInstantiate(&exec, g, 0));
		DRV(cuGraphLaunch(exec, st));
		DRV(cuStreamSynchronize(st));
		printf("gives %u\n", drv_word(p));
		DRV(cuGraphExecDestroy(exec));
	}
	DRV(cuGraphDestroy(g));
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(p));
}

static struct {
	CUstreamCaptureMode mode;
	CUresult alloc;
	CUdeviceptr q;
	pthread_barrier_t go, done;
} meanwhile;

/* Whether another thread may do what is unsafe in a capture. */
static void *other_thread(void *arg)
{
	CUstreamCaptureMode mode = meanwhile.mode;

	(void)arg;
	DRV(cuCtxSetCurrent(ctx));
	pthread_barrier_wait(&meanwhile.go);
	DRV(cuThreadExchangeStreamCaptureMode(&mode));
	meanwhile.alloc = cuMemAlloc(&meanwhile.q, 4096);
	DRV(cuThreadExchangeStreamCaptureMode(&mode));
	pthread_barrier_wait(&meanwhile.done);
	return NULL;
}

static void threads_and_modes(void)
{
	static const char *const name[] = { "global", "local", "relaxed" };
	CUdeviceptr p = drv_alloc(4);
	CUstream st = new_stream();

	for (int i = 0; i < 9; i++) {
		CUgraph g = NULL;
		CUresult res;
		pthread_t t;

		meanwhile.mode = (CUstreamCaptureMode)(i % 3);
		pthread_barrier_init(&meanwhile.go, NULL, 2);
		pthread_barrier_init(&meanwhile.done, NULL, 2);
		if (pthread_create(&t, NULL, other_thread, NULL))
			fail("drv_capture: no thread");
		DRV(cuStreamBeginCapture(st, (CUstreamCaptureMode)(i / 3)));
		step(p, 3, 1, st);
		pthread_barrier_wait(&meanwhile.go);
		pthread_barrier_wait(&meanwhile.done);
		res = cuStreamEndCapture(st, &g);
		pthread_join(t, NULL);
		/* To free is as unsafe: not before the capture's end. */
		if (!meanwhile.alloc)
			DRV(cuMemFree(meanwhile.q));
		printf("capture %s, other thread %s: %s, end %s\n",
		       name[i / 3], name[i % 3], drv_name(meanwhile.alloc),
		       drv_name(res));
		if (g)
			DRV(cuGraphDestroy(g));
		pthread_barrier_destroy(&meanwhile.go);
		pthread_barrier_destroy(&meanwhile.done);
	}
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(p));
}

static void *captures(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	unsigned want = 1;
	CUdeviceptr p;
	CUstream st;

	DRV(cuCtxSetCurrent(ctx));
	p = drv_alloc(4);
	st = new_stream();
	pthread_barrier_wait(&meanwhile.go);
	for (unsigned i = 0; i < 20; i++) {
		CUgraphExec exec;
		CUgraph g;

		DRV(cuStreamBeginCapture(st,
			CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
		for (unsigned k = 0; k < 5; k++)
			step(p, 3, id + k, st);
		DRV(cuStreamEndCapture(st, &g));
		DRV(cuGraphInstantiate(&exec, g, 0));
		DRV(cuMemsetD32Async(p, 1, 1, st));
		DRV(cuGraphLaunch(exec, st));
		DRV(cuStreamSynchronize(st));
		DRV(cuGraphExecDestroy(exec));
		DRV(cuGraphDestroy(g));
	}
	pthread_barrier_wait(&meanwhile.go);
	for (unsigned k = 0; k < 5; k++)
		want = want * 3 + id + k;
	if (drv_word(p) != want)
		fail("drv_capture: thread %u has %u, not %u", id, drv_word(p),
		     want);
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(p));
	return NULL;
}

static void many_threads(void)
{
	pthread_t t[8];

	/* No allocation beside a capture of another thread. */
	pthread_barrier_init(&meanwhile.go, NULL, 8);
	for (int i = 0; i < 8; i++)
		if (pthread_create(&t[i], NULL, captures,
				   (void *)(uintptr_t)i))
			fail("drv_capture: no thread");
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	printf("8 threads captured 20 graphs each\n");
}

static int ran;

static void CUDA_CB count(void *arg)
{
	ran += *(int *)arg;
}

/* A function and an event for those outside the graph. */
static void outside(void)
{
	CUdeviceptr p = drv_alloc(4);
	CUstream st = new_stream(), other = new_stream();
	unsigned us = 100000, add = 5;
	void *args[] = { &p, &us, &add };
	CUgraphExec exec;
	CUevent ev;
	CUgraph g;
	int one = 1;

	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	DRV(cuMemsetD32Async(p, 0, 1, st));
	DRV(cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_GLOBAL));
	DRV(cuLaunchKernel(late, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
	DRV(cuEventRecordWithFlags(ev, st, CU_EVENT_RECORD_EXTERNAL));
	DRV(cuLaunchHostFunc(st, count, &one));
	DRV(cuStreamEndCapture(st, &g));
	DRV(cuGraphInstantiate(&exec, g, 0));
	for (unsigned i = 1; i <= 3; i++) {
		DRV(cuGraphLaunch(exec, st));
		DRV(cuStreamWaitEvent(other, ev, CU_EVENT_WAIT_DEFAULT));
		DRV(cuStreamSynchronize(other));
		printf("outside: %u", drv_word(p));
		DRV(cuStreamSynchronize(st));
		printf(", function ran %d times\n", ran);
	}
	DRV(cuGraphExecDestroy(exec));
	DRV(cuGraphDestroy(g));
	DRV(cuEventDestroy(ev));
	DRV(cuStreamDestroy(st));
	DRV(cuStreamDestroy(other));
	DRV(cuMemFree(p));
}

int main(void)
{
	CUdeviceptr p;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	late = drv_function(mod, "late_add");
	p = drv_alloc(4);
	step(p, 1, 1, NULL); /* the first launch loads */
	DRV(cuCtxSynchronize());
	DRV(cuMemFree(p));
	changed_on_the_way();
	into_a_graph();
	threads_and_modes();
	many_threads();
	outside();
	DRV(cuModuleUnload(mod));
	return 0;
}

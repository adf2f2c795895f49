// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_captures.c - what a stream capture forbids, in each mode, and what
 * a broken one refuses: each call that puts work into a stream.
 */
#include "errors.h"

static CUfunction empty;

static CUresult launch(CUstream s)
{
	return cuLaunchKernel(empty, 1, 1, 1, 1, 1, 1, 0, s, NULL, NULL);
}

static void CUDA_CB nothing(void *arg)
{
	(void)arg;
}

static void CUDA_CB called(CUstream s, CUresult status, void *arg)
{
	(void)s, (void)status, (void)arg;
}

static CUstream stream(unsigned flags)
{
	CUstream s;

	DRV(cuStreamCreate(&s, flags));
	return s;
}

static CUevent event(void)
{
	CUevent e;

	DRV(cuEventCreate(&e, 0));
	return e;
}

static void in_a_broken_one(CUdevice dev, CUmodule mod)
{
	CUstream s = stream(CU_STREAM_NON_BLOCKING);
	CUstream t = stream(CU_STREAM_NON_BLOCKING);
	CUdeviceptr p = drv_alloc(64), q;
	CUevent e = event(), outside = event();
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUgraph graph = NULL, other;
	CUgraphExec exec;
	void *host;

	(void)dev;
	empty = drv_function(mod, "empty");
	DRV(cuMemHostAlloc(&host, 64, 0));
	READY(cuGraphCreate(&other, 0));
	READY(cuGraphInstantiate(&exec, other, 0));
	DRV(cuEventRecord(outside, t));
	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	READY(launch(s));
	PROBE("broken by a query", cuStreamQuery(s));
	PROBE("launch", launch(s));
	PROBE("set", cuMemsetD32Async(p, 1, 16, s));
	PROBE("set rows", cuMemsetD2D32Async(p, 16, 1, 2, 2, s));
	PROBE("copy on the GPU", cuMemcpyDtoDAsync(p, p + 32, 32, s));
	PROBE("copy to the GPU", cuMemcpyHtoDAsync(p, host, 64, s));
	PROBE("copy from the GPU", cuMemcpyDtoHAsync(host, p, 64, s));
	PROBE("record an event", cuEventRecord(e, s));
	PROBE("wait for one", cuStreamWaitEvent(s, outside, 0));
	PROBE("host function", cuLaunchHostFunc(s, nothing, NULL));
	PROBE("launch a graph", cuGraphLaunch(exec, s));
	PROBE("write a value", cuStreamWriteValue32(s, p, 1, 0));
	PROBE("allocate", cuMemAllocAsync(&q, 64, s));
	PROBE("synchronize", cuStreamSynchronize(s));
	PROBE("query again", cuStreamQuery(s));
	PROBE("begin again",
	      cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	PROBE("its state", cuStreamIsCapturing(s, &status));
	probe_says("status %d", (int)status);
	PROBE("launch elsewhere", launch(t));
	PROBE("end", cuStreamEndCapture(s, &graph));
	PROBE("launch then", launch(s));
	PROBE("and wait", cuStreamSynchronize(s));
	PROBE("record it then", cuEventRecord(e, s));
	PROBE("and wait for it", cuEventSynchronize(e));
}

/* The legacy stream would wait for the captured one. */
static void beside_the_legacy_stream(CUdevice dev, CUmodule mod)
{
	CUstream s = stream(CU_STREAM_DEFAULT);
	CUstream free = stream(CU_STREAM_NON_BLOCKING);
	CUdeviceptr p = drv_alloc(64);
	CUgraph graph = NULL;
	unsigned word = 0;

	(void)dev;
	empty = drv_function(mod, "empty");
#define BESIDE(what, call)                                                     \
	do {                                                                   \
		READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));\
		PROBE(what, call);                                             \
		PROBE("end after it", cuStreamEndCapture(s, &graph));          \
	} while (0)
	BESIDE("nothing", CUDA_SUCCESS);
	BESIDE("launch in the legacy stream", launch(NULL));
	BESIDE("launch in it by name", launch(CU_STREAM_LEGACY));
	BESIDE("set in it", cuMemsetD32Async(p, 1, 16, NULL));
	BESIDE("copy in it", cuMemcpyDtoDAsync(p, p + 32, 32, NULL));
	BESIDE("copy without a stream", cuMemcpyHtoD(p, &word, 4));
	BESIDE("launch in a free stream", launch(free));
	READY(cuStreamBeginCapture(free, CU_STREAM_CAPTURE_MODE_RELAXED));
	PROBE("beside a free one", launch(NULL));
	PROBE("copy beside a free one", cuMemcpyHtoD(p, &word, 4));
	PROBE("end of the free one", cuStreamEndCapture(free, &graph));
}

static void modes(CUdevice dev, CUmodule mod)
{
	static const char *const name[] = { "global", "thread's", "relaxed" };
	CUstream s = stream(CU_STREAM_NON_BLOCKING);
	CUstreamCaptureMode mode;
	CUgraph graph = NULL;
	CUdeviceptr p = 0;
	char what[40];

	(void)dev;
	empty = drv_function(mod, "empty");
	for (int i = 0; i < 3; i++) {
		READY(cuStreamBeginCapture(s, (CUstreamCaptureMode)i));
		snprintf(what, sizeof(what), "%s: launch", name[i]);
		PROBE(what, launch(s));
		snprintf(what, sizeof(what), "%s: allocate", name[i]);
		PROBE(what, cuMemAlloc(&p, 64));
		snprintf(what, sizeof(what), "%s: launch after it", name[i]);
		PROBE(what, launch(s));
		snprintf(what, sizeof(what), "%s: end", name[i]);
		PROBE(what, cuStreamEndCapture(s, &graph));
	}
	/* A thread's own mode; which there are, nobody looks at. */
	mode = CU_STREAM_CAPTURE_MODE_RELAXED;
	PROBE("exchange", cuThreadExchangeStreamCaptureMode(&mode));
	probe_says("was %d", (int)mode);
	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	PROBE("allocate, relaxed", cuMemAlloc(&p, 64));
	PROBE("end of it", cuStreamEndCapture(s, &graph));
	mode = (CUstreamCaptureMode)9;
	PROBE("exchange for 9", cuThreadExchangeStreamCaptureMode(&mode));
	probe_says("was %d", (int)mode);
	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	PROBE("allocate in mode 9", cuMemAlloc(&p, 64));
	PROBE("end in mode 9", cuStreamEndCapture(s, &graph));
	mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
	PROBE("exchange back", cuThreadExchangeStreamCaptureMode(&mode));
	probe_says("was %d", (int)mode);
}

static void several_streams(CUdevice dev, CUmodule mod)
{
	CUstream s = stream(CU_STREAM_NON_BLOCKING);
	CUstream t = stream(CU_STREAM_NON_BLOCKING);
	CUevent e = event(), f = event();
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUgraph graph = NULL;

	(void)dev;
	empty = drv_function(mod, "empty");
#define FORK()                                                                 \
	do {                                                                   \
		READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));\
		READY(launch(s));                                              \
		READY(cuEventRecord(e, s));                                    \
		READY(cuStreamWaitEvent(t, e, 0));                             \
		READY(launch(t));                                              \
	} while (0)
	FORK();
	PROBE("joined: the other's state", cuStreamIsCapturing(t, &status));
	probe_says("status %d", (int)status);
	READY(cuEventRecord(f, t));
	READY(cuStreamWaitEvent(s, f, 0));
	PROBE("joined: end", cuStreamEndCapture(s, &graph));
	PROBE("joined: wait for the other", cuStreamSynchronize(t));

	FORK();
	PROBE("end without a join", cuStreamEndCapture(s, &graph));
	probe_says("graph %s", graph ? "there" : "none");
	PROBE("the other then", cuStreamSynchronize(t));

	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	READY(cuStreamBeginCapture(t, CU_STREAM_CAPTURE_MODE_RELAXED));
	READY(cuEventRecord(e, s));
	PROBE("wait for another capture", cuStreamWaitEvent(t, e, 0));
	PROBE("launch in the one that waited", launch(t));
	PROBE("end of the one that waited", cuStreamEndCapture(t, &graph));
	PROBE("end of the other", cuStreamEndCapture(s, &graph));

	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	READY(cuEventRecord(e, s));
	PROBE("legacy waits for a captured event",
	      cuStreamWaitEvent(NULL, e, 0));
	PROBE("end after the legacy stream", cuStreamEndCapture(s, &graph));
}

/* What has no place in a graph. */
static void not_for_graphs(CUdevice dev, CUmodule mod)
{
	CUstream s = stream(CU_STREAM_NON_BLOCKING);
	CUgraph graph = NULL;
	CUevent e = event();

	(void)dev;
	empty = drv_function(mod, "empty");
#define INSIDE(what, call)                                                     \
	do {                                                                   \
		READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));\
		READY(cuEventRecord(e, s));                                    \
		PROBE(what, call);                                             \
		PROBE("launch after it", launch(s));                           \
		PROBE("end after it", cuStreamEndCapture(s, &graph));          \
	} while (0)
	INSIDE("nothing", CUDA_SUCCESS);
	INSIDE("a callback", cuStreamAddCallback(s, called, NULL, 0));
	INSIDE("synchronize the stream", cuStreamSynchronize(s));
	INSIDE("synchronize the context", cuCtxSynchronize());
	INSIDE("synchronize the event", cuEventSynchronize(e));
	INSIDE("a launch of no blocks", cuLaunchKernel(empty, 0, 1, 1, 1, 1, 1,
						       0, s, NULL, NULL));
	INSIDE("a wait for no event", cuStreamWaitEvent(s, NULL, 0));
	INSIDE("end to no graph", cuStreamEndCapture(s, NULL));
	INSIDE("begin", cuStreamBeginCapture(s, 0));
	INSIDE("record for the outside",
	       cuEventRecordWithFlags(e, s, CU_EVENT_RECORD_EXTERNAL));
	INSIDE("wait for the outside",
	       cuStreamWaitEvent(s, e, CU_EVENT_WAIT_EXTERNAL));
}

static const struct group groups[] = {
	{ "in a broken one", in_a_broken_one, true },
	{ "beside the legacy stream", beside_the_legacy_stream, true },
	{ "modes", modes, true },
	{ "several streams", several_streams, true },
	{ "not for graphs", not_for_graphs, true },
};

int main(void)
{
	return groups_run(groups, 5);
}

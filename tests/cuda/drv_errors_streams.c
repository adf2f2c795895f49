// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_streams.c - streams and events in the wrong state: captures that
 * end wrongly or break off, waits, values, attributes.
 */
#include "errors.h"

static void streams_and_events(CUdevice dev, CUmodule mod)
{
	CUgraph graph = NULL;
	CUgraphExec exec = NULL;
	CUevent a, b;
	CUstream s;
	float ms;

	(void)dev, (void)mod;
	PROBE("stream to NULL", cuStreamCreate(NULL, 0));
	PROBE("stream of flags 0xff", cuStreamCreate(&s, 0xff));
	PROBE("destroy stream NULL", cuStreamDestroy(NULL));
	PROBE("event to NULL", cuEventCreate(NULL, 0));
	PROBE("event of flags 0xff00", cuEventCreate(&a, 0xff00));
	PROBE("interprocess event with timing",
	     cuEventCreate(&a, CU_EVENT_INTERPROCESS));
	PROBE("record NULL", cuEventRecord(NULL, NULL));
	PROBE("query NULL", cuEventQuery(NULL));
	PROBE("destroy event NULL", cuEventDestroy(NULL));
	DRV(cuEventCreate(&a, 0));
	DRV(cuEventCreate(&b, CU_EVENT_DISABLE_TIMING));
	PROBE("elapsed to NULL", cuEventElapsedTime(NULL, a, a));
	PROBE("elapsed of fresh events", cuEventElapsedTime(&ms, a, a));
	PROBE("elapsed without timing", cuEventElapsedTime(&ms, a, b));
	PROBE("wait with flags 0xff", cuStreamWaitEvent(NULL, a, 0xff));
	PROBE("wait for NULL", cuStreamWaitEvent(NULL, NULL, 0));
	DRV(cuStreamCreate(&s, 0));
	PROBE("end of a capture never begun", cuStreamEndCapture(s, &graph));
	PROBE("capture of mode 9",
	     cuStreamBeginCapture(s, (CUstreamCaptureMode)9));
	PROBE("capture of the legacy stream",
	     cuStreamBeginCapture(NULL, CU_STREAM_CAPTURE_MODE_GLOBAL));
	PROBE("graph to NULL", cuGraphCreate(NULL, 0));
	PROBE("graph of flags 5", cuGraphCreate(&graph, 5));
	PROBE("instantiate NULL", cuGraphInstantiate(&exec, NULL, 0));
	PROBE("launch graph NULL", cuGraphLaunch(NULL, s));
	PROBE("destroy graph NULL", cuGraphDestroy(NULL));
	DRV(cuEventDestroy(a));
	DRV(cuEventDestroy(b));
	DRV(cuStreamDestroy(s));
}

static void captures(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty");
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUgraph graph = NULL;
	CUdeviceptr p;
	CUstream s, t;
	CUevent e, plain;

	(void)dev;
	DRV(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamCreate(&t, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&e, 0));
	DRV(cuEventCreate(&plain, 0));
	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	PROBE("begun again", cuStreamBeginCapture(s, 0));
	PROBE("synchronize", cuStreamSynchronize(s));
	PROBE("what it is now", cuStreamIsCapturing(s, &status));
	probe_says("status %d", (int)status);
	PROBE("launch when it is broken",
	      cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, NULL, NULL));
	PROBE("end when it is broken", cuStreamEndCapture(s, &graph));
	probe_says("graph %s", graph ? "there" : "none");
	PROBE("end again", cuStreamEndCapture(s, &graph));

	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	PROBE("query", cuStreamQuery(s));
	PROBE("end after a query", cuStreamEndCapture(s, &graph));

	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	PROBE("allocate in global mode", cuMemAlloc(&p, 64));
	PROBE("synchronize the context", cuCtxSynchronize());
	PROBE("end after that", cuStreamEndCapture(s, &graph));

	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	READY(cuEventRecord(e, s));
	PROBE("query a captured event", cuEventQuery(e));
	PROBE("synchronize a captured event", cuEventSynchronize(e));
	PROBE("end after that too", cuStreamEndCapture(s, &graph));

	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	READY(cuEventRecord(e, s));
	READY(cuStreamWaitEvent(t, e, 0));
	READY(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, t, NULL, NULL));
	PROBE("end of the other stream", cuStreamEndCapture(t, &graph));
	PROBE("end with work not joined", cuStreamEndCapture(s, &graph));
	PROBE("the other stream's state", cuStreamIsCapturing(t, &status));
	probe_says("status %d", (int)status);

	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	READY(cuEventRecord(plain, t));
	PROBE("wait for what is not captured", cuStreamWaitEvent(s, plain, 0));
	PROBE("end after such a wait", cuStreamEndCapture(s, &graph));

	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	PROBE("a callback", cuStreamAddCallback(s, NULL, NULL, 0));
	PROBE("destroy while it captures", cuStreamDestroy(s));
	PROBE("a thread's mode 9", cuThreadExchangeStreamCaptureMode(
		&(CUstreamCaptureMode){ (CUstreamCaptureMode)9 }));
}

static void capture_info(CUdevice dev, CUmodule mod)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUgraphNode node = NULL;
	CUgraph graph = NULL;
	cuuint64_t id;
	CUstream s;

	(void)dev, (void)mod;
	DRV(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	PROBE("is the legacy stream captured",
	      cuStreamIsCapturing(NULL, &status));
	PROBE("status to NULL", cuStreamIsCapturing(s, NULL));
	PROBE("info of no capture", cuStreamGetCaptureInfo(s, &status, &id,
						NULL, NULL, NULL, NULL));
	PROBE("info to NULL", cuStreamGetCaptureInfo(s, NULL, &id, NULL, NULL,
						    NULL, NULL));
	PROBE("dependencies of no capture",
	      cuStreamUpdateCaptureDependencies(s, NULL, NULL, 0, 0));
	PROBE("capture to graph NULL", cuStreamBeginCaptureToGraph(s, NULL,
		NULL, NULL, 0, CU_STREAM_CAPTURE_MODE_RELAXED));
	READY(cuStreamBeginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED));
	PROBE("dependencies of option 9",
	      cuStreamUpdateCaptureDependencies(s, NULL, NULL, 0, 9));
	PROBE("a dependency of NULL",
	      cuStreamUpdateCaptureDependencies(s, &node, NULL, 1, 0));
	PROBE("1,000 dependencies of NULL",
	      cuStreamUpdateCaptureDependencies(s, NULL, NULL, 1000, 0));
	PROBE("end", cuStreamEndCapture(s, &graph));
	PROBE("end to NULL", cuStreamEndCapture(s, NULL));
}

static void values(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(64);
	CUstreamBatchMemOpParams op[257] = { { 0 } };
	CUstream s;

	(void)dev, (void)mod;
	DRV(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	PROBE("write at 1", cuStreamWriteValue32(s, p + 1, 1, 0));
	PROBE("write 64 bits at 4", cuStreamWriteValue64(s, p + 4, 1, 0));
	PROBE("write at 0", cuStreamWriteValue32(s, 0, 1, 0));
	PROBE("write at nobody's", cuStreamWriteValue32(s, 4096, 1, 0));
	PROBE("write past the end",
	      cuStreamWriteValue32(s, p + ((size_t)1 << 36), 1, 0));
	PROBE("write with flags 0x80", cuStreamWriteValue32(s, p, 1, 0x80));
	PROBE("wait with flags 0x80", cuStreamWaitValue32(s, p, 0, 0x80));
	PROBE("wait with flags 5", cuStreamWaitValue32(s, p, 0, 5));
	PROBE("wait at 2", cuStreamWaitValue32(s, p + 2, 0, 0));
	PROBE("wait at 0", cuStreamWaitValue32(s, 0, 0, 0));
	PROBE("batch of none", cuStreamBatchMemOp(s, 0, op, 0));
	PROBE("batch of NULL", cuStreamBatchMemOp(s, 1, NULL, 0));
	PROBE("batch of 257", cuStreamBatchMemOp(s, 257, op, 0));
	PROBE("batch with flags 9", cuStreamBatchMemOp(s, 1, op, 9));
	PROBE("an operation of type 0", cuStreamBatchMemOp(s, 1, op, 0));
	op[0].operation = (CUstreamBatchMemOpType)99;
	PROBE("an operation of type 99", cuStreamBatchMemOp(s, 1, op, 0));
	op[0].operation = CU_STREAM_MEM_OP_WRITE_VALUE_32;
	op[0].writeValue.address = 4096;
	PROBE("an operation at nobody's", cuStreamBatchMemOp(s, 1, op, 0));
	PROBE("and the end", cuStreamSynchronize(s));
	DRV(cuStreamDestroy(s));
}

static void more_streams(CUdevice dev, CUmodule mod)
{
	CUstreamAttrValue v = { { 0 } };
	CUcontext c, other;
	CUevent far, near;
	CUstream s = NULL, t;
	unsigned flags;
	float ms;
	int prio = 77;

	DRV(cuCtxGetCurrent(&c));
	(void)mod;
	PROBE("priority 1000", cuStreamCreateWithPriority(&s, 0, 1000));
	PROBE("its priority", cuStreamGetPriority(s, &prio));
	probe_says("priority %d", prio);
	PROBE("priority -1000", cuStreamCreateWithPriority(&t, 0, -1000));
	PROBE("flags of NULL", cuStreamGetFlags(NULL, &flags));
	PROBE("priority to NULL", cuStreamGetPriority(s, NULL));
	PROBE("attribute 99",
	      cuStreamGetAttribute(s, (CUstreamAttrID)99, &v));
	PROBE("set attribute 99",
	      cuStreamSetAttribute(s, (CUstreamAttrID)99, &v));
	v.syncPolicy = (CUsynchronizationPolicy)99;
	PROBE("policy 99", cuStreamSetAttribute(s,
			CU_STREAM_ATTRIBUTE_SYNCHRONIZATION_POLICY, &v));
	PROBE("destroy the legacy stream", cuStreamDestroy(CU_STREAM_LEGACY));
	PROBE("destroy the thread's stream",
	      cuStreamDestroy(CU_STREAM_PER_THREAD));
	PROBE("device of the stream to NULL", cuStreamGetDevice(s, NULL));
	DRV(cuEventCreate(&near, 0));
	DRV(cuCtxCreate(&other, NULL, 0, dev));
	DRV(cuEventCreate(&far, 0));
	PROBE("another context's event", cuEventRecord(far, s));
	PROBE("our event, its legacy stream", cuEventRecord(near, NULL));
	PROBE("wait across contexts", cuStreamWaitEvent(s, far, 0));
	DRV(cuCtxDestroy(other));
	DRV(cuCtxSetCurrent(c));
	PROBE("event of a dead context", cuEventQuery(far));
	PROBE("record it", cuEventRecord(far, s));
	PROBE("destroy it", cuEventDestroy(far));
	DRV(cuEventRecord(near, s));
	DRV(cuEventSynchronize(near));
	PROBE("elapsed of one", cuEventElapsedTime(&ms, near, near));
	PROBE("record with flags 0x80",
	      cuEventRecordWithFlags(near, s, 0x80));
	PROBE("record external, no capture",
	      cuEventRecordWithFlags(near, s, CU_EVENT_RECORD_EXTERNAL));
	PROBE("wait external, no capture",
	      cuStreamWaitEvent(s, near, CU_EVENT_WAIT_EXTERNAL));
	PROBE("copy attributes to NULL", cuStreamCopyAttributes(NULL, s));
	DRV(cuStreamDestroy(s));
}

static const struct group groups[] = {
	{ "streams and events", streams_and_events, true },
	{ "captures", captures, true },
	{ "about captures", capture_info, true },
	{ "values", values, true },
	{ "more streams", more_streams, true },
};

int main(void)
{
	return groups_run(groups, 5);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_gone.c - what a program may still hold of a context that is gone:
 * streams, events, memory, modules, the context itself.
 */
#include "errors.h"

/* A context with one of each. */
struct holder {
	CUcontext ctx;
	CUmodule mod;
	CUfunction f;
	CUstream s;
	CUevent e;
	CUdeviceptr p;
	void *host;
};

static void make(struct holder *h, CUdevice dev)
{
	DRV(cuCtxCreate(&h->ctx, NULL, 0, dev));
	DRV(cuModuleLoadData(&h->mod, kernels_ptx));
	h->f = drv_function(h->mod, "empty");
	DRV(cuStreamCreate(&h->s, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&h->e, 0));
	DRV(cuEventRecord(h->e, h->s));
	DRV(cuMemAlloc(&h->p, 4096));
	DRV(cuMemHostAlloc(&h->host, 4096, 0));
	DRV(cuStreamSynchronize(h->s));
}

/* It is gone, and the one before it is current again. */
static void make_dead(struct holder *h, CUdevice dev)
{
	CUcontext before;

	DRV(cuCtxGetCurrent(&before));
	make(h, dev);
	DRV(cuCtxDestroy(h->ctx));
	DRV(cuCtxSetCurrent(before));
}

static void streams(CUdevice dev, CUmodule mod)
{
	CUstreamCaptureStatus status;
	CUfunction f = drv_function(mod, "empty");
	CUstreamAttrValue v = { { 0 } };
	CUdeviceptr p = drv_alloc(64);
	unsigned long long id;
	struct holder h;
	CUcontext ctx;
	CUevent ours;
	unsigned flags;
	CUdevice d;
	int prio;

	make_dead(&h, dev);
	DRV(cuEventCreate(&ours, 0));
	DRV(cuEventRecord(ours, NULL));
	PROBE("query", cuStreamQuery(h.s));
	PROBE("synchronize", cuStreamSynchronize(h.s));
	PROBE("flags", cuStreamGetFlags(h.s, &flags));
	PROBE("priority", cuStreamGetPriority(h.s, &prio));
	PROBE("context", cuStreamGetCtx(h.s, &ctx));
	PROBE("device", cuStreamGetDevice(h.s, &d));
	PROBE("id", cuStreamGetId(h.s, &id));
	PROBE("is it capturing", cuStreamIsCapturing(h.s, &status));
	PROBE("begin a capture",
	      cuStreamBeginCapture(h.s, CU_STREAM_CAPTURE_MODE_RELAXED));
	PROBE("launch", cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, h.s, NULL,
				       NULL));
	PROBE("set memory", cuMemsetD32Async(p, 1, 16, h.s));
	PROBE("copy", cuMemcpyDtoDAsync(p, p + 32, 32, h.s));
	PROBE("allocate", cuMemAllocAsync(&p, 64, h.s));
	PROBE("record our event", cuEventRecord(ours, h.s));
	PROBE("wait for our event", cuStreamWaitEvent(h.s, ours, 0));
	PROBE("write a value", cuStreamWriteValue32(h.s, p, 1, 0));
	PROBE("attribute", cuStreamGetAttribute(h.s,
			CU_STREAM_ATTRIBUTE_SYNCHRONIZATION_POLICY, &v));
	PROBE("destroy", cuStreamDestroy(h.s));
}

static void events(CUdevice dev, CUmodule mod)
{
	struct holder h;
	CUstream s;
	CUevent ours;
	float ms;

	(void)mod;
	make_dead(&h, dev);
	DRV(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&ours, 0));
	DRV(cuEventRecord(ours, s));
	DRV(cuStreamSynchronize(s));
	PROBE("query", cuEventQuery(h.e));
	PROBE("synchronize", cuEventSynchronize(h.e));
	PROBE("record", cuEventRecord(h.e, s));
	PROBE("record with flags", cuEventRecordWithFlags(h.e, s, 0));
	PROBE("wait for it", cuStreamWaitEvent(s, h.e, 0));
	PROBE("elapsed, from it", cuEventElapsedTime(&ms, h.e, ours));
	PROBE("elapsed, to it", cuEventElapsedTime(&ms, ours, h.e));
	PROBE("destroy", cuEventDestroy(h.e));
	PROBE("and our stream", cuStreamSynchronize(s));
	DRV(cuStreamDestroy(s));
}

static void memory(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(64), base;
	CUmemorytype type;
	struct holder h;
	unsigned word;
	size_t size;

	(void)mod;
	make_dead(&h, dev);
	PROBE("copy from it", cuMemcpyDtoH(&word, h.p, 4));
	PROBE("copy to it", cuMemcpyHtoD(h.p, &word, 4));
	PROBE("copy within the GPU", cuMemcpyDtoD(p, h.p, 4));
	PROBE("set it", cuMemsetD32(h.p, 1, 16));
	PROBE("set it, later", cuMemsetD32Async(h.p, 1, 16, NULL));
	PROBE("its range", cuMemGetAddressRange(&base, &size, h.p));
	PROBE("its type", cuPointerGetAttribute(&type,
				CU_POINTER_ATTRIBUTE_MEMORY_TYPE, h.p));
	PROBE("type of its host memory", cuPointerGetAttribute(&type,
				CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
				(CUdeviceptr)(uintptr_t)h.host));
	PROBE("free it", cuMemFree(h.p));
	PROBE("free its host memory", cuMemFreeHost(h.host));
}

static void code(CUdevice dev, CUmodule mod)
{
	struct holder h;
	CUfunction f;
	CUcontext own;
	CUdeviceptr p;
	size_t n;
	int v;

	DRV(cuCtxGetCurrent(&own));
	make(&h, dev);
	DRV(cuCtxSetCurrent(own));
	PROBE("launch another context's", cuLaunchKernel(h.f, 1, 1, 1, 1, 1, 1,
						0, NULL, NULL, NULL));
	PROBE("launch ours in its stream",
	      cuLaunchKernel(drv_function(mod, "empty"), 1, 1, 1, 1, 1, 1, 0,
			     h.s, NULL, NULL));
	PROBE("launch its own in its stream", cuLaunchKernel(h.f, 1, 1, 1, 1,
						1, 1, 0, h.s, NULL, NULL));
	DRV(cuCtxDestroy(h.ctx));
	DRV(cuCtxSetCurrent(own));
	PROBE("function of its module",
	      cuModuleGetFunction(&f, h.mod, "empty"));
	PROBE("global of its module",
	      cuModuleGetGlobal(&p, &n, h.mod, "words"));
	PROBE("attribute of its function",
	      cuFuncGetAttribute(&v, CU_FUNC_ATTRIBUTE_NUM_REGS, h.f));
	PROBE("launch its function", cuLaunchKernel(h.f, 1, 1, 1, 1, 1, 1, 0,
						    NULL, NULL, NULL));
	PROBE("unload its module", cuModuleUnload(h.mod));
}

/* One that ends while the thread has it current. */
static void current(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty");
	CUcontext own, top, now = NULL;
	unsigned version, flags;
	unsigned long long id;
	CUdeviceptr p;
	struct holder h;
	CUdevice d;
	CUmodule m;
	CUstream s;
	CUevent e;
	size_t n;
	int lo, hi;

	DRV(cuCtxGetCurrent(&own));
	make(&h, dev);
	DRV(cuCtxPushCurrent(own));
	PROBE("destroy one that is not the top", cuCtxDestroy(h.ctx));
	DRV(cuCtxPopCurrent(&top));
	PROBE("who is current", cuCtxGetCurrent(&now));
	probe_says("%s", now == h.ctx ? "it is" : now ? "another" : "none");
	PROBE("its device", cuCtxGetDevice(&d));
	PROBE("its flags", cuCtxGetFlags(&flags));
	PROBE("its id", cuCtxGetId(NULL, &id));
	PROBE("its version", cuCtxGetApiVersion(h.ctx, &version));
	PROBE("its priorities", cuCtxGetStreamPriorityRange(&lo, &hi));
	PROBE("a stream", cuStreamCreate(&s, 0));
	PROBE("an event", cuEventCreate(&e, 0));
	PROBE("an allocation", cuMemAlloc(&p, 64));
	PROBE("a module", cuModuleLoadData(&m, kernels_ptx));
	PROBE("a launch", cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL,
					 NULL));
	PROBE("how much memory", cuMemGetInfo(&n, &n));
	PROBE("wait for it", cuCtxSynchronize());
	PROBE("a limit", cuCtxGetLimit(&n, CU_LIMIT_STACK_SIZE));
	PROBE("destroy it again", cuCtxDestroy(h.ctx));
	PROBE("make it current", cuCtxSetCurrent(h.ctx));
	PROBE("push it", cuCtxPushCurrent(h.ctx));
}

static void primary(CUdevice dev, CUmodule mod)
{
	unsigned flags, version;
	CUcontext own, again = NULL;
	int active = 9;
	CUdeviceptr p;
	CUstream s;
	CUevent e;

	(void)mod;
	DRV(cuCtxGetCurrent(&own));
	DRV(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&e, 0));
	DRV(cuEventRecord(e, s));
	DRV(cuStreamSynchronize(s));
	PROBE("reset", cuDevicePrimaryCtxReset(dev));
	PROBE("its state", cuDevicePrimaryCtxGetState(dev, &flags, &active));
	probe_says("active %d", active);
	PROBE("its version", cuCtxGetApiVersion(own, &version));
	PROBE("an allocation in it", cuMemAlloc(&p, 64));
	PROBE("query its event", cuEventQuery(e));
	PROBE("destroy its event", cuEventDestroy(e));
	PROBE("retain it again", cuDevicePrimaryCtxRetain(&again, dev));
	probe_says("%s", again == own ? "the same" : "another");
	PROBE("an allocation then", cuMemAlloc(&p, 64));
}

/* "Once the green context is destroyed, any subsequent API calls involving
 * these streams will return CUDA_ERROR_CONTEXT_IS_DESTROYED." */
static void green(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty");
	CUdevResource all, part;
	CUdevResourceDesc desc;
	unsigned n = 1;
	CUgreenCtx g;
	CUstream s;

	READY(cuDeviceGetDevResource(dev, &all, CU_DEV_RESOURCE_TYPE_SM));
	READY(cuDevSmResourceSplitByCount(&part, &n, &all, NULL, 0, 16));
	READY(cuDevResourceGenerateDesc(&desc, &part, 1));
	READY(cuGreenCtxCreate(&g, desc, dev, CU_GREEN_CTX_DEFAULT_STREAM));
	READY(cuGreenCtxStreamCreate(&s, g, CU_STREAM_NON_BLOCKING, 0));
	PROBE("launch", cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, NULL, NULL));
	PROBE("wait", cuStreamSynchronize(s));
	PROBE("destroy the green context", cuGreenCtxDestroy(g));
	PROBE("launch in its stream",
	      cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, NULL, NULL));
	PROBE("query its stream", cuStreamQuery(s));
	PROBE("destroy its stream", cuStreamDestroy(s));
}

static const struct group groups[] = {
	{ "streams of one that is gone", streams, true },
	{ "events of one that is gone", events, true },
	{ "memory of one that is gone", memory, true },
	{ "code of another, and of one gone", code, true },
	{ "current while it goes", current, true },
	{ "the primary one, reset", primary, true },
	{ "a green one", green, true },
};

int main(void)
{
	return groups_run(groups, 7);
}

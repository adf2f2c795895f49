// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors.c - wrong arguments of every sort, in groups that run in a
 * process each (probe.h). No result is expected here: each is told by name,
 * and what is right is what the native driver gives. Where that one crashes
 * there is no right answer, and check-gpu leaves the line out.
 */
#include <limits.h>

#include "drv.h"
#include "kernels_ptx.h"
#include "probe.h"

#define HUGE_SIZE ((size_t)1 << 63)

static void before_init(CUdevice dev, CUmodule mod)
{
	(void)dev, (void)mod;
	PROBE("before cuInit", cuCtxSynchronize());
	PROBE("cuInit(1)", cuInit(1));
}

static void devices(CUdevice dev, CUmodule mod)
{
	size_t bytes;
	CUuuid uuid;
	CUdevice d;
	char c[4];
	int v;

	(void)dev, (void)mod;
	PROBE("count NULL", cuDeviceGetCount(NULL));
	PROBE("device NULL", cuDeviceGet(NULL, 0));
	PROBE("device -1", cuDeviceGet(&d, -1));
	PROBE("device INT_MAX", cuDeviceGet(&d, INT_MAX));
	PROBE("name NULL", cuDeviceGetName(NULL, 10, 0));
	PROBE("name cut to 4 bytes", cuDeviceGetName(c, 4, 0));
	PROBE("total of device 77", cuDeviceTotalMem(&bytes, 77));
	PROBE("total NULL", cuDeviceTotalMem(NULL, 0));
	PROBE("uuid NULL", cuDeviceGetUuid(NULL, 0));
	PROBE("uuid of device -3", cuDeviceGetUuid(&uuid, -3));
	PROBE("attribute 0", cuDeviceGetAttribute(&v, 0, 0));
	PROBE("attribute -5",
	     cuDeviceGetAttribute(&v, (CUdevice_attribute)-5, 0));
	PROBE("attribute to NULL", cuDeviceGetAttribute(NULL, 1, 0));
	PROBE("attribute of device 9", cuDeviceGetAttribute(&v, 1, 9));
	PROBE("driver version NULL", cuDriverGetVersion(NULL));
	PROBE("peer of itself", cuDeviceCanAccessPeer(&v, 0, 0));
	PROBE("peer 50", cuDeviceCanAccessPeer(&v, 0, 50));
}

static void contexts(CUdevice dev, CUmodule mod)
{
	unsigned flags, version;
	CUcontext c, dead;
	size_t value;
	int active;

	(void)mod;
	PROBE("primary of device 5", cuDevicePrimaryCtxRetain(&c, 5));
	PROBE("primary NULL", cuDevicePrimaryCtxRetain(NULL, dev));
	PROBE("state of device 5",
	     cuDevicePrimaryCtxGetState(5, &flags, &active));
	PROBE("flags 0x7777", cuDevicePrimaryCtxSetFlags(dev, 0x7777));
	PROBE("create NULL", cuCtxCreate(NULL, NULL, 0, dev));
	PROBE("create with flags 0xffff",
	     cuCtxCreate(&c, NULL, 0xffff, dev));
	PROBE("create on device 9", cuCtxCreate(&c, NULL, 0, 9));
	PROBE("destroy NULL", cuCtxDestroy(NULL));
	PROBE("current NULL", cuCtxGetCurrent(NULL));
	PROBE("limit 99", cuCtxGetLimit(&value, (CUlimit)99));
	PROBE("set limit 99", cuCtxSetLimit((CUlimit)99, 1));
	PROBE("version NULL", cuCtxGetApiVersion(NULL, &version));
	PROBE("cache config 17", cuCtxSetCacheConfig((CUfunc_cache)17));
	PROBE("priority range NULL", cuCtxGetStreamPriorityRange(NULL, NULL));
	DRV(cuCtxCreate(&dead, NULL, 0, dev));
	DRV(cuCtxDestroy(dead));
	PROBE("current after destroy", cuCtxGetCurrent(&c));
	probe_says("current is %s", c ? "a context" : "none");
	PROBE("pop with nothing on the stack",
	     (cuCtxSetCurrent(NULL), cuCtxPopCurrent(&c)));
	PROBE("allocation without context", cuMemAlloc((CUdeviceptr *)&value,
						      16));
	PROBE("stream without context", cuStreamCreate((CUstream *)&c, 0));
	PROBE("synchronize without context", cuCtxSynchronize());
}

static void memory(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(4096), q = 0;
	unsigned char h[64] = { 0 };
	CUdeviceptr base;
	size_t size;
	void *host;

	(void)dev, (void)mod;
	PROBE("allocate NULL", cuMemAlloc(NULL, 16));
	PROBE("allocate 0", cuMemAlloc(&q, 0));
	PROBE("allocate 2^63", cuMemAlloc(&q, HUGE_SIZE));
	PROBE("allocate 2^64-1", cuMemAlloc(&q, SIZE_MAX));
	PROBE("pitch of element size 3", cuMemAllocPitch(&q, &size, 16, 16, 3));
	PROBE("pitch of height 0", cuMemAllocPitch(&q, &size, 16, 0, 4));
	PROBE("free 0", cuMemFree(0));
	PROBE("free 1", cuMemFree(1));
	PROBE("free inside", cuMemFree(p + 16));
	PROBE("set 0 words", cuMemsetD32(p, 1, 0));
	PROBE("set at 2 of 4", cuMemsetD32(p + 2, 1, 4));
	PROBE("set at NULL", cuMemsetD8(0, 1, 16));
	PROBE("copy to NULL", cuMemcpyDtoH(NULL, p, 16));
	PROBE("copy from NULL", cuMemcpyHtoD(p, NULL, 16));
	PROBE("copy of 0 bytes", cuMemcpyHtoD(p, h, 0));
	PROBE("copy of 0 bytes to NULL", cuMemcpyDtoH(NULL, p, 0));
	PROBE("copy to address 0", cuMemcpyHtoD(0, h, 16));
	PROBE("2D copy of NULL", cuMemcpy2D(NULL));
	PROBE("3D copy of NULL", cuMemcpy3D(NULL));
	PROBE("range of NULL", cuMemGetAddressRange(&base, &size, 0));
	PROBE("range to NULLs", cuMemGetAddressRange(NULL, NULL, p));
	PROBE("info NULL", cuMemGetInfo(NULL, NULL));
	PROBE("pinned 0", cuMemAllocHost(&host, 0));
	PROBE("pinned NULL", cuMemAllocHost(NULL, 16));
	PROBE("pinned 2^63", cuMemAllocHost(&host, HUGE_SIZE));
	PROBE("pinned with flags 0xf0", cuMemHostAlloc(&host, 16, 0xf0));
	PROBE("free pinned NULL", cuMemFreeHost(NULL));
	PROBE("free pinned local", cuMemFreeHost(h));
	PROBE("register NULL", cuMemHostRegister(NULL, 16, 0));
	PROBE("register 0 bytes", cuMemHostRegister(h, 0, 0));
	PROBE("unregister local", cuMemHostUnregister(h));
	PROBE("device pointer of local", cuMemHostGetDevicePointer(&q, h, 0));
	PROBE("pointer attribute 999",
	     cuPointerGetAttribute(h, (CUpointer_attribute)999, p));
	PROBE("free", cuMemFree(p));
	PROBE("free again", cuMemFree(p));
}

/* Whatever is let through faults later: each is waited for. */
static void past_the_end(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(4096);
	size_t far = (size_t)1 << 36;

	(void)dev, (void)mod;
	PROBE("set 2^62 words", cuMemsetD32(p, 1, (size_t)1 << 62));
	PROBE("and its end", cuCtxSynchronize());
	PROBE("set past the end", cuMemsetD8(p, 1, far));
	PROBE("and its end", cuCtxSynchronize());
	PROBE("copy of 2^63 bytes", cuMemcpyDtoD(p, p, HUGE_SIZE));
	PROBE("and its end", cuCtxSynchronize());
	PROBE("copy past the end", cuMemcpyDtoD(p, p + 8, far));
	PROBE("and its end", cuCtxSynchronize());
}

static void modules(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p;
	CUfunction f;
	CUmodule m;
	int v;
	/* Long enough that nobody reads past it. */
	static const char elf[4096] = "\177ELF\2\1\1\63\7";

	(void)dev;
	PROBE("load NULL", cuModuleLoadData(&m, NULL));
	PROBE("load to NULL", cuModuleLoadData(NULL, kernels_ptx));
	PROBE("load an empty text", cuModuleLoadData(&m, ""));
	PROBE("load an ELF header and nothing", cuModuleLoadData(&m, elf));
	PROBE("load PTX of version 99",
	     cuModuleLoadData(&m, ".version 99.0\n.target sm_75\n"));
	PROBE("load PTX for sm_999",
	     cuModuleLoadData(&m, ".version 7.0\n.target sm_999\n"));
	PROBE("load a file that is not there", cuModuleLoad(&m, "/nonexistent"));
	PROBE("load file NULL", cuModuleLoad(&m, NULL));
	PROBE("unload NULL", cuModuleUnload(NULL));
	PROBE("function of module NULL", cuModuleGetFunction(&f, NULL, "fill"));
	PROBE("function NULL", cuModuleGetFunction(NULL, mod, "fill"));
	PROBE("function of name NULL", cuModuleGetFunction(&f, mod, NULL));
	PROBE("function of empty name", cuModuleGetFunction(&f, mod, ""));
	PROBE("function with a global's name",
	     cuModuleGetFunction(&f, mod, "words"));
	PROBE("global with a function's name",
	     cuModuleGetGlobal(&p, NULL, mod, "fill"));
	PROBE("global of name NULL", cuModuleGetGlobal(&p, NULL, mod, NULL));
	PROBE("global to NULLs", cuModuleGetGlobal(NULL, NULL, mod, "words"));
	DRV(cuModuleGetFunction(&f, mod, "fill"));
	PROBE("function attribute 77",
	     cuFuncGetAttribute(&v, (CUfunction_attribute)77, f));
	PROBE("attribute of function NULL", cuFuncGetAttribute(&v, 0, NULL));
	PROBE("set a read-only attribute", cuFuncSetAttribute(f, 0, 32));
}

static void launches(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty");
	CUfunction g = drv_function(mod, "fill");
	size_t size = 3;
	unsigned word = 0;
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &word,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			  CU_LAUNCH_PARAM_END };
	void *args[] = { &word };
	CUlaunchConfig c = { .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1 };
	int v;

	(void)dev;
	PROBE("grid 0", cuLaunchKernel(f, 0, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	PROBE("grid 2^31",
	     cuLaunchKernel(f, 1u << 31, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	PROBE("grid y 65536",
	     cuLaunchKernel(f, 1, 65536, 1, 1, 1, 1, 0, 0, NULL, NULL));
	PROBE("block 0", cuLaunchKernel(f, 1, 1, 1, 1, 0, 1, 0, 0, NULL, NULL));
	PROBE("block 1025",
	     cuLaunchKernel(f, 1, 1, 1, 1025, 1, 1, 0, 0, NULL, NULL));
	PROBE("block 32x64",
	     cuLaunchKernel(f, 1, 1, 1, 32, 64, 1, 0, 0, NULL, NULL));
	PROBE("block z 65",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 65, 0, 0, NULL, NULL));
	PROBE("shared 1 GiB",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 1 << 30, 0, NULL, NULL));
	PROBE("both kinds of arguments",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, 0, args, extra));
	PROBE("no arguments where some are needed",
	     cuLaunchKernel(g, 1, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	PROBE("launch with config NULL", cuLaunchKernelEx(NULL, f, NULL, NULL));
	PROBE("config with block 0", cuLaunchKernelEx(&c, f, NULL, NULL));
	PROBE("occupancy of block 0",
	     cuOccupancyMaxActiveBlocksPerMultiprocessor(&v, f, 0, 0));
	PROBE("occupancy of block -1",
	     cuOccupancyMaxActiveBlocksPerMultiprocessor(&v, f, -1, 0));
}

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

static void names(CUdevice dev, CUmodule mod)
{
	const char *text = "untouched";

	(void)dev, (void)mod;
	PROBE("name of result 4242", cuGetErrorName((CUresult)4242, &text));
	probe_says("text is %s", text ? text : "NULL");
	for (int i = 0; i < 1000; i++)
		if (cuGetErrorString((CUresult)i, &text) == CUDA_SUCCESS)
			probe_says("%d %s: %s", i, drv_name((CUresult)i),
				   text);
}

/* At the end of a group: is the context still good for anything? */
static void still_works(CUmodule mod)
{
	CUdeviceptr p = 0;
	CUfunction f = NULL;
	unsigned n = 16, v = 40, got = 0;
	void *args[] = { &p, &n, &v };

	PROBE("afterwards an allocation", cuMemAlloc(&p, 64));
	PROBE("afterwards a function", cuModuleGetFunction(&f, mod, "fill"));
	if (!p || !f)
		return;
	PROBE("afterwards a launch", cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0,
						    NULL, args, NULL));
	PROBE("afterwards a copy", cuMemcpyDtoH(&got, p + 8, 4));
	probe_says("afterwards a kernel gives %u", got);
}

static const struct group {
	const char *name;
	void (*run)(CUdevice dev, CUmodule mod);
	bool opened; /* has a context and a module */
} groups[] = {
	{ "before cuInit", before_init, false },
	{ "names", names, false },
	{ "devices", devices, true },
	{ "contexts", contexts, true },
	{ "memory", memory, true },
	{ "past the end", past_the_end, true },
	{ "modules", modules, true },
	{ "launches", launches, true },
	{ "streams and events", streams_and_events, true },
};

static void run_group(const void *data)
{
	const struct group *g = data;
	CUdevice dev = 0;
	CUcontext ctx;
	CUmodule mod = NULL;

	if (!g->opened) {
		g->run(dev, mod);
		return;
	}
	dev = drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	g->run(dev, mod);
	PROBE("afterwards the context", cuCtxSetCurrent(ctx));
	still_works(mod);
}

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		failed |= probe_group(groups[i].name, run_group, &groups[i]);
	return failed;
}

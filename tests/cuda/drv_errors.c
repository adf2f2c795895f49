// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors.c - wrong arguments of every sort. Nothing is expected here
 * beyond being alive at the end: each result is printed by name, and what is
 * right is what the native driver gives in the same run.
 *
 * Handles that were never valid are left to NULL: the native driver itself
 * may crash on a wild pointer in place of a handle.
 */
#include <limits.h>

#include "drv.h"
#include "kernels_ptx.h"

#define HUGE_SIZE ((size_t)1 << 63)

static void init_and_device(void)
{
	size_t bytes;
	CUuuid uuid;
	CUdevice d;
	char c[4];
	int v;

	SHOW("cuInit(1)", cuInit(1));
	SHOW("count NULL", cuDeviceGetCount(NULL));
	SHOW("device NULL", cuDeviceGet(NULL, 0));
	SHOW("device -1", cuDeviceGet(&d, -1));
	SHOW("device INT_MAX", cuDeviceGet(&d, INT_MAX));
	SHOW("name NULL", cuDeviceGetName(NULL, 10, 0));
	SHOW("name of 0 bytes", cuDeviceGetName(c, 0, 0));
	SHOW("name of -1 bytes", cuDeviceGetName(c, -1, 0));
	SHOW("name cut to 4 bytes", cuDeviceGetName(c, 4, 0));
	SHOW("total of device 77", cuDeviceTotalMem(&bytes, 77));
	SHOW("total NULL", cuDeviceTotalMem(NULL, 0));
	SHOW("uuid NULL", cuDeviceGetUuid(NULL, 0));
	SHOW("uuid of device -3", cuDeviceGetUuid(&uuid, -3));
	SHOW("attribute 0", cuDeviceGetAttribute(&v, 0, 0));
	SHOW("attribute -5",
	     cuDeviceGetAttribute(&v, (CUdevice_attribute)-5, 0));
	SHOW("attribute to NULL", cuDeviceGetAttribute(NULL, 1, 0));
	SHOW("attribute of device 9", cuDeviceGetAttribute(&v, 1, 9));
	SHOW("driver version NULL", cuDriverGetVersion(NULL));
	SHOW("peer of itself", cuDeviceCanAccessPeer(&v, 0, 0));
	SHOW("peer 50", cuDeviceCanAccessPeer(&v, 0, 50));
}

static void contexts(CUdevice dev)
{
	unsigned flags, version;
	CUcontext c, dead;
	size_t value;
	int active;

	SHOW("primary of device 5", cuDevicePrimaryCtxRetain(&c, 5));
	SHOW("primary NULL", cuDevicePrimaryCtxRetain(NULL, dev));
	SHOW("state of device 5",
	     cuDevicePrimaryCtxGetState(5, &flags, &active));
	SHOW("flags 0x7777", cuDevicePrimaryCtxSetFlags(dev, 0x7777));
	SHOW("create NULL", cuCtxCreate(NULL, NULL, 0, dev));
	SHOW("create with flags 0xffff",
	     cuCtxCreate(&c, NULL, 0xffff, dev));
	SHOW("create on device 9", cuCtxCreate(&c, NULL, 0, 9));
	SHOW("destroy NULL", cuCtxDestroy(NULL));
	SHOW("current NULL", cuCtxGetCurrent(NULL));
	SHOW("limit 99", cuCtxGetLimit(&value, (CUlimit)99));
	SHOW("set limit 99", cuCtxSetLimit((CUlimit)99, 1));
	SHOW("version NULL", cuCtxGetApiVersion(NULL, &version));
	SHOW("cache config 17", cuCtxSetCacheConfig((CUfunc_cache)17));
	SHOW("priority range NULL", cuCtxGetStreamPriorityRange(NULL, NULL));
	DRV(cuCtxCreate(&dead, NULL, 0, dev));
	DRV(cuCtxDestroy(dead));
	SHOW("current after destroy", cuCtxGetCurrent(&c));
	printf("current is %s\n", c ? "a context" : "none");
	SHOW("pop with nothing on the stack",
	     (cuCtxSetCurrent(NULL), cuCtxPopCurrent(&c)));
	SHOW("allocation without context", cuMemAlloc((CUdeviceptr *)&value,
						      16));
	SHOW("stream without context", cuStreamCreate((CUstream *)&c, 0));
	SHOW("synchronize without context", cuCtxSynchronize());
}

static void memory(void)
{
	CUdeviceptr p = drv_alloc(4096), q = 0;
	unsigned char h[64] = { 0 };
	CUdeviceptr base;
	size_t size;
	void *host;

	SHOW("allocate NULL", cuMemAlloc(NULL, 16));
	SHOW("allocate 0", cuMemAlloc(&q, 0));
	SHOW("allocate 2^63", cuMemAlloc(&q, HUGE_SIZE));
	SHOW("allocate 2^64-1", cuMemAlloc(&q, SIZE_MAX));
	SHOW("pitch of element size 3", cuMemAllocPitch(&q, &size, 16, 16, 3));
	SHOW("pitch of height 0", cuMemAllocPitch(&q, &size, 16, 0, 4));
	SHOW("free 0", cuMemFree(0));
	SHOW("free 1", cuMemFree(1));
	SHOW("free inside", cuMemFree(p + 16));
	SHOW("set 0 words", cuMemsetD32(p, 1, 0));
	SHOW("set 2^62 words", cuMemsetD32(p, 1, (size_t)1 << 62));
	SHOW("set at 2 of 4", cuMemsetD32(p + 2, 1, 4));
	SHOW("set past the end", cuMemsetD8(p, 1, (size_t)1 << 36));
	SHOW("set at NULL", cuMemsetD8(0, 1, 16));
	SHOW("copy to NULL", cuMemcpyDtoH(NULL, p, 16));
	SHOW("copy from NULL", cuMemcpyHtoD(p, NULL, 16));
	SHOW("copy of 0 bytes", cuMemcpyHtoD(p, h, 0));
	SHOW("copy of 0 bytes to NULL", cuMemcpyDtoH(NULL, p, 0));
	SHOW("copy to address 0", cuMemcpyHtoD(0, h, 16));
	SHOW("copy of 2^63 bytes", cuMemcpyDtoD(p, p, HUGE_SIZE));
	SHOW("copy past the end", cuMemcpyDtoD(p, p + 8, (size_t)1 << 36));
	SHOW("2D copy of NULL", cuMemcpy2D(NULL));
	SHOW("3D copy of NULL", cuMemcpy3D(NULL));
	SHOW("range of NULL", cuMemGetAddressRange(&base, &size, 0));
	SHOW("range to NULLs", cuMemGetAddressRange(NULL, NULL, p));
	SHOW("info NULL", cuMemGetInfo(NULL, NULL));
	SHOW("pinned 0", cuMemAllocHost(&host, 0));
	SHOW("pinned NULL", cuMemAllocHost(NULL, 16));
	SHOW("pinned 2^63", cuMemAllocHost(&host, HUGE_SIZE));
	SHOW("pinned with flags 0xf0", cuMemHostAlloc(&host, 16, 0xf0));
	SHOW("free pinned NULL", cuMemFreeHost(NULL));
	SHOW("free pinned local", cuMemFreeHost(h));
	SHOW("register NULL", cuMemHostRegister(NULL, 16, 0));
	SHOW("register 0 bytes", cuMemHostRegister(h, 0, 0));
	SHOW("unregister local", cuMemHostUnregister(h));
	SHOW("device pointer of local", cuMemHostGetDevicePointer(&q, h, 0));
	SHOW("pointer attribute 999",
	     cuPointerGetAttribute(h, (CUpointer_attribute)999, p));
	SHOW("free", cuMemFree(p));
	SHOW("free again", cuMemFree(p));
}

static void modules(CUmodule mod)
{
	CUdeviceptr p;
	CUfunction f;
	CUmodule m;
	int v;
	/* Long enough that nobody reads past it. */
	static const char elf[4096] = "\177ELF\2\1\1\63\7";

	SHOW("load NULL", cuModuleLoadData(&m, NULL));
	SHOW("load to NULL", cuModuleLoadData(NULL, kernels_ptx));
	SHOW("load an empty text", cuModuleLoadData(&m, ""));
	SHOW("load an ELF header and nothing", cuModuleLoadData(&m, elf));
	SHOW("load PTX of version 99",
	     cuModuleLoadData(&m, ".version 99.0\n.target sm_75\n"));
	SHOW("load PTX for sm_999",
	     cuModuleLoadData(&m, ".version 7.0\n.target sm_999\n"));
	SHOW("load a file that is not there", cuModuleLoad(&m, "/nonexistent"));
	SHOW("load file NULL", cuModuleLoad(&m, NULL));
	SHOW("unload NULL", cuModuleUnload(NULL));
	SHOW("function of module NULL", cuModuleGetFunction(&f, NULL, "fill"));
	SHOW("function NULL", cuModuleGetFunction(NULL, mod, "fill"));
	SHOW("function of name NULL", cuModuleGetFunction(&f, mod, NULL));
	SHOW("function of empty name", cuModuleGetFunction(&f, mod, ""));
	SHOW("function with a global's name",
	     cuModuleGetFunction(&f, mod, "words"));
	SHOW("global with a function's name",
	     cuModuleGetGlobal(&p, NULL, mod, "fill"));
	SHOW("global of name NULL", cuModuleGetGlobal(&p, NULL, mod, NULL));
	SHOW("global to NULLs", cuModuleGetGlobal(NULL, NULL, mod, "words"));
	DRV(cuModuleGetFunction(&f, mod, "fill"));
	SHOW("function attribute 77",
	     cuFuncGetAttribute(&v, (CUfunction_attribute)77, f));
	SHOW("attribute of function NULL", cuFuncGetAttribute(&v, 0, NULL));
	SHOW("set a read-only attribute", cuFuncSetAttribute(f, 0, 32));
}

static void launches(CUmodule mod)
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

	SHOW("grid 0", cuLaunchKernel(f, 0, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	SHOW("grid 2^31",
	     cuLaunchKernel(f, 1u << 31, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	SHOW("grid y 65536",
	     cuLaunchKernel(f, 1, 65536, 1, 1, 1, 1, 0, 0, NULL, NULL));
	SHOW("block 0", cuLaunchKernel(f, 1, 1, 1, 1, 0, 1, 0, 0, NULL, NULL));
	SHOW("block 1025",
	     cuLaunchKernel(f, 1, 1, 1, 1025, 1, 1, 0, 0, NULL, NULL));
	SHOW("block 32x64",
	     cuLaunchKernel(f, 1, 1, 1, 32, 64, 1, 0, 0, NULL, NULL));
	SHOW("block z 65",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 65, 0, 0, NULL, NULL));
	SHOW("shared 1 GiB",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 1 << 30, 0, NULL, NULL));
	SHOW("both kinds of arguments",
	     cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, 0, args, extra));
	SHOW("no arguments where some are needed",
	     cuLaunchKernel(g, 1, 1, 1, 1, 1, 1, 0, 0, NULL, NULL));
	SHOW("launch with config NULL", cuLaunchKernelEx(NULL, f, NULL, NULL));
	SHOW("config with block 0", cuLaunchKernelEx(&c, f, NULL, NULL));
	SHOW("occupancy of block 0",
	     cuOccupancyMaxActiveBlocksPerMultiprocessor(&v, f, 0, 0));
	SHOW("occupancy of block -1",
	     cuOccupancyMaxActiveBlocksPerMultiprocessor(&v, f, -1, 0));
}

static void streams_and_events(void)
{
	CUgraph graph = NULL;
	CUgraphExec exec = NULL;
	CUevent a, b;
	CUstream s;
	float ms;

	SHOW("stream to NULL", cuStreamCreate(NULL, 0));
	SHOW("stream of flags 0xff", cuStreamCreate(&s, 0xff));
	SHOW("destroy stream NULL", cuStreamDestroy(NULL));
	SHOW("event to NULL", cuEventCreate(NULL, 0));
	SHOW("event of flags 0xff00", cuEventCreate(&a, 0xff00));
	SHOW("interprocess event with timing",
	     cuEventCreate(&a, CU_EVENT_INTERPROCESS));
	SHOW("record NULL", cuEventRecord(NULL, NULL));
	SHOW("query NULL", cuEventQuery(NULL));
	SHOW("destroy event NULL", cuEventDestroy(NULL));
	DRV(cuEventCreate(&a, 0));
	DRV(cuEventCreate(&b, CU_EVENT_DISABLE_TIMING));
	SHOW("elapsed to NULL", cuEventElapsedTime(NULL, a, a));
	SHOW("elapsed of fresh events", cuEventElapsedTime(&ms, a, a));
	SHOW("elapsed without timing", cuEventElapsedTime(&ms, a, b));
	SHOW("wait with flags 0xff", cuStreamWaitEvent(NULL, a, 0xff));
	SHOW("wait for NULL", cuStreamWaitEvent(NULL, NULL, 0));
	DRV(cuStreamCreate(&s, 0));
	SHOW("end of a capture never begun", cuStreamEndCapture(s, &graph));
	SHOW("capture of mode 9",
	     cuStreamBeginCapture(s, (CUstreamCaptureMode)9));
	SHOW("capture of the legacy stream",
	     cuStreamBeginCapture(NULL, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SHOW("graph to NULL", cuGraphCreate(NULL, 0));
	SHOW("graph of flags 5", cuGraphCreate(&graph, 5));
	SHOW("instantiate NULL", cuGraphInstantiate(&exec, NULL, 0));
	SHOW("launch graph NULL", cuGraphLaunch(NULL, s));
	SHOW("destroy graph NULL", cuGraphDestroy(NULL));
	DRV(cuEventDestroy(a));
	DRV(cuEventDestroy(b));
	DRV(cuStreamDestroy(s));
}

static void names(void)
{
	const char *text = "untouched";

	SHOW("name to NULL", cuGetErrorName(CUDA_SUCCESS, NULL));
	SHOW("name of result 4242", cuGetErrorName((CUresult)4242, &text));
	printf("text is %s\n", text ? text : "NULL");
	for (int i = 0; i < 1000; i++)
		if (cuGetErrorString((CUresult)i, &text) == CUDA_SUCCESS)
			printf("%d %s: %s\n", i, drv_name((CUresult)i), text);
}

static void still_works(CUmodule mod)
{
	CUdeviceptr p = drv_alloc(64);
	unsigned n = 16, v = 40, got = 0;
	void *args[] = { &p, &n, &v };

	DRV(cuLaunchKernel(drv_function(mod, "fill"), 1, 1, 1, 32, 1, 1, 0,
			   NULL, args, NULL));
	DRV(cuMemcpyDtoH(&got, p + 8, 4));
	printf("afterwards a kernel gives %u\n", got);
	if (got != 42)
		fail("drv_errors: afterwards a kernel should give 42");
	DRV(cuMemFree(p));
}

int main(void)
{
	CUcontext ctx;
	CUmodule mod;
	CUdevice dev;

	SHOW("before cuInit", cuCtxSynchronize());
	dev = drv_open(&ctx);
	init_and_device();
	contexts(dev);
	DRV(cuCtxSetCurrent(ctx));
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	memory();
	modules(mod);
	launches(mod);
	streams_and_events();
	names();
	still_works(mod);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drvapi.c - the plain driver API from cuInit on: a module of PTX text,
 * launches with kernelParams and with extra, streams, events, memset, copies
 * and the errors of wrong calls. No CUDA runtime is linked.
 */
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"

#define N 5000

static uint32_t want_fill(size_t i)
{
	return 100 + (uint32_t)i;
}

static void device_info(CUdevice dev)
{
	char name[128] = "";
	int major = 0, minor = 0, warp = 0, version = 0;
	size_t total = 0;

	DRV(cuDriverGetVersion(&version));
	DRV(cuDeviceGetName(name, sizeof(name), dev));
	DRV(cuDeviceGetAttribute(&major,
		CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, dev));
	DRV(cuDeviceGetAttribute(&minor,
		CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, dev));
	DRV(cuDeviceGetAttribute(&warp, CU_DEVICE_ATTRIBUTE_WARP_SIZE, dev));
	DRV(cuDeviceTotalMem(&total, dev));
	printf("device %s %d.%d warp %d\n", name, major, minor, warp);
	if (!name[0] || major < 5 || warp != 32 || !total || version < 12000)
		fail("drvapi: device information makes no sense (name '%s', "
		     "%d.%d, warp %d, %zu bytes, driver %d)", name, major,
		     minor, warp, total, version);
}

static void launch_params(CUmodule mod)
{
	CUfunction f = drv_function(mod, "fill");
	CUdeviceptr p = drv_alloc(N * 4);
	unsigned n = N, value = 100;
	void *args[] = { &p, &n, &value };

	DRV(cuLaunchKernel(f, (N + 127) / 128, 1, 1, 128, 1, 1, 0, NULL, args,
			   NULL));
	DRV(cuCtxSynchronize());
	drv_expect_u32("fill by kernelParams", p, N, want_fill);
	DRV(cuMemFree(p));
}

/* The same arguments, packed by hand with each one's alignment. */
static void launch_extra(CUmodule mod)
{
	CUfunction f = drv_function(mod, "mixed");
	CUdeviceptr p = drv_alloc(5 * 4);
	struct {
		char c;
		double d;
		short s;
		CUdeviceptr out;
		unsigned long long big;
	} block = { 5, 2.5, 9, p, 0x1122334455667788ull };
	size_t size = sizeof(block);
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &block,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			  CU_LAUNCH_PARAM_END };
	void *args[] = { &block.c, &block.d, &block.s, &block.out, &block.big };
	static const unsigned want[5] = { 5, 10, 9, 0x11223344, 0x55667788 };
	unsigned got[5];

	for (int round = 0; round < 2; round++) {
		DRV(cuMemsetD8(p, 0xff, sizeof(got)));
		DRV(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, NULL,
				   round ? args : NULL, round ? NULL : extra));
		DRV(cuMemcpyDtoH(got, p, sizeof(got)));
		if (memcmp(got, want, sizeof(got)))
			fail("drvapi: mixed arguments arrive as %u %u %u %x %x",
			     got[0], got[1], got[2], got[3], got[4]);
		printf("mixed by %s %u %u %u %x %x\n",
		       round ? "kernelParams" : "extra", got[0], got[1],
		       got[2], got[3], got[4]);
	}
	DRV(cuMemFree(p));
}

static void globals(CUmodule mod)
{
	static const unsigned factors[4] = { 10, 20, 30, 40 };
	CUfunction f = drv_function(mod, "add_words");
	CUdeviceptr words, consts, p = drv_alloc(8 * 4);
	size_t words_size = 0, consts_size = 0;
	unsigned n = 8, got[8], first = 7;
	void *args[] = { &p, &n };

	DRV(cuModuleGetGlobal(&words, &words_size, mod, "words"));
	DRV(cuModuleGetGlobal(&consts, &consts_size, mod, "factors"));
	if (words_size != 64 || consts_size != 16)
		fail("drvapi: globals have %zu and %zu bytes, not 64 and 16",
		     words_size, consts_size);
	DRV(cuMemcpyHtoD(consts, factors, sizeof(factors)));
	DRV(cuMemcpyHtoD(words, &first, sizeof(first)));
	DRV(cuMemsetD32(p, 1, n));
	DRV(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, NULL, args, NULL));
	DRV(cuMemcpyDtoH(got, p, sizeof(got)));
	printf("globals %u %u %u %u\n", got[0], got[1], got[6], got[7]);
	if (got[0] != 71 || got[1] != 41 || got[6] != 91 || got[7] != 161)
		fail("drvapi: globals should give 71 41 91 161");
	DRV(cuMemFree(p));
}

static void shared_memory(CUmodule mod)
{
	CUfunction f = drv_function(mod, "shared_sum");
	CUdeviceptr in = drv_alloc(256 * 4), out = drv_alloc(4 * 4);
	unsigned h[256], got[4];
	void *args[] = { &in, &out };

	for (unsigned i = 0; i < 256; i++)
		h[i] = i;
	DRV(cuMemcpyHtoD(in, h, sizeof(h)));
	DRV(cuLaunchKernel(f, 4, 1, 1, 64, 1, 1, 64 * 4, NULL, args, NULL));
	DRV(cuMemcpyDtoH(got, out, sizeof(got)));
	printf("shared sums %u %u %u %u\n", got[0], got[1], got[2], got[3]);
	if (got[0] != 2016 || got[1] != 6112 || got[2] != 10208 ||
	    got[3] != 14304)
		fail("drvapi: should be 2016 6112 10208 14304");
	DRV(cuMemFree(in));
	DRV(cuMemFree(out));
}

static uint32_t want_two_streams(size_t i)
{
	(void)i;
	return 3 + 5;
}

static void streams_events(CUmodule mod)
{
	CUfunction f = drv_function(mod, "bump");
	CUstream a, b;
	CUevent start, middle, stop;
	CUdeviceptr p = drv_alloc(N * 4);
	unsigned n = N, by = 3, by2 = 5;
	void *args[] = { &p, &n, &by }, *args2[] = { &p, &n, &by2 };
	uint32_t *pinned;
	float ms = -1;

	DRV(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamCreate(&b, CU_STREAM_DEFAULT));
	DRV(cuEventCreate(&start, CU_EVENT_DEFAULT));
	DRV(cuEventCreate(&middle, CU_EVENT_DISABLE_TIMING));
	DRV(cuEventCreate(&stop, CU_EVENT_BLOCKING_SYNC));
	DRV(cuMemHostAlloc((void **)&pinned, N * 4, 0));
	DRV(cuEventRecord(start, a));
	DRV(cuMemsetD32Async(p, 0, N, a));
	DRV(cuLaunchKernel(f, 40, 1, 1, 128, 1, 1, 0, a, args, NULL));
	DRV(cuEventRecord(middle, a));
	DRV(cuStreamWaitEvent(b, middle, 0));
	DRV(cuLaunchKernel(f, 40, 1, 1, 128, 1, 1, 0, b, args2, NULL));
	DRV(cuMemcpyDtoHAsync(pinned, p, N * 4, b));
	DRV(cuEventRecord(stop, b));
	DRV(cuEventSynchronize(stop));
	DRV(cuEventQuery(stop));
	DRV(cuStreamQuery(a));
	DRV(cuStreamSynchronize(b));
	DRV(cuEventElapsedTime(&ms, start, stop));
	if (!(ms >= 0))
		fail("drvapi: elapsed time is %f ms", ms);
	for (int i = 0; i < N; i++)
		if (pinned[i] != 8)
			fail("drvapi: two streams give %u at %d, not 8",
			     pinned[i], i);
	drv_expect_u32("two streams", p, N, want_two_streams);
	DRV(cuEventDestroy(start));
	DRV(cuEventDestroy(middle));
	DRV(cuEventDestroy(stop));
	DRV(cuStreamDestroy(a));
	DRV(cuStreamDestroy(b));
	DRV(cuMemFreeHost(pinned));
	DRV(cuMemFree(p));
}

static uint32_t want_memset(size_t i)
{
	if (i < 100)
		return 0x5a5a5a5a;
	return i < 200 ? 0x12341234 : 0xdeadbeef;
}

/* A copy larger than any window, so that it goes in pieces. */
static void copies(void)
{
	size_t big = (3u << 20) + 12345;
	unsigned char *h = must_alloc(big), *back = must_alloc(big);
	CUdeviceptr p = drv_alloc(big), q = drv_alloc(big);
	uint32_t s = 21;

	DRV(cuMemsetD8(p, 0x5a, 400));
	DRV(cuMemsetD16(p + 400, 0x1234, 200));
	DRV(cuMemsetD32(p + 800, 0xdeadbeef, 100));
	drv_expect_u32("memset of 1, 2 and 4 bytes", p, 300, want_memset);
	for (size_t i = 0; i < big; i++)
		h[i] = (unsigned char)rng(&s);
	DRV(cuMemcpyHtoD(p, h, big));
	DRV(cuMemcpyDtoD(q, p, big));
	DRV(cuMemcpyDtoDAsync(p + 1000, q + 5, 77777, NULL));
	DRV(cuMemcpyDtoH(back, q, big));
	if (memcmp(h, back, big))
		fail("drvapi: %zu bytes do not come back as they went", big);
	DRV(cuMemcpyDtoH(back, p, big));
	if (memcmp(back + 1000, h + 5, 77777) || memcmp(back, h, 1000))
		fail("drvapi: a copy between device addresses is wrong");
	printf("copies of %zu bytes checksum %016llx\n", big,
	       (unsigned long long)checksum(back, big));
	DRV(cuMemFree(p));
	DRV(cuMemFree(q));
	free(h);
	free(back);
}

static void errors(CUmodule mod)
{
	CUfunction f = drv_function(mod, "empty"), none;
	CUmodule bad;
	CUdeviceptr p;
	CUdevice dev;
	int v;

	EXPECT("a function that is not there",
	       cuModuleGetFunction(&none, mod, "no_such_kernel"),
	       CUDA_ERROR_NOT_FOUND);
	EXPECT("a global that is not there",
	       cuModuleGetGlobal(&p, NULL, mod, "no_such_global"),
	       CUDA_ERROR_NOT_FOUND);
	EXPECT("PTX that is none",
	       cuModuleLoadData(&bad, ".version 7.0\n.target sm_75\nnonsense"),
	       CUDA_ERROR_INVALID_PTX);
	EXPECT("device 99", cuDeviceGet(&dev, 99), CUDA_ERROR_INVALID_DEVICE);
	EXPECT("an attribute that is none",
	       cuDeviceGetAttribute(&v, (CUdevice_attribute)9999, 0),
	       CUDA_ERROR_INVALID_VALUE);
	EXPECT("2^60 bytes", cuMemAlloc(&p, 1ull << 60),
	       CUDA_ERROR_OUT_OF_MEMORY);
	EXPECT("no bytes", cuMemAlloc(&p, 0), CUDA_ERROR_INVALID_VALUE);
	EXPECT("free of a wrong address", cuMemFree(0x123456789000ull),
	       CUDA_ERROR_INVALID_VALUE);
	EXPECT("2048 threads",
	       cuLaunchKernel(f, 1, 1, 1, 2048, 1, 1, 0, NULL, NULL, NULL),
	       CUDA_ERROR_INVALID_VALUE);
	EXPECT("no blocks",
	       cuLaunchKernel(f, 0, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL),
	       CUDA_ERROR_INVALID_VALUE);
	SHOW("no function",
	     cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
	DRV(cuCtxSynchronize());
}

static void contexts(CUdevice dev, CUcontext primary)
{
	CUcontext own, now, popped;
	CUdevice d = -1;
	unsigned flags;
	int active;

	EXPECT("cuCtxGetDevice without a context",
	       (cuCtxSetCurrent(NULL), cuCtxGetDevice(&d)),
	       CUDA_ERROR_INVALID_CONTEXT);
	DRV(cuCtxSetCurrent(primary));
	DRV(cuCtxCreate(&own, NULL, 0, dev));
	DRV(cuCtxGetCurrent(&now));
	if (now != own)
		fail("drvapi: a new context is not current");
	DRV(cuCtxPopCurrent(&popped));
	DRV(cuCtxGetCurrent(&now));
	if (popped != own || now != primary)
		fail("drvapi: popping a context did not bring back the one "
		     "below");
	DRV(cuCtxDestroy(own));
	DRV(cuDevicePrimaryCtxGetState(dev, &flags, &active));
	DRV(cuCtxGetDevice(&d));
	printf("contexts active %d device %d\n", active, d);
	if (!active || d != dev)
		fail("drvapi: the primary context should be active on %d",
		     dev);
}

int main(void)
{
	CUcontext ctx;
	CUdevice dev;
	CUmodule mod;
	int count;

	/* Before cuInit every call says so. */
	EXPECT("before cuInit", cuDeviceGetCount(&count),
	       CUDA_ERROR_NOT_INITIALIZED);
	dev = drv_open(&ctx);
	device_info(dev);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	launch_params(mod);
	launch_extra(mod);
	globals(mod);
	shared_memory(mod);
	streams_events(mod);
	copies();
	errors(mod);
	contexts(dev, ctx);
	DRV(cuModuleUnload(mod));
	DRV(cuDevicePrimaryCtxRelease(dev));
	printf("drvapi done\n");
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_two_peers.c - two GPUs of one program: what they know of each other,
 * copies between them with and without peer access, kernels on one that read
 * and write the other's memory, order across both by events.
 */
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define N 100000

static CUcontext ctx[2];
static CUmodule mod[2];
static CUstream st[2];
static CUdeviceptr mem[2];

static void on(int d)
{
	DRV(cuCtxSetCurrent(ctx[d]));
}

static void attributes(void)
{
	static const CUdevice_P2PAttribute a[] = {
		CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED,
		CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED,
		CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED,
		CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK
	};
	int v = 0;

	for (int d = 0; d < 2; d++) {
		DRV(cuDeviceCanAccessPeer(&v, d, 1 - d));
		printf("device %d can reach the other: %d\n", d, v);
		if (!v) {
			fprintf(stderr, "the GPUs cannot reach each other\n");
			exit(77); /* check-gpu counts this as skipped */
		}
	}
	for (int i = 0; i < 4; i++) {
		DRV(cuDeviceGetP2PAttribute(&v, a[i], 0, 1));
		printf("attribute %d is %d\n", (int)a[i], v);
	}
	SHOW("a device and itself", cuDeviceCanAccessPeer(&v, 0, 0));
	SHOW("an attribute of a device and itself",
	     cuDeviceGetP2PAttribute(&v, a[0], 1, 1));
	SHOW("a device that is none", cuDeviceCanAccessPeer(&v, 0, 99));
}

static void fill(int d, unsigned seed)
{
	unsigned *h = must_alloc(N * 4);

	for (unsigned i = 0; i < N; i++)
		h[i] = i * seed;
	on(d);
	DRV(cuMemcpyHtoD(mem[d], h, N * 4));
	/* The call may return before the bytes are all there. */
	DRV(cuCtxSynchronize());
	free(h);
}

static void show(const char *what, int d)
{
	unsigned *h = must_alloc(N * 4);

	on(d);
	DRV(cuCtxSynchronize());
	DRV(cuMemcpyDtoH(h, mem[d], N * 4));
	printf("%s: %u %u checksum %016llx\n", what, h[1], h[N - 1],
	       (unsigned long long)checksum(h, N * 4));
	free(h);
}

/* The driver finds a way whether or not access is enabled. */
static void copies(const char *when)
{
	CUDA_MEMCPY3D_PEER c = { .WidthInBytes = 100,
				 .Height = 20,
				 .Depth = 3 };

	printf("-- copies %s\n", when);
	fill(0, 3);
	fill(1, 5);
	DRV(cuMemcpyPeer(mem[1], ctx[1], mem[0], ctx[0], N * 2));
	show("peer copy", 1);
	fill(1, 7);
	on(0);
	DRV(cuMemcpyPeerAsync(mem[0] + 400, ctx[0], mem[1], ctx[1], N, st[0]));
	DRV(cuStreamSynchronize(st[0]));
	show("peer copy in a stream", 0);
	fill(0, 9);
	on(0);
	DRV(cuMemcpy(mem[1] + 40, mem[0] + 80, 4000));
	show("plain copy", 1);
	DRV(cuMemcpyDtoD(mem[0], mem[1] + 8000, 4000));
	show("from the device to the device", 0);
	c.srcMemoryType = c.dstMemoryType = CU_MEMORYTYPE_DEVICE;
	c.srcDevice = mem[0], c.srcContext = ctx[0];
	c.srcPitch = 120, c.srcHeight = 25;
	c.dstDevice = mem[1], c.dstContext = ctx[1];
	c.dstPitch = 160, c.dstHeight = 30, c.dstXInBytes = 8, c.dstY = 2;
	on(1);
	DRV(cuMemcpy3DPeer(&c));
	show("3D peer copy", 1);
	c.dstZ = 4;
	DRV(cuMemcpy3DPeerAsync(&c, st[1]));
	DRV(cuStreamSynchronize(st[1]));
	show("3D peer copy in a stream", 1);
}

/* A kernel of device @d reads the other's memory, then writes it. */
static void kernels(int d)
{
	CUfunction sum = drv_function(mod[d], "sum_words");
	CUfunction move = drv_function(mod[d], "copy_words");
	unsigned n = 1000, all = N, got = 0, want = 0;
	CUdeviceptr out;
	void *args[] = { &out, &mem[1 - d], &n };
	void *args2[] = { &mem[1 - d], &mem[d], &all };

	fill(1 - d, 3 + (unsigned)d);
	on(d);
	out = drv_alloc(4);
	DRV(cuLaunchKernel(sum, 1, 1, 1, 1, 1, 1, 0, st[d], args, NULL));
	DRV(cuStreamSynchronize(st[d]));
	DRV(cuMemcpyDtoH(&got, out, 4));
	for (unsigned i = 0; i < n; i++)
		want += i * (3 + (unsigned)d);
	printf("device %d sums the other's words: %u\n", d, got);
	if (got != want)
		fail("drv_two_peers: should be %u", want);
	fill(d, 11);
	DRV(cuLaunchKernel(move, (N + 127) / 128, 1, 1, 128, 1, 1, 0, st[d],
			   args2, NULL));
	DRV(cuStreamSynchronize(st[d]));
	show("and writes there", 1 - d);
	on(d);
	DRV(cuMemFree(out));
}

static void access_on_and_off(void)
{
	for (int d = 0; d < 2; d++) {
		on(d);
		DRV(cuCtxEnablePeerAccess(ctx[1 - d], 0));
		SHOW("enabled again", cuCtxEnablePeerAccess(ctx[1 - d], 0));
		SHOW("enabled with flags",
		     cuCtxEnablePeerAccess(ctx[1 - d], 1));
		SHOW("enabled for itself", cuCtxEnablePeerAccess(ctx[d], 0));
	}
	kernels(0);
	kernels(1);
	copies("with access");
	for (int d = 0; d < 2; d++) {
		on(d);
		DRV(cuCtxDisablePeerAccess(ctx[1 - d]));
		SHOW("disabled again", cuCtxDisablePeerAccess(ctx[1 - d]));
	}
}

/* Each step waits for the one before it on the other GPU. */
static void order(void)
{
	CUfunction f[2] = { drv_function(mod[0], "chain"),
			    drv_function(mod[1], "chain") };
	unsigned mul = 3, got = 0, want = 1;
	CUevent ev[2];

	for (int d = 0; d < 2; d++) {
		on(d);
		DRV(cuEventCreate(&ev[d], CU_EVENT_DISABLE_TIMING));
	}
	on(0);
	DRV(cuMemsetD32(mem[0], 1, 1));
	DRV(cuCtxSynchronize());
	for (unsigned i = 0; i < 40; i++) {
		int d = i % 2;
		void *args[] = { &mem[d], &mul, &i };

		on(d);
		if (i)
			DRV(cuStreamWaitEvent(st[d], ev[1 - d], 0));
		DRV(cuLaunchKernel(f[d], 1, 1, 1, 1, 1, 1, 0, st[d], args,
				   NULL));
		DRV(cuMemcpyPeerAsync(mem[1 - d], ctx[1 - d], mem[d], ctx[d],
				      4, st[d]));
		DRV(cuEventRecord(ev[d], st[d]));
		want = want * 3 + i;
	}
	DRV(cuEventSynchronize(ev[1]));
	DRV(cuMemcpyDtoH(&got, mem[1], 4));
	printf("40 steps on two GPUs: %u\n", got);
	if (got != want)
		fail("drv_two_peers: should be %u", want);
	on(0);
	SHOW("an event of the other in a stream of this",
	     cuEventRecord(ev[1], st[0]));
	for (int d = 0; d < 2; d++)
		DRV(cuEventDestroy(ev[d]));
}

static void pointers(void)
{
	for (int d = 0; d < 2; d++) {
		CUcontext owner = NULL;
		int ordinal = -1;

		on(1 - d);
		DRV(cuPointerGetAttribute(&ordinal,
			CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, mem[d]));
		DRV(cuPointerGetAttribute(&owner,
			CU_POINTER_ATTRIBUTE_CONTEXT, mem[d]));
		printf("memory %d is on device %d, its context is %s\n", d,
		       ordinal, owner == ctx[d] ? "right" : "wrong");
	}
}

int main(void)
{
	int count = 0;

	DRV(cuInit(0));
	DRV(cuDeviceGetCount(&count));
	if (count < 2) {
		fprintf(stderr, "needs two GPUs\n");
		return 77; /* check-gpu counts this as skipped */
	}
	attributes();
	for (int d = 0; d < 2; d++) {
		DRV(cuDevicePrimaryCtxRetain(&ctx[d], d));
		on(d);
		DRV(cuModuleLoadData(&mod[d], kernels_more_ptx));
		DRV(cuStreamCreate(&st[d], CU_STREAM_NON_BLOCKING));
		mem[d] = drv_alloc(N * 4);
	}
	pointers();
	copies("without access");
	access_on_and_off();
	copies("after it was taken away");
	order();
	for (int d = 0; d < 2; d++) {
		on(d);
		DRV(cuMemFree(mem[d]));
		DRV(cuStreamDestroy(st[d]));
		DRV(cuModuleUnload(mod[d]));
		DRV(cuDevicePrimaryCtxRelease(d));
	}
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_values.c - streams that wait for words and write them: every condition,
 * 32 and 64 bits, in batches, and with the writer a stream, a kernel, a copy
 * or this program.
 */
#include <stdbool.h>
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

static CUfunction chain;
static CUdeviceptr flag, p;
static CUstream waiter, writer;

static void step(unsigned mul, unsigned add, CUstream st)
{
	void *args[] = { &p, &mul, &add };

	DRV(cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

static void write64(unsigned long long v)
{
	DRV(cuStreamWriteValue64(writer, flag, v, 0));
	DRV(cuStreamSynchronize(writer));
}

/* Does not hold with @no in the word, holds with @yes. */
static void condition(const char *name, bool wide, unsigned flags,
		      unsigned long long value, unsigned long long no,
		      unsigned long long yes)
{
	unsigned v = 0;

	write64(no);
	DRV(cuMemsetD32Async(p, 1, 1, waiter));
	DRV(cuStreamSynchronize(waiter));
	if (wide)
		DRV(cuStreamWaitValue64(waiter, flag, value, flags));
	else
		DRV(cuStreamWaitValue32(waiter, flag, (unsigned)value, flags));
	step(5, 2, waiter);
	printf("%-10s %d bits, first %s", name, wide ? 64 : 32,
	       drv_name(cuStreamQuery(waiter)));
	write64(yes);
	DRV(cuStreamSynchronize(waiter));
	DRV(cuMemcpyDtoHAsync(&v, p, 4, writer));
	DRV(cuStreamSynchronize(writer));
	printf(", then %u\n", v);
	if (v != 7)
		fail("drv_values: %s should give 7", name);
}

static void conditions(CUdevice dev)
{
	int nor = 0;

	condition("geq", false, CU_STREAM_WAIT_VALUE_GEQ, 5, 4, 9);
	condition("geq around", false, CU_STREAM_WAIT_VALUE_GEQ, 0xfffffff0u,
		  0xffffff00u, 3);
	condition("eq", false, CU_STREAM_WAIT_VALUE_EQ, 5, 6, 5);
	condition("and", false, CU_STREAM_WAIT_VALUE_AND, 6, 1, 4);
	condition("geq", true, CU_STREAM_WAIT_VALUE_GEQ, 5ull << 32,
		  4ull << 32, (5ull << 32) + 1);
	condition("eq", true, CU_STREAM_WAIT_VALUE_EQ, 1ull << 40, 1, 1ull <<
		  40);
	condition("and", true, CU_STREAM_WAIT_VALUE_AND, 1ull << 50,
		  ~(1ull << 50), 1ull << 50);
	DRV(cuDeviceGetAttribute(&nor,
		CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR, dev));
	printf("nor is possible: %d\n", nor);
	if (!nor)
		return;
	condition("nor", false, CU_STREAM_WAIT_VALUE_NOR, 0xffff0000u, 0xffffu,
		  0xfffeu);
	condition("nor", true, CU_STREAM_WAIT_VALUE_NOR, 0xffffffff00000000ull,
		  0xffffffffull, 0xfffffffeull);
}

/* The same word may be written by a copy, a set, a kernel, the program. */
static void writers(void)
{
	unsigned v = 0;
	volatile unsigned *h;
	CUdeviceptr d;

	DRV(cuMemHostAlloc((void **)&h, 64, CU_MEMHOSTALLOC_DEVICEMAP));
	DRV(cuMemHostGetDevicePointer(&d, (void *)h, 0));
	DRV(cuMemsetD32Async(p, 1, 1, waiter));
	write64(0);
	*h = 0;
	DRV(cuStreamSynchronize(waiter));
	DRV(cuStreamWaitValue32(waiter, flag, 1, CU_STREAM_WAIT_VALUE_EQ));
	step(3, 1, waiter);
	DRV(cuStreamWaitValue32(waiter, flag, 2, CU_STREAM_WAIT_VALUE_EQ));
	step(3, 2, waiter);
	DRV(cuStreamWaitValue32(waiter, d, 3, CU_STREAM_WAIT_VALUE_EQ));
	step(3, 3, waiter);
	DRV(cuStreamWriteValue32(waiter, d + 4, 77, 0));
	DRV(cuMemsetD32Async(flag, 1, 1, writer));
	DRV(cuStreamSynchronize(writer));
	while (cuStreamQuery(waiter) != CUDA_ERROR_NOT_READY)
		fail("drv_values: the stream does not wait for a 2");
	v = 2;
	DRV(cuMemcpyHtoDAsync(flag, &v, 4, writer));
	DRV(cuStreamSynchronize(writer));
	*h = 3;
	DRV(cuStreamSynchronize(waiter));
	DRV(cuMemcpyDtoHAsync(&v, p, 4, writer));
	DRV(cuStreamSynchronize(writer));
	printf("three writers: %u, host memory has %u\n", v, h[1]);
	if (v != 45 || h[1] != 77)
		fail("drv_values: should be 45 and 77");
	DRV(cuMemFreeHost((void *)h));
}

static void batches(void)
{
	CUstreamBatchMemOpParams ops[4];
	unsigned v[4] = { 0 };

	write64(0);
	memset(ops, 0, sizeof(ops));
	ops[0].waitValue.operation = CU_STREAM_MEM_OP_WAIT_VALUE_32;
	ops[0].waitValue.address = flag, ops[0].waitValue.value = 8;
	ops[1].writeValue.operation = CU_STREAM_MEM_OP_WRITE_VALUE_32;
	ops[1].writeValue.address = flag + 8, ops[1].writeValue.value = 21;
	ops[2].writeValue.operation = CU_STREAM_MEM_OP_WRITE_VALUE_64;
	ops[2].writeValue.address = flag + 16;
	ops[2].writeValue.value64 = 0x100000002ull;
	ops[3].memoryBarrier.operation = CU_STREAM_MEM_OP_BARRIER;
	ops[3].memoryBarrier.flags = CU_STREAM_MEMORY_BARRIER_TYPE_SYS;
	DRV(cuStreamBatchMemOp(waiter, 3, ops, 0));
	SHOW("a batch that waits", cuStreamQuery(waiter));
	write64(8);
	DRV(cuStreamSynchronize(waiter));
	DRV(cuMemcpyDtoHAsync(v, flag + 8, 16, writer));
	DRV(cuStreamSynchronize(writer));
	printf("batch wrote %u %u %u\n", v[0], v[2], v[3]);
	SHOW("a barrier", cuStreamBatchMemOp(waiter, 1, &ops[3], 0));
	SHOW("no operations", cuStreamBatchMemOp(waiter, 0, ops, 0));
	SHOW("an address that is odd",
	     cuStreamWriteValue32(waiter, flag + 1, 1, 0));
	SHOW("a wait that is none",
	     cuStreamWaitValue32(waiter, flag, 1, 0x40));
	DRV(cuStreamSynchronize(waiter));
}

int main(void)
{
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);
	CUmodule mod;

	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	DRV(cuStreamCreate(&waiter, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamCreate(&writer, CU_STREAM_NON_BLOCKING));
	flag = drv_alloc(64);
	p = drv_alloc(4);
	step(1, 1, writer); /* the first launch loads */
	DRV(cuCtxSynchronize());
	conditions(dev);
	writers();
	batches();
	DRV(cuMemFree(flag));
	DRV(cuMemFree(p));
	DRV(cuStreamDestroy(waiter));
	DRV(cuStreamDestroy(writer));
	DRV(cuModuleUnload(mod));
	return 0;
}

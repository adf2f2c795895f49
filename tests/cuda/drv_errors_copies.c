// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_copies.c - copies and fills whose shape, place or kind is wrong.
 * What is let through faults later: the end is waited for.
 *
 * Not tried is what has no right answer natively: places that NVIDIA's driver
 * counts modulo 2^64 (it then writes somewhere else, or the GPU faults), and a
 * batch to an address of nobody, which a thread of the driver crashes over
 * some time later.
 */
#include "errors.h"

#define N 4096u

static unsigned char host[N];

static void lines(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(N), q = drv_alloc(N);

	(void)dev, (void)mod;
	PROBE("to the GPU, a byte too many", cuMemcpyHtoD(p + 1, host, N));
	PROBE("to the GPU, at the end", cuMemcpyHtoD(p + N, host, 0));
	PROBE("to an address of nobody", cuMemcpyHtoD(4096, host, 16));
	PROBE("from an address of nobody", cuMemcpyDtoH(host, 4096, 16));
	PROBE("between addresses of nobody", cuMemcpyDtoD(4096, 8192, 16));
	PROBE("to the GPU 2^63", cuMemcpyHtoD(p, host, HUGE_SIZE));
	PROBE("from the GPU 2^63", cuMemcpyDtoH(host, p, HUGE_SIZE));
	PROBE("on the GPU 2^63", cuMemcpyDtoD(q, p, HUGE_SIZE));
	PROBE("to itself", cuMemcpyDtoD(p, p, N));
	PROBE("over itself", cuMemcpyDtoD(p + 8, p, 64));
	PROBE("unified, 0 bytes", cuMemcpy(p, q, 0));
	PROBE("unified, to NULL", cuMemcpy(0, p, 16));
	PROBE("unified, from NULL", cuMemcpy(p, 0, 16));
	PROBE("unified, NULL to NULL", cuMemcpy(0, 0, 16));
	PROBE("without waiting, to NULL", cuMemcpyHtoDAsync(0, host, 16, NULL));
	PROBE("without waiting, from NULL",
	      cuMemcpyDtoHAsync(host, 0, 16, NULL));
	PROBE("without waiting, nobody's",
	      cuMemcpyDtoDAsync(4096, p, 16, NULL));
	PROBE("without waiting, too many",
	      cuMemcpyDtoDAsync(p, q + 8, N, NULL));
	PROBE("and the end", cuCtxSynchronize());
}

static void fills(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(N);
	size_t words = (size_t)1 << 62;

	(void)dev, (void)mod;
	PROBE("words at 1", cuMemsetD32(p + 1, 1, 4));
	PROBE("no words at 1", cuMemsetD32(p + 1, 1, 0));
	PROBE("halves at 1", cuMemsetD16(p + 1, 1, 4));
	PROBE("a byte too many", cuMemsetD8(p + 1, 1, N));
	PROBE("2^63 bytes", cuMemsetD8(p, 1, HUGE_SIZE));
	PROBE("2^63 halves", cuMemsetD16(p, 1, HUGE_SIZE));
	PROBE("2^62 words at nobody's", cuMemsetD32(4096, 1, words));
	PROBE("at nobody's", cuMemsetD8(4096, 1, 16));
	PROBE("rows wider than their pitch", cuMemsetD2D8(p, 16, 1, 17, 4));
	PROBE("one row, pitch 0", cuMemsetD2D8(p, 0, 1, 16, 1));
	PROBE("two rows, pitch 0", cuMemsetD2D8(p, 0, 1, 16, 2));
	PROBE("pitch 18 for words", cuMemsetD2D32(p, 18, 1, 4, 4));
	PROBE("rows at 2 for words", cuMemsetD2D32(p + 2, 16, 1, 4, 4));
	PROBE("rows of no width", cuMemsetD2D32(p, 16, 1, 0, 4));
	PROBE("no rows", cuMemsetD2D32(p, 16, 1, 4, 0));
	PROBE("rows past the end", cuMemsetD2D8(p, 1024, 1, 16, 5));
	PROBE("and the end", cuCtxSynchronize());
}

static CUDA_MEMCPY2D flat(CUdeviceptr p)
{
	return (CUDA_MEMCPY2D){
		.srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = host,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstDevice = p,
		.srcPitch = 64, .dstPitch = 64, .WidthInBytes = 16,
		.Height = 4,
	};
}

#define TRY2D(what, field, value)                                              \
	do {                                                                   \
		CUDA_MEMCPY2D c = flat(p);                                     \
		c.field = value;                                               \
		PROBE(what, cuMemcpy2D(&c));                                   \
	} while (0)

static void planes(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(N);

	(void)dev, (void)mod;
	TRY2D("2D, all is well", Height, 4);
	TRY2D("2D, width 0", WidthInBytes, 0);
	TRY2D("2D, height 0", Height, 0);
	TRY2D("2D, width over the pitch", WidthInBytes, 65);
	TRY2D("2D, width 2^63", WidthInBytes, HUGE_SIZE);
	TRY2D("2D, height 2^63", Height, HUGE_SIZE);
	TRY2D("2D, too many rows", Height, 65);
	TRY2D("2D, source of no type", srcMemoryType, (CUmemorytype)0);
	TRY2D("2D, source of type 9", srcMemoryType, (CUmemorytype)9);
	TRY2D("2D, target of type 9", dstMemoryType, (CUmemorytype)9);
	TRY2D("2D, source NULL", srcHost, NULL);
	TRY2D("2D, target 0", dstDevice, 0);
	TRY2D("2D, target nobody's", dstDevice, 4096);
	TRY2D("2D, target pitch 8", dstPitch, 8);
	TRY2D("2D, target pitch 0", dstPitch, 0);
	TRY2D("2D, target pitch 2^40", dstPitch, (size_t)1 << 40);
	TRY2D("2D, x past the pitch", dstXInBytes, 60);
	TRY2D("2D, source an array of NULL", srcMemoryType,
	      CU_MEMORYTYPE_ARRAY);
	TRY2D("2D, target an array of NULL", dstMemoryType,
	      CU_MEMORYTYPE_ARRAY);
	PROBE("and the end", cuCtxSynchronize());
}

static CUDA_MEMCPY3D solid(CUdeviceptr p)
{
	return (CUDA_MEMCPY3D){
		.srcMemoryType = CU_MEMORYTYPE_HOST, .srcHost = host,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE, .dstDevice = p,
		.srcPitch = 64, .srcHeight = 4, .dstPitch = 64,
		.dstHeight = 4, .WidthInBytes = 16, .Height = 4, .Depth = 2,
	};
}

#define TRY3D(what, field, value)                                              \
	do {                                                                   \
		CUDA_MEMCPY3D c = solid(p);                                    \
		c.field = value;                                               \
		PROBE(what, cuMemcpy3D(&c));                                   \
	} while (0)

static void solids(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(N);

	(void)dev, (void)mod;
	TRY3D("3D, all is well", Height, 4);
	TRY3D("3D, depth 0", Depth, 0);
	TRY3D("3D, width 0", WidthInBytes, 0);
	TRY3D("3D, width over the pitch", WidthInBytes, 65);
	TRY3D("3D, height over the height", Height, 5);
	TRY3D("3D, depth 2^63", Depth, HUGE_SIZE);
	TRY3D("3D, past the end", Depth, 17);
	TRY3D("3D, target height 0", dstHeight, 0);
	TRY3D("3D, target pitch 0", dstPitch, 0);
	TRY3D("3D, source of type 9", srcMemoryType, (CUmemorytype)9);
	TRY3D("3D, source NULL", srcHost, NULL);
	TRY3D("3D, target 0", dstDevice, 0);
	TRY3D("3D, source level 3", srcLOD, 3);
	TRY3D("3D, reserved not NULL", reserved0, host);
	TRY3D("3D, y past the height", dstY, 3);
	PROBE("and the end", cuCtxSynchronize());
}

static void batches(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(N), q = drv_alloc(N);
	size_t size = 64, zero = 0, far = HUGE_SIZE, first = 0, last = 5;
	CUmemcpyAttributes a = {
		.srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM };
	CUstream s;

	(void)dev, (void)mod;
	DRV(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
#define BATCH(what, dst, size, n, attrs, where, m, stream)                     \
	PROBE(what, cuMemcpyBatchAsync(dst, &q, size, n, attrs, where, m,      \
				       stream))
	BATCH("batch, all is well", &p, &size, 1, &a, &first, 1, s);
	BATCH("batch of none", &p, &size, 0, &a, &first, 1, s);
	BATCH("batch of 2^63", &p, &size, HUGE_SIZE, &a, &first, 1, s);
	BATCH("batch in the legacy stream", &p, &size, 1, &a, &first, 1, NULL);
	BATCH("batch of 0 bytes", &p, &zero, 1, &a, &first, 1, s);
	BATCH("batch of 2^63 bytes", &p, &far, 1, &a, &first, 1, s);
	BATCH("batch without attributes", &p, &size, 1, &a, &first, 0, s);
	BATCH("batch, attributes from the sixth", &p, &size, 1, &a, &last, 1,
	      s);
	a.srcAccessOrder = (CUmemcpySrcAccessOrder)9;
	BATCH("batch in order 9", &p, &size, 1, &a, &first, 1, s);
	a.srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM;
	a.flags = 0x80;
	BATCH("batch with flags 0x80", &p, &size, 1, &a, &first, 1, s);
	PROBE("and the end", cuCtxSynchronize());
	DRV(cuStreamDestroy(s));
}

static const struct group groups[] = {
	{ "lines", lines, true },
	{ "fills", fills, true },
	{ "planes", planes, true },
	{ "solids", solids, true },
	{ "batches", batches, true },
};

int main(void)
{
	return groups_run(groups, 5);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_copies.c - sets and copies of every shape: all widths, pitches and
 * offsets of one, two and three dimensions, between host and device, with
 * unified addresses, overlapping nothing, in streams; batches of copies.
 * What is right is worked out on the CPU.
 */
#include <stdbool.h>
#include <string.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define SIZE (1 << 20)

static unsigned char *model, *back; /* what the device's memory holds */
static CUdeviceptr dev;

static void check(const char *what)
{
	memset(back, 0, SIZE);
	DRV(cuCtxSynchronize());
	DRV(cuMemcpyDtoH(back, dev, SIZE));
	for (size_t i = 0; i < SIZE; i++)
		if (back[i] != model[i])
			fail("drv_copies: %s: byte %zu is %u, not %u", what, i,
			     back[i], model[i]);
	printf("%s: checksum %016llx\n", what,
	       (unsigned long long)checksum(back, SIZE));
}

static void put(size_t at, unsigned value, unsigned width, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memcpy(model + at + i * width, &value, width);
}

static void sets(CUstream st)
{
	put(0, 0, 1, SIZE);
	DRV(cuMemsetD8(dev, 0, SIZE));
	DRV(cuCtxSynchronize());
	for (unsigned i = 0; i < 40; i++) {
		size_t at = 4096 * i, n = 1 + i * 37;

		put(at + i, 0x10 + i, 1, n);
		DRV(cuMemsetD8Async(dev + at + i, (unsigned char)(0x10 + i), n,
				    st));
		put(at + 2 * i + 1500, 0x1234 + i, 2, n / 4);
		DRV(cuMemsetD16Async(dev + at + 2 * i + 1500,
				     (unsigned short)(0x1234 + i), n / 4, st));
		put(at + 2800 + 4 * i, 0xdead0000u + i, 4, n / 8);
		DRV(cuMemsetD32Async(dev + at + 2800 + 4 * i, 0xdead0000u + i,
				     n / 8, st));
	}
	DRV(cuStreamSynchronize(st));
	check("sets in a line");
}

static void put2d(size_t at, size_t pitch, unsigned value, unsigned width,
		  size_t w, size_t h)
{
	for (size_t y = 0; y < h; y++)
		put(at + y * pitch, value, width, w);
}

static void sets2d(CUstream st)
{
	put2d(200000, 700, 0x5a, 1, 333, 50);
	DRV(cuMemsetD2D8Async(dev + 200000, 700, 0x5a, 333, 50, st));
	put2d(250002, 1000, 0x7788, 2, 77, 31);
	DRV(cuMemsetD2D16Async(dev + 250002, 1000, 0x7788, 77, 31, st));
	put2d(300004, 4096, 0x01020304, 4, 1000, 20);
	DRV(cuMemsetD2D32Async(dev + 300004, 4096, 0x01020304, 1000, 20, st));
	DRV(cuStreamSynchronize(st));
	put2d(400000, 512, 0xab, 1, 512, 4);
	DRV(cuMemsetD2D8(dev + 400000, 512, 0xab, 512, 4));
	check("sets of rectangles");
	SHOW("a pitch below the width", cuMemsetD2D8(dev, 10, 1, 20, 2));
	SHOW("an odd address", cuMemsetD16(dev + 1, 1, 8));
	SHOW("none", cuMemsetD32(dev, 1, 0));
}

/* Sizes around every border that a copy may have on its way. */
static void lines(CUstream st)
{
	static const size_t sizes[] = { 1, 3, 64, 255, 1499, 1500, 1501, 2000,
					4095, 4096, 4097, 16383, 16384, 16385,
					65535, 65536, 65537, 262143, 300001 };
	unsigned char *h = must_alloc(SIZE), *pinned;
	uint32_t seed = 77;

	DRV(cuMemHostAlloc((void **)&pinned, SIZE, 0));
	for (size_t i = 0; i < SIZE; i++)
		h[i] = pinned[i] = (unsigned char)rng(&seed);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = sizes[i], at = 17 * i + 400001;

		DRV(cuMemcpyHtoD(dev + at, h + i, n));
		DRV(cuCtxSynchronize()); /* st does not wait for that */
		memcpy(model + at, h + i, n);
		DRV(cuMemcpyHtoDAsync(dev + i, pinned + 2 * i, n, st));
		DRV(cuStreamSynchronize(st));
		memcpy(model + i, pinned + 2 * i, n);
		DRV(cuMemcpyDtoDAsync(dev + 720001, dev + at, n, st));
		memcpy(model + 720001, model + at, n);
		DRV(cuStreamSynchronize(st));
		memset(back, 0, n + 1);
		DRV(cuMemcpyDtoHAsync(back, dev + 720001, n, st));
		DRV(cuStreamSynchronize(st));
		if (memcmp(back, model + 720001, n) || back[n])
			fail("drv_copies: %zu bytes come back wrong", n);
	}
	check("lines");
	DRV(cuMemFreeHost(pinned));
	free(h);
}

struct box {
	size_t w, h, d, spitch, sh, sx, sy, sz, dpitch, dh, dx, dy, dz;
};

static const struct box boxes[] = {
	{ 1, 1, 1, 64, 1, 0, 0, 0, 64, 1, 0, 0, 0 },
	{ 100, 7, 3, 128, 9, 5, 1, 2, 120, 8, 3, 0, 1 },
	{ 33, 40, 1, 64, 50, 31, 10, 0, 33, 40, 0, 0, 0 },
	{ 1000, 60, 2, 1024, 64, 24, 4, 1, 2048, 61, 500, 1, 0 },
	{ 4096, 30, 1, 4096, 30, 0, 0, 0, 5000, 31, 3, 1, 0 },
	{ 3, 200, 5, 7, 211, 4, 11, 0, 9, 203, 2, 1, 1 },
};

static void move_box(unsigned char *to, const unsigned char *from,
		     const struct box *b)
{
	for (size_t z = 0; z < b->d; z++)
		for (size_t y = 0; y < b->h; y++)
			memcpy(to + ((b->dz + z) * b->dh + b->dy + y) *
			       b->dpitch + b->dx,
			       from + ((b->sz + z) * b->sh + b->sy + y) *
			       b->spitch + b->sx, b->w);
}

/* From @from to @to, each the device (0), pageable (1), pinned (2) or the
 * device by a unified address (3). */
static void cube(const struct box *b, int from, int to, unsigned char *host,
		 CUstream st)
{
	CUDA_MEMCPY3D c = { .srcXInBytes = b->sx, .srcY = b->sy,
			    .srcZ = b->sz, .srcPitch = b->spitch,
			    .srcHeight = b->sh, .dstXInBytes = b->dx,
			    .dstY = b->dy, .dstZ = b->dz,
			    .dstPitch = b->dpitch, .dstHeight = b->dh,
			    .WidthInBytes = b->w, .Height = b->h,
			    .Depth = b->d };
	bool in = from == 1 || from == 2, out = to == 1 || to == 2;

	c.srcMemoryType = from == 3 ? CU_MEMORYTYPE_UNIFIED :
			  in ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
	c.dstMemoryType = to == 3 ? CU_MEMORYTYPE_UNIFIED :
			  out ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
	c.srcHost = host;
	c.dstHost = host;
	c.srcDevice = dev;
	c.dstDevice = dev + SIZE / 2;
	if (st)
		DRV(cuMemcpy3DAsync(&c, st));
	else
		DRV(cuMemcpy3D(&c));
	DRV(cuStreamSynchronize(st));
	if (!out) {
		move_box(model + SIZE / 2, in ? host : model, b);
		return;
	}
	memset(back, 0, SIZE / 2);
	move_box(back, model, b);
	for (size_t i = 0; i < SIZE / 2; i++)
		if (host[i] != back[i])
			fail("drv_copies: a box of %zux%zux%zu from the "
			     "device has %u at %zu, not %u", b->w, b->h, b->d,
			     host[i], i, back[i]);
}

static void cubes(CUstream st)
{
	unsigned char *host[3] = { NULL, must_alloc(SIZE / 2), NULL };
	uint32_t seed = 99;

	DRV(cuMemHostAlloc((void **)&host[2], SIZE / 2, 0));
	for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
		for (int kind = 0; kind < 4; kind++) {
			CUstream s = i % 2 ? st : NULL;
			int h = kind == 1 || kind == 2;

			if (h)
				for (size_t k = 0; k < SIZE / 2; k++)
					host[kind][k] = (unsigned char)
						rng(&seed);
			cube(&boxes[i], kind, kind == 3 ? 3 : 0,
			     h ? host[kind] : NULL, s);
			if (!h)
				continue;
			memset(host[kind], 0, SIZE / 2);
			cube(&boxes[i], 0, kind, host[kind], s);
		}
	check("boxes");
	free(host[1]);
	DRV(cuMemFreeHost(host[2]));
}

/* Many copies in one call; a stream of its own is demanded. */
static void batches(CUstream st)
{
	enum { N = 50 };
	CUdeviceptr dst[N], src[N];
	CUmemcpyAttributes at = {
		.srcAccessOrder = CU_MEMCPY_SRC_ACCESS_ORDER_STREAM
	};
	size_t size[N], which = 0;
	unsigned char *pinned;

	DRV(cuMemHostAlloc((void **)&pinned, N * 1000, 0));
	for (int i = 0; i < N; i++) {
		size[i] = 10 + (size_t)i * 19;
		dst[i] = dev + (size_t)i * 3000;
		src[i] = i % 2 ? dev + 600000 + (size_t)i * 1000 :
			 (CUdeviceptr)(uintptr_t)(pinned + i * 1000);
		memset(pinned + i * 1000, i + 1, 1000);
		memcpy(model + (size_t)i * 3000,
		       i % 2 ? model + 600000 + (size_t)i * 1000 :
		       pinned + i * 1000, size[i]);
	}
	DRV(cuMemcpyBatchAsync(dst, src, size, N, &at, &which, 1, st));
	DRV(cuStreamSynchronize(st));
	check("a batch");
	SHOW("a batch of none",
	     cuMemcpyBatchAsync(dst, src, size, 0, &at, &which, 1, st));
	DRV(cuMemFreeHost(pinned));
}

/* Kernels see the same bytes as copies do. */
static void by_kernel(CUstream st)
{
	CUdeviceptr from = dev + 4096, to = dev + 500000;
	unsigned n = 20000;
	void *args[] = { &to, &from, &n };
	CUmodule mod;

	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	DRV(cuLaunchKernel(drv_function(mod, "copy_words"), n / 100, 1, 1, 100,
			   1, 1, 0, st, args, NULL));
	DRV(cuStreamSynchronize(st));
	memcpy(model + 500000, model + 4096, n * 4);
	check("a kernel's copy");
	DRV(cuModuleUnload(mod));
}

int main(void)
{
	CUcontext ctx;
	CUstream st;

	drv_open(&ctx);
	model = must_alloc(SIZE);
	back = must_alloc(SIZE + 1);
	dev = drv_alloc(SIZE);
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	sets(st);
	sets2d(st);
	lines(st);
	cubes(st);
	batches(st);
	by_kernel(st);
	DRV(cuStreamDestroy(st));
	DRV(cuMemFree(dev));
	free(model);
	free(back);
	return 0;
}

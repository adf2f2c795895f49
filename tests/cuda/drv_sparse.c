// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_sparse.c - a sparse array: memory mapped under some of its tiles, what
 * is written there read back, the same memory under another tile, unmapped;
 * what is refused.
 */
#include <string.h>

#include "drv.h"

#define TILES 2 /* in each direction */

static CUdevice dev;
static CUstream st;
static CUarray array;
static CUmemGenericAllocationHandle mem;
static unsigned tile_w, tile_h;
static size_t tile_bytes;

static CUarrayMapInfo tile(unsigned x, unsigned y, size_t offset)
{
	CUarrayMapInfo m;

	memset(&m, 0, sizeof(m));
	m.resourceType = CU_RESOURCE_TYPE_ARRAY;
	m.resource.array = array;
	m.subresourceType = CU_ARRAY_SPARSE_SUBRESOURCE_TYPE_SPARSE_LEVEL;
	m.subresource.sparseLevel.offsetX = x * tile_w;
	m.subresource.sparseLevel.offsetY = y * tile_h;
	m.subresource.sparseLevel.extentWidth = tile_w;
	m.subresource.sparseLevel.extentHeight = tile_h;
	m.subresource.sparseLevel.extentDepth = 1;
	m.memOperationType = CU_MEM_OPERATION_TYPE_MAP;
	m.memHandleType = CU_MEM_HANDLE_TYPE_GENERIC;
	m.memHandle.memHandle = mem;
	m.offset = offset;
	m.deviceBitMask = 1u << dev;
	return m;
}

static void make(void)
{
	CUDA_ARRAY3D_DESCRIPTOR d = { .Format = CU_AD_FORMAT_UNSIGNED_INT32,
				      .NumChannels = 1,
				      .Flags = CUDA_ARRAY3D_SPARSE };
	CUmemAllocationProp prop;
	CUDA_ARRAY_SPARSE_PROPERTIES sp;
	size_t unit = 0;

	/* Larger than two tiles of any GPU of today: 64 KiB each. */
	d.Width = d.Height = 512;
	DRV(cuArray3DCreate(&array, &d));
	DRV(cuArrayGetSparseProperties(&sp, array));
	tile_w = sp.tileExtent.width;
	tile_h = sp.tileExtent.height;
	tile_bytes = (size_t)tile_w * tile_h * 4;
	printf("tiles of %u x %u\n", tile_w, tile_h);
	if (!tile_bytes || tile_w * TILES > 512 || tile_h * TILES > 512)
		fail("drv_sparse: impossible tiles");
	memset(&prop, 0, sizeof(prop));
	prop.type = CU_MEM_ALLOCATION_TYPE_PINNED;
	prop.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
	prop.location.id = dev;
	prop.allocFlags.usage = CU_MEM_CREATE_USAGE_TILE_POOL;
	DRV(cuMemGetAllocationGranularity(&unit, &prop,
		CU_MEM_ALLOC_GRANULARITY_MINIMUM));
	DRV(cuMemCreate(&mem, (2 * tile_bytes + unit - 1) / unit * unit,
			&prop, 0));
}

/* One tile's words, to or from @h. */
static void copy(unsigned x, unsigned y, unsigned *h, int to_array)
{
	CUDA_MEMCPY2D c = { .WidthInBytes = (size_t)tile_w * 4,
			    .Height = tile_h };

	if (to_array) {
		c.srcMemoryType = CU_MEMORYTYPE_HOST;
		c.srcHost = h;
		c.dstMemoryType = CU_MEMORYTYPE_ARRAY;
		c.dstArray = array;
		c.dstXInBytes = (size_t)x * tile_w * 4;
		c.dstY = (size_t)y * tile_h;
	} else {
		c.dstMemoryType = CU_MEMORYTYPE_HOST;
		c.dstHost = h;
		c.srcMemoryType = CU_MEMORYTYPE_ARRAY;
		c.srcArray = array;
		c.srcXInBytes = (size_t)x * tile_w * 4;
		c.srcY = (size_t)y * tile_h;
	}
	DRV(cuMemcpy2DAsync(&c, st));
	DRV(cuStreamSynchronize(st));
}

static void check(const char *what, const unsigned *h, unsigned salt)
{
	for (unsigned i = 0; i < tile_w * tile_h; i++)
		if (h[i] != i * 5 + salt)
			wrong_result("%s: word %u is %u", what, i, h[i]);
	printf("%s checksum %016llx\n", what,
	       (unsigned long long)checksum(h, tile_bytes));
}

static void work(void)
{
	unsigned *h = (unsigned *)must_alloc(tile_bytes);
	CUarrayMapInfo m[2] = { tile(0, 0, 0), tile(1, 1, tile_bytes) };

	DRV(cuMemMapArrayAsync(m, 2, st));
	for (unsigned t = 0; t < 2; t++) {
		for (unsigned i = 0; i < tile_w * tile_h; i++)
			h[i] = i * 5 + t;
		copy(t, t, h, 1);
	}
	memset(h, 0, tile_bytes);
	copy(0, 0, h, 0);
	check("first tile", h, 0);
	copy(1, 1, h, 0);
	check("second tile", h, 1);
	/* The second tile's memory under a third as well. */
	m[0] = tile(1, 0, tile_bytes);
	DRV(cuMemMapArrayAsync(m, 1, st));
	memset(h, 0, tile_bytes);
	copy(1, 0, h, 0);
	check("third tile", h, 1);
	m[0].memOperationType = m[1].memOperationType =
		CU_MEM_OPERATION_TYPE_UNMAP;
	m[0].memHandle.memHandle = m[1].memHandle.memHandle = 0;
	DRV(cuMemMapArrayAsync(m, 2, st));
	DRV(cuStreamSynchronize(st));
	free(h);
}

static void refused(void)
{
	CUarrayMapInfo m = tile(0, 0, 0);

	SHOW("no list", cuMemMapArrayAsync(NULL, 1, st));
	m.resourceType = CU_RESOURCE_TYPE_LINEAR;
	SHOW("a resource that is no array", cuMemMapArrayAsync(&m, 1, st));
	m = tile(0, 0, 0);
	m.flags = 1;
	SHOW("flags that are none", cuMemMapArrayAsync(&m, 1, st));
}

int main(void)
{
	CUcontext ctx;
	int able = 0;

	dev = drv_open(&ctx);
	DRV(cuDeviceGetAttribute(&able,
		CU_DEVICE_ATTRIBUTE_SPARSE_CUDA_ARRAY_SUPPORTED, dev));
	if (!able) {
		fprintf(stderr, "needs a GPU with sparse arrays\n");
		return 77; /* check-gpu counts this as skipped */
	}
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	make();
	work();
	refused();
	DRV(cuStreamDestroy(st));
	DRV(cuArrayDestroy(array));
	DRV(cuMemRelease(mem));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_tensormap.c - tensor maps: encoded on the host, passed as a parameter,
 * and used by the tensor memory accelerator to fetch tiles, at the border and
 * beyond it too; the same map for another address; what is refused. Needs
 * compute capability 9.0.
 */
#include <string.h>

#include "drv.h"
#include "kernels_sm90_ptx.h"

#define W 256 /* elements in a row */
#define H 64

static CUfunction fetch;
static CUdeviceptr out;

static CUresult encode(CUtensorMap *m, CUdeviceptr p,
		       CUtensorMapDataType type, unsigned size, unsigned box,
		       CUtensorMapSwizzle swizzle)
{
	cuuint64_t dims[2] = { W, H }, strides[1] = { (cuuint64_t)W * size };
	cuuint32_t boxes[2] = { box, 8 }, steps[2] = { 1, 1 };

	return cuTensorMapEncodeTiled(m, type, 2, (void *)(uintptr_t)p, dims,
				      strides, boxes, steps,
				      CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle,
				      CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
				      CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

static void tile(const char *name, const CUtensorMap *m, int x, int y,
		 unsigned bytes)
{
	unsigned char h[4096];
	CUtensorMap map = *m;
	void *args[] = { &map, &x, &y, &bytes, &out };

	DRV(cuMemsetD8(out, 0xaa, sizeof(h)));
	DRV(cuLaunchKernel(fetch, 1, 1, 1, 32, 1, 1, bytes + 1024, NULL, args,
			   NULL));
	DRV(cuMemcpyDtoH(h, out, bytes));
	printf("%s at %d,%d: %u %u %u checksum %016llx\n", name, x, y, h[0],
	       h[bytes / 2], h[bytes - 1],
	       (unsigned long long)checksum(h, bytes));
}

static void bytes_and_words(CUdeviceptr a, CUdeviceptr b)
{
	CUtensorMap m;

	memset(&m, 0, sizeof(m));
	DRV(encode(&m, a, CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, 64,
		   CU_TENSOR_MAP_SWIZZLE_NONE));
	tile("bytes", &m, 0, 0, 64 * 8);
	tile("bytes", &m, 96, 13, 64 * 8);
	tile("bytes over the border", &m, 224, 60, 64 * 8);
	/* The tile's first byte must be one of 16 bytes, wherever it lies. */
	tile("bytes before the border", &m, -16, -3, 64 * 8);
	DRV(cuTensorMapReplaceAddress(&m, (void *)(uintptr_t)b));
	tile("bytes elsewhere", &m, 96, 13, 64 * 8);
	DRV(encode(&m, a, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 4, 32,
		   CU_TENSOR_MAP_SWIZZLE_128B));
	tile("floats, swizzled", &m, 64, 16, 32 * 4 * 8);
	DRV(encode(&m, a, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, 32,
		   CU_TENSOR_MAP_SWIZZLE_64B));
	tile("bfloats, swizzled", &m, 0, 8, 32 * 2 * 8);
}

static void refused(CUdeviceptr p)
{
	cuuint64_t dims[4] = { 16, 32, 32, 4 };
	cuuint64_t strides[3] = { 16 * 2, 16 * 2 * 32, 16 * 2 * 32 * 32 };
	cuuint32_t steps[4] = { 1, 1, 1, 1 };
	int lower[2] = { -1, -1 }, upper[2] = { -1, -1 };
	CUtensorMap m;

	SHOW("an address that is odd",
	     encode(&m, p + 1, CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, 64,
		    CU_TENSOR_MAP_SWIZZLE_NONE));
	SHOW("a box too wide",
	     encode(&m, p, CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, 512,
		    CU_TENSOR_MAP_SWIZZLE_NONE));
	SHOW("a type that is none",
	     encode(&m, p, (CUtensorMapDataType)99, 1, 64,
		    CU_TENSOR_MAP_SWIZZLE_NONE));
	SHOW("im2col",
	     cuTensorMapEncodeIm2col(&m, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4,
				     (void *)(uintptr_t)p, dims, strides,
				     lower, upper, 16, 32, steps,
				     CU_TENSOR_MAP_INTERLEAVE_NONE,
				     CU_TENSOR_MAP_SWIZZLE_NONE,
				     CU_TENSOR_MAP_L2_PROMOTION_NONE,
				     CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
	upper[0] = 1000;
	SHOW("im2col, a corner too far",
	     cuTensorMapEncodeIm2col(&m, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4,
				     (void *)(uintptr_t)p, dims, strides,
				     lower, upper, 16, 32, steps,
				     CU_TENSOR_MAP_INTERLEAVE_NONE,
				     CU_TENSOR_MAP_SWIZZLE_NONE,
				     CU_TENSOR_MAP_L2_PROMOTION_NONE,
				     CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
	SHOW("no map", encode(NULL, p, CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, 64,
			      CU_TENSOR_MAP_SWIZZLE_NONE));
}

int main(void)
{
	static unsigned char h[W * H * 4];
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);
	CUdeviceptr a, b;
	uint32_t seed = 5;
	CUmodule mod;

	drv_needs_sm90(dev, true);
	DRV(cuModuleLoadData(&mod, kernels_sm90_ptx));
	fetch = drv_function(mod, "fetch_tile");
	a = drv_alloc(sizeof(h));
	b = drv_alloc(sizeof(h));
	out = drv_alloc(4096);
	for (size_t i = 0; i < sizeof(h); i++)
		h[i] = (unsigned char)rng(&seed);
	DRV(cuMemcpyHtoD(a, h, sizeof(h)));
	for (size_t i = 0; i < sizeof(h); i++)
		h[i] = (unsigned char)~h[i];
	DRV(cuMemcpyHtoD(b, h, sizeof(h)));
	bytes_and_words(a, b);
	refused(a);
	DRV(cuMemFree(a));
	DRV(cuMemFree(b));
	DRV(cuMemFree(out));
	DRV(cuModuleUnload(mod));
	return 0;
}

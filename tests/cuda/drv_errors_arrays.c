// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_arrays.c - arrays, textures, surfaces and tensor maps of
 * impossible format, size or place; IPC, peers and green contexts.
 */
#include "errors.h"

static CUDA_ARRAY3D_DESCRIPTOR flat(void)
{
	return (CUDA_ARRAY3D_DESCRIPTOR){ .Width = 64, .Height = 64,
		.Format = CU_AD_FORMAT_FLOAT, .NumChannels = 1 };
}

#define ARRAY(what, field, value)                                              \
	do {                                                                   \
		CUDA_ARRAY3D_DESCRIPTOR bad = flat();                          \
		bad.field = value;                                             \
		PROBE(what, cuArray3DCreate(&a, &bad));                        \
	} while (0)

static void arrays(CUdevice dev, CUmodule mod)
{
	CUDA_ARRAY3D_DESCRIPTOR d = flat();
	CUmipmappedArray mip = NULL;
	CUarray a = NULL;
	static char h[65536];

	(void)dev, (void)mod;
	ARRAY("width 0", Width, 0);
	ARRAY("width 2^63", Width, HUGE_SIZE);
	ARRAY("width 1,000,000", Width, 1000000);
	ARRAY("format 99", Format, (CUarray_format)99);
	ARRAY("3 channels", NumChannels, 3);
	ARRAY("0 channels", NumChannels, 0);
	ARRAY("flags 0x8000", Flags, 0x8000);
	ARRAY("a cube of one face", Flags, CUDA_ARRAY3D_CUBEMAP);
	ARRAY("sparse", Flags, CUDA_ARRAY3D_SPARSE);
	READY(cuArray3DCreate(&a, &d));
	PROBE("plane 0 of one that has none", cuArrayGetPlane(&a, a, 0));
	PROBE("sparse properties of a plain one",
	      cuArrayGetSparseProperties(&(CUDA_ARRAY_SPARSE_PROPERTIES){ 0 },
					 a));
	PROBE("copy past a row", cuMemcpyHtoA(a, 0, h, 64 * 64 * 4 + 64));
	PROBE("copy at 2^63", cuMemcpyHtoA(a, HUGE_SIZE, h, 16));
	PROBE("copy 0 bytes", cuMemcpyHtoA(a, 0, h, 0));
	PROBE("copy to NULL", cuMemcpyAtoH(NULL, a, 0, 16));
	PROBE("copy from nobody's", cuMemcpyDtoA(a, 0, 4096, 16));
	PROBE("mipmap of 0 levels", cuMipmappedArrayCreate(&mip, &d, 0));
	PROBE("mipmap of 100 levels", cuMipmappedArrayCreate(&mip, &d, 100));
	PROBE("destroy", cuArrayDestroy(a));
	mip = NULL;
	READY(cuMipmappedArrayCreate(&mip, &d, 2));
	PROBE("level 2 of 2", cuMipmappedArrayGetLevel(&a, mip, 2));
	PROBE("destroy the mipmap", cuMipmappedArrayDestroy(mip));
}

static void textures(CUdevice dev, CUmodule mod)
{
	CUDA_RESOURCE_DESC r = { .resType = CU_RESOURCE_TYPE_LINEAR }, bad;
	CUDA_TEXTURE_DESC t = { .maxAnisotropy = 1 };
	CUtexObject tex = 0;
	CUsurfObject surf = 0;

	(void)dev, (void)mod;
	r.res.linear.devPtr = drv_alloc(4096);
	r.res.linear.format = CU_AD_FORMAT_FLOAT;
	r.res.linear.numChannels = 1;
	r.res.linear.sizeInBytes = 4096;
	READY(cuTexObjectCreate(&tex, &r, &t, NULL));
#define TEXTURE(what, field, value)                                            \
	do {                                                                   \
		bad = r;                                                       \
		bad.field = value;                                             \
		PROBE(what, cuTexObjectCreate(&tex, &bad, &t, NULL));          \
	} while (0)
	TEXTURE("resource of type 99", resType, (CUresourcetype)99);
	TEXTURE("an array that is NULL", resType, CU_RESOURCE_TYPE_ARRAY);
	TEXTURE("flags 1", flags, 1);
	TEXTURE("at 0", res.linear.devPtr, 0);
	TEXTURE("at 1", res.linear.devPtr, r.res.linear.devPtr + 1);
	TEXTURE("size 0", res.linear.sizeInBytes, 0);
	TEXTURE("size 2^63", res.linear.sizeInBytes, HUGE_SIZE);
	TEXTURE("format 99", res.linear.format, (CUarray_format)99);
	TEXTURE("3 channels", res.linear.numChannels, 3);
	bad = r;
	bad.resType = CU_RESOURCE_TYPE_PITCH2D;
	bad.res.pitch2D.width = 16;
	bad.res.pitch2D.height = 16;
	bad.res.pitch2D.pitchInBytes = 65;
	PROBE("pitch 65", cuTexObjectCreate(&tex, &bad, &t, NULL));
	t.addressMode[0] = (CUaddress_mode)99;
	PROBE("address mode 99", cuTexObjectCreate(&tex, &r, &t, NULL));
	t.addressMode[0] = CU_TR_ADDRESS_MODE_WRAP;
	t.filterMode = (CUfilter_mode)99;
	PROBE("filter 99", cuTexObjectCreate(&tex, &r, &t, NULL));
	PROBE("a surface of linear memory", cuSurfObjectCreate(&surf, &r));
	PROBE("destroy texture 0", cuTexObjectDestroy(0));
	PROBE("destroy surface 0", cuSurfObjectDestroy(0));
}

static void tensor_maps(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p = drv_alloc(1 << 20);
	cuuint64_t dim[5] = { 64, 64, 8, 4, 2 }, stride[4] = { 256, 16384,
		131072, 524288 };
	cuuint32_t box[5] = { 16, 16, 2, 2, 1 }, one[5] = { 1, 1, 1, 1, 1 };
	CUtensorMap map;

	(void)dev, (void)mod;
#define TENSOR(what, type, rank, at, d, s, b, fill)                            \
	PROBE(what, cuTensorMapEncodeTiled(&map, type, rank,                   \
		(void *)(uintptr_t)(at), d, s, b, one,                         \
		CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_NONE,     \
		CU_TENSOR_MAP_L2_PROMOTION_NONE, fill))
#define F32 CU_TENSOR_MAP_DATA_TYPE_FLOAT32
	TENSOR("tensor, all is well", F32, 2, p, dim, stride, box, 0);
	TENSOR("tensor of type 99", (CUtensorMapDataType)99, 2, p, dim, stride,
	       box, 0);
	TENSOR("tensor of rank 0", F32, 0, p, dim, stride, box, 0);
	TENSOR("tensor of rank 6", F32, 6, p, dim, stride, box, 0);
	TENSOR("tensor at 0", F32, 2, 0, dim, stride, box, 0);
	TENSOR("tensor at 4", F32, 2, p + 4, dim, stride, box, 0);
	TENSOR("tensor, fill 9", F32, 2, p, dim, stride, box,
	       (CUtensorMapFloatOOBfill)9);
	dim[0] = 0;
	TENSOR("tensor of width 0", F32, 2, p, dim, stride, box, 0);
	dim[0] = 64;
	stride[0] = 17;
	TENSOR("tensor, stride 17", F32, 2, p, dim, stride, box, 0);
	stride[0] = 256;
	box[0] = 257;
	TENSOR("tensor, box 257", F32, 2, p, dim, stride, box, 0);
	box[0] = 0;
	TENSOR("tensor, box 0", F32, 2, p, dim, stride, box, 0);
	box[0] = 3;
	TENSOR("tensor, box of 12 bytes", F32, 2, p, dim, stride, box, 0);
}

static void sharing(CUdevice dev, CUmodule mod)
{
	CUipcMemHandle mem = { { 0 } };
	CUipcEventHandle eh = { { 0 } };
	CUdeviceptr p = drv_alloc(4096), q = 0;
	CUcontext ctx = NULL;
	CUevent e = NULL;
	void *host = NULL;
	int v = 0;

	(void)mod;
	DRV(cuCtxGetCurrent(&ctx));
	DRV(cuEventCreate(&e, 0));
	DRV(cuMemAllocHost(&host, 4096));
	PROBE("share 0", cuIpcGetMemHandle(&mem, 0));
	PROBE("share what is pinned",
	      cuIpcGetMemHandle(&mem, (CUdeviceptr)(uintptr_t)host));
	PROBE("share the middle", cuIpcGetMemHandle(&mem, p + 64));
	PROBE("share an event that is not for it", cuIpcGetEventHandle(&eh, e));
	memset(&mem, 0, sizeof(mem));
	PROBE("open nonsense", cuIpcOpenMemHandle(&q, mem, 1));
	PROBE("open nonsense, flags 8", cuIpcOpenMemHandle(&q, mem, 8));
	PROBE("close what was not opened", cuIpcCloseMemHandle(p));
	PROBE("close 0", cuIpcCloseMemHandle(0));
	PROBE("peer access to itself", cuCtxEnablePeerAccess(ctx, 0));
	PROBE("peer access, flags 1", cuCtxEnablePeerAccess(ctx, 1));
	PROBE("no peer access to itself", cuCtxDisablePeerAccess(ctx));
	PROBE("peer attribute 99", cuDeviceGetP2PAttribute(&v,
				(CUdevice_P2PAttribute)99, dev, dev));
	PROBE("peer attribute of itself", cuDeviceGetP2PAttribute(&v,
		CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK, dev, dev));
	PROBE("peer attribute of device 77", cuDeviceGetP2PAttribute(&v,
		CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK, dev, 77));
	DRV(cuMemFreeHost(host));
}

static void green(CUdevice dev, CUmodule mod)
{
	CUdevResource sm = { 0 }, part = { 0 };
	CUdevResourceDesc desc = NULL;
	CUgreenCtx ctx = NULL;
	unsigned n = 1;

	(void)mod;
	PROBE("resource of type 99",
	      cuDeviceGetDevResource(dev, &sm, (CUdevResourceType)99));
	PROBE("resource of device 77",
	      cuDeviceGetDevResource(77, &sm, CU_DEV_RESOURCE_TYPE_SM));
	READY(cuDeviceGetDevResource(dev, &sm, CU_DEV_RESOURCE_TYPE_SM));
	PROBE("split for 100,000", cuDevSmResourceSplitByCount(&part, &n, &sm,
						NULL, 0, 100000));
	n = 1;
	PROBE("split with flags 0x80", cuDevSmResourceSplitByCount(&part, &n,
						&sm, NULL, 0x80, 8));
	PROBE("describe none", cuDevResourceGenerateDesc(&desc, &sm, 0));
	PROBE("describe an empty one", cuDevResourceGenerateDesc(&desc, &part,
								 1));
	desc = NULL;
	PROBE("green context of NULL",
	      cuGreenCtxCreate(&ctx, NULL, dev, CU_GREEN_CTX_DEFAULT_STREAM));
	READY(cuDevResourceGenerateDesc(&desc, &sm, 1));
	PROBE("green context, flags 0",
	      cuGreenCtxCreate(&ctx, desc, dev, 0));
	PROBE("green context of device 77",
	      cuGreenCtxCreate(&ctx, desc, 77, CU_GREEN_CTX_DEFAULT_STREAM));
	PROBE("destroy green context NULL", cuGreenCtxDestroy(NULL));
}

static const struct group groups[] = {
	{ "arrays", arrays, true },
	{ "textures", textures, true },
	{ "tensor maps", tensor_maps, true },
	{ "sharing", sharing, true },
	{ "green contexts", green, true },
};

int main(void)
{
	return groups_run(groups, 5);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_memory.c - pitched and pooled memory, sets and copies of every shape,
 * pointer attributes, pinned, mapped and registered host memory.
 */
#include <string.h>
#include <sys/mman.h>

#include "drv.h"
#include "kernels_ptx.h"

static CUmodule mod;

static void launch_bump(CUdeviceptr p, unsigned n, unsigned by, CUstream st)
{
	void *args[] = { &p, &n, &by };

	DRV(cuLaunchKernel(drv_function(mod, "bump"), (n + 127) / 128, 1, 1,
			   128, 1, 1, 0, st, args, NULL));
}

/* Rows of 300 bytes: set, copied 2D into another pitch, back to the host. */
static void pitched(void)
{
	enum { W = 300, H = 40 };
	unsigned char h[H * W];
	CUdeviceptr a, b;
	size_t pa, pb;
	CUDA_MEMCPY2D c = { .WidthInBytes = W, .Height = H };

	DRV(cuMemAllocPitch(&a, &pa, W, H, 4));
	DRV(cuMemAllocPitch(&b, &pb, 2 * W, H, 16));
	if (pa < W || pb < 2 * W)
		wrong_result("drv_memory: pitches %zu and %zu are too small", pa, pb);
	DRV(cuMemsetD2D8(a, pa, 0x11, W, H));
	DRV(cuMemsetD2D16(a + pa, pa, 0x2233, 50, 2));
	DRV(cuMemsetD2D32(a + 4 * pa, pa, 0x44556677, 10, 3));
	c.srcMemoryType = c.dstMemoryType = CU_MEMORYTYPE_DEVICE;
	c.srcDevice = a, c.srcPitch = pa;
	c.dstDevice = b, c.dstPitch = pb, c.dstXInBytes = 7;
	DRV(cuMemcpy2D(&c));
	memset(&c, 0, sizeof(c));
	c.WidthInBytes = W, c.Height = H;
	c.srcMemoryType = CU_MEMORYTYPE_DEVICE, c.dstMemoryType =
		CU_MEMORYTYPE_HOST;
	c.srcDevice = b, c.srcPitch = pb, c.srcXInBytes = 7;
	c.dstHost = h, c.dstPitch = W;
	DRV(cuMemcpy2DUnaligned(&c));
	if (h[0] != 0x11 || h[W] != 0x33 || h[W + 1] != 0x22 ||
	    h[4 * W + 3] != 0x44 || h[W * H - 1] != 0x11)
		wrong_result("drv_memory: a 2D copy gives %x %x %x %x %x", h[0], h[W],
		     h[W + 1], h[4 * W + 3], h[W * H - 1]);
	printf("pitched checksum %016llx\n",
	       (unsigned long long)checksum(h, sizeof(h)));
	DRV(cuMemFree(a));
	DRV(cuMemFree(b));
}

static void three_dimensions(void)
{
	enum { W = 64, H = 9, D = 5 };
	unsigned char h[W * H * D], back[W * H * D];
	CUdeviceptr p = drv_alloc(128 * 16 * D);
	CUDA_MEMCPY3D c = { .WidthInBytes = W, .Height = H, .Depth = D };

	for (size_t i = 0; i < sizeof(h); i++)
		h[i] = (unsigned char)(i * 7);
	memset(back, 0, sizeof(back));
	c.srcMemoryType = CU_MEMORYTYPE_HOST, c.srcHost = h;
	c.srcPitch = W, c.srcHeight = H;
	c.dstMemoryType = CU_MEMORYTYPE_DEVICE, c.dstDevice = p;
	c.dstPitch = 128, c.dstHeight = 16;
	DRV(cuMemcpy3D(&c));
	memset(&c, 0, sizeof(c));
	c.WidthInBytes = W - 4, c.Height = H - 1, c.Depth = D - 1;
	c.srcMemoryType = CU_MEMORYTYPE_DEVICE, c.srcDevice = p;
	c.srcPitch = 128, c.srcHeight = 16;
	c.srcXInBytes = 4, c.srcY = 1, c.srcZ = 1;
	c.dstMemoryType = CU_MEMORYTYPE_HOST, c.dstHost = back;
	c.dstPitch = W, c.dstHeight = H;
	DRV(cuMemcpy3DAsync(&c, NULL));
	DRV(cuStreamSynchronize(NULL));
	if (back[0] != h[W * H + W + 4])
		wrong_result("drv_memory: a 3D copy begins with %u, not %u", back[0],
		     h[W * H + W + 4]);
	printf("3D checksum %016llx\n",
	       (unsigned long long)checksum(back, sizeof(back)));
	DRV(cuMemFree(p));
}

static void pools(CUdevice dev)
{
	CUmemPoolProps props = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
				 .location.type = CU_MEM_LOCATION_TYPE_DEVICE,
				 .location.id = dev };
	CUmemoryPool own, dflt;
	CUdeviceptr a, b;
	cuuint64_t keep = 64 << 20, used = 0;
	unsigned first = 0;
	CUstream st;

	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	DRV(cuDeviceGetDefaultMemPool(&dflt, dev));
	DRV(cuMemPoolSetAttribute(dflt, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD,
				  &keep));
	DRV(cuMemPoolCreate(&own, &props));
	DRV(cuMemAllocAsync(&a, 1 << 20, st));
	DRV(cuMemAllocFromPoolAsync(&b, 3 << 20, own, st));
	DRV(cuMemsetD32Async(a, 1, 1 << 18, st));
	launch_bump(a, 1 << 18, 4, st);
	DRV(cuMemcpyDtoDAsync(b, a, 1 << 20, st));
	DRV(cuMemcpyDtoHAsync(&first, b + 4000, 4, st));
	DRV(cuMemFreeAsync(a, st));
	DRV(cuStreamSynchronize(st));
	DRV(cuMemPoolGetAttribute(own, CU_MEMPOOL_ATTR_USED_MEM_CURRENT,
				  &used));
	printf("pools: word %u, own pool %s in use\n", first,
	       used >= 3 << 20 ? "is" : "is not");
	if (first != 5)
		wrong_result("drv_memory: pool memory should hold 5");
	DRV(cuMemFreeAsync(b, st));
	DRV(cuStreamSynchronize(st));
	DRV(cuMemPoolTrimTo(own, 0));
	DRV(cuMemPoolDestroy(own));
	DRV(cuStreamDestroy(st));
}

static void attributes(CUcontext ctx)
{
	CUdeviceptr p = drv_alloc(5000), base = 0, start = 0;
	CUmemorytype type = 0;
	CUcontext owner = NULL;
	size_t size = 0, range = 0;
	int ordinal = -1, managed = 9;
	int local = 3;
	CUpointer_attribute names[] = { CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
					CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
					CU_POINTER_ATTRIBUTE_RANGE_SIZE,
					CU_POINTER_ATTRIBUTE_IS_MANAGED };
	void *values[] = { &type, &ordinal, &range, &managed };

	DRV(cuMemGetAddressRange(&base, &size, p + 100));
	DRV(cuPointerGetAttributes(4, names, values, p + 8));
	DRV(cuPointerGetAttribute(&owner, CU_POINTER_ATTRIBUTE_CONTEXT, p));
	DRV(cuPointerGetAttribute(&start,
		CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, p + 99));
	printf("range %zu %zu type %d device %d managed %d\n", size, range,
	       type, ordinal, managed);
	if (base != p || start != p || owner != ctx || size < 5000)
		wrong_result("drv_memory: attributes of an allocation are wrong");
	SHOW("attribute of a local variable",
	     cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
				   (CUdeviceptr)(uintptr_t)&local));
	type = 77;
	DRV(cuPointerGetAttributes(1, names, values,
				   (CUdeviceptr)(uintptr_t)&local));
	printf("several attributes of a local variable: type %d\n", type);
	DRV(cuMemFree(p));
}

/* A kernel works on host memory at its own address; then on registered. */
static void host_memory(void)
{
	enum { N = 5000 };
	unsigned *a, *b, flags = 0;
	CUdeviceptr da = 0, db = 0;
	CUmemorytype type = 0;

	DRV(cuMemHostAlloc((void **)&a, N * 4, CU_MEMHOSTALLOC_DEVICEMAP |
			   CU_MEMHOSTALLOC_PORTABLE));
	DRV(cuMemHostGetDevicePointer(&da, a, 0));
	DRV(cuMemHostGetFlags(&flags, a));
	for (unsigned i = 0; i < N; i++)
		a[i] = i;
	launch_bump(da, N, 10, NULL);
	DRV(cuCtxSynchronize());
	DRV(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
				  da));
	printf("mapped %u %u type %d flags %u same address %d\n", a[0],
	       a[N - 1], type, flags, da == (CUdeviceptr)(uintptr_t)a);
	if (a[0] != 10 || a[N - 1] != N + 9)
		wrong_result("drv_memory: the kernel did not write host memory");
	DRV(cuMemFreeHost(a));

	b = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		fail("drv_memory: no memory to register");
	for (unsigned i = 0; i < N; i++)
		b[i] = 2 * i;
	DRV(cuMemHostRegister(b, 1 << 20, CU_MEMHOSTREGISTER_DEVICEMAP));
	EXPECT("registered again", cuMemHostRegister(b, 4096, 0),
	       CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
	DRV(cuMemHostGetDevicePointer(&db, b, 0));
	launch_bump(db, N, 1, NULL);
	DRV(cuCtxSynchronize());
	printf("registered %u %u\n", b[0], b[N - 1]);
	if (b[0] != 1 || b[N - 1] != 2 * N - 1)
		wrong_result("drv_memory: the kernel did not write registered memory");
	DRV(cuMemHostUnregister(b));
	EXPECT("unregistered again", cuMemHostUnregister(b),
	       CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
	munmap(b, 1 << 20);
}

/* cuMemcpy finds out by itself which side is the device. */
static void default_direction(void)
{
	unsigned h[64], back[64] = { 0 };
	CUdeviceptr p = drv_alloc(sizeof(h)), q = drv_alloc(sizeof(h));

	for (unsigned i = 0; i < 64; i++)
		h[i] = i * i;
	DRV(cuMemcpy(p, (CUdeviceptr)(uintptr_t)h, sizeof(h)));
	DRV(cuMemcpyAsync(q, p, sizeof(h), NULL));
	DRV(cuMemcpy((CUdeviceptr)(uintptr_t)back, q, sizeof(h)));
	if (memcmp(h, back, sizeof(h)))
		wrong_result("drv_memory: cuMemcpy did not bring the bytes back");
	printf("default direction %u\n", back[63]);
	DRV(cuMemFree(p));
	DRV(cuMemFree(q));
}

int main(void)
{
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	pitched();
	three_dimensions();
	pools(dev);
	attributes(ctx);
	host_memory();
	default_direction();
	DRV(cuModuleUnload(mod));
	return 0;
}

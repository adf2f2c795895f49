// SPDX-License-Identifier: BSD-2-Clause
/* drv_arrays.c - arrays, mipmaps, texture and surface objects. */
#include <string.h>

#include "drv.h"
#include "kernels_tex_ptx.h"

#define W 32
#define H 16

static CUmodule mod;

static CUarray make_array(int flags)
{
	CUDA_ARRAY3D_DESCRIPTOR d = { .Width = W,
				      .Height = H,
				      .Format = CU_AD_FORMAT_FLOAT,
				      .NumChannels = 1,
				      .Flags = flags };
	CUarray a;

	DRV(cuArray3DCreate(&a, &d));
	return a;
}

static void to_array(CUarray a, const float *h)
{
	CUDA_MEMCPY2D c = { .srcMemoryType = CU_MEMORYTYPE_HOST,
			    .srcHost = h,
			    .srcPitch = W * sizeof(float),
			    .dstMemoryType = CU_MEMORYTYPE_ARRAY,
			    .dstArray = a,
			    .WidthInBytes = W * sizeof(float),
			    .Height = H };

	DRV(cuMemcpy2D(&c));
}

static CUtexObject make_texture(CUarray a, int linear)
{
	CUDA_RESOURCE_DESC res = { .resType = CU_RESOURCE_TYPE_ARRAY };
	CUDA_TEXTURE_DESC tex = { .filterMode = linear
					  ? CU_TR_FILTER_MODE_LINEAR
					  : CU_TR_FILTER_MODE_POINT };
	CUtexObject t;

	res.res.array.hArray = a;
	tex.addressMode[0] = tex.addressMode[1] = CU_TR_ADDRESS_MODE_CLAMP;
	DRV(cuTexObjectCreate(&t, &res, &tex, NULL));
	return t;
}

static void read_texture(CUarray a, int linear, float shift, float first)
{
	CUtexObject t = make_texture(a, linear);
	CUdeviceptr out = drv_alloc(W * H * 4);
	int w = W, h = H;
	void *args[] = { &t, &out, &w, &h, &shift };
	float got[W * H];

	DRV(cuLaunchKernel(drv_function(mod, "sample"), 1, H, 1, W, 1, 1, 0,
			   NULL, args, NULL));
	DRV(cuMemcpyDtoH(got, out, sizeof(got)));
	printf("%s texture %.3f %.3f %.3f\n", linear ? "linear" : "point",
	       got[0], got[W + 1], got[W * H - 1]);
	if (got[W + 1] != first)
		wrong_result("drv_arrays: element (1,1) is %g, not %g", got[W + 1],
		     first);
	DRV(cuTexObjectDestroy(t));
	DRV(cuMemFree(out));
}

static void surfaces(CUarray a)
{
	CUDA_RESOURCE_DESC res = { .resType = CU_RESOURCE_TYPE_ARRAY };
	CUDA_ARRAY3D_DESCRIPTOR d;
	CUsurfObject s;
	int w = W, h = H;
	void *args[] = { &s, &w, &h };
	float got[W * H];
	CUDA_MEMCPY2D c = { .srcMemoryType = CU_MEMORYTYPE_ARRAY,
			    .srcArray = a,
			    .dstMemoryType = CU_MEMORYTYPE_HOST,
			    .dstHost = got,
			    .dstPitch = W * sizeof(float),
			    .WidthInBytes = W * sizeof(float),
			    .Height = H };

	res.res.array.hArray = a;
	DRV(cuSurfObjectCreate(&s, &res));
	DRV(cuLaunchKernel(drv_function(mod, "double_surface"), 1, H, 1, W, 1,
			   1, 0, NULL, args, NULL));
	DRV(cuMemcpy2D(&c));
	DRV(cuArray3DGetDescriptor(&d, a));
	printf("surface %.1f %.1f, array %zux%zux%zu format %d flags %u\n",
	       got[1], got[W * H - 1], d.Width, d.Height, d.Depth, d.Format,
	       d.Flags);
	if (got[1] != 2 || got[W * H - 1] != 2 * (W * H - 1))
		wrong_result("drv_arrays: the surface was not doubled");
	DRV(cuSurfObjectDestroy(s));
}

static void one_dimension(void)
{
	CUDA_ARRAY_DESCRIPTOR d = { .Width = 100,
				    .Format = CU_AD_FORMAT_UNSIGNED_INT8,
				    .NumChannels = 4 };
	unsigned char h[400], back[400] = { 0 };
	CUdeviceptr p = drv_alloc(400);
	CUarray a;

	for (int i = 0; i < 400; i++)
		h[i] = (unsigned char)(3 * i);
	DRV(cuArrayCreate(&a, &d));
	DRV(cuMemcpyHtoA(a, 0, h, 400));
	DRV(cuMemcpyAtoD(p, a, 40, 200));
	DRV(cuMemcpyDtoA(a, 0, p, 100));
	DRV(cuMemcpyAtoH(back, a, 0, 400));
	printf("1D array %u %u %u\n", back[0], back[99], back[100]);
	if (back[0] != h[40] || back[99] != h[139] || back[100] != h[100])
		wrong_result("drv_arrays: copies of a 1D array are wrong");
	DRV(cuArrayDestroy(a));
	DRV(cuMemFree(p));
}

static void mipmaps(void)
{
	CUDA_ARRAY3D_DESCRIPTOR d = { .Width = 64,
				      .Height = 64,
				      .Format = CU_AD_FORMAT_FLOAT,
				      .NumChannels = 1 };
	CUDA_ARRAY_DESCRIPTOR level;
	CUmipmappedArray m;
	CUarray a;

	DRV(cuMipmappedArrayCreate(&m, &d, 4));
	for (unsigned i = 0; i < 4; i++) {
		DRV(cuMipmappedArrayGetLevel(&a, m, i));
		DRV(cuArrayGetDescriptor(&level, a));
		printf("level %u is %zux%zu\n", i, level.Width, level.Height);
		if (level.Width != 64u >> i)
			wrong_result("drv_arrays: level %u has a wrong width", i);
	}
	DRV(cuMipmappedArrayDestroy(m));
}

int main(void)
{
	CUcontext ctx;
	float h[W * H];
	CUarray a;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_tex_ptx));
	for (int i = 0; i < W * H; i++)
		h[i] = (float)i;
	a = make_array(CUDA_ARRAY3D_SURFACE_LDST);
	to_array(a, h);
	read_texture(a, 0, 0, W + 1);
	/* Half an element to the right: the mean of two neighbours. */
	read_texture(a, 1, 0.5f, W + 1.5f);
	surfaces(a);
	DRV(cuArrayDestroy(a));
	one_dimension();
	mipmaps();
	DRV(cuModuleUnload(mod));
	return 0;
}

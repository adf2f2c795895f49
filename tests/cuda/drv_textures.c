// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_textures.c - textures and surfaces: every format that samples, address
 * and filter modes, normalized reads and coordinates, one to three dimensions,
 * layers, cubes, mipmaps, gathers, textures over linear memory, surfaces of
 * each kind, and what is refused. What native prints is right; what must be
 * so by definition is checked.
 */
#include <stdbool.h>
#include <string.h>

#include "drv.h"
#include "kernels_tex_ptx.h"

#define W 16
#define H 8
#define D 6
#define POINTS 12

static CUfunction sample, fetch, turn;
static CUdeviceptr at, out;

static void launch(CUtexObject t, int dims, int n, float *got)
{
	void *args[] = { &t, &dims, &at, &n, &out };

	DRV(cuLaunchKernel(sample, 1, 1, 1, 32, 1, 1, 0, NULL, args, NULL));
	DRV(cuMemcpyDtoH(got, out, (size_t)n * 16));
}

static void points(const float (*p)[4], int n)
{
	DRV(cuMemcpyHtoD(at, p, (size_t)n * 16));
}

static CUarray make(size_t w, size_t h, size_t d, CUarray_format f,
		    unsigned channels, unsigned flags)
{
	CUDA_ARRAY3D_DESCRIPTOR desc = { .Width = w, .Height = h, .Depth = d,
					 .Format = f, .NumChannels = channels,
					 .Flags = flags };
	CUarray a = NULL;

	DRV(cuArray3DCreate(&a, &desc));
	return a;
}

/* Rows of @row bytes, @h of them in each of @d slices. */
static void fill(CUarray a, const void *from, size_t row, size_t h, size_t d)
{
	CUDA_MEMCPY3D c = { .srcMemoryType = CU_MEMORYTYPE_HOST,
			    .srcHost = from, .srcPitch = row, .srcHeight = h,
			    .dstMemoryType = CU_MEMORYTYPE_ARRAY,
			    .dstArray = a, .WidthInBytes = row,
			    .Height = h ? h : 1, .Depth = d ? d : 1 };

	DRV(cuMemcpy3D(&c));
}

static CUtexObject texture(const CUDA_RESOURCE_DESC *res, int mode, int filter,
			   unsigned flags)
{
	CUDA_TEXTURE_DESC d;
	CUtexObject t = 0;

	memset(&d, 0, sizeof(d));
	for (int i = 0; i < 3; i++)
		d.addressMode[i] = (CUaddress_mode)mode;
	d.filterMode = (CUfilter_mode)filter;
	d.mipmapFilterMode = (CUfilter_mode)filter;
	d.maxMipmapLevelClamp = 8;
	d.flags = flags;
	d.borderColor[0] = 5;
	DRV(cuTexObjectCreate(&t, res, &d, NULL));
	return t;
}

static CUtexObject of_array(CUarray a, int mode, int filter, unsigned flags)
{
	CUDA_RESOURCE_DESC res;

	memset(&res, 0, sizeof(res));
	res.resType = CU_RESOURCE_TYPE_ARRAY;
	res.res.array.hArray = a;
	return texture(&res, mode, filter, flags);
}

static void show(const char *what, CUtexObject t, int dims, int n)
{
	float got[4 * POINTS];

	launch(t, dims, n, got);
	printf("%s:", what);
	for (int i = 0; i < n; i++)
		printf(" %.4g", (double)got[4 * i]);
	printf(" checksum %016llx\n",
	       (unsigned long long)checksum(got, (size_t)n * 16));
	DRV(cuTexObjectDestroy(t));
}

static const struct {
	const char *name;
	CUarray_format f;
	unsigned size;
} formats[] = {
	{ "u8", CU_AD_FORMAT_UNSIGNED_INT8, 1 },
	{ "u16", CU_AD_FORMAT_UNSIGNED_INT16, 2 },
	{ "s8", CU_AD_FORMAT_SIGNED_INT8, 1 },
	{ "s16", CU_AD_FORMAT_SIGNED_INT16, 2 },
	{ "half", CU_AD_FORMAT_HALF, 2 },
	{ "float", CU_AD_FORMAT_FLOAT, 4 },
};

/* Whole numbers read as fractions, and floats as they are. */
static void all_formats(void)
{
	static const float p[4][4] = { { 0.5f, 0.5f, 0, 0 },
				       { 3.5f, 2.5f, 0, 0 },
				       { 7.25f, 1.75f, 0, 0 },
				       { 15.5f, 7.5f, 0, 0 } };
	static unsigned char h[W * H * 16];
	uint32_t seed = 3;

	points(p, 4);
	for (size_t i = 0; i < sizeof(h); i++)
		h[i] = (unsigned char)(rng(&seed) & 0x3f);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		for (unsigned c = 1; c <= 4; c *= 2) {
			CUarray a = make(W, H, 0, formats[i].f, c, 0);
			char name[32];

			fill(a, h, W * c * formats[i].size, H, 1);
			snprintf(name, sizeof(name), "%s x %u",
				 formats[i].name, c);
			show(name, of_array(a, CU_TR_ADDRESS_MODE_CLAMP,
					    CU_TR_FILTER_MODE_LINEAR, 0), 2,
			     4);
			DRV(cuArrayDestroy(a));
		}
}

static void modes(void)
{
	static const float p[POINTS][4] = {
		{ -0.2f, 0.3f, 0, 0 }, { 0.1f, 0.1f, 0, 0 },
		{ 0.5f, 0.5f, 0, 0 }, { 0.99f, 0.01f, 0, 0 },
		{ 1.3f, 0.4f, 0, 0 }, { 2.6f, -1.7f, 0, 0 },
		{ 0.25f, 1.25f, 0, 0 }, { -1.1f, -0.6f, 0, 0 },
		{ 0.03125f, 0.0625f, 0, 0 }, { 0.96875f, 0.9375f, 0, 0 },
		{ 0.5f, 0.99f, 0, 0 }, { 0.75f, 0.33f, 0, 0 }
	};
	static const char *const name[] = { "wrap", "clamp", "mirror",
					    "border" };
	static float h[W * H];
	CUarray a = make(W, H, 0, CU_AD_FORMAT_FLOAT, 1, 0);

	for (int i = 0; i < W * H; i++)
		h[i] = (float)(i + 1);
	fill(a, h, W * 4, H, 1);
	points(p, POINTS);
	for (int m = 0; m < 4; m++)
		for (int f = 0; f < 2; f++) {
			char what[32];

			snprintf(what, sizeof(what), "%s %s", name[m],
				 f ? "linear" : "point");
			show(what, of_array(a, m, f,
					    CU_TRSF_NORMALIZED_COORDINATES), 2,
			     POINTS);
		}
	DRV(cuArrayDestroy(a));
}

static void shapes(void)
{
	static const float p[6][4] = {
		{ 0.5f, 0.5f, 0.5f, 0 }, { 3.5f, 2.5f, 1.5f, 0 },
		{ 2.25f, 1.5f, 2, 0 }, { 1, -0.5f, 0.25f, 0 },
		{ -1, 0.25f, 0.5f, 0 }, { 0.1f, 0.2f, 3, 0 }
	};
	static float h[W * W * D];
	CUarray a;

	for (int i = 0; i < W * W * D; i++)
		h[i] = (float)(i % 1000);
	points(p, 6);
	a = make(W, 0, 0, CU_AD_FORMAT_FLOAT, 1, 0);
	fill(a, h, W * 4, 0, 0);
	show("one dimension", of_array(a, 1, 1, 0), 1, 6);
	DRV(cuArrayDestroy(a));
	a = make(W, H, D, CU_AD_FORMAT_FLOAT, 1, 0);
	fill(a, h, W * 4, H, D);
	show("three dimensions", of_array(a, 1, 1, 0), 3, 6);
	DRV(cuArrayDestroy(a));
	a = make(W, H, D, CU_AD_FORMAT_FLOAT, 1, CUDA_ARRAY3D_LAYERED);
	fill(a, h, W * 4, H, D);
	show("layers", of_array(a, 1, 1, 0), 4, 6);
	DRV(cuArrayDestroy(a));
	a = make(W, W, 6, CU_AD_FORMAT_FLOAT, 1, CUDA_ARRAY3D_CUBEMAP);
	fill(a, h, W * 4, W, 6);
	show("a cube", of_array(a, 1, 0, CU_TRSF_NORMALIZED_COORDINATES), 5,
	     6);
	DRV(cuArrayDestroy(a));
	a = make(W, H, 0, CU_AD_FORMAT_FLOAT, 1, CUDA_ARRAY3D_TEXTURE_GATHER);
	fill(a, h, W * 4, H, 1);
	show("gathered", of_array(a, 1, 0, 0), 7, 6);
	DRV(cuArrayDestroy(a));
}

/* Each level is filled with its own number; between two, both count. */
static void mipmaps(void)
{
	static const float p[5][4] = { { 0.5f, 0.5f, 0, 0 },
				       { 0.5f, 0.5f, 0, 1 },
				       { 0.5f, 0.5f, 0, 1.5f },
				       { 0.2f, 0.9f, 0, 2.25f },
				       { 0.5f, 0.5f, 0, 7 } };
	CUDA_ARRAY3D_DESCRIPTOR d = { .Width = 16, .Height = 16,
				      .Format = CU_AD_FORMAT_FLOAT,
				      .NumChannels = 1 };
	CUDA_RESOURCE_DESC res;
	CUmipmappedArray m;
	static float h[256];

	DRV(cuMipmappedArrayCreate(&m, &d, 5));
	for (unsigned l = 0; l < 5; l++) {
		CUarray a;

		for (int i = 0; i < 256; i++)
			h[i] = (float)(10 * (l + 1));
		DRV(cuMipmappedArrayGetLevel(&a, m, l));
		fill(a, h, (16u >> l) * 4, 16u >> l, 1);
	}
	memset(&res, 0, sizeof(res));
	res.resType = CU_RESOURCE_TYPE_MIPMAPPED_ARRAY;
	res.res.mipmap.hMipmappedArray = m;
	points(p, 5);
	show("mipmaps", texture(&res, 1, 1, CU_TRSF_NORMALIZED_COORDINATES), 6,
	     5);
	DRV(cuMipmappedArrayDestroy(m));
}

static void linear_memory(void)
{
	CUDA_RESOURCE_DESC res;
	CUdeviceptr p = drv_alloc(4096), q;
	unsigned got[64];
	size_t pitch;
	CUtexObject t;
	int n = 16;
	void *args[] = { &t, &n, &out };
	static const float at2[2][4] = { { 0.5f, 0.5f, 0, 0 },
					 { 5.5f, 3.5f, 0, 0 } };

	for (unsigned i = 0; i < 64; i++)
		got[i] = i * i;
	DRV(cuMemcpyHtoD(p, got, sizeof(got)));
	memset(&res, 0, sizeof(res));
	res.resType = CU_RESOURCE_TYPE_LINEAR;
	res.res.linear.devPtr = p;
	res.res.linear.format = CU_AD_FORMAT_UNSIGNED_INT32;
	res.res.linear.numChannels = 4;
	res.res.linear.sizeInBytes = sizeof(got);
	t = texture(&res, 1, 0, CU_TRSF_READ_AS_INTEGER);
	DRV(cuLaunchKernel(fetch, 1, 1, 1, 32, 1, 1, 0, NULL, args, NULL));
	DRV(cuMemcpyDtoH(got, out, sizeof(got)));
	printf("linear memory: %u %u\n", got[5], got[63]);
	if (got[5] != 25 || got[63] != 63 * 63)
		fail("drv_textures: linear memory should give 25 and 3969");
	DRV(cuTexObjectDestroy(t));

	DRV(cuMemAllocPitch(&q, &pitch, W * 4, H, 4));
	DRV(cuMemsetD2D32(q, pitch, 0x40400000u, W, H)); /* 3.0 */
	res.resType = CU_RESOURCE_TYPE_PITCH2D;
	memset(&res.res, 0, sizeof(res.res));
	res.res.pitch2D.devPtr = q;
	res.res.pitch2D.format = CU_AD_FORMAT_FLOAT;
	res.res.pitch2D.numChannels = 1;
	res.res.pitch2D.width = W;
	res.res.pitch2D.height = H;
	res.res.pitch2D.pitchInBytes = pitch;
	points(at2, 2);
	show("pitched memory", texture(&res, 1, 1, 0), 2, 2);
	DRV(cuMemFree(p));
	DRV(cuMemFree(q));
}

static void surface(const char *name, int kind, int d, unsigned flags)
{
	CUarray a = make(W, H, kind == 2 ? 0 : (size_t)d,
			 CU_AD_FORMAT_UNSIGNED_INT32, 1,
			 flags | CUDA_ARRAY3D_SURFACE_LDST);
	CUDA_RESOURCE_DESC res, got;
	static unsigned h[W * H * D], back[W * H * D];
	CUDA_MEMCPY3D c = { .srcMemoryType = CU_MEMORYTYPE_ARRAY,
			    .srcArray = a,
			    .dstMemoryType = CU_MEMORYTYPE_HOST,
			    .dstHost = back, .dstPitch = W * 4,
			    .dstHeight = H, .WidthInBytes = W * 4,
			    .Height = H, .Depth = (size_t)d };
	CUsurfObject s;
	int w = W, hh = H;
	void *args[] = { &s, &kind, &w, &hh, &d };

	for (int i = 0; i < W * H * d; i++)
		h[i] = (unsigned)i * 3;
	fill(a, h, W * 4, H, (size_t)d);
	memset(&res, 0, sizeof(res));
	res.resType = CU_RESOURCE_TYPE_ARRAY;
	res.res.array.hArray = a;
	DRV(cuSurfObjectCreate(&s, &res));
	memset(&got, 0, sizeof(got));
	DRV(cuSurfObjectGetResourceDesc(&got, s));
	DRV(cuLaunchKernel(turn, (unsigned)d, 1, 1, W, 1, 1, 0, NULL, args,
			   NULL));
	DRV(cuMemcpy3D(&c));
	printf("surface, %s: %u %u, its array %s\n", name, back[0],
	       back[W * H * d - 1],
	       got.res.array.hArray == a ? "is ours" : "is another");
	for (int i = 0; i < W * H * d; i++) {
		int z = i / (W * H), y = i / W % H, x = i % W;
		int from = (z * H + H - 1 - y) * W + x;

		if (back[i] != h[from])
			fail("drv_textures: %s: word %d is %u, not %u", name,
			     i, back[i], h[from]);
	}
	DRV(cuSurfObjectDestroy(s));
	DRV(cuArrayDestroy(a));
}

static void questions(void)
{
	CUarray a = make(W, H, 0, CU_AD_FORMAT_FLOAT, 1, 0);
	CUtexObject t = of_array(a, 3, 1, CU_TRSF_NORMALIZED_COORDINATES);
	CUDA_ARRAY_MEMORY_REQUIREMENTS need;
	CUDA_ARRAY_SPARSE_PROPERTIES sparse;
	CUDA_RESOURCE_DESC res;
	CUDA_RESOURCE_VIEW_DESC view;
	CUDA_TEXTURE_DESC d;
	CUarray plane;

	memset(&d, 0, sizeof(d));
	memset(&res, 0, sizeof(res));
	DRV(cuTexObjectGetTextureDesc(&d, t));
	DRV(cuTexObjectGetResourceDesc(&res, t));
	printf("a texture says: mode %d filter %d flags %u border %.1f, its "
	       "array %s\n", (int)d.addressMode[1], (int)d.filterMode, d.flags,
	       (double)d.borderColor[0],
	       res.res.array.hArray == a ? "is ours" : "is another");
	SHOW("a view that was not given",
	     cuTexObjectGetResourceViewDesc(&view, t));
	SHOW("sparse properties", cuArrayGetSparseProperties(&sparse, a));
	SHOW("memory requirements", cuArrayGetMemoryRequirements(&need, a, 0));
	SHOW("a plane", cuArrayGetPlane(&plane, a, 0));
	d.flags = 0x400;
	SHOW("flags that are none", cuTexObjectCreate(&t, &res, &d, NULL));
	d.flags = 0;
	res.resType = (CUresourcetype)9;
	SHOW("a kind that is none", cuTexObjectCreate(&t, &res, &d, NULL));
	DRV(cuArrayDestroy(a));
}

int main(void)
{
	CUcontext ctx;
	CUmodule mod;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_tex_ptx));
	sample = drv_function(mod, "sample_all");
	fetch = drv_function(mod, "fetch_all");
	turn = drv_function(mod, "turn_surface");
	at = drv_alloc(POINTS * 16);
	out = drv_alloc(4096);
	all_formats();
	modes();
	shapes();
	mipmaps();
	linear_memory();
	surface("two dimensions", 2, 1, 0);
	surface("three dimensions", 3, D, 0);
	surface("layers", 4, D, CUDA_ARRAY3D_LAYERED);
	questions();
	DRV(cuMemFree(at));
	DRV(cuMemFree(out));
	DRV(cuModuleUnload(mod));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// kernels_tex.cu - the kernels of drv_arrays: textures and surfaces.
extern "C" {

__global__ void sample(cudaTextureObject_t t, float *out, int w, int h,
		       float shift)
{
	int x = threadIdx.x, y = blockIdx.y;

	/* The middle of an element is at one half. */
	if (x < w && y < h)
		out[y * w + x] = tex2D<float>(t, x + 0.5f + shift, y + 0.5f);
}

__global__ void double_surface(cudaSurfaceObject_t s, int w, int h)
{
	int x = threadIdx.x, y = blockIdx.y;

	if (x < w && y < h) {
		float v = surf2Dread<float>(s, x * 4, y);

		surf2Dwrite(2 * v, s, x * 4, y);
	}
}

/* What a texture of any kind gives at @n places, four floats each. */
__global__ void sample_all(cudaTextureObject_t t, int dims, const float *at,
			   int n, float *out)
{
	for (int i = threadIdx.x; i < n; i += blockDim.x) {
		float x = at[4 * i], y = at[4 * i + 1], z = at[4 * i + 2];
		float level = at[4 * i + 3];
		float4 v;

		if (dims == 1)
			v = tex1D<float4>(t, x);
		else if (dims == 2)
			v = tex2D<float4>(t, x, y);
		else if (dims == 3)
			v = tex3D<float4>(t, x, y, z);
		else if (dims == 4)
			v = tex2DLayered<float4>(t, x, y, (int)z);
		else if (dims == 5)
			v = texCubemap<float4>(t, x, y, z);
		else if (dims == 6)
			v = tex2DLod<float4>(t, x, y, level);
		else
			v = tex2Dgather<float4>(t, x, y, (int)level);
		out[4 * i] = v.x;
		out[4 * i + 1] = v.y;
		out[4 * i + 2] = v.z;
		out[4 * i + 3] = v.w;
	}
}

/* The same of textures that give whole numbers as they are. */
__global__ void fetch_all(cudaTextureObject_t t, int n, unsigned *out)
{
	for (int i = threadIdx.x; i < n; i += blockDim.x) {
		uint4 v = tex1Dfetch<uint4>(t, i);

		out[4 * i] = v.x;
		out[4 * i + 1] = v.y;
		out[4 * i + 2] = v.z;
		out[4 * i + 3] = v.w;
	}
}

/* Turns a surface of words upside down inside its layer or slice. */
__global__ void turn_surface(cudaSurfaceObject_t s, int kind, int w, int h,
			     int d)
{
	int x = threadIdx.x, z = blockIdx.x;

	for (int y = 0; y < h / 2 && x < w && z < d; y++) {
		unsigned a, b;

		if (kind == 2) {
			surf2Dread(&a, s, x * 4, y);
			surf2Dread(&b, s, x * 4, h - 1 - y);
			surf2Dwrite(b, s, x * 4, y);
			surf2Dwrite(a, s, x * 4, h - 1 - y);
		} else if (kind == 3) {
			surf3Dread(&a, s, x * 4, y, z);
			surf3Dread(&b, s, x * 4, h - 1 - y, z);
			surf3Dwrite(b, s, x * 4, y, z);
			surf3Dwrite(a, s, x * 4, h - 1 - y, z);
		} else {
			surf2DLayeredread(&a, s, x * 4, y, z);
			surf2DLayeredread(&b, s, x * 4, h - 1 - y, z);
			surf2DLayeredwrite(b, s, x * 4, y, z);
			surf2DLayeredwrite(a, s, x * 4, h - 1 - y, z);
		}
	}
}

}

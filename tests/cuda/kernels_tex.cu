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

}

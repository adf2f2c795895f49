// SPDX-License-Identifier: BSD-2-Clause
// transpose.cu - naive, and through a padded tile in shared memory; 1, 4 and
// 8 byte elements, and the copy back by cudaMemcpy2D out of a pitched block.
#include "rt.h"

#define TILE 32
#define ROWS 8

template <typename T>
__global__ void naive(const T *in, T *out, int w, int h)
{
	int x = blockIdx.x * blockDim.x + threadIdx.x;
	int y = blockIdx.y * blockDim.y + threadIdx.y;

	if (x < w && y < h)
		out[(size_t)x * h + y] = in[(size_t)y * w + x];
}

template <typename T>
__global__ void tiled(const T *in, T *out, int w, int h, int out_stride)
{
	__shared__ T tile[TILE][TILE + 1];
	int x = blockIdx.x * TILE + threadIdx.x;
	int y = blockIdx.y * TILE + threadIdx.y;

	for (int j = 0; j < TILE; j += ROWS)
		if (x < w && y + j < h)
			tile[threadIdx.y + j][threadIdx.x] =
				in[(size_t)(y + j) * w + x];
	__syncthreads();
	x = blockIdx.y * TILE + threadIdx.x;
	y = blockIdx.x * TILE + threadIdx.y;
	for (int j = 0; j < TILE; j += ROWS)
		if (x < h && y + j < w)
			out[(size_t)(y + j) * out_stride + x] =
				tile[threadIdx.x][threadIdx.y + j];
}

template <typename T>
static void verify(const char *what, const T *in, const T *out, int w, int h)
{
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++)
			if (out[(size_t)x * h + y] != in[(size_t)y * w + x])
				fail("transpose %s: row %d column %d is wrong",
				     what, x, y);
	printf("transpose %s %dx%d of %zu-byte elements checksum %016llx\n",
	       what, w, h, sizeof(T),
	       (unsigned long long)checksum(out, (size_t)w * h * sizeof(T)));
}

template <typename T> static void run(int w, int h)
{
	size_t n = (size_t)w * h, pitch;
	T *in = (T *)must_alloc(n * sizeof(T));
	T *out = (T *)must_alloc(n * sizeof(T));
	void *pitched;
	uint32_t s = 9;

	for (size_t i = 0; i < n; i++)
		in[i] = (T)rng(&s);
	T *d_in = dev_copy_of(in, n), *d_out = dev_alloc<T>(n);
	dim3 block(TILE, ROWS);
	dim3 grid((w + TILE - 1) / TILE, (h + ROWS - 1) / ROWS);
	dim3 tiles((w + TILE - 1) / TILE, (h + TILE - 1) / TILE);

	naive<T><<<grid, block>>>(d_in, d_out, w, h);
	RT_LAUNCHED();
	to_host(out, d_out, n);
	verify("naive", in, out, w, h);

	RT(cudaMallocPitch(&pitched, &pitch, h * sizeof(T), w));
	tiled<T><<<tiles, block>>>(d_in, (T *)pitched, w, h,
				   (int)(pitch / sizeof(T)));
	RT_LAUNCHED();
	RT(cudaMemcpy2D(out, h * sizeof(T), pitched, pitch, h * sizeof(T), w,
			cudaMemcpyDeviceToHost));
	verify("tiled", in, out, w, h);
	RT(cudaFree(d_in));
	RT(cudaFree(d_out));
	RT(cudaFree(pitched));
	free(in);
	free(out);
}

int main(int argc, char **argv)
{
	int w = (int)arg_long(argc, argv, 1, 200);
	int h = w * 5 / 8 + 3;

	run<unsigned>(w, h);
	run<unsigned char>(w, h);
	run<unsigned long long>(w / 2 + 1, h / 2 + 1);
	return 0;
}

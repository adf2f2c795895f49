// SPDX-License-Identifier: BSD-2-Clause
// matmul.cu - tiled matrix product: static and dynamic shared memory, and a
// size that is no multiple of the tile. The elements are small whole numbers,
// so every sum is exact and the order of additions does not matter.
#include "rt.h"

#define TILE 16

__global__ void matmul_static(const float *a, const float *b, float *c, int n)
{
	__shared__ float ta[TILE][TILE], tb[TILE][TILE];
	int x = threadIdx.x, y = threadIdx.y;
	int col = blockIdx.x * TILE + x, row = blockIdx.y * TILE + y;
	float sum = 0;

	for (int t = 0; t < n; t += TILE) {
		bool in_a = row < n && t + x < n, in_b = col < n && t + y < n;

		ta[y][x] = in_a ? a[row * n + t + x] : 0;
		tb[y][x] = in_b ? b[(t + y) * n + col] : 0;
		__syncthreads();
		for (int k = 0; k < TILE; k++)
			sum += ta[y][k] * tb[k][x];
		__syncthreads();
	}
	if (row < n && col < n)
		c[row * n + col] = sum;
}

__global__ void matmul_dynamic(const float *a, const float *b, float *c, int n,
			       int tile)
{
	extern __shared__ float shared[];
	float *ta = shared, *tb = shared + tile * tile;
	int x = threadIdx.x, y = threadIdx.y;
	int col = blockIdx.x * tile + x, row = blockIdx.y * tile + y;
	float sum = 0;

	for (int t = 0; t < n; t += tile) {
		bool in_a = row < n && t + x < n, in_b = col < n && t + y < n;

		ta[y * tile + x] = in_a ? a[row * n + t + x] : 0;
		tb[y * tile + x] = in_b ? b[(t + y) * n + col] : 0;
		__syncthreads();
		for (int k = 0; k < tile; k++)
			sum += ta[y * tile + k] * tb[k * tile + x];
		__syncthreads();
	}
	if (row < n && col < n)
		c[row * n + col] = sum;
}

static void fill(float *m, int n, uint32_t seed)
{
	for (int i = 0; i < n * n; i++)
		m[i] = (float)(int)(rng(&seed) % 15) - 7;
}

static void verify(const char *what, const float *a, const float *b,
		   const float *c, int n)
{
	/* Every element up to 256 x 256; beyond that a sample of rows. */
	int step = n <= 256 ? 1 : n / 64;

	for (int r = 0; r < n; r += step)
		for (int q = 0; q < n; q++) {
			float want = 0;

			for (int k = 0; k < n; k++)
				want += a[r * n + k] * b[k * n + q];
			if (c[r * n + q] != want)
				fail("matmul %s n=%d: element (%d,%d) is %g, "
				     "not %g", what, n, r, q, c[r * n + q],
				     want);
		}
}

static void run(const char *what, int n, int tile)
{
	size_t count = (size_t)n * n;
	float *a = (float *)must_alloc(count * sizeof(float));
	float *b = (float *)must_alloc(count * sizeof(float));
	float *c = (float *)must_alloc(count * sizeof(float));
	int dyn = tile != TILE;
	dim3 block(tile, tile), grid((n + tile - 1) / tile, (n + tile - 1) / tile);

	fill(a, n, 7);
	fill(b, n, 11);
	float *da = dev_copy_of(a, count), *db = dev_copy_of(b, count);
	float *dc = dev_alloc<float>(count);

	if (dyn)
		matmul_dynamic<<<grid, block, 2 * tile * tile * sizeof(float)>>>(
			da, db, dc, n, tile);
	else
		matmul_static<<<grid, block>>>(da, db, dc, n);
	RT_LAUNCHED();
	to_host(c, dc, count);
	verify(what, a, b, c, n);
	printf("matmul %s n=%d tile=%d checksum %016llx\n", what, n, tile,
	       (unsigned long long)checksum(c, count * sizeof(float)));
	RT(cudaFree(da));
	RT(cudaFree(db));
	RT(cudaFree(dc));
	free(a);
	free(b);
	free(c);
}

int main(int argc, char **argv)
{
	int n = (int)arg_long(argc, argv, 1, 96);

	run("static", n, TILE);
	run("static", n - 19 > 0 ? n - 19 : 1, TILE);
	run("dynamic", n / 2 + 1, 8);
	return 0;
}

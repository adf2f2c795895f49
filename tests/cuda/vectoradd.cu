// SPDX-License-Identifier: BSD-2-Clause
// vectoradd.cu - c = a + b in float, double and 64-bit integers.
#include "rt.h"

template <typename T>
__global__ void add(const T *a, const T *b, T *c, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		c[i] = a[i] + b[i];
}

template <typename T> static void run(const char *type, int n)
{
	T *a = (T *)must_alloc(n * sizeof(T));
	T *b = (T *)must_alloc(n * sizeof(T));
	T *c = (T *)must_alloc(n * sizeof(T));
	uint32_t s = 1;

	for (int i = 0; i < n; i++) {
		a[i] = (T)(rng(&s) % 100000) / 8;
		b[i] = (T)(rng(&s) % 100000) / 8;
	}
	T *da = dev_copy_of(a, n), *db = dev_copy_of(b, n);
	T *dc = dev_alloc<T>(n);

	add<T><<<(n + 255) / 256, 256>>>(da, db, dc, n);
	RT_LAUNCHED();
	to_host(c, dc, n);
	for (int i = 0; i < n; i++)
		if (c[i] != a[i] + b[i])
			fail("vectoradd %s: element %d of %d is %g, not %g",
			     type, i, n, (double)c[i], (double)(a[i] + b[i]));
	printf("vectoradd %s n=%d checksum %016llx\n", type, n,
	       (unsigned long long)checksum(c, n * sizeof(T)));
	RT(cudaFree(da));
	RT(cudaFree(db));
	RT(cudaFree(dc));
	free(a);
	free(b);
	free(c);
}

int main(int argc, char **argv)
{
	int n = (int)arg_long(argc, argv, 1, 50001);

	run<float>("float", n);
	run<double>("double", n);
	run<long long>("int64", n);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// spin.cu - spin MS [COUNT]: COUNT kernels of MS milliseconds each, one after
// the other, by the device's own clock. For tests of scheduling and of the
// watchdog: the GPU is busy for a known time and the host idle.
#include <time.h>

#include "rt.h"

__device__ unsigned long long now_ns(void)
{
	unsigned long long t;

	asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(t));
	return t;
}

__global__ void spin(unsigned long long ns, unsigned *done)
{
	unsigned long long start = now_ns();

	while (now_ns() - start < ns)
		;
	*done += 1;
}

static double host_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	long ms = arg_long(argc, argv, 1, 100);
	long count = arg_long(argc, argv, 2, 1);
	unsigned *d = dev_alloc<unsigned>(1), done = 0;
	double start, took;

	RT(cudaMemset(d, 0, sizeof(*d)));
	RT(cudaDeviceSynchronize());
	start = host_ms();
	for (long i = 0; i < count; i++)
		spin<<<1, 1>>>(ms * 1000000ull, d);
	RT_LAUNCHED();
	took = host_ms() - start;
	to_host(&done, d, 1);
	printf("spun %u times %ld ms\n", done, ms);
	if (done != (unsigned)count)
		fail("spin: %u kernels ran, not %ld", done, count);
	/* The two clocks may differ a little. */
	if (took < 0.98 * ms * count)
		fail("spin: %ld times %ld ms took only %.1f ms", count, ms,
		     took);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// deviceprintf.cu - printf in a kernel arrives in the program's own stdout.
//
// Only one thread prints at a time: the order between threads that print at
// once is not promised. The output is complete after every synchronisation.
#include <string.h>

#include "rt.h"

__global__ void formats(int *returned)
{
	const char *word = "text";

	returned[0] = printf("plain, 100%% of it\n");
	returned[1] = printf("int %d %5d %-5d| %05d %+d\n", -1, 42, 42, 42, 42);
	returned[2] = printf("hex %x %X %#x octal %o\n", 0xbeef, 0xbeef, 255, 8);
	returned[3] = printf("long %ld %lld %llu %llx\n", -5000000000l,
			     1ll << 62, ~0ull, 0x123456789abcdefull);
	returned[4] = printf("float %f %.2f %8.3f %e %g\n", 1.5, 2.71828,
			     -3.14159, 12345.678, 0.0001);
	returned[5] = printf("string %s char %c '%8s'\n", word, 'x', "right");
	returned[6] = printf("unsigned %u\n", 4000000000u);
}

__global__ void in_turn(void)
{
	for (unsigned t = 0; t < blockDim.x; t++) {
		if (threadIdx.x == t)
			printf("thread %u of %u says %u\n", t, blockDim.x,
			       t * t);
		__syncthreads();
	}
}

__global__ void many(int n, int start)
{
	for (int i = 0; i < n; i++)
		printf("line %d\n", start + i);
}

int main(int argc, char **argv)
{
	int lines = (int)arg_long(argc, argv, 1, 200);
	/* CUDA's printf gives the number of arguments, not of bytes. */
	static const int want[7] = { 0, 5, 4, 4, 5, 3, 1 };
	int got[7], *d = dev_alloc<int>(7);

	formats<<<1, 1>>>(d);
	RT_LAUNCHED();
	to_host(got, d, 7);
	if (memcmp(got, want, sizeof(got)))
		fail("deviceprintf: printf returned %d %d %d %d %d %d %d; "
		     "should be 0 5 4 4 5 3 1", got[0], got[1], got[2], got[3],
		     got[4], got[5], got[6]);
	in_turn<<<1, 40>>>();
	RT_LAUNCHED();
	/* Two kernels and one wait: both outputs, in stream order. */
	many<<<1, 1>>>(lines, 0);
	many<<<1, 1>>>(lines, lines);
	RT_LAUNCHED();
	RT(cudaFree(d));
	printf("deviceprintf done\n");
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// kernels_more.cu - kernels that show an order, print, check and count.
#include <assert.h>
#include <stdio.h>

/* With a pointer before it 32,764 bytes of parameters, which is the limit. */
struct most {
	unsigned words[8189];
};

#define EIGHT(X, n) \
	X(n##0), X(n##1), X(n##2), X(n##3), X(n##4), X(n##5), X(n##6), X(n##7)
#define MANY(X) \
	EIGHT(X, a), EIGHT(X, b), EIGHT(X, c), EIGHT(X, d), EIGHT(X, e), \
	EIGHT(X, f), EIGHT(X, g), EIGHT(X, h), EIGHT(X, i), EIGHT(X, j), \
	EIGHT(X, k), EIGHT(X, l), EIGHT(X, m), EIGHT(X, n), EIGHT(X, o)
#define DECLARED(name) unsigned name
#define ITSELF(name) name

extern "C" {

/* What it leaves depends on the order of all such launches. */
__global__ void chain(unsigned *p, unsigned mul, unsigned add)
{
	*p = *p * mul + add;
}

__global__ void chain_all(unsigned *p, unsigned n, unsigned mul, unsigned add)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		p[i] = p[i] * mul + add;
}

__global__ void copy_words(unsigned *to, const unsigned *from, unsigned n)
{
	unsigned i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		to[i] = from[i];
}

/* Adds up what another GPU's memory, or host memory, holds. */
__global__ void sum_words(unsigned *to, const unsigned *from, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += from[i];
	*to = sum;
}

__global__ void say(unsigned who, unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++)
		printf("speaker %u line %u: %s %c %5.2f %llx %%\n", who, i,
		       "text", 'a' + (int)(i % 26), i / 4.0,
		       0x123456789abcdefull * i);
}

/* Whoever waits for @done need not ask the driver, which would print. */
__global__ void say_all(unsigned who, unsigned from, unsigned n,
			volatile unsigned *done)
{
	for (unsigned i = from; i < from + n; i++)
		printf("speaker %u line %u: %s %c %5.2f %llx %%\n", who, i,
		       "text", 'a' + (int)(i % 26), i / 4.0,
		       0x123456789abcdefull * i);
	__threadfence_system();
	*done = 1;
}

__global__ void must_be(const unsigned *p, unsigned value)
{
	assert(p[threadIdx.x] == value);
}

/* Busy for a while, then adds: the host sees whether it was waited for. */
__global__ void late_add(unsigned *p, unsigned us, unsigned add)
{
	unsigned long long start, now;

	asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
	do
		asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
	while (now - start < us * 1000ull);
	*(volatile unsigned *)p += add;
	__threadfence_system();
}

__global__ void count_blocks(unsigned *p)
{
	if (threadIdx.x == 0)
		atomicAdd(p, 1);
}

/* In blocks of many threads each word weighs by its place. */
__global__ void sum_most(unsigned *out, const __grid_constant__ struct most b)
{
	for (unsigned i = threadIdx.x; i < 8189; i += blockDim.x)
		atomicAdd(out, b.words[i] * (i + 1));
}

/* One parameter each: more than travel with the answer to a lookup. */
__global__ void sum_many(unsigned *out, MANY(DECLARED))
{
	const unsigned v[] = { MANY(ITSELF) };

	*out = 0;
	for (unsigned i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		*out = *out * 3 + v[i];
}

}

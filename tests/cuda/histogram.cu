// SPDX-License-Identifier: BSD-2-Clause
// histogram.cu - atomics on global and on shared memory, and the other
// atomic operations: max, min, or, exchange, compare-and-swap, 64-bit,
// float and double add.
#include "rt.h"

#define BINS 64

__global__ void hist_global(const unsigned char *in, int n, unsigned *bins)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		atomicAdd(&bins[in[i] % BINS], 1u);
}

__global__ void hist_shared(const unsigned char *in, int n, unsigned *bins)
{
	__shared__ unsigned mine[BINS];
	int t = threadIdx.x, stride = gridDim.x * blockDim.x;

	if (t < BINS)
		mine[t] = 0;
	__syncthreads();
	for (int i = blockIdx.x * blockDim.x + t; i < n; i += stride)
		atomicAdd(&mine[in[i] % BINS], 1u);
	__syncthreads();
	if (t < BINS)
		atomicAdd(&bins[t], mine[t]);
}

struct others {
	int max, min;
	unsigned bits, cas_count;
	unsigned long long sum64;
	float fsum;
	double dsum;
	int sub;
	unsigned inc;
};

__global__ void other_atomics(struct others *o)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	unsigned seen, old;

	atomicMax(&o->max, i * 37 % 1000);
	atomicMin(&o->min, i * 37 % 1000 - 500);
	atomicOr(&o->bits, 1u << (i % 32));
	atomicAdd(&o->sum64, 0x100000000ull + i);
	atomicAdd(&o->fsum, 0.5f);
	atomicAdd(&o->dsum, 0.25);
	atomicSub(&o->sub, 3);
	atomicInc(&o->inc, 99);
	seen = *(volatile unsigned *)&o->cas_count;
	while ((old = atomicCAS(&o->cas_count, seen, seen + 2)) != seen)
		seen = old;
}

static void check_bins(const char *what, const unsigned *d_bins,
		       const unsigned *want)
{
	unsigned bins[BINS];

	to_host(bins, d_bins, BINS);
	for (int b = 0; b < BINS; b++)
		if (bins[b] != want[b])
			fail("histogram %s: bin %d is %u, not %u", what, b,
			     bins[b], want[b]);
	printf("histogram %s checksum %016llx\n", what,
	       (unsigned long long)checksum(bins, sizeof(bins)));
}

static void run_histograms(int n)
{
	unsigned char *in = (unsigned char *)must_alloc(n);
	unsigned want[BINS] = { 0 };
	uint32_t s = 5;

	for (int i = 0; i < n; i++) {
		in[i] = (unsigned char)(rng(&s) >> 8);
		want[in[i] % BINS]++;
	}
	unsigned char *d_in = dev_copy_of(in, n);
	unsigned *d_bins = dev_alloc<unsigned>(BINS);

	RT(cudaMemset(d_bins, 0, BINS * sizeof(unsigned)));
	hist_global<<<(n + 255) / 256, 256>>>(d_in, n, d_bins);
	RT_LAUNCHED();
	check_bins("global", d_bins, want);
	RT(cudaMemset(d_bins, 0, BINS * sizeof(unsigned)));
	hist_shared<<<8, 128>>>(d_in, n, d_bins);
	RT_LAUNCHED();
	check_bins("shared", d_bins, want);
	RT(cudaFree(d_in));
	RT(cudaFree(d_bins));
	free(in);
}

static void run_others(void)
{
	const int threads = 4 * 96;
	struct others o = { 0, 0, 0, 0, 0, 0, 0, 0, 0 }, w = o;
	struct others *d = dev_copy_of(&o, 1);

	other_atomics<<<4, 96>>>(d);
	RT_LAUNCHED();
	to_host(&o, d, 1);
	for (int i = 0; i < threads; i++) {
		int v = i * 37 % 1000;

		w.max = v > w.max ? v : w.max;
		w.min = v - 500 < w.min ? v - 500 : w.min;
		w.bits |= 1u << (i % 32);
		w.sum64 += 0x100000000ull + i;
		w.fsum += 0.5f;
		w.dsum += 0.25;
		w.sub -= 3;
		w.inc = w.inc >= 99 ? 0 : w.inc + 1;
		w.cas_count += 2;
	}
	printf("atomics max %d min %d or %08x add64 %llu float %.1f "
	       "double %.2f sub %d inc %u cas %u\n", o.max, o.min, o.bits,
	       o.sum64, o.fsum, o.dsum, o.sub, o.inc, o.cas_count);
	if (o.max != w.max || o.min != w.min || o.bits != w.bits ||
	    o.sum64 != w.sum64 || o.fsum != w.fsum || o.dsum != w.dsum ||
	    o.sub != w.sub || o.inc != w.inc || o.cas_count != w.cas_count)
		fail("atomics: should be max %d min %d or %08x add64 %llu "
		     "float %.1f double %.2f sub %d inc %u cas %u", w.max,
		     w.min, w.bits, w.sum64, w.fsum, w.dsum, w.sub, w.inc,
		     w.cas_count);
	RT(cudaFree(d));
}

int main(int argc, char **argv)
{
	run_histograms((int)arg_long(argc, argv, 1, 100003));
	run_others();
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// reduce.cu - reductions by warp shuffles, votes and an inclusive scan.
#include "rt.h"

#define WARPS 8
#define FULL  0xffffffffu

__device__ long long warp_sum(long long v)
{
	for (int d = 16; d; d >>= 1)
		v += __shfl_down_sync(FULL, v, d);
	return v;
}

__device__ int warp_max(int v)
{
	for (int d = 16; d; d >>= 1)
		v = max(v, __shfl_xor_sync(FULL, v, d));
	return v;
}

/* One partial sum, one maximum and one count of odd numbers per block. */
__global__ void reduce(const int *in, int n, long long *sums, int *maxima,
		       int *odd)
{
	__shared__ long long sum_of[WARPS];
	__shared__ int max_of[WARPS], odd_of[WARPS];
	int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
	long long sum = 0;
	int top = -0x7fffffff - 1, odds = 0;
	int stride = gridDim.x * blockDim.x;

	for (int base = blockIdx.x * blockDim.x; base < n; base += stride) {
		int i = base + threadIdx.x;
		int v = i < n ? in[i] : 0;

		sum += v;
		if (i < n)
			top = max(top, v);
		odds += __popc(__ballot_sync(FULL, i < n && (v & 1)));
	}
	sum = warp_sum(sum);
	top = warp_max(top);
	if (lane == 0) {
		sum_of[warp] = sum;
		max_of[warp] = top;
		odd_of[warp] = odds;
	}
	__syncthreads();
	if (threadIdx.x == 0) {
		for (int w = 1; w < WARPS; w++) {
			sum += sum_of[w];
			top = max(top, max_of[w]);
			odds += odd_of[w];
		}
		sums[blockIdx.x] = sum;
		maxima[blockIdx.x] = top;
		odd[blockIdx.x] = odds;
	}
}

/* Inclusive scan of one warp, and what the votes say about it. */
__global__ void scan_and_vote(const int *in, int *scan, int *votes)
{
	int lane = threadIdx.x, v = in[lane];

	for (int d = 1; d < 32; d <<= 1) {
		int up = __shfl_up_sync(FULL, v, d);

		if (lane >= d)
			v += up;
	}
	scan[lane] = v;
	int all = __all_sync(FULL, v >= 0), any = __any_sync(FULL, v == 3);
	int last = __shfl_sync(FULL, v, 31);

	if (lane == 5) {
		votes[0] = all;
		votes[1] = any;
		votes[2] = last;
	}
}

static void run_reduce(int n)
{
	const int blocks = 12;
	int *in = (int *)must_alloc(n * sizeof(int));
	long long sums[blocks], sum = 0, want_sum = 0;
	int maxima[blocks], odd[blocks], top, odds = 0;
	int want_top, want_odd = 0;
	uint32_t s = 3;

	for (int i = 0; i < n; i++)
		in[i] = (int)(rng(&s) % 2000001) - 1000000;
	want_top = in[0];
	for (int i = 0; i < n; i++) {
		want_sum += in[i];
		want_top = in[i] > want_top ? in[i] : want_top;
		want_odd += in[i] & 1;
	}
	int *d_in = dev_copy_of(in, n), *d_max = dev_alloc<int>(blocks);
	int *d_odd = dev_alloc<int>(blocks);
	long long *d_sum = dev_alloc<long long>(blocks);

	reduce<<<blocks, WARPS * 32>>>(d_in, n, d_sum, d_max, d_odd);
	RT_LAUNCHED();
	to_host(sums, d_sum, blocks);
	to_host(maxima, d_max, blocks);
	to_host(odd, d_odd, blocks);
	top = maxima[0];
	for (int b = 0; b < blocks; b++) {
		sum += sums[b];
		top = maxima[b] > top ? maxima[b] : top;
		odds += odd[b];
	}
	if (sum != want_sum || top != want_top || odds != want_odd)
		fail("reduce: sum %lld, max %d, odd %d; should be %lld, %d, %d",
		     sum, top, odds, want_sum, want_top, want_odd);
	printf("reduce n=%d sum %lld max %d odd %d\n", n, sum, top, odds);
	RT(cudaFree(d_in));
	RT(cudaFree(d_sum));
	RT(cudaFree(d_max));
	RT(cudaFree(d_odd));
	free(in);
}

static void run_scan(void)
{
	int in[32], scan[32], votes[3], sum = 0, any = 0;

	for (int i = 0; i < 32; i++)
		in[i] = i * 7 % 5;
	int *d_in = dev_copy_of(in, 32), *d_scan = dev_alloc<int>(32);
	int *d_votes = dev_alloc<int>(3);

	scan_and_vote<<<1, 32>>>(d_in, d_scan, d_votes);
	RT_LAUNCHED();
	to_host(scan, d_scan, 32);
	to_host(votes, d_votes, 3);
	for (int i = 0; i < 32; i++) {
		sum += in[i];
		any |= sum == 3;
		if (scan[i] != sum)
			fail("reduce: scan[%d] is %d, not %d", i, scan[i], sum);
	}
	if (votes[0] != 1 || votes[1] != any || votes[2] != sum)
		fail("reduce: votes %d %d %d, should be 1 %d %d", votes[0],
		     votes[1], votes[2], any, sum);
	printf("scan last %d votes %d %d %d\n", scan[31], votes[0], votes[1],
	       votes[2]);
	RT(cudaFree(d_in));
	RT(cudaFree(d_scan));
	RT(cudaFree(d_votes));
}

int main(int argc, char **argv)
{
	run_reduce((int)arg_long(argc, argv, 1, 100003));
	run_scan();
	return 0;
}

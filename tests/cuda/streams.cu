// SPDX-License-Identifier: BSD-2-Clause
// streams.cu - several streams, events between them, asynchronous copies from
// pinned memory. Built a second time with --default-stream per-thread as
// streams-ptds: the results must be the same.
#include "rt.h"

#define STREAMS 4
#define CHUNK   4096

__global__ void scale(int *v, int n, int mul, int add)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		v[i] = v[i] * mul + add;
}

__global__ void join(const int *a, const int *b, int *out, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		out[i] = a[i] - b[i];
}

#define GRID ((CHUNK + 127) / 128)

/* Each stream: copy in, two kernels, copy out; all at once. */
static void run_pipeline(int rounds)
{
	cudaStream_t st[STREAMS];
	int *pinned, *d = dev_alloc<int>(STREAMS * CHUNK);
	size_t bytes = CHUNK * sizeof(int);

	RT(cudaMallocHost((void **)&pinned, STREAMS * bytes));
	for (int i = 0; i < STREAMS * CHUNK; i++)
		pinned[i] = i % 1000;
	for (int s = 0; s < STREAMS; s++)
		RT(cudaStreamCreateWithFlags(&st[s], cudaStreamNonBlocking));
	for (int r = 0; r < rounds; r++)
		for (int s = 0; s < STREAMS; s++) {
			int *h = pinned + s * CHUNK, *v = d + s * CHUNK;

			RT(cudaMemcpyAsync(v, h, bytes, cudaMemcpyHostToDevice,
					   st[s]));
			scale<<<GRID, 128, 0, st[s]>>>(v, CHUNK, 2, s);
			scale<<<GRID, 128, 0, st[s]>>>(v, CHUNK, 1, r);
			RT(cudaMemcpyAsync(h, v, bytes, cudaMemcpyDeviceToHost,
					   st[s]));
		}
	for (int s = 0; s < STREAMS; s++)
		RT(cudaStreamSynchronize(st[s]));
	for (int i = 0; i < STREAMS * CHUNK; i++) {
		unsigned want = i % 1000;

		for (int r = 0; r < rounds; r++)
			want = want * 2 + i / CHUNK + r;
		if ((unsigned)pinned[i] != want)
			fail("streams: element %d is %d, not %d", i, pinned[i],
			     (int)want);
	}
	printf("pipeline of %d rounds checksum %016llx\n", rounds,
	       (unsigned long long)checksum(pinned, STREAMS * bytes));
	for (int s = 0; s < STREAMS; s++)
		RT(cudaStreamDestroy(st[s]));
	RT(cudaFreeHost(pinned));
	RT(cudaFree(d));
}

/* A diamond: one stream feeds two, events join them again. */
static void run_diamond(void)
{
	cudaStream_t a, b;
	cudaEvent_t fed, done;
	int *x = dev_alloc<int>(CHUNK), *y = dev_alloc<int>(CHUNK);
	int *out = dev_alloc<int>(CHUNK), *h;
	size_t bytes = CHUNK * sizeof(int);

	RT(cudaHostAlloc((void **)&h, bytes, cudaHostAllocDefault));
	RT(cudaStreamCreate(&a));
	RT(cudaStreamCreateWithPriority(&b, cudaStreamNonBlocking, 0));
	RT(cudaEventCreateWithFlags(&fed, cudaEventDisableTiming));
	RT(cudaEventCreate(&done));
	RT(cudaMemsetAsync(x, 0, bytes, a));
	RT(cudaMemsetAsync(y, 0, bytes, a));
	scale<<<GRID, 128, 0, a>>>(x, CHUNK, 1, 50);
	RT(cudaEventRecord(fed, a));
	RT(cudaStreamWaitEvent(b, fed, 0));
	scale<<<GRID, 128, 0, b>>>(y, CHUNK, 1, 8);
	scale<<<GRID, 128, 0, a>>>(x, CHUNK, 3, 0);
	RT(cudaEventRecord(done, b));
	RT(cudaStreamWaitEvent(a, done, 0));
	join<<<GRID, 128, 0, a>>>(x, y, out, CHUNK);
	RT(cudaMemcpyAsync(h, out, bytes, cudaMemcpyDeviceToHost, a));
	RT(cudaStreamSynchronize(a));
	for (int i = 0; i < CHUNK; i++)
		if (h[i] != 142)
			fail("streams: diamond gives %d at %d, not 142", h[i],
			     i);
	RT(cudaEventQuery(done));
	printf("diamond %d\n", h[0]);
	RT(cudaEventDestroy(fed));
	RT(cudaEventDestroy(done));
	RT(cudaStreamDestroy(a));
	RT(cudaStreamDestroy(b));
	RT(cudaFreeHost(h));
	RT(cudaFree(x));
	RT(cudaFree(y));
	RT(cudaFree(out));
}

/* The default stream, and copies from memory that is not pinned. */
static void run_default_stream(void)
{
	int *h = (int *)must_alloc(CHUNK * sizeof(int));
	int *d = dev_alloc<int>(CHUNK);
	cudaEvent_t start, stop;
	float ms = -1;

	RT(cudaEventCreate(&start));
	RT(cudaEventCreate(&stop));
	for (int i = 0; i < CHUNK; i++)
		h[i] = i;
	RT(cudaEventRecord(start, 0));
	RT(cudaMemcpyAsync(d, h, CHUNK * sizeof(int), cudaMemcpyHostToDevice,
			   0));
	for (int k = 0; k < 10; k++)
		scale<<<GRID, 128>>>(d, CHUNK, 1, k);
	RT(cudaMemcpyAsync(h, d, CHUNK * sizeof(int), cudaMemcpyDeviceToHost,
			   0));
	RT(cudaEventRecord(stop, 0));
	RT(cudaStreamSynchronize(0));
	RT(cudaEventElapsedTime(&ms, start, stop));
	if (!(ms >= 0))
		fail("streams: elapsed time is %f ms", ms);
	for (int i = 0; i < CHUNK; i++)
		if (h[i] != i + 45)
			fail("streams: default stream gives %d at %d, not %d",
			     h[i], i, i + 45);
	printf("default stream checksum %016llx\n",
	       (unsigned long long)checksum(h, CHUNK * sizeof(int)));
	RT(cudaEventDestroy(start));
	RT(cudaEventDestroy(stop));
	RT(cudaFree(d));
	free(h);
}

int main(int argc, char **argv)
{
	run_pipeline((int)arg_long(argc, argv, 1, 4));
	run_diamond();
	run_default_stream();
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
// threads.cu - 8 host threads, first each on a stream of its own, then all on
// one shared stream: what one thread puts in, runs in that order.
#include <pthread.h>

#include "rt.h"

#define THREADS 8
#define N       1024

struct worker {
	pthread_t id;
	int index, rounds;
	cudaStream_t shared;
	int *slots; /* [THREADS] on the device, for the shared stream */
	unsigned *total;
	uint64_t sum;
};

__global__ void step(unsigned *v, int n, unsigned salt)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		v[i] = v[i] * 1664525u + 1013904223u + salt + i;
}

/* Counts up only if the calls of this thread arrive in their order. */
__global__ void ordered(int *slot, int expect, unsigned *total)
{
	if (*slot == expect)
		*slot = expect + 1;
	atomicAdd(total, 1u);
}

static void own_stream(struct worker *w)
{
	unsigned *h, *d = dev_alloc<unsigned>(N);
	unsigned *want = (unsigned *)must_alloc(N * sizeof(*want));
	cudaStream_t st;
	cudaEvent_t ev;

	RT(cudaMallocHost((void **)&h, N * sizeof(*h)));
	RT(cudaStreamCreate(&st));
	RT(cudaEventCreateWithFlags(&ev, cudaEventDisableTiming));
	RT(cudaMemsetAsync(d, 0, N * sizeof(*d), st));
	for (int r = 0; r < w->rounds; r++) {
		step<<<N / 128, 128, 0, st>>>(d, N, w->index * 100 + r);
		for (int i = 0; i < N; i++)
			want[i] = want[i] * 1664525u + 1013904223u +
				  w->index * 100 + r + i;
	}
	RT(cudaGetLastError());
	RT(cudaMemcpyAsync(h, d, N * sizeof(*h), cudaMemcpyDeviceToHost, st));
	RT(cudaEventRecord(ev, st));
	RT(cudaEventSynchronize(ev));
	for (int i = 0; i < N; i++)
		if (h[i] != want[i])
			fail("threads: thread %d element %d is %u, not %u",
			     w->index, i, h[i], want[i]);
	w->sum = checksum(h, N * sizeof(*h));
	RT(cudaEventDestroy(ev));
	RT(cudaStreamDestroy(st));
	RT(cudaFreeHost(h));
	RT(cudaFree(d));
	free(want);
}

static void shared_stream(struct worker *w)
{
	for (int r = 0; r < w->rounds; r++) {
		ordered<<<1, 1, 0, w->shared>>>(w->slots + w->index, r,
						w->total);
		RT(cudaGetLastError());
		if (r % 7 == 0)
			RT(cudaStreamSynchronize(w->shared));
	}
}

static void *work(void *arg)
{
	struct worker *w = (struct worker *)arg;

	own_stream(w);
	shared_stream(w);
	return NULL;
}

int main(int argc, char **argv)
{
	int rounds = (int)arg_long(argc, argv, 1, 20);
	struct worker w[THREADS];
	int *slots = dev_alloc<int>(THREADS), got[THREADS];
	unsigned *d_total = dev_alloc<unsigned>(1), total;
	cudaStream_t shared;

	RT(cudaMemset(slots, 0, THREADS * sizeof(int)));
	RT(cudaMemset(d_total, 0, sizeof(unsigned)));
	RT(cudaStreamCreate(&shared));
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ 0, i, rounds, shared, slots, d_total,
					0 };
		if (pthread_create(&w[i].id, NULL, work, &w[i]))
			fail("threads: cannot start thread %d", i);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w[i].id, NULL);
		printf("thread %d checksum %016llx\n", i,
		       (unsigned long long)w[i].sum);
	}
	RT(cudaStreamSynchronize(shared));
	to_host(got, slots, THREADS);
	to_host(&total, d_total, 1);
	for (int i = 0; i < THREADS; i++)
		if (got[i] != rounds)
			fail("threads: thread %d's launches ran out of order: "
			     "%d of %d in place", i, got[i], rounds);
	if (total != (unsigned)(rounds * THREADS))
		fail("threads: %u launches ran, not %d", total,
		     rounds * THREADS);
	printf("shared stream ran %u launches in order\n", total);
	RT(cudaStreamDestroy(shared));
	RT(cudaFree(slots));
	RT(cudaFree(d_total));
	return 0;
}

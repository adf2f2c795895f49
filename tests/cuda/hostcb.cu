// SPDX-License-Identifier: BSD-2-Clause
// hostcb.cu - host functions run in the program, in stream order, between the
// copies before and after them, and may take the program's own locks.
#include <pthread.h>
#include <string.h>

#include "rt.h"

__global__ void add(int *v, int n)
{
	*v += n;
}

struct step {
	int *pinned; /* what the copy before left, what the copy after takes */
	int seen, give;
	int order;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static int calls, gate_open;

static void CUDART_CB exchange(void *arg)
{
	struct step *s = (struct step *)arg;

	pthread_mutex_lock(&lock);
	s->order = calls++;
	s->seen = *s->pinned;
	*s->pinned = s->give;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
}

/* The stream stands still until the main thread opens the gate. */
static void CUDART_CB wait_for_gate(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	while (!gate_open)
		pthread_cond_wait(&moved, &lock);
	pthread_mutex_unlock(&lock);
}

static void CUDART_CB stream_callback(cudaStream_t st, cudaError_t err,
				      void *arg)
{
	(void)st;
	*(const char **)arg = cudaGetErrorName(err);
}

/* copy out, host function, copy in, kernel; many times over one word. */
static void run_exchange(int rounds)
{
	struct step *steps =
		(struct step *)must_alloc(rounds * sizeof(*steps));
	int *pinned, *d = dev_alloc<int>(1), want = 5;
	cudaStream_t st;

	RT(cudaMallocHost((void **)&pinned, sizeof(int)));
	RT(cudaStreamCreate(&st));
	*pinned = -1;
	RT(cudaMemsetAsync(d, 0, sizeof(int), st));
	add<<<1, 1, 0, st>>>(d, 5);
	for (int i = 0; i < rounds; i++) {
		steps[i].pinned = pinned;
		steps[i].give = 1000 * i;
		RT(cudaMemcpyAsync(pinned, d, sizeof(int),
				   cudaMemcpyDeviceToHost, st));
		RT(cudaLaunchHostFunc(st, exchange, &steps[i]));
		RT(cudaMemcpyAsync(d, pinned, sizeof(int),
				   cudaMemcpyHostToDevice, st));
		add<<<1, 1, 0, st>>>(d, i + 1);
	}
	RT(cudaStreamSynchronize(st));
	for (int i = 0; i < rounds; i++) {
		if (steps[i].order != i || steps[i].seen != want)
			fail("hostcb: host function %d ran as number %d and "
			     "saw %d, not %d", i, steps[i].order,
			     steps[i].seen, want);
		want = steps[i].give + i + 1;
	}
	printf("exchange ran %d host functions, last saw %d\n", rounds,
	       steps[rounds - 1].seen);
	RT(cudaStreamDestroy(st));
	RT(cudaFreeHost(pinned));
	RT(cudaFree(d));
	free(steps);
}

/* While one stream is held by its host function, another one goes on. */
static void run_gate(void)
{
	cudaStream_t held, free_one;
	int *d = dev_alloc<int>(2), h[2] = { 0, 0 };
	const char *status = "not called";
	cudaError_t q;

	RT(cudaStreamCreateWithFlags(&held, cudaStreamNonBlocking));
	RT(cudaStreamCreateWithFlags(&free_one, cudaStreamNonBlocking));
	RT(cudaMemset(d, 0, 2 * sizeof(int)));
	/* Non-blocking streams do not wait for the memset by themselves. */
	RT(cudaDeviceSynchronize());
	RT(cudaLaunchHostFunc(held, wait_for_gate, NULL));
	add<<<1, 1, 0, held>>>(d, 1);
	add<<<1, 1, 0, free_one>>>(d + 1, 2);
	RT(cudaStreamSynchronize(free_one));
	q = cudaStreamQuery(held);
	printf("held stream is %s\n", cudaGetErrorName(q));
	if (q != cudaErrorNotReady)
		fail("hostcb: the held stream should be cudaErrorNotReady");
	pthread_mutex_lock(&lock);
	gate_open = 1;
	pthread_cond_broadcast(&moved);
	pthread_mutex_unlock(&lock);
	RT(cudaStreamAddCallback(held, stream_callback, &status, 0));
	RT(cudaStreamSynchronize(held));
	RT(cudaMemcpy(h, d, sizeof(h), cudaMemcpyDeviceToHost));
	printf("gate: %d %d, callback said %s\n", h[0], h[1], status);
	if (h[0] != 1 || h[1] != 2 || strcmp(status, "cudaSuccess"))
		fail("hostcb: should be 1 2 cudaSuccess");
	RT(cudaStreamDestroy(held));
	RT(cudaStreamDestroy(free_one));
	RT(cudaFree(d));
}

int main(int argc, char **argv)
{
	run_exchange((int)arg_long(argc, argv, 1, 50));
	run_gate();
	return 0;
}

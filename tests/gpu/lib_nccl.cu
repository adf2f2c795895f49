// SPDX-License-Identifier: BSD-2-Clause
// lib_nccl.cu - NCCL: collectives over as many GPUs of one process as the
// argument says (1 when there is none).
#include <nccl.h>

#include "lib.h"

#define N    10000
#define MOST 8

static ncclComm_t comms[MOST];
static cudaStream_t streams[MOST];
static float *in[MOST], *out[MOST], h[N];
static int gpus;

static void prepare(void)
{
	for (int g = 0; g < gpus; g++) {
		RT(cudaSetDevice(g));
		RT(cudaStreamCreate(&streams[g]));
		for (int i = 0; i < N; i++)
			h[i] = (float)(i % 100 + g);
		in[g] = dev_copy_of(h, N);
		out[g] = dev_alloc<float>(N * MOST);
	}
}

static void wait_all(void)
{
	for (int g = 0; g < gpus; g++) {
		RT(cudaSetDevice(g));
		RT(cudaStreamSynchronize(streams[g]));
	}
}

static void verify(const char *what, int gpu, int offset, float want_at_5)
{
	RT(cudaSetDevice(gpu));
	to_host(h, out[gpu] + offset, N);
	printf("%s on GPU %d: %.0f checksum %016llx\n", what, gpu, h[5],
	       (unsigned long long)checksum(h, sizeof(h)));
	if (h[5] != want_at_5)
		wrong_result("nccl %s: should be %.0f", what, want_at_5);
}

static void all_reduce(void)
{
	LIB(ncclGroupStart());
	for (int g = 0; g < gpus; g++)
		LIB(ncclAllReduce(in[g], out[g], N, ncclFloat, ncclSum,
				  comms[g], streams[g]));
	LIB(ncclGroupEnd());
	wait_all();
	for (int g = 0; g < gpus; g++)
		verify("all-reduce", g, 0,
		       (float)(5 * gpus + gpus * (gpus - 1) / 2));
}

static void all_gather(void)
{
	LIB(ncclGroupStart());
	for (int g = 0; g < gpus; g++)
		LIB(ncclAllGather(in[g], out[g], N, ncclFloat, comms[g],
				  streams[g]));
	LIB(ncclGroupEnd());
	wait_all();
	for (int g = 0; g < gpus; g++)
		verify("all-gather", g, (gpus - 1) * N, (float)(5 + gpus - 1));
}

static void broadcast(void)
{
	LIB(ncclGroupStart());
	for (int g = 0; g < gpus; g++)
		LIB(ncclBroadcast(in[g], out[g], N, ncclFloat, gpus - 1,
				  comms[g], streams[g]));
	LIB(ncclGroupEnd());
	wait_all();
	verify("broadcast", 0, 0, (float)(5 + gpus - 1));
}

/* Each GPU sends to the next one; with one GPU, to itself. */
static void ring(void)
{
	LIB(ncclGroupStart());
	for (int g = 0; g < gpus; g++) {
		LIB(ncclSend(in[g], N, ncclFloat, (g + 1) % gpus, comms[g],
			     streams[g]));
		LIB(ncclRecv(out[g], N, ncclFloat, (g + gpus - 1) % gpus,
			     comms[g], streams[g]));
	}
	LIB(ncclGroupEnd());
	wait_all();
	verify("send and receive", 0, 0, (float)(5 + gpus - 1));
}

int main(int argc, char **argv)
{
	int have = 0, list[MOST];

	gpus = (int)arg_long(argc, argv, 1, 1);
	RT(cudaGetDeviceCount(&have));
	if (gpus > have || gpus > MOST) {
		fprintf(stderr, "%d GPUs needed, %d here\n", gpus, have);
		return 77;
	}
	for (int g = 0; g < gpus; g++)
		list[g] = g;
	LIB(ncclCommInitAll(comms, gpus, list));
	prepare();
	all_reduce();
	all_gather();
	broadcast();
	ring();
	for (int g = 0; g < gpus; g++)
		LIB(ncclCommDestroy(comms[g]));
	return 0;
}

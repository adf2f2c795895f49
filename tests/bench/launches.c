// SPDX-License-Identifier: BSD-2-Clause
/* launches.c - kernel launches and events. */
#include "tests/bench/bench.h"

/* Fewer than any launch queue holds, so that no launch waits for the GPU. */
#define BURST   64
#define BURSTS  301
#define MANY    200000
#define BATCHES 5

static CUresult launch(struct bench *b)
{
	return cuLaunchKernel(b->empty, 1, 1, 1, 1, 1, 1, 0, b->stream, NULL,
			      NULL);
}

static void in_the_caller(struct bench *b)
{
	double v[BURSTS];
	int bursts = scaled(b, BURSTS);

	for (int i = 0; i < bursts; i++) {
		CUresult res = CUDA_SUCCESS;
		double start;

		CU(cuStreamSynchronize(b->stream));
		start = now_us();
		for (int k = 0; k < BURST; k++)
			res |= launch(b);
		v[i] = (now_us() - start) / BURST;
		check(res, "cuLaunchKernel", __LINE__);
	}
	CU(cuStreamSynchronize(b->stream));
	row(b, "launch_caller", "cuLaunchKernel, time in the caller",
	    median(v, bursts), UNIT_US);
}

static void many(struct bench *b)
{
	double submit[3], complete[3];
	int count = scaled(b, MANY);

	for (int i = 0; i < 3; i++) {
		CUresult res = CUDA_SUCCESS;
		double start = now_us();

		for (int k = 0; k < count; k++)
			res |= launch(b);
		submit[i] = (now_us() - start) / count;
		CU(cuStreamSynchronize(b->stream));
		complete[i] = (now_us() - start) / count;
		check(res, "cuLaunchKernel", __LINE__);
	}
	row(b, "launches_submit", "200,000 launches: submit, each",
	    median(submit, 3), UNIT_US);
	row(b, "launches_complete", "200,000 launches: complete, each",
	    median(complete, 3), UNIT_US);
}

static void launch_and_sync(struct bench *b)
{
	double v[BATCHES];
	int count = scaled(b, 3000);

	for (int i = 0; i < BATCHES; i++) {
		CUresult res = CUDA_SUCCESS;
		double start = now_us();

		for (int k = 0; k < count; k++) {
			res |= launch(b);
			res |= cuStreamSynchronize(b->stream);
		}
		v[i] = (now_us() - start) / count;
		check(res, "launch and synchronize", __LINE__);
	}
	row(b, "launch_sync", "launch + cuStreamSynchronize",
	    median(v, BATCHES), UNIT_US);
}

static void event_and_sync(struct bench *b)
{
	double v[BATCHES];
	int count = scaled(b, 3000);
	CUevent ev;

	CU(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	for (int i = 0; i < BATCHES; i++) {
		CUresult res = CUDA_SUCCESS;
		double start = now_us();

		for (int k = 0; k < count; k++) {
			res |= cuEventRecord(ev, b->stream);
			res |= cuEventSynchronize(ev);
		}
		v[i] = (now_us() - start) / count;
		check(res, "record and synchronize", __LINE__);
	}
	row(b, "event_sync", "cuEventRecord + cuEventSynchronize",
	    median(v, BATCHES), UNIT_US);
	CU(cuEventDestroy(ev));
}

void bench_launches(struct bench *b)
{
	for (int i = 0; i < 200; i++)
		CU(launch(b));
	in_the_caller(b);
	many(b);
	launch_and_sync(b);
	event_and_sync(b);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * calls.c - the cost of single calls: those that can be answered without the
 * host, those with nothing outstanding, and those that must ask.
 */
#include "tests/bench/bench.h"

#define BATCHES 7

struct fixture {
	CUdeviceptr mem;
	CUevent event;
	CUstream stream;
	CUdevice dev;
};

typedef CUresult call_fn(struct fixture *f);

static CUresult ctx_get_current(struct fixture *f)
{
	CUcontext c;

	(void)f;
	return cuCtxGetCurrent(&c);
}

static CUresult ctx_get_device(struct fixture *f)
{
	CUdevice d;

	(void)f;
	return cuCtxGetDevice(&d);
}

static CUresult get_attribute(struct fixture *f)
{
	int v;

	return cuDeviceGetAttribute(
		&v, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, f->dev);
}

static CUresult primary_state(struct fixture *f)
{
	unsigned flags;
	int active;

	return cuDevicePrimaryCtxGetState(f->dev, &flags, &active);
}

static CUresult pointer_attribute(struct fixture *f)
{
	unsigned type;

	return cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
				     f->mem);
}

static CUresult stream_sync(struct fixture *f)
{
	return cuStreamSynchronize(f->stream);
}

static CUresult stream_query(struct fixture *f)
{
	return cuStreamQuery(f->stream);
}

static CUresult event_query(struct fixture *f)
{
	return cuEventQuery(f->event);
}

static CUresult mem_get_info(struct fixture *f)
{
	size_t free_bytes, total;

	(void)f;
	return cuMemGetInfo(&free_bytes, &total);
}

/* Natively a look at a field; here the shortest way to the host and back, as
 * long as the library asks for it. */
static CUresult cache_config(struct fixture *f)
{
	CUfunc_cache c;

	(void)f;
	return cuCtxGetCacheConfig(&c);
}

static CUresult alloc_free(struct fixture *f)
{
	CUdeviceptr p;
	CUresult res = cuMemAlloc(&p, 1 << 20);

	(void)f;
	return res ? res : cuMemFree(p);
}

/* Too large for anybody to keep until the next one is asked for. */
static CUresult alloc_free_large(struct fixture *f)
{
	CUdeviceptr p;
	CUresult res = cuMemAlloc(&p, 8 << 20);

	(void)f;
	return res ? res : cuMemFree(p);
}

struct item {
	const char *key, *work;
	call_fn *call;
	int count; /* calls in a batch */
};

static const struct item local_items[] = {
	{ "ctx_get_current", "cuCtxGetCurrent", ctx_get_current, 200000 },
	{ "ctx_get_device", "cuCtxGetDevice", ctx_get_device, 200000 },
	{ "device_attribute", "cuDeviceGetAttribute", get_attribute, 200000 },
	{ "primary_state", "cuDevicePrimaryCtxGetState", primary_state,
	  200000 },
	{ "pointer_attribute", "cuPointerGetAttribute", pointer_attribute,
	  100000 },
	{ "stream_sync_idle", "cuStreamSynchronize, idle", stream_sync,
	  50000 },
	{ "stream_query_idle", "cuStreamQuery, idle", stream_query, 50000 },
	{ "event_query_idle", "cuEventQuery, done", event_query, 50000 },
};

static const struct item remote_items[] = {
	{ "null_round_trip", "null round trip (cuCtxGetCacheConfig)",
	  cache_config, 4000 },
	{ "mem_get_info", "cuMemGetInfo", mem_get_info, 4000 },
	{ "alloc_free", "cuMemAlloc + cuMemFree, 1 MiB", alloc_free, 400 },
	{ "alloc_free_large", "cuMemAlloc + cuMemFree, 8 MiB",
	  alloc_free_large, 400 },
};

static void measure(struct bench *b, const struct item *it, struct fixture *f)
{
	double batch[BATCHES];
	int count = scaled(b, it->count);

	for (int w = 0; w < count / 20 + 1; w++)
		check(it->call(f), it->work, __LINE__);
	for (int i = 0; i < BATCHES; i++) {
		CUresult res = CUDA_SUCCESS;
		double start = now_us();

		for (int k = 0; k < count; k++)
			res |= it->call(f);
		batch[i] = (now_us() - start) / count;
		check(res, it->work, __LINE__);
	}
	row(b, it->key, it->work, median(batch, BATCHES), UNIT_US);
}

static void measure_all(struct bench *b, const struct item *items, int n)
{
	struct fixture f = { .stream = b->stream, .dev = b->dev };

	CU(cuMemAlloc(&f.mem, 4096));
	CU(cuEventCreate(&f.event, CU_EVENT_DISABLE_TIMING));
	/* "Idle" is a stream that has done something and is finished. */
	CU(cuLaunchKernel(b->empty, 1, 1, 1, 1, 1, 1, 0, b->stream, NULL,
			  NULL));
	CU(cuEventRecord(f.event, b->stream));
	CU(cuStreamSynchronize(b->stream));
	for (int i = 0; i < n; i++)
		measure(b, &items[i], &f);
	CU(cuEventDestroy(f.event));
	CU(cuMemFree(f.mem));
}

void bench_local(struct bench *b)
{
	measure_all(b, local_items,
		    (int)(sizeof(local_items) / sizeof(local_items[0])));
}

void bench_remote(struct bench *b)
{
	measure_all(b, remote_items,
		    (int)(sizeof(remote_items) / sizeof(remote_items[0])));
}

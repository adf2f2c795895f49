// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_pools.c - memory in stream order: the attributes of pools and what they
 * count, trimming, reuse along a stream and across streams, access, several
 * pools, frees in other streams, many allocations from threads.
 */
#include <pthread.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define THREADS 8

static CUcontext ctx;
static CUdevice dev;
static CUfunction chain_all;

static void step(CUdeviceptr p, unsigned n, unsigned mul, unsigned add,
		 CUstream st)
{
	void *args[] = { &p, &n, &mul, &add };

	DRV(cuLaunchKernel(chain_all, (n + 127) / 128, 1, 1, 128, 1, 1, 0, st,
			   args, NULL));
}

static unsigned word(CUdeviceptr p, CUstream st)
{
	unsigned v = 0;

	DRV(cuMemcpyDtoHAsync(&v, p, 4, st));
	DRV(cuStreamSynchronize(st));
	return v;
}

static CUmemoryPool new_pool(void)
{
	CUmemPoolProps props = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
				 .location.type = CU_MEM_LOCATION_TYPE_DEVICE,
				 .location.id = dev };
	CUmemoryPool pool = NULL;

	DRV(cuMemPoolCreate(&pool, &props));
	return pool;
}

static cuuint64_t number(CUmemoryPool pool, CUmemPool_attribute a)
{
	cuuint64_t v = 99;

	DRV(cuMemPoolGetAttribute(pool, a, &v));
	return v;
}

static void attributes(CUmemoryPool pool)
{
	static const CUmemPool_attribute flags[] = {
		CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES,
		CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC,
		CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES
	};
	cuuint64_t keep = 12345678;

	for (int i = 0; i < 3; i++) {
		int v = 9, zero = 0, now = 9;

		DRV(cuMemPoolGetAttribute(pool, flags[i], &v));
		DRV(cuMemPoolSetAttribute(pool, flags[i], &zero));
		DRV(cuMemPoolGetAttribute(pool, flags[i], &now));
		DRV(cuMemPoolSetAttribute(pool, flags[i], &v));
		printf("flag %d is %d, then %d\n", (int)flags[i], v, now);
	}
	printf("threshold %llu",
	       (unsigned long long)number(pool,
			CU_MEMPOOL_ATTR_RELEASE_THRESHOLD));
	DRV(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD,
				  &keep));
	printf(", then %llu\n",
	       (unsigned long long)number(pool,
			CU_MEMPOOL_ATTR_RELEASE_THRESHOLD));
	SHOW("an attribute that is none",
	     cuMemPoolSetAttribute(pool, (CUmemPool_attribute)77, &keep));
	SHOW("no place for an attribute",
	     cuMemPoolGetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT,
				   NULL));
}

/* What a pool holds while it is used, afterwards, and after a trim. */
static void counts(CUmemoryPool pool, CUstream st)
{
	cuuint64_t keep = ~0ull, zero = 0;
	CUdeviceptr p[4];

	DRV(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD,
				  &keep));
	for (int i = 0; i < 4; i++)
		DRV(cuMemAllocFromPoolAsync(&p[i], 8 << 20, pool, st));
	DRV(cuStreamSynchronize(st));
	printf("used %llu MiB",
	       (unsigned long long)(number(pool,
			CU_MEMPOOL_ATTR_USED_MEM_CURRENT) >> 20));
	for (int i = 0; i < 4; i++)
		DRV(cuMemFreeAsync(p[i], st));
	DRV(cuStreamSynchronize(st));
	printf(", then %llu, the most %llu, reserved %s",
	       (unsigned long long)(number(pool,
			CU_MEMPOOL_ATTR_USED_MEM_CURRENT) >> 20),
	       (unsigned long long)(number(pool,
			CU_MEMPOOL_ATTR_USED_MEM_HIGH) >> 20),
	       number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT) >=
	       32u << 20 ? "still" : "no more");
	DRV(cuMemPoolTrimTo(pool, 0));
	printf(", trimmed %llu\n",
	       (unsigned long long)number(pool,
			CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT));
	DRV(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH,
				  &zero));
	printf("the most, set back: %llu\n",
	       (unsigned long long)number(pool,
			CU_MEMPOOL_ATTR_USED_MEM_HIGH));
}

/* Allocation, use and free take turns between two streams. */
static void across_streams(CUmemoryPool pool)
{
	CUstream a, b;
	CUevent ev;
	unsigned sum = 0;

	DRV(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	DRV(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&ev, CU_EVENT_DISABLE_TIMING));
	for (unsigned i = 0; i < 50; i++) {
		unsigned n = 1000 + 777 * i;
		CUdeviceptr p, q;

		DRV(cuMemAllocFromPoolAsync(&p, n * 4, pool, a));
		DRV(cuMemAllocAsync(&q, 4, b));
		DRV(cuMemsetD32Async(p, i, n, a));
		step(p, n, 3, 1, a);
		DRV(cuEventRecord(ev, a));
		DRV(cuStreamWaitEvent(b, ev, 0));
		step(p, n, 5, 2, b);
		DRV(cuMemcpyDtoDAsync(q, p + 4 * (n - 1), 4, b));
		DRV(cuMemFreeAsync(p, b));
		sum += word(q, b);
		DRV(cuMemFreeAsync(q, b));
	}
	printf("two streams: %u\n", sum);
	if (sum != 50 * 7 + 15 * (49 * 50 / 2))
		fail("drv_pools: should be %u", 50 * 7 + 15 * (49 * 50 / 2));
	DRV(cuStreamDestroy(a));
	DRV(cuStreamDestroy(b));
	DRV(cuEventDestroy(ev));
}

static void *worker(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	CUstream st;

	DRV(cuCtxSetCurrent(ctx));
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	for (unsigned i = 0; i < 60; i++) {
		CUdeviceptr p[5];

		for (unsigned k = 0; k < 5; k++) {
			DRV(cuMemAllocAsync(&p[k], 400 << k, st));
			DRV(cuMemsetD32Async(p[k], id * 100 + k, 100, st));
		}
		for (unsigned k = 0; k < 5; k++) {
			step(p[k], 100, 3, i, st);
			if (word(p[k] + 396, st) != (id * 100 + k) * 3 + i)
				fail("drv_pools: thread %u has a wrong word",
				     id);
			DRV(cuMemFreeAsync(p[k], st));
		}
	}
	DRV(cuStreamSynchronize(st));
	DRV(cuStreamDestroy(st));
	return NULL;
}

static void access_of(CUmemoryPool pool)
{
	CUmemLocation where = { .type = CU_MEM_LOCATION_TYPE_DEVICE,
				.id = dev };
	CUmemAccessDesc desc = { .location = where,
				 .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE };
	CUmemAccess_flags flags = (CUmemAccess_flags)9;

	DRV(cuMemPoolGetAccess(&flags, pool, &where));
	printf("access %d\n", (int)flags);
	SHOW("all for its own device", cuMemPoolSetAccess(pool, &desc, 1));
	desc.flags = CU_MEM_ACCESS_FLAGS_PROT_NONE;
	SHOW("none for its own device", cuMemPoolSetAccess(pool, &desc, 1));
	where.id = 99;
	SHOW("access of a device that is none",
	     cuMemPoolGetAccess(&flags, pool, &where));
}

static void device_pools(CUmemoryPool own)
{
	CUmemoryPool dflt = NULL, now = NULL;

	DRV(cuDeviceGetDefaultMemPool(&dflt, dev));
	DRV(cuDeviceGetMemPool(&now, dev));
	printf("at first the device has its %s pool\n",
	       now == dflt ? "default" : "other");
	DRV(cuDeviceSetMemPool(dev, own));
	DRV(cuDeviceGetMemPool(&now, dev));
	printf("then %s\n", now == own ? "ours" : "another");
	DRV(cuDeviceSetMemPool(dev, dflt));
	SHOW("the end of the default pool", cuMemPoolDestroy(dflt));
}

int main(void)
{
	pthread_t t[THREADS];
	CUmemoryPool pool;
	CUdeviceptr p = 0;
	CUmodule mod;
	CUstream st;

	dev = drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain_all = drv_function(mod, "chain_all");
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	pool = new_pool();
	attributes(pool);
	counts(pool, st);
	across_streams(pool);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, worker, (void *)(uintptr_t)i))
			fail("drv_pools: no thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("%d threads\n", THREADS);
	access_of(pool);
	device_pools(pool);
	/* An ordinary free of such memory: its work must be done. */
	DRV(cuMemAllocAsync(&p, 4096, st));
	DRV(cuMemsetD32Async(p, 1, 1024, st));
	DRV(cuStreamSynchronize(st));
	DRV(cuMemFree(p));
	SHOW("no bytes", cuMemAllocAsync(&p, 0, st));
	SHOW("free of nothing", cuMemFreeAsync(0, st));
	SHOW("2^60 bytes", cuMemAllocAsync(&p, 1ull << 60, st));
	DRV(cuStreamSynchronize(st));
	DRV(cuMemPoolDestroy(pool));
	DRV(cuStreamDestroy(st));
	DRV(cuModuleUnload(mod));
	return 0;
}

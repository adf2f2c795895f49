// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_freed.c - small blocks that are freed and allocated again: each is the
 * program's alone while it has it and nobody's afterwards, whoever asks, in
 * several contexts, threads and streams.
 *
 * `drv_freed pairs N` only allocates and frees N times, `stream` only does so
 * around work in a stream; `drv_freed full` does so where the GPU has no
 * more memory; `drv_freed idle` frees and then waits for the end of its input.
 */
#include <pthread.h>
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"

#define THREADS 8
#define ROUNDS 100
#define MIB ((size_t)1 << 20)

static CUcontext ctx;
static CUmodule mod;
static CUdeviceptr box[THREADS * ROUNDS]; /* freed by another thread */
static pthread_barrier_t meet;

/* With nothing outstanding, so that freeing has nothing to wait for. */
static CUdeviceptr freed(size_t n)
{
	CUdeviceptr p = drv_alloc(n);

	DRV(cuCtxSynchronize());
	DRV(cuMemFree(p));
	return p;
}

static void run(const char *kernel, CUdeviceptr p, unsigned n, unsigned v,
		CUstream st)
{
	void *args[] = { &p, &n, &v };

	DRV(cuLaunchKernel(drv_function(mod, kernel), (n + 127) / 128, 1, 1,
			   128, 1, 1, 0, st, args, NULL));
}

static void expect(CUdeviceptr p, unsigned want)
{
	unsigned v = 0;

	DRV(cuMemcpyDtoH(&v, p, 4));
	if (v != want)
		wrong_result("drv_freed: memory holds %u, not %u", v, want);
}

/* Several at a time, so that each must be another one. */
static void sizes(void)
{
	static const size_t size[] = { 4, 4096, 100000, MIB, 2 * MIB,
				       2 * MIB + 1, 5 * MIB };
	enum { KINDS = sizeof(size) / sizeof(size[0]) };
	CUdeviceptr p[3 * KINDS];

	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 3 * KINDS; i++) {
			p[i] = drv_alloc(size[i % KINDS]);
			run("fill", p[i], 1, i + 100 * round, NULL);
		}
		for (unsigned i = 0; i < 3 * KINDS; i++)
			expect(p[i], i + 100 * round);
		for (unsigned i = 0; i < 3 * KINDS; i++)
			DRV(cuMemFree(p[round % 2 ? 3 * KINDS - 1 - i : i]));
	}
	puts("blocks of seven sizes hold what was written");
}

static void twice(void)
{
	CUdeviceptr p = freed(MIB);

	EXPECT("freed again", cuMemFree(p), CUDA_ERROR_INVALID_VALUE);
	p = drv_alloc(MIB);
	DRV(cuMemFree(p));
	SHOW("freed in a stream's order", cuMemFreeAsync(p, NULL));
	EXPECT("a part of it", cuMemFree(freed(MIB) + 4096),
	       CUDA_ERROR_INVALID_VALUE);
	EXPECT("nothing", cuMemAlloc(&p, 0), CUDA_ERROR_INVALID_VALUE);
}

static void attributes(void)
{
	static const CUpointer_attribute a[] = {
		CU_POINTER_ATTRIBUTE_CONTEXT,
		CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
		CU_POINTER_ATTRIBUTE_DEVICE_POINTER,
		CU_POINTER_ATTRIBUTE_BUFFER_ID,
		CU_POINTER_ATTRIBUTE_IS_MANAGED,
		CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
		CU_POINTER_ATTRIBUTE_RANGE_START_ADDR,
		CU_POINTER_ATTRIBUTE_RANGE_SIZE,
	};
	CUpointer_attribute type = CU_POINTER_ATTRIBUTE_MEMORY_TYPE;
	unsigned value = 9;
	void *values[] = { &value };

	printf("attributes of freed memory:");
	for (size_t i = 0; i < sizeof(a) / sizeof(a[0]); i++) {
		uint64_t v[2];

		printf(" %d", (int)cuPointerGetAttribute(v, a[i], freed(MIB)));
	}
	puts("");
	SHOW("its attributes", cuPointerGetAttributes(1, &type, values,
						      freed(MIB)));
	printf("its type %u\n", value);
}

static void questions(void)
{
	static unsigned char h[65536];
	CUdeviceptr base, other = drv_alloc(MIB);
	CUipcMemHandle ipc;
	size_t size;

	SHOW("range of freed memory",
	     cuMemGetAddressRange(&base, &size, freed(MIB)));
	SHOW("a copy from it", cuMemcpyDtoH(h, freed(MIB), 4));
	SHOW("a larger one", cuMemcpyDtoH(h, freed(MIB), sizeof(h)));
	SHOW("a copy to it", cuMemcpyHtoD(freed(MIB), h, 4));
	SHOW("a larger one", cuMemcpyHtoD(freed(MIB), h, sizeof(h)));
	SHOW("a copy on the GPU", cuMemcpyDtoD(other, freed(MIB), 4096));
	SHOW("a fill", cuMemsetD8(freed(MIB), 1, 4096));
	SHOW("a handle for others", cuIpcGetMemHandle(&ipc, freed(MIB)));
	DRV(cuMemFree(other));
}

/* Others use the GPU too: what is free must fit at least once. They may come
 * in between each time, so this is a remark, which held.t looks at. */
static void info(void)
{
	CUdeviceptr p[4];
	int right = 0;

	for (int t = 0; t < 50 && !right; t++) {
		size_t total, before = 0, with = 0, after = 0;

		DRV(cuMemGetInfo(&before, &total));
		for (int i = 0; i < 4; i++)
			p[i] = drv_alloc(2 * MIB);
		DRV(cuMemGetInfo(&with, &total));
		for (int i = 0; i < 4; i++)
			DRV(cuMemFree(p[i]));
		DRV(cuMemGetInfo(&after, &total));
		right = before == after && before - with == 8 * MIB;
	}
	printf("# what is free after freeing: %s\n", right ? "all" : "less");
}

static unsigned long long id_of(CUdeviceptr p)
{
	unsigned long long id = 0;

	DRV(cuPointerGetAttribute(&id, CU_POINTER_ATTRIBUTE_BUFFER_ID, p));
	return id;
}

static void identity(void)
{
	unsigned long long last = 0;
	int same = 0, on = 1, got = 9;
	CUdeviceptr p;

	for (int i = 0; i < 20; i++) {
		p = drv_alloc(MIB);
		same += id_of(p) == last;
		last = id_of(p);
		DRV(cuMemFree(p));
	}
	printf("ids that came again: %d\n", same);
	p = drv_alloc(MIB);
	SHOW("SYNC_MEMOPS",
	     cuPointerSetAttribute(&on, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, p));
	DRV(cuMemFree(p));
	p = drv_alloc(MIB);
	DRV(cuPointerGetAttribute(&got, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, p));
	printf("of the next block: %d\n", got);
	DRV(cuMemFree(p));
}

static void whose(const char *what, CUdeviceptr p, CUcontext want)
{
	CUcontext owner = NULL;

	DRV(cuPointerGetAttribute(&owner, CU_POINTER_ATTRIBUTE_CONTEXT, p));
	printf("%s is of %s context\n", what,
	       owner == want ? "the right" : "another");
}

static void contexts(CUdevice dev)
{
	CUcontext other, third;
	CUdeviceptr p, q;

	p = freed(MIB);
	DRV(cuCtxCreate(&other, NULL, 0, dev));
	q = drv_alloc(MIB);
	whose("a block", q, other);
	DRV(cuMemFree(q));
	DRV(cuCtxSetCurrent(ctx));
	p = drv_alloc(MIB);
	whose("the next", p, ctx);
	DRV(cuCtxSetCurrent(other));
	SHOW("freed from another context", cuMemFree(p));
	SHOW("and again", cuMemFree(p));
	p = freed(MIB);
	DRV(cuCtxDestroy(other));
	SHOW("freed after its context", cuMemFree(p));
	DRV(cuCtxCreate(&third, NULL, 0, dev));
	p = drv_alloc(MIB);
	whose("one after that", p, third);
	DRV(cuMemsetD32(p, 7, 100));
	expect(p + 396, 7);
	DRV(cuCtxDestroy(third));
	DRV(cuCtxSetCurrent(ctx));
	SHOW("a block of the one that went", cuMemFree(p));
}

/* The primary context's handle stays the same, its memory does not. */
static void next_life(CUdevice dev)
{
	CUdeviceptr p = drv_alloc(MIB), q;

	freed(MIB);
	DRV(cuDevicePrimaryCtxRelease(dev));
	DRV(cuDevicePrimaryCtxRetain(&ctx, dev));
	DRV(cuCtxSetCurrent(ctx));
	SHOW("a block of the last life", cuMemFree(p));
	q = drv_alloc(MIB);
	DRV(cuMemsetD32(q, 8, 100));
	expect(q + 396, 8);
	DRV(cuMemFree(q));
}

/* A kernel holds the stream up, the next one writes the block that is freed:
 * whoever gets it then has it alone. */
static void busy(void)
{
	unsigned us = 2000, n = MIB / 4;
	void *args[] = { &us };
	CUdeviceptr p, q, copy = drv_alloc(MIB);
	CUstream st;

	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	for (unsigned i = 0; i < 10; i++) {
		p = drv_alloc(MIB);
		DRV(cuLaunchKernel(drv_function(mod, "spin_us"), 1, 1, 1, 1, 1,
				   1, 0, st, args, NULL));
		run("fill", p, n, i, st);
		DRV(cuMemcpyDtoDAsync(copy, p, MIB, st));
		DRV(cuMemFree(p));
		q = drv_alloc(MIB);
		run("fill", q, n, 1000, NULL);
		expect(q, 1000);
		DRV(cuStreamSynchronize(st));
		expect(copy, i);
		expect(q, 1000);
		DRV(cuMemFree(q));
	}
	puts("a block that was freed while work used it");
	DRV(cuMemFree(copy));
	DRV(cuStreamDestroy(st));
}

/* Work of several streams, each of them waited for. */
static void streams(unsigned n)
{
	CUdeviceptr p[3];
	CUstream st[3];

	for (unsigned i = 0; i < n; i++)
		DRV(cuStreamCreate(&st[i], i ? CU_STREAM_NON_BLOCKING : 0));
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < n; i++) {
			p[i] = drv_alloc(MIB);
			run("fill", p[i], 1000, 10 * round + i, st[i]);
		}
		for (unsigned i = 0; i < n; i++)
			DRV(cuStreamSynchronize(st[i]));
		for (unsigned i = 0; i < n; i++)
			expect(p[i], 10 * round + i);
		for (unsigned i = 0; i < n; i++)
			DRV(cuMemFree(p[i]));
	}
	for (unsigned i = 0; i < n; i++)
		DRV(cuStreamDestroy(st[i]));
	printf("work of %u streams\n", n);
}

static void capture(void)
{
	CUdeviceptr p = freed(MIB);
	CUgraph graph = NULL;
	CUstream st;
	CUresult r;

	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	r = cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_GLOBAL);
	SHOW("a capture", r);
	if (!r) {
		SHOW("a block in it", cuMemAlloc(&p, MIB));
		SHOW("its end", cuStreamEndCapture(st, &graph));
		if (graph)
			DRV(cuGraphDestroy(graph));
	}
	DRV(cuStreamDestroy(st));
}

/* Each has its own blocks for a while and frees those of its neighbour. */
static void *thread(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	unsigned next = (me + 1) % THREADS;

	DRV(cuCtxSetCurrent(ctx));
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned v = me * ROUNDS + i;
		CUdeviceptr p = drv_alloc(4096 << i % 3);

		DRV(cuMemcpyHtoD(p, &v, 4));
		expect(p, v);
		if (i % 4)
			DRV(cuMemFree(p));
		else
			box[v] = p;
	}
	pthread_barrier_wait(&meet);
	for (unsigned i = 0; i < ROUNDS; i += 4) {
		expect(box[next * ROUNDS + i], next * ROUNDS + i);
		DRV(cuMemFree(box[next * ROUNDS + i]));
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREADS];

	pthread_barrier_init(&meet, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, thread, (void *)(uintptr_t)i))
			fail("drv_freed: no thread");
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	puts("threads kept what was theirs");
}

static void pairs(unsigned n)
{
	size_t avail = 0, total = 0;

	for (unsigned i = 0; i < n; i++)
		freed(MIB);
	DRV(cuMemGetInfo(&avail, &total));
	printf("%u pairs\n", n);
}

/* All memory in blocks; what four give back is there for a larger one. */
static void full(void)
{
	size_t avail = 0, total = 0, count = 0;
	CUdeviceptr *p, large = 0, last;

	DRV(cuMemGetInfo(&avail, &total));
	p = (CUdeviceptr *)must_alloc((avail / MIB + 1) * sizeof(*p));
	large = drv_alloc(avail - 100 * MIB);
	while (!cuMemAlloc(&p[count], 2 * MIB))
		count++;
	for (int i = 0; i < 4; i++)
		DRV(cuMemFree(p[--count]));
	EXPECT("what others gave back", cuMemAlloc(&last, 8 * MIB),
	       CUDA_SUCCESS);
	EXPECT("and no more", cuMemAlloc(&p[count], 2 * MIB),
	       CUDA_ERROR_OUT_OF_MEMORY);
	DRV(cuMemFree(last));
	while (count)
		DRV(cuMemFree(p[--count]));
	DRV(cuMemFree(large));
	free(p);
}

/* Blocks of all sizes are freed; then nothing until the input's end. */
static void idle(void)
{
	CUdeviceptr p[64];

	for (size_t i = 0; i < 64; i++)
		p[i] = drv_alloc(i < 32 ? 2 * MIB : (i + 1) * 64 * 1024);
	for (size_t i = 64; i-- > 0;)
		DRV(cuMemFree(p[i]));
	puts("idle");
	while (getchar() != EOF)
		;
}

int main(int argc, char **argv)
{
	CUdevice dev = drv_open(&ctx);

	if (argc > 2 && !strcmp(argv[1], "pairs")) {
		pairs((unsigned)atoi(argv[2]));
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "stream") != 0) {
		if (!strcmp(argv[1], "full"))
			full();
		else
			idle();
		return 0;
	}
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	if (argc > 1) {
		streams(1);
		return 0;
	}
	sizes();
	twice();
	attributes();
	questions();
	info();
	identity();
	busy();
	streams(1);
	streams(3);
	capture();
	threads();
	contexts(dev);
	next_life(dev);
	return 0;
}

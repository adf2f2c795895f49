// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_register.c - the program's own memory, registered: malloc'ed at odd
 * offsets, several ranges in one page, in the middle of copies, written by
 * other threads meanwhile, in a forked child; kernels and attributes by the
 * device pointer, and the memory afterwards. Blocks of 40 MiB, also pinned ones.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_ptx.h"

static CUmodule mod;

static void bump(CUdeviceptr p, unsigned n, unsigned by)
{
	drv_bump(mod, p, n, by, NULL);
	DRV(cuCtxSynchronize());
}

static CUdeviceptr device_of(void *p)
{
	CUdeviceptr d = 0;

	DRV(cuMemHostGetDevicePointer(&d, p, 0));
	return d;
}

/* malloc'ed memory at an offset that is no page's, with neighbours. */
static void odd_offsets(void)
{
	enum { N = 30011 };
	unsigned char *heap = must_alloc(3 * N * 4);
	unsigned *w = (unsigned *)(heap + 1236);
	size_t len = N * 4 + 3;

	memset(heap, 0x5a, 3 * N * 4);
	for (unsigned i = 0; i < N; i++)
		w[i] = i;
	DRV(cuMemHostRegister(w, len, CU_MEMHOSTREGISTER_DEVICEMAP |
			      CU_MEMHOSTREGISTER_PORTABLE));
	bump(device_of(w), N, 7);
	bump(device_of(w + 100), 50, 1000);
	for (unsigned i = 0; i < N; i++)
		if (w[i] != i + 7 + (i >= 100 && i < 150 ? 1000 : 0))
			fail("drv_register: word %u is %u", i, w[i]);
	for (unsigned i = 0; i < 1236; i++)
		if (heap[i] != 0x5a || heap[1236 + len + i] != 0x5a)
			fail("drv_register: a neighbour's byte was changed");
	DRV(cuMemHostUnregister(w));
	if (w[3] != 10 || w[N - 1] != N + 6)
		fail("drv_register: unregistering lost the content");
	for (unsigned i = 0; i < N; i++)
		w[i] = 2 * i;
	printf("odd offsets %u %016llx\n", w[N - 1],
	       (unsigned long long)checksum(w, N * 4));
	free(heap);
}

/* Two ranges in one page, and one that goes on into the next pages. */
static void one_page(void)
{
	unsigned char *m = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned *a = (unsigned *)(m + 64), *b = (unsigned *)(m + 1024);
	unsigned *c = (unsigned *)(m + 4000);

	if (m == MAP_FAILED)
		fail("drv_register: no memory");
	for (unsigned i = 0; i < 4096; i++)
		((unsigned *)m)[i] = i;
	DRV(cuMemHostRegister(a, 80, 0));
	DRV(cuMemHostRegister(b, 20, CU_MEMHOSTREGISTER_DEVICEMAP));
	DRV(cuMemHostRegister(c, 8000, 0));
	EXPECT("registered again", cuMemHostRegister(a, 80, 0),
	       CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
	EXPECT("from before it into it", cuMemHostRegister(m, 100, 0),
	       CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
	EXPECT("inside it", cuMemHostRegister(c + 1100, 8, 0),
	       CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
	bump(device_of(a), 20, 1);
	bump(device_of(b), 5, 2);
	bump(device_of(c), 2000, 3);
	printf("one page %u %u %u %u\n", a[19], b[4], c[0], c[1999]);
	if (a[19] != 36 || b[4] != 262 || c[0] != 1003 || c[1999] != 3002)
		fail("drv_register: ranges of one page are mixed up");
	DRV(cuMemHostUnregister(a));
	bump(device_of(b), 5, 2);
	bump(device_of(c), 2000, 3);
	DRV(cuMemHostUnregister(c));
	bump(device_of(b), 5, 2);
	SHOW("unregister in the middle", cuMemHostUnregister(b + 1));
	DRV(cuMemHostUnregister(b));
	EXPECT("unregistered again", cuMemHostUnregister(b),
	       CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
	if (a[19] != 36 || b[4] != 266 || c[1999] != 3005 ||
	    ((unsigned *)m)[4095] != 4095)
		fail("drv_register: the page did not come back as it was");
	printf("one page after %016llx\n",
	       (unsigned long long)checksum(m, 16384));
	munmap(m, 16384);
}

/* Copies from and to the middle, both ways, small and large, 2D. */
static void copies(void)
{
	enum { LEN = 3 << 20 };
	unsigned char *h = must_alloc(LEN + 100), *r = h + 33;
	unsigned char *back = must_alloc(LEN);
	CUdeviceptr d = drv_alloc(LEN);
	static const size_t size[] = { 1, 4, 100, 2000, 20000, 70001, 2 << 20 };
	CUDA_MEMCPY2D c = { .srcMemoryType = CU_MEMORYTYPE_HOST,
			    .srcHost = r, .srcPitch = 700,
			    .dstMemoryType = CU_MEMORYTYPE_DEVICE,
			    .dstDevice = d, .dstPitch = 1024,
			    .WidthInBytes = 600, .Height = 100 };

	for (size_t i = 0; i < LEN; i++)
		r[i] = (unsigned char)(i * 31 + i / 509);
	DRV(cuMemHostRegister(r, LEN, 0));
	for (unsigned i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		size_t n = size[i], at = 5003 * (i + 1);

		DRV(cuMemcpyHtoD(d, r + at, n));
		DRV(cuMemcpyDtoH(back, d, n));
		if (memcmp(back, r + at, n))
			fail("drv_register: %zu bytes to the GPU", n);
		DRV(cuMemsetD8(d, 0x33 + (unsigned char)i, n));
		DRV(cuMemcpyDtoHAsync(r + at, d, n, NULL));
		DRV(cuCtxSynchronize());
		if (r[at] != 0x33 + i || r[at + n - 1] != 0x33 + i)
			fail("drv_register: %zu bytes from the GPU", n);
		DRV(cuMemcpyHtoDAsync(d, r + at + 1, n, NULL));
		DRV(cuMemcpy((CUdeviceptr)(uintptr_t)(r + at), d, n));
		if (r[at + n - 1] != r[at + n])
			fail("drv_register: %zu bytes by cuMemcpy", n);
	}
	DRV(cuMemcpy2D(&c));
	DRV(cuMemcpyDtoH(back, d + 99 * 1024, 600));
	if (memcmp(back, r + 99 * 700, 600))
		fail("drv_register: a 2D copy");
	printf("copies %016llx\n", (unsigned long long)checksum(r, LEN));
	DRV(cuMemHostUnregister(r));
	DRV(cuMemFree(d));
	free(back);
	free(h);
}

static void attributes(CUcontext ctx)
{
	unsigned char *m = must_alloc(100000), *p = m + 5000;
	CUdeviceptr dev, asked = 0;
	CUcontext owner = NULL;
	unsigned type = 0, managed = 9, flags = 0;
	void *host = NULL;
	size_t size = 0;

	DRV(cuMemHostRegister(p, 50000, CU_MEMHOSTREGISTER_PORTABLE));
	dev = device_of(p);
	if (device_of(p + 777) != dev + 777)
		fail("drv_register: the device pointer of the middle");
	for (int i = 0; i < 2; i++) {
		CUdeviceptr q = i ? dev + 10 : (CUdeviceptr)(uintptr_t)p + 10;

		DRV(cuPointerGetAttribute(&type,
			CU_POINTER_ATTRIBUTE_MEMORY_TYPE, q));
		DRV(cuPointerGetAttribute(&asked,
			CU_POINTER_ATTRIBUTE_DEVICE_POINTER, q));
		DRV(cuPointerGetAttribute(&host,
			CU_POINTER_ATTRIBUTE_HOST_POINTER, q));
		DRV(cuPointerGetAttribute(&managed,
			CU_POINTER_ATTRIBUTE_IS_MANAGED, q));
		DRV(cuPointerGetAttribute(&owner,
			CU_POINTER_ATTRIBUTE_CONTEXT, q));
		printf("attributes: type %u managed %u\n", type, managed);
		printf("context: %s\n", owner == ctx ? "ours" : "another");
		if (asked != dev + 10 || host != p + 10 ||
		    type != CU_MEMORYTYPE_HOST)
			fail("drv_register: attributes of the %s address",
			     i ? "device" : "host");
	}
	DRV(cuMemHostGetFlags(&flags, p));
	DRV(cuMemGetAddressRange(NULL, &size, dev + 5));
	printf("flags %s\n",
	       flags & CU_MEMHOSTREGISTER_PORTABLE ? "portable" : "others");
	if (size < 50000)
		fail("drv_register: the range has %zu bytes", size);
	DRV(cuMemHostUnregister(p));
	SHOW("device pointer afterwards",
	     cuMemHostGetDevicePointer(&asked, p, 0));
	free(m);
}

static struct {
	unsigned *word;
	size_t n;
	_Atomic bool stop;
	_Atomic unsigned long rounds;
} shared;

/* Writes all the time, and looks that nothing that it wrote is lost. */
static void *writer(void *arg)
{
	size_t first = (size_t)arg;
	unsigned round = 0;

	while (!atomic_load(&shared.stop)) {
		for (size_t i = first; i < shared.n; i += 2048) {
			if (shared.word[i] != round)
				fail("drv_register: a write was lost at %zu: "
				     "%u, not %u", i, shared.word[i], round);
			shared.word[i] = round + 1;
		}
		round++;
		atomic_fetch_add(&shared.rounds, 1);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[2];

	shared.n = 1 << 19;
	shared.word = calloc(shared.n, 4);
	if (!shared.word)
		fail("drv_register: no memory");
	for (size_t i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, writer, (void *)(i + 1)))
			fail("drv_register: no thread");
	for (unsigned i = 0; i < 20; i++) {
		unsigned long r = atomic_load(&shared.rounds);

		DRV(cuMemHostRegister(shared.word, shared.n * 4, 0));
		while (atomic_load(&shared.rounds) < r + 2)
			sched_yield();
		DRV(cuMemHostUnregister(shared.word));
	}
	atomic_store(&shared.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	printf("threads wrote, nothing was lost\n");
	free(shared.word);
}

/* The child has its own copy, and what it writes is its own. */
static void forked(void)
{
	enum { N = 5000 };
	unsigned *w = (unsigned *)(void *)((char *)must_alloc(N * 4 + 8) + 8);
	int status = -1;
	pid_t pid;

	for (unsigned i = 0; i < N; i++)
		w[i] = i;
	DRV(cuMemHostRegister(w, N * 4, 0));
	bump(device_of(w), N, 1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		for (unsigned i = 0; i < N; i++)
			if (w[i] != i + 1)
				_exit(1);
		memset(w, 0, N * 4);
		free(malloc(100000));
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("drv_register: no child");
	printf("the child's memory: %s\n", status ? "not there" : "a copy");
	bump(device_of(w), N, 1);
	if (w[0] != 2 || w[N - 1] != N + 1)
		fail("drv_register: the child wrote into our memory");
	DRV(cuMemHostUnregister(w));
	printf("forked %016llx\n", (unsigned long long)checksum(w, N * 4));
	free((char *)w - 8);
}

static void many(void)
{
	enum { N = 200 };
	unsigned *w[N];

	for (unsigned i = 0; i < N; i++) {
		w[i] = must_alloc(1000 + 37 * i);
		w[i][0] = i;
		DRV(cuMemHostRegister(w[i], 1000 + 37 * i, 0));
	}
	for (unsigned i = 0; i < N; i++)
		bump(device_of(w[i]), 1, 5);
	for (unsigned i = 0; i < N; i++) {
		unsigned k = i * 77 % N;

		if (w[k][0] != k + 5)
			fail("drv_register: block %u has %u", k, w[k][0]);
		DRV(cuMemHostUnregister(w[k]));
	}
	for (unsigned i = 0; i < N; i++)
		free(w[i]);
	printf("many blocks\n");
}

/* More than 8192 pages, whose references fit no single record. */
static void large(void)
{
	enum { WORDS = 10 << 20 };
	unsigned *own = must_alloc(WORDS * 4u), *pinned = NULL;

	memset(own, 0, WORDS * 4u);
	DRV(cuMemHostRegister(own, WORDS * 4u, 0));
	bump(device_of(own), 4, 1);
	bump(device_of(own + WORDS - 4), 4, 2);
	if (own[0] != 1 || own[WORDS - 1] != 2 || own[4] || own[WORDS / 2])
		fail("drv_register: a large block is %u %u", own[0],
		     own[WORDS - 1]);
	DRV(cuMemHostUnregister(own));
	if (own[3] != 1 || own[WORDS - 4] != 2)
		fail("drv_register: a large block did not come back");
	free(own);
	DRV(cuMemHostAlloc((void **)&pinned, WORDS * 4u, 0));
	pinned[0] = pinned[WORDS - 1] = 7;
	bump(device_of(pinned), 4, 1);
	bump(device_of(pinned + WORDS - 4), 4, 2);
	if (pinned[0] != 8 || pinned[WORDS - 1] != 9)
		fail("drv_register: a large pinned block is %u %u", pinned[0],
		     pinned[WORDS - 1]);
	DRV(cuMemFreeHost(pinned));
	printf("large blocks\n");
}

static void wrong(void)
{
	unsigned char *m = must_alloc(8192);
	void *gone = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *pinned;

	munmap(gone, 8192);
	EXPECT("NULL", cuMemHostRegister(NULL, 16, 0),
	       CUDA_ERROR_INVALID_VALUE);
	EXPECT("no bytes", cuMemHostRegister(m, 0, 0),
	       CUDA_ERROR_INVALID_VALUE);
	EXPECT("unknown flags", cuMemHostRegister(m, 16, 1u << 20),
	       CUDA_ERROR_INVALID_VALUE);
	SHOW("no memory there", cuMemHostRegister(gone, 8192, 0));
	SHOW("more than there is", cuMemHostRegister(m, 1ull << 62, 0));
	EXPECT("never registered", cuMemHostUnregister(m),
	       CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
	DRV(cuMemHostAlloc(&pinned, 8192, 0));
	SHOW("pinned memory", cuMemHostRegister(pinned, 8192, 0));
	SHOW("pinned memory unregistered", cuMemHostUnregister(pinned));
	DRV(cuMemFreeHost(pinned));
	free(m);
}

int main(void)
{
	CUcontext ctx;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	odd_offsets();
	one_page();
	copies();
	attributes(ctx);
	threads();
	forked();
	many();
	large();
	wrong();
	DRV(cuModuleUnload(mod));
	printf("drv_register done\n");
	return 0;
}

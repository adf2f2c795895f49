// SPDX-License-Identifier: BSD-2-Clause
/* copies.c - synchronous copies by size, direction and kind of host memory. */
#include <string.h>

#include "tests/bench/bench.h"

#define BATCHES 7

struct size {
	size_t bytes;
	const char *key, *name;
	int count; /* copies in a batch */
};

static const struct size sizes[] = {
	{ 4, "4B", "4 B", 2000 },
	{ 256, "256B", "256 B", 2000 },
	{ 4 << 10, "4K", "4 KiB", 1000 },
	{ 16 << 10, "16K", "16 KiB", 500 },
	{ 64 << 10, "64K", "64 KiB", 500 },
	{ 256 << 10, "256K", "256 KiB", 200 },
	{ 1 << 20, "1M", "1 MiB", 100 },
	{ 4 << 20, "4M", "4 MiB", 25 },
	{ 16 << 20, "16M", "16 MiB", 10 },
	{ 64 << 20, "64M", "64 MiB", 2 },
	{ 256 << 20, "256M", "256 MiB", 1 },
};

static double one_copy(const struct size *s, CUdeviceptr dev, void *host,
		       int to_device, int count)
{
	CUresult res = CUDA_SUCCESS;
	double start = now_us();

	for (int k = 0; k < count; k++)
		res |= to_device ? cuMemcpyHtoD(dev, host, s->bytes)
				 : cuMemcpyDtoH(host, dev, s->bytes);
	check(res, to_device ? "cuMemcpyHtoD" : "cuMemcpyDtoH", __LINE__);
	return (now_us() - start) / count;
}

/* Small copies are a matter of time, large ones of bandwidth. */
static void measure(struct bench *b, const struct size *s, CUdeviceptr dev,
		    void *host, const char *kind, int to_device)
{
	const char *way = to_device ? "htod" : "dtoh";
	double v[BATCHES], us;
	char key[64], work[96];
	int count = s->count > 1 ? scaled(b, s->count) : 1;

	one_copy(s, dev, host, to_device, 1 + count / 10);
	for (int i = 0; i < BATCHES; i++)
		v[i] = one_copy(s, dev, host, to_device, count);
	us = median(v, BATCHES);
	snprintf(key, sizeof(key), "copy_%s_%s_%s", kind, way, s->key);
	snprintf(work, sizeof(work), "copy %s, %s, %s", s->name, kind,
		 to_device ? "to the GPU" : "from the GPU");
	if (s->bytes < 64 << 10)
		row(b, key, work, us, UNIT_US);
	else
		row(b, key, work, s->bytes / us / 1e3, UNIT_GBS);
}

/* Sizes above @from, up to @to. */
static void all_sizes(struct bench *b, CUdeviceptr dev, void *host,
		      const char *kind, size_t from, size_t to)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (sizes[i].bytes <= from || sizes[i].bytes > to)
			continue;
		measure(b, &sizes[i], dev, host, kind, 1);
		measure(b, &sizes[i], dev, host, kind, 0);
	}
}

/* One buffer that fits a small window of pages shared with the host, and one
 * that may not: where the memory lies decides how it is copied. */
#define SMALL ((size_t)16 << 20)

static void pinned_sizes(struct bench *b, CUdeviceptr dev, size_t from,
			 size_t to)
{
	void *host;

	if (to <= from)
		return;
	CU(cuMemAllocHost(&host, to));
	memset(host, 1, to);
	all_sizes(b, dev, host, "pinned", from, to);
	CU(cuMemFreeHost(host));
}

void bench_copies(struct bench *b)
{
	CUdeviceptr dev;
	void *pageable;

	CU(cuMemAlloc(&dev, b->largest_copy));
	pageable = malloc(b->largest_copy);
	if (!pageable)
		die("no %zu bytes of host memory", b->largest_copy);
	/* Touched, so that page faults are not part of the copies. */
	memset(pageable, 1, b->largest_copy);
	all_sizes(b, dev, pageable, "pageable", 0, b->largest_copy);
	free(pageable);
	pinned_sizes(b, dev, 0, SMALL < b->largest_copy ? SMALL :
							  b->largest_copy);
	pinned_sizes(b, dev, SMALL, b->largest_copy);
	CU(cuMemFree(dev));
}

// SPDX-License-Identifier: BSD-2-Clause
/* start.c - from cuInit to the first launch, and a module of 40 MiB. */
#include "tests/bench/bench.h"

static const char empty_ptx[] = ".version 6.4\n"
				".target sm_75\n"
				".address_size 64\n"
				".visible .entry empty()\n"
				"{\n"
				"	ret;\n"
				"}\n";

/* What the blob in module.ptx begins with. */
#define MARK	 "VGPU-bench-blob:"
#define MARK_LEN 16
#define BLOB_LEN (40u << 20)

#define LOADS 5

void bench_start(struct bench *b)
{
	double start = now_us(), inited, current;

	CU(cuInit(0));
	inited = now_us();
	CU(cuDeviceGet(&b->dev, 0));
	CU(cuDevicePrimaryCtxRetain(&b->ctx, b->dev));
	CU(cuCtxSetCurrent(b->ctx));
	current = now_us();
	CU(cuModuleLoadData(&b->mod, empty_ptx));
	CU(cuModuleGetFunction(&b->empty, b->mod, "empty"));
	CU(cuStreamCreate(&b->stream, CU_STREAM_NON_BLOCKING));
	row(b, "init", "cuInit", (inited - start) / 1e3, UNIT_MS);
	row(b, "primary_context", "primary context",
	    (current - inited) / 1e3, UNIT_MS);
}

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) <= 0)
		die("cannot read the module %s", path);
	rewind(f);
	data = malloc(size);
	if (!data || fread(data, 1, size, f) != (size_t)size)
		die("cannot read %ld bytes of %s", size, path);
	fclose(f);
	*len = size;
	return data;
}

static char *find_blob(char *data, size_t len)
{
	char *p;

	for (p = data; p + BLOB_LEN <= data + len; p++)
		if (*p == MARK[0] && !__builtin_memcmp(p, MARK, MARK_LEN))
			return p;
	die("the module holds no blob of %u bytes", BLOB_LEN);
}

/* New contents for each load: no cache may answer for it. */
static uint32_t fill_blob(char *blob, uint32_t seed)
{
	uint32_t *w = (uint32_t *)blob, x = seed;

	for (size_t i = 0; i < BLOB_LEN / 4; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		w[i] = x;
	}
	return w[41943000 / 4];
}

static void one_load(const char *data, uint32_t want, CUdeviceptr out,
		     double *load, double *first)
{
	double start = now_us();
	uint32_t got = 0;
	void *args[] = { &out };
	CUfunction f;
	CUmodule mod;

	CU(cuModuleLoadData(&mod, data));
	*load = (now_us() - start) / 1e3;
	CU(cuModuleGetFunction(&f, mod, "touch"));
	CU(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	CU(cuCtxSynchronize());
	*first = (now_us() - start) / 1e3;
	CU(cuMemcpyDtoH(&got, out, sizeof(got)));
	if (got != want)
		die("the module's kernel read %08x, not %08x", got, want);
	CU(cuModuleUnload(mod));
}

void bench_module(struct bench *b)
{
	double load[LOADS], first[LOADS];
	CUdeviceptr out;
	size_t len;
	char *data, *blob;

	if (!b->module_path)
		return;
	data = read_file(b->module_path, &len);
	blob = find_blob(data, len);
	CU(cuMemAlloc(&out, sizeof(uint32_t)));
	for (int i = 0; i < LOADS; i++) {
		/* By the clock: not the bytes of the last run either. */
		uint32_t seed = (uint32_t)(now_us()) | 1;

		one_load(data, fill_blob(blob, seed), out, &load[i],
			 &first[i]);
	}
	/* It brings the pages that the others use again. */
	row(b, "module_first", "the first load of a 40 MiB module", load[0],
	    UNIT_MS);
	row(b, "module_load", "load of a 40 MiB module", median(load, LOADS),
	    UNIT_MS);
	row(b, "module_launch", "the same and its first launch",
	    median(first, LOADS), UNIT_MS);
	CU(cuMemFree(out));
	free(data);
}

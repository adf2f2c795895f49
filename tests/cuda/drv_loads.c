// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_loads.c - 64 MiB of module images, loaded and unloaded again and again:
 * neither this process nor what serves it may grow.
 *
 *   drv_loads [ROUNDS [MS]]   MS: stays that long when all is done
 */
#include <string.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_ptx.h"

#define IMAGES 16
#define BYTES  (4u << 20)

/* Kilobytes of our own memory. */
static long resident(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		fail("drv_loads: /proc/self/statm cannot be read");
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* The kernels, and comments up to the size. */
static char *big_text(void)
{
	size_t len = sizeof(kernels_ptx) - 1, at = len;
	char *text = malloc(BYTES);

	if (!text)
		fail("drv_loads: no memory");
	memcpy(text, kernels_ptx, len);
	for (; at + 64 < BYTES; at += 64)
		memcpy(text + at, "//  sixty-three bytes of nothing that the "
		       "compiler passes over.\n", 64);
	text[at] = 0;
	return text;
}

static void one(const char *text, unsigned v, CUdeviceptr p)
{
	unsigned one = 1, got = 0;
	void *args[] = { &p, &one, &v };
	CUmodule mod;

	DRV(cuModuleLoadData(&mod, text));
	DRV(cuLaunchKernel(drv_function(mod, "fill"), 1, 1, 1, 1, 1, 1, 0,
			   NULL, args, NULL));
	DRV(cuMemcpyDtoH(&got, p, 4));
	if (got != v)
		fail("drv_loads: %u instead of %u", got, v);
	DRV(cuModuleUnload(mod));
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 3;
	char *text = big_text();
	CUdeviceptr p;
	CUcontext ctx;
	long first = 0;

	drv_open(&ctx);
	p = drv_alloc(4);
	for (int r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < IMAGES; i++)
			one(text, (unsigned)r * IMAGES + i, p);
		if (!r)
			first = resident();
	}
	printf("%d rounds of 64 MiB, grown: %s\n", rounds,
	       resident() - first < 16384 ? "no" : "yes");
	if (resident() - first >= 16384)
		fail("drv_loads: %ld KiB became %ld", first, resident());
	fflush(stdout);
	usleep((useconds_t)(argc > 2 ? atoi(argv[2]) : 0) * 1000);
	free(text);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_logs.c - the error log: a failing call is told to a callback and kept,
 * and can be dumped to memory and to a file from where it was read last.
 * The texts are the driver's own; the call and its result are in them.
 */
#include <string.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_more_ptx.h"

static unsigned told, wrong_told;
static char last[512];

static void CUDA_CB listen(void *arg, CUlogLevel level, char *message,
			   size_t length)
{
	size_t n = length < sizeof(last) - 1 ? length : sizeof(last) - 1;

	memcpy(last, message, n);
	last[n] = '\0';
	told++;
	wrong_told += arg != &told || level > CU_LOG_LEVEL_WARNING || !length;
}

static const char *yes(int y)
{
	return y ? "yes" : "no";
}

static CUfunction step;

/* More threads in a block than any GPU takes. */
static void fails(void)
{
	CUdeviceptr p = 0;
	unsigned n = 0;
	void *args[] = { &p, &n, &n };

	EXPECT("a block of 4096 threads",
	       cuLaunchKernel(step, 1, 1, 1, 4096, 1, 1, 0, NULL, args, NULL),
	       CUDA_ERROR_INVALID_VALUE);
}

static int names_it(const char *text)
{
	return strstr(text, "CUDA_ERROR_INVALID_VALUE") &&
	       strstr(text, "cuLaunchKernel");
}

/* The log does not come between. */
static void works(void)
{
	CUdeviceptr p = drv_alloc(4);
	unsigned mul = 2, n = 7;
	void *args[] = { &p, &mul, &n };

	DRV(cuMemsetD32(p, 5, 1));
	DRV(cuLaunchKernel(step, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	DRV(cuMemcpyDtoH(&n, p, 4));
	printf("%-36s %u\n", "a launch between", n);
	DRV(cuMemFree(p));
}

static void must(const char *what, int good)
{
	printf("%-36s %s\n", what, yes(good));
	if (!good)
		fail("drv_logs: %s", what);
}

static void memory(void)
{
	static char text[65536];
	size_t size = sizeof(text);
	CUlogIterator from;

	DRV(cuLogsCurrent(&from, 0));
	DRV(cuLogsDumpToMemory(&from, text, &size, 0));
	must("nothing new is nothing", !size);
	fails();
	size = sizeof(text);
	DRV(cuLogsDumpToMemory(&from, text, &size, 0));
	must("the dump has the call", names_it(text) && size == strlen(text));
	must("and the block", strstr(text, "(4096,1,1)") != NULL);
	size = sizeof(text);
	DRV(cuLogsDumpToMemory(&from, text, &size, 0));
	must("it is dumped once", !size);
	fails();
	size = 5;
	EXPECT("into 5 bytes", cuLogsDumpToMemory(&from, text, &size, 0),
	       CUDA_ERROR_INVALID_VALUE);
	must("which is nothing", !size);
	for (int i = 0; i < 300; i++)
		if (cuMemFree(12345) == CUDA_SUCCESS)
			fail("drv_logs: memory that is none was freed");
	size = sizeof(text);
	DRV(cuLogsDumpToMemory(NULL, text, &size, 0));
	must("there is much", size > 1000);
	must("but no more than its limit", size <= 32768);
	size = 1000;
	DRV(cuLogsDumpToMemory(NULL, text, &size, 0));
	must("the newest fit into 1000 bytes", size > 0 && size < 1000 &&
	     strlen(text) == size);
}

static void to_file(void)
{
	char path[] = "/tmp/drv_logs.XXXXXX", text[8192] = "";
	CUlogIterator from;
	FILE *f;
	int fd = mkstemp(path);

	if (fd < 0)
		fail("drv_logs: no file in /tmp");
	close(fd);
	DRV(cuLogsCurrent(&from, 0));
	fails();
	DRV(cuLogsDumpToFile(&from, path, 0));
	f = fopen(path, "r");
	if (!f || !fread(text, 1, sizeof(text) - 1, f))
		fail("drv_logs: %s is empty", path);
	fclose(f);
	unlink(path);
	must("the file has the call", names_it(text));
}

int main(void)
{
	static char text[65536];
	size_t size = sizeof(text);
	CUlogsCallbackHandle h;
	CUlogIterator from;
	unsigned before;
	CUcontext ctx;
	CUmodule mod, none;

	DRV(cuLogsRegisterCallback(listen, &told, &h));
	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	step = drv_function(mod, "chain");
	before = told;
	fails();
	must("the callback was told", told > before && !wrong_told);
	works();
	memory();
	to_file();
	DRV(cuLogsCurrent(&from, 0));
	if (cuModuleLoadData(&none, ".version 8.0\n.target sm_80\n"
			     ".address_size 64\nnonsense\n") == CUDA_SUCCESS)
		fail("drv_logs: nonsense was loaded");
	DRV(cuLogsDumpToMemory(&from, text, &size, 0));
	/* More than the line that any failing call has; whether, is the
	 * driver's business. */
	printf("%-36s %s\n", "an image that is nonsense has a reason",
	       yes(strchr(text, '\n') && strchr(text, '\n')[1]));
	DRV(cuLogsUnregisterCallback(h));
	before = told;
	fails();
	must("nobody is told any more", told == before);
	DRV(cuModuleUnload(mod));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_assert.c - a device assertion fails: what it says arrives on the
 * program's stderr, the wait reports it, and from then on every call does.
 * A process of its own, whose stderr this one reads.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define LINES 64

static void launch(CUfunction f, CUdeviceptr p, unsigned value)
{
	void *args[] = { &p, &value };

	DRV(cuLaunchKernel(f, 1, 1, 1, 4, 1, 1, 0, NULL, args, NULL));
}

static void child(void)
{
	CUcontext ctx;
	CUdeviceptr p;
	CUfunction f;
	CUmodule mod;
	CUstream st;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	f = drv_function(mod, "must_be");
	p = drv_alloc(16);
	DRV(cuMemsetD32(p, 5, 4));
	launch(f, p, 5);
	DRV(cuCtxSynchronize());
	printf("the first holds\n");
	DRV(cuMemsetD32(p + 8, 6, 1));
	launch(f, p, 5);
	EXPECT("the wait", cuCtxSynchronize(), CUDA_ERROR_ASSERT);
	EXPECT("another wait", cuCtxSynchronize(), CUDA_ERROR_ASSERT);
	EXPECT("an allocation", cuMemAlloc(&p, 16), CUDA_ERROR_ASSERT);
	EXPECT("a stream", cuStreamCreate(&st, 0), CUDA_ERROR_ASSERT);
	SHOW("the context is still there", cuCtxGetCurrent(&ctx));
	fflush(stdout);
	_exit(0);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Only what the device says; a driver may add lines of its own. */
static int show_assertions(char *text)
{
	char *line[LINES], *save = NULL;
	int n = 0;

	for (char *l = strtok_r(text, "\n", &save); l && n < LINES;
	     l = strtok_r(NULL, "\n", &save))
		if (strstr(l, "Assertion"))
			line[n++] = l;
	qsort(line, (size_t)n, sizeof(line[0]), by_text);
	for (int i = 0; i < n; i++)
		printf("stderr: %s\n", line[i]);
	return n;
}

int main(void)
{
	char text[8192];
	size_t len = 0;
	ssize_t n;
	int pair[2], status = 0;
	pid_t pid;

	if (pipe(pair))
		fail("drv_assert: no pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("drv_assert: cannot fork");
	if (pid == 0) {
		dup2(pair[1], STDERR_FILENO);
		close(pair[0]);
		close(pair[1]);
		child();
	}
	close(pair[1]);
	while ((n = read(pair[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (waitpid(pid, &status, 0) != pid || status)
		fail("drv_assert: the child ended with %#x and said:\n%s",
		     status, text);
	if (show_assertions(text) != 1)
		fail("drv_assert: stderr should tell of one thread:\n%s",
		     text);
	return 0;
}

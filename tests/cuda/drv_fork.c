// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_fork.c - a child forked before cuInit works for itself; a child forked
 * after it gets an error and no hang, and the parent goes on; a new program
 * that such a child starts works. Calls from atexit handlers and destructors
 * are answered.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_ptx.h"

static CUdeviceptr kept;

static unsigned use_device(void)
{
	CUcontext ctx;
	CUmodule mod;
	CUdeviceptr p;
	unsigned n = 8, v = 100, got = 0;
	void *args[] = { &p, &n, &v };

	drv_open(&ctx);
	p = drv_alloc(64);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuLaunchKernel(drv_function(mod, "fill"), 1, 1, 1, 32, 1, 1, 0,
			   NULL, args, NULL));
	DRV(cuMemcpyDtoH(&got, p + 20, 4));
	DRV(cuMemFree(p));
	return got;
}

static void wait_for(pid_t pid, const char *what)
{
	int status = -1;

	if (waitpid(pid, &status, 0) != pid || status)
		fail("drv_fork: %s ended with status %#x", what, status);
}

static void forked_before(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		printf("forked before: %u\n", use_device());
		fflush(stdout);
		_exit(0);
	}
	wait_for(pid, "the child forked before cuInit");
}

/* Every call must fail, whichever error it is. */
static void forked_after(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		CUdeviceptr p;
		CUresult res = cuMemAlloc(&p, 64);

		printf("forked after: cuMemAlloc %s, cuInit %s\n",
		       drv_name(res), drv_name(cuInit(0)));
		fflush(stdout);
		_exit(res == CUDA_SUCCESS);
	}
	wait_for(pid, "the child forked after cuInit");
}

static void another_program(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "drv_fork", "started", (char *)NULL);
		_exit(1);
	}
	wait_for(pid, "the program started after cuInit");
}

static void at_exit(void)
{
	CUresult res = cuMemFree(kept);

	printf("free in an atexit handler %s\n", drv_name(res));
}

__attribute__((destructor)) static void at_unload(void)
{
	CUcontext c;

	/* Any answer will do; a crash or a hang will not. */
	(void)cuCtxGetCurrent(&c);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "started")) {
		printf("started: %u\n", use_device());
		return 0;
	}
	forked_before();
	printf("parent: %u\n", use_device());
	kept = drv_alloc(128);
	atexit(at_exit);
	forked_after();
	another_program();
	printf("parent again: %u\n", use_device());
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_exit.c - a program ends in the middle of everything: each way is a
 * child of its own, and none may hang, crash, or take another one with it.
 * What the last calls answer is printed; then a child works as ever.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define SECONDS 30

static CUcontext ctx;
static CUmodule mod;
static CUfunction chain, late;
static CUstream st;
static CUdeviceptr p;

static void begin(void)
{
	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	chain = drv_function(mod, "chain");
	late = drv_function(mod, "late_add");
	DRV(cuStreamCreate(&st, CU_STREAM_NON_BLOCKING));
	p = drv_alloc(64);
	DRV(cuMemsetD32(p, 0, 16));
	DRV(cuCtxSynchronize());
}

static void busy(unsigned us)
{
	unsigned add = 1;
	void *args[] = { &p, &us, &add };

	DRV(cuLaunchKernel(late, 1, 1, 1, 1, 1, 1, 0, st, args, NULL));
}

static void *forever(void *arg)
{
	unsigned mul = 3, add = 1;
	void *args[] = { &p, &mul, &add };

	(void)arg;
	/* Errors at the end are the end. */
	while (!cuCtxSetCurrent(ctx) &&
	       !cuLaunchKernel(chain, 1, 1, 1, 1, 1, 1, 0, st, args, NULL) &&
	       !cuStreamSynchronize(st))
		;
	return NULL;
}

static void threads(void)
{
	pthread_t t;

	for (int i = 0; i < 8; i++)
		if (pthread_create(&t, NULL, forever, NULL))
			fail("drv_exit: no thread");
	usleep(50000);
}

static void with_work(void)
{
	busy(200000);
	exit(3);
}

static void with_threads(void)
{
	threads();
	exit(3);
}

static void at_once(void)
{
	threads();
	busy(200000);
	_exit(3);
}

static void *ends_all(void *arg)
{
	(void)arg;
	busy(100000);
	exit(3);
}

static void from_a_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, ends_all, NULL))
		fail("drv_exit: no thread");
	pthread_join(t, NULL);
}

static void *waits(void *arg)
{
	DRV(cuCtxSetCurrent(ctx));
	(void)(arg ? cuEventSynchronize(arg) : cuCtxSynchronize());
	return NULL;
}

/* Threads that wait for the GPU, each in its own way. */
static void with_waiters(void)
{
	pthread_t t;
	CUevent e;

	DRV(cuEventCreate(&e, CU_EVENT_BLOCKING_SYNC));
	busy(300000);
	DRV(cuEventRecord(e, st));
	for (int i = 0; i < 6; i++)
		if (pthread_create(&t, NULL, waits, i % 2 ? e : NULL))
			fail("drv_exit: no thread");
	usleep(50000);
	exit(3);
}

static void *copies(void *arg)
{
	static unsigned char bytes[2][1 << 20];
	CUdeviceptr q;

	(void)arg;
	if (cuCtxSetCurrent(ctx) || cuMemAlloc(&q, sizeof(bytes[0])))
		return NULL;
	while (!cuMemcpyHtoD(q, bytes[0], sizeof(bytes[0])) &&
	       !cuMemcpyDtoH(bytes[1], q, sizeof(bytes[1])))
		;
	return NULL;
}

static void in_copies(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		if (pthread_create(&t, NULL, copies, NULL))
			fail("drv_exit: no thread");
	usleep(50000);
	exit(3);
}

static void CUDA_CB slow(void *arg)
{
	(void)arg;
	usleep(100000);
}

static void with_functions(void)
{
	for (int i = 0; i < 20; i++)
		DRV(cuLaunchHostFunc(st, slow, NULL));
	exit(3);
}

static void in_a_capture(void)
{
	/* A driver without captures ends without one. */
	if (!cuStreamBeginCapture(st, CU_STREAM_CAPTURE_MODE_GLOBAL))
		busy(1000);
	exit(3);
}

static void signalled(void)
{
	threads();
	raise(SIGKILL);
}

static void terminated(void)
{
	busy(200000);
	raise(SIGTERM);
}

/* Handlers run after main, before the driver's own end. */
static void last_calls(void)
{
	unsigned v = 9;

	printf("in a handler: sync %s", drv_name(cuStreamSynchronize(st)));
	printf(", copy %s", drv_name(cuMemcpyDtoH(&v, p, 4)));
	printf(" gives %u", v);
	printf(", free %s", drv_name(cuMemFree(p)));
	printf(", destroy %s", drv_name(cuStreamDestroy(st)));
	printf(", unload %s\n", drv_name(cuModuleUnload(mod)));
	fflush(stdout);
}

static void with_a_handler(void)
{
	atexit(last_calls);
	busy(50000);
	exit(3);
}

static void reset(void)
{
	busy(50000);
	DRV(cuDevicePrimaryCtxReset(0));
	exit(3);
}

/* How a program ends whose threads are in a driver that ends too, no driver
 * promises (@loose); only that it ends. */
static int run(const char *name, void (*how)(void), bool loose)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("drv_exit: cannot fork");
	if (pid == 0) {
		alarm(SECONDS);
		begin();
		how();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("drv_exit: the child is lost");
	if (loose && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM))
		printf("%s: ended\n", name);
	else if (WIFSIGNALED(status))
		printf("%s: signal %d\n", name, WTERMSIG(status));
	else
		printf("%s: exit %d\n", name, WEXITSTATUS(status));
	return WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
	       WTERMSIG(status) != SIGTERM &&
	       (!loose || WTERMSIG(status) == SIGALRM);
}

static void works(void)
{
	unsigned v = 0;

	busy(1000);
	DRV(cuStreamSynchronize(st));
	DRV(cuMemcpyDtoH(&v, p, 4));
	printf("works: %u\n", v);
	fflush(stdout);
}

int main(void)
{
	int bad = 0;

	bad |= run("with work", with_work, false);
	bad |= run("with threads at work", with_threads, true);
	bad |= run("at once", at_once, false);
	bad |= run("from a thread", from_a_thread, true);
	bad |= run("with waiting threads", with_waiters, true);
	bad |= run("in copies", in_copies, true);
	bad |= run("with functions to run", with_functions, false);
	bad |= run("with a handler", with_a_handler, false);
	bad |= run("after a reset", reset, false);
	bad |= run("in a capture", in_a_capture, false);
	bad |= run("killed", signalled, false);
	bad |= run("terminated", terminated, false);
	bad |= run("nothing special", works, false);
	return bad;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_fault_beside.c - one process's faults harm no other: two processes work
 * on the GPU all the time, each result checked, while others beside them make
 * every kind of fault, are killed, and end in the middle. The next process
 * works too.
 */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define WORKERS 2
#define N       256u

struct worker {
	pid_t pid;
	int to, from;
};

static CUmodule mod;

static void launch_chain(CUfunction f, CUdeviceptr p, unsigned n, unsigned add)
{
	unsigned mul = 3;
	void *args[] = { &p, &n, &mul, &add };

	DRV(cuLaunchKernel(f, (n + 63) / 64, 1, 1, 64, 1, 1, 0, NULL, args,
			   NULL));
}

static void begin(void)
{
	CUcontext ctx;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
}

/* One round: copied in, computed, copied out, right. */
static void round_of_work(CUfunction f, CUdeviceptr p, unsigned round)
{
	unsigned v[N];

	for (unsigned i = 0; i < N; i++)
		v[i] = i ^ round;
	DRV(cuMemcpyHtoD(p, v, sizeof(v)));
	launch_chain(f, p, N, round);
	DRV(cuMemcpyDtoH(v, p, sizeof(v)));
	for (unsigned i = 0; i < N; i++)
		if (v[i] != 3 * (i ^ round) + round)
			fail("drv_fault_beside: round %u word %u is %u", round,
			     i, v[i]);
}

/* A byte comes: so many rounds more, and a byte back. The end: it ends. */
static void worker(int from, int to)
{
	CUfunction f;
	CUdeviceptr p;
	unsigned round = 0;
	char byte;

	begin();
	f = drv_function(mod, "chain_all");
	p = drv_alloc(N * 4);
	while (read(from, &byte, 1) == 1) {
		for (int i = 0; i < 20; i++)
			round_of_work(f, p, ++round);
		if (write(to, &byte, 1) != 1)
			fail("drv_fault_beside: nobody asks any more");
	}
	DRV(cuMemFree(p));
	DRV(cuModuleUnload(mod));
	_exit(0);
}

static void start(struct worker *w)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		fail("drv_fault_beside: no pipe");
	fflush(stdout);
	w->pid = fork();
	if (w->pid < 0)
		fail("drv_fault_beside: cannot fork");
	if (w->pid == 0) {
		close(to[1]);
		close(from[0]);
		worker(to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	w->to = to[1];
	w->from = from[0];
}

static void ask(const struct worker *w)
{
	if (write(w->to, "x", 1) != 1)
		fail("drv_fault_beside: a worker is gone");
}

static void answer(const struct worker *w, const char *what)
{
	char byte;

	if (read(w->from, &byte, 1) != 1)
		fail("drv_fault_beside: a worker was harmed by: %s", what);
}

/* ---- what goes wrong ---------------------------------------------------- */

static void write_far(void)
{
	launch_chain(drv_function(mod, "chain_all"), (CUdeviceptr)1 << 45, 1,
		     1);
	EXPECT("a write far away", cuCtxSynchronize(),
	       CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void write_odd(void)
{
	launch_chain(drv_function(mod, "chain_all"), drv_alloc(64) + 2, 1, 1);
	EXPECT("a write between words", cuCtxSynchronize(),
	       CUDA_ERROR_MISALIGNED_ADDRESS);
}

static void assertion(void)
{
	CUdeviceptr p = drv_alloc(64);
	unsigned value = 5;
	void *args[] = { &p, &value };

	if (!freopen("/dev/null", "w", stderr))
		fail("drv_fault_beside: no /dev/null");
	DRV(cuMemsetD32(p, 6, 16));
	DRV(cuLaunchKernel(drv_function(mod, "must_be"), 1, 1, 1, 1, 1, 1, 0,
			   NULL, args, NULL));
	EXPECT("an assertion", cuCtxSynchronize(), CUDA_ERROR_ASSERT);
}

static void busy(void)
{
	CUdeviceptr p = drv_alloc(64);
	unsigned us = 200000, add = 1;
	void *args[] = { &p, &us, &add };

	DRV(cuLaunchKernel(drv_function(mod, "late_add"), 1, 1, 1, 1, 1, 1, 0,
			   NULL, args, NULL));
}

static void killed(void)
{
	busy();
	raise(SIGKILL);
}

static void crashes(void)
{
	busy();
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void leaves(void)
{
	busy();
	_exit(0);
}

/* A process that works, and waits for nothing of the workers. */
static void right(void)
{
	round_of_work(drv_function(mod, "chain_all"), drv_alloc(N * 4), 77);
	printf("the next process is right\n");
}

static void beside(const struct worker *w, const char *what, void (*how)(void),
		   int sig)
{
	int status = 0;
	pid_t pid;

	for (int i = 0; i < WORKERS; i++)
		ask(&w[i]);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("drv_fault_beside: cannot fork");
	if (pid == 0) {
		begin();
		how();
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid ||
	    (sig ? !WIFSIGNALED(status) || WTERMSIG(status) != sig : status))
		fail("drv_fault_beside: %s ended with %#x", what, status);
	/* Once more after it, too. */
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < WORKERS; i++) {
			answer(&w[i], what);
			if (!k)
				ask(&w[i]);
		}
	printf("beside %s: right\n", what);
}

int main(void)
{
	struct worker w[WORKERS];
	int status;

	for (int i = 0; i < WORKERS; i++)
		start(&w[i]);
	beside(w, "a write far away", write_far, 0);
	beside(w, "a write between words", write_odd, 0);
	beside(w, "an assertion", assertion, 0);
	beside(w, "a process that is killed", killed, SIGKILL);
	beside(w, "a process that crashes", crashes, SIGSEGV);
	beside(w, "a process that leaves", leaves, 0);
	beside(w, "nothing", right, 0);
	for (int i = 0; i < WORKERS; i++) /* each has the others' too */
		close(w[i].to);
	for (int i = 0; i < WORKERS; i++) {
		if (waitpid(w[i].pid, &status, 0) != w[i].pid || status)
			fail("drv_fault_beside: a worker ended with %#x",
			     status);
	}
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_printf_full.c - a kernel prints more than the printf buffer holds. The
 * driver empties that while it waits, so how much is lost then differs from
 * run to run. When the kernel is over before anybody waits, what is left is the
 * newest lines. A larger buffer loses none, however much there is. Each is a
 * process, whose stdout this one reads.
 */
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_more_ptx.h"

#define PATIENCE_S 60

static void await(const volatile unsigned *done)
{
	const struct timespec nap = { 0, 1000000 };

	for (int i = 0; !*done && i < PATIENCE_S * 1000; i++)
		nanosleep(&nap, NULL);
	if (!*done)
		fail("drv_printf_full: the kernel does not end");
}

static void launch(CUmodule mod, unsigned from, unsigned lines,
		   unsigned *done)
{
	unsigned who = 7;
	CUdeviceptr d = 0;
	void *args[] = { &who, &from, &lines, &d };

	*done = 0;
	DRV(cuMemHostGetDevicePointer(&d, done, 0));
	DRV(cuLaunchKernel(drv_function(mod, "say_all"), 1, 1, 1, 1, 1, 1, 0,
			   NULL, args, NULL));
}

struct printing {
	size_t fifo;
	unsigned lines;
	int at_once; /* the wait begins while the kernel runs */
};

static void child(const struct printing *p)
{
	CUcontext ctx;
	CUmodule mod;
	size_t size = 0;
	void *done;

	drv_open(&ctx);
	DRV(cuCtxSetLimit(CU_LIMIT_PRINTF_FIFO_SIZE, p->fifo));
	DRV(cuCtxGetLimit(&size, CU_LIMIT_PRINTF_FIFO_SIZE));
	if (size < p->fifo)
		fail("drv_printf_full: a buffer of %zu bytes, not %zu", size,
		     p->fifo);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	DRV(cuMemHostAlloc(&done, 4, CU_MEMHOSTALLOC_DEVICEMAP));
	launch(mod, 0, p->lines, done);
	if (!p->at_once)
		await(done);
	DRV(cuCtxSynchronize());
	printf("the wait is over\n");
	/* What comes after it has room again. */
	launch(mod, p->lines, 3, done);
	DRV(cuCtxSynchronize());
	fflush(stdout);
	_exit(0);
}

struct seen {
	unsigned lines, first, last, after;
	unsigned gaps, back; /* lines that do not follow the one before */
	int waited;
};

static void look(FILE *f, struct seen *s)
{
	char line[256];
	unsigned who, n;

	while (fgets(line, sizeof(line), f)) {
		if (!strcmp(line, "the wait is over\n")) {
			s->waited = 1;
			continue;
		}
		if (sscanf(line, "speaker %u line %u: text", &who, &n) != 2 ||
		    who != 7 || strcmp(line + strlen(line) - 2, "%\n"))
			fail("drv_printf_full: a broken line: %s", line);
		if (s->waited) {
			s->after++;
			continue;
		}
		s->gaps += s->lines && n > s->last + 1;
		s->back += s->lines && n <= s->last;
		if (!s->lines++)
			s->first = n;
		s->last = n;
	}
}

static struct seen run(struct printing p)
{
	struct seen s = { 0 };
	int pair[2], status = 0;
	FILE *f;
	pid_t pid;

	if (pipe(pair))
		fail("drv_printf_full: no pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("drv_printf_full: cannot fork");
	if (pid == 0) {
		dup2(pair[1], STDOUT_FILENO);
		close(pair[0]);
		close(pair[1]);
		child(&p);
	}
	close(pair[1]);
	f = fdopen(pair[0], "r");
	if (!f)
		fail("drv_printf_full: no stream");
	look(f, &s);
	fclose(f);
	if (waitpid(pid, &status, 0) != pid || status)
		fail("drv_printf_full: the child ended with %#x", status);
	return s;
}

static int wrong;

static void must(const char *what, int good)
{
	printf("%-40s %s\n", what, good ? "yes" : "no");
	wrong |= !good;
}

/* For people: this differs from run to run, and is not compared. */
static void tell(const char *what, const struct seen *s)
{
	printf("# %s: %u lines, %u to %u, %u gaps, %u times back\n", what,
	       s->lines, s->first, s->last, s->gaps, s->back);
}

int main(void)
{
	struct seen s = run((struct printing){ 1 << 20, 60000, 0 });

	tell("60000 into 1 MiB", &s);
	must("60000 lines into 1 MiB: some are lost", s.lines < 60000);
	must("but not all", s.lines > 1000);
	must("the last is there", s.last == 59999);
	must("later ones are not lost", s.after == 3);
	s = run((struct printing){ 1 << 20, 60000, 1 });
	tell("60000 into 1 MiB, waited for at once", &s);
	must("waited for at once: the last is there", s.last == 59999);
	must("later ones are not lost", s.after == 3);
	s = run((struct printing){ 64 << 20, 200000, 1 });
	tell("200000 into 64 MiB", &s);
	must("200000 lines into 64 MiB", s.lines == 200000 && s.first == 0 &&
	     !s.gaps && !s.back && s.after == 3);
	return wrong;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_printf_full.c - a kernel prints more than the printf buffer holds: the
 * oldest lines are lost, the newest arrive whole and in order. How many differs
 * from driver to driver. A larger buffer loses none, however much there is.
 * Each is a process, whose stdout this one reads.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_more_ptx.h"

static void child(size_t fifo, unsigned lines)
{
	unsigned who = 7, from = 0;
	void *args[] = { &who, &from, &lines };
	CUcontext ctx;
	CUmodule mod;
	size_t size = 0;

	drv_open(&ctx);
	DRV(cuCtxSetLimit(CU_LIMIT_PRINTF_FIFO_SIZE, fifo));
	DRV(cuCtxGetLimit(&size, CU_LIMIT_PRINTF_FIFO_SIZE));
	if (size < fifo)
		fail("drv_printf_full: a buffer of %zu bytes, not %zu", size,
		     fifo);
	DRV(cuModuleLoadData(&mod, kernels_more_ptx));
	DRV(cuLaunchKernel(drv_function(mod, "say"), 1, 1, 1, 1, 1, 1, 0, NULL,
			   args, NULL));
	DRV(cuCtxSynchronize());
	printf("the wait is over\n");
	/* What comes after it has room again. */
	from = lines;
	lines = 3;
	DRV(cuLaunchKernel(drv_function(mod, "say"), 1, 1, 1, 1, 1, 1, 0, NULL,
			   args, NULL));
	DRV(cuCtxSynchronize());
	fflush(stdout);
	_exit(0);
}

struct seen {
	unsigned lines, first, last, after;
	int waited, order;
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
		s->order += s->lines && n != s->last + 1;
		if (!s->lines++)
			s->first = n;
		s->last = n;
	}
}

static struct seen run(size_t fifo, unsigned lines)
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
		child(fifo, lines);
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

static void must(const char *what, int good)
{
	printf("%-40s %s\n", what, good ? "yes" : "no");
	if (!good)
		fail("drv_printf_full: %s", what);
}

int main(void)
{
	struct seen s = run(1 << 20, 60000);

	must("60000 lines into 1 MiB: some are lost", s.lines < 60000);
	must("but not all", s.lines > 1000);
	must("the last is there", s.last == 59999);
	must("and all before it, in order", !s.order &&
	     s.first == 60000 - s.lines);
	must("later ones are not lost", s.after == 3);
	s = run(64 << 20, 200000);
	must("200000 lines into 64 MiB", s.lines == 200000 && s.first == 0 &&
	     !s.order && s.after == 3);
	return 0;
}

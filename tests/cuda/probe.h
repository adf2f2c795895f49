/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.h - calls that may crash the driver that they test. A group of them
 * runs in a process of its own, forked before cuInit, and writes its lines
 * into memory shared with this one. When a probe kills the process or hangs,
 * the group runs again without it. What is printed, once the group is
 * through:
 *
 *	what was tried                       CUDA_ERROR_INVALID_VALUE
 *	what was tried                       crashes instead of an answer
 */
#ifndef TESTS_CUDA_PROBE_H
#define TESTS_CUDA_PROBE_H

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"

#define PROBE_LINES 256
#define PROBE_SECONDS 8

static struct probes {
	unsigned at;  /* the line that is being made */
	bool inside;  /* of a probed call, not of what prepares one */
	struct {
		bool dead;
		char text[160];
	} lines[PROBE_LINES];
} *probes;

/* Whether the call may be made; if not, its line stands already. */
static bool probe_begins(const char *what)
{
	if (probes->at == PROBE_LINES)
		fail("probe.h: more than %d lines", PROBE_LINES);
	if (probes->lines[probes->at].dead) {
		probes->at++;
		return false;
	}
	snprintf(probes->lines[probes->at].text,
		 sizeof(probes->lines[0].text), "%-36s ", what);
	probes->inside = true;
	alarm(PROBE_SECONDS);
	return true;
}

static void probe_ends(CUresult res)
{
	char *text = probes->lines[probes->at].text;
	size_t len = strlen(text);

	alarm(0);
	probes->inside = false;
	snprintf(text + len, sizeof(probes->lines[0].text) - len, "%s",
		 drv_name(res));
	probes->at++;
}

#define PROBE(what, call)                                                      \
	do {                                                                   \
		if (probe_begins(what))                                        \
			probe_ends(call);                                      \
	} while (0)

/* A line about what a probe left behind. */
static __attribute__((format(printf, 1, 2))) void
probe_says(const char *fmt, ...)
{
	va_list ap;

	if (probes->at == PROBE_LINES)
		fail("probe.h: more than %d lines", PROBE_LINES);
	va_start(ap, fmt);
	vsnprintf(probes->lines[probes->at].text,
		  sizeof(probes->lines[0].text), fmt, ap);
	va_end(ap);
	probes->at++;
}

/* The group once, up to its end or its death; its wait status. */
static int probe_attempt(void (*run)(const void *), const void *data)
{
	const struct rlimit none = { 0, 0 };
	int status = 0;
	pid_t pid;

	probes->at = 0;
	probes->inside = false;
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("probe.h: cannot fork");
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &none);
		run(data);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		fail("probe.h: the group's process is lost");
	return status;
}

/* Whether one probe is to blame for @status; then it is marked. */
static bool probe_blamed(const char *name, int status)
{
	char *text = probes->lines[probes->at].text;
	bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
	size_t len = strlen(text);

	if (!WIFSIGNALED(status) || !probes->inside)
		return false;
	fprintf(stderr, "group %s: %s: signal %d\n", name, text,
		WTERMSIG(status));
	snprintf(text + len, sizeof(probes->lines[0].text) - len,
		 "%s instead of an answer", hung ? "hangs" : "crashes");
	probes->lines[probes->at].dead = true;
	return true;
}

/* Runs the group and prints its lines; 0, or 1 when it did not get through. */
static int probe_group(const char *name, void (*run)(const void *),
		       const void *data)
{
	int status;

	if (!probes) {
		probes = mmap(NULL, sizeof(*probes), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (probes == MAP_FAILED)
			fail("probe.h: no shared memory");
	}
	memset(probes, 0, sizeof(*probes));
	do
		status = probe_attempt(run, data);
	while (status && probe_blamed(name, status));
	printf("-- %s\n", name);
	for (unsigned i = 0; i < probes->at; i++)
		printf("%s\n", probes->lines[i].text);
	if (!status)
		return 0;
	if (WIFSIGNALED(status))
		fprintf(stderr, "group %s: crashed between its probes, signal "
			"%d\n", name, WTERMSIG(status));
	else
		fprintf(stderr, "group %s: ended with %d\n", name,
			WEXITSTATUS(status));
	return 1;
}

#endif

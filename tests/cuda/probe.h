/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe.h - calls that may crash the driver that they test. A group of them
 * runs in a process of its own, forked before cuInit, and writes its lines
 * into memory shared with this one. When a probe kills the process or hangs,
 * the group runs again without it; so it does when the process dies between
 * two probes, of what the one before did. What is printed, once the group is
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

#define PROBE_LINES 2048
#define PROBE_SECONDS 8
#define PROBE_WHAT 36 /* characters by which check-gpu tells lines apart */

static struct probes {
	unsigned at;  /* the line that is being made */
	unsigned last; /* the probe before, 1 for the first line; 0: none yet */
	bool inside;  /* of a probed call, not of what prepares one */
	bool resumes; /* does not make again what has an answer */
	struct {
		bool dead, done;
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
		 sizeof(probes->lines[0].text), "%-*.*s ", PROBE_WHAT,
		 PROBE_WHAT, what);
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
	probes->lines[probes->at].done = true;
	probes->last = probes->at + 1;
	snprintf(text + len, sizeof(probes->lines[0].text) - len, "%s",
		 drv_name(res));
	probes->at++;
}

#define PROBE(what, call)                                                      \
	do {                                                                   \
		if (probe_begins(what))                                        \
			probe_ends(call);                                      \
	} while (0)

/* In a group that resumes: is there anything left to do for this line? */
static __attribute__((unused)) bool probe_new(void)
{
	return probes->at == PROBE_LINES || !probes->lines[probes->at].done;
}

static __attribute__((unused)) void probe_skip(void)
{
	probes->at++;
}

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

	probes->at = probes->last = 0;
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
	unsigned at = probes->inside ? probes->at + 1 : probes->last;
	bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
	char *text;

	if (!WIFSIGNALED(status) || !at || probes->lines[at - 1].dead)
		return false;
	text = probes->lines[at - 1].text;
	fprintf(stderr, "group %s: %s: signal %d%s\n", name, text,
		WTERMSIG(status), probes->inside ? "" : " after it");
	snprintf(text + PROBE_WHAT, sizeof(probes->lines[0].text) - PROBE_WHAT,
		 " %s instead of an answer", hung ? "hangs" : "crashes");
	probes->lines[at - 1].dead = probes->lines[at - 1].done = true;
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

// SPDX-License-Identifier: BSD-2-Clause
#include "tools/lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const names[] = { "error", "warn", "info", "debug" };
static const int syslog_level[] = { 3, 4, 6, 7 };

static const char *program = "vgpu";
static enum log_level max_level = LOG_WARN;
static bool journal;

void log_open(const char *name, enum log_level level)
{
	program = name;
	max_level = level;
	journal = getenv("JOURNAL_STREAM") != NULL;
}

int log_level_from_name(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char line[1024];
	int n, m;
	va_list ap;

	if (level > max_level)
		return;
	if (journal)
		n = snprintf(line, sizeof(line), "<%d>%s: ",
			     syslog_level[level], program);
	else
		n = snprintf(line, sizeof(line), "%s: %s: ", program,
			     names[level]);
	va_start(ap, fmt);
	m = vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	n = m < 0 ? n : n + m;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	/* One write, so that lines of several processes do not mix. Where
	 * stderr is gone there is nobody left to tell. Not by write(2):
	 * vgpu-exec takes what is written so for the guest's. */
	if (syscall(SYS_write, STDERR_FILENO, line, (size_t)n) < 0)
		errno = saved;
	errno = saved;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "tools/lib/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/lib/bucket.h"

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

/* ---- lines that a guest can cause ---------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bucket lines;   /* no rate: no limit */
static unsigned int left_out; /* since the last line */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void log_limit(uint32_t burst, uint32_t rate)
{
	bucket_init(&lines, rate, burst, now_ms());
}

/* May a line be written, and after how many that were not? */
static bool may_write(enum log_level level, unsigned int *missing)
{
	bool may;

	*missing = 0;
	if (!lines.rate || level == LOG_TRACE)
		return true;
	pthread_mutex_lock(&lock);
	may = bucket_take(&lines, now_ms());
	if (may)
		*missing = left_out;
	left_out = may ? 0 : left_out + 1;
	pthread_mutex_unlock(&lock);
	return may;
}

/* ---- one line ------------------------------------------------------------ */

static int prefix(char *line, size_t size, enum log_level level,
		  unsigned int missing)
{
	int n = journal ? snprintf(line, size, "<%d>%s: ", syslog_level[level],
				   program) :
			  snprintf(line, size, "%s: %s: ", program,
				   names[level]);

	if (missing)
		n += snprintf(line + n, size - (size_t)n,
			      "(%u lines were left out) ", missing);
	return n;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	unsigned int missing;
	char line[1024];
	int n, m;
	va_list ap;

	if (level > max_level || !may_write(level, &missing))
		return;
	n = prefix(line, sizeof(line), level, missing);
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

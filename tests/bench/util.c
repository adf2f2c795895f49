// SPDX-License-Identifier: BSD-2-Clause
/* util.c - clock, median, rows. */
#include <stdarg.h>
#include <time.h>

#include "tests/bench/bench.h"

double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(double *v, int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("cubench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void check(CUresult res, const char *call, int line)
{
	const char *name = NULL;

	if (res == CUDA_SUCCESS)
		return;
	if (cuGetErrorName(res, &name) != CUDA_SUCCESS || !name)
		name = "unknown";
	die("%s (line %d) gave %s (%d)", call, line, name, (int)res);
}

void row(struct bench *b, const char *key, const char *work, double value,
	 enum unit unit)
{
	static const char *const units[] = { "us", "ms", "GB/s" };

	if (b->quiet)
		return;
	if (b->json)
		printf("%s\n  \"%s\": {\"work\": \"%s\", \"value\": %.6g, "
		       "\"unit\": \"%s\"}", b->rows ? "," : "", key, work,
		       value, units[unit]);
	else
		printf("%-44s %12.4g %s\n", work, value, units[unit]);
	fflush(stdout);
	b->rows++;
}

int scaled(const struct bench *b, int count)
{
	int n = count / b->divide;

	return n > 3 ? n : 3;
}

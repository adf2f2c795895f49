/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h - what every test program shares: input that is the same on every
 * machine, checksums, and the one way to fail.
 *
 * A program prints results only (never times, addresses or identifiers), so
 * that its output over one CUDA driver can be compared with the output over
 * another byte for byte.
 */
#ifndef TESTS_CUDA_REPORT_H
#define TESTS_CUDA_REPORT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define UNUSED_OK __attribute__((unused))

/* A program that crashes or hangs has then shown how far it came. */
static __attribute__((constructor)) void report_by_line(void)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
}

/* The sentence goes to stderr, so that stdout stays comparable. */
static UNUSED_OK __attribute__((noreturn, format(printf, 1, 2))) void
fail(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	/* _Exit: a failing thread must not wait in atexit handlers. */
	_Exit(1);
}

/*
 * A result is wrong. Where a stand-in runs no kernels (VGPU_TEST_STANDIN=1)
 * all are: such a run shows which calls a program makes, and goes on.
 */
static UNUSED_OK __attribute__((format(printf, 1, 2))) void
wrong_result(const char *fmt, ...)
{
	va_list ap;

	if (getenv("VGPU_TEST_STANDIN"))
		return;
	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_Exit(1);
}

/* xorshift32: never 0 when @state starts non-zero. */
static UNUSED_OK uint32_t rng(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* FNV-1a. */
static UNUSED_OK uint64_t checksum(const void *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ull;
	return h;
}

/* The optional size argument: argv[@index], or @dflt when there is none. */
static UNUSED_OK long arg_long(int argc, char **argv, int index, long dflt)
{
	char *end;
	long v;

	if (index >= argc)
		return dflt;
	v = strtol(argv[index], &end, 0);
	if (*end || end == argv[index] || v <= 0)
		fail("%s: argument %d is '%s', which is not a positive number",
		     argv[0], index, argv[index]);
	return v;
}

static UNUSED_OK void *must_alloc(size_t len)
{
	void *p = calloc(1, len ? len : 1);

	if (!p)
		fail("out of host memory asking for %zu bytes", len);
	return p;
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h - parts of cubench, the benchmark of the driver API.
 *
 * Each part measures some kinds of work and hands over one row for each: a
 * key that scripts use, the name of the work, and one number. The number is
 * the median of several repetitions, since a mean on a shared machine is
 * moved by a single pause.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <cuda.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct bench {
	CUdevice dev;
	CUcontext ctx;
	CUmodule mod;
	CUfunction empty; /* a kernel that does nothing */
	CUstream stream;
	/* 1 for real; --quick divides all counts by more. */
	int divide;
	size_t largest_copy;
	const char *module_path; /* a cubin of 40 MiB, or NULL */
	int json, quiet, rows;
};

enum unit { UNIT_US, UNIT_MS, UNIT_GBS };

/* util.c */
double now_us(void);
double median(double *v, int n);
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);
void check(CUresult res, const char *call, int line);
void row(struct bench *b, const char *key, const char *work, double value,
	 enum unit unit);
int scaled(const struct bench *b, int count);

#define CU(call) check((call), #call, __LINE__)

/* The parts, in the order of the table. */
void bench_start(struct bench *b);    /* start.c: cuInit, context, module */
void bench_local(struct bench *b);    /* calls.c: what needs no host */
void bench_remote(struct bench *b);   /* calls.c: what asks the driver */
void bench_launches(struct bench *b); /* launches.c */
void bench_copies(struct bench *b);   /* copies.c */
void bench_module(struct bench *b);   /* start.c: 40 MiB, first launch */

/* load.c: other modes of the program. */
int mode_threads(struct bench *b, int threads, double seconds);
void mode_idle_begin(void);
int mode_idle(struct bench *b);

#endif

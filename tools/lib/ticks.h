/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ticks.h - a clock for spinning: the time stamp counter, calibrated once
 * against CLOCK_MONOTONIC. In a virtual machine clock_gettime() can be a
 * system call, which is longer than what is waited for here.
 */
#ifndef VGPU_TICKS_H
#define VGPU_TICKS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t ticks_wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Nanoseconds, about: for spins and naps, not for measurements. The rate is
 * taken over the first 20 ms of use; until then the wall clock answers. */
static inline uint64_t ticks_ns(void)
{
	static uint64_t tsc0, wall0;
	static double rate; /* ns per tick; 0: not known yet */
	static bool claimed; /* one thread sets the start */
	uint64_t tsc = __builtin_ia32_rdtsc(), wall, start;
	double r;

	__atomic_load(&rate, &r, __ATOMIC_ACQUIRE);
	if (__builtin_expect(r > 0, 1))
		return wall0 + (uint64_t)((double)(tsc - tsc0) * r);
	wall = ticks_wall();
	start = __atomic_load_n(&wall0, __ATOMIC_ACQUIRE);
	if (!start) {
		if (!__atomic_test_and_set(&claimed, __ATOMIC_RELAXED)) {
			tsc0 = tsc;
			__atomic_store_n(&wall0, wall, __ATOMIC_RELEASE);
		}
	} else if ((int64_t)(wall - start) > 20000000) {
		r = (double)(wall - start) / (double)(tsc - tsc0);
		__atomic_store(&rate, &r, __ATOMIC_RELEASE);
	}
	return wall;
}

#endif

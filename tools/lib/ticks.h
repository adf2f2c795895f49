/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ticks.h - a clock for spinning: the time stamp counter, calibrated once
 * against CLOCK_MONOTONIC. In a virtual machine clock_gettime() can be a
 * system call, which is longer than what is waited for here.
 */
#ifndef VGPU_TICKS_H
#define VGPU_TICKS_H

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
	uint64_t tsc = __builtin_ia32_rdtsc();
	double r = __atomic_load_n(&wall0, __ATOMIC_ACQUIRE) ? rate : 0;

	if (__builtin_expect(r > 0, 1))
		return wall0 + (uint64_t)((double)(tsc - tsc0) * r);
	uint64_t wall = ticks_wall();

	if (!wall0) {
		tsc0 = tsc;
		__atomic_store_n(&wall0, wall, __ATOMIC_RELEASE);
	} else if (wall - wall0 > 20000000) {
		rate = (double)(wall - wall0) / (double)(tsc - tsc0);
	}
	return wall;
}

#endif

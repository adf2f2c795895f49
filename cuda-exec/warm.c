// SPDX-License-Identifier: BSD-2-Clause
/*
 * warm.c - a primary context of GPU 0, held before there is a guest process.
 *
 * It is the guest's as soon as that retains one: contexts are counted by the
 * driver, so ours is given back then and the guest's alone remains. What a
 * guest asks for that a living context cannot become ends it first.
 */
#include "cuda-exec/exec_internal.h"

#include <pthread.h>

#include "tools/lib/ticks.h"

#define DEVICE   0
/* A session that uses no context keeps no memory of the GPU longer. */
#define UNUSED_NS 5000000000u
/* Flags that a living context can take: how a thread waits. */
#define LIVE_FLAGS (CU_CTX_SCHED_MASK | CU_CTX_MAP_HOST)

static bool held;
static uint64_t until; /* 0: no session yet */

static void *drop(void *unused)
{
	CUresult r = R.cuDevicePrimaryCtxRelease_v2(DEVICE);

	if (r)
		log_warn("the context held ready cannot be released: %d", r);
	return unused;
}

static void drop_now(void)
{
	held = false;
	drop(NULL);
}

/* Ending a context takes some 50 ms, for which nobody should wait. */
static void drop_aside(void)
{
	pthread_t t;

	held = false;
	if (pthread_create(&t, NULL, drop, NULL))
		drop(NULL);
	else
		pthread_detach(t);
}

/* Where only one process may have a context it is not ours to take. */
static bool shared_device(void)
{
	int mode = CU_COMPUTEMODE_DEFAULT;
	CUdevice dev;

	return R.cuDeviceGet && R.cuDeviceGetAttribute &&
	       R.cuDevicePrimaryCtxRelease_v2 && !R.cuDeviceGet(&dev, DEVICE) &&
	       !R.cuDeviceGetAttribute(&mode, CU_DEVICE_ATTRIBUTE_COMPUTE_MODE,
				       dev) && mode == CU_COMPUTEMODE_DEFAULT;
}

void warm_hold(bool hold)
{
	CUcontext c;
	CUresult r;

	if (hold == held)
		return;
	if (!hold) {
		drop_now();
		log_info("no VM runs: the context of GPU %d is let go", DEVICE);
		return;
	}
	if (!shared_device()) {
		log_debug("GPU %d is not for a context held ready", DEVICE);
		return;
	}
	r = R.cuDevicePrimaryCtxRetain(&c, DEVICE);
	held = r == CUDA_SUCCESS;
	if (held)
		log_info("a context of GPU %d is held ready", DEVICE);
	else
		log_warn("no context of GPU %d can be held ready: error %d",
			 DEVICE, r);
}

void warm_session(void)
{
	until = ticks_ns() + UNUSED_NS;
}

/* The flags of a guest's primary context, which is about to be retained. */
CUresult warm_flags(CUdevice dev, uint32_t flags)
{
	CUresult r;

	if (!R.cuDevicePrimaryCtxSetFlags_v2)
		return CUDA_SUCCESS;
	if (held && dev == DEVICE && (flags & ~(uint32_t)LIVE_FLAGS))
		drop_now();
	r = R.cuDevicePrimaryCtxSetFlags_v2(dev, flags);
	if (r == CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE && held && dev == DEVICE) {
		drop_now();
		r = R.cuDevicePrimaryCtxSetFlags_v2(dev, flags);
	}
	return r;
}

/* The guest has a context now; @primary_of: the device whose primary one it
 * is, or -1. */
void warm_taken(CUdevice primary_of)
{
	if (!held)
		return;
	if (primary_of == DEVICE)
		drop_now();
	else
		drop_aside();
}

/* Called while there is nothing to do: how long a sleep may be; 0: any. */
uint64_t warm_tick(void)
{
	uint64_t now;

	if (!held || !until)
		return 0;
	now = ticks_ns();
	if (now < until)
		return until - now;
	drop_aside();
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * wait.c - waiting for what the host or the GPU does.
 *
 * A waiting thread spins for the time that the host set, then sleeps: one of
 * the sleepers waits for the event channel, the others for it. Who waits for
 * the GPU spins GPU_SPINS times as long, where there are cores for it, as the
 * driver's own waits do natively; then it tells the executor that it sleeps,
 * which looks on in its place.
 */
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <xenevtchn.h>

#include "tools/lib/log.h"
#include "tools/lib/ticks.h"

static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_cond = PTHREAD_COND_INITIALIZER;
static bool polling; /* one thread is at the event channel */
static int wake_fd = -1; /* what a thread of ours does wakes it too */

void vg_wait_open(void)
{
	if (wake_fd < 0)
		wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static bool exec_alive(void)
{
	return shared_load8(&vg_session.ctl->exec_alive) != 0;
}

static CUresult lost(void)
{
	char detail[300];
	enum vgpu_error e;

	if (atomic_load(&vg_status) != CUDA_SUCCESS)
		return (CUresult)atomic_load(&vg_status);
	e = vg_session_verdict(detail, sizeof(detail));
	return vg_session_lost(e, detail);
}

#define GPU_SPINS     200u
#define CORES_TO_SPIN 4

static uint64_t gpu_spin_ns(void)
{
	static _Atomic long cores;
	struct vg_ctx *c = vg_ctx();

	if (!cores)
		cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores < CORES_TO_SPIN ||
	       (c && (c->flags & CU_CTX_SCHED_BLOCKING_SYNC)) ?
	       vg_session.spin_ns : GPU_SPINS * vg_session.spin_ns;
}

static bool spin(bool (*ready)(void *), void *arg, bool gpu)
{
	uint64_t end = 0;

	for (uint32_t i = 0;; i++) {
		if (ready(arg))
			return true;
		cpu_relax();
		if (i % 32)
			continue;
		if (!end)
			end = ticks_ns() + (gpu ? gpu_spin_ns() :
						  vg_session.spin_ns);
		else if (ticks_ns() > end)
			return false;
	}
}

/* Wait for the event channel; the kernel keeps it masked until we say so. */
static void at_the_channel(void)
{
	struct pollfd p[] = { { .fd = xenevtchn_fd(vg_session.xce),
				.events = POLLIN },
			      { .fd = wake_fd, .events = POLLIN } };
	xenevtchn_port_or_error_t port;
	uint64_t n;

	vg_trace_add(VG_TRACE_SLEEPS, 1);
	/* A limit, so that a lost executor is noticed in any case. */
	if (poll(p, 2, 500) <= 0)
		return;
	if ((p[1].revents & POLLIN) && read(wake_fd, &n, sizeof(n)) < 0)
		log_debug("wake: %s", strerror(errno));
	if (!(p[0].revents & POLLIN))
		return;
	port = xenevtchn_pending(vg_session.xce);
	if (port >= 0 &&
	    xenevtchn_unmask(vg_session.xce, (evtchn_port_t)port))
		log_warn("unmask: %s", strerror(errno));
}

/* Something that a waiting thread may wait for was freed by this process. */
void vg_wake(void)
{
	uint64_t one = 1;

	shared_fence();
	if (shared_load32(&vg_session.ctl->guest_waiters) &&
	    write(wake_fd, &one, sizeof(one)) < 0)
		log_debug("wake: %s", strerror(errno));
}

static void sleep_a_while(void)
{
	struct timespec t;

	if (!polling) {
		polling = true;
		pthread_mutex_unlock(&sleep_lock);
		at_the_channel();
		pthread_mutex_lock(&sleep_lock);
		polling = false;
		pthread_cond_broadcast(&sleep_cond);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec++;
	pthread_cond_timedwait(&sleep_cond, &sleep_lock, &t);
}

void vg_ring_bell(void)
{
	vg_trace_add(VG_TRACE_BELLS, 1);
	if (xenevtchn_notify(vg_session.xce, vg_session.port) < 0)
		log_warn("notify: %s", strerror(errno));
}

static CUresult wait_until(bool (*ready)(void *), void *arg, bool gpu,
			   bool *slept)
{
	struct vgpu_control *c = vg_session.ctl;
	bool done = spin(ready, arg, gpu);

	*slept = !done;
	if (done)
		return CUDA_SUCCESS;
	__atomic_fetch_add(&c->guest_waiters, 1, __ATOMIC_SEQ_CST);
	shared_fence();
	if (gpu && !ready(arg))
		vg_ring_bell();
	pthread_mutex_lock(&sleep_lock);
	while (!(done = ready(arg)) && exec_alive())
		sleep_a_while();
	pthread_mutex_unlock(&sleep_lock);
	__atomic_fetch_sub(&c->guest_waiters, 1, __ATOMIC_SEQ_CST);
	/* The last words may have come between the two looks. */
	return done || ready(arg) ? CUDA_SUCCESS : lost();
}

static CUresult traced_wait(bool (*ready)(void *), void *arg, bool gpu)
{
	uint64_t since = unlikely(vg_tracing) ? vg_trace_now() : 0;
	bool slept;
	CUresult r = wait_until(ready, arg, gpu, &slept);

	if (unlikely(since))
		vg_trace_waited(since, slept);
	return r;
}

/* Until @ready, however long that takes; ends when the executor does. */
CUresult vg_wait(bool (*ready)(void *), void *arg)
{
	return traced_wait(ready, arg, false);
}

/* The same for what the GPU does. */
CUresult vg_wait_gpu(bool (*ready)(void *), void *arg)
{
	return traced_wait(ready, arg, true);
}

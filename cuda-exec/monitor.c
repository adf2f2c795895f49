// SPDX-License-Identifier: BSD-2-Clause
/*
 * monitor.c - the thread that can always end the process.
 *
 * The ring thread may be inside the driver for long. This thread listens to
 * the backend, gives other processes of the VM what we export, and while the
 * ring thread is awake it looks twice a second whether the guest is still
 * there. While the ring thread sleeps (it then hears of the guest's death
 * itself) this thread sleeps too, without limit.
 */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/lib/passfd.h"

#define LOOK_MS 500

static _Atomic bool ring_asleep, monitor_asleep_too;
static int wake_fd = -1;

void exec_end(struct ex *e, enum vgpu_error error, const char *text)
{
	struct exec_msg m = { .type = EXEC_ENDED, .error = error };

	snprintf(m.text, sizeof(m.text), "%s", text);
	if (error == VGPU_E_PROTOCOL)
		log_warn("domain %u session %s: %s", e->domid, e->sid, text);
	if (e->ctl)
		shared_store32(&e->ctl->exec_error, error);
	/* If the backend is gone nobody waits for this message. */
	if (send(e->control_fd, &m, sizeof(m), MSG_NOSIGNAL) < 0)
		log_debug("session %s: backend is gone: %s", e->sid,
			  strerror(errno));
	/* The kernel gives back pages, ports and GPU memory; the driver's
	 * destructors could hang on a broken GPU. */
	_exit(0);
}

void monitor_asleep(bool asleep)
{
	uint64_t one = 1;

	atomic_store(&ring_asleep, asleep);
	if (!asleep && atomic_load(&monitor_asleep_too) &&
	    write(wake_fd, &one, sizeof(one)) < 0)
		log_warn("monitor: %s", strerror(errno));
}

static void control_message(struct ex *e)
{
	AUTO_FD int fd = -1;
	struct exec_msg m;
	ssize_t n = passfd_recv(e->control_fd, &m, sizeof(m), &fd);

	if (n == -EINTR || n == -EAGAIN)
		return;
	if (n <= 0)
		exec_end(e, VGPU_E_CLOSED, "the backend is gone");
	if ((size_t)n == sizeof(m) && m.type == EXEC_STOP)
		exec_end(e, VGPU_E_CLOSED, "stopped by the backend");
	if ((size_t)n == sizeof(m) && share_message(e, &m, &fd))
		return;
	log_warn("session %s: unknown message %u from the backend", e->sid,
		 n >= (ssize_t)sizeof(m.type) ? m.type : 0);
}

static void *monitor(void *arg)
{
	struct ex *e = arg;
	struct pollfd p[2] = { { .fd = e->control_fd, .events = POLLIN },
			       { .fd = wake_fd, .events = POLLIN } };
	uint64_t n;

	for (;;) {
		bool forever = atomic_load(&ring_asleep);

		atomic_store(&monitor_asleep_too, forever);
		/* The ring thread may have woken between the two. */
		if (forever && !atomic_load(&ring_asleep))
			forever = false;
		if (poll(p, 2, forever ? -1 : LOOK_MS) < 0 && errno != EINTR)
			exec_end(e, VGPU_E_EXEC_DIED, "poll failed");
		if (p[1].revents & POLLIN &&
		    read(wake_fd, &n, sizeof(n)) < 0)
			log_warn("monitor: %s", strerror(errno));
		if (p[0].revents)
			control_message(e);
		if (!shared_load8(&e->ctl->guest_alive))
			exec_end(e, VGPU_E_LEFT, "the guest process left");
	}
	return NULL;
}

int monitor_start(struct ex *e)
{
	pthread_t t;
	int r;

	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wake_fd < 0)
		return -errno;
	r = pthread_create(&t, NULL, monitor, e);
	if (r)
		return -r;
	return -pthread_detach(t);
}

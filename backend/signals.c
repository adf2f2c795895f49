// SPDX-License-Identifier: BSD-2-Clause
/* signals.c - signals arrive in the main loop like everything else. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/executor.h"
#include "tools/lib/log.h"

static void take(struct backend *b, uint32_t signo)
{
	switch (signo) {
	case SIGCHLD:
		executors_reap(b);
		return;
	case SIGHUP:
		b->reload = true;
		return;
	default:
		if (!b->stop)
			log_info("stopping: signal %u", signo);
		b->stop = true;
		return;
	}
}

static void ready(struct source *s, uint32_t events)
{
	struct backend *b = container_of(s, struct backend, signal_source);
	struct signalfd_siginfo si;

	(void)events;
	if (read(s->fd, &si, sizeof(si)) == sizeof(si))
		take(b, si.ssi_signo);
}

/* Call before libxenstore starts its thread, which inherits the mask. */
int signals_open(struct backend *b)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	b->signal_source = (struct source){ fd, ready };
	return loop_add(&b->loop, &b->signal_source, EPOLLIN);
}

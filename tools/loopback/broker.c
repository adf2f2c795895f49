// SPDX-License-Identifier: BSD-2-Clause
/* broker.c - the broker's process: its socket, its loop, its end. */
#include "tools/loopback/loopback.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"
#include "tools/loopback/broker.h"

struct limits limits = {
	.grants = LB_DEFAULT_GRANTS,
	.gntalloc = LB_NONE,
	.maps = LB_DEFAULT_MAPS,
};
bool broker_stopping;

/* Told apart from connections by their addresses. */
static char tag_listener, tag_signals;

static int limit_from_env(const char *name, uint32_t *limit)
{
	const char *text = getenv(name);
	unsigned long n;
	char *end;

	if (!text || !*text)
		return 0;
	n = strtoul(text, &end, 10);
	if (*end || n < LB_FIRST_REF || n > 1u << 24) {
		log_error("%s is '%s': a number from %u to %u is needed",
			  name, text, LB_FIRST_REF, 1u << 24);
		return -EINVAL;
	}
	*limit = (uint32_t)n;
	return 0;
}

static int read_limits(void)
{
	int err = limit_from_env("VGPU_LOOPBACK_MAX_GRANTS", &limits.grants);

	if (!err)
		err = limit_from_env("VGPU_LOOPBACK_GNTALLOC_LIMIT",
				     &limits.gntalloc);
	if (!err)
		err = limit_from_env("VGPU_LOOPBACK_MAX_MAPS", &limits.maps);
	return err;
}

/* A file a share, two eventfds a channel. */
static void raise_fd_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
		log_warn("only a few files may be open: %m");
}

static int listen_at(const char *dir)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_FD int fd = -1;

	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/broker", dir) >=
	    (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return -errno;
	/* The caller knows that nobody answers there any more. */
	unlink(sa.sun_path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 128) < 0)
		return -errno;
	return fd_take(&fd);
}

static int signals_fd(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static void take_signal(int fd)
{
	struct signalfd_siginfo si;
	int status;
	pid_t pid;

	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo != SIGCHLD) {
		broker_stopping = true;
		return;
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		store_reaped(pid, status);
}

static int watch(int epoll, int fd, void *tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = tag };

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* It still waits in the queue: try again, but not without a pause. */
static void turn_away(int err)
{
	const struct timespec nap = { .tv_nsec = 100 * 1000 * 1000 };

	log_error("a process cannot be served: %s", strerror(-err));
	nanosleep(&nap, NULL);
}

/* One event at a time: serving one connection may end another. */
static void loop(int epoll, int listener, int signals)
{
	struct epoll_event ev;
	int err;

	while (!broker_stopping) {
		if (epoll_wait(epoll, &ev, 1, -1) != 1)
			continue;
		if (ev.data.ptr == &tag_signals)
			take_signal(signals);
		else if (ev.data.ptr != &tag_listener)
			conn_serve(ev.data.ptr);
		else if ((err = conn_accept(listener, epoll)) < 0)
			turn_away(err);
	}
}

static void end(const char *dir)
{
	char path[512];

	store_stop();
	while (!LIST_EMPTY(&conns))
		conn_end(LIST_FIRST(&conns));
	while (!LIST_EMPTY(&domains))
		domain_destroy(LIST_FIRST(&domains), true);
	snprintf(path, sizeof(path), "%s/broker", dir);
	unlink(path);
}

static int set_up(const struct broker_args *a, int epoll, int *listener,
		  int *signals)
{
	struct domain *dom0;
	int err = read_limits();

	if (err)
		return err;
	raise_fd_limit();
	*listener = listen_at(a->dir);
	if (*listener < 0)
		return *listener;
	*signals = signals_fd();
	if (*signals < 0)
		return *signals;
	err = watch(epoll, *listener, &tag_listener);
	if (!err)
		err = watch(epoll, *signals, &tag_signals);
	if (!err)
		err = domain_create(0, &dom0);
	if (!err && a->xenstored)
		err = store_start(a, dom0->store_port);
	return err;
}

int broker_main(const struct broker_args *a)
{
	AUTO_FD int epoll = epoll_create1(EPOLL_CLOEXEC);
	AUTO_FD int listener = -1;
	AUTO_FD int signals = -1;
	int err = epoll < 0 ? -errno : 0;

	if (!err)
		err = set_up(a, epoll, &listener, &signals);
	if (err)
		log_error("cannot serve in %s: %s", a->dir, strerror(-err));
	else
		log_info("serving in %s", a->dir);
	/* Whoever waits for us reads one byte, or end of file. */
	if (a->ready_fd >= 0) {
		if (!err && write(a->ready_fd, "", 1) != 1)
			log_warn("nobody waits for the start any more");
		close(a->ready_fd);
	}
	if (!err)
		loop(epoll, listener, signals);
	end(a->dir);
	return err ? 1 : 0;
}

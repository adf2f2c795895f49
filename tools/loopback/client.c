// SPDX-License-Identifier: BSD-2-Clause
#include "tools/loopback/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/lib/cleanup.h"

void lb_complain(const char *who, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s (loopback): %s\n", who, text);
}

int lb_fail(int err)
{
	errno = -err;
	return -1;
}

struct lb_conn *lb_get(struct lb_conn *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

/* The goodbye makes closing synchronous: what was held is free when the
 * caller goes on. A forked child only drops its copy of the socket. */
static void say_bye(struct lb_conn *c)
{
	struct lb_call call = { .req.op = LB_BYE, .send_fd = -1 };

	if (c->pid == getpid() && lb_call(c, &call) < 0)
		/* The broker is gone, and all that it kept with it. */
		return;
}

void lb_put(struct lb_conn *c)
{
	int saved = errno;

	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	say_bye(c);
	close(c->fd);
	pthread_mutex_destroy(&c->lock);
	free(c);
	errno = saved;
}

static int dial(const char *dir)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_FD int fd = -1;
	int n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/broker", dir);

	if (n >= (int)sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return fd_take(&fd);
}

static int say_hello(struct lb_conn *c, uint32_t domid)
{
	struct lb_call call = {
		.req.op = LB_HELLO,
		.req.domid = domid,
		.req.count = LB_VERSION,
		.send_fd = -1,
	};

	return lb_call(c, &call);
}

static struct lb_conn *conn_new(int fd)
{
	struct lb_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	c->pid = getpid();
	atomic_init(&c->refs, 1);
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static const char *why(int err)
{
	switch (err) {
	case -ENAMETOOLONG:
		return "the path is too long for a socket";
	case -ENOENT:
	case -ECONNREFUSED:
		return "nothing serves there; run `vgpu-loopback start`";
	case -ESRCH:
		return "that domain does not exist; run `vgpu-loopback "
		       "introduce`";
	case -EPROTO:
		return "the broker is of another version; rebuild both";
	default:
		return strerror(-err);
	}
}

struct lb_conn *lb_connect_to(const char *dir, uint32_t domid,
			      const char *who, bool quiet)
{
	struct lb_conn *c = NULL;
	int fd = dial(dir);
	int err = fd < 0 ? fd : 0;

	if (!err) {
		c = conn_new(fd);
		err = c ? say_hello(c, domid) : -ENOMEM;
		if (!c)
			close(fd);
	}
	if (!err)
		return c;
	if (!quiet)
		lb_complain(who, "cannot reach %s as domain %u: %s", dir,
			    domid, why(err));
	if (c) {
		/* Nothing is held yet, so there is nothing to say. */
		c->pid = 0;
		lb_put(c);
	}
	errno = -err;
	return NULL;
}

struct lb_conn *lb_connect(const char *who)
{
	const char *dir = getenv("VGPU_LOOPBACK_DIR");
	const char *dom = getenv("VGPU_DOMID");
	unsigned long domid = 0;
	char *end = NULL;

	if (!dir || !*dir) {
		lb_complain(who, "VGPU_LOOPBACK_DIR is not set: run "
				 "`eval \"$(vgpu-loopback start)\"` first");
		errno = ENOENT;
		return NULL;
	}
	if (dom)
		domid = strtoul(dom, &end, 10);
	if (dom && (end == dom || *end || domid >= 0x7ff0)) {
		lb_complain(who, "VGPU_DOMID is '%s', which is no domain "
				 "number (0 to 32751)", dom);
		errno = EINVAL;
		return NULL;
	}
	return lb_connect_to(dir, (uint32_t)domid, who, false);
}

union fd_space {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int) * LB_MAX_RUNS)];
};

static int send_req(int fd, struct lb_call *call)
{
	size_t len = offsetof(struct lb_req, run) +
		     call->req.n_runs * sizeof(struct lb_run);
	struct iovec iov = { &call->req, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_space space = { 0 };
	struct cmsghdr *cm;
	ssize_t n;

	if (call->send_fd >= 0) {
		m.msg_control = space.buf;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		cm = CMSG_FIRSTHDR(&m);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &call->send_fd, sizeof(int));
	}
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* Keeps what the caller has room for and closes the rest. */
static void take_fds(struct msghdr *m, struct lb_call *call)
{
	struct cmsghdr *cm;

	for (cm = CMSG_FIRSTHDR(m); cm; cm = CMSG_NXTHDR(m, cm)) {
		uint32_t n = (uint32_t)((cm->cmsg_len - CMSG_LEN(0)) /
					sizeof(int));

		for (uint32_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int),
			       sizeof(int));
			if (call->n_fds < call->max_fds)
				call->fds[call->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

static int recv_rep(int fd, struct lb_call *call)
{
	struct iovec iov[2] = {
		{ &call->rep, sizeof(call->rep) },
		{ call->runs, call->max_runs * sizeof(struct lb_run) },
	};
	union fd_space space;
	struct msghdr m = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = space.buf,
		.msg_controllen = sizeof(space.buf),
	};
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ECONNRESET;
	take_fds(&m, call);
	if ((size_t)n < sizeof(call->rep) || (m.msg_flags & MSG_TRUNC))
		return -EPROTO;
	/* The kernel leaves out what this process has no room for. */
	if (m.msg_flags & MSG_CTRUNC)
		return -EMFILE;
	return -call->rep.error;
}

int lb_call(struct lb_conn *c, struct lb_call *call)
{
	int err;

	call->n_fds = 0;
	/* A child must not mix its words into its parent's connection; the
	 * real libraries forbid the same use. */
	if (c->pid != getpid())
		return -EPERM;
	pthread_mutex_lock(&c->lock);
	err = send_req(c->fd, call);
	if (!err)
		err = recv_rep(c->fd, call);
	pthread_mutex_unlock(&c->lock);
	if (!err)
		return 0;
	for (uint32_t i = 0; i < call->n_fds; i++)
		close(call->fds[i]);
	call->n_fds = 0;
	return err;
}

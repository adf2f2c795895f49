// SPDX-License-Identifier: BSD-2-Clause
/* conn.c - one connection a library handle; its end, however it comes,
 * gives back all that was held through it. */
#include "tools/loopback/broker.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"

struct conn_list conns = LIST_HEAD_INITIALIZER(conns);

static struct conn *conn_new(int fd)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	struct conn *c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->fd = fd;
	c->pid = cred.pid;
	c->pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
	LIST_INSERT_HEAD(&conns, c, next);
	return c;
}

int conn_accept(int listener, int epoll)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c;

	if (fd < 0)
		return -errno;
	c = conn_new(fd);
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	ev.data.ptr = c;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int err = -errno;

		conn_end(c);
		return err;
	}
	return 0;
}

/* Maps first: their notifications go out on ports, which come last. */
void conn_release(struct conn *c)
{
	while (!LIST_EMPTY(&c->maps))
		map_end(LIST_FIRST(&c->maps));
	while (!LIST_EMPTY(&c->shares))
		share_end(LIST_FIRST(&c->shares));
	while (!LIST_EMPTY(&c->ports))
		port_close(LIST_FIRST(&c->ports));
}

void conn_end(struct conn *c)
{
	conn_release(c);
	if (c->dom)
		c->dom->conns--;
	close(c->fd);
	if (c->pidfd >= 0)
		close(c->pidfd);
	LIST_REMOVE(c, next);
	free(c);
}

/* The first descriptor is kept, any other closed. */
static int first_fd(struct msghdr *m)
{
	struct cmsghdr *cm = CMSG_FIRSTHDR(m);
	int kept = -1;
	size_t n;

	if (!cm || cm->cmsg_type != SCM_RIGHTS)
		return -1;
	n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
		if (kept < 0)
			kept = fd;
		else
			close(fd);
	}
	return kept;
}

/* 1: a request; 0: none; negative: the connection has ended. */
static int receive(struct conn *c, struct lb_req *req, int *fd)
{
	size_t head = offsetof(struct lb_req, run);
	struct iovec iov = { req, sizeof(*req) };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * 4)];
	} space;
	struct msghdr m = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space.buf,
		.msg_controllen = sizeof(space.buf),
	};
	ssize_t n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	*fd = first_fd(&m);
	if ((size_t)n >= head && req->n_runs <= LB_MAX_RUNS &&
	    (size_t)n == head + req->n_runs * sizeof(struct lb_run))
		return 1;
	log_error("process %d sent a request of %zd bytes that makes no "
		  "sense; its connection is closed", c->pid, n);
	return -EPROTO;
}

static void add_fds(struct msghdr *m, char *space, size_t room,
		    const struct reply *r)
{
	struct cmsghdr *cm;
	size_t len = r->n_fds * sizeof(int);

	if (r->n_fds == 0)
		return;
	m->msg_control = space;
	m->msg_controllen = CMSG_SPACE(len);
	memset(space, 0, room);
	cm = CMSG_FIRSTHDR(m);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cm), r->fds, len);
}

/* A client has one request out at a time, so there is room for its reply,
 * or it is not one of ours. */
static int answer(struct conn *c, const struct reply *r)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * LB_MAX_RUNS)];
	} space;
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)&r->rep, sizeof(r->rep) },
		{ (void *)(uintptr_t)r->runs,
		  r->rep.n_runs * sizeof(struct lb_run) },
	};
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };

	add_fds(&m, space.buf, sizeof(space.buf), r);
	return sendmsg(c->fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void conn_serve(struct conn *c)
{
	struct reply r = { 0 };
	AUTO_FD int fd = -1;
	struct lb_req req;
	int err = receive(c, &req, &fd);

	if (err == 0)
		return;
	if (err > 0) {
		err = op_serve(c, &req, &fd, &r);
		r.rep.error = -err;
		err = answer(c, &r);
		if (r.close_fd)
			close(r.fds[0]);
	}
	if (err < 0)
		conn_end(c);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * evtchn.c - xenevtchn_*: event channels as /dev/xen/evtchn gives them.
 *
 * Each end of a channel has an eventfd, held by both processes. The handle's
 * pollable descriptor is an epoll set of its ports' eventfds, each armed for
 * one delivery (EPOLLONESHOT). So the kernel keeps both bits of the Xen ABI,
 * and no death can tear them: an eventfd's count is "pending", a spent
 * one-shot is "masked". A notification is one write(), a delivery is one
 * epoll_wait() and one read(), unmasking is one epoll_ctl() that delivers at
 * once what came in while masked.
 */
#include <xenevtchn.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tools/loopback/client.h"

#define LB_EXPORT __attribute__((visibility("default")))

#define UNRESTRICTED LB_NONE

struct end {
	bool bound;
	int own;  /* read here */
	int peer; /* written here; -1: nobody can be notified (a VIRQ) */
};

struct xenevtchn_handle {
	struct lb_conn *conn;
	int epoll;
	atomic_uint restricted;
	pthread_rwlock_t lock; /* end[] */
	struct end end[LB_MAX_PORTS];
};

LB_EXPORT xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
					   unsigned int flags)
{
	xenevtchn_handle *xce;

	(void)logger;
	if (flags & ~XENEVTCHN_NO_CLOEXEC) {
		errno = EINVAL;
		return NULL;
	}
	xce = calloc(1, sizeof(*xce));
	if (!xce)
		return NULL;
	atomic_init(&xce->restricted, UNRESTRICTED);
	pthread_rwlock_init(&xce->lock, NULL);
	xce->epoll = epoll_create1(EPOLL_CLOEXEC);
	xce->conn = xce->epoll < 0 ? NULL : lb_connect("libxenevtchn");
	if (xce->conn)
		return xce;
	if (xce->epoll >= 0)
		close(xce->epoll);
	free(xce);
	return NULL;
}

/* A handle cannot outlive exec() here: its ports are in the library's
 * memory, not behind the descriptor. */
LB_EXPORT xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger,
					     int fd, unsigned int open_flags)
{
	(void)logger, (void)fd, (void)open_flags;
	errno = EOPNOTSUPP;
	return NULL;
}

static void end_close(struct end *e)
{
	if (!e->bound)
		return;
	close(e->own);
	if (e->peer >= 0)
		close(e->peer);
	e->bound = false;
}

LB_EXPORT int xenevtchn_close(xenevtchn_handle *xce)
{
	if (!xce)
		return 0;
	lb_put(xce->conn);
	for (uint32_t i = 0; i < LB_MAX_PORTS; i++)
		end_close(&xce->end[i]);
	close(xce->epoll);
	pthread_rwlock_destroy(&xce->lock);
	free(xce);
	return 0;
}

LB_EXPORT int xenevtchn_fd(xenevtchn_handle *xce)
{
	return xce->epoll;
}

/* The same answers as Linux: once only, and never to domain 0. */
LB_EXPORT int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
	unsigned int open_to_all = UNRESTRICTED;

	if (atomic_load(&xce->restricted) != UNRESTRICTED)
		return lb_fail(-EACCES);
	if (domid == 0 || domid >= DOMID_FIRST_RESERVED)
		return lb_fail(-EINVAL);
	if (!atomic_compare_exchange_strong(&xce->restricted, &open_to_all,
					    domid))
		return lb_fail(-EACCES);
	return 0;
}

static int arm(xenevtchn_handle *xce, int op, uint32_t port)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLONESHOT,
		.data.u32 = port,
	};

	if (epoll_ctl(xce->epoll, op, xce->end[port].own, &ev) < 0)
		return -errno;
	return 0;
}

static int give_back(xenevtchn_handle *xce, uint32_t port)
{
	struct lb_call call = {
		.req.op = LB_UNBIND,
		.req.port = port,
		.send_fd = -1,
	};

	return lb_call(xce->conn, &call);
}

/* The broker made a port and sent its descriptors: ours, then the peer's. */
static int adopt(xenevtchn_handle *xce, uint32_t port, const int *fds,
		 uint32_t n)
{
	struct end *e = &xce->end[port];
	int err;

	pthread_rwlock_wrlock(&xce->lock);
	e->own = fds[0];
	e->peer = n > 1 ? fds[1] : -1;
	e->bound = true;
	err = arm(xce, EPOLL_CTL_ADD, port);
	if (err)
		end_close(e);
	pthread_rwlock_unlock(&xce->lock);
	if (err)
		give_back(xce, port);
	return err;
}

static int bind(xenevtchn_handle *xce, const struct lb_req *req)
{
	int fds[2] = { -1, -1 };
	struct lb_call call = {
		.req = *req,
		.send_fd = -1,
		.fds = fds,
		.max_fds = 2,
	};
	int err = lb_call(xce->conn, &call);

	if (err == -EMFILE)
		give_back(xce, call.rep.value);
	if (!err && (call.n_fds == 0 || call.rep.value >= LB_MAX_PORTS))
		err = -EPROTO;
	if (!err)
		err = adopt(xce, call.rep.value, fds, call.n_fds);
	return err ? lb_fail(err) : (int)call.rep.value;
}

static bool may_bind(xenevtchn_handle *xce, uint32_t domid)
{
	uint32_t only = atomic_load(&xce->restricted);

	return only == UNRESTRICTED || only == domid;
}

LB_EXPORT xenevtchn_port_or_error_t
xenevtchn_bind_unbound_port(xenevtchn_handle *xce, uint32_t domid)
{
	struct lb_req req = { .op = LB_BIND_UNBOUND, .domid = domid };

	return may_bind(xce, domid) ? bind(xce, &req) : lb_fail(-EACCES);
}

LB_EXPORT xenevtchn_port_or_error_t
xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid,
			   evtchn_port_t remote_port)
{
	struct lb_req req = {
		.op = LB_BIND_INTERDOMAIN,
		.domid = domid,
		.port = remote_port,
	};

	return may_bind(xce, domid) ? bind(xce, &req) : lb_fail(-EACCES);
}

LB_EXPORT xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce,
							unsigned int virq)
{
	struct lb_req req = { .op = LB_BIND_VIRQ, .count = virq };

	if (atomic_load(&xce->restricted) != UNRESTRICTED)
		return lb_fail(-EACCES);
	return bind(xce, &req);
}

/* The handle's end of @port, or NULL; the caller holds the lock. */
static struct end *lookup(xenevtchn_handle *xce, uint32_t port)
{
	if (port >= LB_MAX_PORTS || !xce->end[port].bound)
		return NULL;
	return &xce->end[port];
}

LB_EXPORT int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	struct end *e;
	int err;

	pthread_rwlock_wrlock(&xce->lock);
	e = lookup(xce, port);
	/* The broker and the peer hold the eventfd too, so closing it would
	 * not take it out of the set. */
	if (e)
		epoll_ctl(xce->epoll, EPOLL_CTL_DEL, e->own, NULL);
	if (e)
		end_close(e);
	pthread_rwlock_unlock(&xce->lock);
	err = e ? give_back(xce, port) : -ENOTCONN;
	return err ? lb_fail(err) : 0;
}

LB_EXPORT int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	uint64_t one = 1;
	struct end *e;
	int err = 0;

	pthread_rwlock_rdlock(&xce->lock);
	e = lookup(xce, port);
	if (!e)
		err = -ENOTCONN;
	else if (e->peer < 0)
		err = -EINVAL;
	/* A full counter says "pending" as well as any other. */
	else if (write(e->peer, &one, sizeof(one)) < 0 && errno != EAGAIN)
		err = -errno;
	pthread_rwlock_unlock(&xce->lock);
	return err ? lb_fail(err) : 0;
}

/* The port was delivered, so it is masked now; take its pending bit. */
static bool take(xenevtchn_handle *xce, uint32_t port)
{
	struct end *e;
	uint64_t count;
	bool ok;

	pthread_rwlock_rdlock(&xce->lock);
	e = lookup(xce, port);
	ok = e && read(e->own, &count, sizeof(count)) == sizeof(count);
	/* Somebody unmasked what was not yet delivered, and took the count:
	 * the port must not stay masked without a reader knowing of it. */
	if (e && !ok)
		arm(xce, EPOLL_CTL_MOD, port);
	pthread_rwlock_unlock(&xce->lock);
	return ok;
}

static bool nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_NONBLOCK);
}

LB_EXPORT xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	struct epoll_event ev;
	int wait = 0;
	int n;

	for (;;) {
		n = epoll_wait(xce->epoll, &ev, 1, wait);
		if (n < 0)
			return -1;
		if (n == 1 && take(xce, ev.data.u32))
			return (int)ev.data.u32;
		if (n == 1)
			continue;
		/* Asked only when there is nothing, to keep the usual way
		 * (poll, then pending) short. */
		if (nonblocking(xce->epoll))
			return lb_fail(-EAGAIN);
		wait = -1;
	}
}

/* A port of somebody else is ignored, as the kernel's driver does. */
LB_EXPORT int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	int err = 0;

	pthread_rwlock_rdlock(&xce->lock);
	if (lookup(xce, port))
		err = arm(xce, EPOLL_CTL_MOD, port);
	pthread_rwlock_unlock(&xce->lock);
	return err ? lb_fail(err) : 0;
}

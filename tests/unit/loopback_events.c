// SPDX-License-Identifier: BSD-2-Clause
/* Event channels over tools/loopback: masked and pending, as on Xen. */
#include "tests/unit/loopback_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include <xenevtchn.h>

#include "tools/loopback/proto.h"

struct pair {
	xenevtchn_handle *front, *back; /* of domains 1 and 0 */
	int fport, bport;
};

static xenevtchn_handle *open_as(uint32_t domid)
{
	xenevtchn_handle *h;

	as_domain(domid);
	h = xenevtchn_open(NULL, 0);
	assert_non_null(h);
	return h;
}

static void bind_pair(struct pair *p)
{
	p->fport = xenevtchn_bind_unbound_port(p->front, 0);
	assert_true(p->fport > 0);
	p->bport = xenevtchn_bind_interdomain(p->back, 1,
					      (evtchn_port_t)p->fport);
	assert_true(p->bport > 0);
	/* Xen makes the binder's port pending once. */
	assert_int_equal(xenevtchn_pending(p->back), p->bport);
	assert_int_equal(xenevtchn_unmask(p->back, (evtchn_port_t)p->bport),
			 0);
}

static void pair_open(struct pair *p)
{
	p->front = open_as(1);
	p->back = open_as(0);
	bind_pair(p);
}

static void pair_close(struct pair *p)
{
	assert_int_equal(xenevtchn_close(p->front), 0);
	assert_int_equal(xenevtchn_close(p->back), 0);
}

static bool ready(xenevtchn_handle *h)
{
	return readable(xenevtchn_fd(h), 0);
}

static void notify(xenevtchn_handle *h, int port)
{
	assert_int_equal(xenevtchn_notify(h, (evtchn_port_t)port), 0);
}

static void unmask(xenevtchn_handle *h, int port)
{
	assert_int_equal(xenevtchn_unmask(h, (evtchn_port_t)port), 0);
}

static void masked_and_pending(void **state)
{
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_false(ready(p.front));
	assert_false(ready(p.back));
	/* Three before anybody looks are one. */
	notify(p.back, p.bport);
	notify(p.back, p.bport);
	notify(p.back, p.bport);
	assert_false(ready(p.back));
	assert_true(ready(p.front));
	assert_int_equal(xenevtchn_pending(p.front), p.fport);
	assert_false(ready(p.front));
	/* Masked now: what comes is kept, and delivered at unmask, once. */
	notify(p.back, p.bport);
	notify(p.back, p.bport);
	assert_false(ready(p.front));
	unmask(p.front, p.fport);
	assert_true(ready(p.front));
	assert_int_equal(xenevtchn_pending(p.front), p.fport);
	unmask(p.front, p.fport);
	assert_false(ready(p.front));
	/* Unmasking what is not masked, or not ours, does nothing. */
	unmask(p.front, p.fport);
	unmask(p.front, 4000);
	unmask(p.front, 400000);
	assert_false(ready(p.front));
	pair_close(&p);
}

static void many_ports_of_a_handle(void **state)
{
	struct pair p[64];
	bool seen[LB_MAX_PORTS] = { false };

	(void)state;
	pair_open(&p[0]);
	for (int i = 1; i < 64; i++) {
		p[i] = p[0];
		bind_pair(&p[i]);
	}
	for (int i = 0; i < 64; i++)
		notify(p[i].front, p[i].fport);
	for (int i = 0; i < 64; i++) {
		int port;

		assert_true(ready(p[0].back));
		port = xenevtchn_pending(p[0].back);
		assert_in_range(port, 1, LB_MAX_PORTS - 1);
		assert_false(seen[port]);
		seen[port] = true;
	}
	assert_false(ready(p[0].back));
	for (int i = 0; i < 64; i++)
		assert_true(seen[p[i].bport]);
	/* A busy port does not starve the others. */
	for (int i = 0; i < 64; i++)
		unmask(p[0].back, p[i].bport);
	notify(p[1].front, p[1].fport);
	notify(p[0].front, p[0].fport);
	assert_int_equal(xenevtchn_pending(p[0].back), p[1].bport);
	unmask(p[0].back, p[1].bport);
	notify(p[1].front, p[1].fport);
	assert_int_equal(xenevtchn_pending(p[0].back), p[0].bport);
	assert_int_equal(xenevtchn_pending(p[0].back), p[1].bport);
	assert_int_equal(held(0, " ports "), 64);
	pair_close(&p[0]);
	assert_int_equal(held(0, " ports "), 0);
	assert_int_equal(held(1, " ports "), 0);
}

/* A port belongs to its handle, not to its domain. */
static void two_handles(void **state)
{
	struct pair p, q;

	(void)state;
	pair_open(&p);
	pair_open(&q);
	notify(p.front, p.fport);
	assert_true(ready(p.back));
	assert_false(ready(q.back));
	notify(q.front, q.fport);
	assert_int_equal(xenevtchn_pending(q.back), q.bport);
	assert_int_equal(xenevtchn_pending(p.back), p.bport);
	assert_int_equal(xenevtchn_notify(q.back, (evtchn_port_t)p.bport),
			 -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(xenevtchn_unbind(q.back, (evtchn_port_t)p.bport),
			 -1);
	assert_int_equal(errno, ENOTCONN);
	pair_close(&p);
	pair_close(&q);
}

/* Sends back what it gets. The bind's own event is the first of them. */
__attribute__((noreturn)) static void echo(int remote)
{
	xenevtchn_handle *h = open_as(0);
	int port = xenevtchn_bind_interdomain(h, 1, (evtchn_port_t)remote);

	while (port > 0 && xenevtchn_pending(h) == port &&
	       xenevtchn_unmask(h, (evtchn_port_t)port) == 0 &&
	       xenevtchn_notify(h, (evtchn_port_t)port) == 0)
		;
	_exit(1);
}

static void across_processes(void **state)
{
	xenevtchn_handle *h = open_as(1);
	int port = xenevtchn_bind_unbound_port(h, 0);
	pid_t pid;

	(void)state;
	assert_true(port > 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		echo(port);
	for (int i = 0; i < 1000; i++) {
		assert_true(readable(xenevtchn_fd(h), 5000));
		assert_int_equal(xenevtchn_pending(h), port);
		unmask(h, port);
		notify(h, port);
	}
	/* Killed, it cannot answer; and that is no error here. */
	peer_kill(pid);
	assert_true(becomes(0, " ports ", 0));
	notify(h, port);
	xenevtchn_close(h);
}

static void who_may_bind(void **state)
{
	xenevtchn_handle *h1 = open_as(1), *h2 = open_as(2), *h0 = open_as(0);
	int port = xenevtchn_bind_unbound_port(h1, 0);
	evtchn_port_t p = (evtchn_port_t)port;

	(void)state;
	assert_int_equal(xenevtchn_bind_interdomain(h2, 1, p), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_bind_interdomain(h0, 1, p + 1), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_bind_interdomain(h0, 1, 1u << 30), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_bind_interdomain(h0, 9, p), -1);
	assert_int_equal(errno, ESRCH);
	assert_true(xenevtchn_bind_interdomain(h0, 1, p) > 0);
	assert_int_equal(xenevtchn_bind_interdomain(h0, 1, p), -1);
	assert_int_equal(errno, EINVAL);
	xenevtchn_close(h0);
	xenevtchn_close(h1);
	xenevtchn_close(h2);
}

/* The end that stays is not told, and can be bound again. */
static void peer_leaves(void **state)
{
	struct pair p;
	int again;

	(void)state;
	pair_open(&p);
	assert_int_equal(xenevtchn_unbind(p.back, (evtchn_port_t)p.bport), 0);
	assert_false(ready(p.front));
	notify(p.front, p.fport);
	assert_int_equal(xenevtchn_notify(p.back, (evtchn_port_t)p.bport),
			 -1);
	assert_int_equal(errno, ENOTCONN);
	again = xenevtchn_bind_interdomain(p.back, 1, (evtchn_port_t)p.fport);
	assert_int_equal(again, p.bport);
	assert_int_equal(xenevtchn_pending(p.back), again);
	unmask(p.back, again);
	assert_false(ready(p.back));
	notify(p.back, again);
	assert_int_equal(xenevtchn_pending(p.front), p.fport);
	pair_close(&p);
}

static void restricted(void **state)
{
	xenevtchn_handle *h = open_as(0);

	(void)state;
	assert_int_equal(xenevtchn_restrict(h, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_restrict(h, 1), 0);
	assert_int_equal(xenevtchn_restrict(h, 2), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_bind_unbound_port(h, 2), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_bind_interdomain(h, 2, 1), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(xenevtchn_bind_virq(h, 3), -1);
	assert_int_equal(errno, EACCES);
	assert_true(xenevtchn_bind_unbound_port(h, 1) > 0);
	xenevtchn_close(h);
}

static void without_waiting(void **state)
{
	struct pair p;
	int fd;

	(void)state;
	pair_open(&p);
	fd = xenevtchn_fd(p.front);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(xenevtchn_pending(p.front), -1);
	assert_int_equal(errno, EAGAIN);
	notify(p.back, p.bport);
	assert_int_equal(xenevtchn_pending(p.front), p.fport);
	pair_close(&p);
}

static void open_files(rlim_t n)
{
	struct rlimit rl;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	rl.rlim_cur = n < rl.rlim_max ? n : rl.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
}

static void out_of_ports(void **state)
{
	xenevtchn_handle *h = open_as(2);
	unsigned int n = 0;

	(void)state;
	open_files(3 * LB_MAX_PORTS);
	while (xenevtchn_bind_unbound_port(h, 0) > 0)
		n++;
	/* One is the domain's XenStore port, and port 0 is none. */
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(n, LB_MAX_PORTS - 2);
	assert_int_equal(held(2, " ports "), n);
	xenevtchn_close(h);
	assert_int_equal(held(2, " ports "), 0);
}

/* A port whose descriptors cannot be received is given back. */
static void out_of_files(void **state)
{
	xenevtchn_handle *h = open_as(2);
	int next = dup(0);

	(void)state;
	close(next);
	open_files((rlim_t)next + 1);
	assert_int_equal(xenevtchn_bind_unbound_port(h, 0), -1);
	assert_int_equal(errno, EMFILE);
	open_files(1024);
	assert_int_equal(held(2, " ports "), 0);
	assert_true(xenevtchn_bind_unbound_port(h, 0) > 0);
	assert_int_equal(held(2, " ports "), 1);
	xenevtchn_close(h);
}

#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG(masked_and_pending), RIG(many_ports_of_a_handle),
		RIG(two_handles),	 RIG(across_processes),
		RIG(who_may_bind),	 RIG(peer_leaves),
		RIG(restricted),	 RIG(without_waiting),
		RIG(out_of_ports),	 RIG(out_of_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

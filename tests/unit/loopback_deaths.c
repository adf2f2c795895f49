// SPDX-License-Identifier: BSD-2-Clause
/* What each side learns when the other ends, by unmapping or by SIGKILL. */
#include "tests/unit/loopback_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "tools/loopback/proto.h"

#define RW (PROT_READ | PROT_WRITE)
#define BYTE 100
#define NOTHING UINT32_MAX

/* The guest: a page whose byte BYTE is cleared, and whose port is notified,
 * when it ends; and an arena. */
static void guest(struct peer_out *out, const void *arg)
{
	xengntshr_handle *s;
	xenevtchn_handle *e;
	char *page, *arena;

	(void)arg;
	as_domain(1);
	s = xengntshr_open(NULL, 0);
	e = xenevtchn_open(NULL, 0);
	out->port = xenevtchn_bind_unbound_port(e, 0);
	page = xengntshr_share_page_notify(s, 0, &out->ref[0], 1, BYTE,
					   (evtchn_port_t)out->port);
	arena = xengntshr_share_pages(s, 0, 4, &out->ref[1], 1);
	if (!page || !arena)
		_exit(1);
	page[BYTE] = 1;
	strcpy(arena, "left behind");
}

static void delivered(xenevtchn_handle *e, int port)
{
	assert_true(readable(xenevtchn_fd(e), 5000));
	assert_int_equal(xenevtchn_pending(e), port);
	assert_int_equal(xenevtchn_unmask(e, (evtchn_port_t)port), 0);
}

static void guest_is_killed(void **state)
{
	struct peer_out out = { 0 };
	pid_t pid = peer_start(guest, NULL, &out);
	xengnttab_handle *m;
	xenevtchn_handle *e;
	char *page, *arena;
	int port;

	(void)state;
	as_domain(0);
	m = xengnttab_open(NULL, 0);
	e = xenevtchn_open(NULL, 0);
	port = xenevtchn_bind_interdomain(e, 1, (evtchn_port_t)out.port);
	assert_true(port > 0);
	delivered(e, port); /* a fresh port is pending once */
	page = xengnttab_map_grant_ref(m, 1, out.ref[0], RW);
	arena = xengnttab_map_domain_grant_refs(m, 4, 1, &out.ref[1], RW);
	assert_non_null(page);
	assert_non_null(arena);
	assert_int_equal(page[BYTE], 1);
	assert_false(readable(xenevtchn_fd(e), 0));

	peer_kill(pid);
	delivered(e, port);
	assert_int_equal(page[BYTE], 0);
	assert_string_equal(arena, "left behind");
	/* To nobody: dropped, as on Xen. */
	assert_int_equal(xenevtchn_notify(e, (evtchn_port_t)port), 0);
	assert_true(becomes(1, " handles ", 0));
	assert_int_equal(held(1, " grants "), 5);
	assert_null(xengnttab_map_grant_ref(m, 1, out.ref[0], RW));
	assert_int_equal(xengnttab_unmap(m, arena, 4), 0);
	assert_int_equal(xengnttab_unmap(m, page, 1), 0);
	assert_int_equal(held(1, " grants "), 0);
	assert_int_equal(held(1, " ports "), 0);
	xenevtchn_close(e);
	xengnttab_close(m);
}

/* The backend: maps with a notification of its own. */
static void backend(struct peer_out *out, const void *arg)
{
	const struct peer_out *in = arg;
	xengnttab_handle *m;
	xenevtchn_handle *e;
	int port;

	(void)out;
	as_domain(0);
	m = xengnttab_open(NULL, 0);
	e = xenevtchn_open(NULL, 0);
	port = xenevtchn_bind_interdomain(e, 1, (evtchn_port_t)in->port);
	if (port < 0 ||
	    !xengnttab_map_grant_ref_notify(m, 1, in->ref[0], RW, BYTE,
					    (evtchn_port_t)port))
		_exit(1);
}

static void backend_is_killed(void **state)
{
	struct peer_out in = { 0 }, out = { 0 };
	xengntshr_handle *s;
	xenevtchn_handle *e;
	char *page;
	pid_t pid;

	(void)state;
	as_domain(1);
	s = xengntshr_open(NULL, 0);
	e = xenevtchn_open(NULL, 0);
	in.port = xenevtchn_bind_unbound_port(e, 0);
	page = xengntshr_share_pages(s, 0, 1, &in.ref[0], 1);
	assert_non_null(page);
	page[BYTE] = page[BYTE + 1] = 1;
	pid = peer_start(backend, &in, &out);
	assert_false(readable(xenevtchn_fd(e), 0));
	assert_int_equal(held(0, " maps "), 1);

	peer_kill(pid);
	delivered(e, in.port);
	assert_int_equal(page[BYTE], 0);
	assert_int_equal(page[BYTE + 1], 1);
	assert_true(becomes(0, " maps ", 0));
	assert_true(becomes(0, " ports ", 0));
	assert_int_equal(held(1, " grants "), 1);
	xengntshr_unshare(s, page, 1);
	xenevtchn_close(e);
	xengntshr_close(s);
}

/* The orderly end says the same; and the port that is to say it may have
 * been unbound before: it lives until then, as Linux holds it. */
static void orderly(void **state)
{
	xengntshr_handle *s;
	xengnttab_handle *m;
	xenevtchn_handle *e1, *e0;
	char *ours, *theirs;
	uint32_t ref;
	int p1, p0;

	(void)state;
	as_domain(1);
	s = xengntshr_open(NULL, 0);
	e1 = xenevtchn_open(NULL, 0);
	as_domain(0);
	m = xengnttab_open(NULL, 0);
	e0 = xenevtchn_open(NULL, 0);
	p1 = xenevtchn_bind_unbound_port(e1, 0);
	p0 = xenevtchn_bind_interdomain(e0, 1, (evtchn_port_t)p1);
	delivered(e0, p0);
	ours = xengntshr_share_page_notify(s, 0, &ref, 1, BYTE,
					   (evtchn_port_t)p1);
	theirs = xengnttab_map_grant_ref(m, 1, ref, RW);
	assert_non_null(ours);
	assert_non_null(theirs);
	ours[BYTE] = 1;
	assert_int_equal(xenevtchn_unbind(e1, (evtchn_port_t)p1), 0);
	assert_int_equal(xengntshr_unshare(s, ours, 1), 0);
	delivered(e0, p0);
	assert_int_equal(theirs[BYTE], 0);
	assert_int_equal(xengnttab_unmap(m, theirs, 1), 0);
	xenevtchn_close(e0);
	xenevtchn_close(e1);
	xengnttab_close(m);
	xengntshr_close(s);
}

/* What cannot be notified is refused before anything is shared. */
static void bad_notifications(void **state)
{
	xengntshr_handle *s;
	xengnttab_handle *m;
	uint32_t ref;
	void *page;

	(void)state;
	as_domain(1);
	s = xengntshr_open(NULL, 0);
	assert_null(xengntshr_share_page_notify(s, 0, &ref, 1, 0, 99));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(held(1, " grants "), 0);
	page = xengntshr_share_page_notify(s, 0, &ref, 1, NOTHING, NOTHING);
	assert_non_null(page);
	as_domain(0);
	m = xengnttab_open(NULL, 0);
	assert_null(xengnttab_map_grant_ref_notify(m, 1, ref, RW, 0, 99));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(held(0, " maps "), 0);
	xengntshr_unshare(s, page, 1);
	xengnttab_close(m);
	xengntshr_close(s);
}

/* The toolstack ends a domain: processes die, grants are void, and the
 * control domain is told by VIRQ_DOM_EXC. */
static void domain_ends(void **state)
{
	struct peer_out out = { 0 };
	pid_t pid = peer_start(guest, NULL, &out);
	xengnttab_handle *m;
	xenevtchn_handle *e;
	char *arena;
	int virq;

	(void)state;
	as_domain(0);
	m = xengnttab_open(NULL, 0);
	e = xenevtchn_open(NULL, 0);
	virq = xenevtchn_bind_virq(e, 3);
	assert_true(virq > 0);
	assert_int_equal(xenevtchn_bind_virq(e, 3), -1);
	assert_int_equal(errno, EEXIST);
	arena = xengnttab_map_domain_grant_refs(m, 4, 1, &out.ref[1], RW);
	assert_non_null(arena);
	assert_int_equal(rig_control(LB_DOMAIN_KILL, 0, 0), -EINVAL);
	assert_int_equal(rig_control(LB_DOMAIN_DESTROY, 1, 0), -EINVAL);
	assert_int_equal(rig_control(LB_DOMAIN_KILL, 1, 0), 0);
	delivered(e, virq);
	assert_null(xengnttab_map_grant_ref(m, 1, out.ref[0], RW));
	assert_true(becomes(1, " handles ", 0));
	assert_int_equal(rig_control(LB_DOMAIN_DESTROY, 1, 0), 0);
	assert_int_equal(rig_control(LB_DOMAIN_DESTROY, 1, 0), -ESRCH);
	/* The domain is gone; the page that we map is not. */
	assert_string_equal(arena, "left behind");
	assert_int_equal(xengnttab_unmap(m, arena, 4), 0);
	assert_int_equal(held(0, " maps "), 0);
	xenevtchn_close(e);
	xengnttab_close(m);
	assert_int_equal(rig_control(LB_DOMAIN_CREATE, 1, 0), 0);
	peer_kill(pid); /* only to reap it */
}

#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG(guest_is_killed),	RIG(backend_is_killed),
		RIG(orderly),		RIG(bad_notifications),
		RIG(domain_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * loopback_pair.c - a frontend and a backend in a few lines, linked with
 * Debian's own Xen libraries: tests/e2e/loopback-xen.t runs them in two
 * domains of a loopback machine.
 *
 *   front DOMID   grants a page, says where in XenStore, waits to be greeted,
 *                 then waits to be killed
 *   back DOMID    finds it, maps it, greets, waits for the frontend's end
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#define ALIVE 0	   /* the byte that is cleared at the frontend's end */
#define TEXT 16	   /* what the backend writes */
#define WAIT 10000 /* milliseconds */

static bool give(struct xs_handle *xs, const char *domid, const char *name,
		 unsigned int value)
{
	char path[80], text[16];

	snprintf(path, sizeof(path), "/local/domain/%s/data/%s", domid, name);
	snprintf(text, sizeof(text), "%u", value);
	return xs_write(xs, XBT_NULL, path, text,
			(unsigned int)strlen(text));
}

static bool get(struct xs_handle *xs, const char *domid, const char *name,
		unsigned int *value)
{
	char path[80];
	char *text;
	bool ok;

	snprintf(path, sizeof(path), "/local/domain/%s/data/%s", domid, name);
	text = xs_read(xs, XBT_NULL, path, NULL);
	ok = text && sscanf(text, "%u", value) == 1;
	free(text);
	return ok;
}

static bool wait_event(xenevtchn_handle *e)
{
	struct pollfd p = { .fd = xenevtchn_fd(e), .events = POLLIN };
	int port;

	if (poll(&p, 1, WAIT) != 1)
		return false;
	port = xenevtchn_pending(e);
	return port > 0 && xenevtchn_unmask(e, (evtchn_port_t)port) == 0;
}

static int fail(const char *what)
{
	fprintf(stderr, "loopback_pair: %s: %m\n", what);
	return 1;
}

static int front(struct xs_handle *xs, const char *domid)
{
	xengntshr_handle *s = xengntshr_open(NULL, 0);
	xenevtchn_handle *e = xenevtchn_open(NULL, 0);
	int port = e ? xenevtchn_bind_unbound_port(e, 0) : -1;
	char *page = NULL;
	uint32_t ref;

	if (s && port > 0)
		page = xengntshr_share_page_notify(s, 0, &ref, 1, ALIVE,
						   (evtchn_port_t)port);
	if (!page)
		return fail("cannot share a page");
	page[ALIVE] = 1;
	if (!give(xs, domid, "port", (unsigned int)port) ||
	    !give(xs, domid, "ref", ref))
		return fail("cannot write to XenStore");
	if (!wait_event(e))
		return fail("nobody greeted");
	printf("front: %s\n", page + TEXT);
	fflush(stdout);
	for (;;)
		pause();
}

static int back(struct xs_handle *xs, const char *domid)
{
	xengnttab_handle *g = xengnttab_open(NULL, 0);
	xenevtchn_handle *e = xenevtchn_open(NULL, 0);
	unsigned int ref, remote, from = (unsigned int)atoi(domid);
	char *page;
	int port;

	if (!g || !e || !get(xs, domid, "ref", &ref) ||
	    !get(xs, domid, "port", &remote))
		return fail("the frontend has not said where it is");
	page = xengnttab_map_grant_ref(g, from, ref, PROT_READ | PROT_WRITE);
	port = xenevtchn_bind_interdomain(e, from, remote);
	if (!page || port < 0)
		return fail("cannot connect");
	strcpy(page + TEXT, "hello from the backend");
	if (xenevtchn_notify(e, (evtchn_port_t)port) < 0)
		return fail("cannot notify");
	printf("back: connected\n");
	fflush(stdout);
	while (page[ALIVE])
		if (!wait_event(e))
			return fail("the frontend did not end");
	printf("back: the frontend ended\n");
	if (xengnttab_unmap(g, page, 1) < 0)
		return fail("cannot unmap");
	xengnttab_close(g);
	xenevtchn_close(e);
	return 0;
}

int main(int argc, char **argv)
{
	struct xs_handle *xs = xs_open(0);

	if (!xs)
		return fail("no XenStore");
	if (argc == 3 && !strcmp(argv[1], "front"))
		return front(xs, argv[2]);
	if (argc == 3 && !strcmp(argv[1], "back"))
		return back(xs, argv[2]);
	fprintf(stderr, "usage: loopback_pair front|back DOMID\n");
	return 2;
}

// SPDX-License-Identifier: BSD-2-Clause
/* toolstack.c - what xl or XAPI would do to make a domain known, and to
 * bury it. */
#include "tools/loopback/loopback.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#include "tools/loopback/proto.h"

#define KILL_TRIES 200 /* of 10 ms, before connections are cut */

/* Any number does: the page is found by its grant reference. */
#define SOME_FRAME 1

struct guest {
	struct xs_handle *xs;
	xs_transaction_t t;
	uint32_t domid;
	const char *name;
	char uuid[40];
};

/* Domain 0 owns and the guest reads, or the guest owns. */
static bool node(const struct guest *g, const char *path, const char *value,
		 bool guest_owned)
{
	struct xs_permissions perms[2] = {
		{ .id = guest_owned ? g->domid : 0, .perms = XS_PERM_NONE },
		{ .id = g->domid, .perms = XS_PERM_READ },
	};

	return xs_write(g->xs, g->t, path, value,
			(unsigned int)strlen(value)) &&
	       xs_set_permissions(g->xs, g->t, path, perms,
				  guest_owned ? 1 : 2);
}

static bool home(const struct guest *g, const char *name, const char *value,
		 bool guest_owned)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/%u%s%s", g->domid,
		 *name ? "/" : "", name);
	return node(g, path, value, guest_owned);
}

static bool vm_nodes(const struct guest *g)
{
	char path[80], leaf[128];

	snprintf(path, sizeof(path), "/vm/%s", g->uuid);
	if (!node(g, path, "", false) || !home(g, "vm", path, false))
		return false;
	snprintf(leaf, sizeof(leaf), "%s/uuid", path);
	if (!node(g, leaf, g->uuid, false))
		return false;
	snprintf(leaf, sizeof(leaf), "%s/name", path);
	return node(g, leaf, g->name, false);
}

static bool all_nodes(const struct guest *g)
{
	static const char *const owned[] = { "device", "data", "error",
					     "drivers", "attr" };
	char id[16];

	snprintf(id, sizeof(id), "%u", g->domid);
	if (!home(g, "", "", false) || !home(g, "domid", id, false) ||
	    !home(g, "name", g->name, false) || !vm_nodes(g))
		return false;
	for (unsigned int i = 0; i < sizeof(owned) / sizeof(*owned); i++)
		if (!home(g, owned[i], "", true))
			return false;
	return true;
}

/* All nodes at once, so that no watcher sees half a domain. */
static bool write_nodes(struct guest *g)
{
	for (int i = 0; i < 10; i++) {
		bool ok;

		g->t = xs_transaction_start(g->xs);
		if (g->t == XBT_NULL)
			return false;
		ok = all_nodes(g);
		if (xs_transaction_end(g->xs, g->t, !ok))
			return ok;
		if (errno != EAGAIN)
			return false;
	}
	return false;
}

static bool remove_node(struct xs_handle *xs, const char *path)
{
	if (xs_rm(xs, XBT_NULL, path) || errno == ENOENT)
		return true;
	complain("cannot remove %s: %m", path);
	return false;
}

static bool remove_nodes(struct xs_handle *xs, uint32_t domid)
{
	char path[64];
	char *vm;
	bool ok;

	snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
	vm = xs_read(xs, XBT_NULL, path, NULL);
	ok = !vm || strncmp(vm, "/vm/", 4) || remove_node(xs, vm);
	free(vm);
	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	return remove_node(xs, path) && ok;
}

static struct xs_handle *open_store(void)
{
	struct xs_handle *xs;
	const char *dir;

	if (!running_dir(&dir) || !set_store_path(dir))
		return NULL;
	xs = xs_open(XS_OPEN_SOCKETONLY);
	if (!xs)
		complain("XenStore does not answer in %s: %m", dir);
	return xs;
}

/* ---- the end of a domain ---- */

static void nap(void)
{
	const struct timespec ts = { .tv_nsec = 10 * 1000 * 1000 };

	nanosleep(&ts, NULL);
}

/* Its processes are being killed; once they are gone, so is the domain.
 * A child that merely inherited a handle is cut off. */
static int destroy(uint32_t domid)
{
	int err = -EBUSY;

	for (int i = 0; i < KILL_TRIES && err == -EBUSY; i++) {
		err = control(LB_DOMAIN_DESTROY, domid, 0, NULL);
		if (err == -EBUSY)
			nap();
	}
	if (err == -EBUSY)
		err = control(LB_DOMAIN_DESTROY, domid, LB_F_FORCE, NULL);
	return err;
}

/* xenstored looks for dead domains when Xen raises its VIRQ, and fires
 * @releaseDomain then. If it was faster than us, the call finds nothing. */
static bool forget(struct xs_handle *xs, uint32_t domid)
{
	for (int i = 0; i < KILL_TRIES; i++) {
		if (!xs_is_domain_introduced(xs, domid))
			return true;
		if (i > 10 && !xs_release_domain(xs, domid) &&
		    errno != ENOENT)
			break;
		nap();
	}
	complain("xenstored does not forget domain %u: %m", domid);
	return false;
}

static bool bury(struct xs_handle *xs, uint32_t domid)
{
	int err = control(LB_DOMAIN_KILL, domid, 0, NULL);
	bool ok;

	if (err) {
		complain("cannot end domain %u: %s", domid,
			 err == -ESRCH ? "it does not exist" :
			 err == -EINVAL ? "it is the control domain" :
					  strerror(-err));
		return false;
	}
	ok = forget(xs, domid);
	ok = remove_nodes(xs, domid) && ok;
	err = destroy(domid);
	if (err)
		complain("domain %u stays: %s", domid, strerror(-err));
	return ok && !err;
}

/* ---- commands ---- */

static bool introduce(struct guest *g, uint32_t port)
{
	if (write_nodes(g) &&
	    xs_introduce_domain(g->xs, g->domid, SOME_FRAME, port))
		return true;
	complain("XenStore refuses domain %u: %m", g->domid);
	bury(g->xs, g->domid);
	return false;
}

int cmd_introduce(int argc, char **argv)
{
	char name[32];
	struct guest g = { .name = name };
	uint32_t port;
	bool ok;
	int err;

	if (argc < 2 || argc > 4) {
		complain("usage: vgpu-loopback introduce DOMID [NAME [UUID]]");
		return 1;
	}
	if (!parse_domid(argv[1], &g.domid))
		return 1;
	snprintf(name, sizeof(name), "loopback-%u", g.domid);
	if (argc > 2)
		g.name = argv[2];
	snprintf(g.uuid, sizeof(g.uuid), "00000000-0000-4000-8000-%012x",
		 g.domid);
	if (argc > 3)
		snprintf(g.uuid, sizeof(g.uuid), "%s", argv[3]);
	g.xs = open_store();
	if (!g.xs)
		return 1;
	err = control(LB_DOMAIN_CREATE, g.domid, 0, &port);
	if (err)
		complain("cannot make domain %u: %s", g.domid, strerror(-err));
	ok = !err && introduce(&g, port);
	xs_close(g.xs);
	return ok ? 0 : 1;
}

int cmd_release(int argc, char **argv)
{
	struct xs_handle *xs;
	uint32_t domid;
	bool ok;

	if (argc != 2) {
		complain("usage: vgpu-loopback release DOMID");
		return 1;
	}
	if (!parse_domid(argv[1], &domid))
		return 1;
	xs = open_store();
	if (!xs)
		return 1;
	ok = bury(xs, domid);
	xs_close(xs);
	return ok ? 0 : 1;
}

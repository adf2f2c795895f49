// SPDX-License-Identifier: BSD-2-Clause
#include "backend/device_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"
#include "vgpu_ops.h"
#include "vgpu_paths.h"
#include "xenstore-schema/session.h"

#define DEVICE 0 /* one virtual GPU for each domain */

void device_nodes_name(struct device *dev)
{
	uint32_t be = dev->b->domid, fe = dev->domid;

	snprintf(dev->be, sizeof(dev->be), VGPU_FMT_BE_DIR, be, fe, DEVICE);
	snprintf(dev->fe, sizeof(dev->fe), VGPU_FMT_FE_DIR, fe, DEVICE);
	snprintf(dev->be_session, sizeof(dev->be_session), VGPU_FMT_BE_SESSION,
		 be, fe, DEVICE);
	snprintf(dev->fe_session, sizeof(dev->fe_session), VGPU_FMT_FE_SESSION,
		 fe, DEVICE);
}

static int write_limits(struct store *st, void *arg)
{
	struct device *dev = arg;
	int r;

	if (!store_exists(st, dev->be))
		return -ENOENT;
	r = store_write_u32(st, dev->be, VGPU_NODE_BE_MAX_SESS,
			    dev->vm->max_sessions);
	if (r == 0)
		r = store_write_u32(st, dev->be, VGPU_NODE_BE_MAX_WINDOW,
				    dev->vm->max_window_pages);
	return r;
}

static int make_backend(struct store *st, struct device *dev)
{
	const struct { const char *node, *value; } text[] = {
		{ VGPU_NODE_BE_FRONTEND, dev->fe },
		{ VGPU_NODE_BE_HASH, VGPU_CALLS_HASH_TEXT },
		{ VGPU_NODE_BE_VM_NAME, dev->vm->id.text },
	};
	const struct { const char *node; uint32_t value; } num[] = {
		{ VGPU_NODE_BE_FRONTEND_ID, dev->domid },
		{ VGPU_NODE_BE_ONLINE, VGPU_DEFAULT_BE_ONLINE },
		{ VGPU_NODE_BE_STATE, VGPU_STATE_INITIALISING },
		{ VGPU_NODE_BE_PROTOCOL, VGPU_PROTOCOL },
		{ VGPU_NODE_BE_SPIN, VGPU_DEFAULT_BE_SPIN },
	};
	int r = store_mkdir(st, dev->be, dev->b->domid, dev->domid,
			    XS_PERM_READ);

	for (size_t i = 0; r == 0 && i < sizeof(text) / sizeof(*text); i++)
		r = store_write(st, dev->be, text[i].node, text[i].value);
	for (size_t i = 0; r == 0 && i < sizeof(num) / sizeof(*num); i++)
		r = store_write_u32(st, dev->be, num[i].node, num[i].value);
	if (r == 0)
		r = write_limits(st, dev);
	if (r == 0)
		r = store_mkdir(st, dev->be_session, dev->b->domid, dev->domid,
				XS_PERM_READ);
	return r;
}

static int make_frontend(struct store *st, struct device *dev)
{
	int r = store_mkdir(st, dev->fe, dev->domid, dev->b->domid,
			    XS_PERM_READ);

	if (r == 0)
		r = store_write(st, dev->fe, VGPU_NODE_FE_BACKEND, dev->be);
	if (r == 0)
		r = store_write_u32(st, dev->fe, VGPU_NODE_FE_BACKEND_ID,
				    dev->b->domid);
	if (r == 0)
		r = store_write_u32(st, dev->fe, VGPU_NODE_FE_STATE,
				    VGPU_DEFAULT_FE_STATE);
	if (r == 0)
		r = store_mkdir(st, dev->fe_session, dev->domid, dev->b->domid,
				XS_PERM_READ | XS_PERM_WRITE);
	return r;
}

static int make_both(struct store *st, void *arg)
{
	struct device *dev = arg;
	char home[STORE_PATH_MAX];
	int r;

	/* Writing below a domain that has just gone would bring its directory
	 * back as a ghost. */
	snprintf(home, sizeof(home), "/local/domain/%u", dev->domid);
	if (!store_exists(st, home))
		return -ENOENT;
	r = store_remove(st, dev->be, NULL);
	if (r == 0)
		r = store_remove(st, dev->fe, NULL);
	if (r == 0)
		r = make_backend(st, dev);
	if (r == 0)
		r = make_frontend(st, dev);
	return r;
}

int device_nodes_make(struct device *dev)
{
	return store_transact(&dev->b->store, make_both, dev);
}

int device_nodes_limits(struct device *dev)
{
	return store_transact(&dev->b->store, write_limits, dev);
}

/* Remove @dir, and the directory above it when nothing else is in it. */
static int remove_and_parent(struct store *st, void *arg)
{
	char parent[STORE_PATH_MAX];
	unsigned int n = 1;
	AUTO_FREE char **names = NULL;
	int r = store_remove(st, arg, NULL);

	snprintf(parent, sizeof(parent), "%s", (char *)arg);
	*strrchr(parent, '/') = 0;
	if (r < 0)
		return r;
	names = store_list(st, parent, &n);
	if (!names)
		return errno == ENOENT ? 0 : -EIO;
	return n == 0 ? store_remove(st, parent, NULL) : 0;
}

void device_nodes_remove(struct device *dev)
{
	char *dirs[] = { dev->fe, dev->be };

	for (int i = 0; i < 2; i++) {
		int r = store_transact(&dev->b->store, remove_and_parent,
				       dirs[i]);

		if (r < 0 && r != -ENOENT)
			log_warn("%s: cannot remove %s: %s", dev->label,
				 dirs[i], strerror(-r));
	}
}

int device_nodes_watch(struct device *dev, bool on)
{
	struct xs_handle *h = dev->b->store.h;
	char online[STORE_PATH_MAX + 16], fe_token[32], be_token[32];

	snprintf(online, sizeof(online), "%s/" VGPU_NODE_BE_ONLINE, dev->be);
	snprintf(fe_token, sizeof(fe_token), "fe/%u", dev->domid);
	snprintf(be_token, sizeof(be_token), "be/%u", dev->domid);
	if (!on) {
		(void)xs_unwatch(h, dev->fe, fe_token);
		(void)xs_unwatch(h, online, be_token);
		return 0;
	}
	if (!xs_watch(h, dev->fe, fe_token) || !xs_watch(h, online, be_token))
		return errno ? -errno : -EIO;
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "backend/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "backend/backend.h"
#include "backend/device_nodes.h"
#include "backend/parse.h"
#include "backend/session.h"
#include "backend/xenbus_fsm.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"
#include "vgpu_paths.h"

struct device *device_find(struct backend *b, uint32_t domid)
{
	struct device *dev;

	TAILQ_FOREACH(dev, &b->devices, link)
		if (dev->domid == domid)
			return dev;
	return NULL;
}

static struct device *device_new(struct backend *b, struct vm *vm,
				 const struct domain *d)
{
	struct device *dev = calloc(1, sizeof(*dev));
	char name[VM_ID_MAX + 1];

	if (!dev)
		return NULL;
	if (getrandom(dev->seal_key, sizeof(dev->seal_key), 0) !=
	    sizeof(dev->seal_key)) {
		free(dev);
		return NULL;
	}
	dev->b = b;
	dev->vm = vm;
	dev->domid = d->domid;
	copy_printable(name, sizeof(name), d->name[0] ? d->name : vm->id.text);
	snprintf(dev->label, sizeof(dev->label), "domain %u (%s)", d->domid,
		 name);
	dev->state = VGPU_STATE_INITIALISING;
	dev->online = true;
	bucket_init(&dev->passes, PASS_RATE, PASS_BURST, now_ms());
	bucket_init(&dev->starts, START_RATE, START_BURST, now_ms());
	bucket_init(&dev->turns, TURN_RATE, TURN_BURST, now_ms());
	bucket_init(&dev->fetches, FETCH_RATE, FETCH_BURST, now_ms());
	session_table_init(&dev->sessions);
	device_nodes_name(dev);
	return dev;
}

int device_make(struct backend *b, struct vm *vm, const struct domain *d,
		char *why, size_t size)
{
	struct device *dev = device_new(b, vm, d);
	int r;

	if (!dev)
		return -ENOMEM;
	r = device_nodes_make(dev);
	if (r == 0) {
		r = device_nodes_watch(dev, true);
		if (r < 0) {
			(void)device_nodes_watch(dev, false);
			device_nodes_remove(dev);
		}
	}
	if (r < 0) {
		/* Gone in the middle: @releaseDomain tells the rest. */
		if (r != -ENOENT)
			snprintf(why, size,
				 "cannot make the nodes of domain %u: %s; tried again every %d s",
				 d->domid, strerror(-r), RESCAN_MS / 1000);
		free(dev);
		return r;
	}
	TAILQ_INSERT_TAIL(&b->devices, dev, link);
	vm->device = dev;
	dev->dirty = true;
	log_info("%s: virtual GPU made", dev->label);
	return 0;
}

void device_remove(struct device *dev, const char *why)
{
	log_info("%s: virtual GPU removed: %s", dev->label, why);
	sessions_abandon(dev, why);
	(void)device_nodes_watch(dev, false);
	device_nodes_remove(dev);
	if (dev->vm)
		dev->vm->device = NULL;
	dev->b->domains.dirty = true; /* it may be another VM's now */
	TAILQ_REMOVE(&dev->b->devices, dev, link);
	free(dev);
}

void device_close(struct device *dev, uint32_t code, const char *why)
{
	if (dev->leaving)
		return;
	log_info("%s: closing: %s", dev->label, why);
	dev->leaving = true;
	dev->why_code = code;
	dev->dirty = true;
}

void device_publish(struct device *dev)
{
	int r = device_nodes_limits(dev);

	if (r < 0)
		log_warn("%s: cannot publish its limits: %s", dev->label,
			 strerror(-r));
}

/* Values that a session wrote before its state are read when that comes. */
void device_event(struct device *dev, const char *rest)
{
	const char *in = NULL, *leaf;

	if (path_below(rest, VGPU_NODE_FE_SESSION, &in)) {
		leaf = strchr(in, '/');
		if (leaf && strcmp(leaf + 1, VGPU_NODE_FE_SESS_STATE))
			return;
	}
	dev->dirty = true;
}

static void put(struct device *dev, const char *node, const char *value)
{
	int r = store_write_if(&dev->b->store, dev->be, VGPU_NODE_BE_STATE,
			       node, value);

	if (r < 0 && r != -ENOENT)
		log_warn("%s: cannot write %s/%s: %s", dev->label, dev->be,
			 node, strerror(-r));
}

/* Why a guest cannot use the device now, or nothing when it can. */
static void put_error(struct device *dev, enum vgpu_state next)
{
	uint32_t code = dev->leaving ? dev->why_code : VGPU_E_CLOSED;
	char text[STORE_TEXT_MAX];

	if (next != VGPU_STATE_CLOSING && next != VGPU_STATE_CLOSED) {
		(void)store_remove(&dev->b->store, dev->be, VGPU_NODE_BE_ERROR);
		return;
	}
	if (dev->online && !dev->leaving)
		return; /* the frontend's own wish */
	snprintf(text, sizeof(text), "%u %s", code, vgpu_error_text(code));
	put(dev, VGPU_NODE_BE_ERROR, text);
}

static void set_state(struct device *dev, enum vgpu_state next)
{
	char text[4];

	put_error(dev, next);
	snprintf(text, sizeof(text), "%d", (int)next);
	put(dev, VGPU_NODE_BE_STATE, text);
	log_line(bucket_take(&dev->turns, now_ms()) ? LOG_INFO : LOG_TRACE,
		 "%s: %s, frontend %s", dev->label, xenbus_state_name(next),
		 xenbus_state_name(dev->fe_state));
	dev->state = next;
	if (next == VGPU_STATE_CLOSING)
		dev->close_by = now_ms() + CLOSE_MS;
}

static enum vgpu_state read_frontend(struct device *dev)
{
	uint32_t v;
	int r = store_read_u32(&dev->b->store, dev->fe, VGPU_NODE_FE_STATE, &v);

	return r < 0 || v > VGPU_STATE_RECONFIGURED ? VGPU_STATE_UNKNOWN :
						      (enum vgpu_state)v;
}

static bool read_online(struct device *dev)
{
	uint32_t v;

	/* Without the node the toolstack has begun to remove the device. */
	return store_read_u32(&dev->b->store, dev->be, VGPU_NODE_BE_ONLINE,
			      &v) == 0 && v != 0;
}

static void run_fsm(struct device *dev)
{
	bool wanted = dev->online && !dev->leaving;

	for (;;) {
		struct fsm_step s = xenbus_fsm(dev->state, dev->fe_state,
					       wanted);

		if (s.restarted)
			sessions_abandon(dev, "the frontend restarted");
		else if (s.end_sessions)
			sessions_stop(dev, VGPU_E_CLOSED);
		if (s.next == dev->state)
			return;
		set_state(dev, s.next);
	}
}

/* One pass over the device's nodes; the device may be gone afterwards. */
static void serve(struct device *dev, uint64_t now)
{
	dev->dirty = false;
	dev->online = read_online(dev);
	dev->fe_state = read_frontend(dev);
	run_fsm(dev);
	if (dev->state == VGPU_STATE_CLOSING && now >= dev->close_by) {
		set_state(dev, VGPU_STATE_CLOSED);
		run_fsm(dev);
	}
	if (dev->leaving && dev->state == VGPU_STATE_CLOSED)
		device_remove(dev, "closed");
	else if (dev->state == VGPU_STATE_CONNECTED)
		dev->dirty = sessions_scan(dev) || dev->dirty;
}

/* A guest may remove its own directory; a fresh one heals it. */
static bool needs_remaking(struct device *dev)
{
	return dev->state == VGPU_STATE_CLOSED && dev->online &&
	       !dev->leaving && !store_exists(&dev->b->store, dev->fe);
}

static uint64_t tick(struct device *dev, uint64_t now)
{
	uint64_t next = sessions_tick(dev, now);

	if (dev->state == VGPU_STATE_CLOSING) {
		next = earlier(next, dev->close_by);
		dev->dirty |= now >= dev->close_by;
	}
	if (!dev->dirty)
		return next;
	if (!bucket_take(&dev->passes, now))
		return earlier(next, bucket_when(&dev->passes, now));
	serve(dev, now);
	return now; /* come back at once: there may be more */
}

uint64_t devices_tick(struct backend *b, uint64_t now)
{
	uint64_t next = NEVER;
	struct device *dev, *after;

	for (dev = TAILQ_FIRST(&b->devices); dev; dev = after) {
		after = TAILQ_NEXT(dev, link);
		next = earlier(next, tick(dev, now));
	}
	return next;
}

/* Called with each rescan, so at most every RESCAN_MS. */
void devices_heal(struct backend *b)
{
	struct device *dev, *after;

	for (dev = TAILQ_FIRST(&b->devices); dev; dev = after) {
		after = TAILQ_NEXT(dev, link);
		if (needs_remaking(dev))
			device_remove(dev, "the guest removed its directory; a new one follows");
		else
			dev->dirty = true;
	}
}

static void sweep_domain(struct backend *b, const char *name)
{
	uint32_t domid;
	struct device dev = { .b = b };

	if (!parse_u32(name, &domid))
		return;
	dev.domid = domid;
	snprintf(dev.label, sizeof(dev.label), "domain %u", domid);
	device_nodes_name(&dev);
	log_info("%s: nodes of an earlier backend removed", dev.label);
	device_nodes_remove(&dev);
}

void devices_sweep(struct backend *b)
{
	char dir[STORE_PATH_MAX];
	unsigned int n = 0;
	AUTO_FREE char **names = NULL;

	snprintf(dir, sizeof(dir), VGPU_FMT_BE_CLASS, b->domid);
	names = store_list(&b->store, dir, &n);
	for (unsigned int i = 0; names && i < n; i++)
		sweep_domain(b, names[i]);
}

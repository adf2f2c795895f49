// SPDX-License-Identifier: BSD-2-Clause
/* events.c - XenStore watches: each event only marks what to look at. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/parse.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"

static void ready(struct source *s, uint32_t events)
{
	struct backend *b = container_of(s, struct backend, store_source);

	(void)events;
	events_drain(b);
}

static int watch(struct backend *b, const char *path)
{
	if (xs_watch(b->store.h, path, path))
		return 0;
	log_error("cannot watch %s: %s%s", path, strerror(errno),
		  errno == EACCES ? ": in a driver domain the host must allow it (xenstore-chmod on that name)" :
				    "");
	return errno ? -errno : -EIO;
}

int events_open(struct backend *b)
{
	int r = watch(b, "@introduceDomain");

	if (r == 0)
		r = watch(b, "@releaseDomain");
	if (r < 0)
		return r;
	b->store_source = (struct source){ xs_fileno(b->store.h), ready };
	return loop_add(&b->loop, &b->store_source, EPOLLIN);
}

static void device_path(struct backend *b, uint32_t domid, const char *path)
{
	struct device *dev = device_find(b, domid);
	const char *rest;

	if (dev && path_below(path, dev->fe, &rest))
		device_event(dev, rest);
}

/* Tokens are ours: "name/5", "fe/5", "be/5", or the path itself. */
static void dispatch(struct backend *b, const char *path, const char *token)
{
	const char *slash = strchr(token, '/');
	struct device *dev;
	uint32_t domid;

	if (token[0] == '@') {
		b->domains.dirty = true;
		return;
	}
	if (!slash || !parse_u32(slash + 1, &domid))
		return;
	switch (token[0]) {
	case 'n':
		domain_renamed(b, domid);
		return;
	case 'f':
		device_path(b, domid, path);
		return;
	case 'b':
		dev = device_find(b, domid);
		if (dev)
			dev->dirty = true;
		return;
	}
}

/* libxenstore may hold more events than its descriptor says, so the caller
 * comes back while more_events is set. */
void events_drain(struct backend *b)
{
	b->more_events = true;
	for (int i = 0; i < MAX_EVENTS_PASS; i++) {
		AUTO_FREE char **event = xs_check_watch(b->store.h);

		if (!event) {
			b->more_events = false;
			return;
		}
		dispatch(b, event[XS_WATCH_PATH], event[XS_WATCH_TOKEN]);
	}
}

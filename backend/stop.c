// SPDX-License-Identifier: BSD-2-Clause
/*
 * stop.c - the clean end. Every session is told (state 6, "14 ..."), every
 * executor is asked to end and after STOP_MS killed, every device closes with
 * the xenbus handshake, and then its nodes are removed: nobody is left to keep
 * them true, and a guest sees that there is no GPU now rather than one that
 * never answers. The next start makes them anew.
 */
#include "backend/backend.h"
#include "tools/lib/log.h"

void stop_begin(struct backend *b)
{
	struct device *dev;

	b->stop_by = now_ms() + STOP_MS;
	TAILQ_FOREACH(dev, &b->devices, link)
		device_close(dev, VGPU_E_NO_BACKEND, "vgpu-backend stops");
	pool_stop(&b->pool);
}

bool stop_done(struct backend *b)
{
	struct executor *e;

	if (TAILQ_EMPTY(&b->devices) && TAILQ_EMPTY(&b->pool.executors))
		return true;
	if (now_ms() < b->stop_by)
		return false;
	TAILQ_FOREACH(e, &b->pool.executors, link)
		executor_kill(e, "vgpu-backend stops");
	/* A process that hangs in the kernel must not keep us. */
	return now_ms() >= b->stop_by + KILL_MS;
}

void stop_finish(struct backend *b)
{
	struct executor *e;

	while (!TAILQ_EMPTY(&b->devices))
		device_remove(TAILQ_FIRST(&b->devices), "vgpu-backend stops");
	TAILQ_FOREACH(e, &b->pool.executors, link)
		log_error("executor %d is left behind: it does not die",
			  executor_pid(e));
	domains_free(b);
	single_release(b);
	control_close(b);
	registry_free(&b->registry);
}

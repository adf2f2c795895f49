/* SPDX-License-Identifier: BSD-2-Clause */
/* backend.h - everything that the daemon owns. One thread, one of these. */
#ifndef VGPU_BACKEND_H
#define VGPU_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/control.h"
#include "backend/device.h"
#include "backend/domain.h"
#include "backend/jit_cache.h"
#include "backend/loop.h"
#include "backend/options.h"
#include "backend/pool.h"
#include "backend/registry.h"
#include "backend/store.h"

struct backend {
	struct options opt;
	uint32_t domid;              /* our own */
	struct loop loop;
	struct store store;
	struct source store_source;
	struct source signal_source;
	struct registry registry;
	struct domains domains;
	struct device_list devices;
	struct pool pool;
	struct jit_cache jit;
	struct control control;
	uint64_t started_ms;
	uint64_t ping_at;
	bool more_events;            /* libxenstore holds some still */
	bool reload;                 /* SIGHUP came */
	bool stop;                   /* SIGTERM or SIGINT came */
	bool lost;                   /* xenstored is gone */
	uint64_t stop_by;            /* stop: when executors are killed */
	int lock_fd;
	int ready_fd;                /* --daemon: tells the parent; else -1 */
};

/* events.c: XenStore watches */
int events_open(struct backend *b);
void events_drain(struct backend *b);

/* signals.c: one signalfd for all of them */
int signals_open(struct backend *b);

/* single.c: one backend in a run directory and in a domain */
int single_take(struct backend *b);       /* lock file; before XenStore */
int single_announce(struct backend *b);   /* node pid */
void single_release(struct backend *b);

/* detach.c: --daemon; in the child, returns; the parent waits and exits */
int detach_begin(struct backend *b);
void detach_ready(struct backend *b); /* now the log goes to its file */
int log_to_file(struct backend *b);

/* stop.c: end sessions, executors and nodes in bounded time */
void stop_begin(struct backend *b);
bool stop_done(struct backend *b);
void stop_finish(struct backend *b);

/* config.c: registered VMs, read again */
int config_reload(struct backend *b);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * executor.h - one vgpu-exec process: start, messages, end. See exec.h.
 *
 *   WARMING   started                  -> WARM (HELLO), DYING
 *   WARM      waits in the pool        -> BUSY (ASSIGN), DYING
 *   BUSY      belongs to a session     -> DYING
 *   DYING     said ENDED or FAILED, was told to stop, or was killed
 *                                      -> reaped
 *
 * Every state but WARM and BUSY has a time limit, after which it is killed.
 */
#ifndef VGPU_EXECUTOR_H
#define VGPU_EXECUTOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "backend/loop.h"
#include "xenstore-schema/exec.h"

struct backend;
struct session;

enum executor_state {
	EXECUTOR_WARMING,
	EXECUTOR_WARM,
	EXECUTOR_BUSY,
	EXECUTOR_DYING,
};

struct executor {
	TAILQ_ENTRY(executor) link;
	struct source src;         /* our end of the socket pair; -1: closed */
	struct backend *b;
	pid_t pid;
	enum executor_state state;
	struct session *session;
	bool hello;                /* it was warm once */
	bool used;                 /* it was given a session */
	bool told;                 /* it said how it ended, or we stopped it */
	bool killed;
	bool context;              /* it was asked to hold one */
	uint64_t cache;            /* jit_cache.h */
	uint64_t deadline;
	char why[160];             /* killed: what for */
};

TAILQ_HEAD(executor_list, executor);

int executor_spawn(struct backend *b, struct executor **ret);

/* Send ASSIGN with a fresh memfd for counters, mapped read-only as *stats. */
int executor_assign(struct executor *e, struct session *s,
		    const struct exec_msg *m, const struct exec_stats **stats);
void executor_stats_unmap(const struct exec_stats *stats);

/* Never blocks. @fd goes with it, or -1; it stays the caller's. */
int executor_send(struct executor *e, const struct exec_msg *m, int fd);

/* A warm one: hold a context of GPU 0, or let it go. */
void executor_context(struct executor *e, bool hold);

void executor_stop(struct executor *e);
void executor_kill(struct executor *e, const char *why);
void executor_detach(struct executor *e); /* its session is gone */

int executor_pid(const struct executor *e);

/* SIGCHLD came. */
void executors_reap(struct backend *b);

/* Time limits; returns when to come back. */
uint64_t executors_tick(struct backend *b, uint64_t now);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session_table.h - the sessions of one device, by name, in order of arrival.
 *
 *   WAITING   for a warm executor        -> MAPPING, OVER, gone
 *   MAPPING   ASSIGN sent                -> RUNNING, STOPPING, OVER, gone
 *   RUNNING   READY came                 -> STOPPING, OVER, gone
 *   STOPPING  STOP sent                  -> OVER, gone
 *   OVER      answered; the answer stays until the guest's nodes go or
 *             ANSWER_MS have passed      -> gone
 *
 * Only session.c moves a session; the table only knows OVER from the rest.
 */
#ifndef VGPU_SESSION_TABLE_H
#define VGPU_SESSION_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "backend/limits.h"

struct device;
struct executor;

enum session_state {
	SESSION_WAITING,
	SESSION_MAPPING,
	SESSION_RUNNING,
	SESSION_STOPPING,
	SESSION_OVER,
};

/* What the guest's nodes say, copied once. */
struct session_nodes {
	uint32_t control_ref;
	uint32_t port;
	uint32_t guest_pid;
	char name[MAX_PROGRAM_NAME + 1];
};

struct session {
	TAILQ_ENTRY(session) link;
	TAILQ_ENTRY(session) waiting;    /* in the pool's queue */
	bool queued;                     /* is it? */
	struct device *dev;
	char sid[EXEC_SID_MAX + 1];
	enum session_state state;
	struct session_nodes nodes;
	struct executor *exec;           /* MAPPING, RUNNING, STOPPING */
	const struct exec_stats *stats;  /* mapped from MAPPING on */
	uint32_t stop_code;              /* STOPPING: why */
	bool ran;                        /* READY came once */
	bool seen;                       /* the guest's node is still there */
	uint64_t deadline;
	uint64_t since;
};

struct session_table {
	TAILQ_HEAD(session_head, session) list;
	unsigned int live;               /* not OVER */
	unsigned int over;
};

void session_table_init(struct session_table *t);
struct session *session_table_find(struct session_table *t, const char *sid);

/* NULL when out of memory; @sid has been checked and is not in the table. */
struct session *session_table_add(struct session_table *t, const char *sid);
void session_table_over(struct session_table *t, struct session *s);
void session_table_drop(struct session_table *t, struct session *s);

/* The answer that has been readable longest; NULL if there is none. */
struct session *session_table_oldest_over(struct session_table *t);

const char *session_state_name(enum session_state s);

#endif

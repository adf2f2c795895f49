/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h - executors kept warm, and the sessions that wait for one.
 *
 * While executors cannot be started, new sessions are told so at once; a new
 * try follows by itself, after RETRY_MIN_MS at first, later RETRY_MAX_MS.
 */
#ifndef VGPU_POOL_H
#define VGPU_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "backend/executor.h"
#include "backend/session_table.h"

struct backend;

struct pool {
	struct backend *b;
	struct executor_list executors;       /* of every state */
	TAILQ_HEAD(, session) waiting;
	unsigned int failures;                /* starts that failed in a row */
	uint64_t retry_at;                    /* no start before */
	uint32_t error;                       /* why; 0: all is well */
	char text[SENTENCE_MAX];
	uint32_t driver_version;              /* of the last HELLO; 0: none */
	uint32_t devices;
};

void pool_init(struct pool *p, struct backend *b);

/* Give @s an executor: now, later, or an error now. */
void pool_request(struct pool *p, struct session *s);
void pool_cancel(struct pool *p, struct session *s);

/* Told by executor.c */
void pool_warm(struct pool *p, struct executor *e, const struct exec_msg *hello);
void pool_failed(struct pool *p, uint32_t error, const char *text);
void pool_pause(struct pool *p); /* a warm one died alone */

/* While p->error is set: what is wrong, in one line. */
void pool_trouble(const struct pool *p, char *line, size_t size);

unsigned int pool_count(const struct pool *p, enum executor_state s);

/* Start what is missing; returns when to come back. */
uint64_t pool_tick(struct pool *p, uint64_t now);

/* The daemon stops: end those that serve nobody. */
void pool_stop(struct pool *p);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - the socket RUN-DIR/control.sock that vgpu-admin talks to.
 *
 * A client sends one JSON object in one line, e.g.
 *   {"op": "register-vm", "vm-name": "user1", "max-sessions": 8}
 * and gets one line: {"ok": true, "data": ...} or
 *   {"ok": false, "error": "sentence"}
 * after which the connection is closed. Mode 0600: the file is the permission.
 */
#ifndef VGPU_CONTROL_H
#define VGPU_CONTROL_H

#include <jansson.h>
#include <stdint.h>
#include <sys/queue.h>

#include "backend/loop.h"

struct backend;

struct control {
	struct source src;
	TAILQ_HEAD(client_list, client) clients;
	unsigned int count;
	char path[108];
};

int control_open(struct backend *b);
void control_close(struct backend *b);
uint64_t control_tick(struct backend *b, uint64_t now);

/* control_ops.c: answer one request. Never NULL unless out of memory. */
json_t *control_answer(struct backend *b, const json_t *request);

/* health.c: NULL when all is well, else what is not, as a JSON array. */
json_t *health_problems(struct backend *b);
void health_line(struct backend *b, char *text, size_t size);

#endif

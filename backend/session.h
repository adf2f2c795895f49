/* SPDX-License-Identifier: BSD-2-Clause */
/* session.h - the life of one guest process on this host. */
#ifndef VGPU_SESSION_LIFE_H
#define VGPU_SESSION_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/session_table.h"

struct device;
struct executor;

/* Compare the guest's session nodes with the table: start, stop, forget.
 * Returns true when some were left for the next pass. */
bool sessions_scan(struct device *dev);

/* Ask every executor of the device to end; answers say @code. */
void sessions_stop(struct device *dev, uint32_t code);

/* Forget all sessions and remove their nodes; executors are told to end. */
void sessions_abandon(struct device *dev, const char *why);

/* Time limits; returns when to come back. */
uint64_t sessions_tick(struct device *dev, uint64_t now);

/* --- told by pool.c and executor.c --------------------------------------- */

/* A warm executor is there for a WAITING session. */
void session_assign(struct session *s, struct executor *e);
void session_ready(struct session *s);

/* It is over: @code of error.def; @detail, if any, goes after its sentence. */
void session_end(struct session *s, uint32_t code, const char *detail);

/* "domain 5 (user1) session p123-ab" in a buffer of its own. */
const char *session_label(const struct session *s);

#endif

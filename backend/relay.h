/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay.h - file descriptors on their way between the executors of one domain.
 *
 * A session is looked for in its own device's table only: that, and a token
 * that cannot be guessed, is what keeps VMs apart. Nothing is kept here; see
 * xenstore-schema/exec.h.
 */
#ifndef VGPU_RELAY_H
#define VGPU_RELAY_H

#include "backend/session_table.h"

/* The executor of @s wants what session m->sid exports. */
void relay_fetch(struct session *s, const struct exec_msg *m);

/* The executor of @s gives @fd, or none, to session m->sid. */
void relay_given(struct session *s, const struct exec_msg *m, int fd);

#endif

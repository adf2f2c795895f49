/* SPDX-License-Identifier: BSD-2-Clause */
/* session_nodes.h - reads a guest's session nodes, writes the answers. */
#ifndef VGPU_SESSION_NODES_H
#define VGPU_SESSION_NODES_H

#include <stddef.h>

#include "backend/device.h"

/* The session's state node; UNKNOWN when missing or no state. */
enum vgpu_state session_nodes_state(struct device *dev, const char *sid);

/*
 * Read all nodes once and check them. Returns an error of error.def: OK,
 * VERSION, HASH or PROTOCOL, with what was wrong in @detail.
 */
uint32_t session_nodes_read(struct device *dev, const char *sid,
			    struct session_nodes *ret, char *detail,
			    size_t size);

/* Answer: @state 4, or 6 with "code sentence" in @error. */
int session_nodes_answer(struct device *dev, const char *sid,
			 enum vgpu_state state, const char *error);

/* Remove the guest's directory and our answer. */
void session_nodes_remove(struct device *dev, const char *sid);

/* The administrator's limit, which stands in a node of ours. */
uint32_t device_limit(struct device *dev, const char *node, uint32_t high,
		      uint32_t otherwise);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xenbus_fsm.h - the backend's xenbus state machine as a pure function.
 *
 * state.h draws the handshake. The backend is only ever at 1, 2, 4, 5 or 6;
 * whatever else stands in its node counts as 6.
 */
#ifndef VGPU_XENBUS_FSM_H
#define VGPU_XENBUS_FSM_H

#include <stdbool.h>

#include "xenstore-schema/state.h"

struct fsm_step {
	enum vgpu_state next; /* what the backend's state becomes */
	bool end_sessions;    /* and its sessions are over */
	bool restarted;       /* the frontend began anew: forget its sessions */
};

/**
 * xenbus_fsm() - One move of the backend
 * @be:    the backend's state
 * @fe:    the frontend's; UNKNOWN when its node is missing or unreadable
 * @wanted: false when the device is to go (online 0, unregistered, stopping)
 *
 * Call again with the new state until next == be; that takes at most 3 calls.
 * The caller ends a CLOSING that the frontend does not answer.
 */
struct fsm_step xenbus_fsm(enum vgpu_state be, enum vgpu_state fe, bool wanted);

const char *xenbus_state_name(enum vgpu_state s);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * state.h - xenbus device states. Source: xen/include/public/io/xenbus.h.
 *
 * The handshake of a device (backend left, frontend right):
 *
 *   1 Initialising    both made by vgpu-backend in one transaction
 *   2 InitWait        limits, version and hash are published
 *                     3 Initialised   written by the first guest process
 *   4 Connected       sessions may come
 *                     4 Connected
 *   5 Closing, 6 Closed: either side; a frontend that is back at 1 while the
 *   backend is at 4 has restarted: its sessions are ended and the backend
 *   returns to 2.
 */
#ifndef VGPU_STATE_H
#define VGPU_STATE_H

enum vgpu_state {
	VGPU_STATE_UNKNOWN = 0,
	VGPU_STATE_INITIALISING = 1,
	VGPU_STATE_INIT_WAIT = 2,
	VGPU_STATE_INITIALISED = 3,
	VGPU_STATE_CONNECTED = 4,
	VGPU_STATE_CLOSING = 5,
	VGPU_STATE_CLOSED = 6,
	VGPU_STATE_RECONFIGURING = 7,
	VGPU_STATE_RECONFIGURED = 8,
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * guest.h - a session of a guest that writes its pages and nodes itself, with
 * none of libcuda's care, so that each step can be done wrong or not at all.
 */
#ifndef HOSTILE_GUEST_H
#define HOSTILE_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "xenstore-schema/ring.h"

/* What is done wrong while the session is opened; zeros: nothing. */
struct how {
	uint32_t magic, protocol, ring_pages, reply_pages;
	uint64_t hash;
	uint32_t node_protocol;     /* in XenStore */
	const char *node_hash, *node_ref, *node_port;
	bool bad_ring_refs, same_ring_refs;
	int die_at;                 /* SIGKILL to oneself at this step */
};

struct guest {
	struct xs_handle *xs;
	xengntshr_handle *xgs;
	xenevtchn_handle *xce;
	struct vgpu_control *ctl;
	uint8_t *slots;
	struct ring_prod ring;
	uint32_t domid, be_domid, port, seq;
	char fe[200], be[200];      /* directories of device and session */
	char sid[48];
	char answer[300];           /* "code sentence" of the backend */
};

enum { GUEST_STEPS = 8 };

/* 0: an executor has it; else the error number that the backend gave, or
 * VGPU_E_TIMEOUT. guest_close() is needed in any case. */
int guest_open(struct guest *g, const struct how *how);
void guest_close(struct guest *g);

struct put {
	uint16_t op, slot;
	uint8_t flags;
	uint32_t ctx, blob, reply_arena, reply_off, reply_cap;
	int32_t seq_step;           /* 0 means the right one */
};
/* One record; rings the bell when it must. False: no room in 2 s. */
bool guest_put(struct guest *g, const struct put *p, const void *body,
	       uint32_t len);
/* The result of the record just sent; -1: the session ended, -2: no answer. */
int guest_result(struct guest *g, uint16_t slot, void *out, uint32_t size);
int guest_call(struct guest *g, const struct put *p, const void *body,
	       uint32_t len, void *out, uint32_t size);
void guest_bell(struct guest *g);
/* Error number with which the session ended; -1: it lives after @ms. */
int guest_ended(struct guest *g, int ms);
uint32_t guest_share(struct guest *g, uint32_t pages, uint32_t *refs,
		     void **ret);

#endif

// SPDX-License-Identifier: BSD-2-Clause
/*
 * channel.c - the guest's ring, replies and control page: map them, answer
 * through them.
 *
 * Nothing that the guest can write is read twice: the setup is copied out
 * once, records are copied by ring_take().
 */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tools/lib/ticks.h"

static bool setup_ok(const struct vgpu_setup *s)
{
	return s->magic == VGPU_MAGIC &&
	       s->ring_pages >= VGPU_RING_PAGES_MIN &&
	       s->ring_pages <= VGPU_RING_PAGES_MAX &&
	       !(s->ring_pages & (s->ring_pages - 1)) &&
	       s->reply_pages == VGPU_REPLY_PAGES;
}

static int fail(struct ex *e, enum vgpu_error err, const char *why)
{
	e->why = why;
	return (int)err;
}

static void mapped(struct ex *e, uint32_t pages)
{
	e->stats->granted_pages += pages;
	e->stats->grant_maps += pages;
}

void *ex_map_refs(struct ex *e, const uint32_t *refs, uint32_t n)
{
	void *p = xengnttab_map_domain_grant_refs(e->xgt, n, e->domid,
						  (uint32_t *)(uintptr_t)refs,
						  PROT_READ | PROT_WRITE);
	if (!p)
		log_error("domain %u session %s: cannot map %u granted pages: "
			  "%s", e->domid, e->sid, n, strerror(errno));
	else
		mapped(e, n);
	return p;
}

static int open_xen(struct ex *e, const struct exec_msg *a)
{
	xenevtchn_port_or_error_t port;

	e->xgt = xengnttab_open(NULL, 0);
	e->xce = xenevtchn_open(NULL, 0);
	if (!e->xgt || !e->xce)
		return fail(e, VGPU_E_MAP, "the host offers no /dev/xen/gntdev "
			    "or /dev/xen/evtchn to the executor");
	port = xenevtchn_bind_interdomain(e->xce, a->domid, a->port);
	if (port < 0)
		return fail(e, VGPU_E_MAP,
			    "the guest's event channel cannot be bound");
	e->port = (evtchn_port_t)port;
	return 0;
}

/* For one record, so that its fixed part, behind the header, lies as its
 * struct wants it: a CUtensorMap is aligned to 64 bytes. Never freed. */
uint8_t *ex_rec_buf(uint32_t ring_size)
{
	uint8_t *p = aligned_alloc(64, ring_max_record(ring_size) + 64);

	return p ? p + 64 - sizeof(struct vgpu_rec) : NULL;
}

/* Ring and replies, by the references of the control page. */
static int map_ring(struct ex *e, const struct vgpu_setup *s)
{
	uint32_t refs[VGPU_RING_PAGES_MAX + VGPU_REPLY_PAGES];
	uint32_t n = s->ring_pages + s->reply_pages;
	uint8_t *p;

	memcpy(refs, e->ctl->ref, n * sizeof(*refs));
	p = ex_map_refs(e, refs, n);
	if (!p)
		return fail(e, VGPU_E_MAP, "the ring's pages cannot be mapped");
	e->ring = (struct ring_cons){ .ctl = e->ctl, .data = p,
				      .size = s->ring_pages * VGPU_PAGE };
	e->slots = p + e->ring.size;
	e->rec_buf = ex_rec_buf(e->ring.size);
	/* A tensor map in a reply must lie on 128; and slack.c gives pages
	 * of it back. */
	e->reply_buf = mmap(NULL, EX_REPLY_MAX, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!e->rec_buf || e->reply_buf == MAP_FAILED)
		return fail(e, VGPU_E_NO_MEMORY, "no memory for buffers");
	return 0;
}

/* Return 0, or an enum vgpu_error with e->why set. */
int ex_map_session(struct ex *e, const struct exec_msg *a)
{
	struct vgpu_setup setup;
	int r = open_xen(e, a);

	if (r)
		return r;
	e->ctl = xengnttab_map_grant_ref_notify(e->xgt, a->domid,
		a->control_ref, PROT_READ | PROT_WRITE,
		offsetof(struct vgpu_control, exec_alive), e->port);
	if (!e->ctl)
		return fail(e, VGPU_E_MAP, "the control page cannot be mapped");
	mapped(e, 1);
	memcpy(&setup, &e->ctl->setup, sizeof(setup));
	__asm__ volatile("" ::: "memory");
	if (!setup_ok(&setup))
		return fail(e, VGPU_E_PROTOCOL, "the control page is not one");
	if (setup.protocol != VGPU_PROTOCOL)
		return fail(e, VGPU_E_VERSION, "protocol version differs");
	if (setup.calls_hash != VGPU_CALLS_HASH)
		return fail(e, VGPU_E_HASH, "call description differs");
	r = map_ring(e, &setup);
	if (r)
		return r;
	e->window_max = a->max_window_pages;
	e->spin_ns = (uint64_t)a->spin_us * 1000;
	e->ctl->spin_us = a->spin_us;
	e->ctl->max_window_pages = a->max_window_pages;
	__atomic_store_n(&e->ctl->exec_alive, 1, __ATOMIC_RELEASE);
	return 0;
}

/* ---- answers ----------------------------------------------------------- */

void ex_notify(struct ex *e)
{
	shared_fence();
	if (!shared_load32(&e->ctl->guest_waiters))
		return;
	__atomic_fetch_add(&e->stats->notifies, 1, __ATOMIC_RELAXED);
	/* A failure means that the guest's end is gone; the alive byte
	 * tells us soon. */
	if (xenevtchn_notify(e->xce, e->port) < 0)
		log_debug("domain %u session %s: notify: %s", e->domid, e->sid,
			  strerror(errno));
}

/* @since: when the record was taken, 0: the guest does not want to know */
void ex_answer_slot(struct ex *e, uint16_t slot, uint32_t seq, uint64_t since,
		    CUresult r, const void *data, uint32_t len,
		    CUresult deferred, uint32_t deferred_op)
{
	struct vgpu_slot *s = (void *)(e->slots + slot * VGPU_SLOT_SIZE);

	shared_taken(s);
	if (len <= VGPU_SLOT_SIZE - sizeof(*s) && data)
		memcpy(s->data, data, len);
	s->result = r;
	s->len = len;
	s->deferred = deferred;
	s->deferred_op = deferred_op;
	s->output = output_pending();
	s->host_ns = since ? ticks_wall() - since : 0;
	shared_given(s);
	shared_store32(&s->done, seq);
	ex_notify(e);
}

void ex_reply(struct ex *e, uint16_t slot, uint32_t seq, uint64_t since,
	      CUresult r, const void *data, uint32_t len)
{
	ex_answer_slot(e, slot, seq, since, r, data, len, e->deferred,
		       e->deferred_op);
	e->deferred = CUDA_SUCCESS;
}

void ex_fence(struct ex *e, uint32_t fence, uint32_t value, CUresult r)
{
	shared_store64(&e->ctl->fence[fence], (uint64_t)r << 32 | value);
	ex_notify(e);
}

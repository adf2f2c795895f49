// SPDX-License-Identifier: BSD-2-Clause
/*
 * loop.c - take a record, check it, replay it, answer.
 *
 * While records come, nothing else is done. When there is none, the waits of
 * pending.c are looked at; after spin_us without news the thread announces
 * that it sleeps and waits for the event channel.
 */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tools/lib/ticks.h"

/* Looks at waits between so many records, so that a flood of records from
 * one thread does not starve another thread's wait. */
#define POLL_EVERY 32

/* What the waiter watches is only looked at for errors. */
#define WATCHED_NS 20000000u

/* A guest that fills its first piece is silent for less than that. */
#define FRESH_NS 1000000u

CUresult ex_use_ctx(struct ex *e, uint32_t ctx)
{
	uint64_t real;
	CUresult r;

	if (ctx == e->cur_ctx)
		return CUDA_SUCCESS;
	r = ex_obj(e, KIND_CTX, ctx, &real);
	if (r) /* the guest knew it once */
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	r = R.cuCtxSetCurrent((CUcontext)(uintptr_t)real);
	if (!r) {
		e->cur_ctx = ctx;
		ex_register_window(e);
	}
	return r;
}

CUresult ex_stream(struct ex *e, uint32_t id, CUstream *ret)
{
	uint64_t real;
	CUresult r = ex_obj(e, KIND_STREAM, id, &real);

	*ret = (CUstream)(uintptr_t)real;
	return r;
}

/* Where the reply's data goes; NULL when the record asks for the impossible. */
static bool reply_room(struct ex *e, struct vgpu_wr *wr)
{
	uint64_t cap = VGPU_SLOT_SIZE - sizeof(struct vgpu_slot);

	if (e->rec.flags & VGPU_REC_WINDOW) {
		cap = e->rec.reply_cap;
		if (cap > EX_REPLY_MAX ||
		    !ex_window(e, e->rec.reply_arena, e->rec.reply_off, cap))
			return false;
	}
	*wr = (struct vgpu_wr){ e->reply_buf, e->reply_buf,
				e->reply_buf + (cap & ~7ull), false };
	return true;
}

static void answer(struct ex *e, CUresult r, struct vgpu_wr *wr)
{
	uint32_t len = (uint32_t)(wr->cur - wr->base);

	if (!(e->rec.flags & VGPU_REC_WINDOW)) {
		ex_reply(e, e->rec.slot, e->rec.seq, e->since, r, wr->base, len);
		return;
	}
	/* The call may have dropped the arena, if it answers nothing. */
	if (len)
		memcpy(ex_window(e, e->rec.reply_arena, e->rec.reply_off, len),
		       wr->base, len);
	ex_reply(e, e->rec.slot, e->rec.seq, e->since, r, NULL, len);
}

static void defer(struct ex *e, CUresult r)
{
	if (e->deferred)
		return;
	e->deferred = r;
	e->deferred_op = e->rec.op;
	log_debug("domain %u session %s: %s failed with %d, to be reported "
		  "later", e->domid, e->sid, ex_ops[e->rec.op].name, r);
}

/* An image comes through the window before the GPU has any use for it. */
static bool brings_image(uint32_t op)
{
	return op == OP_vgBlob || op == OP_vgModuleLoad || op == OP_vgLinkAdd;
}

/* One record, private and of checked length. False: it was impossible. */
static bool replay(struct ex *e, uint32_t len)
{
	struct vgpu_rd rd = { e->rec_buf + sizeof(e->rec), e->rec_buf + len,
			      false };
	struct vgpu_wr wr;
	uint32_t seq = e->rec.seq;
	CUresult r;

	memcpy(&e->rec, e->rec_buf, sizeof(e->rec));
	e->since = shared_load32(&e->ctl->trace) ? ticks_wall() : 0;
	if (e->rec.op >= OP_NR || !ex_ops[e->rec.op].fn ||
	    e->rec.seq != seq + 1 || e->rec.slot >= VGPU_SLOTS ||
	    !reply_room(e, &wr))
		return false;
	if (e->fresh && !brings_image(e->rec.op))
		ex_register_fresh(e);
	logs_begin(e);
	r = ex_use_ctx(e, e->rec.ctx);
	if (!r)
		r = ex_capture_mode(e);
	if (!r)
		r = ex_ops[e->rec.op].fn(e, &rd, &wr);
	if (r == EX_BAD)
		return false;
	e->stats->calls++;
	if (e->rec.flags & VGPU_REC_SYNC)
		e->stats->sync_calls++;
	if (r == EX_PENDING)
		return true;
	if (r && r != CUDA_ERROR_NOT_READY)
		e->stats->errors++;
	logs_end(r);
	if (e->rec.flags & VGPU_REC_SYNC)
		answer(e, r, &wr);
	else if (r)
		defer(e, r);
	return true;
}

static bool guest_alive(struct ex *e)
{
	return shared_load8(&e->ctl->guest_alive) != 0;
}

static void drain_events(struct ex *e)
{
	struct pollfd p = { .fd = xenevtchn_fd(e->xce), .events = POLLIN };
	xenevtchn_port_or_error_t port;

	while (poll(&p, 1, 0) > 0 && (p.revents & POLLIN)) {
		port = xenevtchn_pending(e->xce);
		if (port < 0)
			return;
		if (xenevtchn_unmask(e->xce, (evtchn_port_t)port))
			log_warn("domain %u session %s: unmask: %s", e->domid,
				 e->sid, strerror(errno));
	}
}

static void guest_counters(struct ex *e)
{
	e->stats->unsupported = shared_load64(&e->ctl->unsupported);
}

/* Sleep until the guest rings, or for @ns when waits are outstanding. */
static void sleep_for_bell(struct ex *e, uint64_t ns)
{
	struct pollfd p = { .fd = xenevtchn_fd(e->xce), .events = POLLIN };
	struct timespec t = { (time_t)(ns / 1000000000u),
			      (long)(ns % 1000000000u) };

	guest_counters(e);
	shared_store64(&e->ctl->exec_sleeping, ++e->sleeps);
	shared_fence();
	if (shared_load64(&e->ctl->prod) == e->ring.cons && guest_alive(e)) {
		monitor_asleep(true);
		if (ppoll(&p, 1, ns ? &t : NULL, NULL) > 0)
			e->stats->wakeups++;
		monitor_asleep(false);
	}
	shared_store64(&e->ctl->exec_sleeping, 0);
	drain_events(e);
}

/* How long to sleep while waits are outstanding: a fraction of the time that
 * they have taken, so that a long kernel costs little and a short one does
 * not wait for us. */
static uint64_t nap(const struct ex *e, uint64_t idle_ns)
{
	uint64_t ns = idle_ns / 8;
	uint64_t most = shared_load32(&e->ctl->guest_waiters) ? 100000 :
								1000000;

	return ns < 20000 ? 20000 : ns > most ? most : ns;
}

/* While the GPU works, the guest's next record is waited for longer: it comes
 * soon after the work is done, and waking takes longer than that. */
static uint64_t spin_time(const struct ex *e)
{
	return e->pend_live && waiter_may_spin() ? EX_GPU_SPINS * e->spin_ns :
						   e->spin_ns;
}

/* The room is given back in batches, and at once when the ring is empty: the
 * producer reads the position only when it is short of room. */
static int64_t take(struct ex *e, uint32_t *taken)
{
	int64_t len = ring_take(&e->ring, e->rec_buf);

	if (len > 0 && (++*taken & 15))
		return len;
	if (*taken) {
		ring_release(&e->ring);
		*taken = 0;
		/* A guest that sleeps for room is woken when there is plenty,
		 * not for every record. */
		if (len <= 0 || e->ring.cons - e->bell_at > e->ring.size / 4) {
			e->bell_at = e->ring.cons;
			ex_notify(e);
		}
	}
	return len;
}

/* How long to sleep when nothing was there for @idle_ns; 0: until the bell. */
static uint64_t sleep_time(struct ex *e, uint64_t idle_ns)
{
	uint64_t warm, slack;

	if (e->fresh && idle_ns < FRESH_NS)
		return FRESH_NS - idle_ns;
	if (e->fresh)
		ex_register_fresh(e);
	ex_spare_tick(e);
	if (e->pend_live)
		return e->pend_live == e->pend_watched ? WATCHED_NS :
							 nap(e, idle_ns);
	warm = warm_tick();
	slack = slack_tick(e, idle_ns);
	return warm && (!slack || warm < slack) ? warm : slack;
}

/* Nothing in the ring: look at waits, spin, then sleep. */
static void idle(struct ex *e, uint64_t *since)
{
	uint64_t t = ticks_ns();

	if (e->pend_live && pend_poll(e))
		*since = 0;
	waiter_free(e); /* takes notice of what it finished */
	if (!*since)
		*since = t;
	if (t - *since < spin_time(e))
		cpu_relax();
	else
		sleep_for_bell(e, sleep_time(e, t - *since));
}

enum vgpu_error ex_loop(struct ex *e)
{
	uint64_t idle_since = 0;
	uint32_t burst = 0, taken = 0;
	int64_t len;

	for (;;) {
		len = take(e, &taken);
		if (len > 0) {
			e->quiet_since = idle_since;
			idle_since = 0;
			if (!replay(e, (uint32_t)len))
				return VGPU_E_PROTOCOL;
			if (++burst % POLL_EVERY)
				continue;
			if (e->pend_live)
				pend_poll(e);
			ex_spare_tick(e);
			continue;
		}
		if (len < 0)
			return VGPU_E_PROTOCOL;
		if (!guest_alive(e))
			return VGPU_E_LEFT;
		idle(e, &idle_since);
	}
}

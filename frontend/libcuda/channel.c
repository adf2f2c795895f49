// SPDX-License-Identifier: BSD-2-Clause
/*
 * channel.c - records into the ring, replies out of the slots, and waiting.
 *
 * Any thread may submit; the ring's lock is held while a record is written.
 * A waiting thread spins for the time that the host set, then sleeps: one of
 * the sleepers waits for the event channel, the others for it.
 */
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <xenevtchn.h>

#include "tools/lib/log.h"
#include "tools/lib/ticks.h"

static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ring_prod ring;
static uint32_t next_seq;
static _Atomic uint16_t next_thread;

static _Atomic uint32_t slots_busy;
static _Atomic uint32_t deferred, deferred_op;

static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t sleep_cond = PTHREAD_COND_INITIALIZER;
static bool polling; /* one thread is at the event channel */
static int wake_fd = -1; /* what a thread of ours does wakes it too */

_Static_assert(VGPU_SLOTS == 32, "slots_busy has a bit for each");

static const char *const op_names[OP_NR] = {
#define X(name, cls) [OP_##name] = #name,
	VGPU_OPS(X)
#undef X
};

void vg_channel_open(uint8_t *data, uint32_t size)
{
	if (wake_fd < 0)
		wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ring = (struct ring_prod){ .ctl = vg_session.ctl, .data = data,
				   .size = size };
	next_seq = 0;
}

uint32_t vg_max_record(void)
{
	return ring_max_record(ring.size);
}

/* ---- waiting ----------------------------------------------------------- */

static bool exec_alive(void)
{
	return shared_load8(&vg_session.ctl->exec_alive) != 0;
}

static CUresult lost(void)
{
	char detail[300];
	enum vgpu_error e;

	if (atomic_load(&vg_status) != CUDA_SUCCESS)
		return (CUresult)atomic_load(&vg_status);
	e = vg_session_verdict(detail, sizeof(detail));
	return vg_session_lost(e, detail);
}

static bool spin(bool (*ready)(void *), void *arg)
{
	uint64_t end = 0;

	for (uint32_t i = 0;; i++) {
		if (ready(arg))
			return true;
		cpu_relax();
		if (i % 32)
			continue;
		if (!end)
			end = ticks_ns() + vg_session.spin_ns;
		else if (ticks_ns() > end)
			return false;
	}
}

/* Wait for the event channel; the kernel keeps it masked until we say so. */
static void at_the_channel(void)
{
	struct pollfd p[] = { { .fd = xenevtchn_fd(vg_session.xce),
				.events = POLLIN },
			      { .fd = wake_fd, .events = POLLIN } };
	xenevtchn_port_or_error_t port;
	uint64_t n;

	vg_trace_add(VG_TRACE_SLEEPS, 1);
	/* A limit, so that a lost executor is noticed in any case. */
	if (poll(p, 2, 500) <= 0)
		return;
	if ((p[1].revents & POLLIN) && read(wake_fd, &n, sizeof(n)) < 0)
		log_debug("wake: %s", strerror(errno));
	if (!(p[0].revents & POLLIN))
		return;
	port = xenevtchn_pending(vg_session.xce);
	if (port >= 0 &&
	    xenevtchn_unmask(vg_session.xce, (evtchn_port_t)port))
		log_warn("unmask: %s", strerror(errno));
}

/* Something that a waiting thread may wait for was freed by this process. */
void vg_wake(void)
{
	uint64_t one = 1;

	shared_fence();
	if (shared_load32(&vg_session.ctl->guest_waiters) &&
	    write(wake_fd, &one, sizeof(one)) < 0)
		log_debug("wake: %s", strerror(errno));
}

static void sleep_a_while(void)
{
	struct timespec t;

	if (!polling) {
		polling = true;
		pthread_mutex_unlock(&sleep_lock);
		at_the_channel();
		pthread_mutex_lock(&sleep_lock);
		polling = false;
		pthread_cond_broadcast(&sleep_cond);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec++;
	pthread_cond_timedwait(&sleep_cond, &sleep_lock, &t);
}

static CUresult wait_until(bool (*ready)(void *), void *arg, bool *slept)
{
	struct vgpu_control *c = vg_session.ctl;
	bool done = spin(ready, arg);

	*slept = !done;
	if (done)
		return CUDA_SUCCESS;
	__atomic_fetch_add(&c->guest_waiters, 1, __ATOMIC_SEQ_CST);
	shared_fence();
	pthread_mutex_lock(&sleep_lock);
	while (!(done = ready(arg)) && exec_alive())
		sleep_a_while();
	pthread_mutex_unlock(&sleep_lock);
	__atomic_fetch_sub(&c->guest_waiters, 1, __ATOMIC_SEQ_CST);
	/* The last words may have come between the two looks. */
	return done || ready(arg) ? CUDA_SUCCESS : lost();
}

/* Until @ready, however long the GPU takes; ends when the executor does. */
CUresult vg_wait(bool (*ready)(void *), void *arg)
{
	uint64_t since = unlikely(vg_tracing) ? vg_trace_now() : 0;
	bool slept;
	CUresult r = wait_until(ready, arg, &slept);

	if (unlikely(since))
		vg_trace_waited(since, slept);
	return r;
}

/* ---- records ----------------------------------------------------------- */

static bool room_for(void *arg)
{
	return ring_room(&ring, ring_need(&ring, *(uint32_t *)arg));
}

static bool room_outside(void *arg)
{
	bool room;

	pthread_mutex_lock(&ring_lock);
	room = room_for(arg);
	pthread_mutex_unlock(&ring_lock);
	return room;
}

/* Take the ring's lock with room for @len bytes. */
static CUresult lock_room(uint32_t len)
{
	CUresult r;

	pthread_mutex_lock(&ring_lock);
	while (!room_for(&len)) {
		pthread_mutex_unlock(&ring_lock);
		vg_trace_add(VG_TRACE_FULL, 1);
		r = vg_wait(room_outside, &len);
		if (r)
			return r;
		pthread_mutex_lock(&ring_lock);
	}
	return CUDA_SUCCESS;
}

static void fill(uint8_t *to, const struct vg_seg *in, int nin)
{
	for (int i = 0; i < nin; i++) {
		uint64_t pad = VGPU_ALIGN8(in[i].len) - in[i].len;

		if (in[i].len)
			memcpy(to, in[i].ptr, in[i].len);
		memset(to + in[i].len, 0, pad);
		to += in[i].len + pad;
	}
}

static uint64_t total(const struct vg_seg *s, int n)
{
	uint64_t sum = 0;

	for (int i = 0; i < n; i++) {
		if (s[i].len > UINT32_MAX)
			return UINT64_MAX;
		sum += VGPU_ALIGN8(s[i].len);
	}
	return sum;
}

/* One record; @seq gets its number. */
static CUresult submit(struct vgpu_rec *h, const struct vg_seg *in, int nin)
{
	uint64_t body = total(in, nin);
	uint8_t *to;
	CUresult r;
	bool bell;

	if (body > vg_max_record() - sizeof(*h))
		return CUDA_ERROR_INVALID_VALUE;
	h->len = (uint32_t)(sizeof(*h) + body);
	r = lock_room(h->len);
	if (r)
		return r;
	h->seq = ++next_seq;
	to = ring_reserve(&ring, h->len);
	memcpy(to, h, sizeof(*h));
	fill(to + sizeof(*h), in, nin);
	bell = ring_publish(&ring, h->len);
	pthread_mutex_unlock(&ring_lock);
	if (unlikely(vg_tracing))
		vg_trace_record(h, in, nin);
	if (bell)
		vg_trace_add(VG_TRACE_BELLS, 1);
	if (bell && xenevtchn_notify(vg_session.xce, vg_session.port) < 0)
		log_warn("notify: %s", strerror(errno));
	return CUDA_SUCCESS;
}

static void header(struct vgpu_rec *h, enum vgpu_op op, uint8_t flags)
{
	struct vg_ctx *c = vg_ctx();

	if (unlikely(!vg_thread.number))
		vg_thread.number = ++next_thread;
	*h = (struct vgpu_rec){
		.op = (uint16_t)op, .flags = flags,
		.capture_mode = vg_thread.capture_mode,
		.ctx = c ? c->id : 0, .thread = vg_thread.number,
	};
}

/* Calls after which the GPU may read or write managed memory. */
static const bool works[OP_NR] = {
	[OP_vgLaunch] = true, [OP_vgCopy] = true, [OP_vgCopyIn] = true,
	[OP_vgCopyOut] = true, [OP_vgCopyWindow] = true, [OP_vgCopy2D] = true,
	[OP_vgCopyBatch] = true, [OP_vgCopy3DBatch] = true,
	[OP_vgCopyPeer] = true, [OP_cuGraphLaunch] = true,
	[OP_cuMemsetD8Async] = true, [OP_cuMemsetD16Async] = true,
	[OP_cuMemsetD32Async] = true, [OP_cuMemsetD2D8Async] = true,
	[OP_cuMemsetD2D16Async] = true, [OP_cuMemsetD2D32Async] = true,
	[OP_cuMemcpyDtoDAsync_v2] = true, [OP_cuMemcpyPeerAsync] = true,
	[OP_cuMemPrefetchAsync] = true, [OP_cuMemPrefetchAsync_v2] = true,
};

/* Before these, memory that the program gave up is given back. */
static const bool counts_memory[OP_NR] = {
	[OP_cuMemCreate] = true, [OP_cuMemRelease] = true,
	[OP_cuMemUnmap] = true, [OP_cuMemGetInfo_v2] = true,
	[OP_cuMemPoolDestroy] = true, [OP_cuMemPoolTrimTo] = true,
	[OP_vgMemAlloc] = true, [OP_vgMemFree] = true,
};

static CUresult before(enum vgpu_op op)
{
	if (counts_memory[op])
		vg_share_sweep();
	if (likely(!atomic_load_explicit(&vg_managed_valid,
					 memory_order_relaxed)) || !works[op])
		return CUDA_SUCCESS;
	return vg_managed_flush();
}

CUresult vg_post(enum vgpu_op op, const struct vg_seg *in, int nin)
{
	const struct vg_ctx *c = vg_ctx();
	struct vgpu_rec h;
	CUresult r = before(op);

	if (unlikely(r))
		return r;
	header(&h, op, 0);
	r = submit(&h, in, nin);
	/* What ends something still ends it, but nothing succeeds any more. */
	return likely(!c || !atomic_load_explicit(&c->sticky,
						  memory_order_relaxed)) || r ?
	       r : (CUresult)atomic_load(&c->sticky);
}

CUresult vg_post_outside(enum vgpu_op op, const struct vg_seg *in, int nin)
{
	struct vgpu_rec h;

	header(&h, op, 0);
	h.ctx = 0;
	return submit(&h, in, nin);
}

/* ---- replies ----------------------------------------------------------- */

static bool slot_free(void *arg)
{
	(void)arg;
	return atomic_load(&slots_busy) != UINT32_MAX;
}

static CUresult slot_take(uint16_t *slot)
{
	for (;;) {
		uint32_t busy = atomic_load(&slots_busy), bit;
		CUresult r;

		if (busy == UINT32_MAX) {
			r = vg_wait(slot_free, NULL);
			if (r)
				return r;
			continue;
		}
		bit = ~busy & -~busy;
		if (atomic_compare_exchange_weak(&slots_busy, &busy,
						 busy | bit)) {
			*slot = (uint16_t)__builtin_ctz(bit);
			return CUDA_SUCCESS;
		}
	}
}

static void slot_put(uint16_t slot)
{
	if (atomic_fetch_and(&slots_busy, ~(1u << slot)) == UINT32_MAX)
		vg_wake();
}

static struct vgpu_slot *slot_at(uint16_t slot)
{
	return (void *)(vg_session.slots + slot * VGPU_SLOT_SIZE);
}

struct awaited {
	struct vgpu_slot *slot;
	uint32_t seq;
};

static bool slot_done(void *arg)
{
	struct awaited *a = arg;

	return shared_load32(&a->slot->done) == a->seq ||
	       shared_load32(&a->slot->gpu_done) == a->seq;
}

static void scatter(const uint8_t *from, uint64_t len, const struct vg_seg *out,
		    int nout)
{
	for (int i = 0; i < nout; i++) {
		uint64_t step = VGPU_ALIGN8(out[i].len);
		uint64_t n = out[i].len < len ? out[i].len : len;

		if (n && out[i].ptr)
			memcpy((void *)(uintptr_t)out[i].ptr, from, n);
		if (step >= len)
			return;
		from += step;
		len -= step;
	}
}

/* What device code printed before this reply belongs to our stdout; what its
 * assertions say, to our stderr. */
static void fetch_output(uint32_t bytes)
{
	struct in_vgOutput in = { .cap = 1536 };
	struct { struct out_vgOutput h; char text[1536]; } out;
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_seg d[] = { { &out.h, sizeof(out.h) },
			      { out.text, sizeof(out.text) } };

	while (bytes) {
		if (vg_call(OP_vgOutput, &s, 1, d, 2) || !out.h.len ||
		    out.h.len > sizeof(out.text))
			return;
		fwrite(out.text, 1, out.h.len, out.h.error ? stderr : stdout);
		bytes = out.h.len < bytes ? bytes - out.h.len : 0;
	}
	fflush(stdout);
}

static void note_deferred(const struct vgpu_slot *s)
{
	uint32_t none = 0, e = s->deferred, op = s->deferred_op;

	if (!e || !atomic_compare_exchange_strong(&deferred, &none, e))
		return;
	atomic_store(&deferred_op, op);
	log_info("%s failed earlier with %u", op < OP_NR && op_names[op] ?
		 op_names[op] : "a call", e);
}

CUresult vg_report(CUresult r)
{
	uint32_t e;

	if (likely(!atomic_load_explicit(&deferred, memory_order_relaxed)))
		return r;
	e = atomic_exchange(&deferred, 0);
	return r ? r : (CUresult)e;
}

/* Errors that leave the context unusable, by the driver API reference. */
static bool never_goes_away(CUresult r)
{
	switch (r) {
	case CUDA_ERROR_ECC_UNCORRECTABLE:
	case CUDA_ERROR_ILLEGAL_ADDRESS:
	case CUDA_ERROR_LAUNCH_TIMEOUT:
	case CUDA_ERROR_ASSERT:
	case CUDA_ERROR_HARDWARE_STACK_ERROR:
	case CUDA_ERROR_ILLEGAL_INSTRUCTION:
	case CUDA_ERROR_MISALIGNED_ADDRESS:
	case CUDA_ERROR_INVALID_ADDRESS_SPACE:
	case CUDA_ERROR_INVALID_PC:
	case CUDA_ERROR_LAUNCH_FAILED:
		return true;
	default:
		return false;
	}
}

static CUresult collect(struct awaited *a, const struct vg_seg *out, int nout,
			const uint8_t *window, uint32_t *output)
{
	uint32_t len = a->slot->len;
	CUresult result = (CUresult)a->slot->result;
	uint32_t cap = VGPU_SLOT_SIZE - sizeof(*a->slot);

	if (!window && len > cap)
		len = cap;
	if (!result || window)
		scatter(window ? window : a->slot->data, len, out, nout);
	*output = a->slot->output;
	if (unlikely(vg_tracing))
		vg_trace_host(a->slot->host_ns);
	if (a->slot->deferred)
		note_deferred(a->slot);
	if (unlikely(never_goes_away(result)) && vg_ctx())
		atomic_store(&vg_ctx()->sticky, (int)result);
	return result;
}

static CUresult exchange(struct vgpu_rec *h, const struct vg_seg *in, int nin,
			 const struct vg_seg *out, int nout,
			 const uint8_t *window)
{
	uint32_t output = 0;
	struct awaited a;
	CUresult r = slot_take(&h->slot);

	if (r)
		return r;
	r = submit(h, in, nin);
	if (!r) {
		a = (struct awaited){ slot_at(h->slot), h->seq };
		r = vg_wait(slot_done, &a);
		if (!r)
			r = collect(&a, out, nout, window, &output);
	}
	slot_put(h->slot);
	if (unlikely(output) && h->op != OP_vgOutput)
		fetch_output(output);
	return r;
}

/* A reply that is larger than a slot comes through a piece of the window. */
static CUresult exchange_large(struct vgpu_rec *h, const struct vg_seg *in,
			       int nin, const struct vg_seg *out, int nout,
			       uint64_t bytes)
{
	struct vg_piece p;
	CUresult r = vg_piece_take(&p);

	if (r)
		return r;
	if (bytes > p.size) {
		vg_piece_free(&p);
		return CUDA_ERROR_INVALID_VALUE;
	}
	h->flags |= VGPU_REC_WINDOW;
	h->reply_arena = p.arena;
	h->reply_off = (uint32_t)p.offset;
	h->reply_cap = (uint32_t)bytes;
	r = exchange(h, in, nin, out, nout, p.base);
	vg_piece_free(&p);
	return r;
}

CUresult vg_call_opts(enum vgpu_op op, const struct vg_seg *in, int nin,
		      const struct vg_seg *out, int nout,
		      const struct vg_opts *o)
{
	uint64_t bytes = total(out, nout);
	struct vgpu_rec h;
	CUresult r = before(op);

	if (unlikely(r))
		return r;
	header(&h, op, VGPU_REC_SYNC);
	if (o && o->use_ctx)
		h.ctx = o->ctx;
	if (o && o->blob) {
		h.blob = o->blob;
		h.flags |= VGPU_REC_BLOB;
	}
	if (bytes > VGPU_SLOT_SIZE - sizeof(struct vgpu_slot))
		return exchange_large(&h, in, nin, out, nout, bytes);
	return exchange(&h, in, nin, out, nout, NULL);
}

CUresult vg_call(enum vgpu_op op, const struct vg_seg *in, int nin,
		 const struct vg_seg *out, int nout)
{
	return vg_call_opts(op, in, nin, out, nout, NULL);
}

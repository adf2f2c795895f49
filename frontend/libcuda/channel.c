// SPDX-License-Identifier: BSD-2-Clause
/*
 * channel.c - records into the ring, replies out of the slots.
 *
 * Any thread may submit; the ring's lock is held while a record is written.
 */
#include "frontend/libcuda/vg.h"

#include <pthread.h>

#include "tools/lib/log.h"

static pthread_mutex_t ring_lock = PTHREAD_MUTEX_INITIALIZER;
static struct ring_prod ring;
static uint32_t next_seq;
static _Atomic uint16_t next_thread;

static _Atomic uint32_t slots_busy;

_Static_assert(VGPU_SLOTS == 32, "slots_busy has a bit for each");

void vg_channel_open(uint8_t *data, uint32_t size)
{
	vg_wait_open();
	ring = (struct ring_prod){ .ctl = vg_session.ctl, .data = data,
				   .size = size };
	next_seq = 0;
}

uint32_t vg_max_record(void)
{
	return ring_max_record(ring.size);
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

/* The process ends, in this thread: others, which may still be in a copy, send
 * nothing that names what ends now. */
static bool ending; /* under ring_lock */
static _Thread_local bool ends_all;

void vg_channel_end(void)
{
	ends_all = true;
	pthread_mutex_lock(&ring_lock);
	ending = true;
	pthread_mutex_unlock(&ring_lock);
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
	if (unlikely(ending && !ends_all)) {
		pthread_mutex_unlock(&ring_lock);
		return CUDA_ERROR_DEINITIALIZED;
	}
	h->seq = ++next_seq;
	to = ring_reserve(&ring, h->len);
	memcpy(to, h, sizeof(*h));
	fill(to + sizeof(*h), in, nin);
	bell = ring_publish(&ring, h->len);
	pthread_mutex_unlock(&ring_lock);
	if (unlikely(vg_tracing))
		vg_trace_record(h, in, nin);
	if (bell)
		vg_ring_bell();
	return CUDA_SUCCESS;
}

static void header(struct vgpu_rec *h, enum vgpu_op op, uint8_t flags)
{
	struct vg_ctx *c = vg_ctx();

	if (unlikely(!vg_thread.number))
		vg_thread.number = ++next_thread;
	*h = (struct vgpu_rec){
		.op = (uint16_t)op, .flags = flags,
		.capture_mode = vg_thread.capture_mode < UINT8_MAX ?
				(uint8_t)vg_thread.capture_mode : UINT8_MAX,
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
	vg_held_before(op);
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
	CUresult r;

	if (unlikely(c && atomic_load_explicit(&c->capturing,
					       memory_order_relaxed)) &&
	    vg_capturable[op])
		return vg_call(op, in, nin, NULL, 0);
	r = before(op);
	if (unlikely(r))
		return r;
	header(&h, op, 0);
	r = submit(&h, in, nin);
	/* What ends something still ends it, but nothing succeeds any more. */
	return likely(!c || !atomic_load_explicit(&c->sticky,
						  memory_order_relaxed)) || r ?
	       r : (CUresult)atomic_load(&c->sticky);
}

CUresult vg_post_in(uint32_t ctx, enum vgpu_op op, const struct vg_seg *in,
		    int nin)
{
	struct vgpu_rec h;

	header(&h, op, 0);
	h.ctx = ctx;
	return submit(&h, in, nin);
}

CUresult vg_post_outside(enum vgpu_op op, const struct vg_seg *in, int nin)
{
	vg_held_before(op);
	return vg_post_in(0, op, in, nin);
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

static const bool waits_for_gpu[OP_NR] = {
	[OP_vgStreamSync] = true, [OP_vgCtxSync] = true,
	[OP_vgEventSync] = true, [OP_vgCopyOut] = true,
	[OP_vgCopy] = true,
};

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
		r = waits_for_gpu[h->op] ? vg_wait_gpu(slot_done, &a) :
					   vg_wait(slot_done, &a);
		if (!r)
			r = vg_reply_read(a.slot, out, nout, window,
					  &output);
	}
	slot_put(h->slot);
	if (unlikely(output) && h->op != OP_vgOutput)
		vg_output_fetch(output, !window); /* one piece at a time */
	return r;
}

/* A reply that is larger than a slot comes through a piece of the window. */
static CUresult exchange_large(struct vgpu_rec *h, const struct vg_seg *in,
			       int nin, const struct vg_seg *out, int nout,
			       uint64_t bytes)
{
	struct vg_piece p;
	CUresult r = vg_piece_take(&p, false);

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

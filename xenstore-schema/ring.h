/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ring.h - the command ring, sleep and wake. All memory ordering of the
 * project is here.
 *
 * Positions are free-running byte counts; a position & (size - 1) is the
 * offset. A record never wraps: when it does not fit before the ring's end,
 * a padding record (op 0) fills the rest. Each side keeps its own position
 * private and only publishes it.
 *
 * Sleep and wake, the same in both directions:
 *
 *   sleeper                          waker
 *   flag = 1                         publish (release)
 *   full fence                       full fence
 *   look again; if there is work     if flag: notify the event channel
 *     flag = 0, go on
 *   else wait for the event
 *
 * One of the two always sees the other's store, so no wake-up is lost.
 *
 * Waking takes longer than writing records: so that not every record of that
 * time rings, the executor numbers its sleeps, and the guest rings once for
 * each. tests/unit/wake_model.t goes through all interleavings.
 */
#ifndef VGPU_RING_H
#define VGPU_RING_H

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "xenstore-schema/session.h"
#include "xenstore-schema/wire.h"

static inline uint32_t shared_load32(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint64_t shared_load64(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline uint8_t shared_load8(const uint8_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void shared_store32(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static inline void shared_store64(uint64_t *p, uint64_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* Orders a published position or a raised flag before the look at the other
 * side's word (store-load: the one order that x86 does not keep by itself). */
static inline void shared_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * A slot goes from one of the executor's threads to the next one by way of
 * the guest, which ThreadSanitizer does not see: it is told.
 */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *p);
void __tsan_release(void *p);
#define shared_given(p) __tsan_release(p)
#define shared_taken(p) __tsan_acquire(p)
#else
#define shared_given(p) ((void)(p))
#define shared_taken(p) ((void)(p))
#endif

static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

/* ---- producer: the guest's library ------------------------------------ */

struct ring_prod {
	struct vgpu_control *ctl;
	uint8_t *data;
	uint32_t size;      /* bytes, a power of two */
	uint64_t prod;      /* private; ctl->prod is only published */
	uint64_t cons_seen; /* last look at ctl->cons */
	uint64_t rung;      /* the executor's sleep that was rung for last */
};

/* Bytes that a record of @len needs now, with the padding before it. */
static inline uint64_t ring_need(const struct ring_prod *r, uint32_t len)
{
	uint32_t left = r->size - (uint32_t)(r->prod & (r->size - 1));

	return left < len ? (uint64_t)left + len : len;
}

/* Is there room for @need bytes? Looks at the shared word only if the last
 * look does not suffice. An impossible consumer position counts as full. */
static inline bool ring_room(struct ring_prod *r, uint64_t need)
{
	if (r->size - (r->prod - r->cons_seen) >= need)
		return true;
	uint64_t cons = shared_load64(&r->ctl->cons);

	if (r->prod - cons > r->size)
		return false;
	r->cons_seen = cons;
	return r->size - (r->prod - cons) >= need;
}

/* Room for @len bytes in one piece, after ring_room() said yes; writes the
 * padding record when one is needed. */
static inline void *ring_reserve(struct ring_prod *r, uint32_t len)
{
	uint32_t off = (uint32_t)(r->prod & (r->size - 1));

	if (r->size - off < len) {
		struct vgpu_rec *pad = (void *)(r->data + off);

		pad->len = r->size - off;
		pad->op = 0;
		r->prod += r->size - off;
		off = 0;
	}
	return r->data + off;
}

/* Publish @len bytes. Returns whether the executor must be notified. */
static inline bool ring_publish(struct ring_prod *r, uint32_t len)
{
	r->prod += len;
	shared_store64(&r->ctl->prod, r->prod);
	shared_fence();

	uint64_t sleep = shared_load64(&r->ctl->exec_sleeping);

	if (!sleep || sleep == r->rung)
		return false;
	r->rung = sleep;
	return true;
}

/* ---- consumer: the executor ------------------------------------------- */

struct ring_cons {
	struct vgpu_control *ctl;
	const uint8_t *data;
	uint32_t size;
	uint64_t cons;      /* private */
	uint64_t prod_seen; /* last look at ctl->prod, found possible */
};

/* The smallest piece: a padding record needs len and op only, and positions
 * are multiples of 8. */
#define RING_PAD_MIN 8u

static inline uint32_t ring_max_record(uint32_t ring_size)
{
	return ring_size / 4;
}

/* The next record is fetched while the driver works on this one. */
static inline void ring_prefetch(const struct ring_cons *r)
{
	uint32_t off = (uint32_t)(r->cons & (r->size - 1));

	if (r->prod_seen == r->cons)
		return;
	for (uint32_t i = 0; i < 256 && off + i < r->size; i += 64)
		__builtin_prefetch(r->data + off + i);
}

/*
 * ring_take() - copy the next record into private memory.
 * @dst: at least ring_max_record(size) bytes, 8-aligned
 *
 * Every shared word is read once, and the producer's position only when all
 * that was seen before is taken: it is in the producer's cache. Return: the
 * record's length; 0 when the ring is empty; -EPROTO when the guest wrote
 * something impossible.
 */
static inline int64_t ring_take(struct ring_cons *r, void *dst)
{
	for (;;) {
		uint64_t fill = r->prod_seen - r->cons;
		uint32_t off = (uint32_t)(r->cons & (r->size - 1));
		uint64_t head;
		uint32_t len;

		if (fill == 0) {
			r->prod_seen = shared_load64(&r->ctl->prod);
			fill = r->prod_seen - r->cons;
			if (fill == 0)
				return 0;
			if (fill > r->size || (fill & 7)) {
				r->prod_seen = r->cons;
				return -EPROTO;
			}
		}
		head = __atomic_load_n((const uint64_t *)(r->data + off),
				       __ATOMIC_RELAXED);
		len = (uint32_t)head;
		if (len < RING_PAD_MIN || (len & 7) || len > fill ||
		    len > r->size - off)
			return -EPROTO;
		if ((uint16_t)(head >> 32) == 0) {
			r->cons += len;
			continue;
		}
		if (len < sizeof(struct vgpu_rec) ||
		    len > ring_max_record(r->size))
			return -EPROTO;
		memcpy(dst, r->data + off, len);
		/* The first word was fetched above; what was checked is used. */
		memcpy(dst, &head, sizeof(head));
		r->cons += len;
		ring_prefetch(r);
		return len;
	}
}

/* Give the taken bytes back to the producer. */
static inline void ring_release(struct ring_cons *r)
{
	shared_store64(&r->ctl->cons, r->cons);
}

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.h - one record of the command ring, one reply.
 *
 * A record is a header, the call's fixed struct (generated: struct in_NAME),
 * and its variable parts, each padded to 8 bytes. A reply has the same shape
 * (struct out_NAME). Both ends are x86-64 and compile the same description,
 * whose hash is compared at connect, so C structs are the encoding.
 */
#ifndef VGPU_WIRE_H
#define VGPU_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VGPU_ALIGN8(n) (((uint64_t)(n) + 7) & ~(uint64_t)7)

enum vgpu_rec_flags {
	VGPU_REC_SYNC = 1,   /* the guest waits in slot `slot` */
	VGPU_REC_WINDOW = 2, /* the reply's data goes to reply_arena/_off */
	VGPU_REC_BLOB = 4,   /* the last variable part was sent before, as blob */
};

struct vgpu_rec {
	uint32_t len;         /* with this header, a multiple of 8 */
	uint16_t op;          /* 0: padding up to the ring's end */
	uint8_t flags;
	uint8_t capture_mode; /* CUstreamCaptureMode of the calling thread */
	uint32_t seq;         /* counts records; a gap ends the session */
	uint32_t ctx;         /* the calling thread's current context, or 0 */
	uint16_t slot;
	uint16_t thread;      /* guest's number of the calling thread */
	uint32_t reply_cap;   /* WINDOW: bytes that fit at reply_off */
	uint32_t blob;        /* BLOB: its number */
	uint32_t reply_off;   /* WINDOW: offset in the arena */
	uint32_t reply_arena; /* WINDOW: arena number */
	uint32_t pad;
};

_Static_assert(sizeof(struct vgpu_rec) == 40, "no hidden padding");

/*
 * A slot. The reply is there when `done` or `gpu_done` holds the record's seq.
 * `gpu_done` is written by the GPU itself, when it gets to where the program
 * waits for: then the other words stand since before. Small answers lie in the
 * header's cache line.
 */
struct vgpu_slot {
	uint32_t done;      /* exec: the record's seq, written last */
	uint32_t gpu_done;  /* GPU: the same */
	uint32_t result;    /* CUresult */
	uint32_t len;       /* bytes of data */
	uint32_t deferred;  /* first unreported error of a call not waited for */
	uint32_t deferred_op;
	uint32_t output;    /* bytes that device code printed: fetch them */
	uint32_t pad;
	uint64_t host_ns;   /* exec: time spent on the call, while it is asked */
	uint8_t data[];
};

_Static_assert(sizeof(struct vgpu_slot) == 40, "some data in its cache line");

/*
 * Reader over private memory with a sticky error: take everything, check
 * `bad` once. A failed take returns NULL and sets bad.
 */
struct vgpu_rd {
	const uint8_t *cur, *end;
	bool bad;
};

static inline const void *rd_take(struct vgpu_rd *r, uint64_t n)
{
	const void *p = r->cur;
	uint64_t step = VGPU_ALIGN8(n);

	if (r->bad || step < n || step > (uint64_t)(r->end - r->cur)) {
		r->bad = true;
		return NULL;
	}
	r->cur += step;
	return p;
}

/* @count elements of @size bytes; cannot overflow. */
static inline const void *rd_array(struct vgpu_rd *r, uint64_t count,
				   uint64_t size)
{
	uint64_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		r->bad = true;
		return NULL;
	}
	return rd_take(r, n);
}

/* A string that ends inside the record. */
static inline const char *rd_string(struct vgpu_rd *r, uint64_t len)
{
	const char *s = len ? rd_take(r, len) : NULL;

	if (!s || s[len - 1] != '\0') {
		r->bad = true;
		return NULL;
	}
	return s;
}

/* Writer over the reply's private buffer; the same rules. */
struct vgpu_wr {
	uint8_t *base, *cur, *end;
	bool bad;
};

/* Zeroed room for the reply: nothing of the host leaks in padding. */
static inline void *wr_take(struct vgpu_wr *w, uint64_t n)
{
	void *p = w->cur;
	uint64_t step = VGPU_ALIGN8(n);

	if (w->bad || step < n || step > (uint64_t)(w->end - w->cur)) {
		w->bad = true;
		return NULL;
	}
	memset(p, 0, step);
	w->cur += step;
	return p;
}

static inline void *wr_array(struct vgpu_wr *w, uint64_t count, uint64_t size)
{
	uint64_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		w->bad = true;
		return NULL;
	}
	return wr_take(w, n);
}

#endif

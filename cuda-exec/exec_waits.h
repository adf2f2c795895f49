/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec_waits.h - what is waited for: by the GPU itself, which writes a word
 * (word.c), by the driver on a thread of its own (waiter.c), or by asking while
 * no records come (pending.c). Included by exec_internal.h.
 */
#ifndef EXEC_WAITS_H
#define EXEC_WAITS_H

#include <cuda.h>
#include <stdbool.h>
#include <stdint.h>

#include "xenstore-schema/ring.h"

struct ex;

#define EX_PENDING_MAX 1024u        /* slots, fences, and streams of contexts
				     * that are waited for */
#define EX_PENDING_SPARE 128u       /* slots and fences: never by streams */

enum pend_type { PEND_FREE, PEND_STREAM, PEND_EVENT, PEND_CTX, PEND_WORD };

struct pend {
	enum pend_type type;
	uint32_t ctx;      /* whose end ends it: the stream's or event's own,
			    * or the context in which it was asked */
	uint32_t stream;   /* STREAM: id */
	uint32_t op;       /* whose wait it is */
	CUevent event;     /* EVENT */
	bool own_event;    /* from the pool: goes back */
	bool has_slot;     /* answer a slot, else a fence, else a parent */
	uint16_t slot;
	uint32_t seq;
	uint64_t since;    /* as in struct ex, of its record */
	uint32_t fence, value;
	int parent;        /* CTX that waits for this one, or -1 */
	uint32_t children; /* CTX */
	CUresult result;   /* CTX: first error of its children */
	uint64_t src;      /* copy to the guest when ready */
	uint32_t len;
	uint32_t in_slot;  /* bytes that are in the slot when ready */
	uint32_t *word;    /* WORD: the GPU writes `value` there */
	bool watched;      /* WORD: the waiter wakes the guest */
	uint64_t touches;  /* work that had entered streams then */
	uint64_t asked;    /* ns: when it was asked for, or last asked about */
};

/* ---- word.c: completion words, which the GPU writes ---- */
/* The record in work is answered when @stream gets to where it is now; with
 * @len bytes that the GPU puts in the slot. False: in another way, please. */
bool word_answer(struct ex *e, uint32_t stream, CUstream s, uint64_t src,
		 uint32_t len, CUresult *r);
/* The GPU puts @len bytes in the slot of the record in work. False: it can't. */
bool word_copy(struct ex *e, CUstream s, uint64_t src, uint32_t len,
	       CUresult *r);
/* The same for a piece of the window. */
bool word_fence(struct ex *e, uint32_t stream, CUstream s, uint32_t fence,
		uint32_t value);
CUresult word_look(struct ex *e, struct pend *p);
/* Values of one word only grow: a later one says that an earlier was there. */
static inline bool word_there(const uint32_t *word, uint32_t value)
{
	return (int32_t)(shared_load32(word) - value) >= 0;
}
void word_forget_ctx(struct ex *e, uint32_t ctx);
/* Do kernels of the current context print? Then the driver must wait. */
bool ex_prints(struct ex *e);

/* ---- waiter.c: the driver's own waits, on a thread of their own ---- */
enum wait_type { WAIT_STREAM, WAIT_EVENT, WAIT_CTX, WAIT_COPY, WAIT_WORD };
int waiter_start(struct ex *e);
bool waiter_free(struct ex *e);
bool waiter_may_spin(void); /* are there cores for it? */
CUresult waiter_post(struct ex *e, enum wait_type type, uint32_t stream,
		     CUevent event, uint64_t src, uint32_t len);
/* What pending.c waited for so far; it forgets it then. */
bool waiter_take_over(struct ex *e, const struct pend *p);
/* Wake the guest when the word is there; the entry stays. */
bool waiter_watch(struct ex *e, const struct pend *p);
void waiter_cancel(void);
/* What is waited for is about to be destroyed: let the wait end first. */
void waiter_leave_stream(uint32_t stream);
void waiter_leave_event(CUevent event);
void waiter_leave_ctx(uint32_t ctx);

/* ---- pending.c: waits that do not block the ring ---- */
/* Does the ring thread itself look at waits, before the waiter gets them? */
bool pend_looks(const struct ex *e);
/* While the GPU works, it spins so many times as long as else. */
#define EX_GPU_SPINS 20u
void pend_pin(struct ex *e); /* more work is about to be submitted */
struct pend *pend_new(struct ex *e, enum pend_type type);
void pend_free(struct ex *e, struct pend *p);
CUresult pend_stream(struct ex *e, uint32_t stream);
/* The same, when @len bytes are on their way to the slot in that stream. */
CUresult pend_copied(struct ex *e, uint32_t stream, uint32_t len);
CUresult pend_event(struct ex *e, CUevent event, uint32_t ctx);
CUresult pend_ctx(struct ex *e);
CUresult pend_copy_out(struct ex *e, uint32_t stream, uint64_t src,
		       uint32_t len);
CUresult pend_fence(struct ex *e, uint32_t stream, uint32_t fence,
		    uint32_t value);
bool pend_poll(struct ex *e); /* true: something was completed */
void pend_forget_ctx(struct ex *e, uint32_t ctx);
void pend_forget_event(struct ex *e, CUevent event);
void pend_forget_stream(struct ex *e, uint32_t stream);

#endif

// SPDX-License-Identifier: BSD-2-Clause
/*
 * word.c - completion words: the GPU itself tells the guest.
 *
 * A stream-ordered write of a record's number into the guest's slot (or of a
 * piece's value into its fence) is seen by the spinning guest sooner than any
 * thread here could learn of it and pass it on: on an H200, launch and wait
 * take 9 us with a word and 10 us with cuStreamSynchronize in the same
 * process. pending.c keeps an entry for each word, to wake a guest that went
 * to sleep, and to notice the error of a stream that will never get there.
 *
 * The words lie in granted pages. Where the driver does not take those, or a
 * stream is being captured, or kernels print (which only the driver's own
 * waits deliver), the callers wait as pending.c and waiter.c do.
 */
#include "cuda-exec/exec_internal.h"

#include "tools/lib/ticks.h"

#define SLOT_BYTES ((size_t)VGPU_REPLY_PAGES * VGPU_PAGE)

/* How long the GPU may have been done for all we know: after so long without
 * a record it is cheaper to ask than to have a word written. */
#define QUIET_NS 8000u
/* A word that is late: is its stream broken? Asked so often. */
#define DOUBT_NS 1000000u

static CUresult pin(void *p, size_t size)
{
	return R.cuMemHostRegister_v2(p, size, CU_MEMHOSTREGISTER_PORTABLE |
					       CU_MEMHOSTREGISTER_DEVICEMAP);
}

static bool same_address(void *p)
{
	CUdeviceptr d = 0;

	return R.cuMemHostGetDevicePointer_v2 &&
	       !R.cuMemHostGetDevicePointer_v2(&d, p, 0) &&
	       d == (CUdeviceptr)(uintptr_t)p;
}

static bool pin_words(struct ex *e)
{
	if (pin(e->slots, SLOT_BYTES))
		return false;
	if (pin(e->ctl, VGPU_PAGE)) {
		R.cuMemHostUnregister(e->slots);
		return false;
	}
	if (same_address(e->slots) && same_address(e->ctl))
		return true;
	R.cuMemHostUnregister(e->slots);
	R.cuMemHostUnregister(e->ctl);
	return false;
}

static bool words_ready(struct ex *e)
{
	if (e->words_ctx)
		return true;
	if (!e->cur_ctx || e->words_refused == e->cur_ctx)
		return false;
	if (R.cuStreamWriteValue32_v2 && R.cuMemHostRegister_v2 &&
	    R.cuMemHostUnregister && pin_words(e)) {
		e->words_ctx = e->cur_ctx;
		return true;
	}
	e->words_refused = e->cur_ctx;
	log_info("domain %u session %s: the GPU cannot write to granted pages: "
		 "the executor waits in its place", e->domid, e->sid);
	return false;
}

/* What is registered in a context dies with it. */
void word_forget_ctx(struct ex *e, uint32_t ctx)
{
	if (e->words_ctx == ctx)
		e->words_ctx = 0;
	if (e->words_refused == ctx)
		e->words_refused = 0;
	if (e->prints_ctx == ctx)
		e->prints_ctx = 0;
	if (e->fifo_ctx == ctx)
		e->fifo_ctx = 0;
}

/*
 * The driver refuses to set the size of the printf buffer, even to what it
 * is, once a kernel that prints was launched in the context: so cheap a
 * question, 0.1 us, that it is asked each time.
 */
bool ex_prints(struct ex *e)
{
	if (e->prints_ctx == e->cur_ctx)
		return true;
	if (e->fifo_ctx != e->cur_ctx) {
		if (!R.cuCtxGetLimit || !R.cuCtxSetLimit ||
		    R.cuCtxGetLimit(&e->fifo_size, CU_LIMIT_PRINTF_FIFO_SIZE))
			return true;
		e->fifo_ctx = e->cur_ctx;
	}
	if (!R.cuCtxSetLimit(CU_LIMIT_PRINTF_FIFO_SIZE, e->fifo_size))
		return false;
	e->prints_ctx = e->cur_ctx;
	return true;
}

static CUresult write_word(CUstream s, const uint32_t *word, uint32_t value)
{
	return R.cuStreamWriteValue32_v2(s, (CUdeviceptr)(uintptr_t)word,
					 value, CU_STREAM_WRITE_VALUE_DEFAULT);
}

static struct vgpu_slot *slot_of(struct ex *e, uint16_t slot)
{
	return (void *)(e->slots + slot * VGPU_SLOT_SIZE);
}

/* All of the answer but the word itself. */
static void prepare(struct ex *e, struct vgpu_slot *s, uint32_t len)
{
	shared_taken(s);
	s->result = CUDA_SUCCESS;
	s->len = len;
	s->deferred = e->deferred;
	s->deferred_op = e->deferred_op;
	s->output = 0;
	s->host_ns = e->since ? ticks_wall() - e->since : 0;
	e->deferred = CUDA_SUCCESS;
}

static bool long_quiet(const struct ex *e)
{
	return e->quiet_since && ticks_ns() - e->quiet_since > QUIET_NS;
}

bool word_answer(struct ex *e, uint32_t stream, CUstream s, uint64_t src,
		 uint32_t len, CUresult *r)
{
	struct vgpu_slot *slot = slot_of(e, e->rec.slot);
	CUresult deferred = e->deferred;
	struct pend *p;

	if (!(e->rec.flags & VGPU_REC_SYNC) || e->captures ||
	    ex_stream_freed(e, stream) || !words_ready(e) || ex_prints(e))
		return false;
	if (!len && long_quiet(e)) {
		*r = R.cuStreamQuery(s);
		if (*r != CUDA_ERROR_NOT_READY)
			return true;
	}
	if (len && word_copy(e, s, src, len, r) && *r)
		return true;
	p = pend_new(e, PEND_WORD);
	if (!p)
		return false;
	prepare(e, slot, len);
	*r = write_word(s, &slot->gpu_done, e->rec.seq);
	if (*r) {
		e->deferred = deferred;
		pend_free(e, p);
		return false; /* who waits in another way learns why */
	}
	p->has_slot = true;
	p->word = &slot->gpu_done;
	p->value = e->rec.seq;
	p->stream = stream;
	p->ctx = ex_stream_ctx(e, stream);
	*r = EX_PENDING;
	return true;
}

bool word_copy(struct ex *e, CUstream s, uint64_t src, uint32_t len,
	       CUresult *r)
{
	if (e->captures || !words_ready(e))
		return false;
	*r = R.cuMemcpyDtoHAsync_v2(slot_of(e, e->rec.slot)->data, src, len, s);
	if (!*r)
		e->stats->bytes_from_gpu += len;
	return true;
}

bool word_fence(struct ex *e, uint32_t stream, CUstream s, uint32_t fence,
		uint32_t value)
{
	uint32_t *word = (uint32_t *)&e->ctl->fence[fence];
	struct pend *p;

	if (e->captures || !words_ready(e))
		return false;
	p = pend_new(e, PEND_WORD);
	if (!p)
		return false;
	__atomic_store_n(&word[1], CUDA_SUCCESS, __ATOMIC_RELEASE);
	if (write_word(s, word, value)) {
		pend_free(e, p);
		return false;
	}
	p->word = word;
	p->fence = fence;
	p->value = value;
	p->stream = stream;
	p->ctx = ex_stream_ctx(e, stream);
	return true;
}

/* The state of the word's stream; of a destroyed one only whether its context
 * is broken. */
static CUresult ask_stream(struct ex *e, const struct pend *p)
{
	CUresult r;
	CUstream s;

	if (!ex_stream(e, p->stream, &s))
		return R.cuStreamQuery(s);
	r = e->captures ? CUDA_ERROR_NOT_READY : R.cuStreamQuery(NULL);
	return r ? r : CUDA_ERROR_NOT_READY;
}

/* The word is late; is its stream all right? */
static CUresult doubt(struct ex *e, struct pend *p)
{
	CUresult r = ex_use_ctx(e, p->ctx);

	p->asked = ticks_ns();
	if (!r)
		r = ask_stream(e, p);
	if (word_there(p->word, p->value))
		return CUDA_SUCCESS;
	return r ? r : CUDA_ERROR_UNKNOWN;
}

CUresult word_look(struct ex *e, struct pend *p)
{
	if (word_there(p->word, p->value)) {
		if (p->has_slot && p->touches == e->touches)
			ex_stream_idle_in(e, p->stream, p->ctx);
		return CUDA_SUCCESS;
	}
	return ticks_ns() - p->asked > DOUBT_NS ? doubt(e, p) :
						  CUDA_ERROR_NOT_READY;
}

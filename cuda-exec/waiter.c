// SPDX-License-Identifier: BSD-2-Clause
/*
 * waiter.c - the driver's own waits, off the ring.
 *
 * Where the GPU cannot tell the guest itself (word.c), and for waits that last,
 * the driver's own calls, cuStreamSynchronize and its like, learn best that
 * work is done, but they block. A second thread makes them, one at a time, and
 * answers the guest's slot itself; the ring thread goes on taking records, so
 * that another guest thread can submit what the work waits for. While it is
 * busy, further waits are asked for by pending.c.
 *
 * It also watches a completion word (word.c) for a guest that went to sleep
 * over it; there it only looks at memory, since the stream may be destroyed
 * as soon as the guest has seen the word.
 *
 * Between jobs it spins as long as the ring thread does, then sleeps.
 */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tools/lib/ticks.h"

enum { IDLE, POSTED, DONE, ASLEEP };

static struct {
	_Atomic uint32_t state;
	enum wait_type type;
	CUcontext ctx;
	CUstream stream;
	CUevent event;
	uint32_t stream_id, ctx_id;
	uint16_t slot;
	uint32_t seq;
	uint64_t since;
	uint64_t src;
	uint32_t len, in_slot;
	uint64_t touches;    /* of the ring thread when it was posted */
	uint32_t *word;      /* WORD: what the GPU writes */
	uint32_t value;
	CUresult deferred, result;
	uint32_t deferred_op;
} job;

static bool started;
static _Atomic bool cancelled; /* of a word: it will not be written */

static void futex(int op, uint32_t value)
{
	syscall(SYS_futex, &job.state, op, value, NULL, NULL, 0);
}

static CUresult copy_out(void *data)
{
	CUresult r;

	if (!job.stream_id)
		return R.cuMemcpyDtoH_v2(data, job.src, job.len);
	r = R.cuMemcpyDtoHAsync_v2(data, job.src, job.len, job.stream);
	return r ? r : R.cuStreamSynchronize(job.stream);
}

static CUresult wait_for(void *data)
{
	switch (job.type) {
	case WAIT_STREAM:
		return R.cuStreamSynchronize(job.stream);
	case WAIT_EVENT:
		return R.cuEventSynchronize(job.event);
	case WAIT_CTX:
		return R.cuCtxSynchronize();
	default:
		return copy_out(data);
	}
}

static uint32_t bytes(void)
{
	return job.type == WAIT_COPY ? job.len : job.in_slot;
}

static void do_job(struct ex *e)
{
	uint8_t data[VGPU_SLOT_SIZE];
	CUresult r = R.cuCtxSetCurrent(job.ctx);

	if (!r)
		r = wait_for(data);
	job.result = r;
	ex_answer_slot(e, job.slot, job.seq, job.since, r,
		       job.in_slot ? NULL : data, r ? 0 : bytes(),
		       job.deferred, job.deferred_op);
	atomic_store(&job.state, DONE);
}

/* With few cores a spinning thread takes the time of those it waits for. */
#define CORES_TO_SPIN 4

static bool may_spin;

/* Tests say how many there are, so that each machine goes both ways. */
static long cores(void)
{
	const char *told = getenv("VGPU_TEST_CORES");

	return told ? atol(told) : sysconf(_SC_NPROCESSORS_ONLN);
}

bool waiter_may_spin(void)
{
	return may_spin;
}

/* As the driver's own wait does, but not for ever: then naps of less than a
 * hundredth of what has been waited. */
#define WATCH_SPIN_NS 5000000u
#define NAP_MAX_NS    100000u

static void watch_a_while(uint64_t waited)
{
	uint64_t ns = waited / 128;

	if (waited < WATCH_SPIN_NS && waiter_may_spin()) {
		cpu_relax();
		return;
	}
	if (ns < 10000)
		ns = 10000;
	if (ns > NAP_MAX_NS)
		ns = NAP_MAX_NS;
	nanosleep(&(struct timespec){ 0, (long)ns }, NULL);
}

static void watch(struct ex *e)
{
	uint64_t start = ticks_ns();

	while (!word_there(job.word, job.value) && !atomic_load(&cancelled))
		watch_a_while(ticks_ns() - start);
	job.result = CUDA_SUCCESS;
	ex_notify(e);
	atomic_store(&job.state, DONE);
}

static void await_job(const struct ex *e)
{
	uint64_t end = ticks_ns() + (waiter_may_spin() ? e->spin_ns : 0);
	uint32_t s;

	for (;;) {
		s = atomic_load(&job.state);
		if (s == POSTED)
			return;
		if (ticks_ns() < end) {
			cpu_relax();
			continue;
		}
		/* DONE waits for the ring thread to take notice. */
		if (s == IDLE &&
		    !atomic_compare_exchange_strong(&job.state, &s, ASLEEP))
			continue;
		futex(FUTEX_WAIT_PRIVATE, s == IDLE ? ASLEEP : s);
	}
}

static void *waiter(void *arg)
{
	for (;;) {
		await_job(arg);
		if (job.type == WAIT_WORD)
			watch(arg);
		else
			do_job(arg);
	}
	return NULL;
}

int waiter_start(struct ex *e)
{
	pthread_t t;
	int r;

	may_spin = cores() >= CORES_TO_SPIN;
	r = pthread_create(&t, NULL, waiter, e);
	started = !r;
	return r ? -r : -pthread_detach(t);
}

/* What a finished wait says about the streams, if nothing came since. */
static void take_notice(struct ex *e)
{
	if (!job.result && job.touches == e->touches) {
		if (job.type == WAIT_CTX)
			ex_ctx_idle(e, job.ctx_id);
		else if (job.type == WAIT_STREAM || job.type == WAIT_COPY)
			ex_stream_idle_in(e, job.stream_id, job.ctx_id);
	}
	if (job.result)
		e->stats->errors++;
	if (job.type == WAIT_COPY && !job.result)
		e->stats->bytes_from_gpu += job.len;
	atomic_store(&job.state, IDLE);
	futex(FUTEX_WAKE_PRIVATE, 1); /* it may sleep on DONE */
}

bool waiter_free(struct ex *e)
{
	if (atomic_load(&job.state) == DONE)
		take_notice(e);
	return started && (atomic_load(&job.state) == IDLE ||
			   atomic_load(&job.state) == ASLEEP);
}

/* Who waits, in which context and stream, and what was there before. */
static CUresult fill_job(struct ex *e, enum wait_type type, uint32_t ctx_id,
			 uint32_t stream, uint64_t touches)
{
	uint64_t ctx;
	CUresult r = ex_obj(e, KIND_CTX, ctx_id, &ctx);

	if (!r)
		r = ex_stream(e, stream, &job.stream);
	if (r)
		return r;
	job.type = type;
	job.ctx = (CUcontext)(uintptr_t)ctx;
	job.ctx_id = ctx_id;
	job.stream_id = stream;
	job.touches = touches;
	return CUDA_SUCCESS;
}

static void post(struct ex *e)
{
	job.deferred = e->deferred;
	job.deferred_op = e->deferred_op;
	e->deferred = CUDA_SUCCESS;
	if (atomic_exchange(&job.state, POSTED) == ASLEEP)
		futex(FUTEX_WAKE_PRIVATE, 1);
}

/* The record in work waits for @type; its slot is answered later. */
CUresult waiter_post(struct ex *e, enum wait_type type, uint32_t stream,
		     CUevent event, uint64_t src, uint32_t len)
{
	CUresult r = fill_job(e, type, ex_stream_ctx(e, stream), stream,
			      e->touches);

	if (r)
		return r;
	job.event = event;
	job.slot = e->rec.slot;
	job.seq = e->rec.seq;
	job.since = e->since;
	job.src = src;
	job.len = len;
	job.in_slot = 0;
	post(e);
	return EX_PENDING;
}

bool waiter_take_over(struct ex *e, const struct pend *p)
{
	enum wait_type type = p->len ? WAIT_COPY :
			      p->type == PEND_EVENT ? WAIT_EVENT :
			      p->type == PEND_CTX ? WAIT_CTX : WAIT_STREAM;

	if (!waiter_free(e) ||
	    fill_job(e, type, p->ctx,
		     p->type == PEND_STREAM ? p->stream : 0, p->touches))
		return false;
	job.event = p->event;
	job.slot = p->slot;
	job.seq = p->seq;
	job.since = p->since;
	job.src = p->src;
	job.len = p->len;
	job.in_slot = p->in_slot;
	post(e);
	return true;
}

bool waiter_watch(struct ex *e, const struct pend *p)
{
	if (!waiter_free(e))
		return false;
	job.type = WAIT_WORD;
	job.word = p->word;
	job.value = p->value;
	job.ctx_id = p->ctx;
	atomic_store(&cancelled, false);
	if (atomic_exchange(&job.state, POSTED) == ASLEEP)
		futex(FUTEX_WAKE_PRIVATE, 1);
	return true;
}

void waiter_cancel(void)
{
	atomic_store(&cancelled, true);
}

static bool at_work(void)
{
	return started && atomic_load(&job.state) == POSTED &&
	       job.type != WAIT_WORD;
}

static void let_it_end(void)
{
	while (atomic_load(&job.state) == POSTED)
		nanosleep(&(struct timespec){ 0, 20000 }, NULL);
}

/* What it waits for is about to be destroyed. */
void waiter_leave_stream(uint32_t stream)
{
	if (at_work() && (job.type == WAIT_STREAM || job.type == WAIT_COPY) &&
	    job.stream_id == stream)
		let_it_end();
}

void waiter_leave_event(CUevent event)
{
	if (at_work() && job.type == WAIT_EVENT && job.event == event)
		let_it_end();
}

void waiter_leave_ctx(uint32_t ctx)
{
	if (at_work() && job.ctx_id == ctx)
		let_it_end();
}

// SPDX-License-Identifier: BSD-2-Clause
/* op.c - the graph of submitted work and the order that streams give it. */
#include "tools/softgpu/softgpu.h"
#include "tools/softgpu/exec.h"

#include <stdlib.h>
#include <time.h>

pthread_mutex_t sg_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t sg_done = PTHREAD_COND_INITIALIZER;

struct op *op_new(enum op_kind kind, struct sg_ctx *ctx)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		abort();
	op->kind = kind;
	op->ctx = ctx;
	op->refs = 1;		/* the graph's, until it is done */
	op->pending = 1;	/* until it is submitted */
	return op;
}

void op_ref(struct op *op)
{
	op->refs++;
}

void op_unref(struct op *op)
{
	if (!op || --op->refs)
		return;
	free(op->staging);
	free(op->succ);
	free(op);
}

void op_after(struct op *op, struct op *before)
{
	if (!before || before->done || before == op)
		return;
	before->succ = grow(before->succ, &before->cap_succ, before->nsucc,
			    sizeof(op));
	before->succ[before->nsucc++] = op;
	op->pending++;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool runs_after_error(const struct op *op)
{
	return op->kind == OP_MARK || op->kind == OP_FREE ||
	       (op->kind == OP_HOST && op->callback);
}

/* Hand it to whoever runs it; true if it is done already. */
static bool start(struct op *op)
{
	if (op->kind == OP_MARK ||
	    (op->ctx->error && !runs_after_error(op))) {
		if (op->kind == OP_KERNEL && op->grid)
			sched_discard(op->grid, op);
		return true;
	}
	if (op->kind == OP_KERNEL)
		sched_push(op);
	else
		service_push(op);
	return false;
}

/* Markers are done as soon as they start, so this goes on in a list. */
void op_complete(struct op *op)
{
	struct op *list = op;

	op->next = NULL;
	while (list) {
		struct op *o = list;

		list = o->next;
		o->next = NULL;
		o->done_ns = now_ns();
		atomic_store(&o->done, true);
		for (size_t i = 0; i < o->nsucc; i++) {
			struct op *s = o->succ[i];

			if (--s->pending == 0 && start(s)) {
				s->next = list;
				list = s;
			}
		}
		op_unref(o);
	}
	pthread_cond_broadcast(&sg_done);
}

/*
 * The legacy default stream waits for every blocking stream of its context
 * and they wait for it.
 */
static void order(struct op *op, struct sg_stream *s)
{
	struct sg_ctx *ctx = s->ctx;

	op_after(op, s->last);
	if (s != ctx->legacy) {
		if (!(s->flags & CU_STREAM_NON_BLOCKING))
			op_after(op, ctx->legacy->last);
		return;
	}
	for (struct sg_stream *o = ctx->streams; o; o = o->next)
		if (o != s && !(o->flags & CU_STREAM_NON_BLOCKING))
			op_after(op, o->last);
}

static void enqueue(struct op *op, struct sg_stream *s)
{
	op->stream = s;
	order(op, s);
	op_ref(op);
	op_unref(s->last);
	s->last = op;
}

void op_submit(struct op *op, struct sg_stream *s)
{
	enqueue(op, s);
	if (--op->pending == 0 && start(op))
		op_complete(op);
}

void op_wait(struct op *op)
{
	op_ref(op);
	while (!op->done)
		pthread_cond_wait(&sg_done, &sg_lock);
	op_unref(op);
}

void op_run_sync(struct op *op, struct sg_stream *s)
{
	enqueue(op, s);
	if (--op->pending == 0) {
		if (!op->ctx->error) {
			pthread_mutex_unlock(&sg_lock);
			op_execute(op);
			pthread_mutex_lock(&sg_lock);
		}
		op_complete(op);
		return;
	}
	op_wait(op);
}

void ctx_wait(struct sg_ctx *ctx)
{
	for (;;) {
		struct op *busy = NULL;

		for (struct sg_stream *s = ctx->streams; s && !busy;
		     s = s->next)
			if (s->last && !s->last->done)
				busy = s->last;
		if (!busy)
			return;
		op_wait(busy);
	}
}

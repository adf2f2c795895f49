// SPDX-License-Identifier: BSD-2-Clause
/*
 * service.c - work that is no kernel: one thread copies and fills (a GPU's
 * copy engine), another calls host functions, which may block.
 */
#include "tools/softgpu/softgpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLL_NS 100000	/* how often values that are waited for are read */

struct queue {
	struct op *head, **tail;
	pthread_cond_t cond;
	bool started;
};

static struct queue engine = { .tail = &engine.head,
			       .cond = PTHREAD_COND_INITIALIZER };
static struct queue hosts = { .tail = &hosts.head,
			      .cond = PTHREAD_COND_INITIALIZER };

static void copy(const struct copy_shape *c)
{
	if (c->height <= 1 && c->depth <= 1) {
		if (c->width)
			memmove(c->dst, c->src, c->width);
		return;
	}
	for (size_t z = 0; z < c->depth; z++)
		for (size_t y = 0; y < c->height; y++)
			memmove(c->dst + z * c->dst_slice + y * c->dst_pitch,
				c->src + z * c->src_slice + y * c->src_pitch,
				c->width);
}

/* width counts elements */
static void fill(const struct op *op)
{
	const struct copy_shape *c = &op->copy;

	for (size_t y = 0; y < c->height; y++) {
		uint8_t *row = c->dst + y * c->dst_pitch;

		if (op->elem == 1) {
			memset(row, (int)op->value, c->width);
			continue;
		}
		for (size_t x = 0; x < c->width; x++)
			memcpy(row + x * op->elem, &op->value, op->elem);
	}
}

bool value_holds(const struct op *op)
{
	uint64_t v = op->size == 8
			     ? __atomic_load_n((uint64_t *)op->copy.dst,
					       __ATOMIC_ACQUIRE)
			     : __atomic_load_n((uint32_t *)op->copy.dst,
					       __ATOMIC_ACQUIRE);
	uint64_t want = op->value64;

	switch (op->flags & 3) {
	case CU_STREAM_WAIT_VALUE_EQ:
		return v == want;
	case CU_STREAM_WAIT_VALUE_AND:
		return (v & want) != 0;
	case CU_STREAM_WAIT_VALUE_NOR:
		return op->size == 8 ? ~(v | want) != 0
				     : (uint32_t)~(v | want) != 0;
	default:
		return op->size == 8 ? (int64_t)(v - want) >= 0
				     : (int32_t)((uint32_t)v -
						 (uint32_t)want) >= 0;
	}
}

void op_execute(struct op *op)
{
	switch (op->kind) {
	case OP_COPY:
		copy(&op->copy);
		break;
	case OP_FILL:
		fill(op);
		break;
	case OP_WRITE:
		if (op->size == 8)
			__atomic_store_n((uint64_t *)op->copy.dst, op->value64,
					 __ATOMIC_RELEASE);
		else
			__atomic_store_n((uint32_t *)op->copy.dst,
					 (uint32_t)op->value64,
					 __ATOMIC_RELEASE);
		break;
	case OP_FREE:
		mem_free((uint64_t)(uintptr_t)op->copy.dst, false);
		break;
	case OP_HOST:
		if (op->callback)
			op->callback(op->handle,
				     (CUresult)atomic_load(&op->ctx->error),
				     op->user);
		else
			op->host(op->user);
		break;
	default:
		break;
	}
}

static struct op *pop(struct queue *q)
{
	struct op *op = q->head;

	q->head = op->next;
	if (!q->head)
		q->tail = &q->head;
	op->next = NULL;
	return op;
}

static void append(struct queue *q, struct op *op)
{
	op->next = NULL;
	*q->tail = op;
	q->tail = &op->next;
}

static void sleep_for_values(struct queue *q)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += POLL_NS;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&q->cond, &sg_lock, &ts);
}

/* Waits that do not hold go to the end; when only they are left, sleep. */
static void *serve(void *arg)
{
	struct queue *q = arg;
	unsigned int idle_waits = 0, waits = 0;

	pthread_mutex_lock(&sg_lock);
	for (;;) {
		struct op *op;

		if (!q->head) {
			waits = idle_waits = 0;
			pthread_cond_wait(&q->cond, &sg_lock);
			continue;
		}
		op = pop(q);
		if (op->kind == OP_WAIT && !op->ctx->error &&
		    !value_holds(op)) {
			append(q, op);
			waits = 0;
			for (struct op *o = q->head; o; o = o->next)
				waits++;
			if (++idle_waits >= waits) {
				idle_waits = 0;
				sleep_for_values(q);
			}
			continue;
		}
		idle_waits = 0;
		pthread_mutex_unlock(&sg_lock);
		op_execute(op);
		pthread_mutex_lock(&sg_lock);
		op_complete(op);
	}
	return NULL;
}

static void begin(struct queue *q)
{
	pthread_t t;

	if (q->started)
		return;
	q->started = true;
	if (pthread_create(&t, NULL, serve, q))
		abort();
	pthread_detach(t);
}

/* With sg_lock held. Threads come with the first context, not later: whoever
 * loads us may forbid new threads once CUDA is up. */
void service_start(void)
{
	begin(&engine);
	begin(&hosts);
}

void service_push(struct op *op)
{
	struct queue *q = op->kind == OP_HOST ? &hosts : &engine;

	append(q, op);
	pthread_cond_signal(&q->cond);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * sched.c - two workers run the blocks of all active kernels in turns.
 *
 * A block that does not finish in its slice is put aside, so a kernel that
 * loops for ever only takes its share.
 */
#include "tools/softgpu/softgpu.h"
#include "tools/softgpu/exec.h"

#include "tools/lib/log.h"

#include <stdlib.h>
#include <time.h>

#define WORKERS 2
#define SLICE 400000		/* warp instructions */
#define SLICE_NS 20000000u	/* then other kernels get a turn */
#define RESIDENT_BYTES (UINT64_C(256) << 20)

static struct grid *grids, **grids_tail = &grids;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static bool started;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool has_work(const struct grid *g)
{
	if (g->error)
		return false;
	return g->idle || (g->resident < g->resident_max &&
			   g->next_block < g->nblocks);
}

/* The next grid with work, moved to the end of the round. */
static struct grid *pick(void)
{
	for (struct grid **at = &grids; *at; at = &(*at)->next) {
		struct grid *g = *at;

		if (!has_work(g))
			continue;
		if (g->next) {
			*at = g->next;
			g->next = NULL;
			*grids_tail = g;
			grids_tail = &g->next;
		}
		return g;
	}
	return NULL;
}

static void unlist(struct grid *g)
{
	struct grid **at = &grids;

	while (*at && *at != g)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = g->next;
	for (grids_tail = &grids; *grids_tail; grids_tail = &(*grids_tail)->next)
		;
}

/* A new block's memory; NULL: there is no block, or no memory for it. Who is
 * running a block takes the next one without the lock, so the number that one
 * gets is what counts. */
static struct cta *take_new(struct grid *g)
{
	uint64_t block = atomic_fetch_add(&g->next_block, 1);
	struct cta *c;

	if (block >= g->nblocks)
		return NULL;
	g->resident++;
	pthread_mutex_unlock(&sg_lock);
	c = cta_new(g);
	if (c)
		cta_start(c, block);
	pthread_mutex_lock(&sg_lock);
	if (!c) {
		g->error = CUDA_ERROR_OUT_OF_MEMORY;
		g->resident--;
	}
	return c;
}

/* New blocks first: what was put aside may be waiting for them. */
static struct cta *take(struct grid *g)
{
	struct cta *c;

	if (g->resident < g->resident_max && g->next_block < g->nblocks)
		return take_new(g);
	c = g->idle;
	if (!c)
		return NULL;
	g->idle = c->next;
	if (!g->idle)
		g->idle_tail = NULL;
	c->next = NULL;
	return c;
}

static void put_aside(struct grid *g, struct cta *c)
{
	c->next = NULL;
	if (g->idle_tail)
		g->idle_tail->next = c;
	else
		g->idle = c;
	g->idle_tail = c;
}

/* Run @c, then further blocks of its grid in the same memory. */
static struct cta *run_slice(struct grid *g, struct cta *c, uint64_t *done)
{
	uint64_t left = SLICE, start = now_ns();

	for (;;) {
		uint64_t block;

		if (!cta_run(c, left))
			return c;
		if (c->error) {
			int none = 0;

			atomic_compare_exchange_strong(&g->error, &none,
						       c->error);
			break;
		}
		++*done;
		if (g->error || now_ns() - start > SLICE_NS)
			break;
		block = atomic_fetch_add(&g->next_block, 1);
		if (block >= g->nblocks)
			break;
		cta_start(c, block);
		left = SLICE / 4;
	}
	cta_free(c);
	return NULL;
}

static void check_limit(struct grid *g)
{
	uint64_t limit = sg_time_limit_ns();

	if (!limit || now_ns() - g->started_ns < limit)
		return;
	log_error("kernel %s ran longer than VGPU_SOFTGPU_TIME_LIMIT",
		  g->fn->name);
	g->error = CUDA_ERROR_LAUNCH_TIMEOUT;
}

static bool over(const struct grid *g)
{
	return !g->running && (g->done >= g->nblocks || g->error);
}

static void finish(struct grid *g)
{
	while (g->idle) {
		struct cta *c = g->idle;

		g->idle = c->next;
		cta_free(c);
	}
	unlist(g);
	g->finished(g, g->arg);
}

static void *worker(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&sg_lock);
	for (;;) {
		struct grid *g = pick();
		uint64_t done = 0;
		struct cta *c;

		if (!g) {
			pthread_cond_wait(&work, &sg_lock);
			continue;
		}
		g->running++;
		c = take(g);
		if (c) {
			pthread_mutex_unlock(&sg_lock);
			c = run_slice(g, c, &done);
			pthread_mutex_lock(&sg_lock);
			if (c)
				put_aside(g, c);
			else
				g->resident--;
		}
		g->running--;
		g->done += done;
		check_limit(g);
		if (over(g))
			finish(g);
		else if (grids)
			pthread_cond_signal(&work);
	}
	return NULL;
}

void workers_start(void)
{
	pthread_t t;

	if (started)
		return;
	started = true;
	for (int i = 0; i < WORKERS; i++) {
		if (pthread_create(&t, NULL, worker, NULL))
			abort();
		pthread_detach(t);
	}
}

static void kernel_done(struct grid *g, void *arg)
{
	struct op *op = arg;
	struct sg_ctx *ctx = op->ctx;
	int none = 0;

	/* Who is told of the error finds what the kernel said about it. */
	if (g->error) {
		printf_flush();
		atomic_compare_exchange_strong(&ctx->error, &none, g->error);
	}
	if (g->coop)
		mem_free(g->coop, false);
	op->grid = NULL;
	free(g->params);
	free(g);
}

static void kernel_finished(struct grid *g, void *arg)
{
	kernel_done(g, arg);
	op_complete(arg);
}

void sched_push(struct op *op)
{
	struct grid *g = op->grid;
	uint64_t fit = RESIDENT_BYTES / cta_bytes(g);

	g->arg = op;
	g->finished = kernel_finished;
	if (!g->coop) {
		g->resident_max = SG_SMS * SG_BLOCKS_PER_SM;
		if (fit < g->resident_max)
			g->resident_max = fit ? (uint32_t)fit : 1;
	}
	g->started_ns = now_ns();
	g->next = NULL;
	*grids_tail = g;
	grids_tail = &g->next;
	pthread_cond_broadcast(&work);
}

/* Skipped because of an earlier error: see op.c. */
void sched_discard(struct grid *g, void *arg)
{
	kernel_done(g, arg);
}

/* A context that dies takes its kernels with it. */
void sched_abort(struct sg_ctx *ctx)
{
	for (struct grid *g = grids, *next; g; g = next) {
		int none = 0;

		next = g->next;
		if (g->ctx != ctx)
			continue;
		atomic_compare_exchange_strong(&g->error, &none,
					       CUDA_ERROR_CONTEXT_IS_DESTROYED);
		if (over(g))
			finish(g);
	}
}

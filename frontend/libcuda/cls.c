// SPDX-License-Identifier: BSD-2-Clause
/*
 * cls.c - one open-addressed table for the process, read under a sequence
 * count.
 *
 * A writer, under the lock, makes `seq` odd while it changes entries. A
 * reader takes `seq` before and after, and tries again if it was odd or has
 * moved. All fields are atomics: a reader's loads acquire and a writer's
 * stores release, so a reader that saw any part of a change also sees the
 * count that came before it. A table that has become too small is replaced by
 * one of twice the size and never freed, since a reader may still be in it:
 * all old ones together are smaller than the present one.
 */
#include "frontend/libcuda/cls.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#define FIRST_BITS  6 /* 64 entries: a process with cuBLAS and cuDNN has 6 */
#define DTOR_BATCH  16
#define DTOR_ROUNDS 64

struct entry {
	_Atomic(CUcontext) ctx; /* NULL: free */
	_Atomic(void *) key;
	_Atomic(void *) value;
	cls_dtor dtor; /* read and written under the lock only */
};

struct table {
	unsigned int bits;
	size_t mask;
	size_t used;
	struct entry entries[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct table *) current;
static _Atomic uint64_t seq;

static size_t home(const struct table *t, CUcontext ctx, const void *key)
{
	uint64_t h = (uintptr_t)ctx * 0x9e3779b97f4a7c15u;

	h = (h ^ (uintptr_t)key) * 0x9e3779b97f4a7c15u;
	return (size_t)(h >> (64 - t->bits));
}

#define load(field) atomic_load_explicit(&(field), memory_order_acquire)
#define store(field, value)                                                    \
	atomic_store_explicit(&(field), value, memory_order_release)

/*
 * The entry of (ctx, key), or the free one where the search ended. A reader
 * may look while a writer moves entries, so the number of steps is bounded.
 */
static struct entry *find(struct table *t, CUcontext ctx, const void *key)
{
	size_t i = home(t, ctx, key);

	for (size_t step = 0; step <= t->mask; step++) {
		struct entry *e = &t->entries[(i + step) & t->mask];
		CUcontext owner = load(e->ctx);

		if (!owner || (owner == ctx && load(e->key) == key))
			return e;
	}
	return NULL;
}

static struct table *table_new(unsigned int bits)
{
	size_t n = (size_t)1 << bits;
	struct table *t = calloc(1, sizeof(*t) + n * sizeof(t->entries[0]));

	if (t) {
		t->bits = bits;
		t->mask = n - 1;
	}
	return t;
}

static void fill(struct table *t, struct entry *e, CUcontext ctx, void *key,
		 void *value, cls_dtor dtor)
{
	if (!load(e->ctx))
		t->used++;
	store(e->key, key);
	store(e->value, value);
	e->dtor = dtor;
	store(e->ctx, ctx);
}

/* Lock held. The table to put one more entry in, at most half full. */
static struct table *room(void)
{
	struct table *old = load(current), *t;

	if (old && old->used < (old->mask + 1) / 2)
		return old;
	t = table_new(old ? old->bits + 1 : FIRST_BITS);
	if (!t)
		return NULL;
	for (size_t i = 0; old && i <= old->mask; i++) {
		struct entry *e = &old->entries[i];
		CUcontext ctx = load(e->ctx);

		if (ctx)
			fill(t, find(t, ctx, load(e->key)), ctx, load(e->key),
			     load(e->value), e->dtor);
	}
	store(current, t);
	return t;
}

/* Lock held, from here until change_end(): readers wait. */
static void change_begin(void)
{
	uint64_t s = atomic_load_explicit(&seq, memory_order_relaxed);

	atomic_store_explicit(&seq, s + 1, memory_order_relaxed);
}

static void change_end(void)
{
	uint64_t s = atomic_load_explicit(&seq, memory_order_relaxed);

	store(seq, s + 1);
}

/* May the entry at @i fill the hole? Not if its home lies behind the hole:
 * a search that starts there would miss it. */
static bool may_move(const struct table *t, size_t hole, size_t i)
{
	const struct entry *e = &t->entries[i];
	size_t h = home(t, load(e->ctx), load(e->key));

	return ((i - h) & t->mask) >= ((i - hole) & t->mask);
}

/* Free an entry and close the gap, so that searches need no tombstones. */
static void take_out(struct table *t, struct entry *gone)
{
	size_t hole = (size_t)(gone - t->entries);

	t->used--;
	change_begin();
	for (size_t i = (hole + 1) & t->mask; load(t->entries[i].ctx);
	     i = (i + 1) & t->mask) {
		struct entry *from = &t->entries[i], *to = &t->entries[hole];

		if (!may_move(t, hole, i))
			continue;
		store(to->key, load(from->key));
		store(to->value, load(from->value));
		to->dtor = from->dtor;
		store(to->ctx, load(from->ctx));
		hole = i;
	}
	store(t->entries[hole].ctx, NULL);
	change_end();
}

/* 0 and *ret: the context that is meant. Errors in the order NVIDIA's driver
 * has them: a process that ends, one that has not begun, no context. */
static CUresult resolve(CUcontext ctx, CUcontext *ret)
{
	if (vg_exiting())
		return CUDA_ERROR_DEINITIALIZED;
	if (!ctx || ctx == (CUcontext)-1)
		ctx = vg_ctx_current();
	if (!ctx)
		return vg_initialised() ? CUDA_ERROR_INVALID_CONTEXT
					: CUDA_ERROR_NOT_INITIALIZED;
	*ret = ctx;
	return CUDA_SUCCESS;
}

/* One try of a reader; says whether (ctx, key) is there. */
static bool look(CUcontext ctx, const void *key, void **value)
{
	struct table *t = load(current);
	struct entry *e = t ? find(t, ctx, key) : NULL;

	if (!e || !load(e->ctx))
		return false;
	*value = load(e->value);
	return true;
}

CUresult cls_get(void **value, CUcontext ctx, void *key)
{
	void *found = NULL;
	uint64_t before;
	bool hit;
	CUresult r = resolve(ctx, &ctx);

	if (r)
		return r;
	if (!value)
		return CUDA_ERROR_INVALID_VALUE;
	for (;;) {
		before = load(seq);
		hit = look(ctx, key, &found);
		if (!(before & 1) && load(seq) == before)
			break;
		sched_yield();
	}
	if (!hit)
		return CUDA_ERROR_INVALID_HANDLE;
	*value = found;
	return CUDA_SUCCESS;
}

/* A value that is put into a context that has died would never be freed. */
static CUresult alive(CUcontext ctx)
{
	CUresult r = CUDA_SUCCESS;

	if (ctx != vg_ctx_current())
		vg_ctx_id(ctx, &r);
	return r;
}

CUresult cls_put(CUcontext ctx, void *key, void *value, cls_dtor dtor)
{
	struct table *t;
	CUresult r = resolve(ctx, &ctx);

	if (!r)
		r = alive(ctx);
	if (r)
		return r;
	pthread_mutex_lock(&lock);
	t = room();
	if (t) {
		change_begin();
		fill(t, find(t, ctx, key), ctx, key, value, dtor);
		change_end();
	}
	pthread_mutex_unlock(&lock);
	return t ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cls_del(CUcontext ctx, void *key)
{
	bool found = false;
	struct table *t;
	CUresult r = resolve(ctx, &ctx);

	if (r)
		return r;
	pthread_mutex_lock(&lock);
	t = load(current);
	if (t) {
		struct entry *e = find(t, ctx, key);

		found = load(e->ctx) != NULL;
		if (found)
			take_out(t, e);
	}
	pthread_mutex_unlock(&lock);
	return found ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

struct orphan {
	void *key;
	void *value;
	cls_dtor dtor;
};

/* Take out up to DTOR_BATCH entries of @ctx. Taking one out may move another
 * into its place, so the same place is looked at again. */
static size_t detach(CUcontext ctx, struct orphan out[DTOR_BATCH])
{
	struct table *t;
	size_t n = 0;

	pthread_mutex_lock(&lock);
	t = load(current);
	for (size_t i = 0; t && i <= t->mask && n < DTOR_BATCH;) {
		struct entry *e = &t->entries[i];

		if (load(e->ctx) != ctx) {
			i++;
			continue;
		}
		out[n++] =
			(struct orphan){load(e->key), load(e->value), e->dtor};
		take_out(t, e);
	}
	pthread_mutex_unlock(&lock);
	return n;
}

void cls_context_died(CUcontext ctx)
{
	struct orphan out[DTOR_BATCH];
	size_t n;

	if (!ctx)
		return;
	/* Again, since a destructor may put something new; but not for ever. */
	for (int round = 0; (n = detach(ctx, out)) > 0; round++)
		for (size_t i = 0; i < n; i++)
			if (out[i].dtor && round < DTOR_ROUNDS)
				out[i].dtor(ctx, out[i].key, out[i].value);
}

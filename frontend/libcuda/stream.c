// SPDX-License-Identifier: BSD-2-Clause
/*
 * stream.c - streams. The library numbers them itself, so that creating one
 * waits for nothing, and counts what enters them, so that waiting for an idle
 * one waits for nothing either.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <pthread.h>

static _Atomic uint64_t next_unique = 16; /* below: the default streams */

static struct vg_stream *state_of(uint32_t id)
{
	return id > VGPU_STREAM_LEGACY ? vg_handle_state(KIND_STREAM, id) :
					 NULL;
}

CUstream vg_implicit_stream(void)
{
	return vg_ptds ? CU_STREAM_PER_THREAD : NULL;
}

/*
 * A context's count has in its upper bits whose work is outstanding: nobody's
 * (or only that of calls which have returned, natively, when it is done), one
 * stream's, or several streams'. Waiting for the one stream is then waiting
 * for all.
 */
#define WHO_SHIFT 40
#define NOBODY    0u
#define SEVERAL   0xffffffu

static uint32_t who_of(uint64_t submitted)
{
	return (uint32_t)(submitted >> WHO_SHIFT);
}

static bool nothing_left(const struct vg_ctx *c, uint64_t submitted)
{
	return who_of(submitted) == NOBODY ||
	       submitted == atomic_load(&c->synced) ||
	       submitted == atomic_load(&c->done);
}

static void enter(struct vg_ctx *c, uint32_t who)
{
	uint64_t old, now;
	uint32_t all;

	old = atomic_load_explicit(&c->submitted, memory_order_relaxed);
	do {
		all = nothing_left(c, old) ? NOBODY : who_of(old);
		if (all == NOBODY)
			all = who;
		else if (who != NOBODY && who != all)
			all = SEVERAL;
		now = ((old + 1) & ((1ull << WHO_SHIFT) - 1)) |
		      (uint64_t)all << WHO_SHIFT;
	} while (!atomic_compare_exchange_weak_explicit(
			 &c->submitted, &old, now, memory_order_relaxed,
			 memory_order_relaxed));
}

static uint32_t who(uint32_t id)
{
	return id <= VGPU_STREAM_LEGACY ? VGPU_STREAM_LEGACY :
	       id < SEVERAL ? id : SEVERAL;
}

static void touch(struct vg_stream *s, uint32_t by)
{
	struct vg_ctx *c = s ? vg_handle_state(KIND_CTX, s->ctx) : vg_ctx();

	if (s)
		atomic_fetch_add_explicit(&s->submitted, 1,
					  memory_order_relaxed);
	if (c)
		enter(c, by);
	/* The primary context waits for its green ones as well. */
	if (unlikely(c && c->green) && vg_devices[c->dev].primary)
		enter(vg_devices[c->dev].primary, SEVERAL);
}

void vg_stream_touch(uint32_t id)
{
	touch(state_of(id), who(id));
}

void vg_stream_touch_brief(uint32_t id)
{
	touch(state_of(id), NOBODY);
}

bool vg_ctx_done(const struct vg_ctx *c)
{
	return nothing_left(c, atomic_load(&c->submitted)) &&
	       !atomic_load(&c->capturing) && !atomic_load(&c->sticky);
}

void vg_ctx_waited(struct vg_ctx *c, uint32_t id, uint64_t submitted)
{
	if (who_of(submitted) == who(id) && who(id) != SEVERAL)
		atomic_store(&c->done, submitted);
}

/* ---- creation ---------------------------------------------------------- */

static CUresult create(uint32_t *id, unsigned int flags, int priority,
		       bool with_priority)
{
	struct vg_stream *s = calloc(1, sizeof(*s));
	struct in_vgStreamCreate in = { .flags = flags, .priority = priority,
					.with_priority = with_priority };
	struct vg_seg seg = { &in, sizeof(in) };
	CUresult r;

	if (!s)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = vg_handle_new(KIND_STREAM, id);
	if (r) {
		free(s);
		return r;
	}
	s->flags = flags;
	s->priority = priority;
	s->ctx = vg_ctx()->id;
	s->unique = next_unique++;
	vg_handle_set_state(KIND_STREAM, *id, s);
	in.stream = *id;
	r = vg_post(OP_vgStreamCreate, &seg, 1);
	if (r)
		vg_handle_del(KIND_STREAM, *id);
	return r;
}

static CUresult check_new(CUstream *ret, unsigned int flags)
{
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!ret || (flags & ~(unsigned int)CU_STREAM_NON_BLOCKING))
		return CUDA_ERROR_INVALID_VALUE;
	return (CUresult)atomic_load(&c->sticky);
}

VG_EXPORT CUresult CUDAAPI cuStreamCreateWithPriority(CUstream *phStream,
						      unsigned int flags,
						      int priority)
{
	CUresult r = check_new(phStream, flags);
	uint32_t id;
	int best, least;

	if (r)
		return r;
	least = vg_devices[vg_ctx()->dev].info.priority_least;
	best = vg_devices[vg_ctx()->dev].info.priority_greatest;
	/* The driver clamps what is out of range, and so its getter says. */
	priority = priority < best ? best : priority > least ? least :
							       priority;
	r = create(&id, flags, priority, true);
	if (!r)
		*phStream = (CUstream)vg_handle_out(KIND_STREAM, id);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuStreamCreate(CUstream *phStream,
					  unsigned int flags)
{
	CUresult r = check_new(phStream, flags);
	uint32_t id;

	if (!r)
		r = create(&id, flags, 0, false);
	if (!r)
		*phStream = (CUstream)vg_handle_out(KIND_STREAM, id);
	return r;
}

/* One that went with its context: the host forgets it too. */
static void give_up(const struct in_vgStream *in)
{
	struct vg_seg seg = { in, sizeof(*in) };

	vg_post_outside(OP_vgStreamDestroy, &seg, 1);
	vg_handle_del(KIND_STREAM, in->stream);
}

VG_EXPORT CUresult CUDAAPI cuStreamDestroy_v2(CUstream hStream)
{
	struct in_vgStream in = { 0 };
	struct vg_seg seg = { &in, sizeof(in) };
	struct vg_stream *s;
	struct vg_ctx *c;
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)hStream, &in.stream);
	if (r == CUDA_ERROR_CONTEXT_IS_DESTROYED)
		give_up(&in);
	if (r)
		return r;
	s = state_of(in.stream);
	if (!s || hStream == CU_STREAM_PER_THREAD)
		return CUDA_ERROR_INVALID_HANDLE;
	c = vg_handle_state(KIND_CTX, s->ctx);
	if (c)
		vg_capture_ends(c, in.stream);
	/* Its work goes on in the context; the id may be another's then. */
	touch(s, atomic_load(&s->submitted) == atomic_load(&s->synced) ?
		 NOBODY : SEVERAL);
	r = vg_post(OP_vgStreamDestroy, &seg, 1);
	vg_handle_del(KIND_STREAM, in.stream);
	return r;
}

/* ---- the thread's own stream ------------------------------------------- */

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static void thread_ends(void *unused)
{
	(void)unused;
	for (int i = 0; i < 8 && !vg_enter(); i++) {
		uint32_t id = vg_thread.own[i].stream;

		if (id)
			cuStreamDestroy_v2((CUstream)vg_handle_out(KIND_STREAM,
								   id));
	}
}

static void make_exit_key(void)
{
	pthread_key_create(&exit_key, thread_ends);
}

/* A place for one more; -1: all have a stream of a context that lives. */
static int unused_own(void)
{
	for (int i = 0; i < 8; i++) {
		struct in_vgStream in = { .stream = vg_thread.own[i].stream };

		if (in.stream && state_of(in.stream))
			continue;
		if (in.stream)
			give_up(&in); /* it died with its context */
		return i;
	}
	return -1;
}

static CUresult make_own(const struct vg_ctx *c, uint32_t *id)
{
	int i = unused_own();
	CUresult r;

	if (i < 0)
		return vg_not_supported("per-thread streams in more than 8 "
					"contexts at a time");
	pthread_once(&exit_once, make_exit_key);
	pthread_setspecific(exit_key, &vg_thread);
	r = create(id, CU_STREAM_DEFAULT, 0, false);
	vg_thread.own[i].ctx = c->id;
	vg_thread.own[i].stream = r ? 0 : *id;
	return r;
}

CUresult vg_stream_own(uint32_t *id)
{
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	for (int i = 0; i < 8 && !r; i++) {
		*id = vg_thread.own[i].stream;
		if (vg_thread.own[i].ctx == c->id && *id && state_of(*id))
			return CUDA_SUCCESS;
	}
	return r ? r : make_own(c, id);
}

/* ---- waiting ----------------------------------------------------------- */

/* Whether the stream may hold unfinished work, and its count then. The legacy
 * stream waits for the whole context. */
static bool busy(struct vg_ctx *c, struct vg_stream *s, uint64_t *submitted)
{
	if (s) {
		*submitted = atomic_load(&s->submitted);
		return *submitted != atomic_load(&s->synced) ||
		       atomic_load(&c->capturing);
	}
	*submitted = atomic_load(&c->submitted);
	return *submitted != atomic_load(&c->legacy_synced) ||
	       atomic_load(&c->capturing);
}

static void seen_idle(struct vg_ctx *c, struct vg_stream *s,
		      uint64_t submitted)
{
	atomic_store(s ? &s->synced : &c->legacy_synced, submitted);
}

static CUresult ask(CUstream hStream, enum vgpu_op op)
{
	struct in_vgStream in = { 0 };
	struct vg_seg seg = { &in, sizeof(in) };
	struct vg_stream *s;
	struct vg_ctx *c;
	uint64_t submitted, all;
	CUresult r = vg_stream_in(hStream, &in.stream, &c);

	if (r)
		return r;
	s = state_of(in.stream);
	all = atomic_load(&c->submitted);
	if (!busy(c, s, &submitted))
		return vg_report((CUresult)atomic_load(&c->sticky));
	r = vg_call(op, &seg, 1, NULL, 0);
	if (!r) {
		seen_idle(c, s, submitted);
		vg_ctx_waited(c, in.stream, all);
	}
	return r == CUDA_ERROR_NOT_READY ? r : vg_report(r);
}

VG_EXPORT CUresult CUDAAPI cuStreamSynchronize(CUstream hStream)
{
	return ask(hStream, OP_vgStreamSync);
}

VG_EXPORT CUresult CUDAAPI cuStreamQuery(CUstream hStream)
{
	return ask(hStream, OP_vgStreamQuery);
}

CUresult vg_stream_wait(uint32_t id)
{
	struct in_vgStream in = { .stream = id };
	struct vg_seg seg = { &in, sizeof(in) };

	return vg_call(OP_vgStreamSync, &seg, 1, NULL, 0);
}

/* ---- what a stream is -------------------------------------------------- */

static CUresult look(CUstream hStream, struct vg_stream **s, uint32_t *id)
{
	struct vg_ctx *c;
	CUresult r = vg_stream_in(hStream, id, &c);

	if (!r)
		*s = state_of(*id);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuStreamGetFlags(CUstream hStream,
					    unsigned int *flags)
{
	struct vg_stream *s;
	uint32_t id;
	CUresult r = look(hStream, &s, &id);

	if (r)
		return r;
	if (!flags)
		return CUDA_ERROR_INVALID_VALUE;
	*flags = s ? s->flags : CU_STREAM_DEFAULT;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuStreamGetPriority(CUstream hStream, int *priority)
{
	struct vg_stream *s;
	uint32_t id;
	CUresult r = look(hStream, &s, &id);

	if (r)
		return r;
	if (!priority)
		return CUDA_ERROR_INVALID_VALUE;
	*priority = s ? s->priority : 0;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuStreamGetCtx(CUstream hStream, CUcontext *pctx)
{
	struct vg_stream *s;
	uint32_t id;
	CUresult r = look(hStream, &s, &id);

	if (r)
		return r;
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	*pctx = (CUcontext)vg_handle_out(KIND_CTX, s ? s->ctx : vg_ctx()->id);
	return CUDA_SUCCESS;
}

bool vg_mem_ops_v1(void)
{
	const struct vg_ctx *c = vg_ctx();

	return !c || vg_devices[c->dev].info.attr[
		CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_MEM_OPS_V1];
}

VG_EXPORT CUresult CUDAAPI cuStreamGetDevice(CUstream hStream, CUdevice *dev)
{
	CUcontext ctx;
	CUresult r = cuStreamGetCtx(hStream, &ctx);

	return r ? r : cuCtxGetDevice_v2(dev, ctx);
}

uint64_t vg_stream_id(CUcontext ctx, CUstream hStream)
{
	struct vg_ctx *c = ctx ? vg_ctx_of(ctx) : vg_ctx();
	struct vg_stream *s;
	uint32_t id;

	if (!c || vg_handle_in(KIND_STREAM, (uintptr_t)hStream, &id))
		return 0;
	s = state_of(id);
	/* Default streams: one a context. */
	return s ? s->unique : (c->unique << 32) + 1;
}

VG_EXPORT CUresult CUDAAPI cuStreamGetId(CUstream hStream,
					 unsigned long long *streamId)
{
	struct vg_stream *s;
	uint32_t id;
	CUresult r = look(hStream, &s, &id);

	if (r)
		return r;
	if (!streamId)
		return CUDA_ERROR_INVALID_VALUE;
	*streamId = vg_stream_id(NULL, hStream);
	return CUDA_SUCCESS;
}

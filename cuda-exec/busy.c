// SPDX-License-Identifier: BSD-2-Clause
/*
 * busy.c - which streams may hold work: those that something entered since
 * they were last seen idle.
 */
#include "cuda-exec/exec_internal.h"

void ex_stream_touch(struct ex *e, uint32_t id)
{
	uint32_t ctx = e->cur_ctx;
	struct ex_object *o;

	e->touches++;
	if (e->pend_streams)
		pend_pin(e);
	if (id > VGPU_STREAM_LEGACY) {
		o = ex_object(e, KIND_STREAM, id);
		if (!o || o->dirty)
			return;
		o->dirty = true;
		ctx = o->ctx;
	}
	for (uint32_t i = 0; i < e->dirties && id <= VGPU_STREAM_LEGACY; i++)
		if (e->dirty[i].stream == id && e->dirty[i].ctx == e->cur_ctx)
			return;
	if (e->dirties == e->dirty_cap) {
		uint32_t cap = e->dirty_cap ? 2 * e->dirty_cap : 64;
		void *p = realloc(e->dirty, cap * sizeof(*e->dirty));

		if (!p)
			exec_end(e, VGPU_E_NO_MEMORY, "no memory for streams");
		e->dirty = p;
		e->dirty_cap = cap;
	}
	e->dirty[e->dirties++] = (struct ex_dirty){ id, ctx, false };
}

/* The context that @id's waits end with; default streams are the current one's. */
uint32_t ex_stream_ctx(struct ex *e, uint32_t id)
{
	const struct ex_object *o = ex_object(e, KIND_STREAM, id);

	return o && o->ctx ? o->ctx : e->cur_ctx;
}

void ex_stream_idle_in(struct ex *e, uint32_t id, uint32_t ctx)
{
	struct ex_object *o = ex_object(e, KIND_STREAM, id);

	if (o)
		o->dirty = false;
	for (uint32_t i = 0; i < e->dirties; i++) {
		if (e->dirty[i].stream != id ||
		    (id <= VGPU_STREAM_LEGACY && e->dirty[i].ctx != ctx))
			continue;
		e->dirty[i] = e->dirty[--e->dirties];
		return;
	}
}

static struct ex_dirty *work_of(const struct ex *e, uint32_t id)
{
	for (uint32_t i = 0; i < e->dirties; i++)
		if (e->dirty[i].stream == id && (id > VGPU_STREAM_LEGACY ||
						 e->dirty[i].ctx == e->cur_ctx))
			return &e->dirty[i];
	return NULL;
}

/*
 * What is freed in stream order is a pool's again, and the pool's can be
 * trimmed or goes back to the GPU, once the driver has seen that the stream
 * was done: by a wait of its own. The GPU's word does not tell it.
 */
void ex_stream_frees(struct ex *e, uint32_t id)
{
	struct ex_dirty *d = work_of(e, id);

	if (d)
		d->frees = e->any_frees = true;
}

bool ex_stream_freed(const struct ex *e, uint32_t id)
{
	const struct ex_dirty *d = e->any_frees ? work_of(e, id) : NULL;

	return d && d->frees;
}

void ex_stream_idle(struct ex *e, uint32_t id)
{
	ex_stream_idle_in(e, id, e->cur_ctx);
}

void ex_ctx_idle(struct ex *e, uint32_t ctx)
{
	if (e->orphans_ctx == ctx)
		e->orphans_ctx = 0;
	for (uint32_t i = e->dirties; i-- > 0;)
		if (e->dirty[i].ctx == ctx)
			ex_stream_idle_in(e, e->dirty[i].stream, ctx);
}

/* May work of this stream be the current context's? Green contexts are parts
 * of the primary one, which waits for them too. */
bool ex_work_here(struct ex *e, const struct ex_dirty *d)
{
	const struct ex_object *o;

	if (d->ctx == e->cur_ctx)
		return true;
	o = ex_object(e, KIND_CTX, d->ctx);
	return o && o->green;
}

bool ex_only_stream(struct ex *e, uint32_t *stream)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < e->dirties; i++) {
		if (!ex_work_here(e, &e->dirty[i]))
			continue;
		*stream = e->dirty[i].stream;
		/* Default streams are known by number in their context only. */
		n += *stream <= VGPU_STREAM_LEGACY &&
		     e->dirty[i].ctx != e->cur_ctx ? 2 : 1;
	}
	return n == 1 && (!e->orphans_ctx || (e->orphans_ctx != EX_SEVERAL &&
					      e->orphans_ctx != e->cur_ctx));
}

bool ex_ctx_quiet(struct ex *e)
{
	for (uint32_t i = 0; i < e->dirties; i++)
		if (ex_work_here(e, &e->dirty[i]))
			return false;
	return true;
}

uint32_t ex_busy_streams(struct ex *e)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < e->dirties; i++)
		n += ex_work_here(e, &e->dirty[i]);
	return n;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * capture.c - which streams are under capture, and by whom. The driver sees
 * one thread, us, where the guest has many: what a capture forbids to each of
 * them is worked out here, and the driver told by our own thread's mode.
 */
#include "cuda-exec/exec_internal.h"

#include <stdlib.h>

struct ex_capture {
	uint32_t stream;
	uint16_t thread; /* the guest's, that began it */
	uint8_t mode;
};

static CUresult set_mode(struct ex *e, CUstreamCaptureMode wanted)
{
	CUstreamCaptureMode mode = wanted;
	CUresult r;

	if (wanted == e->cur_mode)
		return CUDA_SUCCESS;
	if (!R.cuThreadExchangeStreamCaptureMode)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuThreadExchangeStreamCaptureMode(&mode);
	if (!r)
		e->cur_mode = wanted;
	return r;
}

/* A thread's mode GLOBAL heeds its own captures and every GLOBAL one of
 * others; THREAD_LOCAL its own only. No mode heeds RELAXED captures. */
static bool heeds(const struct ex *e, const struct ex_capture *c)
{
	if (c->mode == CU_STREAM_CAPTURE_MODE_RELAXED)
		return false;
	return c->thread == e->rec.thread ||
	       (c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL &&
		e->rec.capture_mode == CU_STREAM_CAPTURE_MODE_GLOBAL);
}

CUresult ex_capture_mode(struct ex *e)
{
	CUstreamCaptureMode wanted = CU_STREAM_CAPTURE_MODE_RELAXED;

	if (!e->captures)
		return CUDA_SUCCESS;
	if (e->rec.capture_mode != CU_STREAM_CAPTURE_MODE_RELAXED)
		for (uint32_t i = 0; i < e->captures; i++)
			if (heeds(e, &e->capture[i]))
				wanted = CU_STREAM_CAPTURE_MODE_GLOBAL;
	return set_mode(e, wanted);
}

void ex_relax(struct ex *e)
{
	if (e->captures)
		set_mode(e, CU_STREAM_CAPTURE_MODE_RELAXED);
}

static struct ex_capture *find(struct ex *e, uint32_t stream)
{
	for (uint32_t i = 0; i < e->captures; i++)
		if (e->capture[i].stream == stream)
			return &e->capture[i];
	return NULL;
}

/* Before the driver begins one: afterwards it could not be refused. */
CUresult ex_capture_room(struct ex *e)
{
	struct ex_capture *more;
	uint32_t room = e->captures_room * 2 + 16;

	if (e->captures < e->captures_room)
		return CUDA_SUCCESS;
	more = realloc(e->capture, room * sizeof(*more));
	if (!more)
		return CUDA_ERROR_OUT_OF_MEMORY;
	e->capture = more;
	e->captures_room = room;
	return CUDA_SUCCESS;
}

void ex_capture_began(struct ex *e, uint32_t stream, uint32_t mode)
{
	ex_capture_ended(e, stream); /* one that went with its context */
	e->capture[e->captures++] = (struct ex_capture){
		.stream = stream, .thread = e->rec.thread,
		.mode = (uint8_t)mode };
}

void ex_capture_ended(struct ex *e, uint32_t stream)
{
	struct ex_capture *c = find(e, stream);

	if (c)
		*c = e->capture[--e->captures];
}

void ex_captures_forget(struct ex *e)
{
	for (uint32_t i = e->captures; i-- > 0;) {
		const struct ex_object *o = ex_object(e, KIND_STREAM,
						      e->capture[i].stream);

		if (!o || o->gone)
			e->capture[i] = e->capture[--e->captures];
	}
}

/* A capture ends where it began, unless it is relaxed. */
bool ex_capture_foreign(struct ex *e, uint32_t stream)
{
	const struct ex_capture *c = find(e, stream);

	return c && c->mode != CU_STREAM_CAPTURE_MODE_RELAXED &&
	       c->thread != e->rec.thread;
}

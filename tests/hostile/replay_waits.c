// SPDX-License-Identifier: BSD-2-Clause
/* replay_waits.c - what is waited for is destroyed meanwhile: no entry of the
 * table of waits is left that nobody will end. */
#include "tests/hostile/replay.h"

enum { GREEN = 50, GREEN_STREAM, OTHER };

static CUresult busy_stream(CUstream s)
{
	(void)s;
	return CUDA_ERROR_NOT_READY;
}

static CUresult busy_event(CUevent e)
{
	(void)e;
	return CUDA_ERROR_NOT_READY;
}

static enum vgpu_error stream_op(uint32_t op, uint32_t id)
{
	struct in_vgStream in = { .stream = id };
	struct shape s = plain(op);

	snprintf(doing, sizeof(doing), "op %u of %u", op, id);
	return play(&s, &in, sizeof(in));
}

/* A context whose streams are waited for with the primary one's. */
static bool green(void)
{
	struct ex_object *o;
	bool good = !ex_obj_new(&ex, KIND_CTX, GREEN, 0x700) &&
		    !ex_obj_new(&ex, KIND_STREAM, GREEN_STREAM, 0x710);

	if (!good)
		return false;
	ex_object(&ex, KIND_CTX, GREEN)->green = true;
	o = ex_object(&ex, KIND_STREAM, GREEN_STREAM);
	o->ctx = GREEN;
	ex_stream_touch(&ex, GREEN_STREAM);
	ex_stream_touch(&ex, ID_STREAM);
	return true;
}

static void contexts(void)
{
	union { struct in_vgPrimary in; uint64_t all[2]; } ctx = {
		.in = { .ctx = ID_CTX } };
	struct shape s = plain(OP_vgPrimaryRelease);
	bool good = green() && stream_op(OP_vgCtxSync, ID_CTX) == VGPU_E_LEFT;

	ok(good && ex.pend_live == 3, "a context is waited for with its "
	   "streams and a green context's");
	good = play(&s, &ctx, sizeof(ctx)) == VGPU_E_LEFT;
	ok(good && !ex.pend_live && !ex.pend_streams && !ex.pends,
	   "when it is destroyed, no wait is left: %u", ex.pend_live);
	new_session();
}

static void events(void)
{
	struct in_vgEvent in = { .event = ID_EVENT };
	struct shape s = plain(OP_vgEventSync);
	bool good = play(&s, &in, sizeof(in)) == VGPU_E_LEFT;

	ok(good && ex.pend_live == 1, "an event is waited for");
	s.op = OP_vgEventDestroy;
	s.slot = 1;
	good = play(&s, &in, sizeof(in)) == VGPU_E_LEFT;
	ok(good && !ex.pend_live, "when it is destroyed, nobody asks for it "
	   "any more, though another process recorded it anew");
	new_session();
}

static void streams(void)
{
	uint32_t live;
	bool good;

	ex_stream_touch(&ex, ID_STREAM);
	good = stream_op(OP_vgStreamSync, ID_STREAM) == VGPU_E_LEFT &&
	       ex.pend_streams == 1;
	ok(good, "a stream is waited for");
	good = stream_op(OP_vgStreamDestroy, ID_STREAM) == VGPU_E_LEFT;
	live = ex.pend_live;
	ok(good && live == 1 && !ex.pend_streams, "when it is destroyed, the "
	   "wait is for its work");
	good = stream_op(OP_vgCtxDestroy, ID_CTX) == VGPU_E_LEFT;
	ok(good && !ex.pend_live && !ex.pends, "until its context goes");
	new_session();
}

/* In a context of its own somebody waits for what is another one's. */
static void elsewhere(uint32_t op, const char *what)
{
	union { struct in_vgCtxCreate in; uint64_t all[2]; } create = {
		.in = { .ctx = OTHER } };
	union { struct in_vgPrimary in; uint64_t all[2]; } ctx = {
		.in = { .ctx = ID_CTX } };
	uint64_t id = op == OP_vgStreamSync ? ID_STREAM : ID_EVENT;
	struct shape s = plain(OP_vgCtxCreate);
	bool good = play(&s, &create, sizeof(create)) == VGPU_E_LEFT;

	ex_stream_touch(&ex, ID_STREAM);
	s = plain(op);
	s.ctx = OTHER;
	good = good && play(&s, &id, sizeof(id)) == VGPU_E_LEFT &&
	       ex.pend_live == 1;
	s = plain(OP_vgPrimaryRelease);
	s.ctx = OTHER;
	s.slot = 1;
	good = good && play(&s, &ctx, sizeof(ctx)) == VGPU_E_LEFT;
	ok(good && !ex.pend_live, "%s is waited for in another context: the "
	   "end of its own ends that", what);
	new_session();
}

void waits(void)
{
	struct real was = R;

	R.cuStreamQuery = busy_stream;
	R.cuEventQuery = busy_event;
	R.cuStreamWriteValue32_v2 = NULL;
	contexts();
	events();
	streams();
	elsewhere(OP_vgStreamSync, "a stream");
	elsewhere(OP_vgEventSync, "an event");
	R = was;
}

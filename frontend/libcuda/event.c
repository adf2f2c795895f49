// SPDX-License-Identifier: BSD-2-Clause
/* event.c - events: numbered here, recorded without waiting. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

static CUresult event_of(CUevent hEvent, uint32_t *id, struct vg_event **e)
{
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_EVENT, (uintptr_t)hEvent, id);
	if (r)
		return r;
	*e = vg_handle_state(KIND_EVENT, *id);
	/* Without state: one that the host numbered (from IPC, a graph). */
	return *id ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

void vg_event_elsewhere(uint32_t id)
{
	struct vg_event *e = vg_handle_state(KIND_EVENT, id);

	if (e)
		atomic_store(&e->elsewhere, true);
}

static bool flags_ok(unsigned int flags)
{
	if (flags & ~(unsigned int)(CU_EVENT_BLOCKING_SYNC |
				    CU_EVENT_DISABLE_TIMING |
				    CU_EVENT_INTERPROCESS))
		return false;
	return !(flags & CU_EVENT_INTERPROCESS) ||
	       (flags & CU_EVENT_DISABLE_TIMING);
}

VG_EXPORT CUresult CUDAAPI cuEventCreate(CUevent *phEvent, unsigned int flags)
{
	struct in_vgEventCreate in = { .flags = flags };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_event *e;
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!phEvent || !flags_ok(flags))
		return CUDA_ERROR_INVALID_VALUE;
	e = calloc(1, sizeof(*e));
	if (!e)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = vg_handle_new(KIND_EVENT, &in.event);
	if (r) {
		free(e);
		return r;
	}
	e->flags = flags;
	e->ctx = c->id;
	vg_handle_set_state(KIND_EVENT, in.event, e);
	r = vg_post(OP_vgEventCreate, &s, 1);
	if (r)
		vg_handle_del(KIND_EVENT, in.event);
	else
		*phEvent = (CUevent)vg_handle_out(KIND_EVENT, in.event);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuEventDestroy_v2(CUevent hEvent)
{
	struct in_vgEvent in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_event *e;
	CUresult r = event_of(hEvent, &in.event, &e);

	if (r == CUDA_ERROR_CONTEXT_IS_DESTROYED)
		vg_post_outside(OP_vgEventDestroy, &s, 1);
	else if (r)
		return r;
	else
		r = vg_post(OP_vgEventDestroy, &s, 1);
	vg_handle_del(KIND_EVENT, in.event);
	return r;
}

/* Green contexts are parts of their device's primary one: events go between
 * them, and between them and it. */
static bool same_ctx(uint32_t a, uint32_t b)
{
	const struct vg_ctx *x, *y;

	if (a == b)
		return true;
	x = vg_handle_state(KIND_CTX, a);
	y = vg_handle_state(KIND_CTX, b);
	return x && y && x->dev == y->dev && (x->green || x->primary) &&
	       (y->green || y->primary);
}

static CUresult record(CUevent hEvent, CUstream hStream, unsigned int flags,
		       bool with_flags)
{
	struct in_vgEventRecord in = { .flags = flags,
				       .with_flags = with_flags };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_event *e;
	struct vg_ctx *c;
	CUresult r = event_of(hEvent, &in.event, &e);

	if (!r)
		r = vg_stream_in(hStream, &in.stream, &c);
	if (r)
		return r;
	if (e && !same_ctx(c->id, e->ctx))
		return CUDA_ERROR_INVALID_HANDLE;
	/* For the outside of a capture, where there is none. */
	if (flags && !atomic_load(&c->capturing))
		return CUDA_ERROR_ILLEGAL_STATE;
	/* In a capture: each launch of the graph records it. */
	if (e && flags)
		atomic_store(&e->elsewhere, true);
	r = vg_post(OP_vgEventRecord, &s, 1);
	if (e)
		atomic_fetch_add(&e->recorded, 1);
	vg_stream_touch(in.stream);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuEventRecord(CUevent hEvent, CUstream hStream)
{
	return record(hEvent, hStream, 0, false);
}

VG_EXPORT CUresult CUDAAPI cuEventRecordWithFlags(CUevent hEvent,
						  CUstream hStream,
						  unsigned int flags)
{
	if (flags & ~(unsigned int)CU_EVENT_RECORD_EXTERNAL)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	return record(hEvent, hStream, flags, true);
}

/* The error of the event's context that never goes away, or none. */
static CUresult broken(const struct vg_event *e)
{
	const struct vg_ctx *c = vg_handle_state(KIND_CTX, e->ctx);

	return c ? (CUresult)atomic_load(&c->sticky) : CUDA_SUCCESS;
}

/* An event that was never recorded, or seen complete since, is complete, if
 * it is only recorded through us: not by a graph or a launch's attribute. In
 * a context that a kernel broke no event is. */
static CUresult ask(CUevent hEvent, enum vgpu_op op)
{
	struct in_vgEvent in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_event *e;
	uint64_t recorded = 0;
	CUresult r = event_of(hEvent, &in.event, &e);

	if (r)
		return r;
	if (e && !atomic_load(&e->elsewhere)) {
		recorded = atomic_load(&e->recorded);
		if (recorded == atomic_load(&e->synced))
			return vg_report(broken(e));
	}
	r = vg_call(op, &s, 1, NULL, 0);
	if (!r && e)
		atomic_store(&e->synced, recorded);
	return r == CUDA_ERROR_NOT_READY ? r : vg_report(r);
}

VG_EXPORT CUresult CUDAAPI cuEventSynchronize(CUevent hEvent)
{
	return ask(hEvent, OP_vgEventSync);
}

VG_EXPORT CUresult CUDAAPI cuEventQuery(CUevent hEvent)
{
	return ask(hEvent, OP_vgEventQuery);
}

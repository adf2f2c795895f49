// SPDX-License-Identifier: BSD-2-Clause
/*
 * fetch.c - answers larger than a reply: the executor keeps one lot of bytes,
 * we take it in pieces. From the call that makes the lot to its last piece no
 * other thread may make one.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"

#include <pthread.h>

#define ROOM_MAX 65536u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fetch_begin(void)
{
	pthread_mutex_lock(&lock);
}

void fetch_end(void)
{
	pthread_mutex_unlock(&lock);
}

/* The largest reply: a piece of the window, or a slot where there is none. */
uint32_t fetch_room(void)
{
	uint32_t room = VGPU_SLOT_SIZE - sizeof(struct vgpu_slot);
	struct vg_piece p;

	if (vg_piece_take(&p, false))
		return room;
	if (p.size > room)
		room = p.size < ROOM_MAX ? (uint32_t)p.size : ROOM_MAX;
	vg_piece_free(&p);
	return room & ~7u;
}

CUresult fetch_bytes(void *to, uint64_t size)
{
	struct in_vgFetch in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	uint32_t room = fetch_room();
	CUresult r = CUDA_SUCCESS;

	for (; in.offset < size && !r; in.offset += in.len) {
		uint64_t left = size - in.offset;
		struct vg_seg o;

		in.len = left < room ? (uint32_t)left : room;
		o = (struct vg_seg){ (uint8_t *)to + in.offset, in.len };
		r = vg_call(OP_vgFetch, &s, 1, &o, 1);
	}
	return r;
}

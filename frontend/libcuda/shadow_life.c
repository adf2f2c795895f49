// SPDX-License-Identifier: BSD-2-Clause
/*
 * shadow_life.c - granted memory in the place of the program's own, for a copy
 * of a graph. Clones, executables and launches that still run may need it, so
 * the host's driver says when it may go: the graph owns it as an object whose
 * destructor is ours. That runs where no driver call may be made, and only
 * puts the shadow aside; it is freed when the next one is made, or when pinned
 * memory is short.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/shadow.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shadow *dead;
/* Never freed: functions are known by their argument (host_node.c), and so
 * there are no more of these pairs than there were ever shadows at once. */
static struct shadow *spare;

static void push(struct shadow **list, struct shadow *h)
{
	pthread_mutex_lock(&lock);
	h->next = *list;
	*list = h;
	pthread_mutex_unlock(&lock);
}

static struct shadow *pop(struct shadow **list)
{
	struct shadow *h;

	pthread_mutex_lock(&lock);
	h = *list;
	if (h)
		*list = h->next;
	pthread_mutex_unlock(&lock);
	return h;
}

static void CUDA_CB bury(void *arg)
{
	push(&dead, arg);
}

/* The capture of this thread is not disturbed by what the host must do. */
static uint32_t relaxed(void)
{
	uint32_t mode = vg_thread.capture_mode;

	vg_thread.capture_mode = CU_STREAM_CAPTURE_MODE_RELAXED;
	return mode;
}

bool vg_shadow_reap(void)
{
	uint32_t mode = relaxed();
	struct vg_range range;
	struct shadow *h;
	bool some = false;

	while ((h = pop(&dead)) != NULL) {
		if (h->copy) {
			vg_range_remove((uintptr_t)h->copy, &range);
			some |= vg_pinned_free(h->copy);
		}
		push(&spare, h);
	}
	vg_thread.capture_mode = mode;
	return some;
}

static uint8_t *granted(uint64_t size)
{
	struct vg_range range = { .size = size, .kind = VG_RANGE_PINNED };
	uint32_t mode = relaxed();
	uint8_t *p = vg_pinned_alloc(size);

	vg_thread.capture_mode = mode;
	if (!p)
		return NULL;
	range.base = (uintptr_t)p;
	range.ctx = vg_ctx() ? vg_ctx()->id : 0;
	vg_range_add(&range);
	return p;
}

static CUresult owned_by(const struct shadow_owner *o, struct shadow *h)
{
	struct in_vgGraphOwns in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	CUresult r = host_token(bury, h, &in.token);

	if (!r && o->graph)
		r = vg_handle_in(KIND_GRAPH, (uintptr_t)o->graph, &in.graph);
	else if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)o->stream, &in.stream);
	return r ? r : vg_call(OP_vgGraphOwns, &s, 1, NULL, 0);
}

/* Owned first: from then on it goes as its owner does, whatever fails. */
CUresult shadow_new(const struct shadow_owner *o, const struct shape *s,
		    struct shadow **ret)
{
	uint64_t size = vg_bytes(vg_bytes(s->width, s->rows), s->slices);
	struct shadow *h;
	CUresult r;

	vg_shadow_reap();
	h = pop(&spare);
	if (!h)
		h = malloc(sizeof(*h));
	if (!h)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*h = (struct shadow){ .of = *s };
	r = owned_by(o, h);
	if (r)
		return r; /* whether the host will tell its end is not known */
	h->copy = granted(size);
	if (!h->copy)
		return vg_not_supported("a graph's copy of more pageable "
					"memory than the window has left");
	*ret = h;
	return CUDA_SUCCESS;
}

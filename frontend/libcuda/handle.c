// SPDX-License-Identifier: BSD-2-Clause
/*
 * handle.c - what the program holds, and the library's own state behind it.
 *
 * A handle is a number, never an address: 0x56 | kind | id * 16. Nothing is
 * dereferenced, so a handle that is garbage, freed or of another kind is an
 * error and not a crash. Ids below VGPU_ID_HOST are numbered here, in the
 * order of a queue, so that a freed one comes back as late as possible.
 *
 * What goes with its context is buried, not freed: the program still holds it,
 * and is told so until it gives it up.
 */
#include "frontend/libcuda/vg.h"

#include <pthread.h>

#define CHUNK_BITS 12
#define CHUNK      (1u << CHUNK_BITS)
#define CHUNKS     (VGPU_ID_MAX >> CHUNK_BITS)
#define FIRST_ID   (VGPU_STREAM_LEGACY + 1)
#define REUSE_AFTER 4096u /* freed ids that lie idle before one comes back */

#define BURIED 0x80u /* beside the kind: its context is gone */

struct entry {
	_Atomic uint8_t kind;  /* 0: free */
	void *_Atomic state;
};

static struct entry *_Atomic chunk[CHUNKS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t next_id = FIRST_ID;
static uint32_t *queue, queue_cap, queue_head, queue_len;

static struct entry *entry_of(uint32_t id, bool make)
{
	struct entry *c, *none = NULL;

	if (id >= VGPU_ID_MAX)
		return NULL;
	c = atomic_load_explicit(&chunk[id >> CHUNK_BITS],
				 memory_order_acquire);
	if (!c && make) {
		c = calloc(CHUNK, sizeof(*c));
		if (c && !atomic_compare_exchange_strong(
				&chunk[id >> CHUNK_BITS], &none, c)) {
			free(c);
			c = none;
		}
	}
	return c ? &c[id & (CHUNK - 1)] : NULL;
}

uint64_t vg_handle_out(enum vgpu_kind kind, uint32_t id)
{
	if (!id)
		return 0;
	if (kind == KIND_STREAM && id == VGPU_STREAM_LEGACY)
		return (uint64_t)(uintptr_t)CU_STREAM_LEGACY;
	return 0x560000000000ull | (uint64_t)kind << 32 | (uint64_t)id << 4;
}

enum vgpu_kind vg_handle_kind(uintptr_t h)
{
	return h >> 40 == 0x56 && !(h & 15) ?
	       (enum vgpu_kind)((h >> 32) & 0xff) : KIND_NONE;
}

static CUresult wrong(enum vgpu_kind kind)
{
	return kind == KIND_CTX ? CUDA_ERROR_INVALID_CONTEXT :
				  CUDA_ERROR_INVALID_HANDLE;
}

static bool guest_kind(enum vgpu_kind kind)
{
	return kind == KIND_STREAM || kind == KIND_EVENT || kind == KIND_CTX;
}

static CUresult look(enum vgpu_kind kind, uint32_t id)
{
	struct entry *e = entry_of(id, false);
	uint8_t is = e ? atomic_load(&e->kind) : 0;

	return likely(is == kind) ? CUDA_SUCCESS :
	       is == (kind | BURIED) ? CUDA_ERROR_CONTEXT_IS_DESTROYED :
				       wrong(kind);
}

CUresult vg_handle_in(enum vgpu_kind kind, uintptr_t h, uint32_t *id)
{

	*id = (uint32_t)h >> 4;
	if (likely(vg_handle_kind(h) == kind)) {
		if (!guest_kind(kind) || *id >= VGPU_ID_HOST)
			return CUDA_SUCCESS;
		return look(kind, *id);
	}
	*id = 0;
	if (!h)
		return CUDA_SUCCESS;
	if (kind == KIND_STREAM && h == (uintptr_t)CU_STREAM_LEGACY) {
		*id = VGPU_STREAM_LEGACY;
		return CUDA_SUCCESS;
	}
	if (kind == KIND_STREAM && h == (uintptr_t)CU_STREAM_PER_THREAD)
		return vg_stream_own(id);
	return wrong(kind);
}

CUresult vg_handles_in(enum vgpu_kind kind, const uint64_t *h, uint64_t count,
		       uint32_t **ids)
{
	CUresult r = CUDA_SUCCESS;

	if (count > VG_CAP_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	*ids = calloc(count + 1, sizeof(**ids));
	if (!*ids)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (uint64_t i = 0; i < count && !r; i++)
		r = vg_handle_in(kind, h[i], &(*ids)[i]);
	return r;
}

CUresult vg_handle_new(enum vgpu_kind kind, uint32_t *id)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	if (queue_len > REUSE_AFTER) {
		*id = queue[queue_head];
		queue_head = (queue_head + 1) % queue_cap;
		queue_len--;
	} else {
		*id = next_id++;
	}
	pthread_mutex_unlock(&lock);
	e = *id < VGPU_ID_HOST ? entry_of(*id, true) : NULL;
	if (!e)
		return CUDA_ERROR_OUT_OF_MEMORY;
	free(atomic_exchange(&e->state, NULL));
	atomic_store(&e->kind, (uint8_t)kind);
	return CUDA_SUCCESS;
}

static void queue_put(uint32_t id)
{
	if (queue_len == queue_cap) {
		uint32_t cap = queue_cap ? 2 * queue_cap : 8192;
		uint32_t *q = malloc(cap * sizeof(*q));

		if (!q)
			return; /* this id is never used again */
		for (uint32_t i = 0; i < queue_len; i++)
			q[i] = queue[(queue_head + i) % queue_cap];
		free(queue);
		queue = q;
		queue_cap = cap;
		queue_head = 0;
	}
	queue[(queue_head + queue_len++) % queue_cap] = id;
}

void vg_handle_del(enum vgpu_kind kind, uint32_t id)
{
	struct entry *e = entry_of(id, false);
	uint8_t was = (uint8_t)kind, buried = (uint8_t)(kind | BURIED);

	if (!e || (!atomic_compare_exchange_strong(&e->kind, &was, 0) &&
		   !atomic_compare_exchange_strong(&e->kind, &buried, 0)))
		return;
	/* The state stays until the id is used again: another thread may be
	 * asking for this handle right now. */
	if (id >= VGPU_ID_HOST)
		return;
	pthread_mutex_lock(&lock);
	queue_put(id);
	pthread_mutex_unlock(&lock);
}

void vg_handle_bury(enum vgpu_kind kind, uint32_t id)
{
	struct entry *e = entry_of(id, false);
	uint8_t was = (uint8_t)kind;

	if (e)
		atomic_compare_exchange_strong(&e->kind, &was,
					       (uint8_t)(kind | BURIED));
}

static void *state_as(uint8_t kind, uint32_t id)
{
	struct entry *e = entry_of(id, false);

	return e && id && atomic_load(&e->kind) == kind ?
	       atomic_load(&e->state) : NULL;
}

void *vg_handle_state(enum vgpu_kind kind, uint32_t id)
{
	return state_as((uint8_t)kind, id);
}

void *vg_handle_buried(enum vgpu_kind kind, uint32_t id)
{
	return state_as((uint8_t)(kind | BURIED), id);
}

bool vg_handle_set_state(enum vgpu_kind kind, uint32_t id, void *state)
{
	struct entry *e = entry_of(id, true);

	if (!e)
		return false;
	free(atomic_exchange(&e->state, state));
	atomic_store(&e->kind, (uint8_t)kind);
	return true;
}

void vg_handle_each(enum vgpu_kind kind, void (*fn)(uint32_t, void *, void *),
		    void *arg)
{
	for (uint32_t i = 0; i < CHUNKS; i++) {
		struct entry *c = atomic_load(&chunk[i]);

		for (uint32_t k = 0; c && k < CHUNK; k++) {
			void *s = atomic_load(&c[k].state);

			if (atomic_load(&c[k].kind) == kind && s)
				fn(i << CHUNK_BITS | k, s, arg);
		}
	}
}

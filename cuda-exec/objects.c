// SPDX-License-Identifier: BSD-2-Clause
/*
 * objects.c - ids to the driver's handles.
 *
 * Ids below VGPU_ID_HOST are chosen by the guest, those above by us. Tables
 * are two levels deep, so that an id is two loads. A reverse table finds the
 * id of a handle that the driver returns again.
 */
#include "cuda-exec/exec_internal.h"

#define CHUNK_BITS 12
#define CHUNK      (1u << CHUNK_BITS)
#define CHUNKS     (VGPU_ID_MAX >> CHUNK_BITS)
#define BUCKETS    (1u << 16)

struct ex_objects {
	struct ex_object *chunk[CHUNKS];
	uint32_t bucket[BUCKETS];  /* id + 1, chained by object.next */
	uint32_t next_host;        /* next fresh id of ours */
	uint32_t *free_ids;        /* of ours, to be used again */
	uint32_t nfree, free_cap;
	uint32_t live;
};

struct ex_objects *ex_objects_new(void)
{
	struct ex_objects *t = calloc(1, sizeof(*t));

	if (t)
		t->next_host = VGPU_ID_HOST;
	return t;
}

void ex_objects_free(struct ex_objects *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < CHUNKS; i++)
		free(t->chunk[i]);
	free(t->free_ids);
	free(t);
}

static uint32_t bucket_of(enum vgpu_kind kind, uint64_t real)
{
	uint64_t h = (real ^ ((uint64_t)kind << 56)) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(h >> 48) & (BUCKETS - 1);
}

static struct ex_object *slot_of(struct ex_objects *t, uint32_t id, bool make)
{
	struct ex_object **c;

	if (id >= VGPU_ID_MAX)
		return NULL;
	c = &t->chunk[id >> CHUNK_BITS];
	if (!*c && make)
		*c = calloc(CHUNK, sizeof(**c));
	return *c ? &(*c)[id & (CHUNK - 1)] : NULL;
}

struct ex_object *ex_object(struct ex *e, enum vgpu_kind kind, uint32_t id)
{
	struct ex_object *o = slot_of(e->objects, id, false);

	return o && id && o->kind == kind ? o : NULL;
}

CUresult ex_obj(struct ex *e, enum vgpu_kind kind, uint32_t id, uint64_t *real)
{
	struct ex_object *o;

	*real = 0;
	if (id == 0)
		return CUDA_SUCCESS;
	if (kind == KIND_STREAM && id == VGPU_STREAM_LEGACY) {
		*real = (uint64_t)(uintptr_t)CU_STREAM_LEGACY;
		return CUDA_SUCCESS;
	}
	o = ex_object(e, kind, id);
	if (!o)
		return CUDA_ERROR_INVALID_HANDLE;
	if (o->gone)
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	*real = o->real;
	return CUDA_SUCCESS;
}

static CUresult insert(struct ex *e, enum vgpu_kind kind, uint32_t id,
		       uint64_t real)
{
	struct ex_objects *t = e->objects;
	struct ex_object *o = slot_of(t, id, true);
	uint32_t b = bucket_of(kind, real);

	if (!o || t->live >= EX_OBJECTS_MAX)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*o = (struct ex_object){ .real = real, .refs = 1, .kind = kind,
				 .next = t->bucket[b] };
	t->bucket[b] = id + 1;
	t->live++;
	if (e->stats)
		e->stats->objects = t->live;
	return CUDA_SUCCESS;
}

/* An id that the guest chose: it must be one of the guest's, and free. */
CUresult ex_obj_new(struct ex *e, enum vgpu_kind kind, uint32_t id,
		    uint64_t real)
{
	struct ex_object *o = slot_of(e->objects, id, false);

	if (id <= VGPU_STREAM_LEGACY || id >= VGPU_ID_HOST || (o && o->kind))
		return EX_BAD;
	return insert(e, kind, id, real);
}

static uint32_t find(struct ex_objects *t, enum vgpu_kind kind, uint64_t real)
{
	uint32_t id = t->bucket[bucket_of(kind, real)];

	while (id) {
		struct ex_object *o = slot_of(t, id - 1, false);

		if (o->kind == kind && o->real == real)
			return id - 1;
		id = o->next;
	}
	return 0;
}

/* The id of a handle that the driver gave us, old or new. */
CUresult ex_obj_ref(struct ex *e, enum vgpu_kind kind, uint64_t real,
		    uint32_t *id)
{
	struct ex_objects *t = e->objects;
	CUresult r;

	*id = 0;
	if (!real)
		return CUDA_SUCCESS;
	*id = find(t, kind, real);
	if (*id) {
		/* Only allocation handles are counted by CUDA itself. */
		if (kind == KIND_VMM)
			slot_of(t, *id, false)->refs++;
		return CUDA_SUCCESS;
	}
	*id = t->nfree ? t->free_ids[--t->nfree] : t->next_host++;
	r = insert(e, kind, *id, real);
	if (r)
		*id = 0;
	return r;
}

static void unchain(struct ex_objects *t, struct ex_object *o, uint32_t id)
{
	uint32_t *p = &t->bucket[bucket_of(o->kind, o->real)];

	while (*p && *p != id + 1)
		p = &slot_of(t, *p - 1, false)->next;
	if (*p)
		*p = o->next;
}

static void free_host_id(struct ex_objects *t, uint32_t id)
{
	if (t->nfree == t->free_cap) {
		uint32_t cap = t->free_cap ? 2 * t->free_cap : 256;
		uint32_t *p = realloc(t->free_ids, cap * sizeof(*p));

		if (!p)
			return; /* the id is lost, nothing else */
		t->free_ids = p;
		t->free_cap = cap;
	}
	t->free_ids[t->nfree++] = id;
}

void ex_obj_del(struct ex *e, enum vgpu_kind kind, uint32_t id)
{
	struct ex_objects *t = e->objects;
	struct ex_object *o = ex_object(e, kind, id);

	if (!o || --o->refs)
		return;
	if (!o->gone)
		unchain(t, o, id);
	free(o->extra);
	*o = (struct ex_object){ 0 };
	t->live--;
	if (id >= VGPU_ID_HOST)
		free_host_id(t, id);
	if (e->stats)
		e->stats->objects = t->live;
}

static void gone(struct ex_objects *t, struct ex_object *o, uint32_t id,
		 uint32_t ctx)
{
	if ((o->kind != KIND_STREAM && o->kind != KIND_EVENT) ||
	    o->ctx != ctx || o->gone)
		return;
	unchain(t, o, id);
	o->gone = true;
}

/* Their handles may come again as others'. */
void ex_obj_gone(struct ex *e, uint32_t ctx)
{
	struct ex_objects *t = e->objects;

	for (uint32_t i = 0; i < VGPU_ID_HOST >> CHUNK_BITS; i++)
		for (uint32_t k = 0; t->chunk[i] && k < CHUNK; k++)
			gone(t, &t->chunk[i][k], i << CHUNK_BITS | k, ctx);
}

/* Functions and kernels that came from a module or library that is gone. */
void ex_obj_del_of(struct ex *e, uint32_t origin)
{
	for (uint32_t id = VGPU_ID_HOST; id < e->objects->next_host; id++) {
		struct ex_object *o = slot_of(e->objects, id, false);

		if (o && o->ctx == origin &&
		    (o->kind == KIND_FUNCTION || o->kind == KIND_KERNEL))
			ex_obj_del(e, (enum vgpu_kind)o->kind, id);
	}
}

uint32_t ex_obj_next(struct ex *e, enum vgpu_kind kind, uint32_t ctx,
		     uint32_t id)
{
	for (id = id ? id + 1 : VGPU_ID_HOST; id < e->objects->next_host; id++) {
		struct ex_object *o = slot_of(e->objects, id, false);

		if (o && o->kind == kind && o->ctx == ctx)
			return id;
	}
	return 0;
}

CUresult ex_objs(struct ex *e, enum vgpu_kind kind, const uint32_t *ids,
		 uint64_t count, uint64_t **ret)
{
	CUresult r;

	*ret = calloc(count + 1, sizeof(**ret));
	if (!*ret)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (uint64_t i = 0; i < count; i++) {
		r = ex_obj(e, kind, ids[i], &(*ret)[i]);
		if (r)
			return r;
	}
	return CUDA_SUCCESS;
}

CUresult ex_refs(struct ex *e, enum vgpu_kind kind, const uint64_t *real,
		 uint64_t count, uint32_t *ids)
{
	for (uint64_t i = 0; i < count; i++) {
		CUresult r = ex_obj_ref(e, kind, real[i], &ids[i]);

		if (r)
			return r;
	}
	return CUDA_SUCCESS;
}

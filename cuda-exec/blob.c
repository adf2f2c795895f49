// SPDX-License-Identifier: BSD-2-Clause
/*
 * blob.c - images on the way: their pieces, out of a record or the window,
 * into memory of our own, where the guest can change nothing while the driver
 * reads. That is the only copy on this side.
 *
 * A large image's memory is mapped in huge pages, has its pages before the
 * bytes come, and is used again for the next one.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#include "tools/lib/bulk.h"

#define LARGE     (1ull << 20)  /* from here on an image has a mapping */
#define HUGE_PAGE (2ull << 20)
#define AHEAD     (32ull << 20) /* pages before their bytes: what was announced
				 * and never comes costs no more than this */

/* ---- memory ------------------------------------------------------------ */

static void unmap(struct ex_image *i)
{
	if (i->data)
		munmap(i->data, i->room);
	*i = (struct ex_image){ 0 };
}

/* Huge pages want an address of their own size: map one more, cut the ends. */
static bool map(struct ex_image *i, uint64_t size)
{
	uint64_t room = (size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), lead;
	uint8_t *p = mmap(NULL, room + HUGE_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	lead = -(uint64_t)(uintptr_t)p & (HUGE_PAGE - 1);
	if (lead)
		munmap(p, lead);
	munmap(p + lead + room, HUGE_PAGE - lead);
	i->data = p + lead;
	i->room = room;
	/* Without huge pages it is slower, and right. */
	(void)madvise(i->data, room, MADV_HUGEPAGE);
	return true;
}

static bool image_alloc(struct ex *e, uint64_t size, struct ex_image *i)
{
	*i = (struct ex_image){ .size = size };
	if (size < LARGE) {
		i->data = malloc(size);
		return i->data;
	}
	if (e->spare.room < size)
		return map(i, size);
	i->data = e->spare.data;
	i->room = e->spare.room;
	e->spare = (struct ex_image){ 0 };
	return true;
}

void ex_image_free(struct ex *e, struct ex_image *i)
{
	if (!i->room) {
		free(i->data);
	} else if (i->room > EX_SPARE_BYTES || i->room <= e->spare.room) {
		unmap(i);
	} else {
		unmap(&e->spare);
		e->spare = *i;
		(void)madvise(i->data, i->room, MADV_FREE);
	}
	*i = (struct ex_image){ 0 };
}

/* ---- the table --------------------------------------------------------- */

static struct ex_blob *blob_find(struct ex *e, uint32_t id)
{
	for (uint32_t i = 0; i < EX_BLOBS; i++)
		if (e->blob[i].id == id)
			return &e->blob[i];
	return NULL;
}

static void blob_drop(struct ex *e, struct ex_blob *b)
{
	e->blob_bytes -= b->image.size;
	ex_image_free(e, &b->image);
	*b = (struct ex_blob){ 0 };
}

/* Too much: the pieces are passed over, and who needs the image is told. */
static void no_room(struct ex *e, struct ex_blob *b, const char *why)
{
	log_warn("domain %u session %s: an image of %llu bytes is refused: %s",
		 e->domid, e->sid, (unsigned long long)b->size, why);
}

static struct ex_blob *blob_new(struct ex *e, uint32_t id, uint64_t total)
{
	struct ex_blob *b = blob_find(e, 0);

	if (!b)
		return NULL;
	b->id = id;
	b->size = total;
	b->image = (struct ex_image){ 0 };
	if (total > EX_BLOB_BYTES - e->blob_bytes) {
		no_room(e, b, "this session's images on the way would have "
			"more than 2 GiB");
	} else if (!image_alloc(e, total, &b->image)) {
		no_room(e, b, "the host has no memory for it");
		b->image = (struct ex_image){ 0 };
	}
	e->blob_bytes += b->image.size;
	return b;
}

void ex_spare_free(struct ex *e)
{
	unmap(&e->spare);
}

void ex_blobs_free(struct ex *e)
{
	for (uint32_t i = 0; i < EX_BLOBS; i++)
		blob_drop(e, &e->blob[i]);
	ex_spare_free(e);
}

/* ---- pieces ------------------------------------------------------------ */

/* Where the piece lies; NULL: nowhere. */
static const uint8_t *bytes_of(struct ex *e, const struct in_vgBlob *in,
			       struct vgpu_rd *rd)
{
	if (in->arena == VGPU_ARENAS)
		return rd_array(rd, in->len, 1);
	if (in->fence >= VGPU_FENCES)
		return NULL;
	return ex_window(e, in->arena, in->at, in->len);
}

static void put(struct ex_blob *b, const uint8_t *bytes, uint64_t len)
{
	uint64_t ahead = b->size - b->populated;

	if (b->image.room && b->got + len > b->populated) {
		ahead = ahead < AHEAD ? ahead : AHEAD;
		bulk_populate(b->image.data + b->populated, ahead);
		b->populated += ahead;
	}
	if (b->image.data)
		bulk_copy(b->image.data + b->got, bytes, len);
	b->got += len;
}

/* Pieces come in order; the first one opens the blob. */
CUresult ex_vgBlob(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgBlob *in = rd_take(rd, sizeof(*in));
	const uint8_t *bytes;
	struct ex_blob *b;

	(void)wr;
	if (!in || !in->blob)
		return EX_BAD;
	b = blob_find(e, in->blob);
	if (!in->total) {
		if (b)
			blob_drop(e, b);
		return CUDA_SUCCESS;
	}
	bytes = bytes_of(e, in, rd);
	if (!bytes)
		return EX_BAD;
	if (!b && in->offset == 0)
		b = blob_new(e, in->blob, in->total);
	if (!b || in->offset != b->got ||
	    !range_ok(in->offset, in->len, b->size))
		return EX_BAD;
	put(b, bytes, in->len);
	if (in->arena != VGPU_ARENAS)
		ex_fence(e, in->fence, in->value, CUDA_SUCCESS);
	return CUDA_SUCCESS;
}

/* The complete blob of the record in work. */
CUresult ex_blob_take(struct ex *e, uint64_t size, struct ex_image *ret)
{
	struct ex_blob *b = e->rec.blob ? blob_find(e, e->rec.blob) : NULL;

	*ret = (struct ex_image){ 0 };
	if (!(e->rec.flags & VGPU_REC_BLOB) || !b || b->got != b->size ||
	    b->size != size)
		return EX_BAD;
	if (size > EX_LOADED_BYTES - e->loaded_bytes) {
		no_room(e, b, "what this session has loaded would have more "
			"than 16 GiB");
		blob_drop(e, b);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*ret = b->image;
	e->blob_bytes -= b->image.size;
	*b = (struct ex_blob){ 0 };
	return ret->data ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

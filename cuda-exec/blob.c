// SPDX-License-Identifier: BSD-2-Clause
/*
 * blob.c - images on the way: their pieces, out of a record or the window,
 * into memory of our own, where the guest can change nothing while the driver
 * reads. That is the only copy on this side.
 *
 * A large image's memory is mapped, has its pages before the bytes come, and is
 * kept for a while to be used again: giving 40 MiB their pages takes five times
 * as long as copying them. It is in small pages: they cost no more, once they
 * are there, and on a host that is a virtual machine itself they come faster.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#include "tools/lib/bulk.h"
#include "tools/lib/ticks.h"

#define LARGE     (1ull << 20)  /* from here on an image has a mapping */
#define AHEAD     (8ull << 20)  /* pages before their bytes: what was announced
				 * and never comes costs no more than this */
#define SPARE_NS  5000000000ull /* an image's memory waits for the next one */

/* ---- memory ------------------------------------------------------------ */

static void unmap(struct ex_image *i)
{
	if (i->data)
		munmap(i->data, i->room);
	*i = (struct ex_image){ 0 };
}

static uint64_t pages_of(uint64_t size)
{
	return (size + VGPU_PAGE - 1) & ~(uint64_t)(VGPU_PAGE - 1);
}

static bool map(struct ex_image *i, uint64_t size)
{
	uint64_t room = pages_of(size);
	void *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		       MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return false;
	i->data = p;
	i->room = room;
	return true;
}

/* The last one's memory, with more room if need be: its pages stay. */
static bool map_again(struct ex *e, struct ex_image *i, uint64_t size)
{
	uint64_t room = pages_of(size);
	void *p = e->spare.data;

	if (!p)
		return false;
	if (room > e->spare.room) {
		p = mremap(p, e->spare.room, room, MREMAP_MAYMOVE);
		if (p == MAP_FAILED)
			return false;
		e->spare.room = room;
	}
	i->data = p;
	i->room = e->spare.room;
	i->touched = e->spare.touched;
	e->spare = (struct ex_image){ 0 };
	return true;
}

static bool image_alloc(struct ex *e, uint64_t size, struct ex_image *i)
{
	*i = (struct ex_image){ .size = size };
	if (size < LARGE) {
		i->data = malloc(size);
		return i->data;
	}
	return map_again(e, i, size) || map(i, size);
}

/* Somebody waits for the record in work: what is too large to be kept is
 * given back after its reply. */
void ex_image_free(struct ex *e, struct ex_image *i)
{
	if (!i->room) {
		free(i->data);
	} else if (i->room > EX_LATE_BYTES || i->room <= e->spare.room) {
		unmap(i);
	} else {
		unmap(&e->spare);
		e->spare = *i;
		e->spare_until = ticks_ns();
		if (i->room <= EX_SPARE_BYTES)
			e->spare_until += SPARE_NS;
	}
	*i = (struct ex_image){ 0 };
}

/* Give it back when no image has wanted it for a while. */
void ex_spare_tick(struct ex *e)
{
	if (e->spare.room && ticks_ns() >= e->spare_until)
		unmap(&e->spare);
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

/* Pages for the bytes that come next. */
static void make_pages(struct ex_blob *b, uint64_t len)
{
	struct ex_image *i = &b->image;
	uint64_t n;

	if (!i->room || b->got + len <= i->touched)
		return;
	n = pages_of(b->size) - i->touched;
	n = n < AHEAD ? n : AHEAD;
	bulk_populate(i->data + i->touched, n);
	i->touched += n;
}

static void put(struct ex_blob *b, const uint8_t *bytes, uint64_t len)
{
	uint64_t began = ticks_ns();

	if (!b->got)
		b->began = began;
	make_pages(b, len);
	if (b->image.data)
		bulk_copy(b->image.data + b->got, bytes, len);
	b->got += len;
	b->copying += ticks_ns() - began;
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
	log_debug("domain %u session %s: an image of %llu bytes came in %llu "
		  "us, %llu of them copying", e->domid, e->sid,
		  (unsigned long long)size,
		  (unsigned long long)(ticks_ns() - b->began) / 1000,
		  (unsigned long long)b->copying / 1000);
	*ret = b->image;
	e->blob_bytes -= b->image.size;
	*b = (struct ex_blob){ 0 };
	return ret->data ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

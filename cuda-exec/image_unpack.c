// SPDX-License-Identifier: BSD-2-Clause
/*
 * image_unpack.c - NVIDIA's driver believes every length that it finds in an
 * image, so all of them are compared with the bytes that are there first: of
 * the container, of each part, and of the entries of a fatbin.
 */
#include "cuda-exec/image_unpack.h"

#include <stdlib.h>

/* The start of an entry of a fatbin, as far as it tells how long it is. */
struct fatbin_entry {
	uint16_t kind;
	uint16_t version;
	uint32_t head_bytes;
	uint64_t body_bytes;
};

struct parts {
	const uint8_t *bytes;
	const uint8_t *lengths;
	uint64_t at; /* of the next part */
	uint64_t end;
	const char *why;
};

static int bad(struct parts *p, const char *why)
{
	p->why = why;
	return -EBADMSG;
}

static int check_entries(struct parts *p, const uint8_t *part, uint64_t len)
{
	struct image_fatbin_head h;
	struct fatbin_entry e;
	uint64_t at;

	memcpy(&h, part, sizeof(h));
	for (at = h.head_bytes; at < len; at += e.head_bytes + e.body_bytes) {
		if (len - at < sizeof(e))
			return bad(p, "a fatbin ends inside of an entry");
		memcpy(&e, part + at, sizeof(e));
		if (e.head_bytes < sizeof(e) ||
		    !range_ok(e.head_bytes, e.body_bytes, len - at))
			return bad(p, "an entry is longer than its fatbin");
	}
	return 0;
}

static int check_fatbin(struct parts *p, const uint8_t *part, uint64_t len)
{
	uint64_t measured;

	if (image_fatbin_length(part, len, &measured) || measured != len)
		return bad(p, "a fatbin is not as long as its part");
	return check_entries(p, part, len);
}

static int check_elf(struct parts *p, const uint8_t *part, uint64_t len)
{
	uint64_t measured;

	if (image_elf_length(part, len, &measured) || measured != len)
		return bad(p, "a cubin is not as long as its part");
	return 0;
}

static int check_text(struct parts *p, const uint8_t *part, uint64_t len)
{
	if (!len || memchr(part, 0, len) != part + len - 1)
		return bad(p, "PTX text does not end where its part ends");
	return 0;
}

static int check_archive(struct parts *p, const uint8_t *part, uint64_t len)
{
	if (len < 8 || memcmp(part, "!<arch>\n", 8))
		return bad(p, "an archive does not begin like one");
	return 0;
}

static int check_part(struct parts *p, uint32_t kind, const uint8_t *part,
		      uint64_t len)
{
	switch (kind) {
	case IMAGE_PTX:
		return check_text(p, part, len);
	case IMAGE_ELF:
		return check_elf(p, part, len);
	case IMAGE_FATBIN:
	case IMAGE_WRAPPER1:
	case IMAGE_WRAPPER2:
		return check_fatbin(p, part, len);
	case IMAGE_ARCHIVE:
		return check_archive(p, part, len);
	case IMAGE_OBJECT:
		return len ? 0 : bad(p, "an object is empty");
	default:
		return bad(p, "the kind of image is unknown");
	}
}

/* Take part @i, which has to be the next one. */
static int take_part(struct parts *p, uint32_t kind, uint32_t i,
		     const void **ret, uint64_t *ret_len)
{
	const uint8_t *part = p->bytes + p->at;
	uint64_t len;
	int r;

	memcpy(&len, p->lengths + i * sizeof(len), sizeof(len));
	if (len > p->end - p->at || image_padded(len) > p->end - p->at)
		return bad(p, "a part is longer than its container");
	r = check_part(p, kind, part, len);
	if (r)
		return r;
	p->at += image_padded(len);
	*ret = part;
	*ret_len = len;
	return 0;
}

static int check_head(struct parts *p, const struct image_head *h, uint64_t len)
{
	if (h->magic != IMAGE_MAGIC || h->zero)
		return bad(p, "the container does not begin like one");
	if (h->total != len || len > IMAGE_MAX_BYTES || len % IMAGE_ALIGN)
		return bad(p, "the container is not as long as it says");
	if (!h->nparts || h->nparts > IMAGE_MAX_PARTS ||
	    (h->nparts > 1 && h->kind != IMAGE_WRAPPER2))
		return bad(p, "the number of parts is not possible");
	p->at = image_padded(sizeof(*h) + h->nparts * sizeof(uint64_t));
	if (p->at > len)
		return bad(p, "the container ends inside of its lengths");
	return 0;
}

static int take_parts(struct parts *p, const struct image_head *h,
		      struct image_unpacked *ret)
{
	int r = take_part(p, h->kind, 0, &ret->image, &ret->length);
	uint64_t len;

	for (uint32_t i = 1; !r && i < h->nparts; i++)
		r = take_part(p, h->kind, i, &ret->more[i - 1], &len);
	if (!r && p->at != p->end)
		r = bad(p, "bytes are left behind the last part");
	return r;
}

/* `more` ends with the NULL that the driver looks for. */
static void wrap(struct image_unpacked *u, uint32_t version)
{
	u->wrapper = (struct image_wrapper){
		.magic = IMAGE_WRAPPER_MAGIC,
		.version = version,
		.data = u->image,
		.more = version == 2 ? u->more : NULL,
	};
	u->image = &u->wrapper;
}

static int unpack(struct parts *p, const struct image_head *h,
		  struct image_unpacked *ret)
{
	int r;

	ret->kind = (enum image_kind)h->kind;
	ret->more = calloc(h->nparts, sizeof(*ret->more));
	if (!ret->more)
		return -ENOMEM;
	r = take_parts(p, h, ret);
	if (r)
		return r;
	if (h->kind == IMAGE_WRAPPER1)
		wrap(ret, 1);
	else if (h->kind == IMAGE_WRAPPER2)
		wrap(ret, 2);
	return 0;
}

int image_unpack(const void *bytes, uint64_t len, struct image_unpacked *ret,
		 const char **why)
{
	struct parts p = {.bytes = bytes, .end = len};
	struct image_head h;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (len < sizeof(h)) {
		r = bad(&p, "the container is shorter than its head");
	} else {
		memcpy(&h, bytes, sizeof(h));
		p.lengths = p.bytes + sizeof(h);
		r = check_head(&p, &h, len);
	}
	if (!r)
		r = unpack(&p, &h, ret);
	if (r)
		image_unpacked_free(ret);
	*why = p.why;
	return r;
}

void image_unpacked_free(struct image_unpacked *u)
{
	free(u->more);
	memset(u, 0, sizeof(*u));
}

// SPDX-License-Identifier: BSD-2-Clause
#include "frontend/libcuda/image.h"

#include <limits.h>

#include "tools/lib/bulk.h"

static const uint8_t zeros[IMAGE_ALIGN];

/* Ends at the first byte that decides, since a short text may be the last
 * thing on a page. */
static bool starts_with(const void *bytes, const void *magic, size_t len)
{
	const uint8_t *a = bytes, *b = magic;

	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static bool starts_with32(const void *bytes, uint32_t magic)
{
	return starts_with(bytes, &magic, sizeof(magic));
}

static bool plausible_text(uint8_t c)
{
	return (c >= ' ' && c != 0x7f) || (c >= '\t' && c <= '\r');
}

static int ptx_length(const char *text, uint64_t *ret)
{
	uint64_t n;

	if (!plausible_text((uint8_t)*text))
		return -ENOEXEC;
	n = strnlen(text, IMAGE_MAX_BYTES);
	if (n == IMAGE_MAX_BYTES)
		return -EFBIG;
	*ret = n + 1;
	return 0;
}

/* Parts are aligned, so the head and each part add what they are padded to.
 * Cannot wrap: parts are at most IMAGE_MAX_BYTES, and few. */
static int set_packed(struct image *image)
{
	uint64_t total = image_padded(sizeof(struct image_head) +
				      image->nparts * sizeof(uint64_t));

	for (uint32_t i = 0; i < image->nparts; i++) {
		struct image_part part;
		int r = image_part(image, i, &part);

		if (r)
			return r;
		total += image_padded(part.length);
	}
	if (total > IMAGE_MAX_BYTES)
		return -EFBIG;
	image->packed = total;
	return 0;
}

static int count_more(struct image *image)
{
	for (uint32_t n = 0; n < IMAGE_MAX_PARTS; n++) {
		if (!image->more || !image->more[n]) {
			image->nparts = 1 + n;
			return 0;
		}
	}
	return -EFBIG;
}

static int measure_wrapper(const void *bytes, struct image *ret)
{
	struct image_wrapper w;

	memcpy(&w, bytes, sizeof(w));
	if (w.version != 1 && w.version != 2)
		return -ENOEXEC;
	if (!w.data || !(starts_with32(w.data, IMAGE_FATBIN_MAGIC) ||
			 starts_with32(w.data, IMAGE_FATBIN_MAGIC_OLD)))
		return -ENOEXEC;
	ret->kind = w.version == 2 ? IMAGE_WRAPPER2 : IMAGE_WRAPPER1;
	ret->first.bytes = w.data;
	if (w.version == 2)
		ret->more = w.more;
	return image_fatbin_length(w.data, IMAGE_MAX_BYTES, &ret->first.length);
}

static int measure_first(const void *bytes, struct image *ret)
{
	ret->first.bytes = bytes;
	if (starts_with32(bytes, IMAGE_WRAPPER_MAGIC))
		return measure_wrapper(bytes, ret);
	if (starts_with32(bytes, IMAGE_FATBIN_MAGIC) ||
	    starts_with32(bytes, IMAGE_FATBIN_MAGIC_OLD)) {
		ret->kind = IMAGE_FATBIN;
		return image_fatbin_length(bytes, IMAGE_MAX_BYTES,
					   &ret->first.length);
	}
	if (starts_with(bytes, ELFMAG, SELFMAG)) {
		ret->kind = IMAGE_ELF;
		return image_elf_length(bytes, IMAGE_MAX_BYTES,
					&ret->first.length);
	}
	ret->kind = IMAGE_PTX;
	return ptx_length(bytes, &ret->first.length);
}

int image_measure(const void *bytes, struct image *ret)
{
	struct image image = {.nparts = 1};
	int r;

	if (!bytes)
		return -EINVAL;
	r = measure_first(bytes, &image);
	if (!r)
		r = count_more(&image);
	if (!r)
		r = set_packed(&image);
	if (!r)
		*ret = image;
	return r;
}

static enum image_kind kind_of_span(const void *bytes, uint64_t length)
{
	static const char archive[] = "!<arch>\n";

	if (length >= 8 && !memcmp(bytes, archive, 8))
		return IMAGE_ARCHIVE;
	return IMAGE_OBJECT;
}

int image_from_span(const void *bytes, uint64_t length, struct image *ret)
{
	struct image image = {.nparts = 1, .first = {bytes, length}};
	int r;

	if (!bytes || !length)
		return -EINVAL;
	if (length > IMAGE_MAX_BYTES)
		return -EFBIG;
	image.kind = kind_of_span(bytes, length);
	r = set_packed(&image);
	if (!r)
		*ret = image;
	return r;
}

int image_part(const struct image *image, uint32_t i, struct image_part *ret)
{
	if (i >= image->nparts)
		return -ERANGE;
	if (!i) {
		*ret = image->first;
		return 0;
	}
	ret->bytes = image->more[i - 1];
	return image_fatbin_length(ret->bytes, IMAGE_MAX_BYTES, &ret->length);
}

/* The range of the container that is wanted, and how far we are in it. */
struct cursor {
	uint64_t at;
	uint64_t from;
	uint64_t to;
	uint8_t *dst;
};

/* The next @len bytes of the container are @src: copy those in the range. */
static void put(struct cursor *c, const void *src, uint64_t len)
{
	uint64_t a = c->at > c->from ? c->at : c->from;
	uint64_t b = c->at + len < c->to ? c->at + len : c->to;

	if (a < b)
		bulk_copy(c->dst + (a - c->from),
			  (const uint8_t *)src + (a - c->at), b - a);
	c->at += len;
}

static void pad(struct cursor *c)
{
	put(c, zeros, image_padded(c->at) - c->at);
}

static int put_head(struct cursor *c, const struct image *image)
{
	struct image_head head = {
		.magic = IMAGE_MAGIC,
		.kind = image->kind,
		.nparts = image->nparts,
		.total = image->packed,
	};

	put(c, &head, sizeof(head));
	for (uint32_t i = 0; i < image->nparts; i++) {
		struct image_part part;
		int r = image_part(image, i, &part);

		if (r)
			return r;
		put(c, &part.length, sizeof(part.length));
	}
	pad(c);
	return 0;
}

int image_pack(const struct image *image, uint64_t off, void *dst, uint64_t len)
{
	struct cursor c = {.from = off, .to = off + len, .dst = dst};
	int r;

	if (!range_ok(off, len, image->packed))
		return -ERANGE;
	r = put_head(&c, image);
	for (uint32_t i = 0; !r && c.at < c.to && i < image->nparts; i++) {
		struct image_part part;

		r = image_part(image, i, &part);
		if (r)
			break;
		put(&c, part.bytes, part.length);
		pad(&c);
	}
	return r;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - what a program's pointer to a module points to, and its bytes in
 * the form that travels (xenstore-schema/image.h).
 */
#ifndef VG_IMAGE_H
#define VG_IMAGE_H

#include "xenstore-schema/image.h"

#include <stddef.h>

struct image_part {
	const void *bytes;
	uint64_t length;
};

struct image {
	enum image_kind kind;
	uint32_t nparts;
	struct image_part first;
	const void *const *more; /* fatbins that are parts 1 .. nparts - 1 */
	uint64_t packed;	 /* bytes of the container */
};

/*
 * Recognise @bytes and measure it. Nothing is copied or allocated: the image
 * stays where it is, and has to until it is packed.
 * -EINVAL: NULL. -ENOEXEC: no image (CUDA_ERROR_INVALID_IMAGE).
 * -EFBIG: beyond the limits of xenstore-schema/image.h.
 */
int image_measure(const void *bytes, struct image *ret);

/* The same for input of the linker, of which the length is known. */
int image_from_span(const void *bytes, uint64_t length, struct image *ret);

/* Part @i < nparts. */
int image_part(const struct image *image, uint32_t i, struct image_part *ret);

/*
 * Write [off, off + len) of the container to @dst: so an image of any size
 * goes through a window of any size. -ERANGE outside of the container.
 */
int image_pack(const struct image *image, uint64_t off, void *dst,
	       uint64_t len);

#endif

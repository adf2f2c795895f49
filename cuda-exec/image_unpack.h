/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image_unpack.h - a guest's container (xenstore-schema/image.h) back into
 * the image that NVIDIA's driver takes.
 */
#ifndef VGPU_IMAGE_UNPACK_H
#define VGPU_IMAGE_UNPACK_H

#include "xenstore-schema/image.h"

#include <stddef.h>

struct image_unpacked {
	enum image_kind kind;
	const void *image; /* what to hand to the driver */
	uint64_t length;   /* of the only part; what the linker wants to know */
	struct image_wrapper wrapper;
	const void **more;
};

/*
 * @bytes: private memory, where the guest can change nothing any more. It has
 * to stay as long as *ret is used, and *ret must not be moved, since for the
 * wrapper kinds `image` points into it.
 * -EBADMSG: the guest sent nonsense, and *why says in what way. -ENOMEM.
 */
int image_unpack(const void *bytes, uint64_t len, struct image_unpacked *ret,
		 const char **why);

void image_unpacked_free(struct image_unpacked *u);

#endif

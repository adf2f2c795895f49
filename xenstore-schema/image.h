/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h - how a module image is packed for the way to the executor, and the
 * one place that knows how long an image is.
 *
 * A program hands a module to the driver as a bare pointer. The frontend finds
 * out what it is and how long (frontend/libcuda/image.h), and packs its parts
 * as one flat container; the executor checks the container as it checks all
 * that a guest sends, and makes the thing that NVIDIA's driver takes
 * (cuda-exec/image_unpack.h).
 *
 *   struct image_head
 *   uint64_t length[nparts]
 *   the parts, each padded with zeros to IMAGE_ALIGN
 *
 * All numbers are little-endian. Nothing else may be in a container: the
 * total that its head tells is the number of its bytes.
 */
#ifndef VGPU_IMAGE_H
#define VGPU_IMAGE_H

#include "tools/lib/range.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define IMAGE_MAGIC	0x31474d49u  /* "IMG1" */
#define IMAGE_ALIGN	16u	     /* a fatbin wants 8 */
#define IMAGE_MAX_BYTES (2ull << 30) /* larger than any cuDNN or cuBLAS part   \
				      */
#define IMAGE_MAX_PARTS 16384u	     /* one per object file of an -rdc link */

/* Numbers on the wire: never reuse one. */
enum image_kind {
	IMAGE_PTX = 1,	    /* text; its last byte is its only NUL */
	IMAGE_ELF = 2,	    /* a cubin */
	IMAGE_FATBIN = 3,   /* header and entries */
	IMAGE_WRAPPER1 = 4, /* a fatbin that a version 1 wrapper pointed to */
	IMAGE_WRAPPER2 = 5, /* the linked fatbin, then those it was made of */
	IMAGE_ARCHIVE = 6,  /* "!<arch>\n", input of the linker only */
	IMAGE_OBJECT = 7,   /* other input of the linker: type by its caller */
};

struct image_head {
	uint32_t magic;
	uint32_t kind;
	uint32_t nparts;
	uint32_t zero;
	uint64_t total;
};

/* What nvcc's glue code registers, and what the driver takes. */
#define IMAGE_WRAPPER_MAGIC 0x466243b1u

struct image_wrapper {
	uint32_t magic;
	uint32_t version;
	const void *data;
	const void *more; /* 1: a file name or NULL; 2: array of fatbins */
};

#define IMAGE_FATBIN_MAGIC     0xba55ed50u
#define IMAGE_FATBIN_MAGIC_OLD 0x1ee55a01u

struct image_fatbin_head {
	uint32_t magic;
	uint16_t version;
	uint16_t head_bytes;
	uint64_t files_bytes;
};

static inline uint64_t image_padded(uint64_t len)
{
	return (len + IMAGE_ALIGN - 1) & ~(uint64_t)(IMAGE_ALIGN - 1);
}

static inline uint32_t image_load32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bool image_is_fatbin(uint32_t magic)
{
	return magic == IMAGE_FATBIN_MAGIC || magic == IMAGE_FATBIN_MAGIC_OLD;
}

/*
 * The measuring functions read no byte at or after @limit, and return a length
 * that is not above it, or -ENOEXEC: not such an image, or longer than @limit.
 */
static inline int image_fatbin_length(const void *p, uint64_t limit,
				      uint64_t *ret)
{
	struct image_fatbin_head h;

	if (limit < sizeof(h))
		return -ENOEXEC;
	memcpy(&h, p, sizeof(h));
	if (!image_is_fatbin(h.magic) || h.head_bytes < sizeof(h) ||
	    !range_ok(h.head_bytes, h.files_bytes, limit))
		return -ENOEXEC;
	*ret = h.head_bytes + h.files_bytes;
	return 0;
}

/* Grow *end to the end of [off, off + len) if that is inside of @limit. */
static inline int image_reach(uint64_t off, uint64_t len, uint64_t limit,
			      uint64_t *end)
{
	if (!range_ok(off, len, limit))
		return -ENOEXEC;
	if (off + len > *end)
		*end = off + len;
	return 0;
}

/*
 * Sections that tell a size but have no bytes in the file. In a cubin that is
 * still to be linked (nvcc -rdc) global, local and shared memory have types of
 * NVIDIA's own for that, with the size of the memory.
 */
static inline bool image_elf_has_bytes(uint32_t section_type)
{
	switch (section_type) {
	case SHT_NULL:
	case SHT_NOBITS:
	case SHT_LOPROC + 0x7:
	case SHT_LOPROC + 0x9:
	case SHT_LOPROC + 0xa:
		return false;
	default:
		return true;
	}
}

static inline int image_elf_sections(const uint8_t *p, const Elf64_Ehdr *h,
				     uint64_t limit, uint64_t *end)
{
	uint64_t n = h->e_shnum;
	Elf64_Shdr s;

	if (!h->e_shoff)
		return 0;
	if (h->e_shentsize != sizeof(s) ||
	    !range_ok(h->e_shoff, sizeof(s), limit))
		return -ENOEXEC;
	memcpy(&s, p + h->e_shoff, sizeof(s));
	if (!n) /* more than 16 bits can tell */
		n = s.sh_size;
	if (n > limit / sizeof(s) ||
	    image_reach(h->e_shoff, n * sizeof(s), limit, end))
		return -ENOEXEC;
	for (uint64_t i = 1; i < n; i++) {
		memcpy(&s, p + h->e_shoff + i * sizeof(s), sizeof(s));
		if (image_elf_has_bytes(s.sh_type) &&
		    image_reach(s.sh_offset, s.sh_size, limit, end))
			return -ENOEXEC;
	}
	return 0;
}

static inline int image_elf_length(const void *p, uint64_t limit, uint64_t *ret)
{
	uint64_t end = sizeof(Elf64_Ehdr);
	Elf64_Ehdr h;

	if (limit < sizeof(h))
		return -ENOEXEC;
	memcpy(&h, p, sizeof(h));
	if (memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 ||
	    h.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if (h.e_phoff &&
	    image_reach(h.e_phoff, (uint64_t)h.e_phnum * h.e_phentsize, limit,
			&end))
		return -ENOEXEC;
	if (image_elf_sections(p, &h, limit, &end))
		return -ENOEXEC;
	*ret = end;
	return 0;
}

#endif

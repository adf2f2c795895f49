// SPDX-License-Identifier: BSD-2-Clause
/*
 * fatbin.c - finds PTX in what programs load: text, a fat binary, or the
 * wrapper around one; for the stand-in also machine code. The bytes are the caller's and no length is given, so
 * the sizes in the headers bound every step.
 */
#include "tools/softgpu/softgpu.h"

#include "tools/lib/log.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define WRAPPER_MAGIC 0x466243b1u
#define FATBIN_MAGIC 0xba55ed50u
#define ELF_MAGIC 0x464c457fu

#define KIND_PTX 1
#define KIND_SASS 2
#define FLAG_OLD_COMPRESSION 0x1000u
#define FLAG_LZ4 0x2000u
#define FLAG_ZSTD 0x8000u
#define MAX_PTX (256u << 20)

struct wrapper {
	uint32_t magic, version;
	const void *data;
	const void *const *prelinked;
};

struct fatbin {
	uint32_t magic;
	uint16_t version, header_size;
	uint64_t files_size;
};

struct entry {
	uint16_t kind, version;
	uint32_t header_size, payload, zero, compressed, options;
	uint16_t minor, major;
	uint32_t sm, name, name_len;
	uint64_t flags, zero2, uncompressed;
};

static CUresult inflate_lz4(const struct entry *e, const char *in, char *out,
			    size_t cap, size_t *len)
{
	int n = LZ4_decompress_safe(in, out, (int)e->compressed, (int)cap);

	if (n < 0)
		return CUDA_ERROR_INVALID_IMAGE;
	*len = (size_t)n;
	return CUDA_SUCCESS;
}

static CUresult inflate_zstd(const struct entry *e, const char *in, char *out,
			     size_t cap, size_t *len)
{
	size_t n = ZSTD_decompress(out, cap, in, e->compressed);

	if (ZSTD_isError(n))
		return CUDA_ERROR_INVALID_IMAGE;
	*len = n;
	return CUDA_SUCCESS;
}

static CUresult inflate(const struct entry *e, const char *in, char *out,
			size_t cap, size_t *len)
{
	if (e->flags & FLAG_ZSTD)
		return inflate_zstd(e, in, out, cap, len);
	if (e->flags & FLAG_LZ4)
		return inflate_lz4(e, in, out, cap, len);
	memcpy(out, in, cap);
	*len = cap;
	return CUDA_SUCCESS;
}

static CUresult entry_code(const struct entry *e, char **text, size_t *len)
{
	const char *in = (const char *)e + e->header_size;
	bool packed = e->flags & (FLAG_LZ4 | FLAG_ZSTD);
	size_t cap = packed ? e->uncompressed : e->payload;
	CUresult r;

	if (e->flags & FLAG_OLD_COMPRESSION) {
		log_error("a fat binary with the compression of before "
			  "CUDA 12.0 is not supported");
		return CUDA_ERROR_NOT_SUPPORTED;
	}
	if (cap > MAX_PTX || (packed && e->compressed > e->payload))
		return CUDA_ERROR_INVALID_IMAGE;
	*text = malloc(cap + 1);
	if (!*text)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = inflate(e, in, *text, cap, len);
	if (r) {
		free(*text);
		return r;
	}
	(*text)[*len] = 0;
	if (e->kind == KIND_PTX)
		*len = strlen(*text);
	return CUDA_SUCCESS;
}

/* Code for the highest architecture that is not above ours. */
static const struct entry *best(const struct fatbin *fb, unsigned int kind)
{
	const uint8_t *p = (const uint8_t *)fb + fb->header_size;
	const uint8_t *end = p + fb->files_size;
	const struct entry *found = NULL;

	while ((size_t)(end - p) >= sizeof(struct entry)) {
		const struct entry *e = (const struct entry *)p;
		uint64_t size = (uint64_t)e->header_size + e->payload;

		if (e->header_size < sizeof(*e) || size > (uint64_t)(end - p))
			break;
		if (e->kind == kind && e->sm <= (unsigned int)sg_cc() &&
		    (!found || e->sm > found->sm))
			found = e;
		p += size;
	}
	return found;
}

static CUresult fatbin_one(const void *data, char **text, size_t *len,
			   bool *sass)
{
	const struct fatbin *fb = data;
	const struct entry *e;

	if (!fb || fb->magic != FATBIN_MAGIC || fb->version != 1 ||
	    fb->header_size < sizeof(*fb))
		return CUDA_ERROR_INVALID_IMAGE;
	e = best(fb, KIND_PTX);
	if (!e && sg_standin()) {
		e = best(fb, KIND_SASS);
		*sass = true;
	}
	return e ? entry_code(e, text, len) : CUDA_ERROR_NO_BINARY_FOR_GPU;
}

/* Version 2: the linked image, and before it what it was linked from. */
static CUresult wrapper_code(const struct wrapper *w, char **text, size_t *len,
			     bool *sass)
{
	CUresult r = fatbin_one(w->data, text, len, sass);

	if (r != CUDA_ERROR_NO_BINARY_FOR_GPU || w->version != 2 ||
	    !w->prelinked || !w->prelinked[0])
		return r;
	if (w->prelinked[1]) {
		log_error("a program of several separately compiled parts "
			  "needs a device linker");
		return CUDA_ERROR_NOT_SUPPORTED;
	}
	return fatbin_one(w->prelinked[0], text, len, sass);
}

bool is_wrapper(const void *data)
{
	uint32_t magic;

	memcpy(&magic, data, sizeof(magic));
	return magic == WRAPPER_MAGIC;
}

CUresult fatbin_code(const void *data, char **text, size_t *len, bool *sass)
{
	uint32_t magic;

	*sass = false;
	memcpy(&magic, data, sizeof(magic));
	if (is_wrapper(data))
		return wrapper_code(data, text, len, sass);
	if (magic == FATBIN_MAGIC)
		return fatbin_one(data, text, len, sass);
	*sass = magic == ELF_MAGIC;
	if (*sass && !sg_standin())
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	*len = *sass ? cubin_size(data) : strlen(data);
	*text = malloc(*len + 1);
	if (!*text)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(*text, data, *len);
	(*text)[*len] = 0;
	return CUDA_SUCCESS;
}

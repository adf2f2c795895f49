// SPDX-License-Identifier: BSD-2-Clause
/*
 * calls_fetch.c - answers larger than a reply: one lot of bytes is kept until
 * the next one, and the guest takes it in pieces.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#define STAGED_MAX (1ull << 30) /* a linked cubin, a graph's description */

static uint8_t *staged;
static uint64_t staged_size;

CUresult ex_stage(const void *bytes, uint64_t size)
{
	free(staged);
	staged_size = 0;
	staged = size <= STAGED_MAX ? malloc(size + 1) : NULL;
	if (!staged)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (size)
		memcpy(staged, bytes, size);
	staged_size = size;
	return CUDA_SUCCESS;
}

CUresult ex_vgFetch(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgFetch *in = rd_take(rd, sizeof(*in));
	uint8_t *to = in ? wr_array(wr, in->len, 1) : NULL;

	(void)e;
	if (!to || !range_ok(in->offset, in->len, staged_size))
		return EX_BAD;
	if (!in->len)
		return CUDA_SUCCESS;
	memcpy(to, staged + in->offset, in->len);
	if (in->offset + in->len == staged_size) {
		free(staged);
		staged = NULL;
		staged_size = 0;
	}
	return CUDA_SUCCESS;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * devres.c - parts of a device, CUdevResource: 92 of its bytes are the driver's
 * own, which believes them when they come back. So what a guest sends must be
 * what the driver has given, to the last bit.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#include "tools/lib/hash.h"

#define BUCKETS 1024u
#define MOST    16384u /* a device has some 100 parts, in some ways to cut it */

struct known {
	struct known *next;
	CUdevResource r;
};

static struct known *bucket[BUCKETS];
static uint32_t count;

static struct known **place(const CUdevResource *r)
{
	uint64_t w[sizeof(*r) / 8], h = 0;

	_Static_assert(sizeof(w) == sizeof(*r), "whole words");
	memcpy(w, r, sizeof(w));
	for (size_t i = 0; i < sizeof(w) / sizeof(*w); i++)
		h = mix(h, w[i]);
	return &bucket[h % BUCKETS];
}

static bool is_known(const CUdevResource *r)
{
	for (const struct known *k = *place(r); k; k = k->next)
		if (!memcmp(&k->r, r, sizeof(*r)))
			return true;
	return false;
}

static void learn(const CUdevResource *r)
{
	struct known *k, **at = place(r);

	if (r->type == CU_DEV_RESOURCE_TYPE_INVALID || is_known(r))
		return;
	k = count < MOST ? malloc(sizeof(*k)) : NULL;
	if (!k) {
		log_warn("parts of a device are forgotten: this session has "
			 "seen %u", count);
		return;
	}
	*k = (struct known){ *at, *r };
	*at = k;
	count++;
}

void ex_learn_CUdevResource(const CUdevResource *r, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		learn(&r[i]);
}

/* One that is marked as not valid is for the driver to refuse: it looks no
 * further. */
CUresult ex_known_CUdevResource(const CUdevResource *r, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (r[i].type != CU_DEV_RESOURCE_TYPE_INVALID &&
		    !is_known(&r[i]))
			return CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION;
	return CUDA_SUCCESS;
}

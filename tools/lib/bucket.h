/* SPDX-License-Identifier: BSD-2-Clause */
/* bucket.h - a token bucket in whole numbers; the clock is passed in. */
#ifndef VGPU_BUCKET_H
#define VGPU_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	uint32_t rate;     /* tokens a second, 1 or more */
	uint32_t burst;    /* tokens it holds */
	uint64_t level;    /* thousandths of a token */
	uint64_t at_ms;    /* when level was right */
};

void bucket_init(struct bucket *k, uint32_t rate, uint32_t burst, uint64_t now);

/* Take one token if there is one. */
bool bucket_take(struct bucket *k, uint64_t now);

/* When the next token is there: a time in ms, not before @now. */
uint64_t bucket_when(const struct bucket *k, uint64_t now);

#endif

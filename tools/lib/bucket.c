// SPDX-License-Identifier: BSD-2-Clause
#include "tools/lib/bucket.h"

#define TOKEN 1000 /* one token; a rate of r a second adds r every ms */

void bucket_init(struct bucket *k, uint32_t rate, uint32_t burst, uint64_t now)
{
	*k = (struct bucket){ rate, burst, (uint64_t)burst * TOKEN, now };
}

static void refill(struct bucket *k, uint64_t now)
{
	uint64_t full = (uint64_t)k->burst * TOKEN;
	uint64_t ms = now > k->at_ms ? now - k->at_ms : 0;

	k->at_ms = now;
	/* A long sleep must not overflow the product. */
	if (ms > full / k->rate)
		k->level = full;
	else
		k->level += ms * k->rate;
	if (k->level > full)
		k->level = full;
}

bool bucket_take(struct bucket *k, uint64_t now)
{
	refill(k, now);
	if (k->level < TOKEN)
		return false;
	k->level -= TOKEN;
	return true;
}

uint64_t bucket_when(const struct bucket *k, uint64_t now)
{
	uint64_t missing;

	if (k->level >= TOKEN)
		return now;
	missing = TOKEN - k->level;
	return k->at_ms + (missing + k->rate - 1) / k->rate;
}

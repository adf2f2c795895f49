// SPDX-License-Identifier: BSD-2-Clause
/* memmap.c - the device memory of this session by address, for accounting. A
 * chained table; an allocation costs far more than a look here. */
#include "cuda-exec/exec_internal.h"

#define BUCKETS 4096u

struct mem {
	uint64_t ptr, size;
	struct mem *next;
};

static struct mem *bucket[BUCKETS];

static struct mem **place(uint64_t ptr)
{
	return &bucket[(ptr * 0x9e3779b97f4a7c15ull) >> 52];
}

void memmap_add(struct ex *e, uint64_t ptr, uint64_t size)
{
	struct mem **b = place(ptr), *m = malloc(sizeof(*m));

	if (!m)
		return; /* not counted, but not lost: the context has it */
	*m = (struct mem){ ptr, size, *b };
	*b = m;
	e->stats->memory += size;
	if (e->stats->memory > e->stats->memory_peak)
		e->stats->memory_peak = e->stats->memory;
}

void memmap_del(struct ex *e, uint64_t ptr)
{
	for (struct mem **p = place(ptr); *p; p = &(*p)->next) {
		struct mem *m = *p;

		if (m->ptr != ptr)
			continue;
		*p = m->next;
		e->stats->memory -= m->size;
		free(m);
		return;
	}
}

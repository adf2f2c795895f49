// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinned.c - host memory that the GPU reaches: carved from arenas that both
 * ends have at the same address, so that the program's pointer is the GPU's.
 *
 * An arena is at least 1 MiB and holds blocks in address order; neighbours
 * that are free are one. An arena with nothing in it goes back.
 */
#include "frontend/libcuda/vg.h"

#include <pthread.h>

#define ALIGN      512u /* what NVIDIA's driver aligns small blocks to */
#define PAGES_MIN  256u

struct block {
	uint64_t off, size;
	bool used;
	struct block *next;
};

struct heap {
	uint8_t *base;
	uint32_t arena, pages;
	uint64_t used;
	struct block *first;
	struct heap *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct heap *heaps;

static struct block *new_block(uint64_t off, uint64_t size,
			       struct block *next)
{
	struct block *b = malloc(sizeof(*b));

	if (b)
		*b = (struct block){ off, size, false, next };
	return b;
}

static void *take_from(struct heap *h, uint64_t size)
{
	for (struct block *b = h->first; b; b = b->next) {
		if (b->used || b->size < size)
			continue;
		if (b->size > size) {
			struct block *rest = new_block(b->off + size,
						       b->size - size,
						       b->next);
			if (!rest)
				return NULL;
			b->next = rest;
			b->size = size;
		}
		b->used = true;
		h->used += size;
		return h->base + b->off;
	}
	return NULL;
}

static struct heap *new_heap(uint64_t size)
{
	struct heap *h = calloc(1, sizeof(*h));
	uint64_t pages = (size + VGPU_PAGE - 1) / VGPU_PAGE;

	if (!h || pages > VGPU_ARENA_PAGES_MAX)
		goto fail;
	h->pages = pages < PAGES_MIN ? PAGES_MIN : (uint32_t)pages;
	h->first = new_block(0, (uint64_t)h->pages * VGPU_PAGE, NULL);
	if (!h->first || vg_arena_add(h->pages, &h->arena, &h->base, true))
		goto fail;
	h->next = heaps;
	heaps = h;
	return h;
fail:
	if (h)
		free(h->first);
	free(h);
	return NULL;
}

/* NULL: the budget of granted pages is spent. */
void *vg_pinned_alloc(uint64_t size)
{
	uint64_t n = (size + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
	void *p = NULL;
	struct heap *h;

	if (n < size)
		return NULL;
	pthread_mutex_lock(&lock);
	for (h = heaps; h && !p; h = h->next)
		p = take_from(h, n);
	if (!p && (h = new_heap(n)))
		p = take_from(h, n);
	pthread_mutex_unlock(&lock);
	return p;
}

static void merge(struct heap *h)
{
	for (struct block *b = h->first; b && b->next;) {
		struct block *n = b->next;

		if (b->used || n->used) {
			b = n;
			continue;
		}
		b->size += n->size;
		b->next = n->next;
		free(n);
	}
}

static bool free_in(struct heap *h, void *p)
{
	for (struct block *b = h->first; b; b = b->next) {
		if (!b->used || h->base + b->off != p)
			continue;
		b->used = false;
		h->used -= b->size;
		merge(h);
		return true;
	}
	return false;
}

static void drop_empty(struct heap *h)
{
	struct heap **at = &heaps;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	vg_arena_drop(h->arena, h->base, h->pages);
	free(h->first);
	free(h);
}

bool vg_pinned_free(void *p)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (struct heap *h = heaps; h && !found; h = h->next) {
		found = free_in(h, p);
		/* One empty small heap stays: programs allocate again. */
		if (found && !h->used && (heaps->next || h->pages > PAGES_MIN))
			drop_empty(h);
		if (found)
			break;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

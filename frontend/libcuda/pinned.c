// SPDX-License-Identifier: BSD-2-Clause
/*
 * pinned.c - host memory that the GPU reaches: carved from arenas that both
 * ends have at the same address, so that the program's pointer is the GPU's.
 *
 * A heap is one arena, 1 MiB or more, and larger the more there is already; it
 * holds blocks in address order, and neighbours that are free are one. Heaps
 * with nothing in them go back when they are many, or when the budget is
 * spent.
 */
#include "frontend/libcuda/vg.h"

#include <pthread.h>

#define ALIGN      512u /* what NVIDIA's driver aligns small blocks to */
#define PAGES_MIN  256u
#define PAGES_STEP 8192u /* no heap is made larger than this for later */
#define PAGES_KEPT 4096u /* in empty heaps: programs allocate again */

struct block {
	uint64_t off, size;
	bool used;
	struct block *next;
};

struct heap {
	uint8_t *base;
	uint32_t arena, pages;
	uint64_t used;
	uint64_t hole;  /* no free block is larger */
	struct block *first;
	struct heap *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct heap *heaps;
static uint64_t all_pages;

static struct block *new_block(uint64_t off, uint64_t size,
			       struct block *next)
{
	struct block *b = malloc(sizeof(*b));

	if (b)
		*b = (struct block){ off, size, false, next };
	return b;
}

/* The front of @b becomes a block of @size. */
static bool split(struct block *b, uint64_t size)
{
	struct block *rest;

	if (b->size == size)
		return true;
	rest = new_block(b->off + size, b->size - size, b->next);
	if (!rest)
		return false;
	b->next = rest;
	b->size = size;
	return true;
}

static void *take_from(struct heap *h, uint64_t size)
{
	uint64_t hole = 0;

	if (h->hole < size)
		return NULL;
	for (struct block *b = h->first; b; b = b->next) {
		if (b->used)
			continue;
		if (b->size >= size && split(b, size)) {
			b->used = true;
			h->used += size;
			return h->base + b->off;
		}
		hole = b->size > hole ? b->size : hole;
	}
	h->hole = hole;
	return NULL;
}

static struct heap *heap_of(uint32_t pages)
{
	struct heap *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->pages = pages;
	h->hole = (uint64_t)pages * VGPU_PAGE;
	h->first = new_block(0, h->hole, NULL);
	if (!h->first || vg_arena_add(pages, &h->arena, &h->base, true)) {
		free(h->first);
		free(h);
		return NULL;
	}
	h->next = heaps;
	heaps = h;
	all_pages += pages;
	return h;
}

/* The more there is, the larger the next: but never at the price of failing. */
static struct heap *new_heap(uint64_t size)
{
	uint64_t need = (size + VGPU_PAGE - 1) / VGPU_PAGE, want = all_pages;
	uint64_t left = vg_window_left();
	struct heap *h = NULL;

	if (need > VGPU_ARENA_PAGES_MAX || need > left)
		return NULL;
	want = want < PAGES_STEP ? want : PAGES_STEP;
	want = want > PAGES_MIN ? want : PAGES_MIN;
	if (want > need && want <= left / 2)
		h = heap_of((uint32_t)want);
	return h ? h : heap_of((uint32_t)need);
}

static void drop(struct heap *h)
{
	struct heap **at = &heaps;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	all_pages -= h->pages;
	vg_arena_drop(h->arena, h->base, h->pages);
	free(h->first);
	free(h);
}

/* Empty heaps go, but for @keep pages. True: some went. */
static bool trim(uint64_t keep)
{
	struct heap *next;
	bool some = false;

	for (struct heap *h = heaps; h; h = next) {
		next = h->next;
		if (h->used)
			continue;
		if (h->pages <= keep) {
			keep -= h->pages;
			continue;
		}
		drop(h);
		some = true;
	}
	return some;
}

/* Somebody else needs granted pages. */
bool vg_pinned_trim(void)
{
	bool some;

	pthread_mutex_lock(&lock);
	some = trim(0);
	pthread_mutex_unlock(&lock);
	return some;
}

static void *take(uint64_t size)
{
	void *p = NULL;
	struct heap *h;

	for (h = heaps; h && !p; h = h->next)
		p = take_from(h, size);
	if (p)
		return p;
	h = new_heap(size);
	if (!h && trim(0))
		h = new_heap(size);
	return h ? take_from(h, size) : NULL;
}

/* NULL: the budget of granted pages is spent. */
void *vg_pinned_alloc(uint64_t size)
{
	uint64_t n = (size + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
	void *p = NULL;

	/* Copies of ordinary memory must go on when all is spent. */
	if (n < size || vg_staging())
		return NULL;
	do {
		pthread_mutex_lock(&lock);
		p = take(n);
		pthread_mutex_unlock(&lock);
	} while (!p && vg_shadow_reap());
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

static bool free_in(struct heap *h, const uint8_t *p)
{
	if (p < h->base || p >= h->base + (uint64_t)h->pages * VGPU_PAGE)
		return false;
	for (struct block *b = h->first; b; b = b->next) {
		if (!b->used || h->base + b->off != p)
			continue;
		b->used = false;
		h->used -= b->size;
		merge(h);
		h->hole = (uint64_t)h->pages * VGPU_PAGE;
		return true;
	}
	return false;
}

bool vg_pinned_free(void *p)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (struct heap *h = heaps; h && !found; h = h->next)
		found = free_in(h, p);
	if (found)
		trim(PAGES_KEPT);
	pthread_mutex_unlock(&lock);
	return found;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * tracker.c - which addresses are whose: device memory, host memory that the
 * GPU reaches, host memory that is only staged. A sorted array; a program
 * makes few allocations compared with what it does with them.
 */
#include "frontend/libcuda/vg.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/lib/log.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct vg_range *range;
static size_t nranges, cap;

/* Index of the first range that ends behind @addr. */
static size_t position(uint64_t addr)
{
	size_t lo = 0, hi = nranges;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (range[mid].base + range[mid].size <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * The GPU's addresses come from the executor's address space. Nothing else in
 * this process may get them: unified addressing tells memory apart by address.
 * They are kept for good, in pieces of 2 MiB, since the driver uses them again.
 */
#define RESERVE_UNIT (2ull << 20)
#define RECENT 1024u

static uint64_t recent[RECENT]; /* units that were reserved lately */

static bool reserved(uint64_t unit)
{
	return recent[(unit / RESERVE_UNIT) % RECENT] == unit;
}

bool vg_range_reserved(uint64_t base, uint64_t size)
{
	uint64_t from = base & ~(RESERVE_UNIT - 1);

	for (; from < base + size; from += RESERVE_UNIT)
		if (!reserved(from))
			return false;
	return true;
}

static void reserve(uint64_t base, uint64_t size)
{
	uint64_t from = base & ~(RESERVE_UNIT - 1);
	uint64_t to = (base + size + RESERVE_UNIT - 1) & ~(RESERVE_UNIT - 1);
	void *p;

	if (reserved(from) && reserved(to - RESERVE_UNIT))
		return;
	p = mmap((void *)(uintptr_t)from, to - from, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
		 MAP_FIXED_NOREPLACE, -1, 0);
	if (p == MAP_FAILED)
		log_debug("addresses %#lx to %#lx are partly in use here",
			  (unsigned long)from, (unsigned long)to);
	else if (p != (void *)(uintptr_t)from)
		munmap(p, to - from); /* a kernel without NOREPLACE */
	recent[(from / RESERVE_UNIT) % RECENT] = from;
	recent[(to / RESERVE_UNIT - 1) % RECENT] = to - RESERVE_UNIT;
}

void vg_range_add(const struct vg_range *r)
{
	size_t i;

	pthread_rwlock_wrlock(&lock);
	if (r->kind == VG_RANGE_DEVICE)
		reserve(r->base, r->size);
	if (nranges == cap) {
		size_t n = cap ? 2 * cap : 256;
		void *p = realloc(range, n * sizeof(*range));

		if (!p)
			goto out; /* an untracked range is asked about */
		range = p;
		cap = n;
	}
	i = position(r->base);
	memmove(&range[i + 1], &range[i], (nranges - i) * sizeof(*range));
	range[i] = *r;
	nranges++;
out:
	pthread_rwlock_unlock(&lock);
}

/* Allocations of a context go with it. */
static bool goes_with(const struct vg_range *r, uint32_t ctx)
{
	return r->kind == VG_RANGE_DEVICE && (r->flags & VG_ALLOCATED) &&
	       !r->pool && r->ctx == ctx;
}

void vg_range_forget(uint32_t ctx)
{
	size_t left = 0;

	pthread_rwlock_wrlock(&lock);
	for (size_t i = 0; i < nranges; i++)
		if (!goes_with(&range[i], ctx))
			range[left++] = range[i];
	nranges = left;
	pthread_rwlock_unlock(&lock);
}

static bool holds(size_t i, uint64_t addr)
{
	return i < nranges && range[i].base <= addr;
}

bool vg_range_remove(uint64_t base, struct vg_range *ret)
{
	bool found;
	size_t i;

	pthread_rwlock_wrlock(&lock);
	i = position(base);
	found = i < nranges && range[i].base == base;
	if (found) {
		*ret = range[i];
		memmove(&range[i], &range[i + 1],
			(nranges - i - 1) * sizeof(*range));
		nranges--;
	}
	pthread_rwlock_unlock(&lock);
	return found;
}

void vg_range_told(uint64_t addr)
{
	size_t i;

	pthread_rwlock_wrlock(&lock);
	i = position(addr);
	if (holds(i, addr) && range[i].kind == VG_RANGE_DEVICE)
		range[i].flags &= ~VG_HOLDABLE;
	pthread_rwlock_unlock(&lock);
}

bool vg_range_find(uint64_t addr, struct vg_range *ret)
{
	bool found;
	size_t i;

	pthread_rwlock_rdlock(&lock);
	i = position(addr);
	found = holds(i, addr);
	if (found)
		*ret = range[i];
	pthread_rwlock_unlock(&lock);
	return found;
}

bool vg_range_overlaps(uint64_t base, uint64_t size, struct vg_range *ret)
{
	bool found;
	size_t i;

	pthread_rwlock_rdlock(&lock);
	i = position(base);
	found = i < nranges && (range[i].base <= base ||
				range[i].base - base < size);
	if (found)
		*ret = range[i];
	pthread_rwlock_unlock(&lock);
	return found;
}

static bool all_open(const struct vg_range *r, uint64_t off, uint64_t len)
{
	uint64_t from = off / VG_GRAIN, to = (off + len - 1) / VG_GRAIN;

	return !len || !memchr(r->open + from, 0, to - from + 1);
}

bool vg_range_known(uint64_t addr, uint64_t len)
{
	const struct vg_range *r;
	bool known;
	size_t i;

	pthread_rwlock_rdlock(&lock);
	i = position(addr);
	r = &range[i];
	known = holds(i, addr) && r->kind != VG_RANGE_PLAIN &&
		len <= r->size - (addr - r->base) &&
		(!r->open || all_open(r, addr - r->base, len));
	pthread_rwlock_unlock(&lock);
	return known;
}

/* Grains that it covers are opened, those that it touches are closed. */
static void mark(const struct vg_range *r, uint64_t addr, uint64_t end,
		 bool open)
{
	uint64_t stop = r->base + r->size;
	uint64_t off = addr > r->base ? addr - r->base : 0;
	uint64_t to = end < stop ? end - r->base : r->size;

	if (open)
		off += VG_GRAIN - 1;
	if (!open || end >= stop)
		to += VG_GRAIN - 1;
	off /= VG_GRAIN;
	to /= VG_GRAIN;
	if (off < to)
		memset(r->open + off, open, to - off);
}

void vg_range_access(uint64_t addr, uint64_t len, bool open)
{
	pthread_rwlock_wrlock(&lock);
	for (size_t i = position(addr);
	     i < nranges && range[i].base < addr + len; i++)
		if (range[i].open)
			mark(&range[i], addr, addr + len, open);
	pthread_rwlock_unlock(&lock);
}

bool vg_opens(const CUmemAccessDesc *desc, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!desc || desc[i].flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
			return false;
	return true;
}

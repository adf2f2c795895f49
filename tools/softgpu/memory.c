// SPDX-License-Identifier: BSD-2-Clause
/*
 * memory.c - what is allocated: device memory out of one reservation, and the
 * host ranges that kernels may reach. One array sorted by address.
 *
 * The reservation has two parts: dev_size bytes that are the device's memory,
 * and behind them addresses that programs reserve and map memory at (va.c).
 */
#include "tools/softgpu/softgpu.h"

#include "tools/lib/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define DEFAULT_MIB 1024
/* Addresses cost nothing; inference engines reserve tens of GiB of them. */
#define VA_SIZE (UINT64_C(64) << 30)

uint64_t dev_base, dev_size, dev_span;
uint8_t *dev_map;

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct mem_range *ranges;
static size_t nranges, cap_ranges;
static uint64_t used, next_id = 1;

static uint64_t configured_size(void)
{
	const char *s = getenv("VGPU_SOFTGPU_MEMORY_MIB");
	char *end;
	unsigned long long mib;

	if (!s)
		return (uint64_t)DEFAULT_MIB << 20;
	mib = strtoull(s, &end, 10);
	if (*end || !mib || mib > 1u << 20) {
		log_error("VGPU_SOFTGPU_MEMORY_MIB=%s is not a size in MiB; "
			  "%d is used", s, DEFAULT_MIB);
		mib = DEFAULT_MIB;
	}
	return mib << 20;
}

bool mem_init(void)
{
	uint64_t size = configured_size(), span = size + VA_SIZE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	void *p, *map;

	p = mmap(NULL, span, PROT_NONE, flags, -1, 0);
	map = mmap(NULL, span >> DEV_SHIFT, PROT_READ | PROT_WRITE, flags, -1,
		   0);
	if (p == MAP_FAILED || map == MAP_FAILED ||
	    mprotect(p, size, PROT_READ | PROT_WRITE)) {
		log_error("cannot reserve %llu MiB of device memory",
			  (unsigned long long)size >> 20);
		return false;
	}
	dev_map = map;
	dev_base = (uint64_t)(uintptr_t)p;
	dev_size = size;
	dev_span = span;
	va_init(dev_base + size, dev_base + span);
	return true;
}

/* Index of the first range that ends after @addr. */
static size_t locate(uint64_t addr)
{
	size_t lo = 0, hi = nranges;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (ranges[mid].addr + ranges[mid].size <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool insert(struct mem_range r)
{
	size_t i = locate(r.addr);

	if (nranges == cap_ranges) {
		size_t cap = cap_ranges ? 2 * cap_ranges : 64;
		struct mem_range *n = realloc(ranges, cap * sizeof(*n));

		if (!n)
			return false;
		ranges = n;
		cap_ranges = cap;
	}
	r.id = next_id++;
	memmove(&ranges[i + 1], &ranges[i], (nranges - i) * sizeof(r));
	ranges[i] = r;
	nranges++;
	return true;
}

static uint64_t round_grain(uint64_t n)
{
	return (n + DEV_GRAIN - 1) & ~(uint64_t)(DEV_GRAIN - 1);
}

/* First gap in [@at, @end) that is big enough; allocations round up to 256
 * bytes. */
static uint64_t first_fit(uint64_t at, uint64_t end, uint64_t size)
{
	for (size_t i = locate(at); i < nranges; i++) {
		if (ranges[i].addr >= end)
			break;
		if (ranges[i].addr - at >= size)
			return at;
		at = ranges[i].addr + round_grain(ranges[i].size);
	}
	return end - at >= size ? at : 0;
}

static bool has_room(uint64_t n)
{
	return n <= dev_size - used;
}

static void count(const struct mem_range *r, bool more)
{
	uint64_t n = round_grain(r->size);

	if (r->foreign || r->kind >= MEM_MAPPED)
		return;
	used += more ? n : -n;
	if (r->pool)
		r->pool->used += more ? n : -n;
}

static bool show(const struct mem_range *r)
{
	if (!insert(*r))
		return false;
	memset(dev_map + ((r->addr - dev_base) >> DEV_SHIFT), 1,
	       round_grain(r->size) >> DEV_SHIFT);
	count(r, true);
	if (r->pool)
		r->pool->refs++;
	return true;
}

CUresult mem_alloc(struct sg_ctx *ctx, size_t size, enum mem_kind kind,
		   struct sg_pool *pool, uint64_t *addr)
{
	struct mem_range r = { .size = size, .kind = kind, .ctx = ctx,
			       .pool = pool };
	uint64_t need = round_grain(size), lo = dev_base, hi = lo + dev_size;
	bool ok = false;

	if (!size)
		return CUDA_ERROR_INVALID_VALUE;
	if (pool && pool->base) {
		lo = pool->base;
		hi = lo + pool->size;
	}
	if (need < size || need > hi - lo)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_rwlock_wrlock(&lock);
	r.addr = has_room(need) ? first_fit(lo, hi, need) : 0;
	ok = r.addr && show(&r);
	pthread_rwlock_unlock(&lock);
	*addr = r.addr;
	return ok ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* Memory at an address that the caller owns: mapped, or of another process. */
CUresult mem_place(const struct mem_range *r)
{
	CUresult res = CUDA_ERROR_ALREADY_MAPPED;
	size_t i;

	pthread_rwlock_wrlock(&lock);
	i = locate(r->addr);
	if (i == nranges || ranges[i].addr >= r->addr + r->size)
		res = show(r) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
	pthread_rwlock_unlock(&lock);
	return res;
}

/* Physical memory that has no address yet. */
bool mem_charge(uint64_t n)
{
	bool ok;

	pthread_rwlock_wrlock(&lock);
	ok = has_room(n);
	used += ok ? n : 0;
	pthread_rwlock_unlock(&lock);
	return ok;
}

void mem_uncharge(uint64_t n)
{
	pthread_rwlock_wrlock(&lock);
	used -= n;
	pthread_rwlock_unlock(&lock);
}

CUresult host_add(struct sg_ctx *ctx, void *p, size_t n, enum mem_kind kind,
		  unsigned int flags)
{
	uint64_t addr = (uint64_t)(uintptr_t)p;
	CUresult r = CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
	size_t i;

	pthread_rwlock_wrlock(&lock);
	i = locate(addr);
	if (i == nranges || ranges[i].addr >= addr + n)
		r = insert((struct mem_range){ .addr = addr, .size = n,
					       .kind = kind, .flags = flags,
					       .ctx = ctx })
			    ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
	pthread_rwlock_unlock(&lock);
	return r;
}

static bool is_host(const struct mem_range *r)
{
	return r->kind == MEM_HOST || r->kind == MEM_REGISTERED;
}

/* Pages go back to the system, so that a freed gigabyte costs nothing. */
static void drop(const struct mem_range *r)
{
	uint64_t need = round_grain(r->size);
	uint64_t lo = (r->addr + 4095) & ~UINT64_C(4095);
	uint64_t hi = (r->addr + need) & ~UINT64_C(4095);

	if (r->kind == MEM_HOST) {
		munmap((void *)(uintptr_t)r->addr, r->size);
		return;
	}
	if (r->kind == MEM_REGISTERED)
		return;
	memset(dev_map + ((r->addr - dev_base) >> DEV_SHIFT), 0,
	       need >> DEV_SHIFT);
	count(r, false);
	if (r->addr - dev_base < dev_size && hi > lo && hi - lo >= 1u << 20)
		madvise((void *)(uintptr_t)lo, hi - lo, MADV_DONTNEED);
	if (r->pool)
		pool_unref(r->pool);
}

static void remove_at(size_t i)
{
	struct mem_range r = ranges[i];

	nranges--;
	memmove(&ranges[i], &ranges[i + 1], (nranges - i) * sizeof(r));
	drop(&r);
}

CUresult mem_free(uint64_t addr, bool host)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;
	size_t i;

	pthread_rwlock_wrlock(&lock);
	i = locate(addr);
	if (i < nranges && ranges[i].addr == addr &&
	    is_host(&ranges[i]) == host) {
		remove_at(i);
		r = CUDA_SUCCESS;
	}
	pthread_rwlock_unlock(&lock);
	return r;
}

void mem_free_ctx(struct sg_ctx *ctx)
{
	pthread_rwlock_wrlock(&lock);
	for (size_t i = nranges; i-- > 0;)
		if (ranges[i].ctx == ctx)
			remove_at(i);
	pthread_rwlock_unlock(&lock);
}

bool mem_find(uint64_t addr, struct mem_range *r)
{
	bool found;
	size_t i;

	pthread_rwlock_rdlock(&lock);
	i = locate(addr);
	found = i < nranges && ranges[i].addr <= addr;
	if (found)
		*r = ranges[i];
	pthread_rwlock_unlock(&lock);
	return found;
}

/* What is mapped side by side is one memory. */
bool mem_ok(uint64_t addr, size_t n)
{
	struct mem_range r;
	uint64_t have;

	while (mem_find(addr, &r)) {
		have = r.size - (addr - r.addr);
		if (n <= have)
			return true;
		if (r.kind != MEM_MAPPED)
			return false;
		addr += have;
		n -= have;
	}
	return false;
}

bool host_find(uint64_t addr, uint64_t *lo, uint64_t *hi)
{
	struct mem_range r;

	if (!mem_find(addr, &r) || !is_host(&r))
		return false;
	*lo = r.addr;
	*hi = r.addr + r.size;
	return true;
}

uint64_t mem_used(void)
{
	return __atomic_load_n(&used, __ATOMIC_RELAXED);
}

uint64_t mem_pool_used(const struct sg_pool *pool)
{
	return __atomic_load_n(&pool->used, __ATOMIC_RELAXED);
}

/* Its handle is gone; its memory may still be in use. */
void mem_pool_done(struct sg_pool *pool)
{
	pthread_rwlock_wrlock(&lock);
	pool_unref(pool);
	pthread_rwlock_unlock(&lock);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * register.c - cuMemHostRegister: memory that the program has already becomes
 * memory that the GPU reaches.
 *
 * Its pages are replaced by granted ones (replace.c), which the executor maps
 * somewhere: that address is the device pointer, and differs from the
 * program's. It is kept free here, because unified addresses tell memory apart
 * by address. What cannot be replaced stays registered as memory whose copies
 * are staged, without a device pointer.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "tools/lib/log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one at a time */

struct registered {
	uint64_t hull;         /* whole pages around the range */
	uint32_t pages, arena;
	uint64_t address;      /* of the hull at the executor */
	bool granted;
};

static bool keep_free(uint64_t address, uint64_t size)
{
	void *want = (void *)(uintptr_t)address, *got;

	got = mmap(want, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		   MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (got == want)
		return true;
	if (got != MAP_FAILED)
		munmap(got, size); /* a kernel without NOREPLACE */
	return false;
}

/* The host maps the pages, in one piece. */
static int offer(struct registered *g, const uint32_t *refs)
{
	if (vg_arena_announce(refs, g->pages, &g->arena, &g->address))
		return -ENOSPC;
	if (keep_free(g->address, (uint64_t)g->pages * VGPU_PAGE))
		return 0;
	vg_arena_forget(g->arena, g->pages);
	return -EADDRINUSE;
}

static int grant(struct registered *g)
{
	AUTO_FREE uint32_t *refs = calloc(g->pages, sizeof(*refs));
	int e;

	if (!refs)
		return -ENOMEM;
	if (vg_staging())
		return -ENOSPC;
	if (g->pages > vg_window_left())
		vg_pinned_trim();
	if (g->pages > vg_window_left())
		return -ENOSPC;
	e = vg_replace(g->hull, g->pages, refs);
	if (e)
		return e;
	e = offer(g, refs);
	if (e)
		vg_replace_back(g->hull, g->pages);
	g->granted = !e;
	return e;
}

static const char *why(int e)
{
	switch (e) {
	case -EBUSY: return "it is the stack of this thread";
	case -EINVAL: return "it is not private memory of this process";
	case -ENOSPC: return "the budget of granted pages is spent";
	default: return strerror(-e);
	}
}

/* Both addresses are known from here on. */
static void enter(struct vg_range *range, const struct registered *g)
{
	struct vg_range device = *range;

	if (g->granted) {
		range->kind = VG_RANGE_PINNED;
		range->device = g->address + (range->base - g->hull);
		device = *range;
		device.base = range->device;
		device.device = 0;
		device.host = range->base;
		vg_range_add(&device);
	}
	vg_range_add(range);
}

static CUresult flags_ok(unsigned int flags, const struct vg_ctx *c)
{
	int can = 0;

	if (flags & ~15u)
		return CUDA_ERROR_INVALID_VALUE;
	if (flags & CU_MEMHOSTREGISTER_IOMEMORY)
		return vg_not_supported("cuMemHostRegister of I/O memory");
	if (flags & CU_MEMHOSTREGISTER_READ_ONLY &&
	    (cuDeviceGetAttribute(&can,
		CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED,
		c->dev) || !can))
		return CUDA_ERROR_NOT_SUPPORTED;
	return CUDA_SUCCESS;
}

static CUresult is_free(uint64_t p, uint64_t n)
{
	uint64_t page = p & ~(uint64_t)(VGPU_PAGE - 1);
	struct vg_range old;

	if (!vg_range_overlaps(p, n, &old)) /* is there memory at all? */
		return msync((void *)(uintptr_t)page, p + n - page, MS_ASYNC) ?
		       CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
	return old.owner ? CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED :
			   CUDA_ERROR_INVALID_VALUE;
}

static struct registered *hull_of(uint64_t p, uint64_t n)
{
	struct registered *g = calloc(1, sizeof(*g));
	uint64_t from = p & ~(uint64_t)(VGPU_PAGE - 1);
	uint64_t pages = (p + n - from + VGPU_PAGE - 1) / VGPU_PAGE;
	int e;

	if (!g)
		return NULL;
	g->hull = from;
	g->pages = (uint32_t)pages;
	e = pages <= VGPU_ARENA_PAGES_MAX ? grant(g) : -ENOSPC;
	if (e)
		log_info("cuMemHostRegister of %lu bytes at %#lx: %s; copies "
			 "are staged, and kernels cannot use it",
			 (unsigned long)n, (unsigned long)p, why(e));
	return g;
}

static CUresult enrol(struct vg_range *range)
{
	CUresult r = is_free(range->base, range->size);
	struct registered *g;

	if (r)
		return r;
	g = hull_of(range->base, range->size);
	if (!g)
		return CUDA_ERROR_OUT_OF_MEMORY;
	range->owner = g;
	enter(range, g);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuMemHostRegister_v2(void *p, size_t n,
						unsigned int flags)
{
	struct vg_range range = { .base = (uintptr_t)p, .size = n,
				  .kind = VG_RANGE_PLAIN, .flags = flags };
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!p || !n || range.base + n + VGPU_PAGE < range.base)
		return CUDA_ERROR_INVALID_VALUE;
	r = flags_ok(flags, c);
	if (r)
		return r;
	if (n >> 47) /* no process has so much; the answer is NVIDIA's */
		return CUDA_ERROR_NOT_SUPPORTED;
	range.ctx = c->id;
	pthread_mutex_lock(&lock);
	r = enrol(&range);
	pthread_mutex_unlock(&lock);
	return r;
}

/* The old one takes no notice of flags that it does not know. */
VG_EXPORT CUresult CUDAAPI cuMemHostRegister(void *p, size_t n,
					     unsigned int flags)
{
	return cuMemHostRegister_v2(p, n, flags & 15u);
}

/* The host first: while it maps the pages, they are its too. */
static void give_back(struct registered *g)
{
	if (!vg_arena_forget(g->arena, g->pages))
		return;
	munmap((void *)(uintptr_t)g->address, (uint64_t)g->pages * VGPU_PAGE);
	vg_replace_back(g->hull, g->pages);
}

static CUresult find(void *p, struct vg_range *range)
{
	if (!p)
		return CUDA_ERROR_INVALID_VALUE;
	if (!vg_range_find((uintptr_t)p, range))
		return CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
	return range->base == (uintptr_t)p && range->owner && !range->host ?
	       CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult strike(void *p)
{
	struct vg_range range, device;
	struct registered *g;
	CUresult r = find(p, &range);

	if (r)
		return r;
	vg_range_remove(range.base, &range);
	g = range.owner;
	if (g->granted) {
		vg_range_remove(range.device, &device);
		give_back(g);
	}
	free(g);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuMemHostUnregister(void *p)
{
	struct vg_range range;
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c), work;

	if (!r)
		r = find(p, &range);
	if (r)
		return r;
	/* The GPU may still be at it. */
	work = cuCtxSynchronize_v2((CUcontext)vg_handle_out(KIND_CTX,
							    range.ctx));
	pthread_mutex_lock(&lock);
	r = strike(p);
	pthread_mutex_unlock(&lock);
	if (r || work == CUDA_ERROR_CONTEXT_IS_DESTROYED ||
	    work == CUDA_ERROR_INVALID_CONTEXT)
		return r; /* its work ended with it */
	return work;
}

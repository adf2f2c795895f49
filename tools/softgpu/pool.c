// SPDX-License-Identifier: BSD-2-Clause
/*
 * pool.c - memory pools. One that can be shared has a memfd and an area of
 * addresses of its own; the others take from the device's memory.
 */
#include "tools/softgpu/softgpu.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMFD "softgpu-pool"
/* A pool that can be shared holds no more. Empty pages cost nothing. */
#define SHARED_SIZE (UINT64_C(256) << 20)

/* What cuMemPoolExportPointer writes: which pool, and where in it. */
struct pointer {
	uint64_t inode;
	uint64_t offset, size;
	uint64_t pad[5];
};
_Static_assert(sizeof(struct pointer) == sizeof(CUmemPoolPtrExportData),
	       "size");

static struct sg_pool default_pool = { .refs = 1, .fd = -1 };
static _Atomic(struct sg_pool *) current = &default_pool;

static CUmemoryPool handle_of(struct sg_pool *p)
{
	return (CUmemoryPool)p;
}

static CUresult pool_get(CUmemoryPool h, struct sg_pool **p)
{
	*p = (struct sg_pool *)h;
	return *p == &default_pool || handle_is(h, H_POOL) ?
	       CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

void pool_unref(struct sg_pool *p)
{
	if (--p->refs)
		return;
	if (p->base) {
		va_unmap(p->base, p->size);
		va_give(p->base, p->size);
		close(p->fd);
	}
	free(p);
}

static bool map_shared(struct sg_pool *p)
{
	p->base = va_take(p->size, VA_GRAIN, 0);
	if (p->base && va_map(p->base, p->size, p->fd, 0))
		return true;
	if (p->base)
		va_give(p->base, p->size);
	return false;
}

/* @fd: a memfd that becomes the pool's, or -1. */
static CUresult pool_new(CUmemoryPool *out, int fd, uint64_t size,
			 bool imported)
{
	struct sg_pool *p = calloc(1, sizeof(*p));

	if (p)
		*p = (struct sg_pool){ .refs = 1, .fd = fd, .size = size,
				       .imported = imported };
	if (!p || (fd >= 0 && !map_shared(p)) || !handle_add(p, H_POOL)) {
		if (p && p->base)
			va_give(p->base, p->size);
		if (fd >= 0)
			close(fd);
		free(p);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*out = handle_of(p);
	return CUDA_SUCCESS;
}

CUresult cuMemPoolCreate(CUmemoryPool *pool, const CUmemPoolProps *props)
{
	int fd = -1;

	if (sg_ready())
		return sg_ready();
	if (!pool || !props || props->location.id ||
	    props->allocType != CU_MEM_ALLOCATION_TYPE_PINNED ||
	    props->location.type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_INVALID_VALUE;
	if ((int)props->handleTypes &
	    ~CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (props->handleTypes) {
		fd = shared_new(MEMFD, SHARED_SIZE);
		if (fd < 0)
			return CUDA_ERROR_OUT_OF_MEMORY;
	}
	return pool_new(pool, fd, fd < 0 ? 0 : SHARED_SIZE, false);
}

CUresult cuMemPoolDestroy(CUmemoryPool h)
{
	struct sg_pool *p, *was;
	CUresult r = pool_get(h, &p);

	if (r || p == &default_pool)
		return CUDA_ERROR_INVALID_VALUE;
	was = p;
	atomic_compare_exchange_strong(&current, &was, &default_pool);
	handle_del(p);
	mem_pool_done(p);
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetDefaultMemPool(CUmemoryPool *pool, CUdevice dev)
{
	if (sg_ready())
		return sg_ready();
	if (!pool)
		return CUDA_ERROR_INVALID_VALUE;
	if (dev)
		return CUDA_ERROR_INVALID_DEVICE;
	*pool = handle_of(&default_pool);
	return CUDA_SUCCESS;
}

CUresult cuDeviceGetMemPool(CUmemoryPool *pool, CUdevice dev)
{
	CUresult r = cuDeviceGetDefaultMemPool(pool, dev);

	if (!r)
		*pool = handle_of(atomic_load(&current));
	return r;
}

CUresult cuDeviceSetMemPool(CUdevice dev, CUmemoryPool h)
{
	struct sg_pool *p;
	CUresult r = pool_get(h, &p);

	if (dev)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!r)
		atomic_store(&current, p);
	return r;
}

/* ---- memory ------------------------------------------------------------- */

CUresult cuMemAllocFromPoolAsync(CUdeviceptr *out, size_t n, CUmemoryPool h,
				 CUstream stream)
{
	struct sg_stream *s;
	struct sg_pool *p;
	struct sg_ctx *ctx;
	uint64_t addr;
	CUresult r = sg_current(&ctx);

	if (!r)
		r = stream_work(stream, &s);
	if (!r)
		r = pool_get(h, &p);
	if (!r && (!out || p->imported))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = mem_alloc(ctx, n, MEM_POOL, p, &addr);
	if (!r)
		*out = addr;
	return r;
}

CUresult cuMemAllocAsync(CUdeviceptr *out, size_t n, CUstream h)
{
	return cuMemAllocFromPoolAsync(out, n,
				       handle_of(atomic_load(&current)), h);
}

CUresult cuMemFreeAsync(CUdeviceptr ptr, CUstream h)
{
	struct sg_stream *s;
	struct sg_ctx *ctx;
	CUresult r = sg_current(&ctx);
	struct mem_range m;
	struct op *op;

	if (!r)
		r = stream_work(h, &s);
	if (r || !ptr)
		return r;
	if (!mem_find(ptr, &m) || m.addr != ptr || m.kind >= MEM_MAPPED)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sg_lock);
	op = op_new(OP_FREE, s->ctx);
	op->copy.dst = (uint8_t *)(uintptr_t)ptr;
	op_submit(op, s);
	pthread_mutex_unlock(&sg_lock);
	return CUDA_SUCCESS;
}

CUresult cuMemPoolTrimTo(CUmemoryPool h, size_t keep)
{
	struct sg_pool *p;

	(void)keep;	/* nothing is held back */
	return pool_get(h, &p);
}

CUresult cuMemPoolGetAttribute(CUmemoryPool h, CUmemPool_attribute attr,
			       void *value)
{
	struct sg_pool *p;

	if (pool_get(h, &p) || !value)
		return CUDA_ERROR_INVALID_VALUE;
	switch (attr) {
	case CU_MEMPOOL_ATTR_REUSE_FOLLOW_EVENT_DEPENDENCIES:
	case CU_MEMPOOL_ATTR_REUSE_ALLOW_OPPORTUNISTIC:
	case CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES:
		*(int *)value = 1;
		return CUDA_SUCCESS;
	case CU_MEMPOOL_ATTR_RELEASE_THRESHOLD:
		*(cuuint64_t *)value = p->threshold;
		return CUDA_SUCCESS;
	case CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT:
	case CU_MEMPOOL_ATTR_USED_MEM_CURRENT:
		*(cuuint64_t *)value = mem_pool_used(p);
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}

CUresult cuMemPoolSetAttribute(CUmemoryPool h, CUmemPool_attribute attr,
			       void *value)
{
	struct sg_pool *p;

	if (pool_get(h, &p) || !value)
		return CUDA_ERROR_INVALID_VALUE;
	if (attr == CU_MEMPOOL_ATTR_RELEASE_THRESHOLD)
		p->threshold = *(cuuint64_t *)value;
	else if (attr > CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES)
		return CUDA_ERROR_NOT_SUPPORTED;
	return CUDA_SUCCESS;
}

/* ---- between processes -------------------------------------------------- */

static bool posix_fd(CUmemAllocationHandleType type)
{
	return type == CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
}

CUresult cuMemPoolExportToShareableHandle(void *out, CUmemoryPool h,
					  CUmemAllocationHandleType type,
					  unsigned long long flags)
{
	struct sg_pool *p;
	int fd;

	if (pool_get(h, &p) || !out || flags || !posix_fd(type) || !p->base ||
	    p->imported)
		return CUDA_ERROR_INVALID_VALUE;
	fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return CUDA_ERROR_OPERATING_SYSTEM;
	memcpy(out, &fd, sizeof(fd));
	return CUDA_SUCCESS;
}

CUresult cuMemPoolImportFromShareableHandle(CUmemoryPool *out, void *os,
					    CUmemAllocationHandleType type,
					    unsigned long long flags)
{
	int fd = (int)(intptr_t)os;
	uint64_t size;

	if (sg_ready())
		return sg_ready();
	size = shared_size(fd, MEMFD);
	if (!out || flags || !posix_fd(type) || !size)
		return CUDA_ERROR_INVALID_VALUE;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? CUDA_ERROR_OPERATING_SYSTEM :
			pool_new(out, fd, size, true);
}

static uint64_t inode(const struct sg_pool *p)
{
	struct stat st;

	return fstat(p->fd, &st) ? 0 : st.st_ino;
}

CUresult cuMemPoolExportPointer(CUmemPoolPtrExportData *data, CUdeviceptr ptr)
{
	struct pointer d = { 0 };
	struct mem_range m;

	if (!data || !mem_find(ptr, &m) || m.addr != ptr || !m.pool ||
	    !m.pool->base || m.foreign)
		return CUDA_ERROR_INVALID_VALUE;
	d.inode = inode(m.pool);
	d.offset = m.addr - m.pool->base;
	d.size = m.size;
	memcpy(data, &d, sizeof(d));
	return CUDA_SUCCESS;
}

CUresult cuMemPoolImportPointer(CUdeviceptr *ptr, CUmemoryPool h,
				CUmemPoolPtrExportData *data)
{
	struct mem_range m = { .kind = MEM_POOL, .foreign = true };
	struct sg_pool *p;
	struct pointer d;
	CUresult r = sg_current(&m.ctx);

	if (r)
		return r;
	if (!ptr || !data || pool_get(h, &p) || !p->imported)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(&d, data, sizeof(d));
	if (d.inode != inode(p) || d.offset >= p->size || !d.size ||
	    d.size > p->size - d.offset)
		return CUDA_ERROR_INVALID_VALUE;
	m.addr = p->base + d.offset;
	m.size = d.size;
	m.pool = p;
	r = mem_place(&m);
	if (!r)
		*ptr = m.addr;
	return r;
}

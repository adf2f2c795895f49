// SPDX-License-Identifier: BSD-2-Clause
/*
 * vmm.c - physical memory with handles, mapped at reserved addresses. Each
 * piece of physical memory is a memfd, so that processes can share it.
 */
#include "tools/softgpu/softgpu.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMFD "softgpu-memory"

struct phys {
	uint64_t size;
	uint32_t handles, maps;
	int fd;
	bool imported;
	CUmemAllocationHandleType types;
};

struct map {
	struct map *next;
	uint64_t addr, size;
	struct phys *phys;
	bool access;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *maps;

static struct phys *phys_of(CUmemGenericAllocationHandle h)
{
	void *p = (void *)(uintptr_t)h;

	return handle_is(p, H_PHYS) ? p : NULL;
}

static bool prop_ok(const CUmemAllocationProp *p)
{
	return p && p->type == CU_MEM_ALLOCATION_TYPE_PINNED &&
	       p->location.type == CU_MEM_LOCATION_TYPE_DEVICE &&
	       !p->location.id;
}

CUresult cuMemGetAllocationGranularity(size_t *out,
				       const CUmemAllocationProp *prop,
				       CUmemAllocationGranularity_flags option)
{
	(void)option;
	if (sg_ready())
		return sg_ready();
	if (!out || !prop_ok(prop))
		return CUDA_ERROR_INVALID_VALUE;
	*out = VA_GRAIN;
	return CUDA_SUCCESS;
}

/* ---- physical memory ----------------------------------------------------- */

/* @fd becomes the memory's. */
static CUresult phys_new(CUmemGenericAllocationHandle *out, int fd,
			 uint64_t size, CUmemAllocationHandleType types,
			 bool imported)
{
	struct phys *p = malloc(sizeof(*p));

	if (!p || (!imported && !mem_charge(size))) {
		free(p);
		close(fd);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*p = (struct phys){ .size = size, .handles = 1, .fd = fd,
			    .imported = imported, .types = types };
	if (!handle_add(p, H_PHYS)) {
		if (!imported)
			mem_uncharge(size);
		free(p);
		close(fd);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*out = (uintptr_t)p;
	return CUDA_SUCCESS;
}

static void phys_put(struct phys *p)
{
	if (p->handles || p->maps)
		return;
	if (!p->imported)
		mem_uncharge(p->size);
	close(p->fd);
	free(p);
}

CUresult cuMemCreate(CUmemGenericAllocationHandle *out, size_t size,
		     const CUmemAllocationProp *prop, unsigned long long flags)
{
	int fd;

	if (sg_ready())
		return sg_ready();
	if (!out || flags || !prop_ok(prop) || !size || size % VA_GRAIN)
		return CUDA_ERROR_INVALID_VALUE;
	if ((int)prop->requestedHandleTypes &
	    ~CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (size > dev_size)
		return CUDA_ERROR_OUT_OF_MEMORY;
	fd = shared_new(MEMFD, size);
	return fd < 0 ? CUDA_ERROR_OUT_OF_MEMORY :
			phys_new(out, fd, size, prop->requestedHandleTypes,
				 false);
}

CUresult cuMemRelease(CUmemGenericAllocationHandle h)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;
	struct phys *p;

	pthread_mutex_lock(&lock);
	p = phys_of(h);
	if (p && p->handles) {
		/* Its address stays a handle while it is mapped: retain. */
		if (!--p->handles && !p->maps)
			handle_del(p);
		phys_put(p);
		r = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult
cuMemGetAllocationPropertiesFromHandle(CUmemAllocationProp *prop,
				       CUmemGenericAllocationHandle h)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;
	struct phys *p;

	pthread_mutex_lock(&lock);
	p = phys_of(h);
	if (p && p->handles && prop) {
		*prop = (CUmemAllocationProp){
			.type = CU_MEM_ALLOCATION_TYPE_PINNED,
			.requestedHandleTypes = p->types,
			.location.type = CU_MEM_LOCATION_TYPE_DEVICE,
		};
		r = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

/* ---- addresses ----------------------------------------------------------- */

CUresult cuMemAddressReserve(CUdeviceptr *ptr, size_t size, size_t align,
			     CUdeviceptr wish, unsigned long long flags)
{
	if (sg_ready())
		return sg_ready();
	if (!ptr || flags || !size || size % VA_GRAIN || (align & (align - 1)))
		return CUDA_ERROR_INVALID_VALUE;
	*ptr = va_take(size, align, wish);
	return *ptr ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

static bool overlap(const struct map *m, uint64_t addr, uint64_t size)
{
	return m->addr < addr + size && addr < m->addr + m->size;
}

CUresult cuMemAddressFree(CUdeviceptr ptr, size_t size)
{
	bool busy = false;

	if (sg_ready())
		return sg_ready();
	pthread_mutex_lock(&lock);
	for (struct map *m = maps; m && !busy; m = m->next)
		busy = overlap(m, ptr, size);
	pthread_mutex_unlock(&lock);
	return !busy && va_give(ptr, size) ? CUDA_SUCCESS :
					     CUDA_ERROR_INVALID_VALUE;
}

static CUresult map_locked(uint64_t addr, uint64_t size, uint64_t offset,
			   struct phys *p)
{
	struct map *m;

	if (!p || !p->handles || offset % VA_GRAIN || offset > p->size ||
	    size > p->size - offset)
		return CUDA_ERROR_INVALID_VALUE;
	for (m = maps; m; m = m->next)
		if (overlap(m, addr, size))
			return CUDA_ERROR_ALREADY_MAPPED;
	m = malloc(sizeof(*m));
	if (!m || !va_map(addr, size, p->fd, offset)) {
		free(m);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	*m = (struct map){ maps, addr, size, p, false };
	maps = m;
	p->maps++;
	return CUDA_SUCCESS;
}

CUresult cuMemMap(CUdeviceptr ptr, size_t size, size_t offset,
		  CUmemGenericAllocationHandle h, unsigned long long flags)
{
	CUresult r;

	if (flags || !size || size % VA_GRAIN || ptr % VA_GRAIN ||
	    !va_inside(ptr, size))
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	r = map_locked(ptr, size, offset, phys_of(h));
	pthread_mutex_unlock(&lock);
	return r;
}

/* Is [@addr, @addr + @size) made of whole maps? */
static bool whole(uint64_t addr, uint64_t size)
{
	uint64_t sum = 0;

	for (struct map *m = maps; m; m = m->next)
		if (m->addr >= addr && m->addr - addr < size &&
		    m->size <= size - (m->addr - addr))
			sum += m->size;
	return size && sum == size;
}

static void unmap(struct map **at)
{
	struct map *m = *at;

	*at = m->next;
	if (m->access)
		mem_free(m->addr, false);
	va_unmap(m->addr, m->size);
	if (!--m->phys->maps && !m->phys->handles)
		handle_del(m->phys);
	phys_put(m->phys);
	free(m);
}

/* A GPU does not wait for work here; a program that relies on that is wrong,
 * and should not take us with it. */
CUresult cuMemUnmap(CUdeviceptr ptr, size_t size)
{
	struct sg_ctx *ctx = sg_current_quiet();
	CUresult r = CUDA_ERROR_INVALID_VALUE;

	if (ctx) {
		pthread_mutex_lock(&sg_lock);
		ctx_wait(ctx);
		pthread_mutex_unlock(&sg_lock);
	}
	pthread_mutex_lock(&lock);
	if (whole(ptr, size)) {
		for (struct map **m = &maps; *m;)
			if (overlap(*m, ptr, size))
				unmap(m);
			else
				m = &(*m)->next;
		r = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

/* ---- access -------------------------------------------------------------- */

static CUresult allow(struct map *m)
{
	const struct mem_range r = { .addr = m->addr, .size = m->size,
				     .kind = MEM_MAPPED };
	CUresult res;

	if (m->access)
		return CUDA_SUCCESS;
	res = mem_place(&r);
	m->access = !res;
	return res;
}

CUresult cuMemSetAccess(CUdeviceptr ptr, size_t size,
			const CUmemAccessDesc *desc, size_t count)
{
	CUresult r = CUDA_SUCCESS;

	if (!desc || count != 1 || desc->location.id ||
	    desc->location.type != CU_MEM_LOCATION_TYPE_DEVICE)
		return CUDA_ERROR_INVALID_VALUE;
	if (desc->flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE)
		return CUDA_ERROR_NOT_SUPPORTED;
	pthread_mutex_lock(&lock);
	if (!whole(ptr, size))
		r = CUDA_ERROR_INVALID_VALUE;
	for (struct map *m = maps; m && !r; m = m->next)
		if (overlap(m, ptr, size))
			r = allow(m);
	pthread_mutex_unlock(&lock);
	return r;
}

static struct map *map_at(uint64_t addr)
{
	struct map *m = maps;

	while (m && !overlap(m, addr, 1))
		m = m->next;
	return m;
}

CUresult cuMemGetAccess(unsigned long long *flags, const CUmemLocation *where,
			CUdeviceptr ptr)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;
	struct map *m;

	pthread_mutex_lock(&lock);
	m = map_at(ptr);
	if (m && flags && where && !where->id) {
		*flags = m->access ? CU_MEM_ACCESS_FLAGS_PROT_READWRITE :
				     CU_MEM_ACCESS_FLAGS_PROT_NONE;
		r = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult cuMemRetainAllocationHandle(CUmemGenericAllocationHandle *out,
				     void *addr)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;
	struct map *m;

	pthread_mutex_lock(&lock);
	m = map_at((uintptr_t)addr);
	if (m && out) {
		m->phys->handles++;
		*out = (uintptr_t)m->phys;
		r = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

/* ---- between processes --------------------------------------------------- */

CUresult cuMemExportToShareableHandle(void *out,
				      CUmemGenericAllocationHandle h,
				      CUmemAllocationHandleType type,
				      unsigned long long flags)
{
	CUresult r = CUDA_ERROR_INVALID_VALUE;
	struct phys *p;
	int fd;

	pthread_mutex_lock(&lock);
	p = phys_of(h);
	if (p && p->handles && out && !flags && type && p->types == type) {
		fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 3);
		r = fd < 0 ? CUDA_ERROR_OPERATING_SYSTEM : CUDA_SUCCESS;
		if (!r)
			memcpy(out, &fd, sizeof(fd));
	}
	pthread_mutex_unlock(&lock);
	return r;
}

CUresult cuMemImportFromShareableHandle(CUmemGenericAllocationHandle *out,
					void *os,
					CUmemAllocationHandleType type)
{
	int fd = (int)(intptr_t)os;
	uint64_t size;

	if (sg_ready())
		return sg_ready();
	size = shared_size(fd, MEMFD);
	if (!out || type != CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR || !size)
		return CUDA_ERROR_INVALID_VALUE;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? CUDA_ERROR_OPERATING_SYSTEM :
			phys_new(out, fd, size, type, true);
}

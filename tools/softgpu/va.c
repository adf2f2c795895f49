// SPDX-License-Identifier: BSD-2-Clause
/*
 * va.c - the addresses behind the device's memory: who has reserved which, and
 * what is mapped at them. Memory that processes share is a memfd.
 */
#include "tools/softgpu/softgpu.h"

#include "tools/lib/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct area {
	struct area *next;	/* in order of addresses */
	uint64_t addr, size;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct area *areas;
static uint64_t va_lo, va_hi;

void va_init(uint64_t lo, uint64_t hi)
{
	va_lo = lo;
	va_hi = hi;
}

static uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

/* The first gap at or above @from; NULL when there is none. */
static struct area **gap(uint64_t size, uint64_t align, uint64_t from,
			 uint64_t *at)
{
	struct area **p = &areas;

	*at = align_up(from, align);
	for (; *p && (*p)->addr < *at + size; p = &(*p)->next)
		if ((*p)->addr + (*p)->size > *at)
			*at = align_up((*p)->addr + (*p)->size, align);
	return *at >= va_lo && *at < va_hi && size <= va_hi - *at ? p : NULL;
}

/* @wish: where it should be, if that is free. 0: there is no room. */
uint64_t va_take(uint64_t size, uint64_t align, uint64_t wish)
{
	struct area *a = malloc(sizeof(*a)), **p = NULL;
	uint64_t at = 0;

	if (!a || !size || size > va_hi - va_lo) {
		free(a);
		return 0;
	}
	if (align < VA_GRAIN)
		align = VA_GRAIN;
	pthread_mutex_lock(&lock);
	if (wish >= va_lo && wish < va_hi)
		p = gap(size, align, wish, &at);
	if (!p)
		p = gap(size, align, va_lo, &at);
	if (p) {
		*a = (struct area){ *p, at, size };
		*p = a;
	}
	pthread_mutex_unlock(&lock);
	if (p)
		return at;
	free(a);
	return 0;
}

bool va_give(uint64_t addr, uint64_t size)
{
	struct area **p = &areas, *a;

	pthread_mutex_lock(&lock);
	while (*p && ((*p)->addr != addr || (*p)->size != size))
		p = &(*p)->next;
	a = *p;
	if (a)
		*p = a->next;
	pthread_mutex_unlock(&lock);
	free(a);
	return a != NULL;
}

/* Is all of it in one area? */
bool va_inside(uint64_t addr, uint64_t size)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (struct area *a = areas; a && !found; a = a->next)
		found = addr >= a->addr && addr - a->addr < a->size &&
			size <= a->size - (addr - a->addr);
	pthread_mutex_unlock(&lock);
	return found;
}

bool va_map(uint64_t addr, uint64_t size, int fd, uint64_t offset)
{
	void *p = mmap((void *)(uintptr_t)addr, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_FIXED, fd, (off_t)offset);

	if (p == MAP_FAILED)
		log_error("cannot map %llu bytes: %s",
			  (unsigned long long)size, strerror(errno));
	return p != MAP_FAILED;
}

void va_unmap(uint64_t addr, uint64_t size)
{
	if (mmap((void *)(uintptr_t)addr, size, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		log_error("cannot unmap %llu bytes: %s",
			  (unsigned long long)size, strerror(errno));
}

/* ---- memory that processes share ---------------------------------------- */

int shared_new(const char *name, uint64_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && !ftruncate(fd, (off_t)size))
		return fd;
	log_error("cannot make %llu bytes of %s: %s",
		  (unsigned long long)size, name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

uint64_t shared_size(int fd, const char *name)
{
	char path[48], target[96], want[96];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	snprintf(want, sizeof(want), "/memfd:%s (deleted)", name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return 0;
	target[n] = '\0';
	return strcmp(target, want) || fstat(fd, &st) ? 0 :
							(uint64_t)st.st_size;
}

// SPDX-License-Identifier: BSD-2-Clause
/* handle.c - which pointers are handles, and of what kind. */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>

#define BUCKETS 4096

struct entry {
	struct entry *next;
	const void *p;
	enum handle_kind kind;
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct entry *table[BUCKETS];

static struct entry **bucket(const void *p)
{
	uintptr_t v = (uintptr_t)p >> 4;

	return &table[(v ^ v >> 12) % BUCKETS];
}

bool handle_add(const void *p, enum handle_kind kind)
{
	struct entry *e = malloc(sizeof(*e));
	struct entry **b = bucket(p);

	if (!e)
		return false;
	e->p = p;
	e->kind = kind;
	pthread_rwlock_wrlock(&lock);
	e->next = *b;
	*b = e;
	pthread_rwlock_unlock(&lock);
	return true;
}

void handle_del(const void *p)
{
	struct entry **at = bucket(p), *e = NULL;

	pthread_rwlock_wrlock(&lock);
	while (*at && (*at)->p != p)
		at = &(*at)->next;
	if (*at) {
		e = *at;
		*at = e->next;
	}
	pthread_rwlock_unlock(&lock);
	free(e);
}

bool handle_is(const void *p, enum handle_kind kind)
{
	bool found = false;

	pthread_rwlock_rdlock(&lock);
	for (struct entry *e = *bucket(p); e && !found; e = e->next)
		found = e->p == p && e->kind == kind;
	pthread_rwlock_unlock(&lock);
	return found;
}

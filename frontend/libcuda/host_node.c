// SPDX-License-Identifier: BSD-2-Clause
/*
 * host_node.c - host functions of graphs, destructors of user objects.
 *
 * A graph may run its function any number of times, and lives on in its
 * clones and executables; nobody here is told when the last one dies. So a
 * function and its argument get one token for good, the same one whenever
 * the same pair comes again.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"

#include <pthread.h>

struct kept {
	CUhostFn fn;
	void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kept *kept;
static uint32_t nkept, kept_cap;
static uint32_t *table;        /* index + 1; twice kept_cap entries */

static uint32_t place_of(CUhostFn fn, const void *arg)
{
	uint64_t h = ((uint64_t)(uintptr_t)fn * 31 + (uintptr_t)arg) *
		     0x9e3779b97f4a7c15ull;
	uint32_t i = (uint32_t)(h >> 32) & (2 * kept_cap - 1);

	while (table[i] && (kept[table[i] - 1].fn != fn ||
			    kept[table[i] - 1].arg != arg))
		i = (i + 1) & (2 * kept_cap - 1);
	return i;
}

static bool grow(void)
{
	uint32_t cap = kept_cap ? 2 * kept_cap : 64;
	struct kept *k = realloc(kept, cap * sizeof(*k));
	uint32_t *t = calloc(2 * (size_t)cap, sizeof(*t));

	if (k)
		kept = k;
	if (!k || !t) {
		free(t);
		return false;
	}
	free(table);
	table = t;
	kept_cap = cap;
	for (uint32_t i = 0; i < nkept; i++)
		table[place_of(kept[i].fn, kept[i].arg)] = i + 1;
	return true;
}

CUresult host_token(CUhostFn fn, void *arg, uint64_t *token)
{
	CUresult r = vg_callbacks_start();
	uint32_t i;

	if (r)
		return r;
	if (!fn)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	if (nkept == kept_cap && !grow()) {
		pthread_mutex_unlock(&lock);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	i = place_of(fn, arg);
	if (!table[i]) {
		kept[nkept] = (struct kept){ fn, arg };
		table[i] = ++nkept;
	}
	*token = VGPU_TOKEN_KEPT | (table[i] - 1);
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

bool host_function(uint64_t token, CUhostFn *fn, void **arg)
{
	uint64_t i = token & ~VGPU_TOKEN_KEPT;
	bool known;

	pthread_mutex_lock(&lock);
	known = (token & VGPU_TOKEN_KEPT) && i < nkept;
	if (known) {
		*fn = kept[i].fn;
		*arg = kept[i].arg;
	}
	pthread_mutex_unlock(&lock);
	return known;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * procaddr.c - the table of cuGetProcAddress.
 *
 * NVIDIA's runtime fetches all of its entry points through here, several
 * hundred per copy, before cuInit. The table comes from the toolkit's headers
 * (procaddr.py); the addresses are those of this library's own exports, so
 * nothing is opened or searched at run time.
 */
#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#include "frontend/libcuda/procaddr.h"
#include "frontend/libcuda/vg.h"

#include <stdint.h>
#include <string.h>

/* Only the address matters here: the asm name spares us the prototypes, which
 * cuda.h has for some symbols, and the GL and VDPAU headers for others. */
#define PROCADDR_SYMBOL(symbol)                                                \
	extern void entry_##symbol(void) __asm__(#symbol);
#include "procaddr_table.h"

#define entry_procaddr_none NULL

struct row {
	const char *name;
	int version;
	int per_thread_version;
	void (*entry)(void);
	void (*per_thread)(void);
};

static const struct row rows[] = {
#define PROCADDR_ROW(name, version, symbol, pt_version, pt_symbol)             \
	{#name, version, pt_version, entry_##symbol, entry_##pt_symbol},
#include "procaddr_table.h"
};

#define NROWS (sizeof(rows) / sizeof(rows[0]))

size_t procaddr_rows(void)
{
	return NROWS;
}

/* The first row whose name is not before @symbol. */
static size_t first_row(const char *symbol)
{
	size_t low = 0, high = NROWS;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(rows[mid].name, symbol) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void *entry_of(const struct row *row, int version, bool per_thread)
{
	if (per_thread && row->per_thread && version >= row->per_thread_version)
		return (void *)(uintptr_t)row->per_thread;
	return (void *)(uintptr_t)row->entry;
}

enum procaddr_status procaddr_find(const char *symbol, int version,
				   bool per_thread, void **ret)
{
	const struct row *best = NULL;
	size_t i = first_row(symbol);

	if (i == NROWS || strcmp(rows[i].name, symbol))
		return PROCADDR_NO_SYMBOL;
	/* Never a newer ABI than asked: its arguments are other ones. */
	for (; i < NROWS && !strcmp(rows[i].name, symbol); i++)
		if (rows[i].version <= version)
			best = &rows[i];
	if (!best)
		return PROCADDR_OLD_VERSION;
	*ret = entry_of(best, version, per_thread);
	return PROCADDR_FOUND;
}

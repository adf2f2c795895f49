// SPDX-License-Identifier: BSD-2-Clause
/*
 * jit.c - options of the compiler and the linker. What is a pointer, or the
 * size of what a pointer points to, is ours whatever the guest sent: the
 * driver reads and writes there.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

enum { SYMBOL_NAMES, SYMBOL_ADDRESSES, KERNEL_NAMES, VARIABLE_NAMES, NO_LIST };

static int list_of(CUjit_option o)
{
	switch (o) {
	case CU_JIT_GLOBAL_SYMBOL_NAMES:
		return SYMBOL_NAMES;
	case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
		return SYMBOL_ADDRESSES;
	case CU_JIT_REFERENCED_KERNEL_NAMES:
		return KERNEL_NAMES;
	case CU_JIT_REFERENCED_VARIABLE_NAMES:
		return VARIABLE_NAMES;
	default:
		return NO_LIST;
	}
}

/* Pointers, and behind them the strings that they point to. */
static char **strings(const char *text, uint64_t len, uint32_t count)
{
	char **list = malloc(count * sizeof(*list) + len + 1);
	char *at, *end;

	if (!list)
		return NULL;
	at = (char *)(list + count);
	end = at + len;
	memcpy(at, text, len);
	for (uint32_t i = 0; i < count; i++) {
		char *nul = memchr(at, 0, (size_t)(end - at));

		if (!nul) {
			free(list);
			return NULL;
		}
		list[i] = at;
		at = nul + 1;
	}
	return list;
}

/* Addresses are the program's: its kernels may read them in any case. */
static void *addresses(const char *bytes, uint64_t len, uint32_t count)
{
	void *list = len / 8 >= count ? malloc(count * 8ull + 8) : NULL;

	if (list)
		memcpy(list, bytes, count * 8ull);
	return list;
}

static bool read_list(struct ex_jit *j, int which, uint64_t value,
		      const char *lists, uint32_t list_bytes)
{
	uint32_t off = (uint32_t)value, count = (uint32_t)(value >> 32);

	/* A name has a byte at least. */
	if (j->list[which] || off > list_bytes || count > list_bytes - off)
		return false;
	j->list[which] = which == SYMBOL_ADDRESSES ?
		addresses(lists + off, list_bytes - off, count) :
		(void *)strings(lists + off, list_bytes - off, count);
	j->count[which] = count;
	return j->list[which];
}

static uint32_t less(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool given(const struct ex_jit *j, CUjit_option o)
{
	for (uint32_t i = 0; i < j->n; i++)
		if (j->name[i] == o)
			return true;
	return false;
}

/* A log of no bytes has to be somewhere all the same: the driver refuses NULL,
 * and takes a buffer of which it is told that it has no room. Of one whose
 * size it is not told it would have to guess. */
static void *log_buffer(const struct ex_jit *j, CUjit_option size_option,
			void *ours, uint32_t size, uint64_t guests)
{
	static char nothing[8];

	if (!given(j, size_option))
		return NULL;
	if (size)
		return ours;
	return guests ? nothing : NULL;
}

/* After the lists: sizes and counts are those of what there is. */
static void *checked(const struct ex_jit *j, CUjit_option o, uint64_t v)
{
	switch (o) {
	case CU_JIT_INFO_LOG_BUFFER:
		return log_buffer(j, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
				  j->info, j->info_size, v);
	case CU_JIT_ERROR_LOG_BUFFER:
		return log_buffer(j, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
				  j->error, j->error_size, v);
	case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
		v = j->info ? j->info_size : 0;
		break;
	case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
		v = j->error ? j->error_size : 0;
		break;
	case CU_JIT_GLOBAL_SYMBOL_COUNT:
		v = less(j->count[SYMBOL_NAMES], j->count[SYMBOL_ADDRESSES]);
		break;
	case CU_JIT_REFERENCED_KERNEL_COUNT:
		v = j->count[KERNEL_NAMES];
		break;
	case CU_JIT_REFERENCED_VARIABLE_COUNT:
		v = j->count[VARIABLE_NAMES];
		break;
	default:
		if (list_of(o) != NO_LIST)
			return j->list[list_of(o)];
		break;
	}
	return (void *)(uintptr_t)v;
}

/* Without its count a list has the length that the driver guesses. */
static bool counted(const struct ex_jit *j)
{
	bool has[EX_JIT_LISTS] = { false };

	for (uint32_t i = 0; i < j->n; i++) {
		has[SYMBOL_NAMES] |= j->name[i] == CU_JIT_GLOBAL_SYMBOL_COUNT;
		has[KERNEL_NAMES] |=
			j->name[i] == CU_JIT_REFERENCED_KERNEL_COUNT;
		has[VARIABLE_NAMES] |=
			j->name[i] == CU_JIT_REFERENCED_VARIABLE_COUNT;
	}
	has[SYMBOL_ADDRESSES] = has[SYMBOL_NAMES];
	for (uint32_t i = 0; i < EX_JIT_LISTS; i++)
		if (j->list[i] && !has[i])
			return false;
	return true;
}

/* False: options that the guest's library never sends; nothing is left to
 * free. An option that we do not know could be a pointer. */
bool ex_jit_read(struct ex_jit *j, const struct vg_jit_option *from,
		 uint32_t n, const char *lists, uint32_t list_bytes)
{
	bool good = n <= EX_JIT_MAX;

	j->n = good ? n : 0;
	for (uint32_t i = 0; good && i < n; i++) {
		int which = list_of((CUjit_option)from[i].option);

		j->name[i] = (CUjit_option)from[i].option;
		good = from[i].option < CU_JIT_NUM_OPTIONS &&
		       (which == NO_LIST ||
			read_list(j, which, from[i].value, lists, list_bytes));
	}
	if (!good || !counted(j)) {
		ex_jit_free(j);
		return false;
	}
	for (uint32_t i = 0; i < n; i++)
		j->value[i] = checked(j, j->name[i], from[i].value);
	return true;
}

void ex_jit_results(const struct ex_jit *j, struct vg_jit_results *out)
{
	for (uint32_t i = 0; i < j->n; i++) {
		uint64_t v = (uint64_t)(uintptr_t)j->value[i];

		if (j->name[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES)
			out->info_used = (uint32_t)v;
		else if (j->name[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			out->error_used = (uint32_t)v;
		else if (j->name[i] == CU_JIT_WALL_TIME)
			memcpy(&out->wall_time, &v, sizeof(float));
		else if (j->name[i] == CU_JIT_THREADS_PER_BLOCK)
			out->threads = (uint32_t)v;
	}
}

void ex_jit_free(struct ex_jit *j)
{
	for (uint32_t i = 0; i < EX_JIT_LISTS; i++) {
		free(j->list[i]);
		j->list[i] = NULL;
	}
}

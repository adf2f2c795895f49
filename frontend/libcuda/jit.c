// SPDX-License-Identifier: BSD-2-Clause
/* jit.c - options of the driver's compiler and linker: numbers travel as they
 * are, names and addresses as lists behind them, logs come back with the
 * reply. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/jit.h"

#include "frontend/libcuda/graph.h"

#define LISTS_MAX 49152u /* a record holds them and the options */

static void log_buffers(struct jit_options *o)
{
	for (unsigned int i = 0; i < o->n; i++) {
		uint64_t v = (uintptr_t)o->values[i];

		if (o->names[i] == CU_JIT_INFO_LOG_BUFFER)
			o->info = o->values[i];
		else if (o->names[i] == CU_JIT_ERROR_LOG_BUFFER)
			o->error = o->values[i];
		else if (o->names[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES)
			o->info_size = (uint32_t)v;
		else if (o->names[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			o->error_size = (uint32_t)v;
	}
	if (!o->info)
		o->info_size = 0;
	if (!o->error)
		o->error_size = 0;
}

/* Logs come with a reply, which has its limits. */
static void clamp_logs(struct jit_options *o)
{
	uint32_t most;

	if (!o->info_size && !o->error_size)
		return;
	most = (fetch_room() - 128) / 2 & ~7u;
	if (most > VGPU_JIT_LOG)
		most = VGPU_JIT_LOG;
	if (o->info_size > most)
		o->info_size = most;
	if (o->error_size > most)
		o->error_size = most;
}

/* ---- lists ------------------------------------------------------------- */

/* The option that tells how long the list is; 0: @name is no list. */
static CUjit_option count_of(CUjit_option name)
{
	switch (name) {
	case CU_JIT_GLOBAL_SYMBOL_NAMES:
	case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
		return CU_JIT_GLOBAL_SYMBOL_COUNT;
	case CU_JIT_REFERENCED_KERNEL_NAMES:
		return CU_JIT_REFERENCED_KERNEL_COUNT;
	case CU_JIT_REFERENCED_VARIABLE_NAMES:
		return CU_JIT_REFERENCED_VARIABLE_COUNT;
	default:
		return (CUjit_option)0;
	}
}

static CUresult append(struct jit_options *o, const void *bytes, size_t n)
{
	char *p;

	if (n > LISTS_MAX - o->list_bytes)
		return vg_not_supported("JIT options with more than 48 KiB of "
					"names");
	p = realloc(o->lists, o->list_bytes + n);
	if (!p)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(p + o->list_bytes, bytes, n);
	o->lists = p;
	o->list_bytes += (uint32_t)n;
	return CUDA_SUCCESS;
}

static bool find_count(const struct jit_options *o, CUjit_option which,
		       uint32_t *count)
{
	for (unsigned int i = 0; i < o->n; i++) {
		if (o->names[i] != which)
			continue;
		*count = (uint32_t)(uintptr_t)o->values[i];
		return true;
	}
	return false;
}

static CUresult add_list(struct jit_options *o, unsigned int at)
{
	const char *const *names = o->values[at];
	uint32_t count, start = o->list_bytes;
	CUresult r = CUDA_SUCCESS;

	if (!find_count(o, count_of(o->names[at]), &count) ||
	    (count && !names))
		return CUDA_ERROR_INVALID_VALUE;
	if (o->names[at] == CU_JIT_GLOBAL_SYMBOL_ADDRESSES)
		r = append(o, names, count * sizeof(void *));
	else
		for (uint32_t i = 0; i < count && !r; i++)
			r = names[i] ? append(o, names[i],
					      strlen(names[i]) + 1) :
				       CUDA_ERROR_INVALID_VALUE;
	o->opt[at].value = (uint64_t)count << 32 | start;
	return r;
}

/* ---- all --------------------------------------------------------------- */

static CUresult one_option(struct jit_options *o, unsigned int i)
{
	o->opt[i] = (struct vg_jit_option){
		.option = o->names[i], .value = (uintptr_t)o->values[i] };
	if ((unsigned int)o->names[i] >= CU_JIT_NUM_OPTIONS)
		return CUDA_ERROR_INVALID_VALUE;
	if (o->names[i] == CU_JIT_INFO_LOG_BUFFER)
		o->opt[i].flags = VG_JIT_INFO_BUFFER;
	else if (o->names[i] == CU_JIT_ERROR_LOG_BUFFER)
		o->opt[i].flags = VG_JIT_ERROR_BUFFER;
	return count_of(o->names[i]) ? add_list(o, i) : CUDA_SUCCESS;
}

CUresult jit_read(struct jit_options *o, unsigned int n,
		  const CUjit_option *names, void **values)
{
	CUresult r = CUDA_SUCCESS;

	if (n > JIT_MAX || (n && (!names || !values)))
		return CUDA_ERROR_INVALID_VALUE;
	o->n = n;
	o->names = names;
	o->values = values;
	log_buffers(o);
	clamp_logs(o);
	for (unsigned int i = 0; i < n && !r; i++)
		r = one_option(o, i);
	if (r)
		jit_free(o);
	return r;
}

void jit_free(struct jit_options *o)
{
	free(o->lists);
	o->lists = NULL;
	o->list_bytes = 0;
}

void jit_write_back(struct jit_options *o, const struct vg_jit_results *res)
{
	for (unsigned int i = 0; i < o->n; i++) {
		uint64_t v = 0;

		if (o->names[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES)
			v = res->info_used;
		else if (o->names[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			v = res->error_used;
		else if (o->names[i] == CU_JIT_WALL_TIME)
			memcpy(&v, &res->wall_time, sizeof(float));
		else if (o->names[i] == CU_JIT_THREADS_PER_BLOCK)
			v = res->threads;
		else
			continue;
		o->values[i] = (void *)(uintptr_t)v;
	}
}

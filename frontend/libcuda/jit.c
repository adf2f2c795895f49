// SPDX-License-Identifier: BSD-2-Clause
/* jit.c - options of the driver's compiler and linker: numbers travel as they
 * are, logs come back with the reply. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/jit.h"

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

static CUresult one_option(struct vg_jit_option *to, CUjit_option name,
			   void *value)
{
	*to = (struct vg_jit_option){ .option = name,
				      .value = (uintptr_t)value };
	if (name == CU_JIT_INFO_LOG_BUFFER)
		to->flags = VG_JIT_INFO_BUFFER;
	else if (name == CU_JIT_ERROR_LOG_BUFFER)
		to->flags = VG_JIT_ERROR_BUFFER;
	else if (name == CU_JIT_GLOBAL_SYMBOL_NAMES ||
		 name == CU_JIT_GLOBAL_SYMBOL_ADDRESSES ||
		 name == CU_JIT_REFERENCED_KERNEL_NAMES ||
		 name == CU_JIT_REFERENCED_VARIABLE_NAMES)
		return vg_not_supported("JIT options that carry lists of "
					"names");
	return CUDA_SUCCESS;
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
	for (unsigned int i = 0; i < n && !r; i++)
		r = one_option(&o->opt[i], names[i], values[i]);
	return r;
}

void jit_write_back(struct jit_options *o, uint64_t info_used,
		    uint64_t error_used, float wall_time, uint32_t threads)
{
	for (unsigned int i = 0; i < o->n; i++) {
		uint64_t v = 0;

		if (o->names[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES)
			v = info_used;
		else if (o->names[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			v = error_used;
		else if (o->names[i] == CU_JIT_WALL_TIME)
			memcpy(&v, &wall_time, sizeof(float));
		else if (o->names[i] == CU_JIT_THREADS_PER_BLOCK)
			v = threads;
		else
			continue;
		o->values[i] = (void *)(uintptr_t)v;
	}
}

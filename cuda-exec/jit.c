// SPDX-License-Identifier: BSD-2-Clause
/*
 * jit.c - options of the compiler and the linker. What is a pointer, or the
 * size of what a pointer points to, is ours whatever the guest sent: the
 * driver writes there.
 */
#include "cuda-exec/exec_internal.h"

static void *sized(const char *buffer, uint32_t size)
{
	return (void *)(uintptr_t)(buffer ? size : 0);
}

/* False: an option that the guest's library never sends. */
bool ex_jit_options(const struct vg_jit_option *from, uint32_t n,
		    const struct ex_logs *logs, CUjit_option *name,
		    void **value)
{
	for (uint32_t i = 0; i < n; i++) {
		name[i] = (CUjit_option)from[i].option;
		value[i] = (void *)(uintptr_t)from[i].value;
		switch (name[i]) {
		case CU_JIT_INFO_LOG_BUFFER:
			value[i] = logs->info_size ? logs->info : NULL;
			break;
		case CU_JIT_ERROR_LOG_BUFFER:
			value[i] = logs->error_size ? logs->error : NULL;
			break;
		case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
			value[i] = sized(logs->info, logs->info_size);
			break;
		case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
			value[i] = sized(logs->error, logs->error_size);
			break;
		case CU_JIT_GLOBAL_SYMBOL_NAMES:
		case CU_JIT_GLOBAL_SYMBOL_ADDRESSES:
		case CU_JIT_REFERENCED_KERNEL_NAMES:
		case CU_JIT_REFERENCED_VARIABLE_NAMES:
			return false;
		default:
			break;
		}
	}
	return true;
}

// SPDX-License-Identifier: BSD-2-Clause
/* fakecuda_modules.c - of modules the options are what is dangerous: addresses
 * that the driver reads or writes. */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tests/hostile/fakecuda.h"

/* Options whose value is an address that the driver writes to. */
static bool address_option(CUjit_option o)
{
	return o == CU_JIT_INFO_LOG_BUFFER || o == CU_JIT_ERROR_LOG_BUFFER;
}

/* Lists of names or addresses are read, all of them. */
static void judge_list(unsigned int n, const CUjit_option *o, void **v,
		       CUjit_option list, CUjit_option count)
{
	uint64_t entries = 0;
	void **p = NULL;

	for (unsigned int i = 0; i < n; i++) {
		if (o[i] == count)
			entries = (unsigned int)(uintptr_t)v[i];
		if (o[i] == list)
			p = v[i];
	}
	if ((uintptr_t)p >= FAKE_SECRET && (uintptr_t)p < FAKE_SECRET + 4096)
		fake_foreign("a list of names", (uintptr_t)p, 8);
	for (uint64_t i = 0; p && i < entries; i++)
		fake_watch.listed += list == CU_JIT_GLOBAL_SYMBOL_ADDRESSES ?
				     p[i] != NULL : strlen(p[i]);
}

static void judge_lists(unsigned int n, const CUjit_option *o, void **v)
{
	judge_list(n, o, v, CU_JIT_GLOBAL_SYMBOL_NAMES,
		   CU_JIT_GLOBAL_SYMBOL_COUNT);
	judge_list(n, o, v, CU_JIT_GLOBAL_SYMBOL_ADDRESSES,
		   CU_JIT_GLOBAL_SYMBOL_COUNT);
	judge_list(n, o, v, CU_JIT_REFERENCED_KERNEL_NAMES,
		   CU_JIT_REFERENCED_KERNEL_COUNT);
	judge_list(n, o, v, CU_JIT_REFERENCED_VARIABLE_NAMES,
		   CU_JIT_REFERENCED_VARIABLE_COUNT);
}

/* @reply: logs go straight into the reply; a linker's are kept elsewhere, and
 * what watches over their size is the sanitizer. */
static void judge_options(unsigned int n, const CUjit_option *o, void **v,
			  bool reply)
{
	uint64_t info = 0, error = 0;

	judge_lists(n, o, v);
	for (unsigned int i = 0; i < n; i++) {
		if (o[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES)
			info = (unsigned int)(uintptr_t)v[i];
		if (o[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			error = (unsigned int)(uintptr_t)v[i];
	}
	for (unsigned int i = 0; i < n; i++) {
		uint64_t p = (uintptr_t)v[i], size = 8;

		if (!address_option(o[i]) || !p)
			continue;
		if (o[i] == CU_JIT_INFO_LOG_BUFFER)
			size = info;
		if (o[i] == CU_JIT_ERROR_LOG_BUFFER)
			size = error;
		if (!size)
			continue; /* there is no log */
		if (p >= FAKE_SECRET && p < FAKE_SECRET + 4096)
			fake_foreign("a JIT option", p, size);
		else if (reply && (p < fake_watch.reply ||
			 size > fake_watch.reply_size || p - fake_watch.reply >
			 fake_watch.reply_size - size))
			fake_foreign("a JIT option", p, size);
		else
			memset(v[i], 'L', size);
	}
}

EXPORT CUresult CUDAAPI cuModuleLoadDataEx(CUmodule *m, const void *image,
					   unsigned int n, CUjit_option *o,
					   void **v)
{
	judge_options(n, o, v, true);
	*m = fake_handle();
	return image ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

EXPORT CUresult CUDAAPI cuLibraryLoadData(CUlibrary *l, const void *image,
					  CUjit_option *o, void **v,
					  unsigned int n,
					  CUlibraryOption *lo, void **lv,
					  unsigned int ln)
{
	judge_options(n, o, v, true);
	for (unsigned int i = 0; i < ln; i++)
		if (lo[i] == CU_LIBRARY_HOST_UNIVERSAL_FUNCTION_AND_DATA_TABLE
		    && lv[i])
			fake_foreign("a library option", (uintptr_t)lv[i], 8);
	*l = fake_handle();
	return image ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

EXPORT CUresult CUDAAPI cuLinkCreate_v2(unsigned int n, CUjit_option *o,
					void **v, CUlinkState *s)
{
	judge_options(n, o, v, false);
	*s = fake_handle();
	return CUDA_SUCCESS;
}

EXPORT CUresult CUDAAPI cuLinkAddData_v2(CUlinkState s, CUjitInputType type,
					 void *data, size_t size,
					 const char *name, unsigned int n,
					 CUjit_option *o, void **v)
{
	(void)type;
	(void)size;
	judge_options(n, o, v, false);
	if (name && strlen(name) > 65536)
		return CUDA_ERROR_INVALID_VALUE;
	return s && data ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

// SPDX-License-Identifier: BSD-2-Clause
/* Private tables: which are served, what their slots answer, and that every
 * slot can be called. */
#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#include "frontend/libcuda/export_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CTX    ((CUcontext)0x20)
#define STREAM ((CUstream)0x30)
#define MODULE ((CUmodule)0x40)

static bool initialised = true;
static const char *last_unsupported;

CUcontext vg_ctx_current(void)
{
	return CTX;
}

bool vg_initialised(void)
{
	return initialised;
}

bool vg_exiting(void)
{
	return false;
}

CUresult vg_primary_handle(CUdevice dev, CUcontext *ret)
{
	*ret = (CUcontext)(uintptr_t)(0x100 + dev);
	return CUDA_SUCCESS;
}

uint64_t vg_ctx_id(CUcontext ctx, CUresult *ret)
{
	*ret = ctx && ctx != CTX ? CUDA_ERROR_INVALID_CONTEXT : CUDA_SUCCESS;
	return 77;
}

uint64_t vg_stream_id(CUcontext ctx, CUstream s)
{
	(void)ctx;
	if (s == STREAM)
		return 5;
	return s == CU_STREAM_PER_THREAD ? 4 : s ? 0 : 3;
}

CUresult vg_not_supported(const char *what)
{
	last_unsupported = what;
	return CUDA_ERROR_NOT_SUPPORTED;
}

int vg_driver_version(void)
{
	return 13000;
}

CUresult cuModuleGetFunctionCount(unsigned int *count, CUmodule mod)
{
	*count = 3;
	return mod == MODULE ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult cuModuleEnumerateFunctions(CUfunction *fns, unsigned int n,
				    CUmodule mod)
{
	(void)mod;
	for (unsigned int i = 0; i < n; i++)
		fns[i] = (CUfunction)(uintptr_t)(0x50 + i);
	return CUDA_SUCCESS;
}

static const union export_word *table(const char *hex)
{
	const void *words;
	CUuuid id;

	for (int i = 0; i < 16; i++) {
		char digits[3] = { hex[2 * i], hex[2 * i + 1] };

		id.bytes[i] = (char)strtol(digits, NULL, 16);
	}
	words = &id;
	if (cuGetExportTable(&words, &id))
		assert_null(words);
	return words;
}

#define CUDART	  "6bd5fb6c5bf4e74a8987d93912fd9df9"
#define HOOKS	  "a094798c2e742e7493f20800200c0a66"
#define TLS	  "42d85a8123f6cb478298f6e78a3aecdc"
#define CLS	  "c693336e1121df11a8c368f355d89593"
#define CHECKS	  "263e88607cd2614392f6bbd5006dfa7e"
#define INTEGRITY "d4082055bde6704b8d34ba123c66e1f2"
#define CONTEXTS  "21318c60971432488ca641ff7324c8f2"
#define MODULES	  "6e163fbeb958444d835ce182aff1991e"
#define UNNAMED	  "1734dc26800d47458726c0f1e7dd8bca"

/* The sizes are those that driver 580.159.04 says; behind them are more slots
 * that can be called. */
static const struct {
	const char *id;
	uint64_t size;
	unsigned int slots;
} sizes[] = {
	{ CUDART, 104, 32 },   { HOOKS, 56, 32 },     { TLS, 24, 32 },
	{ CHECKS, 120, 32 },   { INTEGRITY, 24, 32 }, { CONTEXTS, 744, 112 },
	{ MODULES, 792, 112 }, { UNNAMED, 136, 80 },
};

static void sizes_and_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const union export_word *t = table(sizes[i].id);

		assert_non_null(t);
		assert_int_equal(t->size, sizes[i].size);
		assert_true(t->size <= sizes[i].slots * sizeof(*t));
		assert_ptr_equal(t, table(sizes[i].id));
	}
	assert_non_null(table(CLS)[0].fn);
	assert_null(table(CLS)[3].fn);
}

/* One that does nothing but say so, in each table, and the last one. */
static void unknown_slots(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const union export_word *t = table(sizes[i].id);
		unsigned int at[] = { 5, sizes[i].slots - 1 };

		for (int k = 0; k < 2; k++) {
			CUresult (*slot)(void) = (CUresult(*)(void))t[at[k]].fn;

			last_unsupported = NULL;
			assert_int_equal(slot(), CUDA_ERROR_NOT_SUPPORTED);
			assert_non_null(strstr(last_unsupported, "slot"));
		}
		for (unsigned int k = 1; k < sizes[i].slots; k++)
			assert_non_null(t[k].fn);
	}
}

/* What cuBLASLt asks, and does without: refused, and not complained of. */
static void refused_slot(void **state)
{
	CUresult (*slot)(uint64_t *, uint64_t *) = (CUresult(*)(
		uint64_t *, uint64_t *))table(UNNAMED)[4].fn;
	uint64_t a = 0, b = 0;

	(void)state;
	last_unsupported = NULL;
	assert_int_equal(slot(&a, &b), CUDA_ERROR_NOT_SUPPORTED);
	assert_null(last_unsupported);
	assert_true(!a && !b);
}

static void refused(void **state)
{
	const void *words = state;

	assert_null(table("da9151d33ae6cc41a5c04f26d533e328"));
	assert_null(table("f8cff95121468b4eb9e2fb469e7c0dd9"));
	assert_null(table("00000000000000000000000000000000"));
	assert_int_equal(cuGetExportTable(&words, NULL),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetExportTable(NULL, &(CUuuid){ { 0 } }),
			 CUDA_ERROR_INVALID_VALUE);
}

static void runtime_flags(void **state)
{
	static const struct {
		int slot;
		size_t count;
	} arrays[] = { { 2, 1024 }, { 6, 14 } };

	(void)state;
	for (int i = 0; i < 2; i++) {
		void (*get)(uint32_t **, size_t *) = (void (*)(
			uint32_t **, size_t *))table(HOOKS)[arrays[i].slot].fn;
		uint32_t *flags = NULL;
		size_t n = 0;

		get(&flags, &n);
		assert_int_equal(n, arrays[i].count);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(flags[k], 0);
	}
}

static void contexts(void **state)
{
	CUresult (*primary)(CUcontext *, CUdevice) = (CUresult(*)(
		CUcontext *, CUdevice))table(CUDART)[2].fn;
	CUresult (*current)(CUcontext *) =
		(CUresult(*)(CUcontext *))table(TLS)[2].fn;
	CUresult (*check)(CUcontext, uint32_t *, void **) = (CUresult(*)(
		CUcontext, uint32_t *, void **))table(CHECKS)[2].fn;
	CUcontext ctx = NULL;
	uint32_t flag = 9;
	void *out = &flag;

	(void)state;
	assert_int_equal(primary(&ctx, 1), CUDA_SUCCESS);
	assert_ptr_equal(ctx, 0x101);
	assert_int_equal(current(&ctx), CUDA_SUCCESS);
	assert_ptr_equal(ctx, CTX);
	assert_int_equal(check(CTX, &flag, &out), CUDA_SUCCESS);
	assert_int_equal(flag, 0);
	assert_ptr_equal(out, &flag);
	initialised = false;
	assert_int_equal(current(&ctx), CUDA_ERROR_NOT_INITIALIZED);
	assert_int_equal(primary(&ctx, 0), CUDA_ERROR_NOT_INITIALIZED);
	initialised = true;
}

static void identities(void **state)
{
	CUresult (*ctx_id)(CUcontext, uint64_t *) = (CUresult(*)(
		CUcontext, uint64_t *))table(CONTEXTS)[4].fn;
	CUresult (*inside)(CUcontext, CUstream, void **, unsigned int) =
		(CUresult(*)(CUcontext, CUstream, void **,
			     unsigned int))table(CONTEXTS)[51].fn;
	CUresult (*id_of)(CUcontext, void *, uint64_t *) = (CUresult(*)(
		CUcontext, void *, uint64_t *))table(CONTEXTS)[39].fn;
	static const struct {
		CUstream stream;
		unsigned int per_thread;
		uint64_t id;
	} streams[] = { { NULL, 0, 3 },
			{ NULL, 1, 4 },
			{ CU_STREAM_PER_THREAD, 1, 4 },
			{ STREAM, 0, 5 } };
	uint64_t id = 0;
	void *priv;

	(void)state;
	assert_int_equal(ctx_id(NULL, &id), CUDA_SUCCESS);
	assert_int_equal(id, 77);
	assert_int_equal(ctx_id((CUcontext)1, &id),
			 CUDA_ERROR_INVALID_CONTEXT);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(inside(CTX, streams[i].stream, &priv,
					streams[i].per_thread), CUDA_SUCCESS);
		assert_int_equal(id_of(CTX, priv, &id), CUDA_SUCCESS);
		assert_int_equal(id, streams[i].id);
	}
	assert_int_equal(inside(CTX, (CUstream)-1, &priv, 0),
			 CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(inside(CTX, (CUstream)0x999, &priv, 0),
			 CUDA_ERROR_INVALID_HANDLE);
}

static void count_function(void *data, CUfunction fn, uint64_t owner)
{
	int *calls = data;

	assert_ptr_equal(fn, 0x50 + *calls);
	assert_int_equal(owner, (uintptr_t)MODULE);
	++*calls;
}

static void functions_of_a_module(void **state)
{
	uint64_t (*each)(CUcontext, CUmodule,
			 void (*)(void *, CUfunction, uint64_t), void *) =
		(uint64_t(*)(CUcontext, CUmodule,
			     void (*)(void *, CUfunction, uint64_t),
			     void *))table(MODULES)[7].fn;
	int calls = 0;

	(void)state;
	assert_int_equal(each(CTX, MODULE, count_function, &calls), 3);
	assert_int_equal(calls, 3);
	assert_int_equal(each(CTX, NULL, count_function, &calls), 0);
	assert_int_equal(calls, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_and_addresses),
		cmocka_unit_test(unknown_slots),
		cmocka_unit_test(refused_slot),
		cmocka_unit_test(refused),
		cmocka_unit_test(runtime_flags),
		cmocka_unit_test(contexts),
		cmocka_unit_test(identities),
		cmocka_unit_test(functions_of_a_module),
	};

	return cmocka_run_group_tests_name("export_tables", tests, NULL, NULL);
}

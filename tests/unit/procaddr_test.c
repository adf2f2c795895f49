// SPDX-License-Identifier: BSD-2-Clause
/* cuGetProcAddress: which entry point for which version and stream mode. */
#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#include "frontend/libcuda/procaddr.h"
#include "frontend/libcuda/vg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define DRIVER 13000

int vg_driver_version(void)
{
	return DRIVER;
}

/* All symbols of the table exist here as empty functions, save those of
 * procaddr.c and errors_table.c, which are the real ones. */
#define PROCADDR_SYMBOL(symbol)                                                \
	void stand_in_##symbol(void) __asm__(#symbol);                         \
	void __attribute__((weak)) stand_in_##symbol(void) {}
#include "procaddr_table.h"

static const struct {
	const char *name;
	void (*fn)(void);
} symbols[] = {
#define PROCADDR_SYMBOL(symbol) { #symbol, stand_in_##symbol },
#include "procaddr_table.h"
};

static const char *symbol_at(const void *address)
{
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if ((const void *)(uintptr_t)symbols[i].fn == address)
			return symbols[i].name;
	return "no symbol";
}

/* What NVIDIA's driver is known to answer, for those that are easily got
 * wrong: name, version asked, flags, symbol. */
static const struct {
	const char *name;
	int version;
	unsigned int flags;
	const char *symbol;
} expected[] = {
	{ "cuInit", 2000, 0, "cuInit" },
	{ "cuGetProcAddress", 11030, 0, "cuGetProcAddress" },
	{ "cuGetProcAddress", 12000, 0, "cuGetProcAddress_v2" },
	{ "cuCtxCreate", 2000, 0, "cuCtxCreate" },
	{ "cuCtxCreate", 3020, 0, "cuCtxCreate_v2" },
	{ "cuCtxCreate", 11030, 0, "cuCtxCreate_v2" },
	{ "cuCtxCreate", 11040, 0, "cuCtxCreate_v3" },
	{ "cuCtxCreate", 12050, 0, "cuCtxCreate_v4" },
	{ "cuDeviceGetUuid", 9020, 0, "cuDeviceGetUuid" },
	{ "cuDeviceGetUuid", 11040, 0, "cuDeviceGetUuid_v2" },
	{ "cuDevicePrimaryCtxRelease", 7000, 0, "cuDevicePrimaryCtxRelease" },
	{ "cuDevicePrimaryCtxReset", 11000, 0, "cuDevicePrimaryCtxReset_v2" },
	{ "cuDevicePrimaryCtxSetFlags", 11000, 0,
	  "cuDevicePrimaryCtxSetFlags_v2" },
	{ "cuCtxGetDevice", 2000, 0, "cuCtxGetDevice" },
	{ "cuCtxGetDevice", 12090, 0, "cuCtxGetDevice" },
	{ "cuCtxGetDevice", 13000, 0, "cuCtxGetDevice_v2" },
	{ "cuCtxSynchronize", 2000, 0, "cuCtxSynchronize" },
	{ "cuCtxSynchronize", 13000, 0, "cuCtxSynchronize_v2" },
	{ "cuEventElapsedTime", 2000, 0, "cuEventElapsedTime" },
	{ "cuEventElapsedTime", 12080, 0, "cuEventElapsedTime_v2" },
	{ "cuStreamGetCaptureInfo", 10010, 0, "cuStreamGetCaptureInfo" },
	{ "cuStreamGetCaptureInfo", 11030, 0, "cuStreamGetCaptureInfo_v2" },
	{ "cuStreamGetCaptureInfo", 12030, 0, "cuStreamGetCaptureInfo_v3" },
	{ "cuStreamGetCaptureInfo", 12030, 2,
	  "cuStreamGetCaptureInfo_v3_ptsz" },
	{ "cuStreamWaitValue32", 8000, 0, "cuStreamWaitValue32" },
	{ "cuStreamWaitValue32", 11070, 0, "cuStreamWaitValue32_v2" },
	{ "cuStreamWriteValue64", 9000, 2, "cuStreamWriteValue64_ptsz" },
	{ "cuMemAdvise", 8000, 0, "cuMemAdvise" },
	{ "cuMemPrefetchAsync", 8000, 0, "cuMemPrefetchAsync" },
	{ "cuMemPrefetchAsync", 12020, 2, "cuMemPrefetchAsync_v2_ptsz" },
	{ "cuMemcpyBatchAsync", 12080, 0, "cuMemcpyBatchAsync" },
	{ "cuMemcpyBatchAsync", 13000, 0, "cuMemcpyBatchAsync_v2" },
	{ "cuLinkCreate", 5050, 0, "cuLinkCreate" },
	{ "cuLinkAddData", 6050, 0, "cuLinkAddData_v2" },
	{ "cuMemHostRegister", 4000, 0, "cuMemHostRegister" },
	{ "cuIpcOpenMemHandle", 11000, 0, "cuIpcOpenMemHandle_v2" },
	{ "cuGraphAddKernelNode", 10000, 0, "cuGraphAddKernelNode" },
	{ "cuGraphAddKernelNode", 12000, 0, "cuGraphAddKernelNode_v2" },
	{ "cuGraphInstantiate", 10000, 0, "cuGraphInstantiate" },
	{ "cuGraphInstantiate", 11000, 0, "cuGraphInstantiate_v2" },
	{ "cuGraphGetEdges", 12030, 0, "cuGraphGetEdges_v2" },
	{ "cuGraphAddNode", 12020, 0, "cuGraphAddNode" },
	{ "cuStreamBeginCapture", 10010, 2, "cuStreamBeginCapture_v2_ptsz" },
	{ "cuStreamGetCtx", 9020, 2, "cuStreamGetCtx_ptsz" },
	{ "cuStreamGetCtx", 12050, 0, "cuStreamGetCtx_v2" },
	{ "cuStreamGetCtx", 12050, 2, "cuStreamGetCtx_v2_ptsz" },
	{ "cuCtxPushCurrent", 4000, 0, "cuCtxPushCurrent_v2" },
	{ "cuStreamDestroy", 2000, 0, "cuStreamDestroy" },
	{ "cuMemAlloc", 2000, 0, "cuMemAlloc" },
	{ "cuMemAlloc", 3020, 0, "cuMemAlloc_v2" },
	{ "cuMemcpyHtoD", 3020, 2, "cuMemcpyHtoD_v2" },
	{ "cuMemcpyHtoD", 7000, 1, "cuMemcpyHtoD_v2" },
	{ "cuMemcpyHtoD", 7000, 2, "cuMemcpyHtoD_v2_ptds" },
	{ "cuLaunchKernel", 7000, 0, "cuLaunchKernel" },
	{ "cuLaunchKernel", 13000, 2, "cuLaunchKernel_ptsz" },
	{ "cuMemAlloc", 13000, 2, "cuMemAlloc_v2" },
	{ "cuTexRefSetAddress2D", 4010, 0, "cuTexRefSetAddress2D_v3" },
	{ "cuGLMapBufferObject", 7000, 2, "cuGLMapBufferObject_v2_ptds" },
	{ "cuProfilerStart", 4000, 0, "cuProfilerStart" },
};

static void known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		CUdriverProcAddressQueryResult status;
		void *v1 = NULL, *v2 = NULL;

		assert_int_equal(cuGetProcAddress_v2(expected[i].name, &v2,
						     expected[i].version,
						     expected[i].flags,
						     &status), CUDA_SUCCESS);
		assert_string_equal(symbol_at(v2), expected[i].symbol);
		assert_int_equal(status, CU_GET_PROC_ADDRESS_SUCCESS);
		assert_int_equal(cuGetProcAddress(expected[i].name, &v1,
						  expected[i].version,
						  expected[i].flags),
				 CUDA_SUCCESS);
		assert_ptr_equal(v1, v2);
	}
}

static void number_of_rows(void **state)
{
	(void)state;
	/* 540 of cuda.h and the profiler, 32 of GL, EGL and VDPAU. A newer
	 * toolkit has more. */
	assert_in_range(procaddr_rows(), 572, 2000);
}

static void *const untouched = &(int){ 0 };

static void not_found(void **state)
{
	CUdriverProcAddressQueryResult status;
	void *fn = untouched;

	(void)state;
	assert_int_equal(cuGetProcAddress_v2("cuNothing", &fn, DRIVER, 0,
					     &status), CUDA_SUCCESS);
	assert_null(fn);
	assert_int_equal(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
	fn = untouched;
	assert_int_equal(cuGetProcAddress_v2("cuMemCreate", &fn, 10010, 0,
					     &status), CUDA_SUCCESS);
	assert_null(fn);
	assert_int_equal(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
	assert_int_equal(cuGetProcAddress_v2("cuNothing", &fn, DRIVER, 0,
					     NULL), CUDA_SUCCESS);
	/* A suffix is never part of the name that is asked. */
	assert_int_equal(cuGetProcAddress_v2("cuMemAlloc_v2", &fn, DRIVER, 0,
					     &status), CUDA_SUCCESS);
	assert_null(fn);
	fn = untouched;
	assert_int_equal(cuGetProcAddress("cuNothing", &fn, DRIVER, 0),
			 CUDA_ERROR_NOT_FOUND);
	assert_int_equal(cuGetProcAddress("cuMemCreate", &fn, 10010, 0),
			 CUDA_ERROR_NOT_FOUND);
	assert_ptr_equal(fn, untouched);
}

static void bad_arguments(void **state)
{
	void *fn = untouched;

	(void)state;
	assert_int_equal(cuGetProcAddress_v2("", &fn, 0, 0, NULL),
			 CUDA_ERROR_NOT_FOUND);
	assert_int_equal(cuGetProcAddress("", &fn, 0, 0), CUDA_ERROR_NOT_FOUND);
	fn = untouched;
	assert_int_equal(cuGetProcAddress_v2(NULL, &fn, DRIVER, 0, NULL),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetProcAddress_v2("cuInit", NULL, DRIVER, 0, NULL),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetProcAddress_v2("cuInit", &fn, DRIVER + 10, 0,
					     NULL), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetProcAddress("cuInit", &fn, DRIVER + 10, 0),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetProcAddress_v2("cuInit", &fn, DRIVER, 3, NULL),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetProcAddress_v2("cuInit", &fn, DRIVER, 4, NULL),
			 CUDA_ERROR_INVALID_VALUE);
	assert_ptr_equal(fn, untouched);
}

/* Both halves of the table: sorted, so that the search finds each row, and
 * versions of a name apart. */
static void every_row_is_found(void **state)
{
	static const struct {
		const char *name;
		int version;
		void (*fn)(void);
	} rows[] = {
#define PROCADDR_ROW(name, version, symbol, pt_version, pt_symbol)             \
	{ #name, version, stand_in_##symbol },
#include "procaddr_table.h"
	};
	size_t n = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	assert_int_equal(procaddr_rows(), n);
	for (size_t i = 0; i < n; i++) {
		void *fn = NULL;

		assert_int_equal(procaddr_find(rows[i].name, rows[i].version,
					       false, &fn), PROCADDR_FOUND);
		assert_ptr_equal(fn, (void *)(uintptr_t)rows[i].fn);
	}
}

static void error_texts(void **state)
{
	const char *text = "";

	(void)state;
	assert_int_equal(cuGetErrorName(CUDA_SUCCESS, &text), CUDA_SUCCESS);
	assert_string_equal(text, "CUDA_SUCCESS");
	assert_int_equal(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text),
			 CUDA_SUCCESS);
	assert_string_equal(text, "CUDA_ERROR_ILLEGAL_ADDRESS");
	assert_int_equal(cuGetErrorString(CUDA_ERROR_NOT_FOUND, &text),
			 CUDA_SUCCESS);
	assert_string_equal(text, "named symbol not found");
	assert_int_equal(cuGetErrorString((CUresult)12345, &text),
			 CUDA_ERROR_INVALID_VALUE);
	assert_null(text);
	assert_int_equal(cuGetErrorName((CUresult)-1, &text),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuGetErrorString(CUDA_SUCCESS, NULL),
			 CUDA_ERROR_INVALID_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(number_of_rows),
		cmocka_unit_test(not_found),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(every_row_is_found),
		cmocka_unit_test(error_texts),
	};

	return cmocka_run_group_tests_name("procaddr", tests, NULL, NULL);
}

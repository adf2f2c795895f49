// SPDX-License-Identifier: BSD-2-Clause
/*
 * export_tools.c - three tables of which cuBLASLt and cuFFT use a few slots.
 */
#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#include "frontend/libcuda/export_slots.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"

/*
 * 21318c60: identities of contexts and streams. cuBLASLt keys its kernels on
 * the context id, and orders the use of one workspace by stream ids.
 */
static CUresult context_id(CUcontext ctx, uint64_t *ret)
{
	CUresult r = CUDA_SUCCESS;
	uint64_t id;

	if (!ret)
		return CUDA_ERROR_INVALID_VALUE;
	id = vg_ctx_id(ctx, &r);
	if (!r)
		*ret = id;
	return r;
}

/*
 * The caller gets a handle of a stream's inside, that it only hands back to
 * stream_id() below. The unique id of the stream is that handle: nothing has
 * to be kept for it, and it cannot be mistaken for another stream later.
 */
static CUresult stream_inside(CUcontext ctx, CUstream stream, void **ret,
			      unsigned int per_thread)
{
	uint64_t id;

	if (!ret)
		return CUDA_ERROR_INVALID_VALUE;
	if (stream == (CUstream)-1)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!stream && per_thread)
		stream = CU_STREAM_PER_THREAD;
	id = vg_stream_id(ctx, stream);
	if (!id)
		return CUDA_ERROR_INVALID_HANDLE;
	*ret = (void *)(uintptr_t)id;
	return CUDA_SUCCESS;
}

static CUresult stream_id(CUcontext ctx, const void *inside, uint64_t *ret)
{
	(void)ctx;
	if (!ret)
		return CUDA_ERROR_INVALID_VALUE;
	if (!inside)
		return CUDA_ERROR_INVALID_HANDLE;
	*ret = (uintptr_t)inside;
	return CUDA_SUCCESS;
}

SLOTS(7, t21318c60)

const union export_word export_contexts[] = {
	WORDS(7, t21318c60)
	SIZE_WORDS(93),
	[4] = SLOT(context_id),
	[39] = SLOT(stream_id),
	[51] = SLOT(stream_inside),
};

/*
 * 6e163fbe: call back for each function of a module, and return how many
 * there are. cuFFT wants to hear of exactly one per module that it loads.
 */
typedef void (*function_cb)(void *data, CUfunction fn, uint64_t owner);

static uint64_t each_function(CUcontext ctx, CUmodule module, function_cb cb,
			      void *data)
{
	AUTO_FREE CUfunction *fns = NULL;
	unsigned int n = 0;
	CUresult r = cuModuleGetFunctionCount(&n, module);

	(void)ctx;
	if (!r && n) {
		fns = calloc(n, sizeof(*fns));
		r = fns ? cuModuleEnumerateFunctions(fns, n, module) :
			  CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (r) {
		log_warn("cannot list the functions of a module for its "
			 "library: CUDA error %d", (int)r);
		return 0;
	}
	for (unsigned int i = 0; cb && i < n; i++)
		cb(data, fns[i], (uintptr_t)module);
	return n;
}

SLOTS(7, t6e163fbe)

const union export_word export_modules[] = {
	WORDS(7, t6e163fbe)
	SIZE_WORDS(99),
	[7] = SLOT(each_function),
};

/*
 * 1734dc26: cuBLASLt 13 on sm_90 calls slot 4 while it chooses a kernel, so at
 * each start of PyTorch, with two pointers to zeros, and without a look at
 * whether it got the table. What should be written there nobody has told. It
 * goes on after an error as after success that leaves the zeros: its results
 * are native's, so the refusal is not worth a line at every start.
 */
static CUresult unnamed_4(void)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set(&said))
		log_debug("private table t1734dc26 slot 0x04 is refused: "
			  "cuBLASLt asks, and does without");
	return CUDA_ERROR_NOT_SUPPORTED;
}

SLOTS(5, t1734dc26)

const union export_word export_unnamed[] = {
	WORDS(5, t1734dc26)
	SIZE_WORDS(17),
	[4] = SLOT(unnamed_4),
};

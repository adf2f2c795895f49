// SPDX-License-Identifier: BSD-2-Clause
/* logs.c - the error log: whoever registered hears what is wrong with a call,
 * in the thread that makes it. Nothing is kept. */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>
#include <string.h>

struct CUlogsCallbackEntry_st {
	CUlogsCallback fn;
	void *arg;
};

static _Atomic CUlogsCallbackHandle listener;

void sg_say(char *text)
{
	CUlogsCallbackHandle l = atomic_load(&listener);

	if (l)
		l->fn(l->arg, CU_LOG_LEVEL_ERROR, text, strlen(text));
}

CUresult cuLogsRegisterCallback(CUlogsCallback fn, void *arg,
				CUlogsCallbackHandle *ret)
{
	CUlogsCallbackHandle l = calloc(1, sizeof(*l)), none = NULL;

	if (!fn || !l) {
		free(l);
		return CUDA_ERROR_INVALID_VALUE;
	}
	l->fn = fn;
	l->arg = arg;
	if (!atomic_compare_exchange_strong(&listener, &none, l)) {
		free(l);
		return CUDA_ERROR_NOT_SUPPORTED; /* one is enough here */
	}
	if (ret)
		*ret = l;
	return CUDA_SUCCESS;
}

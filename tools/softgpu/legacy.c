// SPDX-License-Identifier: BSD-2-Clause
/*
 * legacy.c - older entry points under names that cuda.h no longer gives a
 * prototype for, because a #define sends the plain name to the newest one.
 */
#include "tools/softgpu/softgpu.h"

#undef cuDeviceGetUuid
#undef cuEventElapsedTime

#pragma GCC visibility push(default)
CUresult cuCtxCreate_v2(CUcontext *out, unsigned int flags, CUdevice dev);
CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev);
CUresult cuEventElapsedTime(float *ms, CUevent start, CUevent end);
CUresult cuStreamGetCaptureInfo_v2(CUstream h, CUstreamCaptureStatus *status,
				   cuuint64_t *id, CUgraph *graph,
				   const CUgraphNode **deps, size_t *n);
#pragma GCC visibility pop

CUresult cuCtxCreate_v2(CUcontext *out, unsigned int flags, CUdevice dev)
{
	return cuCtxCreate_v4(out, NULL, flags, dev);
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
	return cuDeviceGetUuid_v2(uuid, dev);
}

CUresult cuEventElapsedTime(float *ms, CUevent start, CUevent end)
{
	return cuEventElapsedTime_v2(ms, start, end);
}

CUresult cuStreamGetCaptureInfo_v2(CUstream h, CUstreamCaptureStatus *status,
				   cuuint64_t *id, CUgraph *graph,
				   const CUgraphNode **deps, size_t *n)
{
	return cuStreamGetCaptureInfo_v3(h, status, id, graph, deps, NULL, n);
}

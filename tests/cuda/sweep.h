/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep.h - for the generated sweep_*.c: good arguments, of which one at a
 * time is replaced by a wrong one (sweep.py). Only results are printed. Where
 * the driver crashes there is no answer; the sweep goes on behind that call.
 */
#ifndef TESTS_CUDA_SWEEP_H
#define TESTS_CUDA_SWEEP_H

#include "drv.h"
#include "kernels_ptx.h"
#include "probe.h"

static uint8_t scratch[16][65536] __attribute__((aligned(128)));

static struct handles {
	CUdeviceptr ptr;
	CUcontext ctx;
	CUmodule module;
	CUfunction function;
	CUlibrary library;
	CUkernel kernel;
	CUstream stream;
	CUevent event;
	CUgraph graph;
	CUgraphNode gnode;
	CUgraphExec gexec;
	CUarray array;
	CUmemoryPool mempool;
	CUlinkState link;
	CUuserObject userobj;
	/* There are none of these: NULL. */
	CUmipmappedArray mipmap;
	CUtexref texref;
	CUsurfref surfref;
	CUexternalMemory extmem;
	CUexternalSemaphore extsem;
	CUgreenCtx greenctx;
	CUgraphicsResource gres;
	CUmemGenericAllocationHandle vmm;
	CUdevResourceDesc devdesc;
} good, freed;

static bool with_handles;
#define garbage ((uintptr_t)scratch[15])

static UNUSED_OK void CUDA_CB no_host(void *data)
{
	(void)data;
}

static UNUSED_OK void CUDA_CB no_callback(CUstream s, CUresult res, void *data)
{
	(void)s, (void)res, (void)data;
}

static UNUSED_OK void no_async(CUasyncNotificationInfo *info, void *data,
			       CUasyncCallbackHandle handle)
{
	(void)info, (void)data, (void)handle;
}

static UNUSED_OK size_t CUDA_CB no_shared(int block)
{
	(void)block;
	return 0;
}

/* softgpu has not all of these; what is missing is NULL, and is told. */
static void make(const char *what, CUresult res)
{
	if (res)
		probe_says("no %s: %s", what, drv_name(res));
}

static void make_graphs(struct handles *h)
{
	make("graph", cuGraphCreate(&h->graph, 0));
	if (!h->graph)
		return;
	make("node", cuGraphAddEmptyNode(&h->gnode, h->graph, NULL, 0));
	make("executable graph",
	     cuGraphInstantiateWithFlags(&h->gexec, h->graph, 0));
	make("user object", cuUserObjectCreate(&h->userobj, scratch, no_host,
					       1, 1));
}

static void make_handles(struct handles *h)
{
	CUDA_ARRAY_DESCRIPTOR array = { .Width = 16, .Height = 16,
		.Format = CU_AD_FORMAT_UNSIGNED_INT32, .NumChannels = 1 };
	CUmemPoolProps pool = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = { .type = CU_MEM_LOCATION_TYPE_DEVICE } };

	DRV(cuMemAlloc(&h->ptr, 65536));
	DRV(cuModuleLoadData(&h->module, kernels_ptx));
	DRV(cuModuleGetFunction(&h->function, h->module, "empty"));
	DRV(cuStreamCreate(&h->stream, CU_STREAM_NON_BLOCKING));
	DRV(cuEventCreate(&h->event, 0));
	make("library", cuLibraryLoadData(&h->library, kernels_ptx, NULL,
					  NULL, 0, NULL, NULL, 0));
	if (h->library)
		make("kernel", cuLibraryGetKernel(&h->kernel, h->library,
						  "empty"));
	make("array", cuArrayCreate(&h->array, &array));
	make("pool", cuMemPoolCreate(&h->mempool, &pool));
	make("linker", cuLinkCreate(0, NULL, NULL, &h->link));
	make_graphs(h);
}

static void free_handles(const struct handles *h)
{
	if (h->userobj)
		DRV(cuUserObjectRelease(h->userobj, 1));
	if (h->gexec)
		DRV(cuGraphExecDestroy(h->gexec));
	if (h->graph)
		DRV(cuGraphDestroy(h->graph));
	make("end of a linker", cuLinkDestroy(h->link));
	make("end of a pool", cuMemPoolDestroy(h->mempool));
	make("end of an array", cuArrayDestroy(h->array));
	make("end of a library", cuLibraryUnload(h->library));
	DRV(cuEventDestroy(h->event));
	DRV(cuStreamDestroy(h->stream));
	DRV(cuModuleUnload(h->module));
	DRV(cuMemFree(h->ptr));
}

static void make_all(void)
{
	CUdevice dev = drv_open(&good.ctx);

	if (with_handles) {
		DRV(cuCtxCreate(&freed.ctx, NULL, 0, dev));
		DRV(cuCtxDestroy(freed.ctx));
		DRV(cuCtxSetCurrent(good.ctx));
		make_handles(&freed);
		free_handles(&freed);
	}
	make_handles(&good);
}

/* Each call finds what the first one found. */
static void level(void)
{
	memset(scratch, 0, sizeof(scratch));
	cuCtxSetCurrent(good.ctx);
}

/* Through the stack the driver crashes elsewhere, and the rest would find
 * nobody: that is this probe's crash too. */
static CUresult answered(CUresult res)
{
	if (res == CUDA_ERROR_SYSTEM_NOT_READY)
		abort();
	return res;
}

#define TRY(what, f, ...)                                                      \
	do {                                                                   \
		if (probe_new()) {                                             \
			level();                                               \
			PROBE(what, answered(f(__VA_ARGS__)));                 \
		} else {                                                       \
			probe_skip();                                          \
		}                                                              \
	} while (0)

struct sweep {
	void (*const *calls)(void);
	size_t n;
};

static void sweep_run(const void *data)
{
	const struct sweep *s = data;

	probes->resumes = true;
	make_all();
	for (size_t i = 0; i < s->n; i++)
		s->calls[i]();
}

static int sweep_all(void (*const *calls)(void), size_t n)
{
	const struct sweep s = { calls, n };

	return probe_group("all calls", sweep_run, &s);
}

#endif

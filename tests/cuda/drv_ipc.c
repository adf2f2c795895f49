// SPDX-License-Identifier: BSD-2-Clause
/* drv_ipc.c - memory and an event shared between two processes by handle. */
#include "drv.h"
#include "kernels_ptx.h"
#include "two.h"

#define N 4096

struct letter {
	CUipcMemHandle mem;
	CUipcEventHandle event;
};

/* Opens what the parent shares, waits for its event, adds 20. */
static void child(int sock)
{
	struct letter l;
	CUdeviceptr p;
	CUcontext ctx;
	CUmodule mod;
	CUevent ev;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	get(sock, &l, sizeof(l));
	DRV(cuIpcOpenMemHandle(&p, l.mem, CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS));
	DRV(cuIpcOpenEventHandle(&ev, l.event));
	DRV(cuStreamWaitEvent(NULL, ev, 0));
	drv_bump(mod, p, N, 20, NULL);
	DRV(cuCtxSynchronize());
	DRV(cuEventDestroy(ev));
	DRV(cuIpcCloseMemHandle(p));
	put(sock, "x", 1);
}

static void parent(int sock)
{
	CUdeviceptr p, q;
	unsigned got = 0;
	struct letter l;
	CUcontext ctx;
	CUmodule mod;
	CUevent ev;
	char done;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	p = drv_alloc(N * 4);
	DRV(cuMemsetD32(p, 1, N));
	DRV(cuEventCreate(&ev, CU_EVENT_INTERPROCESS |
			  CU_EVENT_DISABLE_TIMING));
	DRV(cuIpcGetMemHandle(&l.mem, p));
	DRV(cuIpcGetEventHandle(&l.event, ev));
	drv_bump(mod, p, N, 10, NULL);
	DRV(cuEventRecord(ev, NULL));
	put(sock, &l, sizeof(l));
	get(sock, &done, 1);
	DRV(cuMemcpyDtoH(&got, p + 4 * (N - 1), 4));
	printf("shared memory %u\n", got);
	if (got != 31)
		wrong_result("drv_ipc: should be 31");
	SHOW("opened by its own process", cuIpcOpenMemHandle(&q, l.mem,
		CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS));
	DRV(cuEventDestroy(ev));
	DRV(cuMemFree(p));
}

int main(int argc, char **argv)
{
	return two_processes(argc, argv, parent, child);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_ipc_pool.c - a memory pool shared between two processes as a file
 * descriptor, and memory out of it.
 */
#include "drv.h"
#include "kernels_ptx.h"
#include "two.h"

#define N 4096

/* Imports the parent's pool and its memory, adds 200. */
static void child(int sock)
{
	CUmemPoolPtrExportData data;
	CUmemoryPool pool;
	CUdeviceptr q;
	CUcontext ctx;
	CUmodule mod;
	int fd;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	fd = receive_fd(sock);
	get(sock, &data, sizeof(data));
	DRV(cuMemPoolImportFromShareableHandle(
		&pool, (void *)(intptr_t)fd,
		CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
	close(fd);
	DRV(cuMemPoolImportPointer(&q, pool, &data));
	drv_bump(mod, q, N, 200, NULL);
	DRV(cuCtxSynchronize());
	DRV(cuMemFree(q));
	DRV(cuMemPoolDestroy(pool));
	put(sock, "x", 1);
}

static CUdeviceptr pooled_memory(CUdevice dev, CUmemoryPool *pool, int *fd,
				 CUmemPoolPtrExportData *data)
{
	CUmemPoolProps props = {
		.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.handleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR,
		.location.type = CU_MEM_LOCATION_TYPE_DEVICE,
		.location.id = dev
	};
	CUdeviceptr q;

	DRV(cuMemPoolCreate(pool, &props));
	DRV(cuMemAllocFromPoolAsync(&q, N * 4, *pool, NULL));
	DRV(cuStreamSynchronize(NULL));
	DRV(cuMemPoolExportToShareableHandle(
		fd, *pool, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
	DRV(cuMemPoolExportPointer(data, q));
	return q;
}

static void parent(int sock)
{
	CUmemPoolPtrExportData data;
	unsigned got = 0;
	CUmemoryPool pool;
	CUdeviceptr q;
	CUcontext ctx;
	char done;
	int fd = -1;
	CUdevice dev = drv_open(&ctx);

	q = pooled_memory(dev, &pool, &fd, &data);
	DRV(cuMemsetD32(q, 2, N));
	DRV(cuCtxSynchronize());
	send_fd(sock, fd);
	close(fd);
	put(sock, &data, sizeof(data));
	get(sock, &done, 1);
	DRV(cuMemcpyDtoH(&got, q + 4 * (N - 1), 4));
	printf("shared pool %u\n", got);
	if (got != 202)
		wrong_result("drv_ipc_pool: should be 202");
	DRV(cuMemFree(q));
	DRV(cuMemPoolDestroy(pool));
}

int main(int argc, char **argv)
{
	return two_processes(argc, argv, parent, child);
}

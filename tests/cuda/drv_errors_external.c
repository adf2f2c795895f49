// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_external.c - memory and semaphores of graphics APIs, taken in
 * wrongly. Rightly takes such an API; of that there is none here.
 */
#include "errors.h"

static void imports(CUdevice dev, CUmodule mod)
{
	CUDA_EXTERNAL_MEMORY_HANDLE_DESC m = { .size = 65536 };
	CUDA_EXTERNAL_SEMAPHORE_HANDLE_DESC s = { 0 };
	CUexternalMemory mem = NULL;
	CUexternalSemaphore sem = NULL;

	(void)dev, (void)mod;
	PROBE("memory to NULL", cuImportExternalMemory(NULL, &m));
	PROBE("memory of NULL", cuImportExternalMemory(&mem, NULL));
	PROBE("memory of no type", cuImportExternalMemory(&mem, &m));
	m.type = (CUexternalMemoryHandleType)99;
	PROBE("memory of type 99", cuImportExternalMemory(&mem, &m));
	PROBE("a semaphore to NULL", cuImportExternalSemaphore(NULL, &s));
	PROBE("a semaphore of NULL", cuImportExternalSemaphore(&sem, NULL));
	PROBE("a semaphore of no type", cuImportExternalSemaphore(&sem, &s));
	s.type = (CUexternalSemaphoreHandleType)99;
	PROBE("a semaphore of type 99", cuImportExternalSemaphore(&sem, &s));
}

static void uses(CUdevice dev, CUmodule mod)
{
	CUDA_EXTERNAL_MEMORY_MIPMAPPED_ARRAY_DESC a = { .numLevels = 1 };
	CUDA_EXTERNAL_MEMORY_BUFFER_DESC b = { .size = 4096 };
	CUDA_EXTERNAL_SEMAPHORE_SIGNAL_PARAMS signal = { 0 };
	CUDA_EXTERNAL_SEMAPHORE_WAIT_PARAMS wait = { 0 };
	CUexternalSemaphore sem = NULL;
	CUmipmappedArray array;
	CUdeviceptr p = 0;

	(void)dev, (void)mod;
	PROBE("destroy no memory", cuDestroyExternalMemory(NULL));
	PROBE("destroy no semaphore", cuDestroyExternalSemaphore(NULL));
	PROBE("a buffer of no memory",
	      cuExternalMemoryGetMappedBuffer(&p, NULL, &b));
	PROBE("an array of no memory",
	      cuExternalMemoryGetMappedMipmappedArray(&array, NULL, &a));
	PROBE("signal NULL",
	      cuSignalExternalSemaphoresAsync(NULL, &signal, 1, NULL));
	PROBE("signal with NULL",
	      cuSignalExternalSemaphoresAsync(&sem, NULL, 1, NULL));
	PROBE("wait for NULL",
	      cuWaitExternalSemaphoresAsync(NULL, &wait, 1, NULL));
	PROBE("wait with NULL",
	      cuWaitExternalSemaphoresAsync(&sem, NULL, 1, NULL));
}

static void nodes(CUdevice dev, CUmodule mod)
{
	CUDA_EXT_SEM_SIGNAL_NODE_PARAMS signal = { 0 };
	CUDA_EXT_SEM_WAIT_NODE_PARAMS wait = { 0 };
	CUgraphNode n = NULL;
	CUgraph g;

	(void)dev, (void)mod;
	READY(cuGraphCreate(&g, 0));
	PROBE("a signal node to NULL",
	      cuGraphAddExternalSemaphoresSignalNode(NULL, g, NULL, 0,
						     &signal));
	PROBE("a signal node in NULL",
	      cuGraphAddExternalSemaphoresSignalNode(&n, NULL, NULL, 0,
						     &signal));
	PROBE("a signal node of NULL",
	      cuGraphAddExternalSemaphoresSignalNode(&n, g, NULL, 0, NULL));
	PROBE("a wait node to NULL",
	      cuGraphAddExternalSemaphoresWaitNode(NULL, g, NULL, 0, &wait));
	PROBE("a wait node in NULL",
	      cuGraphAddExternalSemaphoresWaitNode(&n, NULL, NULL, 0, &wait));
	PROBE("a wait node of NULL",
	      cuGraphAddExternalSemaphoresWaitNode(&n, g, NULL, 0, NULL));
	PROBE("parameters of no node",
	      cuGraphExternalSemaphoresSignalNodeGetParams(NULL, &signal));
	PROBE("parameters of no wait node",
	      cuGraphExternalSemaphoresWaitNodeGetParams(NULL, &wait));
	PROBE("set parameters of no node",
	      cuGraphExternalSemaphoresSignalNodeSetParams(NULL, &signal));
	PROBE("set parameters of no wait node",
	      cuGraphExternalSemaphoresWaitNodeSetParams(NULL, &wait));
}

static void others(CUdevice dev, CUmodule mod)
{
	int fd = -1;

	(void)mod;
	PROBE("a dma-buf to NULL",
	      cuMemGetHandleForAddressRange(NULL, 4096, 4096,
			CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD, 0));
	PROBE("a dma-buf of nothing",
	      cuMemGetHandleForAddressRange(&fd, 0, 0,
			CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD, 0));
	PROBE("a notification to NULL",
	      cuDeviceRegisterAsyncNotification(dev, NULL, NULL, NULL));
}

static const struct group groups[] = {
	{ "imports", imports, true },
	{ "uses", uses, true },
	{ "nodes", nodes, true },
	{ "others", others, true },
};

int main(void)
{
	return groups_run(groups, 4);
}

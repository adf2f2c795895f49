// SPDX-License-Identifier: BSD-2-Clause
// attrs.cu - the device as a program sees it. Only what stays the same from
// run to run; no UUID and no PCI address, which each VM has for itself, and
// no clock rates and no sizes that a quota changes.
#include "rt.h"

__constant__ int table[100];
__device__ int global_word = 7;

__global__ void kernel(int *p)
{
	__shared__ int s[64];

	s[threadIdx.x % 64] = table[threadIdx.x % 100];
	__syncthreads();
	*p = s[0] + global_word;
}

#define SHOW(field) printf("%s %lld\n", #field, (long long)p.field)

static void device(void)
{
	cudaDeviceProp p;
	int n = 0, dev = -1;

	RT(cudaGetDeviceCount(&n));
	RT(cudaGetDevice(&dev));
	RT(cudaGetDeviceProperties(&p, dev));
	printf("devices %d current %d name %s\n", n, dev, p.name);
	if (n < 1 || dev != 0 || p.major < 5)
		fail("attrs: no usable device");
	SHOW(major);
	SHOW(minor);
	SHOW(multiProcessorCount);
	SHOW(warpSize);
	SHOW(maxThreadsPerBlock);
	SHOW(maxThreadsPerMultiProcessor);
	SHOW(maxThreadsDim[0]);
	SHOW(maxThreadsDim[2]);
	SHOW(maxGridSize[0]);
	SHOW(maxGridSize[1]);
	SHOW(sharedMemPerBlock);
	SHOW(sharedMemPerBlockOptin);
	SHOW(sharedMemPerMultiprocessor);
	SHOW(regsPerBlock);
	SHOW(totalConstMem);
	SHOW(l2CacheSize);
	SHOW(memoryBusWidth);
	SHOW(asyncEngineCount);
	SHOW(concurrentKernels);
	SHOW(unifiedAddressing);
	SHOW(managedMemory);
	SHOW(cooperativeLaunch);
	SHOW(textureAlignment);
	SHOW(maxTexture2D[0]);
	if (p.warpSize != 32 || !p.unifiedAddressing)
		fail("attrs: a warp of %d, unified addressing %d", p.warpSize,
		     p.unifiedAddressing);
}

static void versions(void)
{
	int driver = 0, runtime = 0, low = 0, high = 0;
	size_t stack = 0, fifo = 0;

	RT(cudaDriverGetVersion(&driver));
	RT(cudaRuntimeGetVersion(&runtime));
	RT(cudaDeviceGetStreamPriorityRange(&low, &high));
	RT(cudaDeviceGetLimit(&stack, cudaLimitStackSize));
	RT(cudaDeviceGetLimit(&fifo, cudaLimitPrintfFifoSize));
	printf("driver %d runtime %d priorities %d..%d stack %zu printf %zu\n",
	       driver, runtime, low, high, stack, fifo);
	if (driver < runtime)
		fail("attrs: the driver is older than the runtime");
}

static void function(void)
{
	cudaFuncAttributes f;
	int blocks = 0, grid = 0, block = 0;
	size_t size = 0;
	void *address = NULL;

	RT(cudaFuncGetAttributes(&f, kernel));
	printf("kernel shared %zu const %zu local %zu max threads %d\n",
	       f.sharedSizeBytes, f.constSizeBytes, f.localSizeBytes,
	       f.maxThreadsPerBlock);
	RT(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernel, 128,
							 0));
	RT(cudaOccupancyMaxPotentialBlockSize(&grid, &block, kernel, 0, 0));
	printf("occupancy %d blocks of 128; best block %d\n", blocks, block);
	RT(cudaGetSymbolSize(&size, table));
	RT(cudaGetSymbolAddress(&address, global_word));
	printf("table has %zu bytes\n", size);
	if (blocks < 1 || size != sizeof(table) || !address)
		fail("attrs: occupancy or symbols are wrong");
}

static void symbols(void)
{
	int values[100], h = 0, *d = dev_alloc<int>(1), word = 1000;

	for (int i = 0; i < 100; i++)
		values[i] = i + 5;
	RT(cudaMemcpyToSymbol(table, values, sizeof(values)));
	RT(cudaMemcpyToSymbol(global_word, &word, sizeof(word)));
	kernel<<<1, 64>>>(d);
	RT_LAUNCHED();
	to_host(&h, d, 1);
	printf("kernel gives %d\n", h);
	if (h != 1005)
		fail("attrs: the kernel should give 1005");
	RT(cudaMemcpyFromSymbol(values, table, 16, 40));
	if (values[0] != 15)
		fail("attrs: table[10] is %d, not 15", values[0]);
	RT(cudaFree(d));
}

int main(void)
{
	device();
	versions();
	function();
	symbols();
	return 0;
}

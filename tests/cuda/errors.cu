// SPDX-License-Identifier: BSD-2-Clause
// errors.cu - wrong calls: each gives its error by name, and none of them
// harms what comes after.
#include <string.h>

#include "rt.h"

__global__ void set(int *p, int v)
{
	if (threadIdx.x == 0 && blockIdx.x == 0)
		*p = v;
}

static int wrong;

/* @want NULL: any error will do, since drivers have changed their minds. */
static void expect(const char *what, cudaError_t got, const char *want)
{
	const char *name = cudaGetErrorName(got);
	int ok = want ? !strcmp(name, want) : got != cudaSuccess;

	printf("%-34s %s\n", what, name);
	if (!ok) {
		fprintf(stderr, "errors: %s should give %s\n", what,
			want ? want : "an error");
		wrong++;
	}
	/* What the call left behind must be the same, and then be gone. */
	if (got != cudaSuccess)
		(void)cudaGetLastError();
	if (cudaPeekAtLastError() != cudaSuccess) {
		fprintf(stderr, "errors: %s left a sticky error\n", what);
		wrong++;
	}
}

static void launches(int *d)
{
	set<<<1, 1025>>>(d, 1);
	expect("1025 threads in a block", cudaGetLastError(),
	       "cudaErrorInvalidValue");
	set<<<1, dim3(1, 1, 65)>>>(d, 1);
	expect("65 threads in z", cudaGetLastError(),
	       "cudaErrorInvalidValue");
	set<<<1, 0>>>(d, 1);
	expect("no threads", cudaGetLastError(),
	       "cudaErrorInvalidValue");
	set<<<0, 1>>>(d, 1);
	expect("no blocks", cudaGetLastError(),
	       "cudaErrorInvalidValue");
	set<<<dim3(1, 65536, 1), 1>>>(d, 1);
	expect("65536 blocks in y", cudaGetLastError(), NULL);
	set<<<1, 1, 1 << 20>>>(d, 1);
	expect("1 MiB of shared memory", cudaGetLastError(),
	       "cudaErrorInvalidValue");
}

static void memory(int *d)
{
	int h = 0;
	void *p = NULL;

	expect("cudaMalloc of 2^60 bytes", cudaMalloc(&p, 1ull << 60),
	       "cudaErrorMemoryAllocation");
	expect("cudaMalloc to NULL", cudaMalloc((void **)NULL, 4),
	       "cudaErrorInvalidValue");
	expect("cudaMalloc of nothing", cudaMalloc(&p, 0), "cudaSuccess");
	expect("cudaFree of NULL", cudaFree(NULL), "cudaSuccess");
	expect("cudaFree of a wrong address",
	       cudaFree((void *)0x123456789000ull), "cudaErrorInvalidValue");
	expect("cudaFree inside a block", cudaFree(d + 1),
	       "cudaErrorInvalidValue");
	expect("cudaMemcpy of a wrong kind",
	       cudaMemcpy(d, &h, 4, (cudaMemcpyKind)77),
	       "cudaErrorInvalidMemcpyDirection");
	expect("cudaMemcpy to NULL",
	       cudaMemcpy(NULL, &h, 4, cudaMemcpyHostToDevice),
	       "cudaErrorInvalidValue");
	expect("cudaMemcpy of nothing",
	       cudaMemcpy(d, &h, 0, cudaMemcpyHostToDevice), "cudaSuccess");
	expect("cudaMemset past the end", cudaMemset(d, 0, 1ull << 40),
	       "cudaErrorInvalidValue");
	expect("cudaFreeHost of a wrong address", cudaFreeHost(&h),
	       "cudaErrorInvalidValue");
}

static void handles(void)
{
	cudaFuncAttributes fa;
	cudaDeviceProp prop;
	cudaEvent_t a, b;
	float ms;
	int v;

	expect("cudaSetDevice(99)", cudaSetDevice(99),
	       "cudaErrorInvalidDevice");
	expect("cudaSetDevice(-1)", cudaSetDevice(-1),
	       "cudaErrorInvalidDevice");
	expect("properties of device 99", cudaGetDeviceProperties(&prop, 99),
	       "cudaErrorInvalidDevice");
	expect("attribute 9999",
	       cudaDeviceGetAttribute(&v, (cudaDeviceAttr)9999, 0),
	       "cudaErrorInvalidValue");
	expect("attributes of no function", cudaFuncGetAttributes(&fa, &wrong),
	       NULL);
	expect("an event in NULL", cudaEventCreate((cudaEvent_t *)NULL),
	       "cudaErrorInvalidValue");
	RT(cudaEventCreate(&a));
	RT(cudaEventCreate(&b));
	expect("elapsed time of fresh events", cudaEventElapsedTime(&ms, a, b),
	       "cudaErrorInvalidResourceHandle");
	RT(cudaEventDestroy(a));
	RT(cudaEventDestroy(b));
}

static void names(void)
{
	printf("%s: %s\n", cudaGetErrorName(cudaErrorMemoryAllocation),
	       cudaGetErrorString(cudaErrorMemoryAllocation));
	printf("%s: %s\n", cudaGetErrorName(cudaErrorIllegalAddress),
	       cudaGetErrorString(cudaErrorIllegalAddress));
	printf("%s: %s\n", cudaGetErrorName((cudaError_t)12345),
	       cudaGetErrorString((cudaError_t)12345));
}

int main(void)
{
	int h = 0, *d = dev_alloc<int>(1);

	launches(d);
	memory(d);
	handles();
	names();
	/* The device still works. */
	set<<<1, 32>>>(d, 77);
	RT_LAUNCHED();
	to_host(&h, d, 1);
	printf("afterwards a kernel gives %d\n", h);
	if (h != 77)
		fail("errors: afterwards the kernel should give 77");
	RT(cudaFree(d));
	if (wrong)
		fail("errors: %d results were wrong", wrong);
	return 0;
}

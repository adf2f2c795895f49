// SPDX-License-Identifier: BSD-2-Clause
// fault.cu - device faults: the error is named, it is sticky, a new process
// is not touched by it. Each fault runs in a child, since after one nothing
// in a process works; the parent uses CUDA only after its last fork.
#include <assert.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt.h"

__global__ void write_far(int *p)
{
	*p = 1;
}

__global__ void assert_false(int v)
{
	assert(v == 1);
}

__global__ void trap(void)
{
	asm volatile("trap;");
}

__global__ void misaligned(char *p)
{
	*(volatile int *)(p + 1) = 1;
}

static void launch(int which, int *d)
{
	if (which == 0)
		write_far<<<1, 1>>>((int *)0x10);
	else if (which == 1)
		assert_false<<<1, 1>>>(2);
	else if (which == 2)
		trap<<<1, 1>>>();
	else
		misaligned<<<1, 1>>>((char *)d);
}

static void child(int which, const char *want)
{
	int *d = dev_alloc<int>(4);
	const char *first, *second;
	void *p;

	launch(which, d);
	RT(cudaGetLastError());
	first = cudaGetErrorName(cudaDeviceSynchronize());
	second = cudaGetErrorName(cudaMalloc(&p, 16));
	printf("%s, then %s\n", first, second);
	if (strcmp(first, second) || (want && strcmp(first, want)) ||
	    !strcmp(first, "cudaSuccess"))
		fail("fault: should be %s both times",
		     want ? want : "one error");
	fflush(stdout);
	_exit(0);
}

int main(void)
{
	/* NULL: the name that a trap gives depends on the GPU. */
	static const char *const want[] = {
		"cudaErrorIllegalAddress", "cudaErrorAssert",
		NULL, "cudaErrorMisalignedAddress"
	};
	int h = 0, *d, status;

	for (int i = 0; i < 4; i++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid < 0)
			fail("fault: cannot fork");
		if (pid == 0)
			child(i, want[i]);
		if (waitpid(pid, &status, 0) != pid || status)
			fail("fault: child %d ended with status %#x", i,
			     status);
	}
	d = dev_alloc<int>(1);
	write_far<<<1, 1>>>(d);
	RT_LAUNCHED();
	to_host(&h, d, 1);
	printf("afterwards a kernel gives %d\n", h);
	return h == 1 ? 0 : 1;
}

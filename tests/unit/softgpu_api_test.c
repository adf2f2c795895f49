// SPDX-License-Identifier: BSD-2-Clause
/* softgpu_api_test.c - the driver API of softgpu: order, errors, images. */
#include "tests/unit/softgpu_rig.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEAD ".version 8.0\n.target sm_80\n.address_size 64\n"

static int load(const char *body)
{
	char text[4096];
	CUmodule m;
	int r;

	snprintf(text, sizeof(text), HEAD "%s", body);
	r = (int)cuModuleLoadData(&m, text);
	if (!r)
		OK(cuModuleUnload(m));
	return r;
}

static void refused(void **state)
{
	static const unsigned char elf[64] = "\177ELF";
	CUmodule m;

	(void)state;
	assert_int_equal(load(".visible .entry k() { ret; }"), 0);
	assert_int_equal(load(".visible .entry k() { .reg .f32 %f<3>;\n"
			      "add.rn.f32 %f1, %f2; ret; }"),
			 CUDA_ERROR_INVALID_PTX);
	assert_int_equal(load(".visible .entry k() { bra nowhere; }"),
			 CUDA_ERROR_INVALID_PTX);
	assert_int_equal(load(".visible .entry k( { ret; }"),
			 CUDA_ERROR_INVALID_PTX);
	assert_int_equal(load(".visible .entry k() { ret;"),
			 CUDA_ERROR_INVALID_PTX);
	assert_int_equal(cuModuleLoadData(&m, "this is no PTX"),
			 CUDA_ERROR_INVALID_PTX);
	/* known to PTX, not to us: named, never guessed */
	assert_int_equal(load(".visible .entry k() { .reg .b32 %r<9>;\n"
			      "ldmatrix.sync.aligned.m8n8.x1.shared.b16 "
			      "{%r1}, [%r2]; ret; }"),
			 CUDA_ERROR_NOT_SUPPORTED);
	assert_int_equal(load(".visible .entry k() { .reg .b32 %r<3>;\n"
			      "add.strange.u32 %r1, %r2, 1; ret; }"),
			 CUDA_ERROR_NOT_SUPPORTED);
	assert_int_equal(cuModuleLoadData(&m, elf),
			 CUDA_ERROR_NO_BINARY_FOR_GPU);
}

static void fatbins(void **state)
{
	struct {
		unsigned int magic, version;
		const void *data;
		const void *files;
	} wrapper = { 0x466243b1, 1, test_fatbin, NULL };
	unsigned int n = 0;
	size_t off, size;
	CUlibrary lib;
	CUkernel k;
	CUmodule m;

	(void)state;
	OK(cuModuleLoadData(&m, test_fatbin));
	OK(cuModuleGetFunctionCount(&n, m));
	assert_true(n > 10);
	OK(cuModuleUnload(m));
	OK(cuLibraryLoadData(&lib, &wrapper, NULL, NULL, 0, NULL, NULL, 0));
	OK(cuLibraryGetKernel(&k, lib, "k_add"));
	OK(cuKernelGetParamInfo(k, 1, &off, &size));
	assert_int_equal(off, 8);
	assert_int_equal(size, 4);
	assert_int_equal(cuKernelGetParamInfo(k, 3, &off, &size),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuLibraryGetKernel(&k, lib, "absent"),
			 CUDA_ERROR_NOT_FOUND);
	OK(cuLibraryUnload(lib));
}

/* A library's kernel is launched by its own handle, as cudart does. */
static void library_launch(void **state)
{
	int host[8] = { 0 }, v = 3, n = 8;
	CUdeviceptr p;
	CUlibrary lib;
	CUkernel k;
	void *params[] = { &p, &v, &n };

	(void)state;
	OK(cuLibraryLoadData(&lib, test_fatbin, NULL, NULL, 0, NULL, NULL, 0));
	OK(cuLibraryGetKernel(&k, lib, "k_add"));
	OK(cuMemAlloc(&p, sizeof(host)));
	OK(cuMemsetD32(p, 10, 8));
	OK(cuLaunchKernel((CUfunction)k, 1, 1, 1, 32, 1, 1, 0, NULL, params,
			  NULL));
	OK(cuMemcpyDtoH(host, p, sizeof(host)));
	for (int i = 0; i < 8; i++)
		assert_int_equal(host[i], 13);
	OK(cuMemFree(p));
	OK(cuLibraryUnload(lib));
}

static void extra_launch(void **state)
{
	int host = 0;
	struct {
		CUdeviceptr p;
		int v, n;
	} buffer = { 0, 5, 1 };
	size_t size = sizeof(buffer);
	void *extra[] = { CU_LAUNCH_PARAM_BUFFER_POINTER, &buffer,
			  CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
			  CU_LAUNCH_PARAM_END };
	CUfunction f = function("k_add");

	(void)state;
	OK(cuMemAlloc(&buffer.p, 4));
	OK(cuMemcpyHtoD(buffer.p, &host, 4));
	OK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
	OK(cuMemcpyDtoH(&host, buffer.p, 4));
	assert_int_equal(host, 5);
	size = 8; /* what is not sent is 0, n too */
	OK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, extra));
	OK(cuMemcpyDtoH(&host, buffer.p, 4));
	assert_int_equal(host, 5);
	size = sizeof(buffer);
	assert_int_equal(cuLaunchKernel(f, 1, 1, 1, 2048, 1, 1, 0, NULL, NULL,
					extra),
			 CUDA_ERROR_INVALID_VALUE);
	OK(cuMemFree(buffer.p));
}

static void nap(void)
{
	usleep(20000);
}

/* Work is really asynchronous, and streams order it as CUDA says. */
static void streams(void **state)
{
	int *go, v = 1, n = 1, host = -1;
	CUstream blocking, free_running;
	CUfunction spin = function("k_spin"), add = function("k_add");
	CUdeviceptr p;
	CUevent done;
	void *spin_args[] = { &go }, *add_args[] = { &p, &v, &n };

	(void)state;
	OK(cuMemHostAlloc((void **)&go, 4096, 0));
	*go = 0;
	OK(cuMemAlloc(&p, 4));
	OK(cuMemsetD32(p, 0, 1));
	OK(cuCtxSynchronize());
	OK(cuStreamCreate(&blocking, 0));
	OK(cuStreamCreate(&free_running, CU_STREAM_NON_BLOCKING));
	OK(cuEventCreate(&done, 0));
	OK(cuLaunchKernel(spin, 1, 1, 1, 1, 1, 1, 0, blocking, spin_args,
			  NULL));
	OK(cuEventRecord(done, blocking));
	assert_int_equal(cuStreamQuery(blocking), CUDA_ERROR_NOT_READY);
	assert_int_equal(cuEventQuery(done), CUDA_ERROR_NOT_READY);
	/* the legacy stream waits for it, a non-blocking one does not */
	OK(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, add_args, NULL));
	OK(cuMemcpyDtoHAsync(&host, p, 4, free_running));
	assert_int_equal(host, 0);
	OK(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, free_running, add_args,
			  NULL));
	OK(cuStreamSynchronize(free_running));
	OK(cuMemcpyDtoHAsync(&host, p, 4, free_running));
	assert_int_equal(host, 1);
	/* what waits for the event comes after it */
	OK(cuStreamWaitEvent(free_running, done, 0));
	OK(cuStreamWriteValue32(free_running, p, 100, 0));
	nap();
	assert_int_equal(cuStreamQuery(free_running), CUDA_ERROR_NOT_READY);
	*(volatile int *)go = 1;
	OK(cuEventSynchronize(done));
	OK(cuStreamSynchronize(free_running));
	OK(cuCtxSynchronize());
	OK(cuStreamQuery(NULL));
	OK(cuEventDestroy(done));
	OK(cuStreamDestroy(blocking));
	OK(cuStreamDestroy(free_running));
	assert_int_equal(cuStreamDestroy(blocking), CUDA_ERROR_INVALID_HANDLE);
	OK(cuMemFreeHost(go));
	OK(cuMemFree(p));
}

/* More kernels than workers that never end on their own. */
static void many_spinning(void **state)
{
	int *go, v = 1, n = 1, host = 0;
	CUstream s[5], other;
	CUfunction spin = function("k_spin"), add = function("k_add");
	CUdeviceptr p;
	void *spin_args[] = { &go }, *add_args[] = { &p, &v, &n };

	(void)state;
	OK(cuMemHostAlloc((void **)&go, 64, 0));
	*go = 0;
	OK(cuMemAlloc(&p, 4));
	OK(cuMemsetD32(p, 41, 1));
	OK(cuCtxSynchronize());
	for (int i = 0; i < 5; i++) {
		OK(cuStreamCreate(&s[i], CU_STREAM_NON_BLOCKING));
		OK(cuLaunchKernel(spin, 2, 1, 1, 64, 1, 1, 0, s[i], spin_args,
				  NULL));
	}
	OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	OK(cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, other, add_args, NULL));
	OK(cuMemcpyDtoHAsync(&host, p, 4, other));
	assert_int_equal(host, 42);
	*(volatile int *)go = 1;
	OK(cuCtxSynchronize());
	for (int i = 0; i < 5; i++)
		OK(cuStreamDestroy(s[i]));
	OK(cuStreamDestroy(other));
	OK(cuMemFreeHost(go));
	OK(cuMemFree(p));
}

static void count_up(void *arg)
{
	++*(int *)arg;
}

static void values_and_hosts(void **state)
{
	int counter = 0;
	CUstream a, b;
	CUdeviceptr p;

	(void)state;
	OK(cuStreamCreate(&a, CU_STREAM_NON_BLOCKING));
	OK(cuStreamCreate(&b, CU_STREAM_NON_BLOCKING));
	OK(cuMemAlloc(&p, 8));
	OK(cuMemsetD32Async(p, 0, 2, a));
	OK(cuStreamSynchronize(a));
	OK(cuStreamWaitValue32(a, p, 7, CU_STREAM_WAIT_VALUE_EQ));
	OK(cuLaunchHostFunc(a, count_up, &counter));
	nap();
	assert_int_equal(cuStreamQuery(a), CUDA_ERROR_NOT_READY);
	OK(cuStreamWriteValue32(b, p, 7, 0));
	OK(cuStreamSynchronize(a));
	assert_int_equal(counter, 1);
	OK(cuStreamDestroy(a));
	OK(cuStreamDestroy(b));
	OK(cuMemFree(p));
}

static void memory(void **state)
{
	CUdeviceptr p, q, base;
	size_t avail, total, later, size, pitch;
	unsigned char host[64], back[64];
	unsigned int type;
	CUDA_MEMCPY2D c = { 0 };

	(void)state;
	OK(cuMemGetInfo(&avail, &total));
	assert_int_equal(total, 256u << 20);
	OK(cuMemAlloc(&p, 1000));
	assert_int_equal(p % 256, 0);
	OK(cuMemGetInfo(&later, NULL));
	assert_int_equal(avail - later, 1024);
	OK(cuMemGetAddressRange(&base, &size, p + 500));
	assert_true(base == p && size == 1000);
	OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p));
	assert_int_equal(type, CU_MEMORYTYPE_DEVICE);
	assert_int_equal(cuMemcpyHtoD(p + 990, host, 11),
			 CUDA_ERROR_INVALID_VALUE);
	OK(cuMemFree(p));
	assert_int_equal(cuMemFree(p), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemAlloc(&p, total + 1), CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(cuMemAlloc(&p, 0), CUDA_ERROR_INVALID_VALUE);
	OK(cuMemAllocPitch(&q, &pitch, 8, 8, 4));
	for (int i = 0; i < 64; i++)
		host[i] = (unsigned char)i;
	c.srcMemoryType = CU_MEMORYTYPE_HOST;
	c.srcHost = host;
	c.srcPitch = 8;
	c.dstMemoryType = CU_MEMORYTYPE_DEVICE;
	c.dstDevice = q;
	c.dstPitch = pitch;
	c.WidthInBytes = 8;
	c.Height = 8;
	OK(cuMemcpy2D(&c));
	OK(cuMemcpyDtoH(back, q + 3 * pitch, 8));
	assert_memory_equal(back, host + 24, 8);
	OK(cuMemFree(q));
}

/* After a sticky error everything fails until the context is reset. */
static void again(void)
{
	OK(cuDevicePrimaryCtxReset(0));
	OK(cuDevicePrimaryCtxRetain(&context, 0));
	OK(cuCtxSetCurrent(context));
	OK(cuModuleLoadData(&module, test_ptx));
}

static void sticky(const char *name, void **params, CUresult want)
{
	CUdeviceptr p;

	OK(cuLaunchKernel(function(name), 1, 1, 1, 32, 1, 1, 0, NULL, params,
			  NULL));
	assert_int_equal(cuCtxSynchronize(), want);
	assert_int_equal(cuMemAlloc(&p, 16), want);
	assert_int_equal(cuStreamQuery(NULL), want);
	again();
}

static void faults(void **state)
{
	CUdeviceptr p;
	long off = 64;
	int v = 2;
	void *store[] = { &p, &off }, *one[] = { &v };

	(void)state;
	OK(cuMemAlloc(&p, 256));
	sticky("k_bad_store", store, CUDA_ERROR_ILLEGAL_ADDRESS);
	p = 0;
	sticky("k_bad_store", store, CUDA_ERROR_ILLEGAL_ADDRESS);
	OK(cuMemAlloc(&p, 256));
	p += 2;
	off = 0;
	sticky("k_bad_store", store, CUDA_ERROR_MISALIGNED_ADDRESS);
	sticky("k_assert", one, CUDA_ERROR_ASSERT);
	sticky("k_trap", NULL, CUDA_ERROR_LAUNCH_FAILED);
}

/* A context that is destroyed takes a kernel that never ends with it. */
static void endless(void **state)
{
	CUdeviceptr p;
	CUcontext c;
	CUmodule m;
	CUfunction f;
	void *params[] = { &p };

	(void)state;
	OK(cuCtxCreate(&c, NULL, 0, 0));
	OK(cuModuleLoadData(&m, test_ptx));
	OK(cuModuleGetFunction(&f, m, "k_spin"));
	OK(cuMemAlloc(&p, 4));
	OK(cuMemsetD32(p, 0, 1));
	OK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
	nap();
	assert_int_equal(cuStreamQuery(NULL), CUDA_ERROR_NOT_READY);
	OK(cuCtxDestroy(c));
}

static void *hammer(void *arg)
{
	int host[64], v = 1, n = 64;
	CUdeviceptr p;
	CUstream s;
	void *params[] = { &p, &v, &n };
	CUfunction f = arg;

	if (cuCtxSetCurrent(context) || cuMemAlloc(&p, sizeof(host)) ||
	    cuStreamCreate(&s, CU_STREAM_NON_BLOCKING) ||
	    cuMemsetD32Async(p, 0, 64, s))
		return NULL;
	for (int i = 0; i < 200; i++)
		if (cuLaunchKernel(f, 2, 1, 1, 32, 1, 1, 0, s, params, NULL))
			return NULL;
	if (cuMemcpyDtoHAsync(host, p, sizeof(host), s) ||
	    cuStreamDestroy(s) || cuMemFree(p))
		return NULL;
	for (int i = 0; i < 64; i++)
		if (host[i] != 200)
			return NULL;
	return arg;
}

static void threads(void **state)
{
	CUfunction f = function("k_add");
	pthread_t t[4];
	void *r;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer, f), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		assert_non_null(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(fatbins),
		cmocka_unit_test(library_launch),
		cmocka_unit_test(extra_launch),
		cmocka_unit_test(streams),
		cmocka_unit_test(many_spinning),
		cmocka_unit_test(values_and_hosts),
		cmocka_unit_test(memory),
		cmocka_unit_test(faults),
		cmocka_unit_test(endless),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, rig_up, NULL);
}

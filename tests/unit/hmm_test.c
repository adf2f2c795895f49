// SPDX-License-Identifier: BSD-2-Clause
/* The driver's library opens nvidia-uvm without HMM, and other ioctls are what
 * they were. No nvidia-uvm is needed: another descriptor refuses the request
 * after it was changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "cuda-exec/exec_internal.h"

#define UVM_INITIALIZE 0x30000001ul

struct real R;
static int attribute, devices;

static CUresult count(int *n)
{
	*n = devices;
	return CUDA_SUCCESS;
}

static CUresult attr(int *v, CUdevice_attribute a, CUdevice d)
{
	assert_int_equal(a, CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS);
	*v = d == 1 ? attribute : 0;
	return CUDA_SUCCESS;
}

static void without_hmm(void **state)
{
	struct { uint64_t flags; uint32_t status; } p = { .flags = 2 };
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(ioctl(fd[0], UVM_INITIALIZE, &p), -1);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(p.flags, 3);
	assert_int_equal(ioctl(fd[0], UVM_INITIALIZE, NULL), -1);
	close(fd[0]);
	close(fd[1]);
}

static void others_as_they_are(void **state)
{
	uint64_t p = 0;
	int fd[2], n = -1;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "12345", 5), 5);
	assert_int_equal(ioctl(fd[0], FIONREAD, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(ioctl(fd[0], UVM_INITIALIZE + 1, &p), -1);
	assert_int_equal(p, 0);
	close(fd[0]);
	close(fd[1]);
}

static void what_the_driver_says(void **state)
{
	(void)state;
	assert_false(hmm_reaches_us()); /* a driver without these functions */
	R.cuDeviceGetCount = count;
	R.cuDeviceGetAttribute = attr;
	devices = 2;
	assert_false(hmm_reaches_us());
	attribute = 1;
	assert_true(hmm_reaches_us());
	devices = 1;
	assert_false(hmm_reaches_us());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_hmm),
		cmocka_unit_test(others_as_they_are),
		cmocka_unit_test(what_the_driver_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

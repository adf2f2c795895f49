// SPDX-License-Identifier: BSD-2-Clause
/*
 * hmm.c - the GPU does not reach this process's ordinary memory.
 *
 * With heterogeneous memory management (HMM), which NVIDIA's open kernel modules
 * switch on where Linux can, a kernel reads and writes all memory of the process
 * that launched it: here a guest's kernel that of the executor. The process says
 * whether it wants that when the driver's library opens nvidia-uvm; it does so
 * by ioctl(2), which finds the function below first, as write(2) finds that of
 * output.c.
 */
#include "cuda-exec/exec_internal.h"

#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* kernel-open/nvidia-uvm/uvm_ioctl.h, uvm_linux_ioctl.h */
#define UVM_INITIALIZE             0x30000001ul
#define UVM_INIT_FLAGS_DISABLE_HMM 1ull

struct uvm_initialize {
	uint64_t flags;
	uint32_t status;
};

/* A module that does not know the flag says so: then as it was asked. */
static int initialize(int fd, struct uvm_initialize *p)
{
	const struct uvm_initialize asked = *p;
	int r;

	p->flags |= UVM_INIT_FLAGS_DISABLE_HMM;
	r = (int)syscall(SYS_ioctl, fd, UVM_INITIALIZE, p);
	if (r || !p->status)
		return r;
	*p = asked;
	return (int)syscall(SYS_ioctl, fd, UVM_INITIALIZE, p);
}

__attribute__((visibility("default")))
int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == UVM_INITIALIZE && arg)
		return initialize(fd, arg);
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

/* The driver's own word on whether it worked. */
bool hmm_reaches_us(void)
{
	int yes = 0, n = 0;

	if (!R.cuDeviceGetCount || !R.cuDeviceGetAttribute ||
	    R.cuDeviceGetCount(&n))
		return false;
	for (CUdevice d = 0; d < n && !yes; d++)
		if (R.cuDeviceGetAttribute(&yes,
			CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS, d))
			yes = 0;
	return yes;
}

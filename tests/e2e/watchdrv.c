// SPDX-License-Identifier: BSD-2-Clause
/*
 * softgpu that tells what its executor does: primary contexts retained and
 * released, one line each in $VGPU_WATCH, and like NVIDIA's driver it reads
 * CUDA_CACHE_PATH in cuInit and writes there when it loads a module.
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT(name) \
	__typeof__(name) *next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define EXPORT __attribute__((visibility("default")))

static char cache[512];

__attribute__((format(printf, 1, 2))) static void tell(const char *fmt, ...)
{
	const char *path = getenv("VGPU_WATCH");
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
			     0600) : -1;
	va_list ap;

	if (fd < 0)
		return;
	dprintf(fd, "%d ", getpid());
	va_start(ap, fmt);
	vdprintf(fd, fmt, ap);
	va_end(ap);
	close(fd);
}

EXPORT CUresult CUDAAPI cuInit(unsigned int flags)
{
	const char *path = getenv("CUDA_CACHE_PATH");
	NEXT(cuInit);

	snprintf(cache, sizeof(cache), "%s", path ? path : "");
	return next(flags);
}

EXPORT CUresult CUDAAPI cuDevicePrimaryCtxRetain(CUcontext *ctx, CUdevice dev)
{
	NEXT(cuDevicePrimaryCtxRetain);

	tell("retain %d\n", dev);
	return next(ctx, dev);
}

EXPORT CUresult CUDAAPI cuDevicePrimaryCtxRelease_v2(CUdevice dev)
{
	NEXT(cuDevicePrimaryCtxRelease_v2);
	CUresult r = next(dev);
	unsigned int flags;
	int active = -1;

	cuDevicePrimaryCtxGetState(dev, &flags, &active);
	tell("release %d active %d\n", dev, active);
	return r;
}

static void compiled(void)
{
	char file[600];
	int fd;

	snprintf(file, sizeof(file), "%s/index", cache);
	mkdir(cache, 0700);
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	tell("cache %s\n", fd < 0 ? "none" : "written");
	if (fd < 0)
		return;
	dprintf(fd, "%d\n", getpid());
	close(fd);
}

EXPORT CUresult CUDAAPI cuModuleLoadDataEx(CUmodule *mod, const void *image,
					   unsigned int n, CUjit_option *o,
					   void **v)
{
	NEXT(cuModuleLoadDataEx);

	compiled();
	return next(mod, image, n, o, v);
}

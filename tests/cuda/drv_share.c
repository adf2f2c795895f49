// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_share.c - file descriptors that stand for memory: every way in which
 * they reach another process, how long they keep the memory, hundreds of
 * them, and what is no such descriptor. drv_vmm_share and drv_ipc_pool show the
 * plain way.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "drv.h"
#include "kernels_ptx.h"
#include "two.h"

#define POSIX_FD CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR
#define EXPORTS  500
#define ROUNDS   16

static CUmemAllocationProp prop = {
	.type = CU_MEM_ALLOCATION_TYPE_PINNED,
	.requestedHandleTypes = POSIX_FD,
	.location.type = CU_MEM_LOCATION_TYPE_DEVICE,
};
static CUmodule mod;
static size_t grain;

static CUdevice setup(void)
{
	CUcontext ctx;
	CUdevice dev = drv_open(&ctx);

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	prop.location.id = dev;
	DRV(cuMemGetAllocationGranularity(&grain, &prop,
		CU_MEM_ALLOC_GRANULARITY_RECOMMENDED));
	return dev;
}

static CUmemGenericAllocationHandle create(size_t size)
{
	CUmemGenericAllocationHandle h;

	DRV(cuMemCreate(&h, size, &prop, 0));
	return h;
}

static int export(CUmemGenericAllocationHandle h)
{
	int fd = -1;

	DRV(cuMemExportToShareableHandle(&fd, h, POSIX_FD, 0));
	if (fd < 0)
		fail("drv_share: an export gave no file descriptor");
	return fd;
}

static CUresult try_import(CUmemGenericAllocationHandle *h, int fd)
{
	return cuMemImportFromShareableHandle(h, (void *)(intptr_t)fd,
					      POSIX_FD);
}

static CUmemGenericAllocationHandle import(int fd)
{
	CUmemGenericAllocationHandle h = 0;

	DRV(try_import(&h, fd));
	return h;
}

/* Mapped; the handle is released. */
static CUdeviceptr map(CUmemGenericAllocationHandle h)
{
	CUmemAccessDesc access = { prop.location,
				   CU_MEM_ACCESS_FLAGS_PROT_READWRITE };
	CUdeviceptr p = 0;

	DRV(cuMemAddressReserve(&p, grain, 0, 0, 0));
	DRV(cuMemMap(p, grain, 0, h, 0));
	DRV(cuMemRelease(h));
	DRV(cuMemSetAccess(p, grain, &access, 1));
	return p;
}

static void unmap(CUdeviceptr p)
{
	DRV(cuMemUnmap(p, grain));
	DRV(cuMemAddressFree(p, grain));
}

static void bump(CUdeviceptr p, unsigned by)
{
	drv_bump(mod, p, 64, by, NULL);
	DRV(cuCtxSynchronize());
}

static unsigned word(CUdeviceptr p)
{
	unsigned v = 0;

	DRV(cuMemcpyDtoH(&v, p + 40, 4));
	return v;
}

static void want(const char *what, unsigned got, unsigned right)
{
	printf("%-36s %u\n", what, got);
	if (got != right)
		fail("drv_share: %s: should be %u", what, right);
}

/* ---- the second process ------------------------------------------------- */

/* Takes descriptors until the parent says no more; adds to each. */
static void child(int sock)
{
	CUmemGenericAllocationHandle h;
	CUdeviceptr p;
	char more;
	int fd;

	setup();
	for (get(sock, &more, 1); more; get(sock, &more, 1)) {
		fd = receive_fd(sock);
		h = import(fd);
		close(fd);
		p = map(h);
		bump(p, 100);
		unmap(p);
		put(sock, "x", 1);
	}
}

static void hand_over(int sock, int fd)
{
	char done;

	put(sock, "\1", 1);
	send_fd(sock, fd);
	close(fd);
	get(sock, &done, 1);
}

/* A descriptor on its way is a copy of its own. */
static void to_other_process(int sock)
{
	CUmemGenericAllocationHandle h = create(grain);
	int fd = export(h), again = dup(fd);
	CUdeviceptr p = map(h);

	DRV(cuMemsetD32(p, 1, 64));
	DRV(cuCtxSynchronize());
	hand_over(sock, fd);
	want("written by another process", word(p), 101);
	hand_over(sock, again);
	want("by way of a duplicate", word(p), 201);
	unmap(p);
}

/* Nothing but the descriptor keeps the memory. */
static void descriptor_alone(int sock)
{
	CUmemGenericAllocationHandle h = create(grain);
	int fd = export(h), other = dup(fd);
	CUdeviceptr p = map(h);

	DRV(cuMemsetD32(p, 7, 64));
	DRV(cuCtxSynchronize());
	unmap(p);
	hand_over(sock, fd);
	p = map(import(other));
	close(other);
	want("kept by its descriptor alone", word(p), 107);
	unmap(p);
}

/* ---- what a program sees of them ---------------------------------------- */

static void properties(CUdevice dev)
{
	CUmemGenericAllocationHandle h = create(grain), copy;
	CUmemAllocationProp got = { 0 };
	int v = 0, fd = export(h), again = -1;

	DRV(cuDeviceGetAttribute(&v,
		CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED,
		dev));
	want("file descriptors are supported", (unsigned)v, 1);
	DRV(cuDeviceGetAttribute(&v,
		CU_DEVICE_ATTRIBUTE_MEMPOOL_SUPPORTED_HANDLE_TYPES, dev));
	want("and for pools", v & POSIX_FD, POSIX_FD);
	copy = import(fd);
	DRV(cuMemGetAllocationPropertiesFromHandle(&got, copy));
	printf("an import: type %d, location %d of type %d, handles %d\n",
	       (int)got.type, got.location.id, (int)got.location.type,
	       (int)got.requestedHandleTypes);
	SHOW("an import exported again",
	     cuMemExportToShareableHandle(&again, copy, POSIX_FD, 0));
	printf("it is closed by exec: %d\n",
	       !!(fcntl(fd, F_GETFD) & FD_CLOEXEC));
	if (again >= 0)
		close(again);
	close(fd);
	DRV(cuMemRelease(copy));
	DRV(cuMemRelease(h));
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!d)
		fail("drv_share: /proc/self/fd: %s", strerror(errno));
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void many(void)
{
	CUmemGenericAllocationHandle h = create(grain);
	unsigned before;

	close(export(h));
	before = open_files();
	for (int i = 0; i < EXPORTS; i++)
		close(export(h));
	/* A descriptor of the library's own may wait for the next call. */
	if (open_files() > before + 1)
		fail("drv_share: %u descriptors are open, not %u",
		     open_files(), before);
	printf("%d exports leave nothing open\n", EXPORTS);
	DRV(cuMemRelease(h));
}

/* Each round takes an eighth of what is free: a leak ends this soon. */
static void no_leak(void)
{
	CUmemGenericAllocationHandle h;
	size_t avail, total, size;
	int fd;

	DRV(cuMemGetInfo(&avail, &total));
	size = avail / 8 / grain * grain;
	for (int i = 0; i < ROUNDS; i++) {
		h = create(size);
		fd = export(h);
		/* In either order. */
		if (i & 1)
			close(fd);
		DRV(cuMemRelease(h));
		if (!(i & 1))
			close(fd);
	}
	printf("%d rounds with an eighth of the memory each\n", ROUNDS);
}

/* ---- what is wrong ------------------------------------------------------- */

static void wrong_exports(void)
{
	CUmemGenericAllocationHandle h = create(grain), private;
	int fd = -1;

	prop.requestedHandleTypes = CU_MEM_HANDLE_TYPE_NONE;
	private = create(grain);
	prop.requestedHandleTypes = POSIX_FD;
	SHOW("export of what was not made for it",
	     cuMemExportToShareableHandle(&fd, private, POSIX_FD, 0));
	SHOW("export of no handle",
	     cuMemExportToShareableHandle(&fd, 0, POSIX_FD, 0));
	SHOW("export with a flag",
	     cuMemExportToShareableHandle(&fd, h, POSIX_FD, 1));
	SHOW("export as no type",
	     cuMemExportToShareableHandle(&fd, h, CU_MEM_HANDLE_TYPE_NONE, 0));
	SHOW("export as an unknown type",
	     cuMemExportToShareableHandle(&fd, h,
		(CUmemAllocationHandleType)0x40, 0));
	DRV(cuMemRelease(private));
	DRV(cuMemRelease(h));
}

static void refused(const char *what, int fd)
{
	CUmemGenericAllocationHandle h = 0;
	CUresult r = try_import(&h, fd);

	printf("%-36s %s\n", what, drv_name(r));
	if (r == CUDA_SUCCESS)
		fail("drv_share: %s should be refused", what);
}

static void wrong_imports(void)
{
	CUmemGenericAllocationHandle h = create(grain), copy;
	int file = open("/proc/self/exe", O_RDONLY), fd = export(h), pair[2];
	int null = open("/dev/null", O_RDWR);

	refused("import of -1", -1);
	refused("import of a number that is closed", 9999);
	refused("import of a file", file);
	refused("import of /dev/null", null);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		fail("drv_share: no socket pair");
	refused("import of an empty socket", pair[0]);
	if (send(pair[1], "vgpu-fd1 and what else there may be", 36, 0) != 36)
		fail("drv_share: cannot send");
	refused("import of a socket with bytes in it", pair[0]);
	SHOW("import as no type",
	     cuMemImportFromShareableHandle(&copy, (void *)(intptr_t)fd,
					    CU_MEM_HANDLE_TYPE_NONE));
	close(file);
	close(null);
	close(pair[0]);
	close(pair[1]);
	close(fd);
	DRV(cuMemRelease(h));
}

static void wrong_pools(CUdevice dev)
{
	CUmemPoolProps props = {
		.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = prop.location,
	};
	CUmemoryPool pool, def, copy;
	CUmemGenericAllocationHandle h;
	int fd = -1;

	DRV(cuMemPoolCreate(&pool, &props));
	SHOW("export of a pool not made for it",
	     cuMemPoolExportToShareableHandle(&fd, pool, POSIX_FD, 0));
	DRV(cuMemPoolDestroy(pool));
	DRV(cuDeviceGetDefaultMemPool(&def, dev));
	SHOW("export of the default pool",
	     cuMemPoolExportToShareableHandle(&fd, def, POSIX_FD, 0));
	props.handleTypes = POSIX_FD;
	DRV(cuMemPoolCreate(&pool, &props));
	DRV(cuMemPoolExportToShareableHandle(&fd, pool, POSIX_FD, 0));
	refused("import of a pool as memory", fd);
	close(fd);
	DRV(cuMemPoolDestroy(pool));
	h = create(grain);
	fd = export(h);
	SHOW("import of memory as a pool",
	     cuMemPoolImportFromShareableHandle(&copy, (void *)(intptr_t)fd,
						POSIX_FD, 0));
	close(fd);
	DRV(cuMemRelease(h));
}

static void parent(int sock)
{
	CUdevice dev = setup();

	properties(dev);
	to_other_process(sock);
	descriptor_alone(sock);
	put(sock, "\0", 1);
	many();
	no_leak();
	wrong_exports();
	wrong_imports();
	wrong_pools(dev);
	DRV(cuModuleUnload(mod));
}

int main(int argc, char **argv)
{
	return two_processes(argc, argv, parent, child);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_ipc.c - memory, events and pool memory shared between two processes.
 * The child is a new program (exec), as CUDA demands; they talk over pipes.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drv.h"
#include "kernels_ptx.h"

#define N 4096

struct letter {
	CUipcMemHandle mem;
	CUipcEventHandle event;
	CUmemPoolPtrExportData pooled;
};

static void put(int fd, const void *data, size_t len)
{
	if (write(fd, data, len) != (ssize_t)len)
		fail("drv_ipc: the other process is gone");
}

static void get(int fd, void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(fd, (char *)data + at, len - at);

		if (n <= 0)
			fail("drv_ipc: the other process ended too early");
		at += (size_t)n;
	}
}

static void send_fd(int sock, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} u;
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = u.space,
			    .msg_controllen = sizeof(u.space) };
	struct cmsghdr *c;

	memset(&u, 0, sizeof(u));
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(sock, &m, 0) != 1)
		fail("drv_ipc: cannot send a file descriptor");
}

static int receive_fd(int sock)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} u;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = u.space,
			    .msg_controllen = sizeof(u.space) };
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(sock, &m, 0) != 1 || !(c = CMSG_FIRSTHDR(&m)))
		fail("drv_ipc: no file descriptor came");
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

static void bump(CUmodule mod, CUdeviceptr p, unsigned by, CUstream st)
{
	unsigned n = N;
	void *args[] = { &p, &n, &by };

	DRV(cuLaunchKernel(drv_function(mod, "bump"), N / 128, 1, 1, 128, 1, 1,
			   0, st, args, NULL));
}

/* Opens what the parent shares, waits for its event, adds 20 and 200. */
static int child(int sock)
{
	struct letter l;
	CUmemoryPool pool;
	CUdeviceptr p, q;
	CUcontext ctx;
	CUmodule mod;
	CUevent ev;
	int fd;

	drv_open(&ctx);
	DRV(cuModuleLoadData(&mod, kernels_ptx));
	fd = receive_fd(sock);
	get(sock, &l, sizeof(l));
	DRV(cuIpcOpenMemHandle(&p, l.mem, CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS));
	DRV(cuIpcOpenEventHandle(&ev, l.event));
	DRV(cuMemPoolImportFromShareableHandle(
		&pool, (void *)(intptr_t)fd,
		CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0));
	DRV(cuMemPoolImportPointer(&q, pool, &l.pooled));
	DRV(cuStreamWaitEvent(NULL, ev, 0));
	bump(mod, p, 20, NULL);
	bump(mod, q, 200, NULL);
	DRV(cuCtxSynchronize());
	DRV(cuEventDestroy(ev));
	DRV(cuIpcCloseMemHandle(p));
	DRV(cuMemFree(q));
	DRV(cuMemPoolDestroy(pool));
	put(sock, "x", 1);
	return 0;
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
	CUdeviceptr p, q;
	unsigned got[2] = { 0, 0 };
	CUmemoryPool pool;
	struct letter l;
	CUcontext ctx;
	CUmodule mod;
	CUevent ev;
	char done;
	int fd;
	CUdevice dev = drv_open(&ctx);

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	p = drv_alloc(N * 4);
	q = pooled_memory(dev, &pool, &fd, &l.pooled);
	DRV(cuMemsetD32(p, 1, N));
	DRV(cuMemsetD32(q, 2, N));
	DRV(cuEventCreate(&ev, CU_EVENT_INTERPROCESS |
			  CU_EVENT_DISABLE_TIMING));
	DRV(cuIpcGetMemHandle(&l.mem, p));
	DRV(cuIpcGetEventHandle(&l.event, ev));
	bump(mod, p, 10, NULL);
	DRV(cuEventRecord(ev, NULL));
	send_fd(sock, fd);
	put(sock, &l, sizeof(l));
	get(sock, &done, 1);
	DRV(cuMemcpyDtoH(&got[0], p + 4 * (N - 1), 4));
	DRV(cuMemcpyDtoH(&got[1], q + 4 * (N - 1), 4));
	printf("shared memory %u, shared pool %u\n", got[0], got[1]);
	if (got[0] != 31 || got[1] != 202)
		fail("drv_ipc: should be 31 and 202");
	SHOW("opened by its own process", cuIpcOpenMemHandle(&q, l.mem,
		CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS));
	close(fd);
	DRV(cuEventDestroy(ev));
	DRV(cuMemFree(p));
}

int main(int argc, char **argv)
{
	char number[16];
	int pair[2], status = 0;
	pid_t pid;

	if (argc > 1)
		return child(atoi(argv[1]));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		fail("drv_ipc: no socket pair");
	snprintf(number, sizeof(number), "%d", pair[1]);
	pid = fork();
	if (pid < 0)
		fail("drv_ipc: cannot fork");
	if (pid == 0) {
		close(pair[0]);
		execl("/proc/self/exe", argv[0], number, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	parent(pair[0]);
	if (waitpid(pid, &status, 0) != pid || status)
		fail("drv_ipc: the child ended with status %#x", status);
	return 0;
}

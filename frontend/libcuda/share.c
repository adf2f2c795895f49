// SPDX-License-Identifier: BSD-2-Clause
/*
 * share.c - memory and pools as file descriptors, for other processes of this
 * VM.
 *
 * The GPU's descriptor stays with the executor. The program gets one end of a
 * socket pair in which lies a message that names it; whoever holds a copy of
 * that end, however it came to him, looks at the message without taking it.
 * We keep the other end, which hangs up when the program's last copy is
 * closed: then the executor may close the GPU's descriptor. There is no thread
 * for that; it is looked at before calls that give memory back or ask how much
 * there is.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tools/lib/log.h"

#define MAGIC "vgpu-fd1"
#define BATCH 64

struct name {
	char magic[8];
	char sid[48];
	uint8_t token[VG_SHARE_TOKEN];
};

struct share {
	int ours;              /* the end that we keep */
	uint8_t token[VG_SHARE_TOKEN];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int hung_up = -1;       /* epoll of all our ends */
static _Atomic uint32_t shares;

static CUresult type_ok(CUmemAllocationHandleType type)
{
	switch (type) {
	case CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR:
		return CUDA_SUCCESS;
	case CU_MEM_HANDLE_TYPE_FABRIC:
		return vg_not_supported("a fabric handle: the driver does not "
					"confine it to one VM");
	case CU_MEM_HANDLE_TYPE_WIN32:
	case CU_MEM_HANDLE_TYPE_WIN32_KMT:
		return vg_not_supported("a Windows handle");
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

/* ---- out --------------------------------------------------------------- */

static void drop_token(const uint8_t token[VG_SHARE_TOKEN])
{
	struct in_vgUnshare in;
	struct vg_seg s = { &in, sizeof(in) };

	memcpy(in.token, token, sizeof(in.token));
	if (vg_post(OP_vgUnshare, &s, 1))
		log_info("an exported descriptor stays open on the host until "
			 "this process ends");
}

void vg_share_sweep(void)
{
	struct epoll_event ev[BATCH];
	int n;

	if (likely(!atomic_load_explicit(&shares, memory_order_relaxed)))
		return;
	pthread_mutex_lock(&lock);
	do {
		n = epoll_wait(hung_up, ev, BATCH, 0);
		for (int i = 0; i < n; i++) {
			struct share *s = ev[i].data.ptr;

			close(s->ours);
			drop_token(s->token);
			free(s);
			atomic_fetch_sub(&shares, 1);
		}
	} while (n == BATCH);
	pthread_mutex_unlock(&lock);
}

/* The end for the program, with its message; the other one is ours. Both are
 * closed by exec, as the driver's descriptors are. */
static int make_end(const struct name *name, int *ours)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	if (send(pair[0], name, sizeof(*name), MSG_NOSIGNAL | MSG_DONTWAIT) !=
	    sizeof(*name)) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	/* Nothing may come back on it that would keep us from hearing. */
	shutdown(pair[0], SHUT_RD);
	*ours = pair[0];
	return pair[1];
}

static bool watch(int ours, const uint8_t token[VG_SHARE_TOKEN])
{
	struct share *s = malloc(sizeof(*s));
	struct epoll_event ev = { .events = 0, .data.ptr = s };
	bool ok = false;

	if (!s)
		return false;
	s->ours = ours;
	memcpy(s->token, token, sizeof(s->token));
	pthread_mutex_lock(&lock);
	if (hung_up < 0)
		hung_up = epoll_create1(EPOLL_CLOEXEC);
	/* EPOLLHUP comes unasked. */
	if (hung_up >= 0)
		ok = !epoll_ctl(hung_up, EPOLL_CTL_ADD, ours, &ev);
	if (ok)
		atomic_fetch_add(&shares, 1);
	pthread_mutex_unlock(&lock);
	if (!ok)
		free(s);
	return ok;
}

static CUresult hand_out(int *ret, const uint8_t token[VG_SHARE_TOKEN])
{
	struct name name = { .magic = MAGIC };
	int theirs, ours;

	_Static_assert(sizeof(name.sid) == sizeof(vg_session.sid), "size");
	memcpy(name.sid, vg_session.sid, sizeof(name.sid));
	memcpy(name.token, token, sizeof(name.token));
	theirs = make_end(&name, &ours);
	if (theirs >= 0 && watch(ours, token)) {
		*ret = theirs;
		return CUDA_SUCCESS;
	}
	log_error("no file descriptor for an export: %s; raise ulimit -n, an "
		  "export takes two", strerror(errno));
	if (theirs >= 0) {
		close(theirs);
		close(ours);
	}
	drop_token(token);
	return CUDA_ERROR_OPERATING_SYSTEM;
}

static CUresult export(void *ret, enum vgpu_kind kind, uint64_t h,
		       CUmemAllocationHandleType type,
		       unsigned long long flags)
{
	struct in_vgShare in = {
		.what = kind == KIND_VMM ? VG_SHARE_VMM : VG_SHARE_POOL
	};
	struct out_vgShare out;
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	CUresult r = vg_enter();

	if (!r && (!ret || flags))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = type_ok(type);
	if (!r)
		r = vg_handle_in(kind, h, &in.id);
	if (r)
		return r;
	vg_share_sweep();
	r = vg_call(OP_vgShare, &s, 1, &o, 1);
	return r ? r : hand_out(ret, out.token);
}

VG_EXPORT CUresult CUDAAPI
cuMemExportToShareableHandle(void *shareable, CUmemGenericAllocationHandle h,
			     CUmemAllocationHandleType type,
			     unsigned long long flags)
{
	return export(shareable, KIND_VMM, h, type, flags);
}

VG_EXPORT CUresult CUDAAPI
cuMemPoolExportToShareableHandle(void *shareable, CUmemoryPool pool,
				 CUmemAllocationHandleType type,
				 unsigned long long flags)
{
	return export(shareable, KIND_MEMPOOL, (uintptr_t)pool, type, flags);
}

/* ---- in ---------------------------------------------------------------- */

static bool read_name(int fd, struct name *name)
{
	ssize_t n = recv(fd, name, sizeof(*name),
			 MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);

	return n == sizeof(*name) &&
	       !memcmp(name->magic, MAGIC, sizeof(name->magic)) &&
	       memchr(name->sid, '\0', sizeof(name->sid));
}

static CUresult import(uint64_t *h, enum vgpu_kind kind, void *os,
		       CUmemAllocationHandleType type)
{
	struct in_vgImport in = {
		.what = kind == KIND_VMM ? VG_SHARE_VMM : VG_SHARE_POOL
	};
	struct out_vgId out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	struct name name;
	CUresult r = type_ok(type);

	if (r)
		return r;
	/* What the driver says of a descriptor that is none of its own. */
	if (!read_name((int)(intptr_t)os, &name))
		return kind == KIND_VMM ? CUDA_ERROR_UNKNOWN :
					  CUDA_ERROR_INVALID_VALUE;
	memcpy(in.token, name.token, sizeof(in.token));
	memcpy(in.sid, name.sid, sizeof(in.sid));
	r = vg_call(OP_vgImport, &s, 1, &o, 1);
	if (!r)
		*h = vg_handle_out(kind, out.id);
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuMemImportFromShareableHandle(CUmemGenericAllocationHandle *handle, void *os,
			       CUmemAllocationHandleType type)
{
	uint64_t h = 0;
	CUresult r = vg_enter();

	if (!r && !handle)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = import(&h, KIND_VMM, os, type);
	if (!r)
		*handle = h;
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuMemPoolImportFromShareableHandle(CUmemoryPool *pool, void *os,
				   CUmemAllocationHandleType type,
				   unsigned long long flags)
{
	uint64_t h = 0;
	CUresult r = vg_enter();

	if (!r && (!pool || flags))
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		r = import(&h, KIND_MEMPOOL, os, type);
	if (!r)
		*pool = (CUmemoryPool)(uintptr_t)h;
	return r;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * single.c - one backend only: a lock file for one run directory, and a node
 * for the domain, since two run directories share one XenStore.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/parse.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"
#include "vgpu_paths.h"

static void tell_holder(int fd, const char *path)
{
	struct flock who = { .l_type = F_WRLCK };

	if (fcntl(fd, F_GETLK, &who) == 0 && who.l_type != F_UNLCK)
		log_error("another vgpu-backend runs already: pid %d holds %s",
			  (int)who.l_pid, path);
	else
		log_error("another vgpu-backend holds %s", path);
}

int single_take(struct backend *b)
{
	char path[4096], pid[16];
	struct flock lock = { .l_type = F_WRLCK };
	AUTO_FD int fd = -1;
	int n;

	snprintf(path, sizeof(path), "%s/vgpu-backend.lock", b->opt.run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0) {
		log_error("cannot open the lock file %s: %s", path,
			  strerror(errno));
		return -errno;
	}
	if (fcntl(fd, F_SETLK, &lock) < 0) {
		tell_holder(fd, path);
		return -EBUSY;
	}
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || write(fd, pid, (size_t)n) != n) {
		log_error("cannot write %s: %s", path, strerror(errno));
		return -EIO;
	}
	b->lock_fd = fd_take(&fd);
	return 0;
}

/* A pid outlives its process in the node: does a backend still have it? */
static bool is_backend(uint32_t pid)
{
	char path[64], comm[32] = "";
	AUTO_FD int fd = -1;

	if (pid == (uint32_t)getpid())
		return false;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, comm, sizeof(comm) - 1) <= 0)
		return false;
	return !strncmp(comm, "vgpu-backend\n", 13);
}

static int announce(struct store *st, void *arg)
{
	struct backend *b = arg;
	char dir[STORE_PATH_MAX];
	uint32_t pid;

	snprintf(dir, sizeof(dir), VGPU_FMT_BE_CLASS, b->domid);
	if (store_read_u32(st, dir, VGPU_NODE_BE_PID, &pid) == 0 &&
	    is_backend(pid)) {
		log_error("another vgpu-backend serves domain %u already: pid %u",
			  b->domid, pid);
		return -EBUSY;
	}
	return store_write_u32(st, dir, VGPU_NODE_BE_PID, (uint32_t)getpid());
}

int single_announce(struct backend *b)
{
	int r = store_transact(&b->store, announce, b);

	if (r < 0 && r != -EBUSY)
		log_error("cannot write below backend/ of domain %u in XenStore: %s",
			  b->domid, strerror(-r));
	return r;
}

void single_release(struct backend *b)
{
	char dir[STORE_PATH_MAX];
	int r;

	snprintf(dir, sizeof(dir), VGPU_FMT_BE_CLASS, b->domid);
	r = store_remove(&b->store, dir, NULL);
	if (r < 0 && !b->lost)
		log_warn("cannot remove %s: %s", dir, strerror(-r));
}

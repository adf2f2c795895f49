// SPDX-License-Identifier: BSD-2-Clause
/* control.c - requests to a running broker, and the commands that are
 * hardly more than one. */
#include "tools/loopback/loopback.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/lib/cleanup.h"
#include "tools/loopback/client.h"

#define WHO "vgpu-loopback"

int control(uint32_t op, uint32_t domid, uint32_t flags, uint32_t *value)
{
	struct lb_call call = {
		.req.op = op,
		.req.domid = domid,
		.req.flags = flags,
		.send_fd = -1,
	};
	struct lb_conn *c;
	const char *dir;
	int err;

	if (!running_dir(&dir))
		return -ENOENT;
	c = lb_connect_to(dir, 0, WHO, false);
	if (!c)
		return -errno;
	err = lb_call(c, &call);
	lb_put(c);
	if (!err && value)
		*value = call.rep.value;
	return err;
}

/* The process at the other end of a socket, to see it end. */
static int peer_pidfd(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
	return pidfd < 0 ? -errno : pidfd;
}

int control_stop(const char *dir)
{
	struct lb_call call = { .req.op = LB_STOP, .send_fd = -1 };
	struct lb_conn *c = lb_connect_to(dir, 0, WHO, true);
	struct pollfd p = { .events = POLLIN };
	AUTO_FD int pidfd = -1;
	int err;

	if (!c)
		return -errno;
	pidfd = peer_pidfd(c->fd);
	err = pidfd < 0 ? pidfd : lb_call(c, &call);
	if (!err) {
		p.fd = pidfd;
		err = poll(&p, 1, 5000) == 1 ? 0 : -ETIMEDOUT;
	}
	lb_put(c);
	return err;
}

static int copy_out(int fd)
{
	struct stat st;
	char buf[4096];
	off_t at = 0;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	while (at < st.st_size) {
		n = pread(fd, buf, sizeof(buf), at);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			return -EIO;
		at += n;
	}
	return fflush(stdout) == 0 ? 0 : -errno;
}

int cmd_show(int argc, char **argv)
{
	AUTO_FD int fd = -1;
	struct lb_call call = {
		.req.op = LB_SHOW,
		.send_fd = -1,
		.fds = &fd,
		.max_fds = 1,
	};
	struct lb_conn *c;
	const char *dir;
	int err;

	(void)argc;
	(void)argv;
	if (!running_dir(&dir))
		return 1;
	c = lb_connect_to(dir, 0, WHO, false);
	if (!c)
		return 1;
	err = lb_call(c, &call);
	lb_put(c);
	if (!err)
		err = copy_out(fd);
	if (err)
		complain("cannot show what is held: %s", strerror(-err));
	return err ? 1 : 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * detach.c - the background mode without systemd. The parent stays until the
 * child is ready, so that "vgpu-backend --daemon && next" means something.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"

static void parent(int fd)
{
	char byte;

	/* The child's messages have gone to our stderr. */
	_exit(read(fd, &byte, 1) == 1 ? 0 : 1);
}

int detach_begin(struct backend *b)
{
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(p[1]);
		parent(p[0]);
	}
	close(p[0]);
	b->ready_fd = p[1];
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int log_to_file(struct backend *b)
{
	char path[4096];
	AUTO_FD int fd = -1;

	if (b->opt.log_file)
		snprintf(path, sizeof(path), "%s", b->opt.log_file);
	else
		snprintf(path, sizeof(path), "%s/vgpu-backend.log",
			 b->opt.run_dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0) {
		log_error("cannot log to %s: %s", path, strerror(errno));
		return -errno;
	}
	return 0;
}

void detach_ready(struct backend *b)
{
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (b->ready_fd < 0)
		return;
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (write(b->ready_fd, "", 1) != 1)
		log_warn("the starting process is gone already");
	close(b->ready_fd);
	b->ready_fd = -1;
}

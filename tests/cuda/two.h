/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * two.h - a program that is two processes: the second is a new program
 * (exec), as CUDA demands, and they talk over a socket.
 */
#ifndef TESTS_CUDA_TWO_H
#define TESTS_CUDA_TWO_H

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

static UNUSED_OK void put(int fd, const void *data, size_t len)
{
	if (write(fd, data, len) != (ssize_t)len)
		fail("two.h: the other process is gone");
}

static UNUSED_OK void get(int fd, void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(fd, (char *)data + at, len - at);

		if (n <= 0)
			fail("two.h: the other process ended too early");
		at += (size_t)n;
	}
}

static UNUSED_OK void send_fd(int sock, int fd)
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
		fail("two.h: cannot send a file descriptor");
}

static UNUSED_OK int receive_fd(int sock)
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
		fail("two.h: no file descriptor came");
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

/* The main function: @child runs in the new program, @parent in this one. */
static UNUSED_OK int two_processes(int argc, char **argv,
				   void (*parent)(int sock),
				   void (*child)(int sock))
{
	char number[16];
	int pair[2], status = 0;
	pid_t pid;

	if (argc > 1) {
		child(atoi(argv[1]));
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		fail("two.h: no socket pair");
	snprintf(number, sizeof(number), "%d", pair[1]);
	pid = fork();
	if (pid < 0)
		fail("two.h: cannot fork");
	if (pid == 0) {
		close(pair[0]);
		execl("/proc/self/exe", argv[0], number, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	parent(pair[0]);
	if (waitpid(pid, &status, 0) != pid || status)
		fail("two.h: the child ended with status %#x", status);
	return 0;
}

#endif

// SPDX-License-Identifier: BSD-2-Clause
#include "tools/lib/passfd.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* Room for one descriptor. The union is padded to two: what counts is the
 * length of `space`. */
union room {
	struct cmsghdr align;
	char space[CMSG_LEN(sizeof(int))];
};

int passfd_send(int sock, const void *msg, size_t size, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)msg, size };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
	union room u;
	ssize_t n;

	if (fd >= 0) {
		u.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(fd)),
					    .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&u.align), &fd, sizeof(fd));
		h.msg_control = &u;
		h.msg_controllen = sizeof(u.space);
	}
	n = sendmsg(sock, &h, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EMSGSIZE;
}

ssize_t passfd_recv(int sock, void *msg, size_t size, int *fd)
{
	struct iovec iov = { msg, size };
	union room u;
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &u, .msg_controllen = sizeof(u.space) };
	struct cmsghdr *c;
	ssize_t n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | MSG_TRUNC);

	*fd = -1;
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&h);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(*fd)))
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n;
}

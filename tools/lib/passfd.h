/* SPDX-License-Identifier: BSD-2-Clause */
/* passfd.h - one message, with or without one file descriptor. */
#ifndef VGPU_PASSFD_H
#define VGPU_PASSFD_H

#include <stddef.h>
#include <sys/types.h>

/* @fd: -1 for none. 0 or -errno. */
int passfd_send(int sock, const void *msg, size_t size, int fd);

/*
 * Bytes of the message, more than @size if it did not fit; 0 at the end;
 * -errno. *@fd is -1, or close-on-exec and the caller's; the kernel closes
 * what else may have come.
 */
ssize_t passfd_recv(int sock, void *msg, size_t size, int *fd);

#endif

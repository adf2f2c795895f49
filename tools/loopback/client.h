/* SPDX-License-Identifier: BSD-2-Clause */
/* client.h - a library handle's connection to the broker. */
#ifndef VGPU_LOOPBACK_CLIENT_H
#define VGPU_LOOPBACK_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "tools/loopback/proto.h"

/* Pages outlive the handle they were mapped by, as they do on Linux, so
 * each of them holds a reference. */
struct lb_conn {
	int fd;
	pid_t pid;
	atomic_uint refs;
	pthread_mutex_t lock;
};

/* What one call sends beside the request and wants beside the reply. */
struct lb_call {
	struct lb_req req;
	int send_fd; /* or -1 */
	struct lb_rep rep;
	struct lb_run *runs; /* room for max_runs */
	uint32_t max_runs;
	int *fds; /* room for max_fds; the caller closes them */
	uint32_t max_fds;
	uint32_t n_fds;
};

/* Connects as domain VGPU_DOMID to the broker of VGPU_LOOPBACK_DIR. Says on
 * stderr why it could not. @who: the library, for that line. */
struct lb_conn *lb_connect(const char *who);

/* The same with both said; @quiet: no line. Returns NULL and sets errno. */
struct lb_conn *lb_connect_to(const char *dir, uint32_t domid,
			      const char *who, bool quiet);

struct lb_conn *lb_get(struct lb_conn *c);
void lb_put(struct lb_conn *c);

/* 0 or -errno; on failure no file descriptors are left open. -EMFILE: the
 * broker did it (rep is filled in), but its descriptors found no room here;
 * the caller takes it back. */
int lb_call(struct lb_conn *c, struct lb_call *call);

/* One line on stderr, as the real libraries write without a logger. */
void lb_complain(const char *who, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* errno = -err; -1. */
int lb_fail(int err);

#endif

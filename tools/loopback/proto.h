/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proto.h - what the loopback libraries and the broker say to each other.
 *
 * One SOCK_SEQPACKET connection a library handle. The client sends one
 * struct lb_req (cut after its last run), the broker answers with one
 * struct lb_rep followed by its runs. File descriptors travel beside them.
 * Only binding and mapping go through here: a notification is one write to
 * an eventfd that both ends of the channel already hold.
 */
#ifndef VGPU_LOOPBACK_PROTO_H
#define VGPU_LOOPBACK_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#define LB_VERSION 1u
#define LB_PAGE 4096u
#define LB_NONE UINT32_MAX

/* As on Xen: the two-level ABI's ports of a domain. */
#define LB_MAX_PORTS 4096u
/* Runs in a request, and file descriptors in a reply (the kernel's own
 * limit for one message is 253). */
#define LB_MAX_RUNS 128u
/* Runs in a reply: a share that is more fragmented than this fails. */
#define LB_MAX_REPLY_RUNS 16384u
/* The grant reference that Xen sets aside for a domain's XenStore ring. */
#define LB_XENSTORE_REF 1u
/* Linux never hands out the references below this one. */
#define LB_FIRST_REF 8u
#define LB_DEFAULT_GRANTS 32768u
/* What Xen's default of 1,024 maptrack frames gives a domain. */
#define LB_DEFAULT_MAPS 262144u

enum lb_op {
	LB_HELLO,	     /* domid, count: LB_VERSION */
	LB_BYE,		     /* everything of this handle is given up */
	LB_SHARE,	     /* domid, count, flags, offset, port; fd */
	LB_UNSHARE,	     /* id */
	LB_MAP,		     /* domid, runs, flags, offset, port */
	LB_UNMAP,	     /* id */
	LB_BIND_UNBOUND,     /* domid */
	LB_BIND_INTERDOMAIN, /* domid, port */
	LB_BIND_VIRQ,	     /* count: the VIRQ */
	LB_UNBIND,	     /* port */
	LB_DOMAIN_CREATE,    /* domid */
	LB_DOMAIN_KILL,	     /* domid */
	LB_DOMAIN_DESTROY,   /* domid, flags */
	LB_DOMAIN_INFO,	     /* domid: the first one at or above it */
	LB_STORE_STATUS,     /* is xenstored running? */
	LB_SHOW,	     /* fd comes back */
	LB_STOP,
	LB_OP_COUNT
};

#define LB_F_WRITE 1u /* SHARE: may be mapped writable; MAP: map so */
#define LB_F_FORCE 1u /* DOMAIN_DESTROY: close its connections */
#define LB_F_DYING 1u /* reply to DOMAIN_INFO */

/* References [first, first + count), or pages of one file. */
struct lb_run {
	uint32_t first;
	uint32_t count;
};

struct lb_req {
	uint32_t op;
	uint32_t domid;
	uint32_t count;
	uint32_t flags;
	uint32_t offset; /* byte to clear at the end, or LB_NONE */
	uint32_t port;	 /* port to notify at the end, or LB_NONE */
	uint32_t n_runs;
	uint32_t unused;
	uint64_t id;
	struct lb_run run[LB_MAX_RUNS];
};

struct lb_rep {
	int32_t error; /* errno, or 0 */
	uint32_t n_runs;
	uint32_t value; /* port, domid, pages mapped */
	uint32_t flags;
	uint64_t id;
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * broker.h - the loopback's hypervisor: who granted what to whom, who maps
 * it, which ports are joined. One thread, one process; every handle of a
 * library is a connection, so the kernel tells of each death.
 */
#ifndef VGPU_LOOPBACK_BROKER_H
#define VGPU_LOOPBACK_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "tools/loopback/proto.h"

struct conn;
struct domain;
struct port;

/* ---- ports (port.c) ---- */

/* Two eventfds, one for each end, as long as either end exists: the end
 * that stays can be bound again by its peer's domain. */
struct channel {
	int ev[2];
	unsigned int refs;
};

struct port {
	struct domain *dom;
	struct conn *owner; /* NULL: the broker, or closing */
	uint32_t number;
	uint32_t remote_domid;
	int virq;	   /* or -1 */
	struct port *peer; /* NULL: unbound */
	struct channel *channel;
	unsigned int side;
	unsigned int refs; /* unmap notifications that will send on it */
	bool closing;
	LIST_ENTRY(port) of_conn;
};

struct port *port_find(struct domain *d, uint32_t number);
int port_bind_unbound(struct domain *d, struct conn *owner,
		      uint32_t remote_domid, struct port **out);
int port_bind_interdomain(struct domain *d, struct conn *owner,
			  struct domain *remote, uint32_t number,
			  struct port **out);
int port_bind_virq(struct domain *d, struct conn *owner, int virq,
		   struct port **out);
void port_send(struct port *p);
void port_close(struct port *p);
void port_get(struct port *p);
void port_put(struct port *p);
/* Raises @virq in @d, where somebody has bound it. */
void port_raise_virq(struct domain *d, int virq);

/* ---- grants (grant.c) ---- */

/* What happens when a mapping ends, however it ends. */
struct notify {
	uint32_t offset; /* byte to clear, or LB_NONE */
	struct port *port;
};

struct share {
	uint64_t id;
	struct domain *dom; /* NULL: its domain is gone */
	struct conn *owner; /* NULL: the broker's, or given up */
	bool live;	    /* may be mapped */
	bool ended;	    /* given up: freed with its last map */
	uint32_t grantee;
	bool writable;
	int fd;
	uint32_t count;
	uint32_t maps;
	uint32_t n_runs;
	struct lb_run *runs; /* its references */
	struct notify notify;
	LIST_ENTRY(share) of_conn;
	LIST_ENTRY(share) of_dom;
};

struct slot {
	struct share *share; /* NULL: the reference is free */
	uint32_t page;
};

struct map_part {
	struct share *share;
	uint32_t page;
	uint32_t count;
};

struct map {
	uint64_t id;
	struct conn *conn;
	uint32_t pages;
	uint32_t n_parts;
	struct map_part *parts;
	struct notify notify;
	LIST_ENTRY(map) of_conn;
};

/* Takes @fd over on success. */
int share_create(struct domain *d, struct conn *owner,
		 const struct lb_req *req, int fd, struct share **out);
/* The XenStore page that a toolstack sets up for a domain. */
int share_create_xenstore(struct domain *d);
void share_end(struct share *s);
int map_create(struct conn *c, struct domain *granter,
	       const struct lb_req *req, struct map **out);
void map_end(struct map *m);

/* ---- domains (domain.c) ---- */

struct domain {
	uint32_t id;
	bool dying;
	unsigned int conns;
	uint32_t limit;	  /* references, the reserved ones included */
	uint32_t used;	  /* of them, deferred ones included */
	uint32_t cursor;  /* where the next search starts */
	uint32_t maps;	  /* pages mapped by this domain */
	uint32_t store_port; /* for xs_introduce_domain */
	struct slot *slots;
	struct port *ports[LB_MAX_PORTS];
	LIST_HEAD(, share) shares;
	LIST_ENTRY(domain) next;
};

LIST_HEAD(domain_list, domain);
extern struct domain_list domains;

struct domain *domain_find(uint32_t id);
/* The one with the smallest number at or above @id. */
struct domain *domain_from(uint32_t id);
int domain_create(uint32_t id, struct domain **out);
void domain_kill(struct domain *d);
int domain_destroy(struct domain *d, bool force);

/* ---- connections (conn.c) ---- */

struct conn {
	int fd;
	int pidfd;
	pid_t pid;
	struct domain *dom; /* NULL before LB_HELLO */
	LIST_HEAD(, share) shares;
	LIST_HEAD(, map) maps;
	LIST_HEAD(, port) ports;
	LIST_ENTRY(conn) next;
};

LIST_HEAD(conn_list, conn);
extern struct conn_list conns;

int conn_accept(int listener, int epoll);
/* One request; closes and frees the connection when it has ended. */
void conn_serve(struct conn *c);
void conn_end(struct conn *c);
/* Gives up all that is held through it. */
void conn_release(struct conn *c);

/* What goes back to the client. */
struct reply {
	struct lb_rep rep;
	const struct lb_run *runs;
	int fds[LB_MAX_RUNS];
	uint32_t n_fds;
	bool close_fd; /* fds[0] was made for this reply */
	struct lb_run sub[LB_MAX_RUNS];
};

/* Carries out one request (ops.c); @fd: what came with it, or -1. Returns
 * 0 or -errno, and takes @fd over where it keeps it (*fd = -1). */
int op_serve(struct conn *c, const struct lb_req *req, int *fd,
	     struct reply *r);

/* ---- the rest ---- */

struct limits {
	uint32_t grants;   /* VGPU_LOOPBACK_MAX_GRANTS */
	uint32_t gntalloc; /* VGPU_LOOPBACK_GNTALLOC_LIMIT, or LB_NONE */
	uint32_t maps;	   /* VGPU_LOOPBACK_MAX_MAPS */
};

extern struct limits limits;
extern bool broker_stopping;

/* xenstored as the broker's child (store.c). */
struct broker_args;
int store_start(const struct broker_args *a, uint32_t port);
bool store_running(void);
void store_reaped(pid_t pid, int status);
void store_stop(void);

void show(FILE *f);

#endif

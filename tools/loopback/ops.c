// SPDX-License-Identifier: BSD-2-Clause
/* ops.c - the requests of proto.h, one function each. */
#include "tools/loopback/broker.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/lib/cleanup.h"

struct ctx {
	struct conn *c;
	const struct lb_req *req;
	int *fd;
	struct reply *r;
};

static int op_hello(struct ctx *x)
{
	struct domain *d = domain_find(x->req->domid);

	if (x->req->count != LB_VERSION)
		return -EPROTO;
	if (x->c->dom)
		return -EISCONN;
	if (!d || d->dying)
		return -ESRCH;
	x->c->dom = d;
	d->conns++;
	return 0;
}

static int op_bye(struct ctx *x)
{
	conn_release(x->c);
	return 0;
}

static int op_share(struct ctx *x)
{
	struct share *s;
	int err = share_create(x->c->dom, x->c, x->req, *x->fd, &s);

	if (err)
		return err;
	*x->fd = -1;
	x->r->rep.id = s->id;
	x->r->rep.n_runs = s->n_runs;
	x->r->runs = s->runs;
	return 0;
}

static int op_unshare(struct ctx *x)
{
	struct share *s;

	LIST_FOREACH(s, &x->c->shares, of_conn)
		if (s->id == x->req->id) {
			share_end(s);
			return 0;
		}
	return -ENOENT;
}

static int op_map(struct ctx *x)
{
	struct domain *granter = domain_find(x->req->domid);
	struct reply *r = x->r;
	struct map *m;
	int err;

	/* gntdev has one answer for all that is wrong with a reference. */
	if (!granter)
		return -EINVAL;
	err = map_create(x->c, granter, x->req, &m);
	if (err)
		return err;
	for (uint32_t i = 0; i < m->n_parts; i++) {
		r->sub[i].first = m->parts[i].page;
		r->sub[i].count = m->parts[i].count;
		r->fds[i] = m->parts[i].share->fd;
	}
	r->runs = r->sub;
	r->rep.n_runs = r->n_fds = m->n_parts;
	r->rep.id = m->id;
	r->rep.value = m->pages;
	return 0;
}

static int op_unmap(struct ctx *x)
{
	struct map *m;

	LIST_FOREACH(m, &x->c->maps, of_conn)
		if (m->id == x->req->id) {
			map_end(m);
			return 0;
		}
	return -ENOENT;
}

static int give_port(struct ctx *x, const struct port *p)
{
	x->r->rep.value = p->number;
	x->r->fds[0] = p->channel->ev[p->side];
	x->r->fds[1] = p->channel->ev[1 - p->side];
	x->r->n_fds = p->virq >= 0 ? 1 : 2;
	return 0;
}

static int op_bind_unbound(struct ctx *x)
{
	struct port *p;
	int err = port_bind_unbound(x->c->dom, x->c, x->req->domid, &p);

	return err ? err : give_port(x, p);
}

static int op_bind_interdomain(struct ctx *x)
{
	struct domain *remote = domain_find(x->req->domid);
	struct port *p;
	int err = -ESRCH;

	if (remote && !remote->dying)
		err = port_bind_interdomain(x->c->dom, x->c, remote,
					    x->req->port, &p);
	return err ? err : give_port(x, p);
}

static int op_bind_virq(struct ctx *x)
{
	struct port *p;
	int err;

	if (x->req->count >= 24)
		return -EINVAL;
	err = port_bind_virq(x->c->dom, x->c, (int)x->req->count, &p);
	return err ? err : give_port(x, p);
}

static int op_unbind(struct ctx *x)
{
	struct port *p = port_find(x->c->dom, x->req->port);

	if (!p || p->owner != x->c)
		return -ENOTCONN;
	port_close(p);
	return 0;
}

static int op_domain_create(struct ctx *x)
{
	struct domain *d;
	int err;

	if (x->req->domid >= 0x7ff0)
		return -EINVAL;
	err = domain_create(x->req->domid, &d);
	if (!err)
		x->r->rep.value = d->store_port;
	return err;
}

static int op_domain_kill(struct ctx *x)
{
	struct domain *d = domain_find(x->req->domid);

	if (!d)
		return -ESRCH;
	if (d->id == 0)
		return -EINVAL;
	domain_kill(d);
	return 0;
}

static int op_domain_destroy(struct ctx *x)
{
	struct domain *d = domain_find(x->req->domid);

	if (!d)
		return -ESRCH;
	if (!d->dying)
		return -EINVAL;
	return domain_destroy(d, x->req->flags & LB_F_FORCE);
}

static int op_domain_info(struct ctx *x)
{
	const struct domain *d = domain_from(x->req->domid);

	if (!d)
		return -ESRCH;
	x->r->rep.value = d->id;
	x->r->rep.flags = d->dying ? LB_F_DYING : 0;
	return 0;
}

static int op_store_status(struct ctx *x)
{
	x->r->rep.value = store_running();
	return 0;
}

static int op_show(struct ctx *x)
{
	AUTO_FD int fd = memfd_create("vgpu-show", MFD_CLOEXEC);
	int copy = fd < 0 ? -1 : dup(fd);
	FILE *f = copy < 0 ? NULL : fdopen(copy, "w");

	if (!f) {
		if (copy >= 0)
			close(copy);
		return -EMFILE;
	}
	show(f);
	if (fclose(f) != 0)
		return -ENOSPC;
	x->r->fds[0] = fd_take(&fd);
	x->r->n_fds = 1;
	x->r->close_fd = true;
	return 0;
}

static int op_stop(struct ctx *x)
{
	(void)x;
	broker_stopping = true;
	return 0;
}

static const struct {
	int (*serve)(struct ctx *x);
	bool control; /* domain 0 only, as the hypercalls behind it */
} ops[LB_OP_COUNT] = {
	[LB_HELLO] = { op_hello, false },
	[LB_BYE] = { op_bye, false },
	[LB_SHARE] = { op_share, false },
	[LB_UNSHARE] = { op_unshare, false },
	[LB_MAP] = { op_map, false },
	[LB_UNMAP] = { op_unmap, false },
	[LB_BIND_UNBOUND] = { op_bind_unbound, false },
	[LB_BIND_INTERDOMAIN] = { op_bind_interdomain, false },
	[LB_BIND_VIRQ] = { op_bind_virq, false },
	[LB_UNBIND] = { op_unbind, false },
	[LB_DOMAIN_CREATE] = { op_domain_create, true },
	[LB_DOMAIN_KILL] = { op_domain_kill, true },
	[LB_DOMAIN_DESTROY] = { op_domain_destroy, true },
	[LB_DOMAIN_INFO] = { op_domain_info, true },
	[LB_STORE_STATUS] = { op_store_status, true },
	[LB_SHOW] = { op_show, true },
	[LB_STOP] = { op_stop, true },
};

int op_serve(struct conn *c, const struct lb_req *req, int *fd,
	     struct reply *r)
{
	struct ctx x = { c, req, fd, r };

	if (req->op >= LB_OP_COUNT)
		return -ENOSYS;
	if (req->op != LB_HELLO && !c->dom)
		return -ENOTCONN;
	if (ops[req->op].control && c->dom->id != 0)
		return -EPERM;
	return ops[req->op].serve(&x);
}

// SPDX-License-Identifier: BSD-2-Clause
/* domain.c - domains: born by a toolstack, killed, buried. */
#include "tools/loopback/broker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/lib/log.h"

/* Xen tells the control domain that some domain's state changed; xenstored
 * then looks and fires @releaseDomain. */
#define VIRQ_DOMAIN_CHANGED 3

struct domain_list domains = LIST_HEAD_INITIALIZER(domains);

struct domain *domain_find(uint32_t id)
{
	struct domain *d;

	LIST_FOREACH(d, &domains, next)
		if (d->id == id)
			return d;
	return NULL;
}

struct domain *domain_from(uint32_t id)
{
	struct domain *d, *best = NULL;

	LIST_FOREACH(d, &domains, next)
		if (d->id >= id && (!best || d->id < best->id))
			best = d;
	return best;
}

static int set_up_store(struct domain *d)
{
	struct port *p;
	int err = share_create_xenstore(d);

	if (!err)
		err = port_bind_unbound(d, NULL, 0, &p);
	if (!err)
		d->store_port = p->number;
	return err;
}

int domain_create(uint32_t id, struct domain **out)
{
	struct domain *d;
	int err;

	if (domain_find(id))
		return -EEXIST;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->id = id;
	d->limit = limits.grants;
	d->cursor = LB_FIRST_REF;
	d->used = LB_FIRST_REF - 1;
	d->slots = calloc(d->limit, sizeof(*d->slots));
	LIST_INSERT_HEAD(&domains, d, next);
	err = d->slots ? set_up_store(d) : -ENOMEM;
	if (err) {
		domain_destroy(d, true);
		return err;
	}
	*out = d;
	return 0;
}

static void kill_conn(const struct conn *c)
{
	if (c->pid == getpid())
		return;
	/* By descriptor: a number may belong to somebody else by now. */
	if (syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0) < 0 &&
	    errno != ESRCH)
		log_warn("cannot end process %d of domain %u: %m", c->pid,
			 c->dom->id);
}

/* No new grants, no new maps of old ones, its processes end. */
void domain_kill(struct domain *d)
{
	struct share *s;
	struct conn *c;

	if (d->dying)
		return;
	d->dying = true;
	LIST_FOREACH(s, &d->shares, of_dom)
		s->live = s->live && s->owner == NULL;
	LIST_FOREACH(c, &conns, next)
		if (c->dom == d)
			kill_conn(c);
	port_raise_virq(domain_find(0), VIRQ_DOMAIN_CHANGED);
}

static void end_conns(const struct domain *d)
{
	struct conn *c, *next;

	for (c = LIST_FIRST(&conns); c; c = next) {
		next = LIST_NEXT(c, next);
		if (c->dom == d)
			conn_end(c);
	}
}

/* What a peer still maps loses its domain and lives until unmapped. */
static void bury_shares(struct domain *d)
{
	struct share *s, *next;

	for (s = LIST_FIRST(&d->shares); s; s = next) {
		next = LIST_NEXT(s, of_dom);
		if (!s->ended)
			share_end(s);
	}
	while ((s = LIST_FIRST(&d->shares))) {
		LIST_REMOVE(s, of_dom);
		s->dom = NULL;
	}
}

int domain_destroy(struct domain *d, bool force)
{
	if (d->conns > 0 && !force)
		return -EBUSY;
	end_conns(d);
	if (d->slots)
		bury_shares(d);
	for (uint32_t i = 0; i < LB_MAX_PORTS; i++)
		if (d->ports[i])
			port_close(d->ports[i]);
	LIST_REMOVE(d, next);
	free(d->slots);
	free(d);
	return 0;
}

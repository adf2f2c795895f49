// SPDX-License-Identifier: BSD-2-Clause
/* port.c - event channel ports: which are joined, and their eventfds. */
#include "tools/loopback/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct channel *channel_new(void)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->refs = 1;
	c->ev[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	c->ev[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->ev[0] >= 0 && c->ev[1] >= 0)
		return c;
	if (c->ev[0] >= 0)
		close(c->ev[0]);
	free(c);
	return NULL;
}

static void channel_put(struct channel *c)
{
	if (--c->refs > 0)
		return;
	close(c->ev[0]);
	close(c->ev[1]);
	free(c);
}

struct port *port_find(struct domain *d, uint32_t number)
{
	return number < LB_MAX_PORTS ? d->ports[number] : NULL;
}

/* Port 0 is never valid on Xen. */
static uint32_t free_number(const struct domain *d)
{
	uint32_t n = 1;

	while (n < LB_MAX_PORTS && d->ports[n])
		n++;
	return n;
}

/* @channel: NULL makes one. */
static int port_new(struct domain *d, struct conn *owner,
		    struct channel *channel, struct port **out)
{
	uint32_t n = free_number(d);
	struct port *p;

	if (n == LB_MAX_PORTS)
		return -ENOSPC;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	if (channel)
		channel->refs++;
	p->channel = channel ? channel : channel_new();
	if (!p->channel) {
		free(p);
		return -ENFILE;
	}
	p->dom = d;
	p->number = n;
	p->virq = -1;
	p->remote_domid = LB_NONE;
	p->owner = owner;
	d->ports[n] = p;
	if (owner)
		LIST_INSERT_HEAD(&owner->ports, p, of_conn);
	*out = p;
	return 0;
}

int port_bind_unbound(struct domain *d, struct conn *owner,
		      uint32_t remote_domid, struct port **out)
{
	int err = port_new(d, owner, NULL, out);

	if (!err)
		(*out)->remote_domid = remote_domid;
	return err;
}

static void set_pending(int ev)
{
	uint64_t one = 1;

	/* The only failure is a full counter, which is pending as well. */
	if (write(ev, &one, sizeof(one)) < 0)
		return;
}

int port_bind_interdomain(struct domain *d, struct conn *owner,
			  struct domain *remote, uint32_t number,
			  struct port **out)
{
	struct port *peer = port_find(remote, number);
	uint64_t old;
	struct port *p;
	int err;

	if (!peer || peer->peer || peer->closing || peer->virq >= 0 ||
	    peer->remote_domid != d->id)
		return -EINVAL;
	err = port_new(d, owner, peer->channel, &p);
	if (err)
		return err;
	p->side = 1 - peer->side;
	p->remote_domid = remote->id;
	p->peer = peer;
	peer->peer = p;
	/* What was sent before anybody listened may be lost, so Xen makes a
	 * fresh interdomain port pending once. */
	if (read(p->channel->ev[p->side], &old, sizeof(old)) < 0)
		old = 0;
	set_pending(p->channel->ev[p->side]);
	*out = p;
	return 0;
}

int port_bind_virq(struct domain *d, struct conn *owner, int virq,
		   struct port **out)
{
	int err;

	for (uint32_t i = 1; i < LB_MAX_PORTS; i++)
		if (d->ports[i] && d->ports[i]->virq == virq)
			return -EEXIST;
	err = port_new(d, owner, NULL, out);
	if (!err)
		(*out)->virq = virq;
	return err;
}

/* To nobody it is dropped without a word, as Xen does. */
void port_send(struct port *p)
{
	if (p->peer)
		set_pending(p->channel->ev[1 - p->side]);
}

void port_raise_virq(struct domain *d, int virq)
{
	for (uint32_t i = 1; i < LB_MAX_PORTS; i++)
		if (d->ports[i] && d->ports[i]->virq == virq)
			set_pending(d->ports[i]->channel->ev[0]);
}

static void port_free(struct port *p)
{
	if (p->peer)
		p->peer->peer = NULL;
	p->dom->ports[p->number] = NULL;
	channel_put(p->channel);
	free(p);
}

/* A port that an unmap notification will need stays until that is sent. */
void port_close(struct port *p)
{
	if (p->owner)
		LIST_REMOVE(p, of_conn);
	p->owner = NULL;
	p->closing = true;
	if (p->refs == 0)
		port_free(p);
}

void port_get(struct port *p)
{
	p->refs++;
}

void port_put(struct port *p)
{
	if (--p->refs == 0 && p->closing)
		port_free(p);
}

// SPDX-License-Identifier: BSD-2-Clause
/* show.c - what is held, in lines that a test can match. */
#include "tools/loopback/broker.h"

static int owner_pid(const struct conn *c)
{
	return c ? c->pid : 0;
}

static unsigned int count_ports(const struct domain *d)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < LB_MAX_PORTS; i++)
		n += d->ports[i] != NULL && d->ports[i]->owner != NULL;
	return n;
}

/* The reserved references and the toolstack's page are not counted. */
static unsigned int count_grants(const struct domain *d)
{
	return d->used - LB_FIRST_REF;
}

static void show_share(FILE *f, const struct share *s)
{
	fprintf(f, "  grant refs %u..%u pages %u to %u %s %s mapped %u "
		   "pid %d\n",
		s->runs[0].first,
		s->runs[s->n_runs - 1].first + s->runs[s->n_runs - 1].count -
			1,
		s->count, s->grantee, s->writable ? "rw" : "ro",
		s->ended ? "ended" : "live", s->maps, owner_pid(s->owner));
}

static void show_port(FILE *f, const struct port *p)
{
	fprintf(f, "  port %u ", p->number);
	if (p->virq >= 0)
		fprintf(f, "virq %d", p->virq);
	else if (p->peer)
		fprintf(f, "bound to %u:%u", p->remote_domid,
			p->peer->number);
	else
		fprintf(f, "unbound for %u", p->remote_domid);
	fprintf(f, " pid %d\n", owner_pid(p->owner));
}

static void show_map(FILE *f, const struct map *m)
{
	const struct share *s = m->parts[0].share;

	fprintf(f, "  map pages %u of domain %d parts %u pid %d\n", m->pages,
		s->dom ? (int)s->dom->id : -1, m->n_parts, m->conn->pid);
}

static void show_domain(FILE *f, const struct domain *d)
{
	const struct share *s;
	const struct conn *c;
	const struct map *m;

	fprintf(f, "domain %u %s handles %u grants %u of %u maps %u ports %u\n",
		d->id, d->dying ? "dying" : "running", d->conns,
		count_grants(d), d->limit, d->maps, count_ports(d));
	LIST_FOREACH(s, &d->shares, of_dom)
		show_share(f, s);
	LIST_FOREACH(c, &conns, next)
		if (c->dom == d)
			LIST_FOREACH(m, &c->maps, of_conn)
				show_map(f, m);
	for (uint32_t i = 0; i < LB_MAX_PORTS; i++)
		if (d->ports[i])
			show_port(f, d->ports[i]);
}

void show(FILE *f)
{
	const struct domain *d = domain_from(0);

	while (d) {
		show_domain(f, d);
		d = domain_from(d->id + 1);
	}
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * grant.c - grant references: their allocation, and the check of who maps.
 *
 * References are freed a share at a time, and only when nobody maps a page
 * of it any more, as Linux does with pages that a peer still holds.
 */
#include "tools/loopback/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/lib/log.h"

static uint64_t next_id = 1;

/* ---- references ---- */

static uint32_t free_run_at(const struct domain *d, uint32_t ref, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && ref + n < d->limit && !d->slots[ref + n].share)
		n++;
	return n;
}

/* The first free run of @want references in [from, to), or 0. */
static uint32_t find_run(const struct domain *d, uint32_t from, uint32_t to,
			 uint32_t want)
{
	while (from < to) {
		uint32_t n = free_run_at(d, from, want);

		if (n == want)
			return from;
		from += n + 1;
	}
	return 0;
}

static int add_run(struct share *s, uint32_t first, uint32_t count)
{
	struct lb_run *r;

	if (s->n_runs == LB_MAX_REPLY_RUNS)
		return -ENOSPC;
	r = realloc(s->runs, (s->n_runs + 1) * sizeof(*r));
	if (!r)
		return -ENOMEM;
	s->runs = r;
	s->runs[s->n_runs++] = (struct lb_run){ first, count };
	return 0;
}

/* No run is long enough: take what is free, in order. */
static int gather(const struct domain *d, struct share *s)
{
	uint32_t left = s->count, ref = LB_FIRST_REF;

	while (left > 0 && ref < d->limit) {
		uint32_t n = free_run_at(d, ref, left);
		int err = n ? add_run(s, ref, n) : 0;

		if (err)
			return err;
		left -= n;
		ref += n + 1;
	}
	return left ? -ENOSPC : 0;
}

static int choose_refs(struct domain *d, struct share *s)
{
	uint32_t first;

	if (s->count > d->limit - d->used)
		return -ENOSPC;
	first = find_run(d, d->cursor, d->limit, s->count);
	if (!first)
		first = find_run(d, LB_FIRST_REF, d->cursor, s->count);
	if (!first)
		return gather(d, s);
	d->cursor = first + s->count;
	return add_run(s, first, s->count);
}

static void fill_slots(struct domain *d, struct share *s)
{
	uint32_t page = 0;

	for (uint32_t r = 0; r < s->n_runs; r++)
		for (uint32_t i = 0; i < s->runs[r].count; i++)
			d->slots[s->runs[r].first + i] =
				(struct slot){ s, page++ };
	d->used += s->count;
}

static void clear_slots(struct domain *d, const struct share *s)
{
	for (uint32_t r = 0; r < s->n_runs; r++)
		for (uint32_t i = 0; i < s->runs[r].count; i++)
			d->slots[s->runs[r].first + i].share = NULL;
	d->used -= s->count;
}

/* ---- notifications ---- */

static int notify_set(struct notify *n, struct domain *d,
		      const struct lb_req *req)
{
	n->offset = req->offset;
	n->port = NULL;
	if (req->offset != LB_NONE && req->offset >= LB_PAGE)
		return -EINVAL;
	if (req->port == LB_NONE)
		return 0;
	n->port = port_find(d, req->port);
	if (!n->port || n->port->closing) {
		n->port = NULL;
		return -EINVAL;
	}
	port_get(n->port);
	return 0;
}

static void notify_fire(struct notify *n, int fd, uint32_t page)
{
	off_t at = (off_t)page * LB_PAGE + n->offset;

	if (n->offset != LB_NONE && pwrite(fd, "", 1, at) != 1)
		log_error("cannot clear the byte at %u of a page that is "
			  "being unmapped; its peer will not see the end",
			  n->offset);
	n->offset = LB_NONE;
	if (!n->port)
		return;
	port_send(n->port);
	port_put(n->port);
	n->port = NULL;
}

static void notify_drop(struct notify *n)
{
	if (n->port)
		port_put(n->port);
	n->port = NULL;
}

/* ---- shares ---- */

static void share_free(struct share *s)
{
	if (s->dom) {
		clear_slots(s->dom, s);
		LIST_REMOVE(s, of_dom);
	}
	close(s->fd);
	free(s->runs);
	free(s);
}

/* The client made the file: is it what it says? */
static int check_file(int fd, uint32_t count)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -EBADF;
	return st.st_size == (off_t)count * LB_PAGE ? 0 : -EINVAL;
}

static uint32_t allocated(const struct domain *d)
{
	const struct share *s;
	uint32_t n = 0;

	LIST_FOREACH(s, &d->shares, of_dom)
		if (s->live && s->owner)
			n += s->count;
	return n;
}

static bool over_gntalloc(const struct domain *d, uint32_t count)
{
	return limits.gntalloc != LB_NONE &&
	       count > limits.gntalloc - allocated(d);
}

static void share_adopt(struct share *s, struct domain *d, struct conn *owner)
{
	s->id = next_id++;
	s->dom = d;
	s->owner = owner;
	s->live = true;
	fill_slots(d, s);
	LIST_INSERT_HEAD(&d->shares, s, of_dom);
	if (owner)
		LIST_INSERT_HEAD(&owner->shares, s, of_conn);
}

int share_create(struct domain *d, struct conn *owner,
		 const struct lb_req *req, int fd, struct share **out)
{
	int err = check_file(fd, req->count);
	struct share *s;

	if (err || req->count == 0 || d->dying)
		return err ? err : -EINVAL;
	if (over_gntalloc(d, req->count))
		return -ENOSPC;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->grantee = req->domid;
	s->writable = req->flags & LB_F_WRITE;
	s->count = req->count;
	s->fd = fd;
	err = notify_set(&s->notify, d, req);
	if (!err)
		err = choose_refs(d, s);
	if (err) {
		notify_drop(&s->notify);
		free(s->runs);
		free(s);
		return err;
	}
	share_adopt(s, d, owner);
	*out = s;
	return 0;
}

int share_create_xenstore(struct domain *d)
{
	struct share *s = calloc(1, sizeof(*s));
	int err = s ? add_run(s, LB_XENSTORE_REF, 1) : -ENOMEM;

	if (!err) {
		s->fd = memfd_create("vgpu-xenstore-page", MFD_CLOEXEC);
		err = s->fd < 0 ? -errno : 0;
	}
	if (!err && ftruncate(s->fd, LB_PAGE) < 0) {
		err = -errno;
		close(s->fd);
	}
	if (err) {
		if (s)
			free(s->runs);
		free(s);
		return err;
	}
	s->writable = true;
	s->count = 1;
	s->notify.offset = LB_NONE;
	share_adopt(s, d, NULL);
	return 0;
}

/* Given up by its owner, or by the owner's death. */
void share_end(struct share *s)
{
	if (s->owner)
		LIST_REMOVE(s, of_conn);
	s->owner = NULL;
	s->live = false;
	s->ended = true;
	notify_fire(&s->notify, s->fd, 0);
	if (s->maps == 0)
		share_free(s);
}

/* ---- maps ---- */

static int may_map(const struct domain *mapper, const struct domain *granter,
		   uint32_t ref, bool write)
{
	const struct share *s = ref < granter->limit ?
					granter->slots[ref].share : NULL;
	const char *why = NULL;

	if (!s || !s->live)
		why = "it is not granted";
	else if (s->grantee != mapper->id)
		why = "it is granted to another domain";
	else if (write && !s->writable)
		why = "it is granted for reading only";
	if (!why)
		return 0;
	log_warn("domain %u may not map reference %u of domain %u: %s",
		 mapper->id, ref, granter->id, why);
	return -EINVAL;
}

static int add_part(struct map *m, const struct slot *at)
{
	struct map_part *p = m->n_parts ? &m->parts[m->n_parts - 1] : NULL;

	if (p && p->share == at->share && p->page + p->count == at->page) {
		p->count++;
		return 0;
	}
	if (m->n_parts == LB_MAX_RUNS)
		return -ENOSPC;
	m->parts[m->n_parts++] = (struct map_part){ at->share, at->page, 1 };
	return 0;
}

/* Checks the references in order and collects parts until the reply is
 * full; the client asks again for the rest. */
static int collect(struct map *m, const struct domain *mapper,
		   const struct domain *granter, const struct lb_req *req)
{
	for (uint32_t r = 0; r < req->n_runs; r++) {
		for (uint32_t i = 0; i < req->run[r].count; i++) {
			uint32_t ref = req->run[r].first + i;
			int err = may_map(mapper, granter, ref,
					  req->flags & LB_F_WRITE);

			if (err)
				return err;
			if (add_part(m, &granter->slots[ref]) < 0)
				return 0;
			m->pages++;
		}
	}
	return m->pages ? 0 : -EINVAL;
}

static struct map *map_new(void)
{
	struct map *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->parts = calloc(LB_MAX_RUNS, sizeof(*m->parts));
	if (m->parts)
		return m;
	free(m);
	return NULL;
}

static void map_free(struct map *m)
{
	notify_drop(&m->notify);
	free(m->parts);
	free(m);
}

int map_create(struct conn *c, struct domain *granter,
	       const struct lb_req *req, struct map **out)
{
	struct map *m = map_new();
	int err;

	if (!m)
		return -ENOMEM;
	m->notify.offset = LB_NONE;
	err = collect(m, c->dom, granter, req);
	if (!err && m->pages > limits.maps - c->dom->maps)
		err = -ENOSPC;
	if (!err)
		err = notify_set(&m->notify, c->dom, req);
	if (err) {
		map_free(m);
		return err;
	}
	m->id = next_id++;
	m->conn = c;
	c->dom->maps += m->pages;
	for (uint32_t i = 0; i < m->n_parts; i++)
		m->parts[i].share->maps += m->parts[i].count;
	LIST_INSERT_HEAD(&c->maps, m, of_conn);
	*out = m;
	return 0;
}

void map_end(struct map *m)
{
	LIST_REMOVE(m, of_conn);
	m->conn->dom->maps -= m->pages;
	notify_fire(&m->notify, m->parts[0].share->fd, m->parts[0].page);
	for (uint32_t i = 0; i < m->n_parts; i++) {
		struct share *s = m->parts[i].share;

		s->maps -= m->parts[i].count;
		if (s->maps == 0 && s->ended)
			share_free(s);
	}
	map_free(m);
}

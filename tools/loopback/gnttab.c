// SPDX-License-Identifier: BSD-2-Clause
/*
 * gnttab.c - xengnttab_*: another domain's pages, mapped here.
 *
 * The broker checks every reference and hands out the files behind them;
 * consecutive references of one share become one mmap().
 */
#include <xengnttab.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "tools/lib/cleanup.h"
#include "tools/loopback/gnt.h"

#define WHO "libxengnttab"
/* gntdev's parameter `limit', for one map call. */
#define LIMIT_ENV "VGPU_LOOPBACK_GNTDEV_LIMIT"
#define DEFAULT_LIMIT 65536u

struct map {
	LIST_ENTRY(map) next;
	struct lb_conn *conn;
	char *addr;
	uint32_t count;
	uint32_t n_ids;
	uint64_t *ids; /* the broker's, one a request */
};

static LIST_HEAD(, map) maps = LIST_HEAD_INITIALIZER(maps);
static pthread_mutex_t maps_lock = PTHREAD_MUTEX_INITIALIZER;

struct xengntdev_handle *gnt_open(const char *who)
{
	struct xengntdev_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->conn = lb_connect(who);
	if (!h->conn) {
		free(h);
		return NULL;
	}
	return h;
}

void gnt_close(struct xengntdev_handle *h)
{
	if (!h)
		return;
	lb_put(h->conn);
	free(h);
}

LB_EXPORT xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger,
					   unsigned int open_flags)
{
	(void)logger;
	(void)open_flags;
	return gnt_open(WHO);
}

LB_EXPORT int xengnttab_close(xengnttab_handle *xgt)
{
	gnt_close(xgt);
	return 0;
}

LB_EXPORT int xengnttab_fd(xengnttab_handle *xgt)
{
	return xgt->conn->fd;
}

/* Linux has ignored the number since gntdev lost its limit a handle. */
LB_EXPORT int xengnttab_set_max_grants(xengnttab_handle *xgt,
				       uint32_t nr_grants)
{
	(void)xgt;
	(void)nr_grants;
	return 0;
}

/* What is to be mapped, and how far it got. */
struct job {
	struct lb_conn *conn;
	const uint32_t *domids; /* one a page, or one for all */
	bool one_domid;
	const uint32_t *refs;
	uint32_t count;
	uint32_t done;
	int prot;
	uint32_t offset, port;
	struct map *map;
};

static uint32_t domid_of(const struct job *j, uint32_t i)
{
	return j->domids[j->one_domid ? 0 : i];
}

/* The next references, as runs, up to a change of domain. */
static void next_runs(const struct job *j, struct lb_req *req)
{
	struct lb_run *last = NULL;
	uint32_t i = j->done;

	req->domid = domid_of(j, i);
	req->n_runs = 0;
	for (; i < j->count && domid_of(j, i) == req->domid; i++) {
		if (last && j->refs[i] == last->first + last->count) {
			last->count++;
			continue;
		}
		if (req->n_runs == LB_MAX_RUNS)
			break;
		last = &req->run[req->n_runs++];
		*last = (struct lb_run){ j->refs[i], 1 };
	}
}

/* Puts the files of one reply in place. */
static int place(struct job *j, const struct lb_call *call)
{
	char *to = j->map->addr + (size_t)j->done * LB_PAGE;

	for (uint32_t i = 0; i < call->n_fds; i++) {
		size_t len = (size_t)call->runs[i].count * LB_PAGE;
		off_t off = (off_t)call->runs[i].first * LB_PAGE;

		if (mmap(to, len, j->prot, MAP_SHARED | MAP_FIXED,
			 call->fds[i], off) == MAP_FAILED)
			return -errno;
		to += len;
	}
	return 0;
}

static int keep_id(struct map *m, uint64_t id)
{
	uint64_t *ids = realloc(m->ids, (m->n_ids + 1) * sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	m->ids = ids;
	m->ids[m->n_ids++] = id;
	return 0;
}

static int drop_id(struct lb_conn *conn, uint64_t id)
{
	struct lb_call call = {
		.req.op = LB_UNMAP,
		.req.id = id,
		.send_fd = -1,
	};

	return lb_call(conn, &call);
}

/* One request: as many pages as fit into its reply. */
static int step(struct job *j)
{
	struct lb_run runs[LB_MAX_RUNS];
	int fds[LB_MAX_RUNS];
	struct lb_call call = {
		.req.op = LB_MAP,
		.req.flags = j->prot & PROT_WRITE ? LB_F_WRITE : 0,
		.req.offset = j->offset,
		.req.port = j->port,
		.send_fd = -1,
		.runs = runs,
		.max_runs = LB_MAX_RUNS,
		.fds = fds,
		.max_fds = LB_MAX_RUNS,
	};
	int err;

	next_runs(j, &call.req);
	err = lb_call(j->conn, &call);
	if (err == -EMFILE)
		drop_id(j->conn, call.rep.id);
	if (err)
		return err;
	err = keep_id(j->map, call.rep.id);
	if (err)
		drop_id(j->conn, call.rep.id);
	else
		err = place(j, &call);
	for (uint32_t i = 0; i < call.n_fds; i++)
		close(fds[i]);
	j->done += call.rep.value;
	return err;
}

/* Unmaps and tells the broker; the first error is the one reported. */
static int map_free(struct map *m)
{
	int err = 0;

	if (munmap(m->addr, (size_t)m->count * LB_PAGE) < 0)
		err = -errno;
	for (uint32_t i = 0; i < m->n_ids; i++) {
		int e = drop_id(m->conn, m->ids[i]);

		err = err ? err : e;
	}
	lb_put(m->conn);
	free(m->ids);
	free(m);
	return err;
}

/* Address space first, so that the result is contiguous. */
static struct map *map_new(struct lb_conn *conn, uint32_t count)
{
	struct map *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->addr = mmap(NULL, (size_t)count * LB_PAGE, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->addr == MAP_FAILED) {
		free(m);
		return NULL;
	}
	m->conn = lb_get(conn);
	m->count = count;
	return m;
}

static void *refused(struct job *j, int err)
{
	if (j->done < j->count)
		lb_complain(WHO, "cannot map reference %u of domain %u: %s",
			    j->refs[j->done], domid_of(j, j->done),
			    strerror(-err));
	map_free(j->map);
	errno = -err;
	return NULL;
}

static uint32_t map_limit(void)
{
	const char *text = getenv(LIMIT_ENV);
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	return n && n <= UINT32_MAX ? (uint32_t)n : DEFAULT_LIMIT;
}

static void *map_pages(struct job *j)
{
	int err = 0;

	if (j->count == 0 || j->count > map_limit()) {
		errno = EINVAL;
		return NULL;
	}
	j->map = map_new(j->conn, j->count);
	if (!j->map)
		return NULL;
	while (!err && j->done < j->count)
		err = step(j);
	if (err)
		return refused(j, err);
	/* As gntdev: a child does not inherit granted pages. */
	madvise(j->map->addr, (size_t)j->count * LB_PAGE, MADV_DONTFORK);
	pthread_mutex_lock(&maps_lock);
	LIST_INSERT_HEAD(&maps, j->map, next);
	pthread_mutex_unlock(&maps_lock);
	return j->map->addr;
}

LB_EXPORT void *xengnttab_map_grant_ref_notify(xengnttab_handle *xgt,
					       uint32_t domid, uint32_t ref,
					       int prot,
					       uint32_t notify_offset,
					       evtchn_port_t notify_port)
{
	struct job j = {
		.conn = xgt->conn,
		.domids = &domid,
		.one_domid = true,
		.refs = &ref,
		.count = 1,
		.prot = prot,
		.offset = notify_offset < LB_PAGE ? notify_offset : LB_NONE,
		.port = notify_port,
	};

	return map_pages(&j);
}

LB_EXPORT void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid,
					uint32_t ref, int prot)
{
	return xengnttab_map_grant_ref_notify(xgt, domid, ref, prot, LB_NONE,
					      LB_NONE);
}

LB_EXPORT void *xengnttab_map_grant_refs(xengnttab_handle *xgt,
					 uint32_t count, uint32_t *domids,
					 uint32_t *refs, int prot)
{
	struct job j = {
		.conn = xgt->conn,
		.domids = domids,
		.refs = refs,
		.count = count,
		.prot = prot,
		.offset = LB_NONE,
		.port = LB_NONE,
	};

	return map_pages(&j);
}

LB_EXPORT void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt,
						uint32_t count, uint32_t domid,
						uint32_t *refs, int prot)
{
	struct job j = {
		.conn = xgt->conn,
		.domids = &domid,
		.one_domid = true,
		.refs = refs,
		.count = count,
		.prot = prot,
		.offset = LB_NONE,
		.port = LB_NONE,
	};

	return map_pages(&j);
}

/* gntdev takes a whole mapping by its start, and nothing else. */
LB_EXPORT int xengnttab_unmap(xengnttab_handle *xgt, void *start_address,
			      uint32_t count)
{
	struct map *m;
	int err;

	(void)xgt;
	pthread_mutex_lock(&maps_lock);
	LIST_FOREACH(m, &maps, next)
		if (m->addr == start_address)
			break;
	if (m && m->count == count)
		LIST_REMOVE(m, next);
	else
		m = NULL;
	pthread_mutex_unlock(&maps_lock);
	if (!m)
		return lb_fail(-EINVAL);
	err = map_free(m);
	return err ? lb_fail(err) : 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * gntcopy.c - xengnttab_grant_copy: bytes to and from granted pages without
 * mapping them; and dma-buf sharing, which needs a kernel and is refused.
 */
#include <xengnttab.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/lib/range.h"
#include "tools/loopback/gnt.h"

/* One side of a copy: memory of ours, or a granted page's file. */
struct side {
	char *virt; /* NULL: a grant */
	int fd;
	off_t off;
	uint64_t id;
};

/* It fails only where the broker is gone, and the map with it. */
static void drop(struct lb_conn *conn, uint64_t id)
{
	struct lb_call call = {
		.req.op = LB_UNMAP,
		.req.id = id,
		.send_fd = -1,
	};

	lb_call(conn, &call);
}

static int side_open(struct lb_conn *conn, struct side *s,
		     const union xengnttab_copy_ptr *p, bool granted,
		     bool write, uint16_t len)
{
	struct lb_run run;
	struct lb_call call = {
		.req.op = LB_MAP,
		.req.flags = write ? LB_F_WRITE : 0,
		.req.offset = LB_NONE,
		.req.port = LB_NONE,
		.req.n_runs = 1,
		.send_fd = -1,
		.runs = &run,
		.max_runs = 1,
		.fds = &s->fd,
		.max_fds = 1,
	};
	int err;

	if (!granted) {
		s->virt = p->virt;
		return 0;
	}
	if (!range_ok(p->foreign.offset, len, LB_PAGE))
		return GNTST_bad_copy_arg;
	call.req.domid = p->foreign.domid;
	call.req.run[0] = (struct lb_run){ p->foreign.ref, 1 };
	err = lb_call(conn, &call);
	s->id = call.rep.id;
	if (err == -EMFILE)
		drop(conn, s->id);
	if (err)
		return GNTST_bad_gntref;
	s->off = (off_t)run.first * LB_PAGE + p->foreign.offset;
	return GNTST_okay;
}

static void side_close(struct lb_conn *conn, struct side *s)
{
	if (s->fd < 0)
		return;
	drop(conn, s->id);
	close(s->fd);
}

static int move(const struct side *to, const struct side *from, size_t len)
{
	char page[LB_PAGE];
	const char *src = from->virt;

	if (!src) {
		if (pread(from->fd, page, len, from->off) != (ssize_t)len)
			return GNTST_general_error;
		src = page;
	}
	if (to->virt)
		memmove(to->virt, src, len);
	else if (pwrite(to->fd, src, len, to->off) != (ssize_t)len)
		return GNTST_general_error;
	return GNTST_okay;
}

static int copy_one(struct lb_conn *conn, xengnttab_grant_copy_segment_t *s)
{
	struct side from = { .fd = -1 }, to = { .fd = -1 };
	int st;

	if (!(s->flags & (GNTCOPY_source_gref | GNTCOPY_dest_gref)))
		return GNTST_bad_copy_arg;
	st = side_open(conn, &from, &s->source,
		       s->flags & GNTCOPY_source_gref, false, s->len);
	if (st == GNTST_okay)
		st = side_open(conn, &to, &s->dest,
			       s->flags & GNTCOPY_dest_gref, true, s->len);
	if (st == GNTST_okay)
		st = move(&to, &from, s->len);
	side_close(conn, &from);
	side_close(conn, &to);
	return st;
}

/* As on Linux: the call succeeds, each segment has its own status. */
LB_EXPORT int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count,
				   xengnttab_grant_copy_segment_t *segs)
{
	for (uint32_t i = 0; i < count; i++)
		segs[i].status = (int16_t)copy_one(xgt->conn, &segs[i]);
	return 0;
}

LB_EXPORT int xengnttab_dmabuf_exp_from_refs(xengnttab_handle *xgt,
					     uint32_t domid, uint32_t flags,
					     uint32_t count,
					     const uint32_t *refs,
					     uint32_t *fd)
{
	(void)xgt, (void)domid, (void)flags;
	(void)count, (void)refs, (void)fd;
	return lb_fail(-EOPNOTSUPP);
}

LB_EXPORT int xengnttab_dmabuf_exp_wait_released(xengnttab_handle *xgt,
						 uint32_t fd,
						 uint32_t wait_to_ms)
{
	(void)xgt, (void)fd, (void)wait_to_ms;
	return lb_fail(-EOPNOTSUPP);
}

LB_EXPORT int xengnttab_dmabuf_imp_to_refs(xengnttab_handle *xgt,
					   uint32_t domid, uint32_t fd,
					   uint32_t count, uint32_t *refs)
{
	(void)xgt, (void)domid, (void)fd, (void)count, (void)refs;
	return lb_fail(-EOPNOTSUPP);
}

LB_EXPORT int xengnttab_dmabuf_imp_release(xengnttab_handle *xgt, uint32_t fd)
{
	(void)xgt, (void)fd;
	return lb_fail(-EOPNOTSUPP);
}

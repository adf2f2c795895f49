// SPDX-License-Identifier: BSD-2-Clause
/*
 * gntshr.c - xengntshr_*: pages of ours, granted to another domain.
 *
 * One share is one memfd, so its pages are ordinary MAP_SHARED memory and a
 * peer maps any run of them with one mmap(). Like gntalloc, a share's
 * references are freed when the last of its pages is unmapped here, whatever
 * became of the handle.
 */
#include <xengnttab.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <fcntl.h>

#include "tools/lib/cleanup.h"
#include "tools/loopback/gnt.h"

#define WHO "libxengntshr"

struct share {
	LIST_ENTRY(share) next;
	struct lb_conn *conn;
	uint64_t id;
	dev_t dev;
	ino_t ino;
	char *addr; /* NULL: moved, ask the kernel */
	size_t len;
	uint32_t left; /* pages not yet unmapped */
	bool seen;     /* by sweep() */
};

static LIST_HEAD(, share) shares = LIST_HEAD_INITIALIZER(shares);
static pthread_mutex_t shares_lock = PTHREAD_MUTEX_INITIALIZER;

LB_EXPORT xengntshr_handle *xengntshr_open(struct xentoollog_logger *logger,
					   unsigned int open_flags)
{
	(void)logger;
	(void)open_flags;
	return gnt_open(WHO);
}

LB_EXPORT int xengntshr_close(xengntshr_handle *xgs)
{
	gnt_close(xgs);
	return 0;
}

LB_EXPORT int xengntshr_fd(xengntshr_handle *xgs)
{
	return xgs->conn->fd;
}

/* A file that cannot change its size: the peer cannot make us fault. */
static int make_file(size_t len)
{
	AUTO_FD int fd = memfd_create("vgpu-grant",
				      MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)len) < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	return fd_take(&fd);
}

static void spread_refs(const struct lb_call *call, uint32_t *refs)
{
	for (uint32_t r = 0; r < call->rep.n_runs; r++)
		for (uint32_t i = 0; i < call->runs[r].count; i++)
			*refs++ = call->runs[r].first + i;
}

/* Asks the broker for references to @fd's pages. */
static int announce(struct lb_conn *conn, int fd, struct lb_req *req,
		    uint32_t *refs, uint64_t *id)
{
	uint32_t max = req->count < LB_MAX_REPLY_RUNS ? req->count :
							LB_MAX_REPLY_RUNS;
	AUTO_FREE struct lb_run *runs = calloc(max, sizeof(*runs));
	struct lb_call call = {
		.req = *req,
		.send_fd = fd,
		.runs = runs,
		.max_runs = max,
	};
	int err;

	if (!runs)
		return -ENOMEM;
	err = lb_call(conn, &call);
	if (err)
		return err;
	spread_refs(&call, refs);
	*id = call.rep.id;
	return 0;
}

/* A new mapping took over addresses that an older one moved away from. */
static void forget_moved(const struct share *fresh)
{
	struct share *s;

	LIST_FOREACH(s, &shares, next)
		if (s->addr && s->addr < fresh->addr + fresh->len &&
		    fresh->addr < s->addr + s->len)
			s->addr = NULL;
}

static struct share *share_map(int fd, size_t len)
{
	struct share *s = calloc(1, sizeof(*s));
	struct stat st;

	if (!s)
		return NULL;
	s->addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s->addr == MAP_FAILED || fstat(fd, &st) < 0) {
		free(s);
		return NULL;
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	s->len = len;
	s->left = (uint32_t)(len / LB_PAGE);
	return s;
}

struct place {
	uintptr_t from, to;
	uint64_t off;
	dev_t dev;
	ino_t ino;
};

static bool next_place(FILE *f, struct place *p)
{
	unsigned int maj, min;
	unsigned long inode;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64
				 " %x:%x %lu",
			   &p->from, &p->to, &p->off, &maj, &min, &inode) != 6)
			continue;
		p->dev = makedev(maj, min);
		p->ino = inode;
		return true;
	}
	return false;
}

/* Which file lies at @addr, and where in it? The mapping may have been
 * moved by mremap(), which nobody tells us of. */
static int file_at(const char *addr, dev_t *dev, ino_t *ino, uint64_t *off)
{
	uintptr_t want = (uintptr_t)addr;
	FILE *f = fopen("/proc/self/maps", "re");
	int err = -EINVAL;
	struct place p;

	*dev = 0;
	*ino = 0;
	*off = 0;
	if (!f)
		return -errno;
	while (err && next_place(f, &p)) {
		if (want < p.from || want >= p.to)
			continue;
		*off = p.off + (want - p.from);
		*dev = p.dev;
		*ino = p.ino;
		err = 0;
	}
	fclose(f);
	return err;
}

/* Gives the references back; the caller holds no lock. */
static int release(struct share *s)
{
	struct lb_call call = {
		.req.op = LB_UNSHARE,
		.req.id = s->id,
		.send_fd = -1,
	};
	int err = lb_call(s->conn, &call);

	lb_put(s->conn);
	free(s);
	return err;
}

/*
 * Shares of which nothing is mapped any more: something else was mapped, or
 * moved, over their pages. gntalloc learns that from the kernel; we look when
 * there is no room. True: some went.
 */
static bool sweep(void)
{
	LIST_HEAD(, share) gone = LIST_HEAD_INITIALIZER(gone);
	FILE *f = fopen("/proc/self/maps", "re");
	struct share *s, *next;
	struct place p;

	if (!f)
		return false;
	pthread_mutex_lock(&shares_lock);
	LIST_FOREACH(s, &shares, next)
		s->seen = false;
	while (next_place(f, &p))
		LIST_FOREACH(s, &shares, next)
			if (s->dev == p.dev && s->ino == p.ino)
				s->seen = true;
	for (s = LIST_FIRST(&shares); s; s = next) {
		next = LIST_NEXT(s, next);
		if (s->seen)
			continue;
		LIST_REMOVE(s, next);
		LIST_INSERT_HEAD(&gone, s, next);
	}
	pthread_mutex_unlock(&shares_lock);
	fclose(f);
	if (LIST_EMPTY(&gone))
		return false;
	while ((s = LIST_FIRST(&gone))) {
		LIST_REMOVE(s, next);
		release(s);
	}
	return true;
}

static void *share(xengntshr_handle *xgs, struct lb_req *req, uint32_t *refs)
{
	size_t len = (size_t)req->count * LB_PAGE;
	AUTO_FD int fd = make_file(len);
	struct share *s;
	void *addr;
	int err;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	s = share_map(fd, len);
	if (!s)
		return NULL;
	err = announce(xgs->conn, fd, req, refs, &s->id);
	if (err == -ENOSPC && sweep())
		err = announce(xgs->conn, fd, req, refs, &s->id);
	if (err) {
		munmap(s->addr, len);
		free(s);
		errno = -err;
		return NULL;
	}
	s->conn = lb_get(xgs->conn);
	/* Once it is in the list, another thread may free it. */
	addr = s->addr;
	pthread_mutex_lock(&shares_lock);
	forget_moved(s);
	LIST_INSERT_HEAD(&shares, s, next);
	pthread_mutex_unlock(&shares_lock);
	return addr;
}

LB_EXPORT void *xengntshr_share_pages(xengntshr_handle *xgs, uint32_t domid,
				      int count, uint32_t *refs, int writable)
{
	struct lb_req req = {
		.op = LB_SHARE,
		.domid = domid,
		.count = (uint32_t)count,
		.flags = writable ? LB_F_WRITE : 0,
		.offset = LB_NONE,
		.port = LB_NONE,
	};

	if (count <= 0) {
		errno = EINVAL;
		return NULL;
	}
	return share(xgs, &req, refs);
}

LB_EXPORT void *xengntshr_share_page_notify(xengntshr_handle *xgs,
					    uint32_t domid, uint32_t *ref,
					    int writable,
					    uint32_t notify_offset,
					    evtchn_port_t notify_port)
{
	struct lb_req req = {
		.op = LB_SHARE,
		.domid = domid,
		.count = 1,
		.flags = writable ? LB_F_WRITE : 0,
		.offset = notify_offset < LB_PAGE ? notify_offset : LB_NONE,
		.port = notify_port,
	};

	return share(xgs, &req, ref);
}

static struct share *find_moved(char *addr)
{
	struct share *s;
	uint64_t off;
	dev_t dev;
	ino_t ino;

	if (file_at(addr, &dev, &ino, &off) < 0)
		return NULL;
	LIST_FOREACH(s, &shares, next)
		if (s->dev == dev && s->ino == ino) {
			s->addr = addr - off;
			return s;
		}
	return NULL;
}

static struct share *find(char *addr, size_t len)
{
	struct share *s;

	LIST_FOREACH(s, &shares, next)
		if (s->addr && addr >= s->addr &&
		    addr + len <= s->addr + s->len)
			return s;
	return find_moved(addr);
}

LB_EXPORT int xengntshr_unshare(xengntshr_handle *xgs, void *start_address,
				uint32_t count)
{
	size_t len = (size_t)count * LB_PAGE;
	struct share *s;
	int err = 0;

	(void)xgs;
	pthread_mutex_lock(&shares_lock);
	s = find(start_address, len);
	if (!s || count == 0 || count > s->left)
		err = -EINVAL;
	else if (munmap(start_address, len) < 0)
		err = -errno;
	else
		s->left -= count;
	if (!err && s->left == 0)
		LIST_REMOVE(s, next);
	else
		s = NULL;
	pthread_mutex_unlock(&shares_lock);
	if (s)
		err = release(s);
	return err ? lb_fail(err) : 0;
}

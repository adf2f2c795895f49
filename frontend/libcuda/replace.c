// SPDX-License-Identifier: BSD-2-Clause
/*
 * replace.c - granted pages in the place of the program's own.
 *
 * The program's address stays; what lies there becomes pages that the host
 * maps too, with the same content, and private memory again when nobody needs
 * it otherwise. Whole pages are replaced, neighbours' bytes with them.
 *
 * Other threads may use the memory meanwhile: while it is copied it can only
 * be read, and who writes waits in the handler of fault.c. Not caught: a
 * system call that writes there in that moment gets EFAULT; a thread that
 * blocks SIGSEGV, or whose own stack this is, ends the process. The stack of
 * the caller is refused.
 *
 * fork(): granted pages would be shared between parent and child. The child
 * gets copies, made before the fork, as the kernel does it for pinned pages.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tools/lib/log.h"

/* What lies at an address, by /proc/self/maps. */
struct mapping {
	uint64_t from, to, off;
	char prot[5];
	dev_t dev;
	unsigned long ino;
	char path[32];
};

/* Pages that are replaced, in one piece; sorted by address. */
struct run {
	uint64_t addr;
	uint32_t pages, uses;
	uint32_t *ref;
	uint64_t off;          /* in the file behind them, and which it is */
	dev_t dev;
	unsigned long ino;
	void *copy;            /* for the child, during a fork */
	struct run *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct run *runs;

static uint64_t end_of(const struct run *r)
{
	return r->addr + (uint64_t)r->pages * VGPU_PAGE;
}

/* ---- what lies where --------------------------------------------------- */

static bool parse(const char *line, struct mapping *m)
{
	unsigned int maj, min;
	unsigned long from, to, off;

	m->path[0] = '\0';
	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %31s", &from, &to, m->prot,
		   &off, &maj, &min, &m->ino, m->path) < 7)
		return false;
	m->from = from;
	m->to = to;
	m->off = off;
	m->dev = makedev(maj, min);
	return true;
}

/* Is @good all of [from, to), without a gap? */
static bool mapped(uint64_t from, uint64_t to,
		   bool (*good)(const struct mapping *m, void *arg), void *arg)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	struct mapping m;
	bool ok = f;

	while (ok && from < to && fgets(line, sizeof(line), f)) {
		if (!parse(line, &m) || m.to <= from)
			continue;
		ok = m.from <= from && good(&m, arg);
		from = m.to;
	}
	if (f)
		fclose(f);
	return ok && from >= to;
}

/* Private memory that can be written: the heap, mmap, variables. Not the main
 * thread's stack, and nothing of a device or of huge pages. */
static bool own_memory(const struct mapping *m, void *unused)
{
	(void)unused;
	return !strcmp(m->prot, "rw-p") && strcmp(m->path, "[stack]") &&
	       strncmp(m->path, "/dev/", 5) && strncmp(m->path, "/anon_huge", 10);
}

static bool identify(const struct mapping *m, void *run)
{
	struct run *r = run;

	r->dev = m->dev;
	r->ino = m->ino;
	r->off = m->off + (r->addr - m->from);
	return m->to >= end_of(r);
}

/* Still ours: the program may have unmapped it and got something else. */
static bool ours(const struct mapping *m, void *run)
{
	const struct run *r = run;
	uint64_t at = m->from > r->addr ? m->from : r->addr;

	return m->prot[3] == 's' && m->dev == r->dev && m->ino == r->ino &&
	       m->off + (at - m->from) == r->off + (at - r->addr);
}

/* Frames are written while we copy: of this thread, and its control block. */
static bool my_stack(uint64_t from, uint64_t to)
{
	uint64_t sp = (uintptr_t)__builtin_frame_address(0);
	uint64_t tcb = (uint64_t)pthread_self();
	pthread_attr_t a;
	size_t size = 0;
	void *low = NULL;

	if (!pthread_getattr_np(pthread_self(), &a)) {
		pthread_attr_getstack(&a, &low, &size);
		pthread_attr_destroy(&a);
	}
	return (from <= sp && sp < to) || (from <= tcb && tcb < to) ||
	       ((uintptr_t)low < to && from < (uintptr_t)low + size);
}

/* ---- in place ---------------------------------------------------------- */

static _Atomic uint32_t moves; /* odd while pages are being replaced */

/* Whole pages, with what lies beside the program's own bytes in them: not for
 * a memcpy() that a sanitizer looks at. */
static void copy_pages(void *to, const void *from, uint64_t len)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len)
			 : : "memory");
}

/* Content and address of [addr, addr + len) go to the pages at @fresh. No
 * allocation here: who waits for us may hold malloc's lock. */
static int swap(uint64_t addr, uint64_t len, void *fresh)
{
	void *at = (void *)(uintptr_t)addr;
	int e = 0;

	/* Fresh pages now, and not while others wait; an old kernel makes them
	 * then. */
	madvise(fresh, len, MADV_POPULATE_WRITE);
	atomic_fetch_add(&moves, 1);
	if (mprotect(at, len, PROT_READ)) {
		e = -errno;
	} else {
		copy_pages(fresh, at, len);
		if (mremap(fresh, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
			   at) == MAP_FAILED) {
			e = -errno;
			mprotect(at, len, PROT_READ | PROT_WRITE);
		}
	}
	atomic_fetch_add(&moves, 1);
	return e;
}

/*
 * A fault: was it a write to pages that were being replaced? Each thread tries
 * again once for each replacement that it has seen; a fault that comes back
 * is another one. No thread-local storage: its first use may allocate.
 */
bool vg_replace_fault(void)
{
	static _Atomic uint64_t seen[64];
	uint32_t tid = (uint32_t)gettid(), n;
	_Atomic uint64_t *mine = &seen[tid % 64];

	while ((n = atomic_load(&moves)) & 1)
		sched_yield();
	if (!n || atomic_load(mine) == ((uint64_t)tid << 32 | n))
		return false;
	atomic_store(mine, (uint64_t)tid << 32 | n);
	return true;
}

/* ---- runs -------------------------------------------------------------- */

static struct run *run_new(uint64_t addr, uint32_t pages)
{
	struct run *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->ref = malloc(pages * sizeof(*r->ref));
	if (!r->ref) {
		free(r);
		return NULL;
	}
	r->addr = addr;
	r->pages = pages;
	return r;
}

static void run_free(struct run *r)
{
	free(r->ref);
	free(r);
}

static void enter(struct run *r)
{
	struct run **at = &runs;

	while (*at && (*at)->addr < r->addr)
		at = &(*at)->next;
	r->next = *at;
	*at = r;
}

static void leave(struct run *r)
{
	struct run **at = &runs;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	run_free(r);
}

/* Makes @addr the boundary of runs. */
static bool cut(uint64_t addr)
{
	struct run *r = runs, *n;
	uint32_t k;

	while (r && end_of(r) <= addr)
		r = r->next;
	if (!r || r->addr >= addr)
		return true;
	k = (uint32_t)((addr - r->addr) / VGPU_PAGE);
	n = run_new(addr, r->pages - k);
	if (!n)
		return false;
	memcpy(n->ref, r->ref + k, n->pages * sizeof(*n->ref));
	n->uses = r->uses;
	n->dev = r->dev;
	n->ino = r->ino;
	n->off = r->off + (uint64_t)k * VGPU_PAGE;
	r->pages = k;
	enter(n);
	return true;
}

/* Private memory again; where that cannot be had the granted pages stay, which
 * the program does not notice. */
static void put_back(struct run *r)
{
	uint64_t len = (uint64_t)r->pages * VGPU_PAGE;
	void *own;

	if (!mapped(r->addr, end_of(r), ours, r)) {
		leave(r);
		return;
	}
	own = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (own == MAP_FAILED)
		return;
	/* The grants end with the last mapping of their pages. */
	if (swap(r->addr, len, own))
		munmap(own, len);
	else
		leave(r);
}

static int fill(uint64_t addr, uint32_t pages)
{
	uint64_t len = (uint64_t)pages * VGPU_PAGE;
	struct run *r;
	void *p;
	int e = -EACCES;

	if (!mapped(addr, addr + len, own_memory, NULL))
		return -EINVAL;
	r = run_new(addr, pages);
	if (!r)
		return -ENOMEM;
	p = vg_share(pages, r->ref);
	if (!p) {
		run_free(r);
		return -ENOSPC;
	}
	r->addr = (uintptr_t)p;
	if (mapped(r->addr, end_of(r), identify, r))
		e = swap(addr, len, p);
	r->addr = addr;
	if (e) {
		vg_unshare(p, pages);
		run_free(r);
		return e;
	}
	enter(r);
	return 0;
}

/* What of [from, to) is not replaced yet. */
static int fill_gaps(uint64_t from, uint64_t to)
{
	int e = 0;

	while (from < to && !e) {
		struct run *r = runs;
		uint64_t next;

		while (r && end_of(r) <= from)
			r = r->next;
		if (r && r->addr <= from) {
			e = mapped(r->addr, end_of(r), ours, r) ? 0 : -EINVAL;
			from = end_of(r);
			continue;
		}
		next = r && r->addr < to ? r->addr : to;
		e = fill(from, (uint32_t)((next - from) / VGPU_PAGE));
		from = next;
	}
	return e;
}

/* Runs of [from, to) that nobody uses. */
static void drop_unused(uint64_t from, uint64_t to)
{
	struct run *next;

	for (struct run *r = runs; r && r->addr < to; r = next) {
		next = r->next;
		if (r->addr >= from && !r->uses)
			put_back(r);
	}
}

static void use(uint64_t from, uint64_t to, uint32_t *refs)
{
	for (struct run *r = runs; r && r->addr < to; r = r->next) {
		if (r->addr < from)
			continue;
		r->uses++;
		memcpy(refs + (r->addr - from) / VGPU_PAGE, r->ref,
		       r->pages * sizeof(*refs));
	}
}

int vg_replace(uint64_t addr, uint32_t pages, uint32_t *refs)
{
	uint64_t to = addr + (uint64_t)pages * VGPU_PAGE;
	int e;

	if (my_stack(addr, to))
		return -EBUSY;
	vg_faults_catch();
	pthread_mutex_lock(&lock);
	e = cut(addr) && cut(to) ? fill_gaps(addr, to) : -ENOMEM;
	if (e)
		drop_unused(addr, to);
	else
		use(addr, to, refs);
	pthread_mutex_unlock(&lock);
	return e;
}

/* The ends are runs' boundaries still: each was cut when it was asked for. */
void vg_replace_back(uint64_t addr, uint32_t pages)
{
	uint64_t to = addr + (uint64_t)pages * VGPU_PAGE;

	pthread_mutex_lock(&lock);
	for (struct run *r = runs; r && r->addr < to; r = r->next)
		if (r->addr >= addr)
			r->uses--;
	drop_unused(addr, to);
	pthread_mutex_unlock(&lock);
}

/* ---- fork -------------------------------------------------------------- */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
	for (struct run *r = runs; r; r = r->next) {
		uint64_t len = (uint64_t)r->pages * VGPU_PAGE;

		r->copy = NULL;
		if (!mapped(r->addr, end_of(r), ours, r))
			continue;
		r->copy = mmap(NULL, len, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (r->copy == MAP_FAILED) {
			log_error("no memory for a child's copy of registered "
				  "memory: it shares the pages");
			r->copy = NULL;
			continue;
		}
		copy_pages(r->copy, (void *)(uintptr_t)r->addr, len);
	}
}

static void after_fork(void)
{
	for (struct run *r = runs; r; r = r->next)
		if (r->copy)
			munmap(r->copy, (uint64_t)r->pages * VGPU_PAGE);
	pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
	for (struct run *r = runs; r; r = r->next) {
		uint64_t len = (uint64_t)r->pages * VGPU_PAGE;

		if (r->copy && mremap(r->copy, len, len, MREMAP_MAYMOVE |
				      MREMAP_FIXED,
				      (void *)(uintptr_t)r->addr) == MAP_FAILED)
			log_error("registered memory of the parent: %s",
				  strerror(errno));
	}
	runs = NULL; /* the list is in memory of its own, left where it is */
	pthread_mutex_unlock(&lock);
}

/* First of all handlers, so that no other one sees shared pages as its own. */
__attribute__((constructor(101))) static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork, in_child);
}

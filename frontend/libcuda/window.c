// SPDX-License-Identifier: BSD-2-Clause
/*
 * window.c - granted pages for bulk bytes: arenas, and the pieces of arena 0
 * through which copies are staged.
 *
 * A piece has one fence. The executor writes the value that the record named
 * when the GPU is done with the piece; who took it may wait for that, or leave
 * it flying: it is free again when its fence says so.
 */
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "tools/lib/log.h"
#include "tools/lib/ticks.h"

/* Staging: a quarter of what a guest's gntalloc may give, at most 16 MiB; 32
 * pieces of 512 KiB keep a copy engine and a memcpy busy at the same time. */
#define STAGING_MAX  4096u
#define STAGING_MIN  VGPU_FENCES
#define LIMIT_FILE "/sys/module/xen_gntalloc/parameters/limit"

enum piece_state { FREE, TAKEN, FLYING };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool have_staging;
static uint8_t *staging;
static uint32_t staging_arena;
static uint64_t piece_size;
static enum piece_state state[VGPU_FENCES];
static uint32_t value[VGPU_FENCES];
static uint32_t next;
static bool arena_used[VGPU_ARENAS];
static uint64_t window_pages; /* in all arenas, under lock */

static uint32_t grant_limit(void)
{
	FILE *f = fopen(LIMIT_FILE, "re");
	unsigned int n = UINT32_MAX;

	if (!f)
		return n; /* not this kernel's gntalloc: asking will tell */
	if (fscanf(f, "%u", &n) != 1)
		n = 1024;
	fclose(f);
	return n;
}

/* What this process may share: the host's budget for it. A quarter of the
 * guest's own stays with others, since a guest's grant table that was full
 * once serves gntalloc no more. */
static uint64_t budget(void)
{
	static _Atomic uint64_t most;
	uint64_t own, n = atomic_load(&most);

	if (n)
		return n;
	own = grant_limit() / 4ull * 3;
	n = vg_session.ctl->max_window_pages;
	n = n < own ? n : own;
	atomic_store(&most, n);
	return n;
}

/* Pages that an arena can still get. */
uint64_t vg_window_left(void)
{
	uint64_t used;

	pthread_mutex_lock(&lock);
	used = window_pages;
	pthread_mutex_unlock(&lock);
	return used < budget() ? budget() - used : 0;
}

/* ---- arenas ------------------------------------------------------------ */

static bool arena_number(uint32_t pages, uint32_t *ret)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < VGPU_ARENAS && !found &&
	     window_pages + pages <= budget(); i++) {
		if (arena_used[i])
			continue;
		arena_used[i] = found = true;
		window_pages += pages;
		*ret = i;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static void number_back(uint32_t arena, uint32_t pages)
{
	pthread_mutex_lock(&lock);
	arena_used[arena] = false;
	window_pages -= pages;
	pthread_mutex_unlock(&lock);
}

/* Tell the host, in as many records as the references need. */
static CUresult announce(uint32_t arena, const uint32_t *refs, uint32_t pages,
			 uint64_t *address)
{
	uint32_t room = (vg_max_record() - 256) / 4;
	struct in_vgArenaAdd in = { .arena = arena, .pages = pages };
	struct out_vgArenaAdd out = { 0 };
	struct vg_seg s[] = { { &in, sizeof(in) }, { refs, 0 } };
	struct vg_seg o = { &out, sizeof(out) };
	CUresult r = CUDA_SUCCESS;

	for (; !r && in.first < pages; in.first += in.count) {
		in.count = pages - in.first < room ? pages - in.first : room;
		s[1] = (struct vg_seg){ refs + in.first, in.count * 4ull };
		r = vg_call(OP_vgArenaAdd, s, 2, &o, 1);
	}
	*address = out.address;
	return r;
}

/* The host maps pages that are shared already: where, says @address. */
CUresult vg_arena_announce(const uint32_t *refs, uint32_t pages,
			   uint32_t *arena, uint64_t *address)
{
	CUresult r;

	if (!arena_number(pages, arena))
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = announce(*arena, refs, pages, address);
	if (r)
		number_back(*arena, pages);
	return r;
}

/* False: the host keeps them mapped, so they must stay shared. */
bool vg_arena_forget(uint32_t arena, uint32_t pages)
{
	struct in_vgArenaDrop in = { .arena = arena };
	struct vg_seg s = { &in, sizeof(in) };

	if (vg_call(OP_vgArenaDrop, &s, 1, NULL, 0))
		return false;
	number_back(arena, pages);
	return true;
}

/* Move our mapping to the executor's address, if that is free here. */
static uint8_t *move_to(uint8_t *p, uint64_t size, uint64_t address)
{
	void *want = (void *)(uintptr_t)address, *got;

	got = mmap(want, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
		   MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (got == MAP_FAILED)
		return NULL;
	if (got != want) {
		munmap(got, size);
		return NULL;
	}
	got = mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, want);
	if (got == MAP_FAILED) {
		log_info("moving granted pages: %s", strerror(errno));
		munmap(want, size);
		return NULL;
	}
	return got;
}

void vg_arena_drop(uint32_t arena, void *base, uint32_t pages)
{
	if (vg_arena_forget(arena, pages))
		vg_unshare(base, pages);
}

/* @same_address: both ends see it at the same address, or it fails. */
CUresult vg_arena_add(uint32_t pages, uint32_t *arena, uint8_t **base,
		      bool same_address)
{
	AUTO_FREE uint32_t *refs = calloc(pages, sizeof(*refs));
	uint64_t address;
	uint8_t *p, *moved;
	CUresult r;

	/* Asked before a large number of pages is shared for nothing. */
	if (!refs || pages > VGPU_ARENA_PAGES_MAX || pages > vg_window_left())
		return CUDA_ERROR_OUT_OF_MEMORY;
	p = vg_share(pages, refs);
	if (!p)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = vg_arena_announce(refs, pages, arena, &address);
	if (r) {
		vg_unshare(p, pages);
		return r;
	}
	if (same_address) {
		moved = move_to(p, (uint64_t)pages * VGPU_PAGE, address);
		if (!moved) {
			vg_arena_drop(*arena, p, pages);
			return CUDA_ERROR_OUT_OF_MEMORY;
		}
		p = moved;
	}
	*base = p;
	return CUDA_SUCCESS;
}

/*
 * The process ends: the host lets go of the pages first. A kernel whose peer
 * maps them still gets them back at ten a second only, and a guest's grant
 * table is soon full of those. Nothing here waits for a GPU that works on.
 */
#define CLOSE_MS 300
#define CLOSE_ROOM 32768u

void vg_window_close(void)
{
	struct vgpu_control *c = vg_session.ctl;
	struct in_vgArenaDrop in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	uint64_t end;

	if (!c || vg_enter())
		return;
	vg_thread.depth = 0; /* contexts may be gone: these need none */
	vg_channel_end();
	for (; in.arena < VGPU_ARENAS; in.arena++) {
		if (shared_load64(&c->prod) - shared_load64(&c->cons) >
		    CLOSE_ROOM)
			return; /* a full ring would have to be waited for */
		if (arena_used[in.arena] && vg_post(OP_vgArenaDrop, &s, 1))
			return;
	}
	/* A ring that is empty again has been worked off. */
	end = ticks_ns() + CLOSE_MS * 1000000ull;
	while (shared_load64(&c->cons) != shared_load64(&c->prod) &&
	       shared_load8(&c->exec_alive) && ticks_ns() < end)
		nanosleep(&(struct timespec){ 0, 20000 }, NULL);
}

/* ---- pieces ------------------------------------------------------------ */

static CUresult make_staging(void)
{
	uint64_t left = vg_window_left();
	uint32_t pages = grant_limit() / 4;
	CUresult r = CUDA_ERROR_OUT_OF_MEMORY;

	if (pages > left)
		pages = (uint32_t)left;
	if (pages > STAGING_MAX)
		pages = STAGING_MAX;
	for (pages -= pages % VGPU_FENCES; r && pages >= STAGING_MIN;
	     pages = pages / 2 / VGPU_FENCES * VGPU_FENCES) {
		r = vg_arena_add(pages, &staging_arena, &staging, false);
		if (!r) {
			piece_size = (uint64_t)pages * VGPU_PAGE / VGPU_FENCES;
			__atomic_store_n(&have_staging, true, __ATOMIC_RELEASE);
			return CUDA_SUCCESS;
		}
	}
	log_error("no granted pages are left for copies: raise the limit of "
		  "xen-gntalloc in this guest, or end another GPU process");
	return r;
}

static pthread_mutex_t make_lock = PTHREAD_MUTEX_INITIALIZER;

CUresult vg_staging(void)
{
	CUresult r = CUDA_SUCCESS;

	if (__atomic_load_n(&have_staging, __ATOMIC_ACQUIRE))
		return CUDA_SUCCESS;
	pthread_mutex_lock(&make_lock);
	if (!have_staging)
		r = make_staging();
	pthread_mutex_unlock(&make_lock);
	return r;
}

/* Are there pieces already, so that the next one costs nothing? */
bool vg_staging_ready(void)
{
	return __atomic_load_n(&have_staging, __ATOMIC_ACQUIRE);
}

static bool landed(uint32_t i)
{
	return (uint32_t)shared_load64(&vg_session.ctl->fence[i]) == value[i];
}

/*
 * The first that is free: what both sides' cores use again and again stays in
 * the caches. Where the GPU is the other side they take turns: it is quicker
 * with what no core has used lately.
 */
static bool pick(struct vg_piece *p, bool turns)
{
	for (uint32_t k = 0; k < VGPU_FENCES; k++) {
		uint32_t i = turns ? (next + k) % VGPU_FENCES : k;

		if (state[i] == TAKEN || (state[i] == FLYING && !landed(i)))
			continue;
		state[i] = TAKEN;
		next = turns ? i + 1 : next;
		*p = (struct vg_piece){ .index = i, .arena = staging_arena,
					.value = ++value[i],
					.offset = i * piece_size,
					.size = piece_size,
					.base = staging + i * piece_size };
		return true;
	}
	return false;
}

/* One that is free now. */
bool vg_piece_try(struct vg_piece *p, bool for_gpu)
{
	bool ok;

	pthread_mutex_lock(&lock);
	ok = pick(p, for_gpu);
	pthread_mutex_unlock(&lock);
	return ok;
}

struct vg_pick {
	struct vg_piece *p;
	bool for_gpu, got;
};

static bool picked(void *arg)
{
	struct vg_pick *k = arg;

	if (!k->got)
		k->got = vg_piece_try(k->p, k->for_gpu);
	return k->got;
}

CUresult vg_piece_take(struct vg_piece *p, bool for_gpu)
{
	struct vg_pick k = { p, for_gpu, false };
	CUresult r = vg_staging();

	return r ? r : vg_wait_gpu(picked, &k);
}

void vg_piece_fly(struct vg_piece *p)
{
	pthread_mutex_lock(&lock);
	state[p->index] = FLYING;
	pthread_mutex_unlock(&lock);
}

void vg_piece_free(struct vg_piece *p)
{
	pthread_mutex_lock(&lock);
	state[p->index] = FREE;
	pthread_mutex_unlock(&lock);
	vg_wake();
}

/* One that flew may be somebody else's by now: its values only grow. */
static bool piece_landed(void *arg)
{
	struct vg_piece *p = arg;
	uint64_t f = shared_load64(&vg_session.ctl->fence[p->index]);

	return (int32_t)((uint32_t)f - p->value) >= 0;
}

CUresult vg_piece_wait(struct vg_piece *p)
{
	CUresult r = vg_wait_gpu(piece_landed, p);
	uint64_t f = shared_load64(&vg_session.ctl->fence[p->index]);

	return r || (uint32_t)f != p->value ? r : (CUresult)(f >> 32);
}

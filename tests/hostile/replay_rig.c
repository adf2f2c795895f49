// SPDX-License-Identifier: BSD-2-Clause
/* replay_rig.c - what stands in for the executor's other parts and for Xen, and
 * a session that can be had again and again. */
#include "tests/hostile/replay.h"

#include <stdarg.h>
#include <stdlib.h>

struct ex ex;
struct exec_stats stats;
struct ring_prod prod;
uint8_t *ring;
uint32_t seq;
struct fake_watch *watch;
void (*reset_driver)(void);
unsigned int seed = 1;
int tests, failed;
char doing[200];
sigjmp_buf ended;

void ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good)
		printf("# at: %s; driver saw: %s\n", doing, watch->what);
	fflush(stdout);
	failed += !good;
}

/* ---- what the executor's other parts and Xen would do -------------------- */

void exec_end(struct ex *e, enum vgpu_error error, const char *text)
{
	(void)e;
	(void)text;
	siglongjmp(ended, (int)error + 1);
}

void monitor_asleep(bool asleep)
{
	(void)asleep;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *l, unsigned int f)
{
	(void)l;
	(void)f;
	return NULL;
}

int xengnttab_close(xengnttab_handle *h)
{
	(void)h;
	return 0;
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *h, uint32_t n,
				      uint32_t domid, uint32_t *refs, int prot)
{
	void *p;

	(void)h;
	(void)domid;
	for (uint32_t i = 0; i < n; i++)
		if (refs[i] < 8 || refs[i] > 32767)
			return NULL;
	p = mmap(NULL, (size_t)n * VGPU_PAGE, prot,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

void *xengnttab_map_grant_ref_notify(xengnttab_handle *h, uint32_t domid,
				     uint32_t ref, int prot, uint32_t off,
				     evtchn_port_t port)
{
	(void)off;
	(void)port;
	return xengnttab_map_domain_grant_refs(h, 1, domid, &ref, prot);
}

int xengnttab_unmap(xengnttab_handle *h, void *p, uint32_t n)
{
	(void)h;
	return munmap(p, (size_t)n * VGPU_PAGE);
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *l, unsigned int f)
{
	(void)l;
	(void)f;
	return NULL;
}

int xenevtchn_close(xenevtchn_handle *h)
{
	(void)h;
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *h)
{
	(void)h;
	return -1;
}

int xenevtchn_notify(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h;
	(void)port;
	return 0;
}

int xenevtchn_unmask(xenevtchn_handle *h, evtchn_port_t port)
{
	(void)h;
	(void)port;
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *h)
{
	(void)h;
	return -1;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *h,
						     uint32_t domid,
						     evtchn_port_t port)
{
	(void)h;
	(void)domid;
	return (xenevtchn_port_or_error_t)port;
}

/* ---- a session ----------------------------------------------------------- */

struct shape plain(uint32_t op)
{
	return (struct shape){ .op = op, .flags = VGPU_REC_SYNC,
			       .ctx = ID_CTX, .seq_step = 1 };
}

/* One record through the ring and the loop: how the loop ended. LEFT is what
 * a good record gives, because the guest is gone behind it. */
enum vgpu_error play(const struct shape *s, const void *body,
			    uint32_t len)
{
	struct vgpu_rec h = {
		.len = (uint32_t)sizeof(h) + len, .op = (uint16_t)s->op,
		.flags = s->flags, .ctx = s->ctx, .slot = (uint16_t)s->slot,
		.blob = s->blob, .reply_off = s->reply_off,
		.reply_cap = s->reply_cap, .reply_arena = s->reply_arena,
		.capture_mode = s->capture_mode, .thread = 1,
		.seq = seq += (uint32_t)s->seq_step,
	};
	uint8_t *to;
	int e;

	if (!ring_room(&prod, ring_need(&prod, h.len)))
		return VGPU_E_TIMEOUT;
	to = ring_reserve(&prod, h.len);
	memcpy(to, &h, sizeof(h));
	if (len)
		memcpy(to + sizeof(h), body, len);
	ring_publish(&prod, h.len);
	ex.ctl->guest_alive = 0;
	memset(ex.reply_buf + SLOT_CAP, CANARY, BEHIND);
	watch->reply_size = s->flags & VGPU_REC_WINDOW ? s->reply_cap :
			    SLOT_CAP;
	e = sigsetjmp(ended, 0);
	return e ? (enum vgpu_error)(e - 1) : ex_loop(&ex);
}

uint32_t result_of(uint32_t slot)
{
	struct vgpu_slot *s = (void *)(ex.slots + slot * VGPU_SLOT_SIZE);

	return s->done == seq ? s->result : UINT32_MAX;
}

const uint8_t *reply_of(uint32_t slot)
{
	return ex.slots + slot * VGPU_SLOT_SIZE + sizeof(struct vgpu_slot);
}

void must(const struct shape *s, const void *body, uint32_t len)
{
	if (play(s, body, len) == VGPU_E_LEFT && !result_of(s->slot))
		return;
	printf("Bail out! op %u does not work in a good session\n", s->op);
	exit(1);
}

static void add_arena(void)
{
	struct { struct in_vgArenaAdd in; uint32_t ref[PAGES]; } a = {
		.in = { .arena = 0, .pages = PAGES, .count = PAGES } };
	struct shape s = plain(OP_vgArenaAdd);

	for (uint32_t i = 0; i < PAGES; i++)
		a.ref[i] = 100 + i;
	must(&s, &a, sizeof(a));
}

/* Objects to be reached: a context, a stream, an event, memory, a window, one
 * host handle of every kind. */
static void furnish(void)
{
	union { struct in_vgPrimary in; uint64_t all[2]; } ctx = {
		.in = { .ctx = ID_CTX } };
	struct in_vgStreamCreate st = { .stream = ID_STREAM };
	struct in_vgEventCreate ev = { .event = ID_EVENT };
	struct in_vgMemAlloc mem = { .what = VG_ALLOC, .size = 65536 };
	struct shape s = plain(OP_vgPrimaryRetain);
	uint32_t id;

	s.ctx = 0;
	must(&s, &ctx, sizeof(ctx));
	s = plain(OP_vgStreamCreate);
	must(&s, &st, sizeof(st));
	s.op = OP_vgEventCreate;
	must(&s, &ev, sizeof(ev));
	s.op = OP_vgMemAlloc;
	must(&s, &mem, sizeof(mem));
	add_arena();
	for (int k = 1; k < KIND_NR; k++)
		ex_obj_ref(&ex, (enum vgpu_kind)k, 0x5000 + 16u *
			   (unsigned int)k, &id);
}

static void end_session(void)
{
	for (uint32_t i = 0; i < VGPU_ARENAS; i++)
		ex_arena_unmap(&ex, i);
	ex_blobs_free(&ex);
	ex_objects_free(ex.objects);
	free(ex.dirty);
}

void new_session(void)
{
	struct ex keep = ex;

	if (ex.objects)
		end_session();
	reset_driver();
	memset(&ex, 0, sizeof(ex));
	memset(&stats, 0, sizeof(stats));
	memset(keep.ctl, 0, VGPU_PAGE);
	ex.ctl = keep.ctl;
	ex.slots = keep.slots;
	ex.rec_buf = keep.rec_buf;
	ex.reply_buf = keep.reply_buf;
	ex.stats = &stats;
	ex.control_fd = -1;
	ex.window_max = 4096;
	snprintf(ex.sid, sizeof(ex.sid), "hostile");
	ex.ring = (struct ring_cons){ .ctl = ex.ctl, .data = ring,
				      .size = RING };
	prod = (struct ring_prod){ .ctl = ex.ctl, .data = ring, .size = RING };
	seq = 0;
	ex.objects = ex_objects_new();
	if (!ex.objects)
		abort();
	furnish();
}

void first_session(void)
{
	ex.ctl = aligned_alloc(4096, VGPU_PAGE);
	ring = aligned_alloc(4096, RING);
	ex.slots = aligned_alloc(4096, VGPU_SLOTS * VGPU_SLOT_SIZE);
	ex.rec_buf = ex_rec_buf(RING);
	ex.reply_buf = aligned_alloc(64, EX_REPLY_MAX);
	watch->reply = (uintptr_t)ex.reply_buf;
	new_session();
}

/* ---- numbers ------------------------------------------------------------- */

uint32_t rnd(void)
{
	return (uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed);
}

uint32_t interesting(void)
{
	static const uint32_t v[] = {
		0, 1, 2, ID_STREAM, ID_EVENT, 5, 7, 8, 16, 31, 32, 33, 255, 256,
		4096, 65536, INT32_MAX, 1u << 31, UINT32_MAX, UINT32_MAX - 7,
		VGPU_ID_HOST, VGPU_ID_HOST + 3, VGPU_ID_HOST + 9,
		VGPU_ID_HOST + 12, VGPU_ID_MAX, VGPU_ID_MAX - 1,
		(uint32_t)(FAKE_DEVICE >> 32), (uint32_t)(FAKE_SECRET >> 32),
	};
	return v[rnd() % (sizeof(v) / sizeof(*v))];
}

bool saw_foreign(void)
{
	bool saw = watch->foreign != 0;

	watch->foreign = 0;
	return saw;
}

bool canary_lives(void)
{
	for (uint32_t i = 0; i < BEHIND; i++)
		if (ex.reply_buf[SLOT_CAP + i] != CANARY)
			return false;
	return true;
}

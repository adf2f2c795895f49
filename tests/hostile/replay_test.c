// SPDX-License-Identifier: BSD-2-Clause
/*
 * The executor's replay in one process with its hostile guest: the real loop,
 * decoder, handlers and tables over the driver that watches. Records of every
 * op with every length and many kinds of nonsense go through the ring; the
 * executor may answer, refuse or end the session, and that is all it may do.
 *
 *   usage: replay_test FAKECUDA.so [SEED]
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cuda-exec/exec_internal.h"
#include "tests/hostile/fakecuda.h"
#include "wire_structs.h"

#define RING     (16 * VGPU_PAGE)
#define PAGES    16u
#define SLOT_CAP (VGPU_SLOT_SIZE - sizeof(struct vgpu_slot))
#define CANARY   0x5c
#define BEHIND   4096u /* bytes behind a reply's room that are watched */

enum { ID_CTX = 2, ID_STREAM, ID_EVENT };

/* A sanitizer makes a new session some fifty times as dear. */
#ifdef __SANITIZE_ADDRESS__
enum { LEN_STEP = 80, LEAST_RECORDS = 5000, WINDOW_COPIES = 2000 };
#else
enum { LEN_STEP = 8, LEAST_RECORDS = 100000, WINDOW_COPIES = 300000 };
#endif

static struct ex ex;
static struct exec_stats stats;
static struct ring_prod prod;
static uint8_t *ring;
static uint32_t seq;
static struct fake_watch *watch;
static void (*reset_driver)(void);
static unsigned int seed = 1;
static int tests, failed;
static char doing[200];
static sigjmp_buf ended;

static void ok(bool good, const char *fmt, ...)
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

struct shape {
	uint32_t op;
	uint8_t flags;
	uint32_t ctx, slot, blob, reply_off, reply_cap, reply_arena;
	int32_t seq_step; /* 1 is right */
	uint8_t capture_mode;
};

static struct shape plain(uint32_t op)
{
	return (struct shape){ .op = op, .flags = VGPU_REC_SYNC,
			       .ctx = ID_CTX, .seq_step = 1 };
}

/* One record through the ring and the loop: how the loop ended. LEFT is what
 * a good record gives, because the guest is gone behind it. */
static enum vgpu_error play(const struct shape *s, const void *body,
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

static uint32_t result_of(uint32_t slot)
{
	struct vgpu_slot *s = (void *)(ex.slots + slot * VGPU_SLOT_SIZE);

	return s->done == seq ? s->result : UINT32_MAX;
}

static const uint8_t *reply_of(uint32_t slot)
{
	return ex.slots + slot * VGPU_SLOT_SIZE + sizeof(struct vgpu_slot);
}

static void must(const struct shape *s, const void *body, uint32_t len)
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

static void new_session(void)
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

static void first_session(void)
{
	ex.ctl = aligned_alloc(4096, VGPU_PAGE);
	ring = aligned_alloc(4096, RING);
	ex.slots = aligned_alloc(4096, VGPU_SLOTS * VGPU_SLOT_SIZE);
	ex.rec_buf = ex_rec_buf(RING);
	ex.reply_buf = aligned_alloc(64, EX_REPLY_MAX);
	watch->reply = (uintptr_t)ex.reply_buf;
	new_session();
}

/* ---- every op, every length, many kinds of nonsense ---------------------- */

static const char *const op_name[OP_NR] = {
#define X(name, cls) [OP_##name] = #name,
	VGPU_OPS(X)
#undef X
};

/* The fixed part of an op's record; 0 where its struct has another name. */
static uint32_t fixed_part(uint32_t op)
{
#define X(name) \
	if (!strcmp(op_name[op], #name)) \
		return (uint32_t)sizeof(struct in_##name);
	WIRE_IN_STRUCTS(X)
#undef X
	return 0;
}

static uint32_t rnd(void)
{
	return (uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed);
}

static uint32_t interesting(void)
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

enum { ZEROS, ONES, RANDOM, SMALL, MIXED, HANDLES, FLAVOURS };

static void nonsense(uint32_t *body, uint32_t len, int flavour)
{
	for (uint32_t i = 0; i < len / 4; i++) {
		switch (flavour) {
		case ZEROS: body[i] = 0; break;
		case ONES: body[i] = UINT32_MAX; break;
		case RANDOM: body[i] = rnd(); break;
		case SMALL: body[i] = rnd() % 9; break;
		case MIXED: body[i] = interesting(); break;
		default: body[i] = VGPU_ID_HOST + rnd() % KIND_NR;
		}
	}
	if (len && (flavour == SMALL || flavour == HANDLES))
		body[0] = UINT32_MAX; /* every pointer is there */
}

static bool canary_lives(void)
{
	for (uint32_t i = 0; i < BEHIND; i++)
		if (ex.reply_buf[SLOT_CAP + i] != CANARY)
			return false;
	return true;
}

static uint64_t records, refused, overruns, too_short;

static void one(struct shape *s, const uint32_t *body, uint32_t len)
{
	uint32_t fixed = fixed_part(s->op);
	enum vgpu_error e;

	snprintf(doing, sizeof(doing), "%s, %u bytes, flags %u, seed %u",
		 op_name[s->op], len, s->flags, seed);
	e = play(s, body, len);
	records++;
	refused += e != VGPU_E_LEFT;
	if (!(s->flags & VGPU_REC_WINDOW) && !canary_lives())
		ok(false, "nothing is written behind a reply's room"),
		overruns++;
	if (len < fixed && e == VGPU_E_LEFT && s->flags == VGPU_REC_SYNC)
		ok(false, "%s with %u of %u bytes is refused", op_name[s->op],
		   len, fixed),
		too_short++;
	if (e != VGPU_E_LEFT)
		new_session();
}

static void every_op(uint32_t op)
{
	static uint32_t body[128];
	struct shape s;

	for (uint32_t len = 0; len <= 400; len += LEN_STEP) {
		for (int f = 0; f < FLAVOURS; f++) {
			nonsense(body, len, f);
			s = plain(op);
			one(&s, body, len);
			if (f != MIXED && f != SMALL)
				continue;
			s.flags = 0;
			one(&s, body, len);
			s.flags = VGPU_REC_SYNC | VGPU_REC_WINDOW;
			s.reply_cap = rnd() % 5000;
			s.reply_off = rnd() % (PAGES * VGPU_PAGE - 5000);
			one(&s, body, len);
			s = plain(op);
			s.ctx = 0;
			s.flags |= VGPU_REC_BLOB;
			s.blob = 1 + rnd() % 3;
			one(&s, body, len);
		}
	}
}

static void all_ops(void)
{
	uint64_t foreign = watch->foreign;

	for (uint32_t op = 1; op < OP_NR; op++)
		every_op(op);
	printf("# %llu records, %llu sessions ended\n",
	       (unsigned long long)records, (unsigned long long)refused);
	ok(!overruns, "no reply was larger than its room");
	ok(!too_short, "no record was taken without its fixed part");
	ok(records > LEAST_RECORDS && refused > 1000 && refused < records,
	   "records were both taken and refused");
	ok(watch->foreign == foreign, "no memory of the executor was reached");
}

/* ---- the header ---------------------------------------------------------- */

static void header_is(bool good, const struct shape *s, const char *what)
{
	uint64_t body[4] = { 0 };

	snprintf(doing, sizeof(doing), "%s", what);
	ok((play(s, body, sizeof(body)) == VGPU_E_LEFT) == good, "%s", what);
	new_session();
}

static void headers(void)
{
	static const uint32_t ops[] = { OP_NR, OP_NR + 1, 4096, 65535 };
	static const int32_t steps[] = { 0, 2, -1, INT32_MIN, 1000 };
	struct shape s;

	header_is(true, &(struct shape){ .op = OP_vgSystem, .seq_step = 1,
		  .flags = VGPU_REC_SYNC }, "a good record is taken");
	for (size_t i = 0; i < 4; i++) {
		s = plain(ops[i]);
		header_is(false, &s, "an op that there is not ends the session");
	}
	for (size_t i = 0; i < 5; i++) {
		s = plain(OP_vgSystem);
		s.seq_step = steps[i];
		header_is(false, &s, "a wrong sequence number ends it");
	}
	s = plain(OP_vgSystem);
	s.slot = VGPU_SLOTS - 1;
	header_is(true, &s, "the last slot is taken");
	s.slot = VGPU_SLOTS;
	header_is(false, &s, "the slot behind it ends the session");
	s.slot = 65535;
	header_is(false, &s, "and so does the largest number");
	s = plain(OP_vgSystem);
	s.flags |= VGPU_REC_WINDOW;
	s.reply_cap = 64;
	s.reply_off = PAGES * VGPU_PAGE - 64;
	header_is(true, &s, "a reply may go to the window's last bytes");
	s.reply_off += 8;
	header_is(false, &s, "but not behind them");
	s.reply_off = UINT32_MAX - 7;
	header_is(false, &s, "nor where the offset wraps");
	s.reply_off = 0;
	s.reply_cap = UINT32_MAX;
	header_is(false, &s, "nor in more room than the arena has");
	s.reply_cap = 64;
	s.reply_arena = 1;
	header_is(false, &s, "nor to an arena that was not added");
	s.reply_arena = VGPU_ARENAS;
	header_is(false, &s, "nor to an arena that cannot be");
	s.reply_arena = UINT32_MAX;
	header_is(false, &s, "nor to the largest number");
	s = plain(OP_vgSystem);
	s.flags |= VGPU_REC_WINDOW;
	s.reply_cap = 4;
	header_is(false, &s, "a reply that does not fit its room ends it");
	s = plain(OP_vgSystem);
	s.flags = 0xff;
	s.reply_cap = 64;
	header_is(true, &s, "unknown flags mean nothing, the rest is checked");
}

/* ---- the executor's own memory ------------------------------------------- */

static bool saw_foreign(void)
{
	bool saw = watch->foreign != 0;

	watch->foreign = 0;
	return saw;
}

static uint64_t device_memory(void)
{
	struct in_vgMemAlloc mem = { .what = VG_ALLOC, .size = 65536 };
	struct out_vgMemAlloc out;
	struct shape s = plain(OP_vgMemAlloc);

	must(&s, &mem, sizeof(mem));
	memcpy(&out, reply_of(0), sizeof(out));
	return out.ptr;
}

static void copy_reaches(uint64_t dst, uint64_t src, uint64_t n,
			 const char *what)
{
	struct in_vgCopy c = { dst, src, n, ID_STREAM, 0 };
	struct shape s = plain(OP_vgCopy);

	snprintf(doing, sizeof(doing), "vgCopy");
	play(&s, &c, sizeof(c));
	ok(!saw_foreign() && result_of(0), "%s", what);
}

static void copies(void)
{
	uint64_t d = device_memory(), stack = (uintptr_t)&d & ~7ull;
	struct in_vgCopy good = { d + 64, d, 64, ID_STREAM, 0 };
	struct shape s = plain(OP_vgCopy);

	play(&s, &good, sizeof(good));
	ok(!result_of(0) && !saw_foreign(), "a copy on the device is done");
	copy_reaches(d, FAKE_SECRET, 64, "no copy from the executor's memory");
	copy_reaches(FAKE_SECRET, d, 64, "no copy to the executor's memory");
	copy_reaches(d, stack, 8, "nor from its stack");
	copy_reaches(d, (uintptr_t)ex.arena[0].base + PAGES * VGPU_PAGE - 8,
		     64, "nor over the window's end");
	copy_reaches(d, (uintptr_t)ex.arena[0].base - 8, 64,
		     "nor from before the window");
	new_session();
}

static uint64_t extreme(void)
{
	static const uint64_t v[] = {
		0, 1, 2, 8, 64, 4096, PAGES * VGPU_PAGE - 1, PAGES * VGPU_PAGE,
		PAGES * VGPU_PAGE + 1, 1ull << 31, 1ull << 32, 1ull << 63,
		(1ull << 63) + 64, UINT64_MAX, UINT64_MAX - 63, 1ull << 48,
	};
	return v[rnd() % (sizeof(v) / sizeof(*v))];
}

static uint64_t small_or_extreme(void)
{
	return rnd() & 1 ? rnd() % 300 : extreme();
}

/* 2D and 3D copies whose window side is described with every kind of pitch,
 * height and offset: the driver never sees a byte outside the arena. */
static void window_copies(uint32_t arena)
{
	uint64_t d = device_memory(), taken = 0;
	struct shape s = plain(OP_vgCopy2D);
	bool to_device;

	for (int i = 0; i < WINDOW_COPIES; i++) {
		struct in_vgCopy2D in = { .arena = arena,
					  .stream = ID_STREAM,
					  .fence = VGPU_FENCES };
		CUDA_MEMCPY3D c = { 0 };

		to_device = rnd() & 1;
		c.srcMemoryType = to_device ? CU_MEMORYTYPE_HOST :
					      CU_MEMORYTYPE_DEVICE;
		c.dstMemoryType = to_device ? CU_MEMORYTYPE_DEVICE :
					      CU_MEMORYTYPE_HOST;
		if (rnd() % 8 == 0)
			c.srcMemoryType = CU_MEMORYTYPE_HOST;
		if (arena == VGPU_ARENAS && rnd() % 2)
			c.srcMemoryType = CU_MEMORYTYPE_UNIFIED;
		c.srcDevice = c.dstDevice = d;
		if (arena == VGPU_ARENAS && c.srcMemoryType ==
		    CU_MEMORYTYPE_UNIFIED)
			c.srcDevice = FAKE_SECRET;
		c.srcHost = (void *)(uintptr_t)(arena == VGPU_ARENAS ?
			    FAKE_SECRET : small_or_extreme());
		c.dstHost = (void *)(uintptr_t)(arena == VGPU_ARENAS ?
			    FAKE_SECRET : small_or_extreme());
		c.srcXInBytes = small_or_extreme();
		c.srcY = small_or_extreme();
		c.srcZ = small_or_extreme();
		c.dstXInBytes = small_or_extreme();
		c.dstY = small_or_extreme();
		c.dstZ = small_or_extreme();
		c.srcPitch = small_or_extreme();
		c.dstPitch = small_or_extreme();
		c.srcHeight = small_or_extreme();
		c.dstHeight = small_or_extreme();
		c.WidthInBytes = 1 + small_or_extreme();
		c.Height = 1 + small_or_extreme();
		c.Depth = rnd() % 3 ? 1 : 1 + small_or_extreme();
		if (i % 4 == 0) {
			c.srcXInBytes = c.srcY = c.srcZ = 0;
			c.dstXInBytes = c.dstY = c.dstZ = 0;
			c.WidthInBytes = 1 + rnd() % 64;
			c.Height = 1 + rnd() % 64;
			c.Depth = 1 + rnd() % 3;
			c.srcPitch = rnd() % 3 ? 64 + rnd() % 64 : 0;
			c.dstPitch = rnd() % 3 ? 64 + rnd() % 64 : 0;
			c.srcHeight = rnd() % 3 ? 64 + rnd() % 64 : 0;
			c.dstHeight = rnd() % 3 ? 64 + rnd() % 64 : 0;
		}
		memcpy(in.copy, &c, sizeof(c));
		snprintf(doing, sizeof(doing), "copy %d: from %d %p x %zu y "
			 "%zu z %zu pitch %zu height %zu, w %zu h %zu d %zu", i,
			 c.srcMemoryType, c.srcHost, c.srcXInBytes, c.srcY,
			 c.srcZ, c.srcPitch, c.srcHeight, c.WidthInBytes,
			 c.Height, c.Depth);
		if (play(&s, &in, sizeof(in)) != VGPU_E_LEFT) {
			new_session();
			d = device_memory();
			continue;
		}
		taken += !result_of(0);
		if (watch->foreign)
			break;
	}
	printf("# %llu copies were taken\n", (unsigned long long)taken);
	ok(arena == VGPU_ARENAS || taken > 100, "some were good");
	ok(!saw_foreign(), arena == VGPU_ARENAS ?
	   "2D copies of addresses never reach the executor's memory" :
	   "2D and 3D copies never leave the window");
	new_session();
}

/* ---- options of modules, which hold addresses ------------------------------ */

static const char ptx[] = ".version 8.0\n.target sm_80\n.address_size 64\n";

static void send_blob(uint32_t blob, uint64_t *size)
{
	struct { struct in_vgBlob in; uint8_t bytes[256]; } b = { 0 };
	struct { uint32_t magic, kind, nparts, zero; uint64_t total, len; } h;
	struct shape s = plain(OP_vgBlob);
	uint64_t part = (sizeof(ptx) + 15) & ~15ull;

	h.magic = 0x31474d49u;
	h.kind = 1;
	h.nparts = 1;
	h.zero = 0;
	h.len = sizeof(ptx);
	h.total = ((sizeof(h) + 15) & ~15ull) + part;
	*size = h.total;
	memcpy(b.bytes, &h, sizeof(h));
	memcpy(b.bytes + ((sizeof(h) + 15) & ~15ull), ptx, sizeof(ptx));
	b.in = (struct in_vgBlob){ .blob = blob, .len = (uint32_t)*size,
				   .total = *size, .arena = VGPU_ARENAS };
	must(&s, &b, (uint32_t)(sizeof(b.in) + VGPU_ALIGN8(*size)));
}

#define LISTS "first\0second\0"

static enum vgpu_error load(uint32_t library, uint32_t njit, uint32_t nlib,
			    const struct vg_jit_option *o, uint32_t info)
{
	struct { struct in_vgModuleLoad in; struct vg_jit_option o[2];
		 char lists[16]; } m = {
		.in = { .library = library, .jit = njit, .lib = nlib,
			.info_size = info, .list_bytes = sizeof(LISTS) - 1 } };
	struct shape s = plain(OP_vgModuleLoad);
	uint32_t n = njit + nlib;

	send_blob(7, &m.in.image_len);
	memcpy(m.o, o, n * sizeof(*o));
	memcpy((char *)m.o + n * sizeof(*o), LISTS, sizeof(LISTS));
	s.flags |= VGPU_REC_BLOB;
	s.blob = 7;
	return play(&s, &m, (uint32_t)(sizeof(m.in) + n * sizeof(*o) + 16));
}

/* A list and its count; @entries << 32 | @off. */
static bool lists(uint32_t list, uint32_t count, uint64_t entries,
		  uint64_t told, uint64_t off, enum vgpu_error want)
{
	struct vg_jit_option o[2] = { { list, 0, entries << 32 | off },
				      { count, 0, told } };
	enum vgpu_error e;

	snprintf(doing, sizeof(doing), "list option %u: %llu entries at %llu",
		 list, (unsigned long long)entries, (unsigned long long)off);
	watch->listed = 0;
	e = load(0, 2, 0, o, 0);
	if (e != VGPU_E_LEFT)
		new_session();
	return e == want && !saw_foreign();
}

static void list_options(void)
{
	const uint32_t k = CU_JIT_REFERENCED_KERNEL_NAMES,
		       kc = CU_JIT_REFERENCED_KERNEL_COUNT,
		       a = CU_JIT_GLOBAL_SYMBOL_ADDRESSES,
		       ac = CU_JIT_GLOBAL_SYMBOL_COUNT;

	ok(lists(k, kc, 2, 2, 0, VGPU_E_LEFT) && watch->listed == 11,
	   "two names are delivered");
	ok(lists(k, kc, 1, 2000, 6, VGPU_E_LEFT) && watch->listed == 6,
	   "the count is that of the list, whatever the guest says");
	ok(lists(k, kc, 3, 3, 0, VGPU_E_PROTOCOL), "more names than there are");
	ok(lists(k, kc, UINT32_MAX, 2, 0, VGPU_E_PROTOCOL), "2^32 names");
	ok(lists(k, kc, 1, 1, 99, VGPU_E_PROTOCOL), "names past the record");
	ok(lists(k, kc, 1, 1, UINT32_MAX, VGPU_E_PROTOCOL), "names far past");
	ok(lists(k, ac, 1, 1, 0, VGPU_E_PROTOCOL), "names without a count");
	ok(lists(a, ac, 1, 1, 0, VGPU_E_LEFT) && !watch->listed,
	   "addresses without names are none");
	ok(lists(a, ac, 2, 2, 0, VGPU_E_PROTOCOL), "addresses cut short");
	ok(lists(CU_JIT_NUM_OPTIONS, kc, 0, 0, 0, VGPU_E_PROTOCOL),
	   "an option that is not known");
}

static void options(void)
{
	static const uint32_t bad[] = {
		CU_JIT_INFO_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER,
		CU_JIT_GLOBAL_SYMBOL_NAMES, CU_JIT_GLOBAL_SYMBOL_ADDRESSES,
		CU_JIT_REFERENCED_KERNEL_NAMES,
		CU_JIT_REFERENCED_VARIABLE_NAMES,
	};
	struct vg_jit_option o[2] = {
		{ CU_JIT_INFO_LOG_BUFFER, VG_JIT_INFO_BUFFER, 0 },
		{ CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, 0, 64 } };

	for (uint32_t lib = 0; lib < 2; lib++) {
		o[0].option = CU_JIT_INFO_LOG_BUFFER;
		o[0].flags = VG_JIT_INFO_BUFFER;
		o[1].value = 64;
		ok(load(lib, 2, 0, o, 64) == VGPU_E_LEFT && !saw_foreign(),
		   "a log of 64 bytes is delivered");
		o[1].value = SLOT_CAP + 64;
		snprintf(doing, sizeof(doing), "a log larger than its room");
		load(lib, 2, 0, o, 64);
		ok(!saw_foreign() && canary_lives(),
		   "a log is not larger than the room for it");
		new_session();
		for (size_t i = 0; i < sizeof(bad) / 4; i++) {
			o[0] = (struct vg_jit_option){ bad[i], 0, FAKE_SECRET };
			o[1].value = 64;
			snprintf(doing, sizeof(doing), "JIT option %u", bad[i]);
			load(lib, 2, 0, o, 64);
			ok(!saw_foreign(), "JIT option %u brings no address",
			   bad[i]);
			new_session();
		}
	}
	o[0] = (struct vg_jit_option){
		CU_LIBRARY_HOST_UNIVERSAL_FUNCTION_AND_DATA_TABLE, 0,
		FAKE_SECRET };
	load(1, 0, 1, o, 0);
	ok(!saw_foreign(), "a library option brings no address");
	new_session();
}

/* ---- images on the way ----------------------------------------------------- */

static enum vgpu_error send(struct in_vgBlob in)
{
	struct { struct in_vgBlob in; uint8_t bytes[64]; } b = { .in = in };
	struct shape s = plain(OP_vgBlob);
	enum vgpu_error e;

	snprintf(doing, sizeof(doing), "blob %u offset %llx len %x total %llx "
		 "arena %u at %llx fence %u", in.blob,
		 (unsigned long long)in.offset, in.len,
		 (unsigned long long)in.total, in.arena,
		 (unsigned long long)in.at, in.fence);
	e = play(&s, &b, sizeof(b));
	if (e != VGPU_E_LEFT)
		new_session();
	return e;
}

static enum vgpu_error blob(uint32_t id, uint64_t off, uint32_t len,
			    uint64_t total)
{
	return send((struct in_vgBlob){ .blob = id, .len = len, .offset = off,
					.total = total,
					.arena = VGPU_ARENAS });
}

/* A piece in the window. */
static enum vgpu_error piece(uint32_t arena, uint64_t at, uint32_t len,
			     uint32_t fence)
{
	return send((struct in_vgBlob){ .blob = 1, .len = len, .total = len,
					.arena = arena, .at = at,
					.fence = fence, .value = 5 });
}

/* What is too much is passed over; who needs it is told, and no more. */
static void refused_blob(void)
{
	struct in_vgModuleLoad m = { .image_len = EX_BLOB_BYTES };
	struct in_vgBlob in = { .blob = 3, .len = 64, .arena = VGPU_ARENAS,
				.total = EX_BLOB_BYTES + 1 };
	struct shape s = plain(OP_vgModuleLoad);

	s.flags |= VGPU_REC_BLOB;
	s.blob = 3;
	blob(2, 0, 8, 64);
	in.total = m.image_len;
	ok(send(in) == VGPU_E_LEFT && ex.blob_bytes == 64,
	   "images of 2 GiB and 64 bytes: one is passed over");
	ok(play(&s, &m, sizeof(m)) == VGPU_E_PROTOCOL,
	   "an image that is not complete is not used");
	new_session();
	/* As if the rest had come. */
	blob(2, 0, 8, 64);
	send(in);
	ex.blob[1].got = ex.blob[1].size;
	ok(play(&s, &m, sizeof(m)) == VGPU_E_LEFT &&
	   result_of(0) == CUDA_ERROR_OUT_OF_MEMORY && !ex.blob[1].id,
	   "the load of one passed over is out of memory");
	ok(blob(2, 8, 8, 64) == VGPU_E_LEFT, "the other one goes on");
}

/* A large one has a mapping, which the next one uses. */
static void large_blobs(void)
{
	uint8_t *first;

	blob(1, 0, 64, 3u << 20);
	first = ex.blob[0].image.data;
	ok(first && !((uintptr_t)first & 0x1fffff), "it lies on huge pages");
	ok(blob(1, 0, 0, 0) == VGPU_E_LEFT && !ex.blob[0].id &&
	   !ex.blob_bytes, "it is dropped");
	blob(2, 0, 64, 2u << 20);
	ok(ex.blob[0].image.data == first, "its memory is used again");
	blob(3, 0, 64, 2u << 20);
	ok(ex.blob[1].image.data != first, "by one only");
	blob(2, 0, 0, 0);
	ok(blob(9, 0, 0, 0) == VGPU_E_LEFT, "none is dropped");
	new_session();
}

static void blobs(void)
{
	uint64_t size = (uint64_t)PAGES * VGPU_PAGE;

	ok(blob(0, 0, 8, 8) == VGPU_E_PROTOCOL, "blob 0 is refused");
	ok(blob(1, 0, 64, 8) == VGPU_E_PROTOCOL, "a piece past the end");
	ok(blob(1, 8, 8, 64) == VGPU_E_PROTOCOL, "a piece before the first");
	ok(blob(1, 0, 8, UINT64_MAX) == VGPU_E_LEFT && !ex.blob_bytes,
	   "the hugest one is passed over");
	new_session();
	blob(1, 0, 8, 64);
	ok(blob(1, UINT64_MAX - 7, 8, 64) == VGPU_E_PROTOCOL, "a wrapped one");
	blob(1, 0, 8, 64);
	ok(blob(1, 16, 8, 64) == VGPU_E_PROTOCOL, "a hole is refused");
	ok(blob(1, 0, UINT32_MAX, 64) == VGPU_E_PROTOCOL, "more than it has");
	ok(piece(0, 0, (uint32_t)size, 0) == VGPU_E_LEFT &&
	   (uint32_t)ex.ctl->fence[0] == 5, "a piece as large as the window");
	blob(1, 0, 0, 0);
	ok(piece(0, 1, (uint32_t)size, 0) == VGPU_E_PROTOCOL, "past the window");
	ok(piece(0, UINT64_MAX, 8, 0) == VGPU_E_PROTOCOL, "wrapped");
	ok(piece(1, 0, 8, 0) == VGPU_E_PROTOCOL, "an arena that is not there");
	ok(piece(VGPU_ARENAS + 1, 0, 8, 0) == VGPU_E_PROTOCOL, "no arena");
	ok(piece(0, 0, 8, VGPU_FENCES) == VGPU_E_PROTOCOL, "no such fence");
	refused_blob();
	new_session();
	large_blobs();
	for (uint32_t i = 1; i <= EX_BLOBS; i++)
		ok(blob(i, 0, 8, 64) == VGPU_E_LEFT, "blob %u may wait", i);
	ok(blob(EX_BLOBS + 1, 0, 8, 64) == VGPU_E_PROTOCOL,
	   "one more than may wait is refused");
}

/* ---- arenas ---------------------------------------------------------------- */

static enum vgpu_error part(struct in_vgArenaAdd in, uint32_t ref0,
			    uint32_t *result)
{
	struct { struct in_vgArenaAdd in; uint32_t ref[64]; } a = { .in = in };
	struct shape s = plain(OP_vgArenaAdd);
	enum vgpu_error e;

	for (uint32_t i = 0; i < 64; i++)
		a.ref[i] = ref0 + i;
	snprintf(doing, sizeof(doing), "arena %u, %u to %u of %u pages",
		 in.arena, in.first, in.first + in.count, in.pages);
	e = play(&s, &a, sizeof(a));
	*result = result_of(0);
	if (e != VGPU_E_LEFT)
		new_session();
	return e;
}

static enum vgpu_error arena(uint32_t number, uint32_t pages, uint32_t ref0,
			     uint32_t *result)
{
	return part((struct in_vgArenaAdd){ number, pages, 0, pages }, ref0,
		    result);
}

static enum vgpu_error drop_arena(uint32_t number)
{
	union { struct in_vgArenaDrop in; uint64_t all; } in = {
		.in = { .arena = number } };
	struct shape s = plain(OP_vgArenaDrop);

	return play(&s, &in, sizeof(in));
}

#define PART(arena, pages, first, count, ref) \
	part((struct in_vgArenaAdd){ arena, pages, first, count }, ref, &r)

/* Lists in several records: in order, of one size, within the budget. */
static void arena_parts(void)
{
	uint64_t mapped = stats.granted_pages;
	uint32_t r;

	ok(PART(2, 128, 0, 64, 1000) == VGPU_E_LEFT && !r &&
	   stats.granted_pages == mapped, "half a list maps nothing");
	ok(PART(2, 128, 64, 64, 1064) == VGPU_E_LEFT && !r &&
	   stats.granted_pages == mapped + 128 && ex.mapped == 2,
	   "the other half maps all");
	ok(ex_arena_at(&ex, (uintptr_t)ex.arena[2].base + 127 * VGPU_PAGE) ==
	   &ex.arena[2] && ex_arena_at(&ex, (uintptr_t)ex.arena[0].base) ==
	   &ex.arena[0] && !ex_arena_at(&ex, 8), "arenas are found again");
	ok(drop_arena(2) == VGPU_E_LEFT && stats.granted_pages == mapped &&
	   ex.mapped == 1, "and unmapped");
	ok(PART(2, 128, 64, 64, 1000) == VGPU_E_PROTOCOL, "the end first");
	PART(2, 128, 0, 64, 1000);
	ok(PART(2, 128, 0, 64, 1000) == VGPU_E_PROTOCOL, "a part twice");
	PART(2, 128, 0, 64, 1000);
	ok(PART(2, 127, 64, 63, 1000) == VGPU_E_PROTOCOL, "another size");
	PART(2, 65, 0, 64, 1000);
	ok(PART(2, 65, 64, 2, 1000) == VGPU_E_PROTOCOL, "more than it has");
	PART(2, 65, 0, 64, 1000);
	ok(PART(2, 65, UINT32_MAX, 2, 1000) == VGPU_E_PROTOCOL, "it wraps");
	ok(PART(2, 65, 0, 0, 1000) == VGPU_E_PROTOCOL, "an empty part");
	ok(PART(2, VGPU_ARENA_PAGES_MAX + 1, 0, 64, 1000) == VGPU_E_PROTOCOL,
	   "more than any arena has");
	ex.window_max = PAGES + 200;
	ok(PART(2, 150, 0, 64, 1000) == VGPU_E_LEFT && !r &&
	   PART(3, 51, 0, 51, 1000) == VGPU_E_LEFT && r,
	   "half a list counts");
	ok(drop_arena(2) == VGPU_E_LEFT &&
	   PART(3, 51, 0, 51, 1000) == VGPU_E_LEFT && !r,
	   "until it is dropped");
	PART(2, 65, 0, 64, 40000);
	ok(PART(2, 65, 64, 1, 1000) == VGPU_E_LEFT && r &&
	   ex.window_pages == PAGES + 51,
	   "a list with a bad reference leaves nothing behind");
	PART(2, 128, 0, 64, 1000);
	new_session(); /* the sanitizer looks for what half a list held */
}

static void arenas(void)
{
	uint32_t r;

	ok(arena(1, 64, 1000, &r) == VGPU_E_LEFT && !r, "one more is added");
	ok(arena(1, 64, 1000, &r) == VGPU_E_PROTOCOL, "but not twice");
	ok(arena(VGPU_ARENAS, 1, 1000, &r) == VGPU_E_PROTOCOL, "number 1024");
	ok(arena(UINT32_MAX, 1, 1000, &r) == VGPU_E_PROTOCOL, "number 2^32-1");
	ok(arena(1, 0, 1000, &r) == VGPU_E_PROTOCOL, "no pages");
	ok(arena(1, 65, 1000, &r) == VGPU_E_PROTOCOL, "a list cut short");
	ok(arena(1, UINT32_MAX, 1000, &r) == VGPU_E_PROTOCOL, "2^32-1 pages");
	ok(arena(1, 1u << 30, 1000, &r) == VGPU_E_PROTOCOL, "2^30 pages");
	ok(arena(1, 64, 40000, &r) == VGPU_E_LEFT && r,
	   "references that do not exist are an error, not the end");
	ex.window_max = 20;
	ok(arena(1, 64, 1000, &r) == VGPU_E_LEFT && r, "over the budget too");
	new_session();
}

/* Many waits at a time, of one thread and of several. */
static void many_waits(void)
{
	struct in_vgStream in = { .stream = ID_STREAM };
	struct in_vgStreamCreate st = { 0 };
	struct shape s = plain(OP_vgStreamCreate);
	bool good = true;

	for (uint32_t i = 0; i < 1000; i++) {
		st.stream = 100 + i;
		s.op = OP_vgStreamCreate;
		good = good && play(&s, &st, sizeof(st)) == VGPU_E_LEFT;
		ex_stream_touch(&ex, st.stream);
	}
	in.stream = ID_CTX;
	s.op = OP_vgCtxSync;
	snprintf(doing, sizeof(doing), "vgCtxSync with 1000 busy streams");
	good = good && play(&s, &in, sizeof(in)) == VGPU_E_LEFT;
	ok(good, "a context with 1000 busy streams can be waited for");
	new_session();
}

static void crash(int sig)
{
	char b[300];
	int n = snprintf(b, sizeof(b), "not ok %d - signal %d\n# at: %s\n",
			 tests + 1, sig, doing);

	if (n > 0 && fwrite(b, 1, (size_t)n, stdout) > 0)
		fflush(stdout);
	_exit(1);
}

int main(int argc, char **argv)
{
	char why[300];
	void *lib;

	if (argc > 2)
		seed = (unsigned int)atoi(argv[2]);
	log_open("replay_test", LOG_ERROR);
	signal(SIGSEGV, crash);
	signal(SIGBUS, crash);
	signal(SIGFPE, crash);
	alarm(600);
	if (argc < 2 || real_load(argv[1], why, sizeof(why))) {
		printf("Bail out! %s\n", argc < 2 ? "no driver" : why);
		return 1;
	}
	lib = dlopen(argv[1], RTLD_NOW);
	watch = lib ? dlsym(lib, "fake_watch") : NULL;
	reset_driver = lib ? (void (*)(void))dlsym(lib, "fake_reset") : NULL;
	if (!watch || !reset_driver) {
		printf("Bail out! this is not the driver that watches\n");
		return 1;
	}
	first_session();
	headers();
	list_options();
	blobs();
	arenas();
	arena_parts();
	copies();
	options();
	window_copies(0);
	window_copies(VGPU_ARENAS);
	many_waits();
	watch->foreign = 0;
	all_ops();
	printf("1..%d\n", tests);
	return failed != 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * hostile - sessions that break the rules, over real pages and event channels.
 * hostile.t runs it and looks at what is left behind.
 *
 *   hostile attack [SEED]  every attack, as TAP without a plan
 *   hostile good ROUNDS    a session that keeps the rules: 0 if all is right
 *   hostile die STEP       SIGKILL to itself at that step of the handshake
 *   hostile loop N         N good sessions, one after the other
 *   hostile lie PROTOCOL HASH   session nodes with these values
 */
#include "tests/hostile/guest.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vgpu_ops.h"
#include "xenstore-schema/calls/manual.h"
#include "xenstore-schema/error.h"

static int tests, failed;
static unsigned int seed = 1;

static void ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	failed += !good;
}

/* ---- a session that keeps the rules --------------------------------------- */

enum { CTX = 2, BYTES = 1024 };

static bool begin(struct guest *g)
{
	union { struct in_vgPrimary in; uint64_t all[2]; } ctx = {
		.in = { .ctx = CTX } };
	struct put p = { .op = OP_vgPrimaryRetain };
	int r = guest_open(g, &(struct how){ 0 });

	if (!r)
		r = guest_call(g, &p, &ctx, sizeof(ctx), NULL, 0);
	if (r)
		printf("# cannot begin: %d %s\n", r, g->answer);
	return !r;
}

static bool round_trip(struct guest *g, uint64_t ptr, int round)
{
	struct { struct in_vgCopyIn in; uint8_t b[BYTES]; } in;
	struct in_vgCopyOut out = { ptr, BYTES, 0 };
	struct put p = { .op = OP_vgCopyIn, .ctx = CTX };
	uint8_t back[BYTES];

	in.in = (struct in_vgCopyIn){ ptr, BYTES, 0 };
	for (int i = 0; i < BYTES; i++)
		in.b[i] = (uint8_t)(i * 7 + round);
	if (!guest_put(g, &p, &in, sizeof(in)))
		return false;
	p.op = OP_vgCopyOut;
	p.slot = (uint16_t)(round % VGPU_SLOTS);
	return !guest_call(g, &p, &out, sizeof(out), back, BYTES) &&
	       !memcmp(back, in.b, BYTES);
}

static bool good_session(int rounds)
{
	struct in_vgMemAlloc mem = { .what = VG_ALLOC, .size = BYTES };
	struct put p = { .op = OP_vgMemAlloc, .ctx = CTX };
	struct out_vgMemAlloc out = { 0 };
	struct guest g;
	bool good = begin(&g) &&
		    !guest_call(&g, &p, &mem, sizeof(mem), &out, sizeof(out));

	for (int i = 0; good && i < rounds; i++) {
		good = round_trip(&g, out.ptr, i);
		if (rounds > 100)
			usleep(1000);
	}
	guest_close(&g);
	return good;
}

/* ---- attacks ---------------------------------------------------------------- */

/* @e: the error number with which the session must end. */
static void ends(struct guest *g, int e, const char *what)
{
	int got = guest_ended(g, 5000);

	ok(got == e, "%s: ended with %d", what, e);
	if (got != e)
		printf("# got %d: %s\n", got, g->answer);
	guest_close(g);
}

static void setups(void)
{
	static const struct {
		struct how how;
		int e;
		const char *what;
	} t[] = {
		{ { .magic = 1 }, VGPU_E_PROTOCOL, "another magic" },
		{ { .protocol = 77 }, VGPU_E_VERSION, "another protocol" },
		{ { .hash = 77 }, VGPU_E_HASH, "another hash" },
		{ { .ring_pages = 15 }, VGPU_E_PROTOCOL, "15 ring pages" },
		{ { .ring_pages = 1 }, VGPU_E_PROTOCOL, "one ring page" },
		{ { .ring_pages = 1u << 31 }, VGPU_E_PROTOCOL, "2^31 pages" },
		{ { .ring_pages = 512 }, VGPU_E_MAP, "more than it shares" },
		{ { .reply_pages = 1 }, VGPU_E_PROTOCOL, "one reply page" },
		{ { .bad_ring_refs = true }, VGPU_E_MAP, "no such pages" },
		{ { .node_protocol = 77 }, VGPU_E_VERSION, "protocol node" },
		{ { .node_hash = "0123456789abcdef" }, VGPU_E_HASH,
		  "hash node" },
		{ { .node_hash = "rubbish" }, VGPU_E_PROTOCOL, "no hash" },
		{ { .node_ref = "30001" }, VGPU_E_MAP, "no such page" },
		{ { .node_ref = "99999999999" }, VGPU_E_PROTOCOL,
		  "no reference" },
		{ { .node_ref = "-1" }, VGPU_E_PROTOCOL, "reference -1" },
		{ { .node_port = "60000" }, VGPU_E_MAP, "no such port" },
		{ { .node_port = "x" }, VGPU_E_PROTOCOL, "no port" },
	};
	struct guest g;
	int e;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		e = guest_open(&g, &t[i].how);
		ok(e == t[i].e, "session with %s is refused with %d",
		   t[i].what, t[i].e);
		if (e != t[i].e)
			printf("# got %d: %s\n", e, g.answer);
		guest_close(&g);
	}
}

static void same_page_twice(void)
{
	struct guest g;
	struct put p = { .op = OP_vgSystem };
	int e = guest_open(&g, &(struct how){ .same_ring_refs = true });

	/* Its own affair: it writes over itself. It must get no further. */
	if (!e)
		guest_call(&g, &p, NULL, 0, NULL, 0);
	ok(e == 0 || e == VGPU_E_MAP, "one page in every place of the ring");
	guest_close(&g);
}

static void positions(void)
{
	static const uint64_t add[] = { 1, 4, 7, 1u << 31, 1ull << 63,
					UINT64_MAX, (16 * 4096) + 8 };
	struct guest g;
	char what[60];

	for (size_t i = 0; i < sizeof(add) / sizeof(*add); i++) {
		if (!begin(&g)) {
			ok(false, "a session begins");
			continue;
		}
		shared_store64(&g.ctl->prod, g.ring.prod + add[i]);
		guest_bell(&g);
		snprintf(what, sizeof(what), "position %llx ahead",
			 (unsigned long long)add[i]);
		ends(&g, VGPU_E_PROTOCOL, what);
	}
}

static void records(void)
{
	static const struct {
		struct put p;
		uint32_t len;
		const char *what;
	} t[] = {
		{ { .op = OP_NR }, 0, "an op that there is not" },
		{ { .op = 65535 }, 0, "op 65535" },
		{ { .op = OP_vgSystem, .seq_step = 2 }, 0, "a gap" },
		{ { .op = OP_vgSystem, .seq_step = -1 }, 0, "an old number" },
		{ { .op = OP_vgSystem, .slot = 32 }, 0, "slot 32" },
		{ { .op = OP_vgSystem, .slot = 65535 }, 0, "slot 65535" },
		{ { .op = OP_vgSystem, .flags = VGPU_REC_WINDOW,
		    .reply_cap = 64 }, 0, "an arena that there is not" },
		{ { .op = OP_vgSystem, .flags = VGPU_REC_WINDOW,
		    .reply_arena = UINT32_MAX, .reply_cap = UINT32_MAX,
		    .reply_off = UINT32_MAX }, 0, "impossible room" },
		{ { .op = OP_vgLaunch }, 8, "a launch cut short" },
		{ { .op = OP_vgMemAlloc }, 0, "an allocation cut short" },
	};
	uint64_t body[8] = { 0 };
	struct guest g;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		if (!begin(&g)) {
			ok(false, "a session begins");
			continue;
		}
		guest_put(&g, &t[i].p, body, t[i].len);
		ends(&g, VGPU_E_PROTOCOL, t[i].what);
	}
}

static void lengths(void)
{
	static const uint32_t len[] = { 0, 4, 8, 36, 41, 16 * 4096,
					UINT32_MAX, 1u << 31 };
	struct guest g;
	char what[60];

	for (size_t i = 0; i < sizeof(len) / sizeof(*len); i++) {
		struct vgpu_rec h = { .len = len[i], .op = OP_vgSystem,
				      .seq = 2 };

		if (!begin(&g)) {
			ok(false, "a session begins");
			continue;
		}
		memcpy(ring_reserve(&g.ring, 40), &h, sizeof(h));
		ring_publish(&g.ring, 40);
		guest_bell(&g);
		snprintf(what, sizeof(what), "a record of %u bytes", len[i]);
		ends(&g, VGPU_E_PROTOCOL, what);
	}
}

/* ---- a record that changes while it is read ---------------------------------- */

static _Atomic bool flipping;

static void *flip(void *arg)
{
	volatile uint32_t *word = arg;
	uint32_t was = *word;

	while (flipping) {
		*word = (uint32_t)rand_r(&seed);
		*word = was;
	}
	return NULL;
}

static void changing(uint32_t word, const char *what)
{
	struct put p = { .op = OP_vgSystem };
	struct guest g;
	pthread_t t;
	int e = 0;

	if (!begin(&g)) {
		ok(false, "a session begins");
		return;
	}
	flipping = true;
	pthread_create(&t, NULL, flip, g.ring.data + word * 4);
	for (int i = 0; i < 20000 && e >= 0; i++)
		e = guest_put(&g, &p, NULL, 0) ? 0 : -1;
	flipping = false;
	pthread_join(t, NULL);
	/* It lives, or it ended as a liar; it did not die. */
	e = guest_ended(&g, 300);
	ok(e == -1 || e == VGPU_E_PROTOCOL, "%s", what);
	if (e != -1 && e != VGPU_E_PROTOCOL)
		printf("# got %d: %s\n", e, g.answer);
	guest_close(&g);
}

/* ---- the window ---------------------------------------------------------------- */

static void window(void)
{
	struct { struct in_vgArenaAdd in; uint32_t ref[8]; } a = {
		.in = { .arena = 3, .pages = 8, .count = 8 } };
	struct put p = { .op = OP_vgArenaAdd };
	struct out_vgArenaAdd out;
	struct guest g;
	void *pages;
	int r;

	if (!begin(&g)) {
		ok(false, "a session begins");
		return;
	}
	for (int i = 0; i < 8; i++)
		a.ref[i] = 30000u + (uint32_t)i;
	r = guest_call(&g, &p, &a, sizeof(a), &out, sizeof(out));
	ok(r > 0, "references that do not exist are an error: %d", r);
	guest_share(&g, 8, a.ref, &pages);
	r = guest_call(&g, &p, &a, sizeof(a), &out, sizeof(out));
	ok(r == 0, "real ones are taken");
	a.in.arena = 4;
	r = guest_call(&g, &p, &a, sizeof(a), &out, sizeof(out));
	ok(r >= 0, "the same ones again harm nobody: %d", r);
	xengntshr_unshare(g.xgs, pages, 8);
	p = (struct put){ .op = OP_vgSystem, .flags = VGPU_REC_WINDOW,
			  .reply_arena = 3, .reply_cap = 64 };
	r = guest_call(&g, &p, NULL, 0, NULL, 0);
	ok(r == 0, "pages that the guest gave back are still the window's");
	a.in.arena = 3;
	p = (struct put){ .op = OP_vgArenaAdd };
	guest_put(&g, &p, &a, sizeof(a));
	ends(&g, VGPU_E_PROTOCOL, "an arena added twice");
}

/* Each refusal is worth a line of log; thousands are not. hostile.t counts. */
static void flood(void)
{
	struct { struct in_vgArenaAdd in; uint32_t ref[2]; } a = {
		.in = { .arena = 3, .pages = 1, .count = 1 },
		.ref = { 30000 } };
	struct put p = { .op = OP_vgArenaAdd };
	struct guest g;
	int refused = 0;

	if (!begin(&g)) {
		ok(false, "a session begins");
		return;
	}
	for (int i = 0; i < 2000; i++)
		refused += guest_call(&g, &p, &a, sizeof(a), NULL, 0) > 0;
	ok(refused == 2000, "2000 arenas of pages that do not exist");
	usleep(1200000); /* the log has room again */
	guest_call(&g, &p, &a, sizeof(a), NULL, 0);
	guest_close(&g);
}

/* ---- random records ------------------------------------------------------------- */

static uint64_t lasted;

static bool random_session(void)
{
	static uint32_t body[128];
	struct guest g;
	int e = -1, code;

	if (!begin(&g))
		return false;
	for (int i = 0; i < 3000 && e != -2; i++) {
		struct put p = {
			.op = (uint16_t)(1 + (unsigned int)rand_r(&seed) %
					 (OP_NR - 1)),
			.ctx = CTX, .slot = (uint16_t)(i % VGPU_SLOTS) };
		uint32_t len = 64 + ((uint32_t)rand_r(&seed) % 57) * 8;

		for (int k = 0; k < 128; k++)
			body[k] = rand_r(&seed) % 3 ? 0 :
				  (uint32_t)rand_r(&seed) % 5;
		if (p.op == OP_vgHostFunc)
			continue;
		if (!shared_load8(&g.ctl->exec_alive) ||
		    !guest_put(&g, &p, body, len))
			e = -2;
		lasted++;
	}
	code = guest_ended(&g, 200);
	guest_close(&g);
	return code == -1 || code == VGPU_E_PROTOCOL;
}

static void random_records(void)
{
	int bad = 0;

	for (int i = 0; i < 40; i++)
		bad += !random_session();
	printf("# %llu records\n", (unsigned long long)lasted);
	ok(!bad, "random records end a session as a liar's, or do nothing");
}

static int attack(void)
{
	setups();
	same_page_twice();
	positions();
	records();
	lengths();
	changing(0, "a record whose length changes");
	changing(1, "a record whose op changes");
	changing(2, "a record whose number changes");
	changing(4, "a record whose slot changes");
	window();
	flood();
	random_records();
	ok(good_session(100), "a good session works after all that");
	return failed != 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 1;
	struct guest g;

	alarm(240);
	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(what, "attack")) {
		seed = (unsigned int)n;
		return attack();
	}
	if (!strcmp(what, "good"))
		return !good_session(n);
	if (!strcmp(what, "loop")) {
		for (int i = 0; i < n; i++)
			if (!good_session(2))
				return 1;
		return 0;
	}
	if (!strcmp(what, "die")) {
		guest_open(&g, &(struct how){ .die_at = n });
		return 1; /* it should be dead */
	}
	if (!strcmp(what, "lie") && argc > 3) {
		n = guest_open(&g, &(struct how){
			.node_protocol = (uint32_t)n, .node_hash = argv[3] });
		printf("%s\n", n ? g.answer : "accepted");
		guest_close(&g);
		return n;
	}
	fprintf(stderr, "usage: hostile attack|good|die|loop|lie ...\n");
	return 2;
}

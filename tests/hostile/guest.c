// SPDX-License-Identifier: BSD-2-Clause
#include "tests/hostile/guest.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vgpu_ops.h"
#include "vgpu_paths.h"
#include "xenstore-schema/error.h"
#include "xenstore-schema/state.h"

#define RING_PAGES 16u

static void nap_ms(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void step(const struct how *how, int n)
{
	if (how->die_at == n)
		raise(SIGKILL);
}

static char *node(struct guest *g, const char *dir, const char *leaf)
{
	char path[400];
	unsigned int len;

	snprintf(path, sizeof(path), "%s/%s", dir, leaf);
	return xs_read(g->xs, XBT_NULL, path, &len);
}

static void set(struct guest *g, const char *dir, const char *leaf,
		const char *value)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, leaf);
	if (!xs_write(g->xs, XBT_NULL, path, value,
		      (unsigned int)strlen(value)))
		fprintf(stderr, "hostile: cannot write %s\n", path);
}

static void set_number(struct guest *g, const char *dir, const char *leaf,
		       uint32_t v, const char *instead)
{
	char text[24];

	snprintf(text, sizeof(text), "%u", v);
	set(g, dir, leaf, instead ? instead : text);
}

static int state_of(struct guest *g, const char *dir)
{
	char *v = node(g, dir, "state");
	int s = v ? atoi(v) : 0;

	free(v);
	return s;
}

/* The device's own handshake, as every first process of a guest makes it. */
static bool connect_device(struct guest *g)
{
	int64_t end = now_ms() + 5000;
	char *v = node(g, g->fe, "backend");

	if (!v)
		return false;
	snprintf(g->be, sizeof(g->be), "%s", v);
	free(v);
	v = node(g, g->fe, "backend-id");
	g->be_domid = v ? (uint32_t)atoi(v) : 0;
	free(v);
	while (state_of(g, g->be) != VGPU_STATE_CONNECTED) {
		if (now_ms() > end)
			return false;
		if (state_of(g, g->be) == VGPU_STATE_INIT_WAIT &&
		    state_of(g, g->fe) != VGPU_STATE_INITIALISED)
			set(g, g->fe, "state", "3");
		nap_ms(2);
	}
	if (state_of(g, g->fe) != VGPU_STATE_CONNECTED)
		set(g, g->fe, "state", "4");
	return true;
}

static void fill_control(struct guest *g, const struct how *how,
			 const uint32_t *refs, uint32_t n)
{
	struct vgpu_control *c = g->ctl;

	c->setup = (struct vgpu_setup){
		.magic = how->magic ? how->magic : VGPU_MAGIC,
		.protocol = how->protocol ? how->protocol : VGPU_PROTOCOL,
		.calls_hash = how->hash ? how->hash : VGPU_CALLS_HASH,
		.ring_pages = how->ring_pages ? how->ring_pages : RING_PAGES,
		.reply_pages = how->reply_pages ? how->reply_pages :
						  VGPU_REPLY_PAGES,
	};
	for (uint32_t i = 0; i < n; i++)
		c->ref[i] = how->bad_ring_refs ? 30000 + i :
			    how->same_ring_refs ? refs[0] : refs[i];
	c->guest_alive = 1;
}

static bool make_pages(struct guest *g, const struct how *how, uint32_t *ref)
{
	uint32_t n = RING_PAGES + VGPU_REPLY_PAGES;
	uint32_t refs[RING_PAGES + VGPU_REPLY_PAGES];
	uint8_t *ring;
	int port;

	g->xgs = xengntshr_open(NULL, 0);
	g->xce = xenevtchn_open(NULL, 0);
	if (!g->xgs || !g->xce)
		return false;
	step(how, 2);
	port = xenevtchn_bind_unbound_port(g->xce, g->be_domid);
	if (port < 0)
		return false;
	g->port = (uint32_t)port;
	g->ctl = xengntshr_share_page_notify(g->xgs, g->be_domid, ref, 1,
		offsetof(struct vgpu_control, guest_alive), g->port);
	step(how, 3);
	ring = xengntshr_share_pages(g->xgs, g->be_domid, (int)n, refs, 1);
	if (!g->ctl || !ring)
		return false;
	step(how, 4);
	memset(g->ctl, 0, VGPU_PAGE);
	memset(ring, 0, n * VGPU_PAGE);
	g->slots = ring + RING_PAGES * VGPU_PAGE;
	g->ring = (struct ring_prod){ .ctl = g->ctl, .data = ring,
				      .size = RING_PAGES * VGPU_PAGE };
	fill_control(g, how, refs, n);
	return true;
}

static void announce(struct guest *g, const struct how *how, uint32_t ref)
{
	static unsigned int number;
	char dir[300];

	snprintf(g->sid, sizeof(g->sid), "h%d-%u", getpid(), ++number);
	snprintf(dir, sizeof(dir), "%s/session/%s", g->fe, g->sid);
	set_number(g, dir, "protocol-version", how->node_protocol ?
		   how->node_protocol : VGPU_PROTOCOL, NULL);
	set(g, dir, "calls-hash", how->node_hash ? how->node_hash :
						   VGPU_CALLS_HASH_TEXT);
	step(how, 5);
	set_number(g, dir, "control-ref", ref, how->node_ref);
	set_number(g, dir, "event-channel", g->port, how->node_port);
	set_number(g, dir, "pid", (uint32_t)getpid(), NULL);
	set(g, dir, "name", "hostile");
	step(how, 6);
	set(g, dir, "state", "3");
	step(how, 7);
}

static bool answered(struct guest *g, int *code)
{
	char dir[300], *v;

	snprintf(dir, sizeof(dir), "%s/session/%s", g->be, g->sid);
	v = node(g, dir, "error");
	if (!v)
		return false;
	snprintf(g->answer, sizeof(g->answer), "%s", v);
	*code = atoi(v);
	free(v);
	return true;
}

static int await_executor(struct guest *g)
{
	int64_t end = now_ms() + 20000;
	int code;

	while (now_ms() < end) {
		if (shared_load8(&g->ctl->exec_alive))
			return 0;
		if (answered(g, &code))
			return code;
		nap_ms(2);
	}
	return VGPU_E_TIMEOUT;
}

int guest_open(struct guest *g, const struct how *how)
{
	const char *d = getenv("VGPU_DOMID");
	uint32_t ref = 0;
	int r;

	memset(g, 0, sizeof(*g));
	g->domid = d ? (uint32_t)atoi(d) : 1;
	g->xs = xs_open(0);
	if (!g->xs)
		return VGPU_E_NO_XEN;
	snprintf(g->fe, sizeof(g->fe), VGPU_FMT_FE_DIR, g->domid, 0);
	if (!connect_device(g))
		return VGPU_E_NO_BACKEND;
	step(how, 1);
	if (!make_pages(g, how, &ref))
		return VGPU_E_GRANTS;
	announce(g, how, ref);
	r = await_executor(g);
	if (!r)
		step(how, 8);
	return r;
}

void guest_close(struct guest *g)
{
	char dir[300];

	if (g->xs && *g->sid) {
		snprintf(dir, sizeof(dir), "%s/session/%s", g->fe, g->sid);
		xs_rm(g->xs, XBT_NULL, dir);
	}
	if (g->xce)
		xenevtchn_close(g->xce);
	if (g->xgs)
		xengntshr_close(g->xgs);
	if (g->xs)
		xs_close(g->xs);
	memset(g, 0, sizeof(*g));
}

void guest_bell(struct guest *g)
{
	xenevtchn_notify(g->xce, g->port);
}

bool guest_put(struct guest *g, const struct put *p, const void *body,
	       uint32_t len)
{
	struct vgpu_rec h = {
		.len = (uint32_t)sizeof(h) + len, .op = p->op,
		.flags = p->flags, .ctx = p->ctx, .slot = p->slot,
		.blob = p->blob, .reply_arena = p->reply_arena,
		.reply_off = p->reply_off, .reply_cap = p->reply_cap,
		.thread = 1,
		.seq = g->seq += (uint32_t)(p->seq_step ? p->seq_step : 1),
	};
	int64_t end = now_ms() + 2000;
	uint8_t *to;

	while (!ring_room(&g->ring, ring_need(&g->ring, h.len))) {
		if (now_ms() > end)
			return false;
		nap_ms(1);
	}
	to = ring_reserve(&g->ring, h.len);
	memcpy(to, &h, sizeof(h));
	if (len)
		memcpy(to + sizeof(h), body, len);
	if (ring_publish(&g->ring, h.len))
		guest_bell(g);
	return true;
}

int guest_result(struct guest *g, uint16_t slot, void *out, uint32_t size)
{
	struct vgpu_slot *s = (void *)(g->slots + slot * VGPU_SLOT_SIZE);
	int64_t end = now_ms() + 10000;

	while (shared_load32(&s->done) != g->seq) {
		if (!shared_load8(&g->ctl->exec_alive))
			return -1;
		if (now_ms() > end)
			return -2;
		cpu_relax();
	}
	if (out)
		memcpy(out, s->data, size);
	return (int)s->result;
}

int guest_call(struct guest *g, const struct put *p, const void *body,
	       uint32_t len, void *out, uint32_t size)
{
	struct put sync = *p;

	sync.flags |= VGPU_REC_SYNC;
	if (!guest_put(g, &sync, body, len))
		return -2;
	return guest_result(g, p->slot, out, size);
}

int guest_ended(struct guest *g, int ms)
{
	int64_t end = now_ms() + ms;
	int code;

	while (now_ms() < end) {
		if (answered(g, &code))
			return code;
		nap_ms(2);
	}
	return -1;
}

uint32_t guest_share(struct guest *g, uint32_t pages, uint32_t *refs,
		     void **ret)
{
	*ret = xengntshr_share_pages(g->xgs, g->be_domid, (int)pages, refs, 1);
	return *ret ? pages : 0;
}

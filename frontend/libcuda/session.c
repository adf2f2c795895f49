// SPDX-License-Identifier: BSD-2-Clause
/*
 * session.c - from nothing to an executor that listens: XenStore, granted
 * pages, an event channel. Used once a process, by cuInit.
 */
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "tools/lib/log.h"
#include "vgpu_paths.h"
#include "xenstore-schema/state.h"

#define DEVICE 0u
#define RING_PAGES 64u
/* The backend may have to load the driver first (cuInit takes 0.2 s natively,
 * seconds on a machine with many GPUs). */
#define CONNECT_MS 30000
#define DEVICE_MS  5000

struct vg_session vg_session;

struct opening {
	struct xs_handle *xs;
	char be[200];           /* backend directory */
	char *detail;
	size_t detail_size;
};

static struct xs_handle *counted(struct xs_handle *xs)
{
	vg_trace_add(vg_initialised() ? VG_TRACE_XS_LATER : VG_TRACE_XENSTORE,
		     1);
	return xs;
}

static enum vgpu_error refuse(struct opening *o, enum vgpu_error e,
			      const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->detail, o->detail_size, fmt, ap);
	va_end(ap);
	return e;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* @ret: NUL-ended, cut to @size. False: the node does not exist. */
static bool read_node(struct opening *o, const char *path, char *ret,
		      size_t size)
{
	unsigned int len;
	char *v = xs_read(counted(o->xs), XBT_NULL, path, &len);

	if (!v)
		return false;
	snprintf(ret, size, "%.*s", (int)len, v);
	free(v);
	return true;
}

static bool read_number(struct opening *o, const char *path, uint32_t *ret)
{
	char v[24], *end;
	unsigned long n;

	if (!read_node(o, path, v, sizeof(v)) || !*v)
		return false;
	n = strtoul(v, &end, 10);
	*ret = (uint32_t)n;
	return !*end && n <= UINT32_MAX;
}

static bool write_node(struct opening *o, xs_transaction_t t, const char *dir,
		       const char *leaf, const char *fmt, ...)
{
	char path[256], value[128];
	va_list ap;

	snprintf(path, sizeof(path), "%s/%s", dir, leaf);
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	return xs_write(counted(o->xs), t, path, value, (unsigned int)strlen(value));
}

/* VGPU_DOMID is for places where the XenStore connection is not the guest's
 * own: the loopback, some containers. */
static bool own_domid(struct opening *o)
{
	const char *e = getenv("VGPU_DOMID");
	char *end;

	if (!e)
		return read_number(o, "domid", &vg_session.fe_domid);
	vg_session.fe_domid = (uint32_t)strtoul(e, &end, 10);
	return *e && !*end;
}

static enum vgpu_error find_device(struct opening *o)
{
	char fe[160], path[192];

	if (!own_domid(o))
		return refuse(o, VGPU_E_NO_XEN, "XenStore does not tell this "
			      "domain's id");
	snprintf(fe, sizeof(fe), VGPU_FMT_FE_DIR, vg_session.fe_domid, DEVICE);
	snprintf(path, sizeof(path), "%s/%s", fe, VGPU_NODE_FE_BACKEND);
	if (!read_node(o, path, o->be, sizeof(o->be)))
		return refuse(o, VGPU_E_NO_DEVICE, "XenStore has no %s", path);
	snprintf(path, sizeof(path), "%s/%s", fe, VGPU_NODE_FE_BACKEND_ID);
	if (!read_number(o, path, &vg_session.be_domid))
		return refuse(o, VGPU_E_NO_DEVICE, "XenStore has no %s", path);
	return VGPU_E_OK;
}

static void set_frontend_state(struct opening *o, enum vgpu_state s)
{
	char fe[160];

	snprintf(fe, sizeof(fe), VGPU_FMT_FE_DIR, vg_session.fe_domid, DEVICE);
	if (!write_node(o, XBT_NULL, fe, VGPU_NODE_FE_STATE, "%d", s))
		log_warn("cannot write %s/state: %s", fe, strerror(errno));
}

/* The device's own handshake: the first process of the guest makes it. */
static enum vgpu_error connect_device(struct opening *o)
{
	int64_t end = now_ms() + DEVICE_MS;
	char path[320], fe_state[256], text[256];
	uint32_t be = 0, fe = 0;
	long ns = 200000;

	snprintf(path, sizeof(path), "%s/%s", o->be, VGPU_NODE_BE_STATE);
	snprintf(fe_state, sizeof(fe_state), VGPU_FMT_FE_DIR "/"
		 VGPU_NODE_FE_STATE, vg_session.fe_domid, DEVICE);
	do {
		read_number(o, fe_state, &fe);
		if (!read_number(o, path, &be))
			be = 0;
		if (be == VGPU_STATE_CONNECTED) {
			if (fe != VGPU_STATE_CONNECTED)
				set_frontend_state(o, VGPU_STATE_CONNECTED);
			return VGPU_E_OK;
		}
		if (be == VGPU_STATE_INIT_WAIT && fe != VGPU_STATE_INITIALISED)
			set_frontend_state(o, VGPU_STATE_INITIALISED);
		nanosleep(&(struct timespec){ 0, ns }, NULL);
		ns = ns < 20000000 ? 2 * ns : ns;
	} while (now_ms() < end);
	snprintf(path, sizeof(path), "%s/%s", o->be, VGPU_NODE_BE_ERROR);
	if (read_node(o, path, text, sizeof(text)))
		return refuse(o, VGPU_E_NO_BACKEND, "%s", text);
	return refuse(o, VGPU_E_NO_BACKEND, "%s/state stayed %u for %d s",
		      o->be, be, DEVICE_MS / 1000);
}

/* ---- pages ------------------------------------------------------------- */

void *vg_share(uint32_t pages, uint32_t *refs)
{
	void *p = xengntshr_share_pages(vg_session.xgs, vg_session.be_domid,
					(int)pages, refs, 1);

	if (!p)
		log_info("sharing %u pages with domain %u: %s", pages,
			 vg_session.be_domid, strerror(errno));
	else
		vg_trace_add(VG_TRACE_GRANTS, pages);
	return p;
}

void vg_unshare(void *p, uint32_t pages)
{
	if (xengntshr_unshare(vg_session.xgs, p, pages))
		log_warn("unsharing %u pages: %s", pages, strerror(errno));
}

static enum vgpu_error open_xen(struct opening *o)
{
	xenevtchn_port_or_error_t port;

	vg_session.xgs = xengntshr_open(NULL, 0);
	if (!vg_session.xgs)
		return refuse(o, VGPU_E_NO_XEN, "gntalloc: %s",
			      strerror(errno));
	vg_session.xce = xenevtchn_open(NULL, 0);
	if (!vg_session.xce)
		return refuse(o, VGPU_E_NO_XEN, "evtchn: %s", strerror(errno));
	port = xenevtchn_bind_unbound_port(vg_session.xce,
					   vg_session.be_domid);
	if (port < 0)
		return refuse(o, VGPU_E_NO_XEN, "no event channel: %s",
			      strerror(errno));
	vg_session.port = (uint32_t)port;
	return VGPU_E_OK;
}

static enum vgpu_error share_pages(struct opening *o, uint32_t *control_ref)
{
	uint32_t refs[RING_PAGES + VGPU_REPLY_PAGES];
	struct vgpu_control *c;
	uint8_t *ring;

	c = xengntshr_share_page_notify(vg_session.xgs, vg_session.be_domid,
		control_ref, 1, offsetof(struct vgpu_control, guest_alive),
		vg_session.port);
	ring = c ? vg_share(RING_PAGES + VGPU_REPLY_PAGES, refs) : NULL;
	if (!ring)
		return refuse(o, VGPU_E_GRANTS, "%s", strerror(errno));
	memset(c, 0, VGPU_PAGE);
	memset(ring, 0, sizeof(refs) / 4 * VGPU_PAGE);
	c->setup = (struct vgpu_setup){
		.magic = VGPU_MAGIC, .protocol = VGPU_PROTOCOL,
		.calls_hash = VGPU_CALLS_HASH, .ring_pages = RING_PAGES,
		.reply_pages = VGPU_REPLY_PAGES,
	};
	c->trace = vg_tracing;
	vg_trace_add(VG_TRACE_GRANTS, 1); /* this page; vg_share() the others */
	memcpy(c->ref, refs, sizeof(refs));
	c->guest_alive = 1;
	vg_session.ctl = c;
	vg_session.ring_size = RING_PAGES * VGPU_PAGE;
	vg_session.slots = ring + vg_session.ring_size;
	vg_channel_open(ring, vg_session.ring_size);
	return VGPU_E_OK;
}

/* ---- session nodes ----------------------------------------------------- */

static void program_name(char *ret, size_t size)
{
	snprintf(ret, size, "%s", program_invocation_short_name);
	for (char *p = ret; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

static bool write_session(struct opening *o, xs_transaction_t t,
			  const char *dir, uint32_t ref)
{
	char name[64];

	program_name(name, sizeof(name));
	return write_node(o, t, dir, VGPU_NODE_FE_SESS_PROTO, "%u",
			  VGPU_PROTOCOL) &&
	       write_node(o, t, dir, VGPU_NODE_FE_SESS_HASH, "%s",
			  VGPU_CALLS_HASH_TEXT) &&
	       write_node(o, t, dir, VGPU_NODE_FE_SESS_REF, "%u", ref) &&
	       write_node(o, t, dir, VGPU_NODE_FE_SESS_PORT, "%u",
			  vg_session.port) &&
	       write_node(o, t, dir, VGPU_NODE_FE_SESS_PID, "%d", getpid()) &&
	       write_node(o, t, dir, VGPU_NODE_FE_SESS_NAME, "%s", name) &&
	       write_node(o, t, dir, VGPU_NODE_FE_SESS_STATE, "%d",
			  VGPU_STATE_INITIALISED);
}

static enum vgpu_error announce(struct opening *o, uint32_t ref)
{
	struct timespec t;
	xs_transaction_t tx;
	char dir[256];
	int tries = 0;
	bool ok;

	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(vg_session.sid, sizeof(vg_session.sid), "p%d-%lx", getpid(),
		 (unsigned long)(t.tv_sec * 1000 + t.tv_nsec / 1000000));
	snprintf(dir, sizeof(dir), VGPU_FMT_FE_SESS_DIR, vg_session.fe_domid,
		 DEVICE, vg_session.sid);
	do {
		tx = xs_transaction_start(counted(o->xs));
		ok = tx != XBT_NULL && write_session(o, tx, dir, ref);
		if (tx != XBT_NULL)
			ok = xs_transaction_end(counted(o->xs), tx,
						!ok) && ok;
	} while (!ok && errno == EAGAIN && ++tries < 100);
	return ok ? VGPU_E_OK :
	       refuse(o, VGPU_E_NO_DEVICE, "cannot write %s: %s", dir,
		      strerror(errno));
}

/* "code sentence" of the backend; the code says which CUDA error it is. */
static enum vgpu_error verdict(struct opening *o, enum vgpu_error otherwise)
{
	char path[320], text[300], *end;
	unsigned long code;

	snprintf(path, sizeof(path), "%s/session/%s/%s", o->be, vg_session.sid,
		 VGPU_NODE_BE_SESS_ERROR);
	if (!read_node(o, path, text, sizeof(text)))
		return otherwise;
	code = strtoul(text, &end, 10);
	if (end == text)
		return otherwise;
	refuse(o, otherwise, "%s", *end ? end + 1 : end);
	return (enum vgpu_error)code;
}

static enum vgpu_error await_executor(struct opening *o)
{
	int64_t end = now_ms() + CONNECT_MS;
	uint32_t state = 0;
	long ns = 100000;
	char path[320];

	snprintf(path, sizeof(path), "%s/session/%s/%s", o->be, vg_session.sid,
		 VGPU_NODE_BE_SESS_STATE);
	do {
		if (shared_load8(&vg_session.ctl->exec_alive))
			return VGPU_E_OK;
		if (read_number(o, path, &state) && state >= VGPU_STATE_CLOSING)
			return verdict(o, VGPU_E_CLOSED);
		nanosleep(&(struct timespec){ 0, ns }, NULL);
		ns = ns < 5000000 ? ns + ns / 4 : ns;
	} while (now_ms() < end);
	return refuse(o, VGPU_E_TIMEOUT, "the backend gave no executor for "
		      "session %s in %d s", vg_session.sid, CONNECT_MS / 1000);
}

static enum vgpu_error open_steps(struct opening *o)
{
	enum vgpu_error e = find_device(o);
	uint32_t ref = 0;

	if (!e)
		e = connect_device(o);
	if (!e)
		e = open_xen(o);
	if (!e)
		e = share_pages(o, &ref);
	if (!e)
		e = announce(o, ref);
	if (!e)
		e = await_executor(o);
	if (!e)
		vg_session.spin_ns = (uint64_t)vg_session.ctl->spin_us * 1000;
	return e;
}

static void leave(struct opening *o)
{
	char dir[256];

	if (*vg_session.sid) {
		snprintf(dir, sizeof(dir), VGPU_FMT_FE_SESS_DIR,
			 vg_session.fe_domid, DEVICE, vg_session.sid);
		if (!xs_rm(counted(o->xs), XBT_NULL, dir))
			log_info("cannot remove %s: %s", dir, strerror(errno));
	}
	if (vg_session.xce)
		xenevtchn_close(vg_session.xce);
	if (vg_session.xgs)
		xengntshr_close(vg_session.xgs);
	vg_session = (struct vg_session){ 0 };
}

enum vgpu_error vg_session_open(char *detail, size_t size)
{
	struct opening o = { .detail = detail, .detail_size = size };
	enum vgpu_error e;

	*detail = '\0';
	o.xs = xs_open(0);
	if (!o.xs)
		return refuse(&o, VGPU_E_NO_XEN, "XenStore cannot be reached: "
			      "%s", strerror(errno));
	e = open_steps(&o);
	if (e)
		leave(&o);
	xs_close(o.xs);
	return e;
}

enum vgpu_error vg_session_verdict(char *detail, size_t size)
{
	struct opening o = { .detail = detail, .detail_size = size };
	uint32_t said = shared_load32(&vg_session.ctl->exec_error);
	enum vgpu_error e = said ? (enum vgpu_error)said : VGPU_E_EXEC_DIED;

	*detail = '\0';
	o.xs = xs_open(0);
	if (!o.xs)
		return e;
	/* The backend reaps the executor a moment after its pages went. */
	for (int i = 0; i < 20 && !*detail; i++) {
		if (find_device(&o) == VGPU_E_OK)
			e = verdict(&o, e);
		if (!*detail)
			nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	xs_close(o.xs);
	return e;
}

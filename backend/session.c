// SPDX-License-Identifier: BSD-2-Clause
#include "backend/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/executor.h"
#include "backend/metrics.h"
#include "backend/parse.h"
#include "backend/session_nodes.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"
#include "vgpu_paths.h"

const char *session_label(const struct session *s)
{
	static char text[sizeof(s->dev->label) + EXEC_SID_MAX + 16];

	snprintf(text, sizeof(text), "%s session %s", s->dev->label, s->sid);
	return text;
}

/* Everything but the table entry. */
static void let_go(struct session *s)
{
	struct vm *vm = s->dev->vm;

	pool_cancel(&s->dev->b->pool, s);
	if (s->exec)
		executor_detach(s->exec);
	s->exec = NULL;
	if (s->stats && vm)
		metrics_add(&vm->totals.stats, s->stats);
	if (s->stats)
		executor_stats_unmap(s->stats);
	s->stats = NULL;
	if (vm && s->state != SESSION_OVER && s->ran)
		vm->totals.ended++;
}

static void forget(struct session *s)
{
	let_go(s);
	session_nodes_remove(s->dev, s->sid);
	session_table_drop(&s->dev->sessions, s);
}

static void count_end(struct session *s, uint32_t code, const char *error)
{
	struct vm *vm = s->dev->vm;

	if (!vm || code == VGPU_E_LEFT || code == VGPU_E_CLOSED)
		return;
	if (code == VGPU_E_EXEC_DIED)
		vm->totals.crashed++;
	else if (!s->ran)
		vm->totals.refused++;
	snprintf(vm->totals.last_error, sizeof(vm->totals.last_error),
		 "session %s: %.340s", s->sid, error);
}

/* The answer stays for ANSWER_MS. */
static void keep_answer(struct session *s, const char *error)
{
	int r = session_nodes_answer(s->dev, s->sid, VGPU_STATE_CLOSED, error);

	if (r < 0 && r != -ENOENT)
		log_warn("%s: cannot write the answer: %s", session_label(s),
			 strerror(-r));
	session_table_over(&s->dev->sessions, s);
	s->deadline = now_ms() + ANSWER_MS;
}

void session_end(struct session *s, uint32_t code, const char *detail)
{
	char error[STORE_TEXT_MAX];

	if (s->state == SESSION_OVER)
		return;
	/* What was asked for counts, not how the executor ended on the way. */
	if (s->state == SESSION_STOPPING) {
		if (code == VGPU_E_EXEC_DIED && s->dev->vm)
			s->dev->vm->totals.crashed++;
		code = s->stop_code;
	}
	snprintf(error, sizeof(error), "%u %s%s%s%s", code,
		 vgpu_error_text(code), detail && detail[0] ? " (" : "",
		 detail ? detail : "", detail && detail[0] ? ")" : "");
	count_end(s, code, error);
	log_line(code == VGPU_E_LEFT || code == VGPU_E_CLOSED ? LOG_INFO :
								LOG_WARN,
		 "%s: over: %s", session_label(s), error);
	if (code == VGPU_E_LEFT) {
		forget(s);
		return;
	}
	let_go(s);
	keep_answer(s, error);
}

static void stop_one(struct session *s, uint32_t code)
{
	if (s->state == SESSION_OVER || s->state == SESSION_STOPPING)
		return;
	if (s->state == SESSION_WAITING) {
		session_end(s, code, NULL);
		return;
	}
	s->state = SESSION_STOPPING;
	s->stop_code = code;
	s->deadline = NEVER; /* the executor's own limit counts from here */
	executor_stop(s->exec);
}

void sessions_stop(struct device *dev, uint32_t code)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&dev->sessions.list); s; s = next) {
		next = TAILQ_NEXT(s, link);
		stop_one(s, code);
	}
}

void sessions_abandon(struct device *dev, const char *why)
{
	struct session *s;

	while ((s = TAILQ_FIRST(&dev->sessions.list))) {
		if (s->state != SESSION_OVER)
			log_info("%s: over: %s", session_label(s), why);
		if (s->exec)
			executor_stop(s->exec);
		forget(s);
	}
}

/* --- start --------------------------------------------------------------- */

static unsigned int sessions_live(struct backend *b)
{
	unsigned int n = 0;
	struct device *dev;

	TAILQ_FOREACH(dev, &b->devices, link)
		n += dev->sessions.live;
	return n;
}

static uint32_t check_limits(struct device *dev, char *detail, size_t size)
{
	uint32_t max = device_limit(dev, VGPU_NODE_BE_MAX_SESS, MAX_SESSIONS_VM,
				    dev->vm ? dev->vm->max_sessions : 0);

	if (dev->sessions.live > max) {
		snprintf(detail, size, "max-sessions is %u", max);
		return VGPU_E_SESSIONS;
	}
	if (sessions_live(dev->b) > MAX_SESSIONS_ALL) {
		snprintf(detail, size, "the host serves %d sessions in all",
			 MAX_SESSIONS_ALL);
		return VGPU_E_NO_MEMORY;
	}
	return VGPU_E_OK;
}

static void start(struct device *dev, const char *sid)
{
	struct session *s = session_table_add(&dev->sessions, sid);
	char detail[160] = "";
	uint32_t code;

	if (!s) {
		log_error("%s session %s: no memory", dev->label, sid);
		return;
	}
	s->dev = dev;
	s->seen = true;
	s->since = now_ms();
	s->deadline = s->since + WAIT_EXEC_MS;
	/* Not WAITING: it is not in the pool's queue yet. */
	s->state = SESSION_MAPPING;
	code = session_nodes_read(dev, sid, &s->nodes, detail, sizeof(detail));
	if (code == VGPU_E_OK)
		code = check_limits(dev, detail, sizeof(detail));
	log_info("%s: guest process %u (%s) asks for a GPU", session_label(s),
		 s->nodes.guest_pid, s->nodes.name);
	if (code != VGPU_E_OK) {
		session_end(s, code, detail);
		return;
	}
	s->state = SESSION_WAITING;
	pool_request(&dev->b->pool, s);
}

void session_assign(struct session *s, struct executor *e)
{
	struct device *dev = s->dev;
	struct exec_msg m = {
		.type = EXEC_ASSIGN,
		.domid = dev->domid,
		.control_ref = s->nodes.control_ref,
		.port = s->nodes.port,
		.guest_pid = s->nodes.guest_pid,
		.max_window_pages = device_limit(
			dev, VGPU_NODE_BE_MAX_WINDOW, MAX_WINDOW_PAGES,
			dev->vm ? dev->vm->max_window_pages : 0),
		.spin_us = device_limit(dev, VGPU_NODE_BE_SPIN, 1000000,
					VGPU_DEFAULT_BE_SPIN),
	};
	int r;

	memcpy(m.sid, s->sid, sizeof(m.sid));
	memcpy(m.key, dev->seal_key, sizeof(m.key));
	s->state = SESSION_MAPPING;
	s->deadline = now_ms() + MAP_MS;
	s->exec = e;
	r = executor_assign(e, s, &m, &s->stats);
	if (r < 0)
		session_end(s, VGPU_E_EXEC_DIED, strerror(-r));
}

void session_ready(struct session *s)
{
	struct vm *vm = s->dev->vm;
	int r;

	if (s->state != SESSION_MAPPING)
		return; /* STOP crossed READY on the way */
	s->state = SESSION_RUNNING;
	s->deadline = NEVER;
	s->ran = true;
	if (vm)
		vm->totals.started++;
	log_info("%s: executor %d connected", session_label(s),
		 executor_pid(s->exec));
	r = session_nodes_answer(s->dev, s->sid, VGPU_STATE_CONNECTED, NULL);
	if (r == 0)
		return;
	log_error("%s: cannot write the answer: %s", session_label(s),
		  strerror(-r));
	stop_one(s, VGPU_E_CLOSED);
}

/* --- the guest's nodes --------------------------------------------------- */

/* A node that is there: has its process asked for something? */
static void look(struct session *s)
{
	enum vgpu_state st;

	s->seen = true;
	if (s->state == SESSION_STOPPING)
		return;
	st = session_nodes_state(s->dev, s->sid);
	if (st != VGPU_STATE_CLOSING && st != VGPU_STATE_CLOSED &&
	    st != VGPU_STATE_UNKNOWN)
		return;
	if (s->state == SESSION_OVER)
		forget(s);
	else
		stop_one(s, VGPU_E_LEFT);
}

static bool may_be_new(struct device *dev, const char *name)
{
	if (parse_sid(name))
		return true;
	if (dev->bad_names++ == 0)
		log_warn("%s: a session node whose name is not [a-z0-9-]{1,%d} is passed over, and so are others like it",
			 dev->label, EXEC_SID_MAX);
	return false;
}

static void sweep_unseen(struct device *dev)
{
	struct session *s, *next;

	for (s = TAILQ_FIRST(&dev->sessions.list); s; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->seen)
			continue;
		if (s->state == SESSION_OVER)
			forget(s);
		else
			stop_one(s, VGPU_E_LEFT);
	}
}

/* A node that is new to us; false when its turn is another time. */
static bool meet(struct device *dev, const char *name, unsigned int *reads)
{
	if (!may_be_new(dev, name) || ++*reads > MAX_READS_PASS ||
	    session_nodes_state(dev, name) != VGPU_STATE_INITIALISED)
		return true;
	if (!bucket_take(&dev->starts, now_ms()))
		return false;
	start(dev, name);
	return true;
}

bool sessions_scan(struct device *dev)
{
	unsigned int n = 0, reads = 0;
	AUTO_FREE char **names = store_list(&dev->b->store, dev->fe_session,
					    &n);
	struct session *s;
	bool more = false;

	if (!names && errno != ENOENT)
		return false; /* the next rescan looks again */
	if (n > MAX_SESSION_NODES) {
		log_warn("%s: %u session nodes are not looked at: the limit is %d",
			 dev->label, n, MAX_SESSION_NODES);
		return false;
	}
	TAILQ_FOREACH(s, &dev->sessions.list, link)
		s->seen = false;
	for (unsigned int i = 0; i < n; i++) {
		s = session_table_find(&dev->sessions, names[i]);
		if (s)
			look(s);
		else if (!more)
			more = !meet(dev, names[i], &reads);
	}
	sweep_unseen(dev);
	return more;
}

static void late(struct session *s)
{
	struct executor *e = s->exec;

	switch (s->state) {
	case SESSION_WAITING:
		session_end(s, VGPU_E_TIMEOUT, "no executor became ready");
		return;
	case SESSION_MAPPING:
		executor_kill(e, "it did not map the guest's pages in time");
		session_end(s, VGPU_E_TIMEOUT,
			    "the executor did not map the pages in time");
		return;
	case SESSION_OVER:
		forget(s);
		return;
	default:
		return;
	}
}

uint64_t sessions_tick(struct device *dev, uint64_t now)
{
	uint64_t next = NEVER;
	struct session *s, *after;

	/* Too many answers push the oldest out. */
	while (dev->sessions.over > MAX_ANSWERS_VM)
		forget(session_table_oldest_over(&dev->sessions));
	for (s = TAILQ_FIRST(&dev->sessions.list); s; s = after) {
		after = TAILQ_NEXT(s, link);
		if (s->deadline <= now)
			late(s);
		else
			next = earlier(next, s->deadline);
	}
	return next;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "backend/pool.h"

#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/session.h"
#include "tools/lib/log.h"

void pool_init(struct pool *p, struct backend *b)
{
	memset(p, 0, sizeof(*p));
	p->b = b;
	TAILQ_INIT(&p->executors);
	TAILQ_INIT(&p->waiting);
}

unsigned int pool_count(const struct pool *p, enum executor_state s)
{
	unsigned int n = 0;
	struct executor *e;

	TAILQ_FOREACH(e, &p->executors, link)
		n += e->state == s;
	return n;
}

/* One with a context, or without: the other kind if there is no such. */
static struct executor *find_warm(struct pool *p, bool context)
{
	struct executor *e, *other = NULL;

	TAILQ_FOREACH(e, &p->executors, link) {
		if (e->state != EXECUTOR_WARM)
			continue;
		if (e->context == context)
			return e;
		other = e;
	}
	return other;
}

/* A context takes some 0.1 s and 0.5 GB of the GPU: one is held ready while
 * there is a VM that may ask for it. */
static void share_contexts(struct pool *p)
{
	uint32_t want = TAILQ_EMPTY(&p->b->devices) ?
			0 : p->b->opt.warm_contexts;
	struct executor *e;

	TAILQ_FOREACH(e, &p->executors, link) {
		if (e->state != EXECUTOR_WARM)
			continue;
		if (e->context != (want > 0))
			executor_context(e, want > 0);
		want -= want > 0;
	}
}

void pool_request(struct pool *p, struct session *s)
{
	struct executor *e = find_warm(p, true);

	if (e) {
		session_assign(s, e);
		return;
	}
	if (p->error) {
		session_end(s, p->error, p->text);
		return;
	}
	TAILQ_INSERT_TAIL(&p->waiting, s, waiting);
	s->queued = true;
}

void pool_cancel(struct pool *p, struct session *s)
{
	if (!s->queued)
		return;
	TAILQ_REMOVE(&p->waiting, s, waiting);
	s->queued = false;
}

void pool_warm(struct pool *p, struct executor *e, const struct exec_msg *hello)
{
	struct session *s = TAILQ_FIRST(&p->waiting);

	if (p->error || p->driver_version != hello->driver_version ||
	    p->devices != hello->devices)
		log_info("executors run: driver %u.%u, %u device%s",
			 hello->driver_version / 1000,
			 hello->driver_version % 1000 / 10, hello->devices,
			 hello->devices == 1 ? "" : "s");
	log_debug("executor %d is warm", executor_pid(e));
	p->failures = 0;
	p->error = 0;
	p->text[0] = 0;
	p->driver_version = hello->driver_version;
	p->devices = hello->devices;
	if (!s)
		return;
	pool_cancel(p, s);
	session_assign(s, e);
}

static uint64_t back_off(unsigned int failures)
{
	uint64_t ms = RETRY_MIN_MS;

	for (unsigned int i = 1; i < failures && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

void pool_trouble(const struct pool *p, char *line, size_t size)
{
	/* The sentence of EXEC_DIED speaks to a guest. */
	if (p->error == VGPU_E_EXEC_DIED)
		snprintf(line, size, "no executor can be started: %s",
			 p->text);
	else
		snprintf(line, size, "no executor can be started: %u %s (%s)",
			 p->error, vgpu_error_text(p->error), p->text);
}

void pool_failed(struct pool *p, uint32_t error, const char *text)
{
	char line[SENTENCE_MAX * 2];
	struct session *s;
	uint64_t wait;
	bool news = p->error != error || strcmp(p->text, text);

	p->failures++;
	wait = back_off(p->failures);
	p->retry_at = now_ms() + wait;
	p->error = error;
	snprintf(p->text, sizeof(p->text), "%s", text);
	pool_trouble(p, line, sizeof(line));
	/* Said once, not every 30 s for a night. */
	log_line(news ? LOG_ERROR : LOG_TRACE, "%s; next try in %u s", line,
		 (unsigned int)(wait / 1000));
	if (p->failures == 1 && pool_count(p, EXECUTOR_WARMING))
		return; /* another one may still make it */
	while ((s = TAILQ_FIRST(&p->waiting)))
		session_end(s, error, text);
}

/* Only delays the next start, so that a broken driver cannot make us fork in
 * a loop. */
void pool_pause(struct pool *p)
{
	p->retry_at = now_ms() + RETRY_MIN_MS;
}

static unsigned int count_waiting(struct pool *p)
{
	unsigned int n = 0;
	struct session *s;

	TAILQ_FOREACH(s, &p->waiting, waiting)
		n++;
	return n;
}

/* How many executors should be warm or on the way. */
static unsigned int wanted(struct pool *p)
{
	unsigned int want = count_waiting(p) + p->b->opt.warm;

	/* After a failure one try says as much as four; and it is made even
	 * when nobody needs one, since only a try tells that the driver works
	 * again. */
	return p->error ? 1 : want;
}

static int start_one(struct pool *p)
{
	char text[SENTENCE_MAX];
	struct executor *e;
	int r = executor_spawn(p->b, &e);

	if (r == 0) {
		log_debug("executor %d started", executor_pid(e));
		return 0;
	}
	snprintf(text, sizeof(text), "%.200s: %s", p->b->opt.exec,
		 strerror(-r));
	pool_failed(p, VGPU_E_EXEC_DIED, text);
	return r;
}

uint64_t pool_tick(struct pool *p, uint64_t now)
{
	unsigned int warming = pool_count(p, EXECUTOR_WARMING);
	unsigned int warm = pool_count(p, EXECUTOR_WARM);
	unsigned int want = wanted(p);

	/* Those whose sessions left before they were ready. */
	if (warm > want && !warming)
		executor_stop(find_warm(p, false));
	share_contexts(p);
	if (warm + warming >= want)
		return NEVER;
	if (now < p->retry_at)
		return p->retry_at;
	for (; warm + warming < want && warming < MAX_WARMING; warming++)
		if (start_one(p) < 0)
			return p->retry_at;
	return NEVER;
}

void pool_stop(struct pool *p)
{
	struct executor *e;

	TAILQ_FOREACH(e, &p->executors, link)
		if (!e->session)
			executor_stop(e);
}

// SPDX-License-Identifier: BSD-2-Clause
#include "backend/session_table.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = { "waiting", "mapping", "running",
				     "stopping", "over" };

const char *session_state_name(enum session_state s)
{
	return names[s];
}

void session_table_init(struct session_table *t)
{
	TAILQ_INIT(&t->list);
	t->live = t->over = 0;
}

struct session *session_table_find(struct session_table *t, const char *sid)
{
	struct session *s;

	TAILQ_FOREACH(s, &t->list, link)
		if (!strcmp(s->sid, sid))
			return s;
	return NULL;
}

struct session *session_table_add(struct session_table *t, const char *sid)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	memcpy(s->sid, sid, strnlen(sid, EXEC_SID_MAX));
	TAILQ_INSERT_TAIL(&t->list, s, link);
	t->live++;
	return s;
}

/* Moved to the tail, so that the first OVER one is the oldest. */
void session_table_over(struct session_table *t, struct session *s)
{
	if (s->state == SESSION_OVER)
		return;
	s->state = SESSION_OVER;
	t->live--;
	t->over++;
	TAILQ_REMOVE(&t->list, s, link);
	TAILQ_INSERT_TAIL(&t->list, s, link);
}

void session_table_drop(struct session_table *t, struct session *s)
{
	if (s->state == SESSION_OVER)
		t->over--;
	else
		t->live--;
	TAILQ_REMOVE(&t->list, s, link);
	free(s);
}

struct session *session_table_oldest_over(struct session_table *t)
{
	struct session *s;

	TAILQ_FOREACH(s, &t->list, link)
		if (s->state == SESSION_OVER)
			return s;
	return NULL;
}

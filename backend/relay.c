// SPDX-License-Identifier: BSD-2-Clause
#include "backend/relay.h"

#include <string.h>

#include "backend/backend.h"
#include "backend/executor.h"
#include "tools/lib/log.h"

static struct session *running(struct device *dev, const char *sid)
{
	struct session *s = session_table_find(&dev->sessions, sid);

	return s && s->state == SESSION_RUNNING ? s : NULL;
}

/* Who does not get an answer has stopped reading, and stops waiting by itself:
 * one request at a time fits into the socket. */
static void answer(struct session *s, uint32_t seq, uint32_t error, int fd)
{
	struct exec_msg m = { .type = EXEC_FETCHED, .seq = seq,
			      .error = error };
	int r = executor_send(s->exec, &m, fd);

	if (r < 0)
		log_warn("%s: its executor does not take an answer: %s",
			 s->sid, strerror(-r));
}

void relay_fetch(struct session *s, const struct exec_msg *m)
{
	struct exec_msg give = { .type = EXEC_GIVE, .seq = m->seq };
	struct session *from = running(s->dev, m->sid);

	if (s->state != SESSION_RUNNING)
		return;
	/* Questions about nobody cost the others as much. */
	if (!bucket_take(&s->dev->fetches, now_ms())) {
		answer(s, m->seq, FETCH_BUSY, -1);
		return;
	}
	if (!from) {
		answer(s, m->seq, FETCH_UNKNOWN, -1);
		return;
	}
	memcpy(give.token, m->token, sizeof(give.token));
	memcpy(give.sid, s->sid, sizeof(give.sid));
	if (executor_send(from->exec, &give, -1) < 0)
		answer(s, m->seq, FETCH_BUSY, -1);
}

void relay_given(struct session *s, const struct exec_msg *m, int fd)
{
	struct session *to = running(s->dev, m->sid);

	if (to)
		answer(to, m->seq, fd < 0 ? FETCH_UNKNOWN : FETCH_OK, fd);
}

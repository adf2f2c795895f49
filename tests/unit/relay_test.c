// SPDX-License-Identifier: BSD-2-Clause
/* File descriptors reach sessions of the same domain only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "backend/backend.h"
#include "backend/executor.h"
#include "backend/relay.h"

/* Two domains; both have a session of the same name. */
static struct device guest1, guest2;
static struct session *asker, *owner, *stranger, *namesake;
static struct executor exec[4];

static struct {
	struct executor *to;
	struct exec_msg m;
	int fd;
	int count;
} sent;
static struct executor *full;  /* its socket takes nothing more */
static uint64_t clock_ms;

int executor_send(struct executor *e, const struct exec_msg *m, int fd)
{
	if (e == full)
		return -EAGAIN;
	sent.to = e;
	sent.m = *m;
	sent.fd = fd;
	sent.count++;
	return 0;
}

uint64_t now_ms(void)
{
	return clock_ms;
}

static struct session *add(struct device *dev, const char *sid,
			   struct executor *e)
{
	struct session *s = session_table_add(&dev->sessions, sid);

	assert_non_null(s);
	s->dev = dev;
	s->exec = e;
	s->state = SESSION_RUNNING;
	return s;
}

static int setup(void **state)
{
	(void)state;
	memset(&sent, 0, sizeof(sent));
	full = NULL;
	clock_ms = 1000;
	session_table_init(&guest1.sessions);
	session_table_init(&guest2.sessions);
	bucket_init(&guest1.fetches, FETCH_RATE, FETCH_BURST, clock_ms);
	bucket_init(&guest2.fetches, FETCH_RATE, FETCH_BURST, clock_ms);
	asker = add(&guest1, "asker", &exec[0]);
	owner = add(&guest1, "owner", &exec[1]);
	stranger = add(&guest2, "stranger", &exec[2]);
	namesake = add(&guest2, "owner", &exec[3]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	session_table_drop(&guest1.sessions, asker);
	session_table_drop(&guest1.sessions, owner);
	session_table_drop(&guest2.sessions, stranger);
	session_table_drop(&guest2.sessions, namesake);
	return 0;
}

static void fetch(struct session *s, const char *from)
{
	struct exec_msg m = { .type = EXEC_FETCH, .seq = 42,
			      .token = { 1, 2, 3 } };

	strcpy(m.sid, from);
	relay_fetch(s, &m);
}

static void given(struct session *s, const char *to, int fd)
{
	struct exec_msg m = { .type = EXEC_GIVEN, .seq = 42 };

	strcpy(m.sid, to);
	relay_given(s, &m, fd);
}

static void is_answer(const struct executor *e, enum exec_fetched error, int fd)
{
	assert_int_equal(sent.count, 1);
	assert_ptr_equal(sent.to, e);
	assert_int_equal(sent.m.type, EXEC_FETCHED);
	assert_int_equal(sent.m.seq, 42);
	assert_int_equal(sent.m.error, error);
	assert_int_equal(sent.fd, fd);
	sent.count = 0;
}

static void there_and_back(void **state)
{
	(void)state;
	fetch(asker, "owner");
	assert_int_equal(sent.count, 1);
	assert_ptr_equal(sent.to, owner->exec);
	assert_int_equal(sent.m.type, EXEC_GIVE);
	assert_int_equal(sent.m.seq, 42);
	assert_string_equal(sent.m.sid, "asker");
	assert_memory_equal(sent.m.token, "\1\2\3", 3);
	assert_int_equal(sent.fd, -1);
	sent.count = 0;
	given(owner, "asker", 77);
	is_answer(asker->exec, FETCH_OK, 77);
	given(owner, "asker", -1);
	is_answer(asker->exec, FETCH_UNKNOWN, -1);
}

/* Whatever names are used: nothing crosses from one domain to the other. */
static void not_between_domains(void **state)
{
	(void)state;
	fetch(stranger, "owner");
	assert_ptr_equal(sent.to, namesake->exec); /* who knows no such token */
	sent.count = 0;
	fetch(stranger, "asker");
	is_answer(stranger->exec, FETCH_UNKNOWN, -1);
	fetch(asker, "stranger");
	is_answer(asker->exec, FETCH_UNKNOWN, -1);
	given(owner, "stranger", 77);
	given(stranger, "asker", 77);
	assert_int_equal(sent.count, 0);
	given(stranger, "owner", 77);
	is_answer(namesake->exec, FETCH_OK, 77);
}

static void only_running_sessions(void **state)
{
	static const enum session_state not[] = {
		SESSION_WAITING, SESSION_MAPPING, SESSION_STOPPING,
		SESSION_OVER
	};

	(void)state;
	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++) {
		owner->state = not[i];
		fetch(asker, "owner");
		is_answer(asker->exec, FETCH_UNKNOWN, -1);
		fetch(owner, "asker");
		given(asker, "owner", 77);
		assert_int_equal(sent.count, 0);
	}
	owner->state = SESSION_RUNNING;
	fetch(asker, "nobody");
	is_answer(asker->exec, FETCH_UNKNOWN, -1);
}

/* Nobody waits for one that does not read; an asker may ask again. */
static void full_sockets(void **state)
{
	(void)state;
	full = owner->exec;
	fetch(asker, "owner");
	is_answer(asker->exec, FETCH_BUSY, -1);
	full = asker->exec;
	given(owner, "asker", 77);
	assert_int_equal(sent.count, 0);
}

/* A flood costs one VM its turn, and no other. */
static void floods(void **state)
{
	(void)state;
	for (int i = 0; i < FETCH_BURST; i++)
		fetch(asker, "owner");
	assert_int_equal(sent.count, FETCH_BURST);
	assert_int_equal(sent.m.type, EXEC_GIVE);
	sent.count = 0;
	fetch(asker, "owner");
	is_answer(asker->exec, FETCH_BUSY, -1);
	fetch(stranger, "stranger");
	assert_int_equal(sent.m.type, EXEC_GIVE);
	clock_ms += 1000;
	fetch(asker, "owner");
	assert_int_equal(sent.m.type, EXEC_GIVE);
}

/* It costs the backend as much to say that somebody is not there. */
static void floods_about_nobody(void **state)
{
	(void)state;
	for (int i = 0; i < FETCH_BURST; i++)
		fetch(asker, "nobody");
	assert_int_equal(sent.m.error, FETCH_UNKNOWN);
	sent.count = 0;
	fetch(asker, "nobody");
	is_answer(asker->exec, FETCH_BUSY, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_and_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(not_between_domains, setup,
						teardown),
		cmocka_unit_test_setup_teardown(only_running_sessions, setup,
						teardown),
		cmocka_unit_test_setup_teardown(full_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(floods, setup, teardown),
		cmocka_unit_test_setup_teardown(floods_about_nobody, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

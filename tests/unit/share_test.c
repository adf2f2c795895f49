// SPDX-License-Identifier: BSD-2-Clause
/*
 * The executor's exported file descriptors, and its questions to the backend,
 * which a thread of this test plays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cuda-exec/exec_internal.h"
#include "tools/lib/passfd.h"

static struct ex ex = { .sid = "me" };
static int backend = -1;

static int setup(void **state)
{
	int pair[2];

	(void)state;
	share_init();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return -1;
	ex.control_fd = pair[0];
	backend = pair[1];
	return 0;
}

/* A descriptor that can be known again: a pipe's end with a byte in it. */
static int marked(char mark)
{
	int p[2];

	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], &mark, 1), 1);
	close(p[1]);
	return p[0];
}

static char mark_of(int fd)
{
	char c = 0;

	assert_int_equal(read(fd, &c, 1), 1);
	return c;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void kept_until_dropped(void **state)
{
	uint8_t one[EXEC_TOKEN], two[EXEC_TOKEN];
	int fd = marked('a'), other = marked('b'), copy;

	(void)state;
	assert_int_equal(share_add(fd, one), CUDA_SUCCESS);
	assert_int_equal(share_add(other, two), CUDA_SUCCESS);
	assert_memory_not_equal(one, two, sizeof(one));
	copy = share_dup(one);
	assert_true(copy >= 0 && copy != fd);
	assert_int_equal(mark_of(copy), 'a');
	close(copy);
	assert_true(share_drop(one));
	assert_false(is_open(fd));
	assert_false(share_drop(one));
	assert_int_equal(share_dup(one), -1);
	assert_int_equal(mark_of(other), 'b');
	assert_true(share_drop(two));
}

/* Any bit of a token counts. */
static void not_guessed(void **state)
{
	uint8_t token[EXEC_TOKEN];

	(void)state;
	assert_int_equal(share_add(marked('a'), token), CUDA_SUCCESS);
	for (int i = 0; i < 8 * EXEC_TOKEN; i++) {
		token[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(share_dup(token), -1);
		assert_false(share_drop(token));
		token[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_true(share_drop(token));
}

static void there_is_a_limit(void **state)
{
	static uint8_t token[EX_SHARES_MAX + 1][EXEC_TOKEN];
	uint32_t n = 0;
	int fd;

	(void)state;
	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
	} while (n <= EX_SHARES_MAX && !share_add(fd, token[n]) && ++n);
	close(fd);
	assert_int_equal(n, EX_SHARES_MAX);
	while (n--)
		assert_true(share_drop(token[n]));
}

/* ---- importing ------------------------------------------------------------ */

static struct exec_msg asked(void)
{
	struct exec_msg m;
	int fd;

	assert_int_equal(passfd_recv(backend, &m, sizeof(m), &fd), sizeof(m));
	assert_int_equal(m.type, EXEC_FETCH);
	assert_int_equal(fd, -1);
	return m;
}

/* What the monitor does with a message of the backend. */
static void tell(uint32_t type, uint32_t seq, uint32_t error, int fd)
{
	struct exec_msg m = { .type = type, .seq = seq, .error = error };

	assert_true(share_message(&ex, &m, &fd));
	if (fd >= 0)
		close(fd);
}

static void *busy_twice_then_good(void *arg)
{
	struct exec_msg m;
	int late = marked('L');

	(void)arg;
	for (int i = 0; i < 2; i++) {
		m = asked();
		tell(EXEC_FETCHED, m.seq, FETCH_BUSY, -1);
	}
	m = asked();
	assert_string_equal(m.sid, "other");
	assert_int_equal(m.token[0], 0x77);
	/* An answer to another question is not ours, and does not stay open. */
	tell(EXEC_FETCHED, m.seq - 1, FETCH_OK, late);
	assert_false(is_open(late));
	tell(EXEC_FETCHED, m.seq, FETCH_OK, marked('x'));
	return NULL;
}

static void asks_again(void **state)
{
	const uint8_t token[EXEC_TOKEN] = { 0x77 };
	pthread_t t;
	int fd;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, busy_twice_then_good, NULL),
			 0);
	fd = share_fetch(&ex, "other", token);
	pthread_join(t, NULL);
	assert_true(fd >= 0);
	assert_int_equal(mark_of(fd), 'x');
	close(fd);
}

static void *unknown(void *arg)
{
	struct exec_msg m = asked();

	(void)arg;
	tell(EXEC_FETCHED, m.seq, FETCH_UNKNOWN, -1);
	return NULL;
}

static void refused(void **state)
{
	const uint8_t token[EXEC_TOKEN] = { 0 };
	pthread_t t;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, unknown, NULL), 0);
	assert_int_equal(share_fetch(&ex, "other", token), -1);
	pthread_join(t, NULL);
}

/* The session's own are found without the backend. */
static void own(void **state)
{
	uint8_t token[EXEC_TOKEN];
	char c;
	int fd;

	(void)state;
	assert_int_equal(share_add(marked('o'), token), CUDA_SUCCESS);
	fd = share_fetch(&ex, "me", token);
	assert_int_equal(mark_of(fd), 'o');
	close(fd);
	assert_int_equal(recv(backend, &c, 1, MSG_DONTWAIT), -1);
	assert_true(share_drop(token));
}

/* ---- exporting ------------------------------------------------------------ */

static void given_when_known(void **state)
{
	struct exec_msg give = { .type = EXEC_GIVE, .seq = 9, .sid = "asker" };
	struct exec_msg m;
	int none = -1, fd;

	(void)state;
	assert_int_equal(share_add(marked('g'), give.token), CUDA_SUCCESS);
	assert_true(share_message(&ex, &give, &none));
	assert_int_equal(passfd_recv(backend, &m, sizeof(m), &fd), sizeof(m));
	assert_int_equal(m.type, EXEC_GIVEN);
	assert_int_equal(m.seq, 9);
	assert_string_equal(m.sid, "asker");
	assert_int_equal(mark_of(fd), 'g');
	close(fd);
	assert_true(share_drop(give.token));
	assert_true(share_message(&ex, &give, &none));
	assert_int_equal(passfd_recv(backend, &m, sizeof(m), &fd), sizeof(m));
	assert_int_equal(m.type, EXEC_GIVEN);
	assert_int_equal(fd, -1);
}

/* More than one descriptor in a message: the rest is closed, not kept. */
static void one_descriptor_a_message(void **state)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} u;
	int pair[2] = { marked('1'), marked('2') }, fd, before;
	struct iovec iov = { (char[]){ "hello" }, 5 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &u, .msg_controllen = sizeof(u) };
	char text[8];

	(void)state;
	u.align = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(pair)),
				    .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&u.align), pair, sizeof(pair));
	assert_int_equal(sendmsg(backend, &h, 0), 5);
	before = open("/dev/null", O_RDONLY);
	close(before);
	assert_int_equal(passfd_recv(ex.control_fd, text, sizeof(text), &fd),
			 5);
	assert_int_equal(fd, before);
	assert_int_equal(mark_of(fd), '1');
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(fd, before);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_until_dropped),
		cmocka_unit_test(not_guessed),
		cmocka_unit_test(there_is_a_limit),
		cmocka_unit_test(asks_again),
		cmocka_unit_test(refused),
		cmocka_unit_test(own),
		cmocka_unit_test(given_when_known),
		cmocka_unit_test(one_descriptor_a_message),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

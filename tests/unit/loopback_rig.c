// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/loopback_rig.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/loopback/client.h"

static pid_t broker;
static char dir[64];

/* Tests lie in tests/unit/ of the build tree, programs in bin/. */
static void program(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);

	assert_true(n > 0);
	path[n] = 0;
	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = 0;
	strncat(path, "/bin/vgpu-loopback", size - strlen(path) - 1);
}

static void start_broker(void)
{
	char path[512], byte;
	int fds[2];

	program(path, sizeof(path));
	assert_int_equal(pipe(fds), 0);
	broker = fork();
	assert_true(broker >= 0);
	if (broker == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		/* The refusals that a test provokes are not its output. */
		if (!getenv("VGPU_TEST_VERBOSE") &&
		    !freopen("/dev/null", "w", stderr))
			_exit(126);
		execl(path, path, "broker", "--dir", dir, NULL);
		_exit(127);
	}
	close(fds[1]);
	/* One byte says that it serves. */
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
}

int rig_control(uint32_t op, uint32_t domid, uint32_t flags)
{
	struct lb_call call = {
		.req.op = op,
		.req.domid = domid,
		.req.flags = flags,
		.send_fd = -1,
	};
	struct lb_conn *c = lb_connect_to(dir, 0, "test", false);
	int err;

	assert_non_null(c);
	err = lb_call(c, &call);
	lb_put(c);
	return err;
}

int rig_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vgpu-unit.XXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("VGPU_LOOPBACK_DIR", dir, 1);
	start_broker();
	assert_int_equal(rig_control(LB_DOMAIN_CREATE, 1, 0), 0);
	assert_int_equal(rig_control(LB_DOMAIN_CREATE, 2, 0), 0);
	return 0;
}

int rig_down(void **state)
{
	int status;

	(void)state;
	kill(broker, SIGTERM);
	assert_int_equal(waitpid(broker, &status, 0), broker);
	/* It must have ended by itself, with everything given back. */
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

void as_domain(uint32_t domid)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", domid);
	setenv("VGPU_DOMID", text, 1);
}

static void show_text(char *text, size_t size)
{
	int fd = -1;
	struct lb_call call = {
		.req.op = LB_SHOW,
		.send_fd = -1,
		.fds = &fd,
		.max_fds = 1,
	};
	struct lb_conn *c = lb_connect_to(dir, 0, "test", false);
	ssize_t n;

	assert_non_null(c);
	assert_int_equal(lb_call(c, &call), 0);
	lb_put(c);
	n = pread(fd, text, size - 1, 0);
	assert_true(n > 0);
	text[n] = 0;
	close(fd);
}

unsigned int held(uint32_t domid, const char *what)
{
	static char text[1 << 20];
	char head[32];
	unsigned int n;
	char *at;

	show_text(text, sizeof(text));
	snprintf(head, sizeof(head), "domain %u ", domid);
	at = strstr(text, head);
	assert_non_null(at);
	at = strstr(at, what);
	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(what), "%u", &n), 1);
	return n;
}

bool becomes(uint32_t domid, const char *what, unsigned int n)
{
	const struct timespec nap = { .tv_nsec = 5 * 1000 * 1000 };

	for (int i = 0; i < 1000; i++) {
		if (held(domid, what) == n)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

pid_t peer_start(void (*body)(struct peer_out *out, const void *arg),
		 const void *arg, struct peer_out *out)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(out, arg);
		if (write(fds[1], out, sizeof(*out)) != sizeof(*out))
			_exit(1);
		for (;;)
			pause();
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], out, sizeof(*out)), sizeof(*out));
	close(fds[0]);
	return pid;
}

void peer_kill(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

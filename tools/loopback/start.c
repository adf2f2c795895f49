// SPDX-License-Identifier: BSD-2-Clause
/* start.c - brings a loopback machine up, takes it down, runs programs in
 * its domains. */
#include "tools/loopback/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"
#include "tools/loopback/client.h"

#define START_TRIES 500 /* of 20 ms */

/* ---- the run-time directory ---- */

static bool make_temporary(char dir[LB_PATH])
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	char mark[LB_PATH + 16];
	int fd;

	if (!base || access(base, W_OK) < 0)
		base = getenv("TMPDIR");
	snprintf(dir, LB_PATH, "%s/vgpu-loopback.XXXXXX",
		 base && *base ? base : "/tmp");
	if (!mkdtemp(dir)) {
		complain("cannot make %s: %m", dir);
		return false;
	}
	/* Tells `stop` that the directory is its to remove. */
	snprintf(mark, sizeof(mark), "%s/temporary", dir);
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		complain("cannot write %s: %m", mark);
		return false;
	}
	close(fd);
	return true;
}

static bool choose_dir(const char *wanted, char dir[LB_PATH])
{
	char *full;
	bool fits;

	if (!wanted)
		wanted = getenv("VGPU_LOOPBACK_DIR");
	if (!wanted || !*wanted)
		return make_temporary(dir);
	if (mkdir(wanted, 0700) < 0 && errno != EEXIST) {
		complain("cannot make %s: %m", wanted);
		return false;
	}
	/* Others run with other working directories. */
	full = realpath(wanted, NULL);
	fits = full && snprintf(dir, LB_PATH, "%s", full) < LB_PATH;
	if (!fits)
		complain("cannot use %s as run-time directory: %m", wanted);
	free(full);
	return fits;
}

static void remove_below(const char *dir, const char *name)
{
	char path[LB_PATH + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (remove(path) < 0 && errno != ENOENT)
		complain("cannot remove %s: %m", path);
}

/* The log stays, unless the whole directory was ours. */
static void clean_dir(const char *dir)
{
	char mark[LB_PATH + 16];

	remove_below(dir, "store/socket");
	remove_below(dir, "store/xenstored.pid");
	remove_below(dir, "store/tdb");
	remove_below(dir, "store");
	remove_below(dir, "broker");
	snprintf(mark, sizeof(mark), "%s/temporary", dir);
	if (access(mark, F_OK) < 0)
		return;
	remove_below(dir, "log");
	remove_below(dir, "temporary");
	if (rmdir(dir) < 0)
		complain("cannot remove %s: %m", dir);
}

/* ---- start ---- */

static void show_log(const char *dir)
{
	char path[LB_PATH + 8], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", dir);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		fprintf(stderr, "vgpu-loopback:   %s", line);
	fclose(f);
}

/* The caller's standard output must not stay open in the daemon: somebody
 * reads it to its end. */
static bool detach(const char *dir)
{
	char path[LB_PATH + 8];
	AUTO_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	AUTO_FD int log = -1;

	snprintf(path, sizeof(path), "%s/log", dir);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC,
		   0600);
	if (null < 0 || log < 0) {
		complain("cannot open %s: %m", log < 0 ? path : "/dev/null");
		return false;
	}
	setsid();
	return dup2(null, 0) == 0 && dup2(log, 1) == 1 && dup2(log, 2) == 2 &&
	       chdir("/") == 0;
}

/* In a grandchild, so that nobody has to reap it. */
static void spawn_broker(struct broker_args *a, const int pipe_fds[2])
{
	pid_t pid = fork();

	if (pid > 0)
		_exit(0);
	close(pipe_fds[0]);
	if (pid < 0 || !detach(a->dir))
		_exit(1);
	a->ready_fd = pipe_fds[1];
	log_open("vgpu-loopback", LOG_INFO);
	_exit(broker_main(a));
}

static bool start_broker(struct broker_args *a)
{
	int fds[2];
	char byte;
	pid_t pid;
	bool ok;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		spawn_broker(a, fds);
	close(fds[1]);
	ok = pid > 0 && waitpid(pid, NULL, 0) == pid &&
	     read(fds[0], &byte, 1) == 1;
	close(fds[0]);
	if (!ok) {
		complain("the broker did not start:");
		show_log(a->dir);
	}
	return ok;
}

static struct xs_handle *wait_for_store(void)
{
	const struct timespec nap = { .tv_nsec = 20 * 1000 * 1000 };
	uint32_t running = 1;

	for (int i = 0; i < START_TRIES; i++) {
		struct xs_handle *xs = xs_open(XS_OPEN_SOCKETONLY);

		if (xs)
			return xs;
		if (control(LB_STORE_STATUS, 0, 0, &running) < 0 || !running)
			break;
		nanosleep(&nap, NULL);
	}
	complain(running ? "xenstored does not answer:" :
			   "xenstored ended at once:");
	return NULL;
}

static bool put(struct xs_handle *xs, const char *path, const char *value)
{
	if (xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value)))
		return true;
	complain("cannot write %s: %m", path);
	return false;
}

static bool fill_store(const char *dir)
{
	struct xs_handle *xs;
	bool ok;

	if (setenv("VGPU_LOOPBACK_DIR", dir, 1) < 0 || !set_store_path(dir))
		return false;
	xs = wait_for_store();
	ok = xs && put(xs, "/local/domain/0/domid", "0") &&
	     put(xs, "/local/domain/0/name", "Domain-0");
	if (xs)
		xs_close(xs);
	else
		show_log(dir);
	return ok;
}

static bool is_running(const char *dir)
{
	struct lb_conn *c = lb_connect_to(dir, 0, "", true);

	if (!c)
		return false;
	lb_put(c);
	complain("a loopback machine runs in %s already; stop it first", dir);
	return true;
}

static bool start_args(int argc, char **argv, const char **dir)
{
	*dir = NULL;
	if (argc == 3 && !strcmp(argv[1], "--dir"))
		*dir = argv[2];
	if (argc == 1 || *dir)
		return true;
	complain("usage: vgpu-loopback %s [--dir DIR]", argv[0]);
	return false;
}

int cmd_start(int argc, char **argv)
{
	char dir[LB_PATH], libs[LB_PATH], xenstored[LB_PATH];
	struct broker_args a = {
		.dir = dir, .libs = libs, .xenstored = xenstored
	};
	const char *wanted;

	if (!start_args(argc, argv, &wanted) || !find_libs(libs) ||
	    !find_xenstored(xenstored) || !choose_dir(wanted, dir) ||
	    is_running(dir))
		return 1;
	if (!start_broker(&a) || !fill_store(dir)) {
		/* Where nothing runs there is nothing to stop. */
		control_stop(dir);
		clean_dir(dir);
		return 1;
	}
	print_env(dir, libs);
	return 0;
}

/* ---- stop, env, run ---- */

int cmd_stop(int argc, char **argv)
{
	const char *dir;
	int err;

	if (!start_args(argc, argv, &dir) || (!dir && !running_dir(&dir)))
		return 1;
	err = control_stop(dir);
	if (err) {
		complain("cannot stop what runs in %s: %s", dir,
			 strerror(-err));
		return 1;
	}
	clean_dir(dir);
	return 0;
}

int cmd_env(int argc, char **argv)
{
	char libs[LB_PATH];
	const char *dir;

	(void)argc;
	(void)argv;
	if (!running_dir(&dir) || !find_libs(libs))
		return 1;
	print_env(dir, libs);
	return 0;
}

static bool prepend_libs(void)
{
	const char *old = getenv("LD_LIBRARY_PATH");
	char libs[LB_PATH], path[4 * LB_PATH];

	if (!find_libs(libs))
		return false;
	snprintf(path, sizeof(path), "%s%s%s", libs, old && *old ? ":" : "",
		 old ? old : "");
	return setenv("LD_LIBRARY_PATH", path, 1) == 0;
}

int cmd_run(int argc, char **argv)
{
	int cmd = argc > 2 && !strcmp(argv[2], "--") ? 3 : 2;
	const char *dir;
	uint32_t domid;

	if (argc <= cmd) {
		complain("usage: vgpu-loopback run DOMID [--] COMMAND...");
		return 1;
	}
	if (!parse_domid(argv[1], &domid) || !running_dir(&dir) ||
	    !set_store_path(dir) || !prepend_libs() ||
	    setenv("VGPU_DOMID", argv[1], 1) < 0)
		return 1;
	execvp(argv[cmd], &argv[cmd]);
	complain("cannot run %s: %m", argv[cmd]);
	return errno == ENOENT ? 127 : 126;
}

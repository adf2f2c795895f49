// SPDX-License-Identifier: BSD-2-Clause
/*
 * store.c - Debian's xenstored as the broker's child.
 *
 * It asks the kernel for domain 0's ring under /proc/xen, so it gets a mount
 * namespace of its own, in which /proc is a tmpfs with just those two files.
 * Where we are not root, a user namespace makes that legal.
 */
#include "tools/loopback/broker.h"
#include "tools/loopback/loopback.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"

static pid_t store_pid;

__attribute__((noreturn, format(printf, 1, 2))) static void
die(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("xenstored cannot start: %s: %m", text);
	_exit(1);
}

static void put_file(const char *path, const char *text, size_t size)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len ||
	    (size && ftruncate(fd, (off_t)size) < 0))
		die("writing %s", path);
}

static void become_root_of_ours(void)
{
	char map[64];
	unsigned int uid = geteuid(), gid = getegid();

	if (uid == 0)
		return;
	if (unshare(CLONE_NEWUSER) < 0)
		die("no user namespace (run as root, or allow "
		    "unprivileged user namespaces)");
	put_file("/proc/self/setgroups", "deny", 0);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put_file("/proc/self/uid_map", map, 0);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put_file("/proc/self/gid_map", map, 0);
}

static void fake_proc(uint32_t port)
{
	char text[16];

	if (unshare(CLONE_NEWNS) < 0)
		die("no mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("making mounts private");
	if (mount("vgpu-loopback", "/proc", "tmpfs", 0, "size=64k") < 0)
		die("mounting over /proc");
	if (mkdir("/proc/xen", 0700) < 0)
		die("making /proc/xen");
	snprintf(text, sizeof(text), "%u", port);
	put_file("/proc/xen/xsd_port", text, 0);
	put_file("/proc/xen/xsd_kva", "", LB_PAGE);
}

static void set_env(const struct broker_args *a)
{
	char path[512];

	if (setenv("VGPU_LOOPBACK_DIR", a->dir, 1) < 0 ||
	    setenv("LD_LIBRARY_PATH", a->libs, 1) < 0 ||
	    setenv("VGPU_DOMID", "0", 1) < 0)
		die("setting the environment");
	snprintf(path, sizeof(path), "%s/store", a->dir);
	if (setenv("XENSTORED_RUNDIR", path, 1) < 0 ||
	    setenv("XENSTORED_ROOTDIR", path, 1) < 0)
		die("setting the environment");
	if (unsetenv("XENSTORED_PATH") < 0)
		die("setting the environment");
}

static void child(const struct broker_args *a, uint32_t port)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A store without its hypervisor serves nobody. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	set_env(a);
	become_root_of_ours();
	fake_proc(port);
	execl(a->xenstored, "xenstored", "--no-fork", "--internal-db=on", NULL);
	die("executing %s", a->xenstored);
}

int store_start(const struct broker_args *a, uint32_t port)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/store", a->dir);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	store_pid = fork();
	if (store_pid < 0)
		return -errno;
	if (store_pid == 0)
		child(a, port);
	return 0;
}

bool store_running(void)
{
	return store_pid > 0;
}

void store_reaped(pid_t pid, int status)
{
	if (pid != store_pid)
		return;
	store_pid = 0;
	if (!broker_stopping)
		log_error("xenstored ended by itself (%s %d)",
			  WIFSIGNALED(status) ? "signal" : "status",
			  WIFSIGNALED(status) ? WTERMSIG(status) :
						WEXITSTATUS(status));
}

/* Its whole state is in memory, so there is nothing to end in order. */
void store_stop(void)
{
	if (store_pid <= 0)
		return;
	kill(store_pid, SIGKILL);
	while (waitpid(store_pid, NULL, 0) < 0 && errno == EINTR)
		;
	store_pid = 0;
}

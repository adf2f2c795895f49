// SPDX-License-Identifier: BSD-2-Clause
#include "backend/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/limits.h"
#include "tools/lib/cleanup.h"

#define CONTROL_FD 3

extern char **environ;

/* Only async-signal-safe calls: libxenstore has a thread of its own. */
static void close_above(int last)
{
	if (syscall(SYS_close_range, (unsigned int)last + 1, ~0u, 0) == 0)
		return;
	/* Linux before 5.9, as XCP-ng's: ours are all O_CLOEXEC, and these
	 * are what a library may have opened without. */
	for (int fd = last + 1; fd < 1024; fd++)
		close(fd);
}

/* When the host has no memory left, the kernel ends an executor, whose guest
 * may have taken it all, rather than what all VMs need. Where this cannot be
 * said there is no choice, and nobody to tell. */
static void first_to_go(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "800", 3) < 0)
		(void)errno;
	close(fd);
}

/* It may be a guest's doing that one crashes, any number of times: its memory
 * and the GPU's would fill the host's disk. */
static void no_core(void)
{
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

static void child(char **argv, char **env, int control, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setpgid(0, 0);
	first_to_go();
	no_core();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(126);
	/* When control is 3 already, dup2 would leave its O_CLOEXEC set. */
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    (control == CONTROL_FD ? fcntl(control, F_SETFD, 0) :
				     dup2(control, CONTROL_FD)) < 0)
		_exit(126);
	close_above(CONTROL_FD);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execve(argv[0], argv, env);
	_exit(127);
}

static bool is_var(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(entry, name, n) && entry[n] == '=';
}

/* Ours and the cache's place, and its size unless the administrator has set
 * one. Made before the fork, since setenv(3) takes locks. */
static char **environment(char *path, char *size)
{
	size_t n = 0, k = 0;
	char **env;

	while (environ && environ[n])
		n++;
	env = calloc(n + 3, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (is_var(environ[i], "CUDA_CACHE_PATH"))
			continue;
		if (is_var(environ[i], "CUDA_CACHE_MAXSIZE"))
			size = NULL;
		env[k++] = environ[i];
	}
	env[k++] = path;
	env[k++] = size;
	return env;
}

int spawn_executor(const char *program, const char *driver,
		   const char *log_level, const char *cache, int control,
		   pid_t *ret)
{
	char path[SENTENCE_MAX], size[48];

	char *argv[] = { (char *)program,      "--driver",
			 (char *)driver,       "--control-fd",
			 "3",		       "--log-level",
			 (char *)log_level,    NULL };
	pid_t parent = getpid(), pid;
	AUTO_FREE char **env = NULL;

	snprintf(path, sizeof(path), "CUDA_CACHE_PATH=%s", cache);
	snprintf(size, sizeof(size), "CUDA_CACHE_MAXSIZE=%llu",
		 JIT_CACHE_BYTES);
	env = environment(path, size);
	if (!env)
		return -ENOMEM;
	/* Said here, where errno can be told; exec may still fail later. */
	if (access(program, X_OK) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child(argv, env, control, parent);
	setpgid(pid, pid); /* whoever is first; killing the group must work */
	*ret = pid;
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "backend/executor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/parse.h"
#include "backend/relay.h"
#include "backend/session.h"
#include "backend/spawn.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"
#include "tools/lib/passfd.h"

static void receive(struct source *src, uint32_t events);

int executor_pid(const struct executor *e)
{
	return (int)e->pid;
}

int executor_spawn(struct backend *b, struct executor **ret)
{
	char cache[SENTENCE_MAX];
	int sv[2], r;
	struct executor *e;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, sv) < 0)
		return -errno;
	AUTO_FD int ours = sv[0], theirs = sv[1];

	/* The executor waits in recv(2); only our end must never block. */
	if (fcntl(theirs, F_SETFL, 0) < 0)
		return -errno;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->b = b;
	e->src = (struct source){ ours, receive };
	e->deadline = now_ms() + WARMUP_MS;
	jit_cache_path(&b->jit, cache, &e->cache);
	r = spawn_executor(b->opt.exec, b->opt.driver, b->opt.log_level, cache,
			   theirs, &e->pid);
	if (r == 0)
		r = loop_add(&b->loop, &e->src, EPOLLIN);
	if (r < 0) {
		if (e->pid > 0)
			kill(-e->pid, SIGKILL); /* reaped as a stranger */
		free(e);
		return r;
	}
	(void)fd_take(&ours);
	TAILQ_INSERT_TAIL(&b->pool.executors, e, link);
	*ret = e;
	return 0;
}

static void hang_up(struct executor *e)
{
	if (e->src.fd < 0)
		return;
	loop_remove(&e->b->loop, &e->src);
	close(e->src.fd);
	e->src.fd = -1;
}

static void dying(struct executor *e, uint64_t limit_ms)
{
	e->state = EXECUTOR_DYING;
	e->deadline = now_ms() + limit_ms;
}

int executor_send(struct executor *e, const struct exec_msg *m, int fd)
{
	return e->src.fd < 0 ? -EPIPE :
			       passfd_send(e->src.fd, m, sizeof(*m), fd);
}

void executor_kill(struct executor *e, const char *why)
{
	if (e->killed)
		return;
	log_warn("executor %d killed: %s", (int)e->pid, why);
	snprintf(e->why, sizeof(e->why), "killed: %s", why);
	e->killed = true;
	/* Its group has its helpers; the leader is named in case it is not
	 * there yet. */
	kill(-e->pid, SIGKILL);
	kill(e->pid, SIGKILL);
	dying(e, KILL_MS);
}

void executor_detach(struct executor *e)
{
	e->session = NULL;
	/* It served one guest process and may not serve another one. */
	if (e->state != EXECUTOR_DYING)
		executor_stop(e);
}

void executor_stop(struct executor *e)
{
	struct exec_msg m = { .type = EXEC_STOP };

	if (e->state == EXECUTOR_DYING)
		return;
	e->told = true;
	dying(e, STOP_MS);
	if (executor_send(e, &m, -1) < 0)
		executor_kill(e, "it cannot be told to stop");
}

void executor_context(struct executor *e, bool hold)
{
	struct exec_msg m = { .type = EXEC_CONTEXT, .error = hold };

	e->context = hold;
	log_debug("executor %d is asked to %s a context", (int)e->pid,
		  hold ? "hold" : "let go of");
	if (executor_send(e, &m, -1) < 0)
		executor_kill(e, "it cannot be told about its context");
}

/* --- counters ------------------------------------------------------------ */

/* Sealed, so that an executor cannot shrink it under our reading. */
static int stats_make(int *ret_fd, const struct exec_stats **ret)
{
	AUTO_FD int fd = memfd_create("vgpu-stats",
				      MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *p;

	if (fd < 0 || ftruncate(fd, sizeof(struct exec_stats)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
		    0)
		return -errno;
	p = mmap(NULL, sizeof(struct exec_stats), PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	*ret_fd = fd_take(&fd);
	return 0;
}

void executor_stats_unmap(const struct exec_stats *stats)
{
	munmap((void *)(uintptr_t)stats, sizeof(*stats));
}

int executor_assign(struct executor *e, struct session *s,
		    const struct exec_msg *m, const struct exec_stats **stats)
{
	AUTO_FD int fd = -1;
	int r;

	e->session = s;
	e->used = true;
	e->state = EXECUTOR_BUSY;
	e->deadline = NEVER;
	if (s->dev->vm)
		jit_cache_give(&e->b->jit, e->cache, &s->dev->vm->id);
	r = stats_make(&fd, stats);
	if (r == 0)
		r = executor_send(e, m, fd);
	return r;
}

/* --- messages ------------------------------------------------------------ */

static void on_end(struct executor *e, const struct exec_msg *m)
{
	struct session *s = e->session;
	uint32_t code = m->error;

	e->told = true;
	dying(e, EXIT_MS);
	/* OK is no reason to end, and only what error.def knows is passed on. */
	if (code == VGPU_E_OK || code > VGPU_E_TIMEOUT)
		code = VGPU_E_EXEC_DIED;
	if (s)
		session_end(s, code, m->text);
	else if (m->type == EXEC_FAILED)
		pool_failed(&e->b->pool, code, m->text);
}

static void on_message(struct executor *e, const struct exec_msg *m, int fd)
{
	if (m->type == EXEC_HELLO && e->state == EXECUTOR_WARMING) {
		e->state = EXECUTOR_WARM;
		e->hello = true;
		e->deadline = NEVER;
		pool_warm(&e->b->pool, e, m);
	} else if (m->type == EXEC_READY && e->state == EXECUTOR_BUSY) {
		session_ready(e->session);
	} else if (m->type == EXEC_FAILED || m->type == EXEC_ENDED) {
		on_end(e, m);
	} else if (m->type == EXEC_FETCH && e->state == EXECUTOR_BUSY) {
		relay_fetch(e->session, m);
	} else if (m->type == EXEC_GIVEN && e->state == EXECUTOR_BUSY) {
		relay_given(e->session, m, fd);
	} else if (e->state != EXECUTOR_DYING) {
		/* READY may cross a STOP; anything else is a broken program. */
		executor_kill(e, "it sent a message out of turn");
	}
}

/* Returns false when nothing is left to read. */
static bool receive_one(struct executor *e)
{
	AUTO_FD int fd = -1;
	struct exec_msg m;
	char raw[sizeof(m.text)];
	ssize_t n;

	if (e->src.fd < 0)
		return false;
	n = passfd_recv(e->src.fd, &m, sizeof(m), &fd);
	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n <= 0) {
		hang_up(e);
		if (e->state != EXECUTOR_DYING)
			dying(e, EXIT_MS); /* SIGCHLD tells how */
		return false;
	}
	if (n != sizeof(m)) {
		executor_kill(e, "it sent a message of another size: vgpu-exec and vgpu-backend are of different releases");
		return true;
	}
	m.text[sizeof(m.text) - 1] = 0;
	memcpy(raw, m.text, sizeof(raw));
	copy_printable(m.text, sizeof(m.text), raw);
	m.sid[EXEC_SID_MAX] = 0;
	on_message(e, &m, fd);
	return true;
}

static void receive(struct source *src, uint32_t events)
{
	struct executor *e = container_of(src, struct executor, src);

	(void)events;
	(void)receive_one(e);
}

/* --- end ----------------------------------------------------------------- */

static void describe(char *text, size_t size, const struct executor *e,
		     int status)
{
	if (e->killed)
		snprintf(text, size, "%s", e->why);
	else if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 127)
		snprintf(text, size, "the program %.100s could not be run",
			 e->b->opt.exec);
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

static void died(struct executor *e, const char *text)
{
	/* A kill was said when it was done. */
	log_line(e->killed ? LOG_TRACE : LOG_ERROR, "executor %d died: %s",
		 (int)e->pid, text);
	if (e->session)
		session_end(e->session, VGPU_E_EXEC_DIED, text);
	else if (!e->hello)
		pool_failed(&e->b->pool, VGPU_E_EXEC_DIED, text);
	else if (!e->used)
		pool_pause(&e->b->pool);
}

static void ended(struct executor *e, int status)
{
	char text[192];

	/* What it said last may still be on its way to us. */
	while (receive_one(e))
		;
	hang_up(e);
	e->state = EXECUTOR_DYING; /* its pid may be another's by now */
	describe(text, sizeof(text), e, status);
	TAILQ_REMOVE(&e->b->pool.executors, e, link);
	jit_cache_take(&e->b->jit, e->cache);
	if (e->told && !e->killed)
		log_info("executor %d ended: %s", (int)e->pid, text);
	else
		died(e, text);
	if (e->session) /* it was told to stop and did so without a word */
		session_end(e->session, VGPU_E_CLOSED, NULL);
	free(e);
}

static struct executor *by_pid(struct backend *b, pid_t pid)
{
	struct executor *e;

	TAILQ_FOREACH(e, &b->pool.executors, link)
		if (e->pid == pid)
			return e;
	return NULL; /* its start failed half way */
}

void executors_reap(struct backend *b)
{
	struct executor *e;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		e = by_pid(b, pid);
		if (e)
			ended(e, status);
	}
}

static void late(struct executor *e)
{
	switch (e->state) {
	case EXECUTOR_WARMING:
		executor_kill(e, "it did not get ready in time");
		return;
	case EXECUTOR_DYING:
		if (!e->killed) {
			executor_kill(e, "it did not end in time");
			return;
		}
		log_error("executor %d does not die: the host's driver may hang in the kernel",
			  (int)e->pid);
		e->deadline = now_ms() + KILL_MS;
		return;
	default:
		return;
	}
}

uint64_t executors_tick(struct backend *b, uint64_t now)
{
	uint64_t next = NEVER;
	struct executor *e;

	TAILQ_FOREACH(e, &b->pool.executors, link) {
		if (e->deadline <= now)
			late(e);
		next = earlier(next, e->deadline);
	}
	return next;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * share.c - the driver's file descriptors that other processes of the VM may
 * ask for.
 *
 * What this session exports is kept here under a random token until the guest
 * says that its program has closed the descriptor that stands for it; so the
 * backend holds nothing that a guest could pile up, and memory is free again
 * when the guest's call returns. The monitor's thread gives descriptors out,
 * whatever the ring's thread is busy with. See xenstore-schema/exec.h.
 */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include "tools/lib/passfd.h"

#define BUCKETS 1024u

/* How long an import waits for backend and exporter together. */
#define FETCH_MS 5000
/* ... and before it asks a busy one again. */
#define RETRY_NS 10000000

struct share {
	struct share *next;
	uint8_t token[EXEC_TOKEN];
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct share *bucket[BUCKETS];
static uint32_t nshares;

/* The request in work; there is one at a time. */
static struct {
	pthread_cond_t came;
	uint32_t seq;
	bool open;             /* asked, no answer yet */
	uint32_t error;        /* enum exec_fetched */
	int fd;
} want = { .came = PTHREAD_COND_INITIALIZER, .fd = -1 };

/* Exports need descriptors beyond what a shell's limit gives; the rest is for
 * the driver. */
void share_init(void)
{
	const rlim_t want_files = EX_SHARES_MAX + 4096;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= want_files)
		return;
	r.rlim_cur = want_files < r.rlim_max ? want_files : r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r))
		log_warn("the limit of open files stays: %s", strerror(errno));
}

/* ---- what is exported -------------------------------------------------- */

/* The tokens are random themselves. */
static struct share **place(const uint8_t *token)
{
	uint32_t i;

	memcpy(&i, token, sizeof(i));
	return &bucket[i % BUCKETS];
}

static struct share **find(const uint8_t *token)
{
	struct share **p = place(token);

	while (*p && memcmp((*p)->token, token, EXEC_TOKEN))
		p = &(*p)->next;
	return p;
}

CUresult share_add(int fd, uint8_t token[EXEC_TOKEN])
{
	static bool said;
	struct share *s, **p;

	if (nshares >= EX_SHARES_MAX) {
		if (!said)
			log_warn("this session exports %u file descriptors, "
				 "and may not export more", nshares);
		said = true;
		return CUDA_ERROR_OPERATING_SYSTEM;
	}
	s = malloc(sizeof(*s));
	if (!s || getrandom(s->token, EXEC_TOKEN, 0) != EXEC_TOKEN) {
		free(s);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	s->fd = fd;
	memcpy(token, s->token, EXEC_TOKEN);
	pthread_mutex_lock(&lock);
	p = place(token);
	s->next = *p;
	*p = s;
	nshares++;
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

bool share_drop(const uint8_t token[EXEC_TOKEN])
{
	struct share *s, **p;

	pthread_mutex_lock(&lock);
	p = find(token);
	s = *p;
	if (s) {
		*p = s->next;
		nshares--;
	}
	pthread_mutex_unlock(&lock);
	if (!s)
		return false;
	close(s->fd);
	free(s);
	return true;
}

/* A descriptor of the caller's own, or -1. */
int share_dup(const uint8_t token[EXEC_TOKEN])
{
	struct share *s;
	int fd = -1;

	pthread_mutex_lock(&lock);
	s = *find(token);
	if (s)
		fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	pthread_mutex_unlock(&lock);
	return fd;
}

/* ---- what is imported -------------------------------------------------- */

static void deadline(struct timespec *t)
{
	clock_gettime(CLOCK_REALTIME, t);
	t->tv_sec += FETCH_MS / 1000;
}

/* With the lock held: one question and its answer. */
static enum exec_fetched ask(struct ex *e, struct exec_msg *m, int *fd,
			     const struct timespec *until)
{
	int r;

	m->seq = ++want.seq;
	want.open = true;
	r = -passfd_send(e->control_fd, m, sizeof(*m), -1);
	while (!r && want.open)
		r = pthread_cond_timedwait(&want.came, &lock, until);
	if (r && want.open) {
		want.open = false;
		log_warn("session %s: no answer to an import: %s", e->sid,
			 strerror(r));
		return FETCH_UNKNOWN;
	}
	*fd = want.fd;
	want.fd = -1;
	return (enum exec_fetched)want.error;
}

int share_fetch(struct ex *e, const char *sid, const uint8_t token[EXEC_TOKEN])
{
	struct exec_msg m = { .type = EXEC_FETCH };
	const struct timespec nap = { 0, RETRY_NS };
	enum exec_fetched got;
	struct timespec until;
	int fd = -1;

	if (!strcmp(sid, e->sid))
		return share_dup(token);
	memcpy(m.sid, sid, strnlen(sid, EXEC_SID_MAX));
	memcpy(m.token, token, EXEC_TOKEN);
	deadline(&until);
	for (int i = 0; i < FETCH_MS / (RETRY_NS / 1000000); i++) {
		pthread_mutex_lock(&lock);
		got = ask(e, &m, &fd, &until);
		pthread_mutex_unlock(&lock);
		if (got != FETCH_BUSY)
			break;
		nanosleep(&nap, NULL);
	}
	return fd;
}

/* ---- the monitor's side ------------------------------------------------ */

/* Another process of the VM asks for what we export. */
static void give(struct ex *e, const struct exec_msg *asked)
{
	struct exec_msg m = { .type = EXEC_GIVEN, .seq = asked->seq };
	AUTO_FD int fd = share_dup(asked->token);
	int r;

	memcpy(m.sid, asked->sid, sizeof(m.sid));
	r = passfd_send(e->control_fd, &m, sizeof(m), fd);
	if (r)
		log_warn("session %s: an export cannot be given: %s", e->sid,
			 strerror(-r));
}

/* The answer to our own question, unless we wait no longer. */
static void fetched(const struct exec_msg *m, int *fd)
{
	pthread_mutex_lock(&lock);
	if (want.open && m->seq == want.seq) {
		want.open = false;
		want.error = m->error;
		want.fd = fd_take(fd);
		pthread_cond_signal(&want.came);
	}
	pthread_mutex_unlock(&lock);
}

bool share_message(struct ex *e, const struct exec_msg *m, int *fd)
{
	if (m->type == EXEC_GIVE)
		give(e, m);
	else if (m->type == EXEC_FETCHED)
		fetched(m, fd);
	else
		return false;
	return true;
}

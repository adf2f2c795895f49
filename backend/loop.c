// SPDX-License-Identifier: BSD-2-Clause
#include "backend/loop.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int loop_open(struct loop *l)
{
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	return l->epfd < 0 ? -errno : 0;
}

void loop_close(struct loop *l)
{
	if (l->epfd >= 0)
		close(l->epfd);
	l->epfd = -1;
}

static int control(struct loop *l, int op, struct source *s, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	return epoll_ctl(l->epfd, op, s->fd, &e) < 0 ? -errno : 0;
}

int loop_add(struct loop *l, struct source *s, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, s, events);
}

int loop_change(struct loop *l, struct source *s, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, s, events);
}

void loop_remove(struct loop *l, struct source *s)
{
	(void)control(l, EPOLL_CTL_DEL, s, 0);
}

static int timeout(uint64_t until)
{
	uint64_t now = now_ms();

	if (until == NEVER)
		return -1;
	if (until <= now)
		return 0;
	return until - now > 60000 ? 60000 : (int)(until - now);
}

int loop_turn(struct loop *l, uint64_t until)
{
	struct epoll_event e;
	int n = epoll_wait(l->epfd, &e, 1, timeout(until));

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 1) {
		struct source *s = e.data.ptr;

		s->ready(s, e.events);
	}
	return 0;
}

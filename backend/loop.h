/* SPDX-License-Identifier: BSD-2-Clause */
/* loop.h - epoll with one callback per descriptor, and the clock. */
#ifndef VGPU_LOOP_H
#define VGPU_LOOP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct source {
	int fd;
	void (*ready)(struct source *s, uint32_t events);
};

struct loop {
	int epfd;
};

int loop_open(struct loop *l);
void loop_close(struct loop *l);
int loop_add(struct loop *l, struct source *s, uint32_t events);
int loop_change(struct loop *l, struct source *s, uint32_t events);
void loop_remove(struct loop *l, struct source *s);

/* Wait for one event until @until (ms, UINT64_MAX: no limit) and serve it.
 * One at a time: a callback may free any other source, and epoll hands ready
 * descriptors out in turn, so a busy one cannot starve the rest. */
int loop_turn(struct loop *l, uint64_t until);

uint64_t now_ms(void); /* monotonic */

static inline uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#define NEVER UINT64_MAX

#endif

// SPDX-License-Identifier: BSD-2-Clause
#include "backend/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/backend.h"
#include "tools/lib/log.h"

/* Reads up to a newline, then writes; never waits for its peer. */
struct client {
	TAILQ_ENTRY(client) link;
	struct source src;
	struct backend *b;
	uint64_t deadline;
	size_t got;
	char in[MAX_REQUEST];
	char *out; /* NULL while reading */
	size_t out_len, out_done;
};

static void client_drop(struct client *c)
{
	struct control *ctl = &c->b->control;

	loop_remove(&c->b->loop, &c->src);
	close(c->src.fd);
	TAILQ_REMOVE(&ctl->clients, c, link);
	ctl->count--;
	free(c->out);
	free(c);
}

static void client_write(struct client *c)
{
	ssize_t n = send(c->src.fd, c->out + c->out_done,
			 c->out_len - c->out_done, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= 0)
		c->out_done += (size_t)n;
	if (n < 0 || c->out_done == c->out_len)
		client_drop(c);
}

static json_t *parse_and_answer(struct client *c)
{
	json_error_t e;
	json_t *request = json_loadb(c->in, c->got, JSON_REJECT_DUPLICATES, &e);
	json_t *answer;

	if (!request)
		return json_pack("{s:b, s:s}", "ok", 0, "error",
				 "the request is no JSON object in one line");
	answer = control_answer(c->b, request);
	json_decref(request);
	return answer;
}

static void client_answer(struct client *c, json_t *answer)
{
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	if (text) {
		c->out_len = strlen(text) + 1;
		c->out = realloc(text, c->out_len + 1);
		if (!c->out)
			free(text);
	}
	if (!c->out) {
		log_error("control socket: no memory for an answer");
		client_drop(c);
		return;
	}
	c->out[c->out_len - 1] = '\n';
	if (loop_change(&c->b->loop, &c->src, EPOLLOUT) < 0)
		client_drop(c);
}

static void client_read(struct client *c)
{
	ssize_t n = recv(c->src.fd, c->in + c->got, sizeof(c->in) - c->got, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_drop(c);
		return;
	}
	c->got += (size_t)n;
	if (memchr(c->in, '\n', c->got))
		client_answer(c, parse_and_answer(c));
	else if (c->got == sizeof(c->in))
		client_answer(c, json_pack("{s:b, s:s}", "ok", 0, "error",
					   "the request is too long"));
}

static void client_ready(struct source *s, uint32_t events)
{
	struct client *c = container_of(s, struct client, src);

	if (c->out)
		client_write(c);
	else if (events & EPOLLIN)
		client_read(c);
	else
		client_drop(c);
}

static void take_client(struct backend *b, int fd)
{
	struct client *c = NULL;

	if (b->control.count < MAX_CLIENTS)
		c = calloc(1, sizeof(*c));
	if (!c) {
		log_warn("control socket: more than %d clients at once, one is refused",
			 MAX_CLIENTS);
		close(fd);
		return;
	}
	c->b = b;
	c->src = (struct source){ fd, client_ready };
	c->deadline = now_ms() + CLIENT_MS;
	TAILQ_INSERT_TAIL(&b->control.clients, c, link);
	b->control.count++;
	if (loop_add(&b->loop, &c->src, EPOLLIN) < 0)
		client_drop(c);
}

static void listener_ready(struct source *s, uint32_t events)
{
	struct backend *b = container_of(s, struct backend, control.src);
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0)
		take_client(b, fd);
}

/* The lock file says that a socket file already there is a dead one's. */
static int bind_socket(struct control *ctl, int fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t old;
	int r;

	memcpy(a.sun_path, ctl->path, strlen(ctl->path) + 1);
	if (unlink(ctl->path) < 0 && errno != ENOENT)
		return -errno;
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
	umask(old);
	if (r == 0 && listen(fd, MAX_CLIENTS) < 0)
		r = -errno;
	return r;
}

int control_open(struct backend *b)
{
	struct control *ctl = &b->control;
	int fd, r;

	TAILQ_INIT(&ctl->clients);
	if (snprintf(ctl->path, sizeof(ctl->path), "%s/control.sock",
		     b->opt.run_dir) >= (int)sizeof(ctl->path)) {
		log_error("--run-dir=%s is too long for a socket's path",
			  b->opt.run_dir);
		ctl->path[0] = 0;
		return -ENAMETOOLONG;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	ctl->src = (struct source){ fd, listener_ready };
	r = bind_socket(ctl, fd);
	if (r == 0)
		r = loop_add(&b->loop, &ctl->src, EPOLLIN);
	if (r < 0)
		log_error("cannot open the control socket %s: %s", ctl->path,
			  strerror(-r));
	return r;
}

void control_close(struct backend *b)
{
	struct control *ctl = &b->control;

	if (!ctl->path[0])
		return;
	while (!TAILQ_EMPTY(&ctl->clients))
		client_drop(TAILQ_FIRST(&ctl->clients));
	close(ctl->src.fd);
	unlink(ctl->path);
}

uint64_t control_tick(struct backend *b, uint64_t now)
{
	uint64_t next = NEVER;
	struct client *c, *after;

	for (c = TAILQ_FIRST(&b->control.clients); c; c = after) {
		after = TAILQ_NEXT(c, link);
		if (c->deadline <= now)
			client_drop(c);
		else
			next = earlier(next, c->deadline);
	}
	return next;
}

// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/lib/cleanup.h"
#include "tools/vgpu-admin/admin.h"

#define ANSWER_MAX (16u << 20) /* 1000 VMs with 256 sessions each are less */
#define ANSWER_S   20

static int no_backend(const char *path, int err)
{
	if (err == EACCES)
		fprintf(stderr,
			"vgpu-admin: %s may not be opened by this user: run as root\n",
			path);
	else
		fprintf(stderr,
			"vgpu-admin: vgpu-backend does not answer at %s (%s): start it (systemctl start vgpu-backend), or name its --run-dir\n",
			path, strerror(err));
	return ADMIN_NO_BACKEND;
}

static int open_socket(const struct request *q, char path[108], int *ret)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = ANSWER_S };
	AUTO_FD int fd = -1;

	if (snprintf(path, 108, "%s/control.sock", q->run_dir) >= 108) {
		fprintf(stderr, "vgpu-admin: --run-dir=%s is too long\n",
			q->run_dir);
		return ADMIN_USAGE;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return no_backend(path, errno);
	*ret = fd_take(&fd);
	return ADMIN_OK;
}

static int send_query(int fd, json_t *query)
{
	AUTO_FREE char *text = json_dumps(query, JSON_COMPACT);
	size_t n = text ? strlen(text) : 0;

	if (!text)
		return -ENOMEM;
	text[n] = '\n'; /* the closing NUL is not needed any more */
	return send(fd, text, n + 1, MSG_NOSIGNAL) == (ssize_t)n + 1 ? 0 :
								       -errno;
}

/* The backend closes after one line. */
static int receive(int fd, char **ret, size_t *len)
{
	size_t size = 65536, got = 0;
	char *buf = malloc(size), *more;
	ssize_t n = 1;

	while (buf && n > 0 && size <= ANSWER_MAX) {
		n = recv(fd, buf + got, size - got, 0);
		if (n > 0)
			got += (size_t)n;
		if (got < size)
			continue;
		size *= 2;
		more = realloc(buf, size);
		if (!more)
			free(buf);
		buf = more;
	}
	*ret = buf;
	*len = got;
	if (!buf)
		return -ENOMEM;
	return n < 0 ? -errno : n > 0 ? -EMSGSIZE : 0;
}

static int call(int fd, const struct request *q, const char *path,
		json_t **ret)
{
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	json_error_t e;
	int r = send_query(fd, q->query);

	if (r == 0)
		r = receive(fd, &text, &len);
	if (r < 0)
		return no_backend(path, -r);
	*ret = json_loadb(text, len, 0, &e);
	if (*ret)
		return ADMIN_OK;
	fprintf(stderr,
		"vgpu-admin: the backend ended the connection without an answer: see its log\n");
	return ADMIN_NO_BACKEND;
}

int client_call(const struct request *q, json_t **ret)
{
	char path[108];
	AUTO_FD int fd = -1;
	const char *error;
	int r = open_socket(q, path, &fd);

	if (r == ADMIN_OK)
		r = call(fd, q, path, ret);
	if (r != ADMIN_OK)
		return r;
	if (json_is_true(json_object_get(*ret, "ok")))
		return ADMIN_OK;
	error = json_string_value(json_object_get(*ret, "error"));
	fprintf(stderr, "vgpu-admin: %s\n",
		error ? error : "the backend refused without a reason");
	return ADMIN_FAILED;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "backend/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/limits.h"
#include "backend/parse.h"
#include "tools/lib/cleanup.h"

int store_open(struct store *st)
{
	st->t = XBT_NULL;
	st->h = xs_open(0);
	return st->h ? 0 : -(errno ? errno : ENODEV);
}

void store_close(struct store *st)
{
	if (st->h)
		xs_close(st->h);
	st->h = NULL;
}

bool store_alive(struct store *st)
{
	char *path = xs_get_domain_path(st->h, 0);

	free(path);
	return path != NULL;
}

static int full_path(char path[STORE_PATH_MAX], const char *dir,
		     const char *node)
{
	int n = snprintf(path, STORE_PATH_MAX, "%s%s%s", dir, node ? "/" : "",
			 node ? node : "");

	return n < STORE_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* libxenstore may fail without an errno when its connection is gone. */
static int failed(void)
{
	return errno ? -errno : -EIO;
}

int store_read(struct store *st, const char *dir, const char *node, char *buf,
	       size_t size)
{
	char path[STORE_PATH_MAX];
	unsigned int len = 0;
	AUTO_FREE char *value = NULL;
	int r = full_path(path, dir, node);

	if (r < 0)
		return r;
	errno = 0;
	value = xs_read(st->h, st->t, path, &len);
	if (!value)
		return failed();
	if (len >= size)
		return -EMSGSIZE;
	if (strlen(value) != len)
		return -EBADMSG;
	memcpy(buf, value, len + 1);
	return 0;
}

int store_read_u32(struct store *st, const char *dir, const char *node,
		   uint32_t *ret)
{
	char text[16];
	int r = store_read(st, dir, node, text, sizeof(text));

	if (r < 0)
		return r;
	return parse_u32(text, ret) ? 0 : -EBADMSG;
}

bool store_exists(struct store *st, const char *dir)
{
	unsigned int len;
	AUTO_FREE char *value = xs_read(st->h, st->t, dir, &len);

	return value != NULL;
}

char **store_list(struct store *st, const char *dir, unsigned int *n)
{
	errno = 0;
	return xs_directory(st->h, st->t, dir, n);
}

int store_write(struct store *st, const char *dir, const char *node,
		const char *value)
{
	char path[STORE_PATH_MAX];
	int r = full_path(path, dir, node);

	if (r < 0)
		return r;
	errno = 0;
	if (!xs_write(st->h, st->t, path, value, (unsigned int)strlen(value)))
		return failed();
	return 0;
}

int store_write_u32(struct store *st, const char *dir, const char *node,
		    uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return store_write(st, dir, node, text);
}

int store_mkdir(struct store *st, const char *dir, uint32_t owner,
		uint32_t other, unsigned int perm)
{
	struct xs_permissions perms[2] = { { owner, XS_PERM_NONE },
					   { other, perm } };

	errno = 0;
	if (!xs_mkdir(st->h, st->t, dir) ||
	    !xs_set_permissions(st->h, st->t, dir, perms, 2))
		return failed();
	return 0;
}

int store_remove(struct store *st, const char *dir, const char *node)
{
	char path[STORE_PATH_MAX];
	int r = full_path(path, dir, node);

	if (r < 0)
		return r;
	errno = 0;
	if (xs_rm(st->h, st->t, path) || errno == ENOENT)
		return 0;
	return failed();
}

static int transact_once(struct store *st, int (*fn)(struct store *, void *),
			 void *arg)
{
	int r;
	bool done;

	errno = 0;
	st->t = xs_transaction_start(st->h);
	if (st->t == XBT_NULL)
		return failed();
	r = fn(st, arg);
	errno = 0;
	done = xs_transaction_end(st->h, st->t, r < 0);
	st->t = XBT_NULL;
	if (r < 0)
		return r;
	return done ? 0 : failed();
}

int store_transact(struct store *st, int (*fn)(struct store *st, void *arg),
		   void *arg)
{
	int r = -EAGAIN;

	for (int i = 0; i < STORE_RETRIES && r == -EAGAIN; i++)
		r = transact_once(st, fn, arg);
	return r;
}

struct guarded {
	const char *dir, *guard, *node, *value;
};

static int write_guarded(struct store *st, void *arg)
{
	struct guarded *g = arg;
	char text[STORE_TEXT_MAX];
	int r = store_read(st, g->dir, g->guard, text, sizeof(text));

	if (r == -ENOENT)
		return r;
	return store_write(st, g->dir, g->node, g->value);
}

int store_write_if(struct store *st, const char *dir, const char *guard,
		   const char *node, const char *value)
{
	struct guarded g = { dir, guard, node, value };

	return store_transact(st, write_guarded, &g);
}

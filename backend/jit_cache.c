// SPDX-License-Identifier: BSD-2-Clause
#include "backend/jit_cache.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/registry_file.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"

#define PATH_BYTES (SENTENCE_MAX - 32)

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	if (remove(path) < 0)
		log_warn("cannot remove %s: %s", path, strerror(errno));
	return 0;
}

/* Links are removed, not followed. */
static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int make_dir(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* @ret: DIR/jit, absolute, since the driver and a link want it so. */
static int below(const char *dir, char *ret, size_t size)
{
	AUTO_FREE char *real = realpath(dir, NULL);

	if (!real)
		return -errno;
	if ((size_t)snprintf(ret, size, "%s/jit", real) >= size)
		return -ENAMETOOLONG;
	return make_dir(ret);
}

void jit_cache_open(struct jit_cache *c, const char *state_dir,
		    const char *run_dir)
{
	int r = below(run_dir, c->run, sizeof(c->run));

	if (r == 0) {
		/* Links of an instance before us. */
		remove_tree(c->run);
		r = make_dir(c->run);
	}
	if (r == 0)
		r = below(state_dir, c->state, sizeof(c->state));
	if (r == 0)
		return;
	log_warn("the driver's cache of compiled code does not work: %s/jit: %s",
		 c->state[0] ? state_dir : run_dir, strerror(-r));
	c->state[0] = 0;
}

/* Where there is no place for a cache, one where nothing can be made. */
static void link_path(const struct jit_cache *c, uint64_t number, char *path)
{
	snprintf(path, PATH_BYTES, "%s/%llu", c->state[0] ? c->run : "/dev/null",
		 (unsigned long long)number);
}

void jit_cache_path(struct jit_cache *c, char *path, uint64_t *number)
{
	*number = ++c->next;
	link_path(c, *number, path);
}

static int cache_of(const struct jit_cache *c, const struct vm_id *id,
		    char *path)
{
	char key[REGISTRY_KEY_MAX];

	registry_key(key, id);
	return snprintf(path, PATH_BYTES, "%s/%s", c->state, key) >= PATH_BYTES ?
	       -ENAMETOOLONG : 0;
}

void jit_cache_give(struct jit_cache *c, uint64_t number,
		    const struct vm_id *id)
{
	char to[PATH_BYTES], from[PATH_BYTES];
	int r;

	if (!c->state[0])
		return;
	link_path(c, number, from);
	r = cache_of(c, id, to);
	if (r == 0)
		r = make_dir(to);
	/* The driver may have made a folder there for what is its own. */
	if (r == 0 && symlink(to, from) < 0 && errno == EEXIST) {
		remove_tree(from);
		r = symlink(to, from) < 0 ? -errno : 0;
	}
	if (r < 0)
		log_warn("VM %s has no cache of compiled code: %s: %s",
			 id->text, from, strerror(-r));
}

void jit_cache_take(struct jit_cache *c, uint64_t number)
{
	char path[PATH_BYTES];

	link_path(c, number, path);
	if (c->state[0] && unlink(path) < 0 && errno != ENOENT)
		remove_tree(path);
}

void jit_cache_forget(struct jit_cache *c, const struct vm_id *id)
{
	char path[PATH_BYTES];

	if (c->state[0] && cache_of(c, id, path) == 0)
		remove_tree(path);
}

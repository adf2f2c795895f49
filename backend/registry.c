// SPDX-License-Identifier: BSD-2-Clause
#include "backend/registry.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/registry_file.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"

void registry_init(struct registry *g, const char *dir)
{
	memset(g, 0, sizeof(*g));
	g->dir = dir;
	TAILQ_INIT(&g->vms);
}

static void unlist(struct registry *g, struct vm *vm)
{
	TAILQ_REMOVE(&g->vms, vm, link);
	g->count--;
	free(vm);
}

void registry_free(struct registry *g)
{
	while (!TAILQ_EMPTY(&g->vms))
		unlist(g, TAILQ_FIRST(&g->vms));
}

struct vm *registry_find(struct registry *g, const struct vm_id *id)
{
	struct vm *vm;

	TAILQ_FOREACH(vm, &g->vms, link)
		if (vm->id.kind == id->kind && !strcmp(vm->id.text, id->text))
			return vm;
	return NULL;
}

/* Kept in order of kind: a VM that is registered by name and by uuid is
 * served under the same one after every start. */
static struct vm *enlist(struct registry *g, const struct vm *copy)
{
	struct vm *vm = malloc(sizeof(*vm)), *at;

	if (!vm)
		return NULL;
	*vm = *copy;
	g->count++;
	TAILQ_FOREACH(at, &g->vms, link)
		if (at->id.kind > vm->id.kind ||
		    (at->id.kind == vm->id.kind &&
		     strcmp(at->id.text, vm->id.text) > 0)) {
			TAILQ_INSERT_BEFORE(at, vm, link);
			return vm;
		}
	TAILQ_INSERT_TAIL(&g->vms, vm, link);
	return vm;
}

static void bad_file(struct registry *g, const char *name, const char *why)
{
	g->bad_files++;
	snprintf(g->bad, sizeof(g->bad), "%s/%s: %.200s", g->dir, name, why);
	log_error("%s: the VM in it is not served until the file is mended or removed",
		  g->bad);
}

static void take_file(struct registry *g, const char *name,
		      void (*changed)(struct vm *, void *), void *arg)
{
	struct vm read, *vm;
	char why[SENTENCE_MAX];
	int r = registry_file_read(g->dir, name, &read, why, sizeof(why));

	if (r == -ESTALE) {
		log_info("%s/%s: %s; the file is removed", g->dir, name, why);
		(void)registry_file_remove(g->dir, &read.id);
		return;
	}
	if (r < 0) {
		bad_file(g, name, why);
		return;
	}
	vm = registry_find(g, &read.id);
	if (vm) {
		vm->keep = true;
		if (vm->max_sessions == read.max_sessions &&
		    vm->max_window_pages == read.max_window_pages)
			return;
		vm->max_sessions = read.max_sessions;
		vm->max_window_pages = read.max_window_pages;
		changed(vm, arg);
		return;
	}
	if (g->count >= MAX_VMS)
		bad_file(g, name, "more VMs are registered than MAX_VMS");
	else if (!(vm = enlist(g, &read)))
		bad_file(g, name, "no memory");
	else
		vm->keep = true;
}

static bool is_vm_file(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && name[0] != '.' && !strcmp(name + n - 5, ".json");
}

int registry_reload(struct registry *g, void (*gone)(struct vm *, void *),
		    void (*changed)(struct vm *, void *), void *arg)
{
	struct vm *vm, *next;
	struct dirent *e;
	DIR *dir = opendir(g->dir);

	if (!dir)
		return -errno;
	g->bad_files = 0;
	g->bad[0] = 0;
	TAILQ_FOREACH(vm, &g->vms, link)
		vm->keep = false;
	while ((e = readdir(dir)))
		if (is_vm_file(e->d_name))
			take_file(g, e->d_name, changed, arg);
	closedir(dir);
	for (vm = TAILQ_FIRST(&g->vms); vm; vm = next) {
		next = TAILQ_NEXT(vm, link);
		if (vm->keep)
			continue;
		gone(vm, arg);
		unlist(g, vm);
	}
	return 0;
}

int registry_add(struct registry *g, const struct vm *copy, struct vm **ret)
{
	int r;

	if (registry_find(g, &copy->id))
		return -EEXIST;
	if (g->count >= MAX_VMS)
		return -ENOSPC;
	r = registry_file_write(g->dir, copy);
	if (r < 0)
		return r;
	*ret = enlist(g, copy);
	return *ret ? 0 : -ENOMEM;
}

int registry_remove(struct registry *g, struct vm *vm)
{
	int r = registry_file_remove(g->dir, &vm->id);

	if (r < 0)
		return r;
	unlist(g, vm);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
#include "backend/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/parse.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"

#define DOMAIN_FMT "/local/domain/%u"

void domains_init(struct domains *l)
{
	memset(l, 0, sizeof(*l));
	TAILQ_INIT(&l->list);
	l->dirty = true;
}

static void name_watch(struct backend *b, uint32_t domid, bool on)
{
	char path[STORE_PATH_MAX], token[32];

	snprintf(path, sizeof(path), DOMAIN_FMT "/name", domid);
	snprintf(token, sizeof(token), "name/%u", domid);
	/* Without this watch the next rescan sees a new name. */
	if (on)
		(void)xs_watch(b->store.h, path, token);
	else
		(void)xs_unwatch(b->store.h, path, token);
}

static void drop(struct backend *b, struct domain *d)
{
	name_watch(b, d->domid, false);
	TAILQ_REMOVE(&b->domains.list, d, link);
	b->domains.count--;
	free(d);
}

void domains_free(struct backend *b)
{
	while (!TAILQ_EMPTY(&b->domains.list))
		drop(b, TAILQ_FIRST(&b->domains.list));
}

static struct domain *find(struct backend *b, uint32_t domid)
{
	struct domain *d;

	TAILQ_FOREACH(d, &b->domains.list, link)
		if (d->domid == domid)
			return d;
	return NULL;
}

void domain_renamed(struct backend *b, uint32_t domid)
{
	struct domain *d = find(b, domid);

	if (d)
		d->fresh = true;
	b->domains.dirty = true;
}

/* The node vm is "/vm/UUID". */
static void read_identity(struct backend *b, struct domain *d)
{
	char dir[STORE_PATH_MAX], vm[128];
	const char *slash;

	d->name[0] = d->uuid[0] = 0;
	snprintf(dir, sizeof(dir), DOMAIN_FMT, d->domid);
	if (store_read(&b->store, dir, "name", d->name, sizeof(d->name)) < 0 ||
	    !parse_vm_name(d->name))
		d->name[0] = 0;
	if (store_read(&b->store, dir, "vm", vm, sizeof(vm)) < 0)
		return;
	slash = strrchr(vm, '/');
	if (!parse_uuid(slash ? slash + 1 : vm, d->uuid))
		d->uuid[0] = 0;
}

static struct domain *add(struct backend *b, uint32_t domid)
{
	struct domain *d;

	if (b->domains.count >= MAX_DOMAINS)
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->domid = domid;
	d->fresh = true;
	TAILQ_INSERT_TAIL(&b->domains.list, d, link);
	b->domains.count++;
	name_watch(b, domid, true);
	return d;
}

static void see(struct backend *b, const char *text, bool all)
{
	uint32_t domid;
	struct domain *d;

	if (!parse_u32(text, &domid) || domid == b->domid ||
	    !xs_is_domain_introduced(b->store.h, domid))
		return;
	d = find(b, domid);
	if (!d)
		d = add(b, domid);
	if (!d)
		return;
	d->seen = true;
	if (d->fresh || all)
		read_identity(b, d);
	d->fresh = false;
}

static void went(struct backend *b, struct domain *d)
{
	struct device *dev = device_find(b, d->domid);
	struct vm_id id = { .kind = VM_DOMID };
	struct vm *vm;

	if (dev)
		device_remove(dev, "the domain is gone");
	/* The number may come back as another VM. */
	snprintf(id.text, sizeof(id.text), "%u", d->domid);
	vm = registry_find(&b->registry, &id);
	if (vm) {
		log_info("domain %u: registered by number, so it is unregistered with its domain",
			 d->domid);
		(void)registry_remove(&b->registry, vm);
		jit_cache_forget(&b->jit, &id);
	}
	drop(b, d);
}

/* @all: also read names that no watch has called changed. */
static void rescan(struct backend *b, bool all)
{
	unsigned int n = 0;
	AUTO_FREE char **names = store_list(&b->store, "/local/domain", &n);
	struct domain *d, *next;

	if (!names)
		return; /* the ping tells whether xenstored is gone */
	TAILQ_FOREACH(d, &b->domains.list, link)
		d->seen = false;
	for (unsigned int i = 0; i < n; i++)
		see(b, names[i], all);
	for (d = TAILQ_FIRST(&b->domains.list); d; d = next) {
		next = TAILQ_NEXT(d, link);
		if (!d->seen)
			went(b, d);
	}
}

static bool matches(const struct vm *vm, const struct domain *d)
{
	uint32_t domid;

	switch (vm->id.kind) {
	case VM_NAME:
		return !strcmp(vm->id.text, d->name);
	case VM_UUID:
		return !strcmp(vm->id.text, d->uuid);
	case VM_DOMID:
		return parse_u32(vm->id.text, &domid) && domid == d->domid;
	}
	return false;
}

static void set_problem(struct vm *vm, const char *text)
{
	if (!strcmp(vm->problem, text))
		return;
	if (text[0])
		log_warn("VM %s: %s", vm->id.text, text);
	else
		log_info("VM %s: no trouble any more", vm->id.text);
	snprintf(vm->problem, sizeof(vm->problem), "%s", text);
}

static void match_one(struct backend *b, struct vm *vm)
{
	struct domain *d, *first = NULL, *second = NULL;
	char why[SENTENCE_MAX] = "";
	struct device *other;

	TAILQ_FOREACH(d, &b->domains.list, link) {
		if (!matches(vm, d))
			continue;
		if (vm->device && d->domid == vm->device->domid)
			first = d;
		else
			second = d;
	}
	if (vm->device && !first) {
		device_close(vm->device, VGPU_E_NO_DEVICE,
			     "its domain has another name now");
		return; /* comes back here once the device is gone */
	}
	if (first && second)
		snprintf(why, sizeof(why),
			 "the domains %u and %u both have this identity; %u keeps the virtual GPU: give the other one another name, or register by --vm-uuid",
			 first->domid, second->domid, first->domid);
	if (first || !second) {
		set_problem(vm, why);
		return;
	}
	other = device_find(b, second->domid);
	if (other && other->leaving)
		return; /* the next look is when it is gone */
	if (other)
		snprintf(why, sizeof(why),
			 "domain %u is served under another registration%s%s: unregister one of the two",
			 second->domid, other->vm ? ": " : "",
			 other->vm ? other->vm->id.text : "");
	else
		(void)device_make(b, vm, second, why, sizeof(why));
	set_problem(vm, why);
}

/* Several domains with one name and none served yet: serve none, since the
 * choice would be a guess. */
static bool ambiguous(struct backend *b, struct vm *vm)
{
	struct domain *d, *seen = NULL;
	char why[SENTENCE_MAX];

	if (vm->device)
		return false;
	TAILQ_FOREACH(d, &b->domains.list, link) {
		if (!matches(vm, d))
			continue;
		if (seen) {
			snprintf(why, sizeof(why),
				 "the domains %u and %u both have this identity, so neither gets a virtual GPU: rename one, or register by --vm-uuid",
				 seen->domid, d->domid);
			set_problem(vm, why);
			return true;
		}
		seen = d;
	}
	return false;
}

uint64_t domains_tick(struct backend *b, uint64_t now)
{
	bool all = now >= b->domains.rescan_at;
	struct vm *vm;

	if (!b->domains.dirty && !all)
		return b->domains.rescan_at;
	b->domains.dirty = false;
	if (all)
		b->domains.rescan_at = now + RESCAN_MS;
	rescan(b, all);
	if (all)
		devices_heal(b);
	TAILQ_FOREACH(vm, &b->registry.vms, link)
		if (!ambiguous(b, vm))
			match_one(b, vm);
	return b->domains.rescan_at;
}

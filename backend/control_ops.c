// SPDX-License-Identifier: BSD-2-Clause
/* control_ops.c - what a client of the control socket can ask for. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/metrics.h"
#include "backend/registry_file.h"
#include "backend/xenbus_fsm.h"
#include "tools/lib/log.h"
#include "vgpu_ops.h"
#include "vgpu_paths.h"
#include "xenstore-schema/session.h"

static json_t *done(json_t *data)
{
	return json_pack("{s:b, s:o}", "ok", 1, "data",
			 data ? data : json_null());
}

static json_t *refuse(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static json_t *refuse(const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

/* Exactly one of vm-name, vm-uuid, domid names the VM. */
static json_t *take_id(const json_t *q, struct vm_id *id)
{
	int found = 0;

	for (int k = VM_NAME; k <= VM_DOMID; k++) {
		json_t *v = json_object_get(q, vm_kind_name((enum vm_kind)k));

		if (!v)
			continue;
		found++;
		if (!json_is_string(v) ||
		    !vm_id_set(id, (enum vm_kind)k, json_string_value(v)))
			return refuse("this is no valid %s: a name has 1 to %d printable bytes, a uuid 36 characters, a domid is a number below 32752",
				      vm_kind_name((enum vm_kind)k), VM_ID_MAX);
	}
	if (found != 1)
		return refuse("name the VM by one of --vm-name, --vm-uuid and --domid");
	return NULL;
}

static json_t *take_number(const json_t *q, const char *key, uint32_t low,
			   uint32_t high, uint32_t *ret)
{
	json_t *v = json_object_get(q, key);

	if (!v)
		return NULL;
	if (!json_is_integer(v) || json_integer_value(v) < low ||
	    json_integer_value(v) > high)
		return refuse("--%s must be a number from %u to %u", key, low,
			      high);
	*ret = (uint32_t)json_integer_value(v);
	return NULL;
}

static json_t *op_register(struct backend *b, const json_t *q)
{
	struct vm want = { .max_sessions = VGPU_DEFAULT_BE_MAX_SESS,
			   .max_window_pages = VGPU_DEFAULT_BE_MAX_WINDOW };
	struct vm *vm;
	json_t *bad = take_id(q, &want.id);
	int r;

	if (!bad && b->stop)
		bad = refuse("vgpu-backend is stopping");
	if (!bad)
		bad = take_number(q, "max-sessions", 1, MAX_SESSIONS_VM,
				  &want.max_sessions);
	if (!bad)
		bad = take_number(q, "max-window-pages", 0, MAX_WINDOW_PAGES,
				  &want.max_window_pages);
	if (bad)
		return bad;
	if (want.id.kind == VM_DOMID)
		boot_id_read(want.boot_id);
	r = registry_add(&b->registry, &want, &vm);
	if (r == -EEXIST)
		return refuse("VM %s is registered already: unregister it first to change it",
			      want.id.text);
	if (r == -ENOSPC)
		return refuse("%d VMs are registered, which is the limit",
			      MAX_VMS);
	if (r < 0)
		return refuse("cannot write the registration below %s: %s",
			      b->registry.dir, strerror(-r));
	log_info("VM %s: registered by %s", vm->id.text,
		 vm_kind_name(vm->id.kind));
	b->domains.dirty = true;
	(void)domains_tick(b, now_ms()); /* so that the answer can say more */
	if (vm->problem[0])
		return done(json_pack("{s:s, s:s}", "vm", vm->id.text, "note",
				      vm->problem));
	return done(json_pack("{s:s, s:b}", "vm", vm->id.text, "running",
			      vm->device != NULL));
}

static json_t *take_vm(struct backend *b, const json_t *q, struct vm_id *id,
		       struct vm **vm)
{
	json_t *bad = take_id(q, id);

	if (bad)
		return bad;
	*vm = registry_find(&b->registry, id);
	return *vm ? NULL :
	       refuse("no VM is registered by %s %s: see vgpu-admin list",
		      vm_kind_name(id->kind), id->text);
}

static json_t *op_unregister(struct backend *b, const json_t *q)
{
	struct vm_id id;
	struct vm *vm;
	struct device *dev;
	json_t *bad = take_vm(b, q, &id, &vm);
	int r;

	if (bad)
		return bad;
	dev = vm->device;
	r = registry_remove(&b->registry, vm);
	if (r < 0)
		return refuse("cannot remove the registration below %s: %s",
			      b->registry.dir, strerror(-r));
	log_info("VM %s: unregistered", id.text);
	jit_cache_forget(&b->jit, &id);
	if (dev) {
		dev->vm = NULL;
		device_close(dev, VGPU_E_NO_DEVICE,
			     "its VM was unregistered");
	}
	return done(json_pack("{s:s}", "vm", id.text));
}

static json_t *domid_or_null(const struct vm *vm)
{
	return vm->device ? json_integer(vm->device->domid) : json_null();
}

static json_t *list_one(const struct vm *vm)
{
	return json_pack("{s:s, s:s, s:o, s:s, s:i, s:i, s:i, s:s}", "vm",
			 vm->id.text, "by", vm_kind_name(vm->id.kind), "domid",
			 domid_or_null(vm), "state",
			 vm->device ? xenbus_state_name(vm->device->state) :
				      "not running",
			 "sessions",
			 vm->device ? (int)vm->device->sessions.live : 0,
			 "max-sessions", (int)vm->max_sessions,
			 "max-window-pages", (int)vm->max_window_pages,
			 "problem", vm->problem);
}

static json_t *metrics_one(const struct vm *vm)
{
	const struct vm_totals *t = &vm->totals;

	return json_pack("{s:s, s:o, s:i, s:I, s:I, s:I, s:I, s:s, s:o}", "vm",
			 vm->id.text, "domid", domid_or_null(vm), "live",
			 vm->device ? (int)vm->device->sessions.live : 0,
			 "started", (json_int_t)t->started, "ended",
			 (json_int_t)t->ended, "crashed",
			 (json_int_t)t->crashed, "refused",
			 (json_int_t)t->refused, "last-error", t->last_error,
			 "stats", metrics_of_vm(vm));
}

/* One entry for each VM, or for the one that the request names. */
static json_t *for_vms(struct backend *b, const json_t *q,
		       json_t *(*fn)(const struct vm *))
{
	struct vm_id id;
	struct vm *vm;
	json_t *list, *bad;

	if (json_object_get(q, "vm-name") || json_object_get(q, "vm-uuid") ||
	    json_object_get(q, "domid")) {
		bad = take_vm(b, q, &id, &vm);
		return bad ? bad : done(json_pack("[o]", fn(vm)));
	}
	list = json_array();
	TAILQ_FOREACH(vm, &b->registry.vms, link)
		json_array_append_new(list, fn(vm));
	return done(list);
}

static json_t *op_list(struct backend *b, const json_t *q)
{
	return for_vms(b, q, list_one);
}

static json_t *op_metrics(struct backend *b, const json_t *q)
{
	return for_vms(b, q, metrics_one);
}

static json_t *session_one(const struct session *s)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:i, s:s, s:i, s:I, s:o}", "vm",
			 s->dev->vm ? s->dev->vm->id.text : "", "domid",
			 (int)s->dev->domid, "session", s->sid, "state",
			 session_state_name(s->state), "pid",
			 (int)s->nodes.guest_pid, "program",
			 s->nodes.name, "executor",
			 s->exec ? executor_pid(s->exec) : 0, "seconds",
			 (json_int_t)((now_ms() - s->since) / 1000), "stats",
			 s->stats ? metrics_of_session(s->stats) : json_null());
}

static json_t *op_sessions(struct backend *b, const json_t *q)
{
	json_t *list = json_array();
	struct device *dev;
	struct session *s;

	(void)q;
	TAILQ_FOREACH(dev, &b->devices, link)
		TAILQ_FOREACH(s, &dev->sessions.list, link)
			json_array_append_new(list, session_one(s));
	return done(list);
}

static json_t *op_health(struct backend *b, const json_t *q)
{
	json_t *problems = health_problems(b);
	char line[SENTENCE_MAX];

	(void)q;
	health_line(b, line, sizeof(line));
	return done(json_pack("{s:b, s:s, s:o}", "well",
			      json_array_size(problems) == 0, "summary", line,
			      "problems", problems));
}

static json_t *op_version(struct backend *b, const json_t *q)
{
	(void)q;
	return done(json_pack("{s:s, s:i, s:s, s:i, s:i, s:i}", "version",
			      VGPU_VERSION, "protocol", VGPU_PROTOCOL,
			      "calls-hash", VGPU_CALLS_HASH_TEXT, "pid",
			      (int)getpid(), "domid", (int)b->domid,
			      "driver", (int)b->pool.driver_version));
}

static const struct op {
	const char *name;
	json_t *(*fn)(struct backend *b, const json_t *q);
} ops[] = {
	{ "register-vm", op_register },	  { "unregister-vm", op_unregister },
	{ "list", op_list },		  { "show-metrics", op_metrics },
	{ "show-sessions", op_sessions }, { "show-health", op_health },
	{ "version", op_version },
};

json_t *control_answer(struct backend *b, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "op"));

	for (size_t i = 0; name && i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(name, ops[i].name))
			return ops[i].fn(b, request);
	return refuse("vgpu-backend %s does not offer the request %.40s",
		      VGPU_VERSION, name ? name : "without a name");
}

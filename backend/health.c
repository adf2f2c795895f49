// SPDX-License-Identifier: BSD-2-Clause
/* health.c - one line that says whether all is well, and otherwise what not. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/parse.h"

static void say(json_t *list, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(json_t *list, const char *fmt, ...)
{
	char raw[SENTENCE_MAX * 2], text[SENTENCE_MAX * 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	copy_printable(text, sizeof(text), raw); /* file names may be no UTF-8 */
	json_array_append_new(list, json_string(text));
}

json_t *health_problems(struct backend *b)
{
	json_t *list = json_array();
	struct pool *p = &b->pool;
	char trouble[SENTENCE_MAX * 2];
	struct vm *vm;

	if (p->error) {
		pool_trouble(p, trouble, sizeof(trouble));
		say(list, "%s", trouble);
	} else if (!p->driver_version && b->opt.warm) {
		say(list, "no executor has come up yet: the driver is still being loaded");
	}
	if (b->registry.bad_files)
		say(list, "%u file%s of %s cannot be used: %s",
		    b->registry.bad_files, b->registry.bad_files == 1 ? "" : "s",
		    b->registry.dir, b->registry.bad);
	TAILQ_FOREACH(vm, &b->registry.vms, link)
		if (vm->problem[0])
			say(list, "VM %s: %s", vm->id.text, vm->problem);
	if (b->stop)
		say(list, "vgpu-backend is stopping");
	return list;
}

static const char *plural(unsigned int n)
{
	return n == 1 ? "" : "s";
}

void health_line(struct backend *b, char *text, size_t size)
{
	unsigned int devices = 0, sessions = 0;
	unsigned int warm = pool_count(&b->pool, EXECUTOR_WARM);
	struct device *dev;
	size_t n;

	TAILQ_FOREACH(dev, &b->devices, link) {
		devices++;
		sessions += dev->sessions.live;
	}
	n = (size_t)snprintf(text, size,
			     "%u VM%s registered, %u running, %u session%s, %u warm executor%s",
			     b->registry.count, plural(b->registry.count),
			     devices, sessions, plural(sessions), warm,
			     plural(warm));
	if (b->pool.driver_version && n < size)
		snprintf(text + n, size - n, ", driver %u.%u with %u GPU%s",
			 b->pool.driver_version / 1000,
			 b->pool.driver_version % 1000 / 10, b->pool.devices,
			 plural(b->pool.devices));
}

// SPDX-License-Identifier: BSD-2-Clause
#include "backend/metrics.h"

#include <stddef.h>
#include <string.h>

#include "backend/device.h"
#include "backend/vm.h"

enum kind { SUM, PEAK, NOW };

static const struct field {
	const char *name;
	size_t off;
	enum kind kind;
} fields[] = {
#define F(name, kind) { #name, offsetof(struct exec_stats, name), kind }
	F(calls, SUM),		F(sync_calls, SUM),
	F(launches, SUM),	F(errors, SUM),
	F(bytes_to_gpu, SUM),	F(bytes_from_gpu, SUM),
	F(memory, NOW),		F(memory_peak, PEAK),
	F(objects, NOW),	F(wakeups, SUM),
	F(notifies, SUM),
	F(unsupported, SUM),	F(granted_pages, NOW),
	F(grant_maps, SUM),	F(grant_unmaps, SUM),
#undef F
};

#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

_Static_assert(NR_FIELDS * sizeof(uint64_t) == sizeof(struct exec_stats),
	       "every counter of exec.h is in the table");

/* The executor writes these words while we read: one load each. */
static uint64_t get(const struct exec_stats *s, const struct field *f)
{
	const uint64_t *p = (const void *)((const char *)s + f->off);

	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void combine(struct exec_stats *total, const struct exec_stats *s,
		    bool live)
{
	for (size_t i = 0; i < NR_FIELDS; i++) {
		const struct field *f = &fields[i];
		uint64_t *t = (void *)((char *)total + f->off);
		uint64_t v = get(s, f);

		if (f->kind == PEAK)
			*t = v > *t ? v : *t;
		else if (f->kind == SUM || live)
			*t += v;
	}
}

void metrics_add(struct exec_stats *total, const struct exec_stats *session)
{
	combine(total, session, false);
}

json_t *metrics_of_session(const struct exec_stats *stats)
{
	json_t *o = json_object();

	for (size_t i = 0; i < NR_FIELDS; i++)
		json_object_set_new(o, fields[i].name,
				    json_integer((json_int_t)get(stats,
								 &fields[i])));
	return o;
}

json_t *metrics_of_vm(const struct vm *vm)
{
	struct exec_stats total = vm->totals.stats;
	struct session *s;

	if (vm->device)
		TAILQ_FOREACH(s, &vm->device->sessions.list, link)
			if (s->stats)
				combine(&total, s->stats, true);
	return metrics_of_session(&total);
}

// SPDX-License-Identifier: BSD-2-Clause
/* print.c - the backend's data as people read it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/vgpu-admin/admin.h"

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* "-" for a VM that does not run. */
static const char *domid(const json_t *o, char buf[16])
{
	const json_t *v = json_object_get(o, "domid");

	if (!json_is_integer(v))
		return "-";
	snprintf(buf, 16, "%lld", (long long)json_integer_value(v));
	return buf;
}

/* 1536 -> "1.5 KiB" */
static const char *bytes(long long n, char buf[24])
{
	static const char *const unit[] = { "B",   "KiB", "MiB",
					    "GiB", "TiB", "PiB" };
	double v = (double)n;
	int u = 0;

	while (v >= 1024 && u < 5) {
		v /= 1024;
		u++;
	}
	snprintf(buf, 24, u && v < 100 ? "%.1f %s" : "%.0f %s", v, unit[u]);
	return buf;
}

static int finish(struct table *t, const char *none)
{
	if (t->rows)
		table_print(t);
	else
		puts(none);
	table_free(t);
	return ADMIN_OK;
}

static int print_list(const json_t *data)
{
	static const char *const head[] = { "VM", "BY", "DOMID>", "STATE",
					    "SESSIONS>", "MAX>", "WINDOW>",
					    "NOTE" };
	struct table t = { head, 8, NULL, 0 };
	char d[16], w[24];
	const json_t *o;
	size_t i;

	json_array_foreach(data, i, o)
		table_row(&t, "%s\t%s\t%s\t%s\t%lld\t%lld\t%s\t%s",
			  text(o, "vm"), text(o, "by"), domid(o, d),
			  text(o, "state"), number(o, "sessions"),
			  number(o, "max-sessions"),
			  bytes(number(o, "max-window-pages") * 4096, w),
			  text(o, "problem"));
	return finish(&t, "no VM is registered");
}

static void errors(const json_t *data)
{
	const json_t *o;
	size_t i;

	json_array_foreach(data, i, o)
		if (text(o, "last-error")[0])
			printf("%s: last error: %s\n", text(o, "vm"),
			       text(o, "last-error"));
}

static int print_metrics(const json_t *data)
{
	static const char *const head[] = { "VM", "DOMID>", "LIVE>", "STARTED>",
					    "CRASHED>", "REFUSED>", "CALLS>",
					    "LAUNCHES>", "ERRORS>", "TO GPU>",
					    "FROM GPU>", "MEMORY>" };
	struct table t = { head, 12, NULL, 0 };
	char d[16], to[24], from[24], mem[24];
	const json_t *o, *s;
	size_t i;
	int r;

	json_array_foreach(data, i, o) {
		s = json_object_get(o, "stats");
		table_row(&t,
			  "%s\t%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\t%s\t%s\t%s",
			  text(o, "vm"), domid(o, d), number(o, "live"),
			  number(o, "started"), number(o, "crashed"),
			  number(o, "refused"), number(s, "calls"),
			  number(s, "launches"), number(s, "errors"),
			  bytes(number(s, "bytes_to_gpu"), to),
			  bytes(number(s, "bytes_from_gpu"), from),
			  bytes(number(s, "memory"), mem));
	}
	r = finish(&t, "no VM is registered");
	errors(data);
	return r;
}

static int print_sessions(const json_t *data)
{
	static const char *const head[] = { "VM", "DOMID>", "SESSION", "STATE",
					    "PID>", "PROGRAM", "EXECUTOR>",
					    "SECONDS>", "CALLS>", "MEMORY>" };
	struct table t = { head, 10, NULL, 0 };
	char d[16], mem[24];
	const json_t *o, *s;
	size_t i;

	json_array_foreach(data, i, o) {
		s = json_object_get(o, "stats");
		table_row(&t, "%s\t%s\t%s\t%s\t%lld\t%s\t%lld\t%lld\t%lld\t%s",
			  text(o, "vm"), domid(o, d), text(o, "session"),
			  text(o, "state"), number(o, "pid"),
			  text(o, "program"), number(o, "executor"),
			  number(o, "seconds"), number(s, "calls"),
			  bytes(number(s, "memory"), mem));
	}
	return finish(&t, "no guest process is connected");
}

static int print_health(const json_t *data)
{
	const json_t *problems = json_object_get(data, "problems"), *p;
	size_t i;

	if (json_is_true(json_object_get(data, "well"))) {
		printf("well: %s\n", text(data, "summary"));
		return ADMIN_OK;
	}
	printf("not well: ");
	json_array_foreach(problems, i, p)
		printf("%s%s", i ? "; " : "", json_string_value(p));
	printf(" (%s)\n", text(data, "summary"));
	return ADMIN_FAILED;
}

static int print_version(const json_t *data)
{
	printf("vgpu-admin %s\n", VGPU_VERSION);
	printf("vgpu-backend %s (pid %lld, domain %lld), protocol %lld, calls %s\n",
	       text(data, "version"), number(data, "pid"),
	       number(data, "domid"), number(data, "protocol"),
	       text(data, "calls-hash"));
	return ADMIN_OK;
}

static int print_registered(const json_t *data)
{
	printf("VM %s is registered", text(data, "vm"));
	if (text(data, "note")[0])
		printf(", but: %s\n", text(data, "note"));
	else if (json_is_true(json_object_get(data, "running")))
		puts(" and has its virtual GPU");
	else
		puts("; it gets its virtual GPU when it starts");
	return ADMIN_OK;
}

static int print_unregistered(const json_t *data)
{
	printf("VM %s is no longer registered\n", text(data, "vm"));
	return ADMIN_OK;
}

static const struct printer {
	const char *command;
	int (*fn)(const json_t *data);
} printers[] = {
	{ "register-vm", print_registered },
	{ "unregister-vm", print_unregistered },
	{ "list", print_list },
	{ "show-metrics", print_metrics },
	{ "show-sessions", print_sessions },
	{ "show-health", print_health },
	{ "version", print_version },
};

static int print_json(const struct request *q, const json_t *data)
{
	json_dumpf(data, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	putchar('\n');
	if (!strcmp(q->command, "show-health") &&
	    !json_is_true(json_object_get(data, "well")))
		return ADMIN_FAILED;
	return ADMIN_OK;
}

int print_answer(const struct request *q, const json_t *data)
{
	if (q->json)
		return print_json(q, data);
	for (size_t i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
		if (!strcmp(printers[i].command, q->command))
			return printers[i].fn(data);
	return ADMIN_FAILED;
}

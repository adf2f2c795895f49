// SPDX-License-Identifier: BSD-2-Clause
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vgpu-admin/admin.h"

static const char usage[] =
	"Usage: vgpu-admin COMMAND [OPTION...]\n"
	"Say which Xen VMs may use the GPU of this host, and see what they do.\n\n"
	"  register-vm VM [--max-sessions=N] [--max-window-pages=N]\n"
	"  unregister-vm VM\n"
	"  list [VM]             registered VMs\n"
	"  show-metrics [VM]     counters of each VM since the backend started\n"
	"  show-sessions         guest processes that are connected\n"
	"  show-health           one line: well, or what is not (exit code 1)\n"
	"  version               of this program and of the backend\n\n"
	"VM is one of --vm-name=NAME, --vm-uuid=UUID, --domid=N.\n\n"
	"  --json                print the data as JSON\n"
	"  --run-dir=DIR         where the backend's socket is (default /run/vgpu)\n"
	"  --help, --version\n\n"
	"Exit codes: 0 done, 1 failed or not well, 2 misuse, 3 no backend.\n";

/* Which commands take which options. */
enum { VM = 1, LIMITS = 2, VM_NEEDED = 4 };

static const struct command {
	const char *name;
	unsigned int takes;
} commands[] = {
	{ "register-vm", VM | VM_NEEDED | LIMITS },
	{ "unregister-vm", VM | VM_NEEDED },
	{ "list", VM },
	{ "show-metrics", VM },
	{ "show-sessions", 0 },
	{ "show-health", 0 },
	{ "version", 0 },
};

/* Named in the documentation of the whole, not offered yet: a clear answer
 * is better than "unknown". */
static const char *const later_commands[] = {
	"set-pool",   "set-priority", "set-weight",  "set-rate-limit",
	"set-memory", "set-watchdog", "top",	     "quarantine",
	"drain",      "pools",	      "clear-quarantine",
};

enum { OPT_NAME = 1, OPT_UUID, OPT_DOMID, OPT_SESSIONS, OPT_WINDOW, OPT_JSON,
       OPT_RUN, OPT_HELP, OPT_VERSION, OPT_LATER };

static const struct option longs[] = {
	{ "vm-name", required_argument, NULL, OPT_NAME },
	{ "vm-uuid", required_argument, NULL, OPT_UUID },
	{ "domid", required_argument, NULL, OPT_DOMID },
	{ "max-sessions", required_argument, NULL, OPT_SESSIONS },
	{ "max-window-pages", required_argument, NULL, OPT_WINDOW },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "run-dir", required_argument, NULL, OPT_RUN },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "pool", required_argument, NULL, OPT_LATER },
	{ "priority", required_argument, NULL, OPT_LATER },
	{ "weight", required_argument, NULL, OPT_LATER },
	{ "rate", required_argument, NULL, OPT_LATER },
	{ "queue-depth", required_argument, NULL, OPT_LATER },
	{ "memory", required_argument, NULL, OPT_LATER },
	{ "watchdog", required_argument, NULL, OPT_LATER },
	{ NULL, 0, NULL, 0 },
};

static int misuse(const char *what, const char *why)
{
	fprintf(stderr, "vgpu-admin: %s %s; see vgpu-admin --help\n", what, why);
	return ADMIN_USAGE;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	size_t n = sizeof(later_commands) / sizeof(later_commands[0]);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(later_commands[i], name))
			return misuse(name, "is not offered by this release");
	return misuse(name, "is no command");
}

static int put_text(struct request *q, const char *key)
{
	if (!json_object_set_new(q->query, key, json_string(optarg)))
		return ADMIN_OK;
	return misuse(key, "is no valid UTF-8");
}

static int put_number(struct request *q, const char *key)
{
	char *end;
	long v = strtol(optarg, &end, 10);

	if (end == optarg || *end || v < 0 || v > INT32_MAX)
		return misuse(key, "must be a whole number");
	json_object_set_new(q->query, key, json_integer(v));
	return ADMIN_OK;
}

static int take(struct request *q, int c, int index, bool *done)
{
	char name[40];

	switch (c) {
	case OPT_NAME: return put_text(q, "vm-name");
	case OPT_UUID: return put_text(q, "vm-uuid");
	case OPT_DOMID: return put_text(q, "domid");
	case OPT_SESSIONS: return put_number(q, "max-sessions");
	case OPT_WINDOW: return put_number(q, "max-window-pages");
	case OPT_RUN: q->run_dir = optarg; return ADMIN_OK;
	case OPT_JSON: q->json = true; return ADMIN_OK;
	case OPT_VERSION: q->command = "version"; return ADMIN_OK;
	case OPT_HELP:
		fputs(usage, stdout);
		*done = true;
		return ADMIN_OK;
	case OPT_LATER:
		snprintf(name, sizeof(name), "--%s", longs[index].name);
		return misuse(name, "is not offered by this release");
	default: /* getopt_long has named the option */
		fputs("See vgpu-admin --help\n", stderr);
		return ADMIN_USAGE;
	}
}

/* An option that the command has no use for was meant to do something. */
static int check_fit(const struct request *q, const struct command *c)
{
	static const struct { const char *key; unsigned int needs; } keys[] = {
		{ "vm-name", VM }, { "vm-uuid", VM }, { "domid", VM },
		{ "max-sessions", LIMITS }, { "max-window-pages", LIMITS },
	};
	unsigned int vms = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!json_object_get(q->query, keys[i].key))
			continue;
		if (!(c->takes & keys[i].needs)) {
			fprintf(stderr, "vgpu-admin: %s takes no --%s\n",
				c->name, keys[i].key);
			return ADMIN_USAGE;
		}
		vms += keys[i].needs == VM;
	}
	if (vms > 1)
		return misuse(c->name,
			      "takes only one of --vm-name, --vm-uuid, --domid");
	if (vms == 0 && (c->takes & VM_NEEDED))
		return misuse(c->name,
			      "needs one of --vm-name, --vm-uuid, --domid");
	return ADMIN_OK;
}

int options_parse(struct request *q, int argc, char **argv, bool *done)
{
	const struct command *cmd;
	int c, r, index = 0;

	*q = (struct request){ .run_dir = "/run/vgpu", .query = json_object() };
	while ((c = getopt_long(argc, argv, "", longs, &index)) != -1) {
		r = take(q, c, index, done);
		if (r != ADMIN_OK || *done)
			return r;
	}
	if (optind < argc)
		q->command = argv[optind++];
	if (!q->command) {
		fputs(usage, stderr);
		return ADMIN_USAGE;
	}
	cmd = find_command(q->command);
	if (!cmd)
		return unknown_command(q->command);
	if (optind < argc)
		return misuse(argv[optind], "is one word too many");
	json_object_set_new(q->query, "op", json_string(cmd->name));
	return check_fit(q, cmd);
}

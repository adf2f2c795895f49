// SPDX-License-Identifier: BSD-2-Clause
/* main.c - vgpu-loopback: a Xen machine made of processes. */
#include "tools/loopback/loopback.h"

#include <stdio.h>
#include <string.h>

#include "tools/lib/log.h"

static const char usage[] =
	"usage: vgpu-loopback COMMAND\n"
	"  start [--dir DIR]              bring XenStore up, print exports\n"
	"  stop [--dir DIR]               end all of it\n"
	"  env                            print the exports again\n"
	"  introduce DOMID [NAME [UUID]]  make a domain\n"
	"  release DOMID                  the domain is gone\n"
	"  run DOMID [--] COMMAND...      run a program in a domain\n"
	"  show                           grants, mappings and ports\n"
	"  broker --dir DIR               only the broker, in the foreground\n";

/* For tests of the libraries alone: no XenStore. */
static int cmd_broker(int argc, char **argv)
{
	struct broker_args a = { .ready_fd = 1 };

	if (argc != 3 || strcmp(argv[1], "--dir")) {
		complain("usage: vgpu-loopback broker --dir DIR");
		return 1;
	}
	a.dir = argv[2];
	log_open("vgpu-loopback", LOG_WARN);
	return broker_main(&a);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "start", cmd_start },	    { "stop", cmd_stop },
	{ "env", cmd_env },	    { "introduce", cmd_introduce },
	{ "release", cmd_release }, { "run", cmd_run },
	{ "show", cmd_show },	    { "broker", cmd_broker },
};

int main(int argc, char **argv)
{
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (argc > 1 && !strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fputs(usage, stderr);
	return 2;
}

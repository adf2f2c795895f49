// SPDX-License-Identifier: BSD-2-Clause
#include "backend/options.h"

#include <getopt.h>
#include <stdio.h>

#include "backend/limits.h"
#include "backend/parse.h"
#include "tools/lib/log.h"

#define EXIT_USAGE 2

static const char usage[] =
	"Usage: vgpu-backend [OPTION...]\n"
	"Give the GPU of this host to registered Xen VMs (see vgpu-admin(8)).\n\n"
	"  --driver=PATH      CUDA driver library (default libcuda.so.1)\n"
	"  --exec=PATH        executor program (default " VGPU_LIBEXEC
	"/vgpu-exec)\n"
	"  --state-dir=DIR    registered VMs (default /var/lib/vgpu)\n"
	"  --run-dir=DIR      lock and control socket (default /run/vgpu)\n"
	"  --warm=N           executors kept ready, 0 to 16 (default 1)\n"
	"  --warm-contexts=N  of those: with a context of GPU 0 while a registered\n"
	"                     VM runs (default 1; each takes GPU memory)\n"
	"  --domid=N          own domain (default $VGPU_DOMID, else XenStore)\n"
	"  --log-level=LEVEL  error, warn, info or debug (default info)\n"
	"  --foreground       stay in the foreground, log to stderr (default)\n"
	"  --daemon           go to the background once ready\n"
	"  --log-file=PATH    with --daemon (default RUN-DIR/vgpu-backend.log)\n"
	"  --version, --help\n";

enum { OPT_DRIVER = 1, OPT_EXEC, OPT_STATE, OPT_RUN, OPT_WARM, OPT_CONTEXTS,
       OPT_DOMID, OPT_LEVEL, OPT_FG, OPT_DAEMON, OPT_LOG, OPT_VERSION, OPT_HELP };

static const struct option longs[] = {
	{ "driver", required_argument, NULL, OPT_DRIVER },
	{ "exec", required_argument, NULL, OPT_EXEC },
	{ "state-dir", required_argument, NULL, OPT_STATE },
	{ "run-dir", required_argument, NULL, OPT_RUN },
	{ "warm", required_argument, NULL, OPT_WARM },
	{ "warm-contexts", required_argument, NULL, OPT_CONTEXTS },
	{ "domid", required_argument, NULL, OPT_DOMID },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "log-file", required_argument, NULL, OPT_LOG },
	{ "foreground", no_argument, NULL, OPT_FG },
	{ "daemon", no_argument, NULL, OPT_DAEMON },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static int misuse(const char *option, const char *what)
{
	fprintf(stderr, "vgpu-backend: %s %s; try vgpu-backend --help\n",
		option, what);
	return EXIT_USAGE + 1;
}

static int number(const char *option, uint32_t high, uint32_t *ret)
{
	if (parse_u32(optarg, ret) && *ret <= high)
		return 0;
	fprintf(stderr,
		"vgpu-backend: %s=%s is no number from 0 to %u; try vgpu-backend --help\n",
		option, optarg, high);
	return EXIT_USAGE + 1;
}

static int take(struct options *o, int c)
{
	switch (c) {
	case OPT_DRIVER: o->driver = optarg; return 0;
	case OPT_EXEC: o->exec = optarg; return 0;
	case OPT_STATE: o->state_dir = optarg; return 0;
	case OPT_RUN: o->run_dir = optarg; return 0;
	case OPT_LOG: o->log_file = optarg; return 0;
	case OPT_FG: o->daemon = false; return 0;
	case OPT_DAEMON: o->daemon = true; return 0;
	case OPT_WARM: return number("--warm", MAX_WARM, &o->warm);
	case OPT_CONTEXTS:
		return number("--warm-contexts", MAX_WARM, &o->warm_contexts);
	case OPT_DOMID:
		o->domid_given = true;
		return number("--domid", 0x7fef, &o->domid);
	case OPT_LEVEL:
		o->log_level = optarg;
		if (log_level_from_name(optarg) >= 0)
			return 0;
		return misuse("--log-level",
			      "must be error, warn, info or debug");
	case OPT_VERSION:
		printf("vgpu-backend %s\n", VGPU_VERSION);
		return 1;
	case OPT_HELP:
		fputs(usage, stdout);
		return 1;
	default: /* getopt_long has named the option */
		fputs("Try vgpu-backend --help\n", stderr);
		return EXIT_USAGE + 1;
	}
}

int options_parse(struct options *o, int argc, char **argv)
{
	int c, r;

	*o = (struct options){ .driver = "libcuda.so.1",
			       .exec = VGPU_LIBEXEC "/vgpu-exec",
			       .state_dir = "/var/lib/vgpu",
			       .run_dir = "/run/vgpu",
			       .log_level = "info",
			       .warm = 1,
			       .warm_contexts = 1 };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		r = take(o, c);
		if (r)
			return r;
	}
	if (optind < argc)
		return misuse(argv[optind], "is no option");
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * cubench - what calls of the CUDA driver API cost, over whatever
 * libcuda.so.1 the dynamic linker finds: the same binary measures NVIDIA's
 * driver, this project's library, and any other.
 */
#include <getopt.h>
#include <string.h>

#include "tests/bench/bench.h"

static const char usage[] =
	"usage: cubench [--json] [--quick] [--module FILE] [--only PART,...]\n"
	"       cubench --threads N [--seconds S]\n"
	"       cubench --idle\n"
	"       cubench --gpu         (what it is, as JSON)\n"
	"parts: local remote launches copies module\n";

static const struct {
	const char *name;
	void (*run)(struct bench *b);
} parts[] = {
	{ "local", bench_local },	{ "remote", bench_remote },
	{ "launches", bench_launches }, { "copies", bench_copies },
	{ "module", bench_module },
};

struct options {
	const char *only;
	int threads, gpu, idle;
	double seconds;
};

static double number(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || !(v > 0))
		die("'%s' is not a positive number", text);
	return v;
}

static void parse(int argc, char **argv, struct bench *b, struct options *o)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "quick", no_argument, NULL, 'q' },
		{ "module", required_argument, NULL, 'm' },
		{ "only", required_argument, NULL, 'o' },
		{ "threads", required_argument, NULL, 't' },
		{ "seconds", required_argument, NULL, 's' },
		{ "idle", no_argument, NULL, 'i' },
		{ "gpu", no_argument, NULL, 'g' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'j')
			b->json = 1;
		else if (c == 'q')
			b->divide = 20, b->largest_copy = 16 << 20;
		else if (c == 'm')
			b->module_path = optarg;
		else if (c == 'o')
			o->only = optarg;
		else if (c == 't')
			o->threads = (int)number(optarg);
		else if (c == 's')
			o->seconds = number(optarg);
		else if (c == 'i')
			o->idle = 1;
		else if (c == 'g')
			o->gpu = 1;
		else
			die("wrong arguments\n%s", usage);
	}
	if (optind != argc)
		die("wrong argument '%s'\n%s", argv[optind], usage);
}

/* Is @name one of the words of the comma list? NULL is every word. */
static int wanted(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p && *p; p += strcspn(p, ",")) {
		p += *p == ',';
		if (!strncmp(p, name, len) && (!p[len] || p[len] == ','))
			return 1;
	}
	return !list;
}

static int mode_gpu(struct bench *b)
{
	int major, minor, version;
	char name[100];

	CU(cuDeviceGetName(name, sizeof(name), b->dev));
	CU(cuDriverGetVersion(&version));
	CU(cuDeviceGetAttribute(
		&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, b->dev));
	CU(cuDeviceGetAttribute(
		&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, b->dev));
	printf("{\"gpu\": \"%s\", \"arch\": %d, \"cuda\": %d}\n", name,
	       major * 10 + minor, version);
	return 0;
}

int main(int argc, char **argv)
{
	struct bench b = { .divide = 1, .largest_copy = 256 << 20 };
	struct options o = { .seconds = 2 };
	int other;

	parse(argc, argv, &b, &o);
	other = o.threads || o.idle || o.gpu;
	if (b.json && !other)
		printf("{");
	b.quiet = other;
	if (o.idle)
		mode_idle_begin();
	bench_start(&b);
	if (o.gpu)
		return mode_gpu(&b);
	if (o.threads)
		return mode_threads(&b, o.threads, o.seconds);
	if (o.idle)
		return mode_idle(&b);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (wanted(o.only, parts[i].name))
			parts[i].run(&b);
	if (b.json)
		printf("\n}\n");
	CU(cuStreamDestroy(b.stream));
	CU(cuModuleUnload(b.mod));
	CU(cuDevicePrimaryCtxRelease(b.dev));
	return 0;
}

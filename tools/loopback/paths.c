// SPDX-License-Identifier: BSD-2-Clause
/* paths.c - where libraries, xenstored and the run-time directory lie. */
#include "tools/loopback/loopback.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INSTALLED_XENSTORED "/usr/lib/xen-4.17/bin/xenstored"

void complain(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "vgpu-loopback: %s\n", text);
}

/* The folder above the one this program is in: build/ or a bundle. */
static bool tree(char path[LB_PATH])
{
	ssize_t n = readlink("/proc/self/exe", path, LB_PATH - 1);

	if (n < 0)
		return false;
	path[n] = 0;
	for (int i = 0; i < 2; i++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return false;
		*slash = 0;
	}
	return true;
}

static bool below_tree(char path[LB_PATH], const char *name)
{
	char root[LB_PATH];

	return tree(root) &&
	       snprintf(path, LB_PATH, "%s/%s", root, name) < LB_PATH;
}

static bool from_env(char path[LB_PATH], const char *name)
{
	const char *value = getenv(name);

	return value && *value &&
	       snprintf(path, LB_PATH, "%s", value) < LB_PATH;
}

bool find_libs(char path[LB_PATH])
{
	char probe[LB_PATH + 32];

	if (!from_env(path, "VGPU_LOOPBACK_LIB") &&
	    !below_tree(path, "loopback/lib"))
		return false;
	snprintf(probe, sizeof(probe), "%s/libxengnttab.so.1", path);
	if (access(probe, R_OK) == 0)
		return true;
	complain("the loopback libraries are not in %s; build them, or name "
		 "their folder in VGPU_LOOPBACK_LIB", path);
	return false;
}

bool find_xenstored(char path[LB_PATH])
{
	if (from_env(path, "VGPU_XENSTORED")) {
		if (access(path, X_OK) == 0)
			return true;
		complain("VGPU_XENSTORED is %s, which cannot be executed",
			 path);
		return false;
	}
	if (below_tree(path, "loopback/bin/xenstored") &&
	    access(path, X_OK) == 0)
		return true;
	if (access(INSTALLED_XENSTORED, X_OK) == 0) {
		memcpy(path, INSTALLED_XENSTORED, sizeof(INSTALLED_XENSTORED));
		return true;
	}
	complain("there is no xenstored: build it into the tree, install "
		 "xen-utils-4.17, or name one in VGPU_XENSTORED");
	return false;
}

bool running_dir(const char **dir)
{
	*dir = getenv("VGPU_LOOPBACK_DIR");
	if (*dir && **dir)
		return true;
	complain("VGPU_LOOPBACK_DIR is not set: run `eval \"$(vgpu-loopback "
		 "start)\"` first");
	return false;
}

bool parse_domid(const char *text, uint32_t *domid)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*domid = (uint32_t)n;
	if (*text >= '0' && *text <= '9' && !*end && n < 0x7ff0)
		return true;
	complain("'%s' is no domain number (0 to 32751)", text);
	return false;
}

bool set_store_path(const char *dir)
{
	char path[LB_PATH];

	if (snprintf(path, sizeof(path), "%s/store/socket", dir) < LB_PATH &&
	    setenv("XENSTORED_PATH", path, 1) == 0)
		return true;
	complain("the path of %s is too long", dir);
	return false;
}

/* For a shell: ' becomes '\'' */
static void print_export(const char *name, const char *value)
{
	printf("export %s='", name);
	for (; *value; value++)
		if (*value == '\'')
			printf("'\\''");
		else
			putchar(*value);
	printf("'\n");
}

static bool begins_with_folder(const char *list, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(list, folder, n) && (!list[n] || list[n] == ':');
}

void print_env(const char *dir, const char *libs)
{
	const char *old = getenv("LD_LIBRARY_PATH");
	char path[4 * LB_PATH];

	snprintf(path, sizeof(path), "%s/store/socket", dir);
	print_export("VGPU_LOOPBACK_DIR", dir);
	print_export("XENSTORED_PATH", path);
	if (old && begins_with_folder(old, libs))
		snprintf(path, sizeof(path), "%s", old);
	else
		snprintf(path, sizeof(path), "%s%s%s", libs,
			 old && *old ? ":" : "", old ? old : "");
	print_export("LD_LIBRARY_PATH", path);
	fflush(stdout);
}

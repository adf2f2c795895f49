// SPDX-License-Identifier: BSD-2-Clause
#include "backend/registry_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/parse.h"
#include "tools/lib/cleanup.h"
#include "vgpu_paths.h"

#define FILE_NAME_MAX (REGISTRY_KEY_MAX + 8)

static const char *const kind_names[] = { "vm-name", "vm-uuid", "domid" };

const char *vm_kind_name(enum vm_kind k)
{
	return kind_names[k];
}

bool vm_id_set(struct vm_id *id, enum vm_kind kind, const char *text)
{
	uint32_t domid;

	id->kind = kind;
	switch (kind) {
	case VM_NAME:
		if (!parse_vm_name(text))
			return false;
		snprintf(id->text, sizeof(id->text), "%s", text);
		return true;
	case VM_UUID:
		return parse_uuid(text, id->text);
	case VM_DOMID:
		/* 0x7ff0 and above are Xen's own (DOMID_FIRST_RESERVED). */
		if (!parse_u32(text, &domid) || domid >= 0x7ff0)
			return false;
		snprintf(id->text, sizeof(id->text), "%u", domid);
		return true;
	}
	return false;
}

void boot_id_read(char id[40])
{
	AUTO_FD int fd = open("/proc/sys/kernel/random/boot_id",
			      O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, 36);

	id[n < 0 ? 0 : n] = 0;
}

/* "name-", "uuid-" or "domid-" and the text, odd bytes as %XX. */
void registry_key(char out[REGISTRY_KEY_MAX], const struct vm_id *id)
{
	static const char *const prefix[] = { "name-", "uuid-", "domid-" };
	int n = snprintf(out, REGISTRY_KEY_MAX, "%s", prefix[id->kind]);

	for (const char *p = id->text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		bool plain = isalnum(c) || strchr("._-", c);

		n += snprintf(out + n, (size_t)(REGISTRY_KEY_MAX - n),
			      plain ? "%c" : "%%%02X", c);
	}
}

static void file_name(char out[FILE_NAME_MAX], const struct vm_id *id)
{
	registry_key(out, id);
	strcat(out, ".json");
}

static int bad(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return -EINVAL;
}

/* One whole number of the file; absent means the default. */
static bool number(json_t *o, const char *key, uint32_t low, uint32_t high,
		   uint32_t other, uint32_t *ret)
{
	json_t *v = json_object_get(o, key);

	*ret = other;
	if (!v)
		return true;
	if (!json_is_integer(v) || json_integer_value(v) < low ||
	    json_integer_value(v) > high)
		return false;
	*ret = (uint32_t)json_integer_value(v);
	return true;
}

static bool identity(json_t *o, struct vm *vm)
{
	int found = 0;

	for (int k = VM_NAME; k <= VM_DOMID; k++) {
		json_t *v = json_object_get(o, kind_names[k]);

		if (!v)
			continue;
		found++;
		if (!json_is_string(v) ||
		    !vm_id_set(&vm->id, (enum vm_kind)k, json_string_value(v)))
			return false;
	}
	return found == 1;
}

static int from_json(json_t *o, struct vm *vm, char *why, size_t size)
{
	const char *boot = json_string_value(json_object_get(o, "boot-id"));
	char now[40];

	if (!json_is_object(o))
		return bad(why, size, "the file holds no JSON object");
	if (!identity(o, vm))
		return bad(why, size,
			   "exactly one of vm-name, vm-uuid and domid must be a valid string");
	if (!number(o, "max-sessions", 1, MAX_SESSIONS_VM,
		    VGPU_DEFAULT_BE_MAX_SESS, &vm->max_sessions))
		return bad(why, size, "max-sessions must be 1 to 256");
	if (!number(o, "max-window-pages", 0, MAX_WINDOW_PAGES,
		    VGPU_DEFAULT_BE_MAX_WINDOW, &vm->max_window_pages))
		return bad(why, size, "max-window-pages must be 0 to 1048576");
	if (vm->id.kind != VM_DOMID)
		return 0;
	boot_id_read(now);
	if (!boot || strcmp(boot, now)) {
		(void)bad(why, size,
			  "the domid is of an earlier boot of this host");
		return -ESTALE;
	}
	snprintf(vm->boot_id, sizeof(vm->boot_id), "%s", boot);
	return 0;
}

int registry_file_read(const char *dir, const char *name, struct vm *ret,
		       char *why, size_t size)
{
	char path[4096], proper[FILE_NAME_MAX];
	json_error_t e;
	json_t *o;
	int r;

	memset(ret, 0, sizeof(*ret));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	o = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
	if (!o) {
		snprintf(why, size, "line %d: %s", e.line, e.text);
		return -EINVAL;
	}
	r = from_json(o, ret, why, size);
	json_decref(o);
	if (r == 0) {
		file_name(proper, &ret->id);
		if (strcmp(proper, name)) {
			snprintf(why, size, "the file must be named %s", proper);
			return -EINVAL;
		}
	}
	return r;
}

static json_t *to_json(const struct vm *vm)
{
	json_t *o = json_pack("{s:s, s:i, s:i}", kind_names[vm->id.kind],
			      vm->id.text, "max-sessions",
			      (int)vm->max_sessions, "max-window-pages",
			      (int)vm->max_window_pages);

	if (o && vm->id.kind == VM_DOMID)
		json_object_set_new(o, "boot-id", json_string(vm->boot_id));
	return o;
}

static int write_all(int fd, json_t *o)
{
	if (json_dumpfd(o, fd, JSON_INDENT(2)) < 0 || write(fd, "\n", 1) != 1 ||
	    fsync(fd) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

/* A new file under a name that is never read, then rename: a crash leaves
 * the old content or the new, never half. */
int registry_file_write(const char *dir, const struct vm *vm)
{
	char name[FILE_NAME_MAX];
	AUTO_FD int dfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int fd = -1;
	json_t *o;
	int r;

	if (dfd < 0)
		return -errno;
	file_name(name, &vm->id);
	fd = openat(dfd, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	o = to_json(vm);
	r = o ? write_all(fd, o) : -ENOMEM;
	json_decref(o);
	if (r == 0 && renameat(dfd, ".new", dfd, name) < 0)
		r = -errno;
	if (r == 0 && fsync(dfd) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dfd, ".new", 0);
	return r;
}

int registry_file_remove(const char *dir, const struct vm_id *id)
{
	char name[FILE_NAME_MAX];
	AUTO_FD int dfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dfd < 0)
		return -errno;
	file_name(name, id);
	if (unlinkat(dfd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return fsync(dfd) < 0 ? -errno : 0;
}

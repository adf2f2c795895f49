// SPDX-License-Identifier: BSD-2-Clause
/* The files of registered VMs: written, read again, and refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/registry.h"
#include "backend/registry_file.h"

static char dir[64];
static int gone, changed;

static void count_gone(struct vm *vm, void *arg)
{
	(void)vm;
	(void)arg;
	gone++;
}

static void count_changed(struct vm *vm, void *arg)
{
	(void)vm;
	(void)arg;
	changed++;
}

static int reload(struct registry *g)
{
	gone = changed = 0;
	return registry_reload(g, count_gone, count_changed, NULL);
}

static void put(const char *name, const char *text)
{
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool there(const char *name)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/vgpu-registry.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

static struct vm vm_of(enum vm_kind kind, const char *text)
{
	struct vm vm = { .max_sessions = 8, .max_window_pages = 100 };

	assert_true(vm_id_set(&vm.id, kind, text));
	if (kind == VM_DOMID)
		boot_id_read(vm.boot_id);
	return vm;
}

static void comes_back_after_restart(void **state)
{
	struct registry g, again;
	struct vm copy = vm_of(VM_NAME, "a b/c%\xc3\xa4"), *vm;

	(void)state;
	registry_init(&g, dir);
	assert_int_equal(registry_add(&g, &copy, &vm), 0);
	assert_int_equal(registry_add(&g, &copy, &vm), -EEXIST);
	assert_true(there("name-a%20b%2Fc%25%C3%A4.json"));
	registry_init(&again, dir);
	assert_int_equal(reload(&again), 0);
	assert_int_equal(again.count, 1);
	assert_int_equal(again.bad_files, 0);
	assert_string_equal(TAILQ_FIRST(&again.vms)->id.text, copy.id.text);
	assert_int_equal(TAILQ_FIRST(&again.vms)->max_sessions, 8);
	assert_int_equal(TAILQ_FIRST(&again.vms)->max_window_pages, 100);
	assert_int_equal(registry_remove(&again, TAILQ_FIRST(&again.vms)), 0);
	assert_false(there("name-a%20b%2Fc%25%C3%A4.json"));
	assert_false(there(".new"));
	registry_free(&g);
}

static void reload_sees_changes(void **state)
{
	struct registry g;

	(void)state;
	registry_init(&g, dir);
	put("name-a.json", "{\"vm-name\": \"a\"}");
	put("name-b.json", "{\"vm-name\": \"b\", \"max-sessions\": 3}");
	assert_int_equal(reload(&g), 0);
	assert_int_equal(g.count, 2);
	assert_int_equal(TAILQ_FIRST(&g.vms)->max_sessions, 64);
	put("name-b.json", "{\"vm-name\": \"b\", \"max-sessions\": 4}");
	assert_int_equal(reload(&g), 0);
	assert_int_equal(changed, 1);
	assert_int_equal(gone, 0);
	{
		char path[128];

		snprintf(path, sizeof(path), "%s/name-a.json", dir);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(reload(&g), 0);
	assert_int_equal(gone, 1);
	assert_int_equal(g.count, 1);
	registry_free(&g);
}

static void bad_files_are_named_and_kept(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"vm-name\": 3}",
		"{\"vm-name\": \"\"}",
		"{\"vm-name\": \"x\", \"domid\": \"3\"}",
		"{\"vm-name\": \"x\", \"vm-name\": \"y\"}",
		"{\"vm-name\": \"x\", \"max-sessions\": 0}",
		"{\"vm-name\": \"x\", \"max-sessions\": 257}",
		"{\"vm-name\": \"x\", \"max-sessions\": \"8\"}",
		"{\"vm-name\": \"x\", \"max-window-pages\": -1}",
		"{\"vm-name\": \"other\"}", /* not what the file's name says */
		"{\"vm-uuid\": \"1234\"}",
	};
	struct registry g;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		registry_init(&g, dir);
		put("name-x.json", bad[i]);
		assert_int_equal(reload(&g), 0);
		assert_int_equal(g.count, 0);
		assert_int_equal(g.bad_files, 1);
		assert_non_null(strstr(g.bad, "name-x.json"));
		assert_true(there("name-x.json"));
		registry_free(&g);
	}
	put("name-x.json", "{\"vm-name\": \"x\"}");
	registry_init(&g, dir);
	assert_int_equal(reload(&g), 0);
	assert_int_equal(g.count, 1); /* healed */
	assert_int_equal(g.bad_files, 0);
	registry_free(&g);
}

/* After a host's reboot domain 5 is another VM. */
static void domid_ends_with_the_boot(void **state)
{
	struct registry g;
	struct vm copy = vm_of(VM_DOMID, "5"), *vm;

	(void)state;
	registry_init(&g, dir);
	assert_int_equal(registry_add(&g, &copy, &vm), 0);
	assert_int_equal(reload(&g), 0);
	assert_int_equal(g.count, 1);
	put("domid-5.json",
	    "{\"domid\": \"5\", \"boot-id\": \"another boot\"}");
	assert_int_equal(reload(&g), 0);
	assert_int_equal(g.count, 0);
	assert_false(there("domid-5.json"));
	registry_free(&g);
}

static void no_directory(void **state)
{
	struct registry g;
	struct vm copy = vm_of(VM_NAME, "a"), *vm;

	(void)state;
	registry_init(&g, "/nonexistent/vgpu");
	assert_int_equal(reload(&g), -ENOENT);
	assert_int_equal(registry_add(&g, &copy, &vm), -ENOENT);
	assert_int_equal(g.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(comes_back_after_restart,
						setup, teardown),
		cmocka_unit_test_setup_teardown(reload_sees_changes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(bad_files_are_named_and_kept,
						setup, teardown),
		cmocka_unit_test_setup_teardown(domid_ends_with_the_boot,
						setup, teardown),
		cmocka_unit_test(no_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

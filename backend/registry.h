/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry.h - registered VMs, one JSON file each in the state directory:
 *
 *   name-user1.json: {"vm-name": "user1", "max-sessions": 64,
 *                     "max-window-pages": 16384}
 *
 * The name follows from the content, so that what was written is also what
 * unregister-vm removes; a file under another name is refused.
 */
#ifndef VGPU_REGISTRY_H
#define VGPU_REGISTRY_H

#include <stddef.h>

#include "backend/vm.h"

struct registry {
	const char *dir;
	struct vm_list vms;
	unsigned int count;
	unsigned int bad_files;
	char bad[SENTENCE_MAX]; /* the last file that could not be used */
};

void registry_init(struct registry *g, const char *dir);
void registry_free(struct registry *g);

/*
 * Read the directory again. VMs whose file is gone are handed to @gone before
 * they are freed; @changed is called for those whose limits differ.
 */
int registry_reload(struct registry *g, void (*gone)(struct vm *, void *),
		    void (*changed)(struct vm *, void *), void *arg);

struct vm *registry_find(struct registry *g, const struct vm_id *id);

/* Write the file, then list the VM. -EEXIST, -ENOSPC (too many), -errno. */
int registry_add(struct registry *g, const struct vm *copy, struct vm **ret);

/* Remove the file, then the VM, which the caller has detached. */
int registry_remove(struct registry *g, struct vm *vm);

#endif

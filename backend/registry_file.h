/* SPDX-License-Identifier: BSD-2-Clause */
/* registry_file.h - one VM's file: read strictly, written atomically. */
#ifndef VGPU_REGISTRY_FILE_H
#define VGPU_REGISTRY_FILE_H

#include <stddef.h>

#include "backend/vm.h"

/* -EINVAL with a sentence in @why; -ESTALE for a domid of an earlier boot. */
int registry_file_read(const char *dir, const char *name, struct vm *ret,
		       char *why, size_t size);
int registry_file_write(const char *dir, const struct vm *vm);
int registry_file_remove(const char *dir, const struct vm_id *id);

/* "name-", "uuid-" or "domid-" and the text, odd bytes as %XX: what belongs to
 * a VM on disk is called so. */
#define REGISTRY_KEY_MAX (VM_ID_MAX * 3 + 8)
void registry_key(char out[REGISTRY_KEY_MAX], const struct vm_id *id);

/* The kernel's id of this boot; "" where it cannot be read. */
void boot_id_read(char id[40]);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* vm.h - one registered VM: what the administrator said, and its totals. */
#ifndef VGPU_VM_H
#define VGPU_VM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "backend/limits.h"
#include "xenstore-schema/exec.h"

struct device;

enum vm_kind { VM_NAME, VM_UUID, VM_DOMID };

struct vm_id {
	enum vm_kind kind;
	char text[VM_ID_MAX + 1];
};

/* Since the daemon started; the stats are sums over ended sessions. */
struct vm_totals {
	uint64_t started;  /* sessions whose executor has mapped their pages */
	uint64_t ended;    /* of those: over for whatever reason */
	uint64_t crashed;  /* executors that died without saying why */
	uint64_t refused;  /* sessions that never came to run */
	struct exec_stats stats;
	char last_error[SENTENCE_MAX];
};

struct vm {
	TAILQ_ENTRY(vm) link;
	struct vm_id id;
	uint32_t max_sessions;
	uint32_t max_window_pages;
	char boot_id[40];      /* VM_DOMID only: a domid lives as long as Xen */
	struct vm_totals totals;
	struct device *device; /* NULL while no domain of it runs */
	char problem[SENTENCE_MAX]; /* why it has none though it should */
	bool keep;             /* mark of registry_reload */
};

TAILQ_HEAD(vm_list, vm);

const char *vm_kind_name(enum vm_kind k); /* vm-name, vm-uuid, domid */

/* Check and normalise what a person wrote; false if it cannot be. */
bool vm_id_set(struct vm_id *id, enum vm_kind kind, const char *text);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* metrics.h - sums of executors' counters, and their names. */
#ifndef VGPU_METRICS_H
#define VGPU_METRICS_H

#include <jansson.h>

#include "xenstore-schema/exec.h"

struct vm;

/* An ended session's counters go into its VM's total: counters add up, peaks
 * are compared, and what only a live session has (memory now) is dropped. */
void metrics_add(struct exec_stats *total, const struct exec_stats *session);

/* Total of a VM with its live sessions, as {"calls": n, ...}. */
json_t *metrics_of_vm(const struct vm *vm);
json_t *metrics_of_session(const struct exec_stats *stats);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec.h - vgpu-backend and its vgpu-exec processes.
 *
 * The backend starts an executor with
 *
 *   vgpu-exec --driver PATH --control-fd N [--log-level L]
 *
 * where N is one end of a SOCK_SEQPACKET socket pair. One packet is one
 * struct exec_msg. An executor first loads the driver and calls cuInit; it is
 * then "warm" and may wait in the pool for a guest process.
 *
 *   executor                        backend
 *   HELLO (driver version) ------->            warm, or FAILED and exit
 *                          <------- ASSIGN     + SCM_RIGHTS: one memfd that
 *                                              holds struct exec_stats
 *   READY or FAILED ------------->             pages mapped, port bound
 *   ENDED (code, sentence) ------>             then it exits by itself
 *                          <------- STOP       drain and exit
 *
 * The executor ends when its control socket is closed, so none outlives the
 * backend. The backend reaps it by SIGCHLD; an exit without ENDED is a crash.
 */
#ifndef VGPU_EXEC_H
#define VGPU_EXEC_H

#include <stdint.h>

#include "xenstore-schema/error.h"

#define EXEC_SID_MAX  40   /* session name without the final NUL */
#define EXEC_TEXT_MAX 256

enum exec_msg_type {
	EXEC_HELLO = 1,
	EXEC_ASSIGN,
	EXEC_READY,
	EXEC_FAILED,
	EXEC_ENDED,
	EXEC_STOP,
};

struct exec_msg {
	uint32_t type;
	uint32_t error;            /* FAILED, ENDED: enum vgpu_error */
	uint32_t driver_version;   /* HELLO: as cuDriverGetVersion */
	uint32_t devices;          /* HELLO */
	uint32_t domid;            /* ASSIGN: the guest's domain */
	uint32_t control_ref;      /* ASSIGN */
	uint32_t port;             /* ASSIGN: the guest's unbound port */
	uint32_t max_window_pages; /* ASSIGN */
	uint32_t spin_us;          /* ASSIGN */
	uint32_t guest_pid;        /* ASSIGN: for the log only */
	char sid[EXEC_SID_MAX + 1];
	char text[EXEC_TEXT_MAX];  /* FAILED, ENDED: what happened, NUL ended */
};

/*
 * Counters of one session: written by the executor only, read by the backend
 * at any time (each is one aligned word; they need not fit together exactly).
 */
struct exec_stats {
	uint64_t calls;         /* records replayed, of any kind */
	uint64_t sync_calls;    /* of those: the guest waited for a reply */
	uint64_t launches;      /* of those: kernel and graph launches */
	uint64_t errors;        /* calls whose CUDA result was not success */
	uint64_t bytes_to_gpu;
	uint64_t bytes_from_gpu;
	uint64_t memory;        /* device bytes allocated now */
	uint64_t memory_peak;
	uint64_t objects;       /* live handles */
	uint64_t wakeups;       /* the executor slept and was woken */
	uint64_t notifies;      /* events sent to the guest */
	uint64_t unsupported;   /* as the guest counts them: not trusted */
	uint64_t granted_pages; /* mapped from the guest now */
};

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec.h - vgpu-backend and its vgpu-exec processes.
 *
 * The backend starts an executor with
 *
 *   CUDA_CACHE_PATH=LINK vgpu-exec --driver PATH --control-fd N [--log-level L]
 *
 * where N is one end of a SOCK_SEQPACKET socket pair. One packet is one
 * struct exec_msg. An executor first loads the driver and calls cuInit; it is
 * then "warm" and may wait in the pool for a guest process. LINK becomes a
 * link to the cache of the guest's VM with ASSIGN, and is gone at its end.
 *
 *   executor                        backend
 *   HELLO (driver version) ------->            warm, or FAILED and exit
 *                          <------- ASSIGN     + SCM_RIGHTS: one memfd that
 *                                              holds struct exec_stats
 *   READY or FAILED ------------->             pages mapped, port bound
 *   ENDED (code, sentence) ------>             then it exits by itself
 *                          <------- STOP       drain and exit
 *                          <------- CONTEXT    while it is warm: hold a context
 *                                              of GPU 0 (error 0 or 1), so that
 *                                              the guest need not wait for one
 *
 * Memory that processes of one VM share by file descriptor: the exporter's
 * executor keeps the driver's descriptor under a random token and names the
 * session and the token to the guest. The backend only carries messages, and
 * only between sessions of one domain; it keeps nothing.
 *
 *   importer's executor         backend          exporter's executor
 *   FETCH (sid, token) ---------->
 *                                 GIVE (importer's sid, token) ------>
 *                                 <------ GIVEN (importer's sid) + fd, or none
 *   <---------- FETCHED (error) + fd
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
#define EXEC_TOKEN    16   /* random bytes: not to be guessed */
#define EXEC_SEAL_KEY 16

enum exec_msg_type {
	EXEC_HELLO = 1,
	EXEC_ASSIGN,
	EXEC_READY,
	EXEC_FAILED,
	EXEC_ENDED,
	EXEC_STOP,
	EXEC_FETCH,
	EXEC_GIVE,
	EXEC_GIVEN,
	EXEC_FETCHED,
	EXEC_CONTEXT,
};

enum exec_fetched {
	FETCH_OK,
	FETCH_UNKNOWN,             /* no such session or token in this domain */
	FETCH_BUSY,                /* too many at once: ask again */
};

struct exec_msg {
	uint32_t type;
	uint32_t error;            /* FAILED, ENDED: enum vgpu_error;
				    * FETCHED: enum exec_fetched;
				    * CONTEXT: 1 hold one, 0 let it go */
	uint32_t driver_version;   /* HELLO: as cuDriverGetVersion */
	uint32_t devices;          /* HELLO */
	uint32_t domid;            /* ASSIGN: the guest's domain */
	uint32_t control_ref;      /* ASSIGN */
	uint32_t port;             /* ASSIGN: the guest's unbound port */
	uint32_t max_window_pages; /* ASSIGN */
	uint32_t spin_us;          /* ASSIGN */
	uint32_t guest_pid;        /* ASSIGN: for the log only */
	uint32_t seq;              /* FETCH to FETCHED: which request */
	uint8_t token[EXEC_TOKEN]; /* FETCH, GIVE */
	uint8_t key[EXEC_SEAL_KEY]; /* ASSIGN: one for each domain, seal.c */
	char sid[EXEC_SID_MAX + 1]; /* ASSIGN: its own; else see above */
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
	uint64_t grant_maps;    /* pages mapped so far, and unmapped */
	uint64_t grant_unmaps;
};

#endif

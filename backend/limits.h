/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limits.h - every bound and every time limit of vgpu-backend, with its
 * reason. A guest can reach each of the first group; none can be passed.
 */
#ifndef VGPU_LIMITS_H
#define VGPU_LIMITS_H

#include "xenstore-schema/exec.h"

/* --- what guests may use ------------------------------------------------- */

/* A session is a process with its own CUDA context (hundreds of MiB of host
 * and device memory): a host with more than this many has other troubles. */
#define MAX_SESSIONS_ALL     1024
/* What an administrator may set as one VM's max-sessions. A guest's XenStore
 * quota of 1000 nodes ends it near 110 sessions by itself. */
#define MAX_SESSIONS_VM      256
/* 4 GiB. One guest has 32768 grants by default, and its rings come from them
 * too: for more, Xen and both kernels must be told (vgpu-admin(8)). */
#define MAX_WINDOW_PAGES     1048576
/* Answers kept for a guest that does not clear its session nodes away. */
#define MAX_ANSWERS_VM       64
/* Longer lists are not even looked at: xenstored's default quota is 1000. */
#define MAX_SESSION_NODES    4096
/* Unknown session nodes of one VM whose state is read in one pass. */
#define MAX_READS_PASS       128
/* New sessions of one VM a second, and how many at once: each takes a warm
 * executor, whose successor needs cuInit, and writes two lines of log. What
 * comes faster waits. */
#define START_RATE           20
#define START_BURST          64
/* Passes over one VM's nodes a second, and how many may come at once: a start
 * of a process takes three; one pass costs about a millisecond at worst. */
#define PASS_RATE            50
#define PASS_BURST           50
/* Lines of log about the state of one VM's device a second, and at once: a guest
 * may go up and down with every pass. */
#define TURN_RATE            1
#define TURN_BURST           100
/* File descriptors that processes of one VM take from each other a second, and
 * at once: all memory of a GPU in pieces of 20 MiB. Each costs two messages. */
#define FETCH_RATE           2000
#define FETCH_BURST          8192
/* Xen's FIFO event channels end here. */
#define MAX_PORT             131072
#define MAX_PROGRAM_NAME     32
/* A sentence for log, node or answer. */
#define SENTENCE_MAX         400

/* --- what the host offers ------------------------------------------------ */

#define MAX_VMS              1024
#define MAX_DOMAINS          4096
/* XAPI allows longer names, but a file name of 255 bytes must hold one with
 * three bytes for each odd character. */
#define VM_ID_MAX            80
/* cuInit takes a second and much CPU time: more at once helps nobody. */
#define MAX_WARMING          4
#define MAX_WARM             16
#define MAX_CLIENTS          16
#define MAX_REQUEST          4096
/* What NVIDIA's driver may keep of one VM's compiled code. */
#define JIT_CACHE_BYTES      (512ull << 20)
/* Watch events taken in one go before anything else has its turn. */
#define MAX_EVENTS_PASS      256
/* A transaction that lost a race this often waits for the next rescan. */
#define STORE_RETRIES        16

/* --- time limits, milliseconds ------------------------------------------- */

#define WARMUP_MS            60000 /* loading the driver and cuInit, 8 GPUs */
#define WAIT_EXEC_MS         65000 /* a session waits for a warm executor */
#define MAP_MS               10000 /* ASSIGN to READY */
#define STOP_MS              5000  /* STOP to exit; then SIGKILL */
#define EXIT_MS              5000  /* ENDED or FAILED to exit; then SIGKILL */
#define KILL_MS              10000 /* SIGKILL to reaped; then a log line */
#define ANSWER_MS            60000 /* a refusal stays readable this long */
#define CLOSE_MS             2000  /* closing device to a frontend's Closed */
#define RESCAN_MS            10000 /* heals whatever an event did not tell */
#define PING_MS              2000  /* is xenstored still there? */
#define RETRY_MIN_MS         1000  /* after a failed start of an executor */
#define RETRY_MAX_MS         30000
#define CLIENT_MS            5000  /* a client of the control socket */
#define STALL_S              45    /* seconds in one turn of the main loop */

#endif

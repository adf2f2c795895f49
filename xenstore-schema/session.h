/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.h - the pages that one guest process and its executor share.
 *
 *   control page   1 page, granted with unmap-notify; its grant reference is
 *                  the XenStore node control-ref
 *   ring           command records, guest -> host   (references in the page)
 *   replies        VGPU_SLOTS slots, host -> guest  (references in the page)
 *   arenas         bulk bytes, added at run time by the call vgArenaAdd,
 *                  whose records carry the references
 *
 * The guest shares every page with the backend's domain before it writes the
 * session's nodes. The executor copies `struct vgpu_setup` out once and checks
 * it; nothing in it is read again.
 */
#ifndef VGPU_SESSION_H
#define VGPU_SESSION_H

#include <stdint.h>

/* Raise it when a layout of this folder changes. */
#define VGPU_PROTOCOL 2

#define VGPU_MAGIC 0x55504756u /* "VGPU" */
#define VGPU_PAGE  4096u

/* 64 pages are 256 KiB: some 2,000 launches in flight, more than NVIDIA's
 * driver keeps. A power of two, because positions are masked. */
#define VGPU_RING_PAGES_MIN 4u
#define VGPU_RING_PAGES_MAX 512u

/* One slot a waiting thread; a thread that finds none free waits for one. */
#define VGPU_SLOTS       32u
#define VGPU_SLOT_SIZE   2048u
#define VGPU_REPLY_PAGES (VGPU_SLOTS * VGPU_SLOT_SIZE / VGPU_PAGE)

/* Window arenas of a session: one for staged copies, some for pinned memory,
 * and one for each range of its own memory that the program registers. */
#define VGPU_ARENAS          1024u
/* 4 GiB: what the host's administrator may give one session at most. */
#define VGPU_ARENA_PAGES_MAX (1u << 20)

/* Pieces of the window that the executor reports done one by one. */
#define VGPU_FENCES 32u

/* Host functions of the guest that may run at the same time. */
#define VGPU_CALLBACKS 16u

struct vgpu_setup {
	uint32_t magic;
	uint32_t protocol;
	uint64_t calls_hash;
	uint32_t ring_pages;
	uint32_t reply_pages;
	uint32_t pad[2];
};

/* One host function that the executor asks the guest to run. */
struct vgpu_callback {
	uint64_t token;     /* written by the executor before `want` */
	uint32_t want;      /* executor: raised by one to ask */
	uint32_t status;    /* executor: CUresult for stream callbacks */
	uint32_t done;      /* guest: set to `want` when it has run */
	uint32_t pad;
};

#define VGPU_LINE __attribute__((aligned(64)))

/*
 * The control page. Each word has one writer; words of different writers lie
 * in different cache lines. Positions are free-running byte counts.
 */
struct vgpu_control {
	struct vgpu_setup setup;                 /* guest, before connect */

	VGPU_LINE uint64_t prod;                 /* guest: bytes published */
	VGPU_LINE uint64_t cons;                 /* exec: bytes taken */
	VGPU_LINE uint64_t exec_sleeping;        /* exec: number of its sleep, 0:
						  * awake; ring once for it */
	VGPU_LINE uint32_t guest_waiters;        /* guest: ring the bell */
	VGPU_LINE uint64_t unsupported;          /* guest: for metrics only */
	uint32_t trace;                          /* guest: not 0: fill host_ns */
	VGPU_LINE uint32_t exec_error;           /* exec: enum vgpu_error */
	uint32_t spin_us;                        /* exec: the host's setting */
	uint32_t driver_version;                 /* exec */
	uint32_t max_window_pages;               /* exec */
	/* exec: low half the value that the record named, high half the
	 * CUresult. A value says that the piece is free again. */
	VGPU_LINE uint64_t fence[VGPU_FENCES];
	VGPU_LINE uint8_t guest_alive;           /* guest 1; its kernel 0 */
	VGPU_LINE uint8_t exec_alive;            /* exec 1; its kernel 0 */
	VGPU_LINE struct vgpu_callback callback[VGPU_CALLBACKS];
	VGPU_LINE uint32_t ref[VGPU_RING_PAGES_MAX + VGPU_REPLY_PAGES];
};

_Static_assert(sizeof(struct vgpu_control) <= VGPU_PAGE,
	       "the control page is one page");
_Static_assert(sizeof(struct vgpu_callback) == 24, "no hidden padding");

#endif

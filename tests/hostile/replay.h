/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.h - a session with the real loop in this process, and its tests. */
#ifndef REPLAY_H
#define REPLAY_H

#include <setjmp.h>
#include <stdio.h>

#include "cuda-exec/exec_internal.h"
#include "tests/hostile/fakecuda.h"
#include "wire_structs.h"

#define RING     (16 * VGPU_PAGE)
#define PAGES    16u
#define SLOT_CAP (VGPU_SLOT_SIZE - sizeof(struct vgpu_slot))
#define CANARY   0x5c
#define BEHIND   4096u /* bytes behind a reply's room that are watched */

enum { ID_CTX = 2, ID_STREAM, ID_EVENT };

/* A sanitizer makes a new session some fifty times as dear. */
#ifdef __SANITIZE_ADDRESS__
enum { LEN_STEP = 80, LEAST_RECORDS = 5000, WINDOW_COPIES = 2000 };
#else
enum { LEN_STEP = 8, LEAST_RECORDS = 100000, WINDOW_COPIES = 300000 };
#endif

/* replay_rig.c */
extern struct ex ex;
extern struct exec_stats stats;
extern struct ring_prod prod;
extern uint8_t *ring;
extern uint32_t seq;
extern struct fake_watch *watch;
extern void (*reset_driver)(void);
extern unsigned int seed;
extern int tests, failed;
extern char doing[200];
extern sigjmp_buf ended;

struct shape {
	uint32_t op;
	uint8_t flags;
	uint32_t ctx, slot, blob, reply_off, reply_cap, reply_arena;
	int32_t seq_step; /* 1 is right */
	uint8_t capture_mode;
};

__attribute__((format(printf, 2, 3))) void ok(bool good, const char *fmt, ...);
struct shape plain(uint32_t op);
enum vgpu_error play(const struct shape *s, const void *body, uint32_t len);
uint32_t result_of(uint32_t slot);
const uint8_t *reply_of(uint32_t slot);
void must(const struct shape *s, const void *body, uint32_t len);
void new_session(void);
void first_session(void);
bool saw_foreign(void);
bool canary_lives(void);
uint32_t rnd(void);
uint32_t interesting(void);

/* replay_ops.c */
void headers(void);
void all_ops(void);
/* replay_memory.c */
void copies(void);
void window_copies(uint32_t arena);
void arenas(void);
void arena_parts(void);
void operands_3d(void);
void foreign_handles(void);
/* replay_waits.c */
void waits(void);
/* replay_images.c */
void list_options(void);
void options(void);
void blobs(void);

#endif

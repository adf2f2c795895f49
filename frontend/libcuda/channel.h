/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * channel.h - the way to the executor: records, replies, waits, and pieces of
 * the window for bulk bytes. Included by vg.h.
 */
#ifndef VG_CHANNEL_H
#define VG_CHANNEL_H

/* ---- channel.c: records ---- */
void vg_channel_open(uint8_t *ring, uint32_t size);
CUresult vg_call(enum vgpu_op op, const struct vg_seg *in, int nin,
		 const struct vg_seg *out, int nout);
CUresult vg_post(enum vgpu_op op, const struct vg_seg *in, int nin);
/* The same in no context, and in one that need not be current; the latter
 * for what is no work and of which nobody need be told before. */
void vg_channel_end(void); /* only this thread sends any more */
CUresult vg_post_outside(enum vgpu_op op, const struct vg_seg *in, int nin);
CUresult vg_post_in(uint32_t ctx, enum vgpu_op op, const struct vg_seg *in,
		    int nin);
/* As vg_call, for a context that is not the thread's current one, and with a
 * blob sent before (0: none). */
struct vg_opts {
	uint32_t ctx, blob;
	bool use_ctx;
};
CUresult vg_call_opts(enum vgpu_op op, const struct vg_seg *in, int nin,
		      const struct vg_seg *out, int nout,
		      const struct vg_opts *o);
uint32_t vg_max_record(void);
CUresult vg_callbacks_start(void);

/* ---- reply.c: what an answered slot says ---- */
/* The result; the bytes go to @out, from @window if they came there. @output:
 * bytes that device code has printed. */
CUresult vg_reply_read(const struct vgpu_slot *s, const struct vg_seg *out,
		       int nout, const uint8_t *window, uint32_t *output);
/* Prints them. @large: the window may be used for it. */
void vg_output_fetch(uint32_t bytes, bool large);
/* First error of a call that nobody waited for; reported once. */
CUresult vg_report(CUresult r);

/* ---- wait.c: spinning and sleeping ---- */
void vg_wait_open(void);
void vg_ring_bell(void);
CUresult vg_wait(bool (*ready)(void *arg), void *arg);
CUresult vg_wait_gpu(bool (*ready)(void *arg), void *arg);
void vg_wake(void);

/* ---- window.c: pieces of granted pages for bulk bytes ---- */
struct vg_piece {
	uint32_t index, arena, value;
	uint64_t offset, size;
	uint8_t *base;
};
CUresult vg_staging(void); /* the pieces exist, or come to be */
CUresult vg_piece_take(struct vg_piece *p, bool for_gpu);
bool vg_piece_try(struct vg_piece *p, bool for_gpu);
bool vg_staging_ready(void);
/* Executor will report the piece by its fence; it then frees itself. */
void vg_piece_fly(struct vg_piece *p);
CUresult vg_piece_wait(struct vg_piece *p);
void vg_piece_free(struct vg_piece *p);
CUresult vg_arena_add(uint32_t pages, uint32_t *arena, uint8_t **base,
		      bool same_address);
void vg_arena_drop(uint32_t arena, void *base, uint32_t pages);
CUresult vg_arena_announce(const uint32_t *refs, uint32_t pages,
			   uint32_t *arena, uint64_t *address);
bool vg_arena_forget(uint32_t arena, uint32_t pages);
uint64_t vg_window_left(void);
void vg_window_close(void);

#endif

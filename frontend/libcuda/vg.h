/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vg.h - inside libcuda.so.1: what its files offer each other.
 *
 * The way of a forwarded call: a stub (generated, or one of the files here)
 * turns handles into ids, vg_call() or vg_post() writes one record into the
 * ring, and for vg_call() waits for the slot.
 */
#ifndef VG_H
#define VG_H

#include <cuda.h>
#include <cudaProfiler.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "tools/lib/cleanup.h"
#include "vgpu_ops.h"
#include "xenstore-schema/calls/manual.h"
#include "xenstore-schema/calls/sizes.h"
#include "xenstore-schema/error.h"
#include "xenstore-schema/ring.h"

#define VG_EXPORT __attribute__((visibility("default")))
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A piece of a record or of a reply; in a reply `ptr` is written to. */
struct vg_seg {
	const void *ptr;
	uint64_t len;
};

/* ---- status.c: may a call go on? ---- */
extern _Atomic int vg_status; /* CUresult of every call; 0: go on */
static inline CUresult vg_enter(void)
{
	return (CUresult)atomic_load_explicit(&vg_status, memory_order_acquire);
}
bool vg_initialised(void);
bool vg_exiting(void);
CUresult vg_not_supported(const char *what);
void vg_log_open(void);
/* The session is over: every later call answers what @error says. */
CUresult vg_session_lost(enum vgpu_error error, const char *detail);
CUresult vg_error_result(enum vgpu_error error);

/* ---- session.c: XenStore, pages, the way to the executor ---- */
struct vg_session {
	struct vgpu_control *ctl;
	uint8_t *slots;
	uint32_t be_domid, fe_domid;
	char sid[48];
	xengntshr_handle *xgs;
	xenevtchn_handle *xce;
	uint32_t port;
	uint32_t ring_size;
	uint64_t spin_ns;
};
extern struct vg_session vg_session;
enum vgpu_error vg_session_open(char *detail, size_t size);
/* Share @pages pages with the backend; NULL: no more grants. */
void *vg_share(uint32_t pages, uint32_t *refs);
void vg_unshare(void *p, uint32_t pages);
/* Why the host says that the session is over, or EXEC_DIED. */
enum vgpu_error vg_session_verdict(char *detail, size_t size);

#include "frontend/libcuda/channel.h"

/* ---- trace.c: VGPU_TRACE=summary ---- */
/* Entry points look at both at once, and go on to the function if all are 0. */
extern uint8_t vg_watched[2];
#define vg_tracing vg_watched[0]     /* set before the first call */
#define vg_logging vg_watched[1]     /* logs.c: once set, it stays */
enum vg_trace_total { VG_TRACE_BELLS, VG_TRACE_SLEEPS, VG_TRACE_SPINS,
		      VG_TRACE_FULL, VG_TRACE_XENSTORE, VG_TRACE_XS_LATER,
		      VG_TRACE_GRANTS, VG_TRACE_TOTALS };
void vg_trace_open(void);
void vg_trace_print(void);
void vg_trace_count(enum vg_trace_total what, uint64_t n);
static inline void vg_trace_add(enum vg_trace_total what, uint64_t n)
{
	if (unlikely(vg_tracing))
		vg_trace_count(what, n);
}
/* One record was sent; one call was waited for; one wait began at @since. */
void vg_trace_record(const struct vgpu_rec *h, const struct vg_seg *in,
		     int nin);
void vg_trace_host(uint64_t host_ns);
uint64_t vg_trace_now(void);
void vg_trace_waited(uint64_t since, bool slept);

/* ---- logs.c: CUDA_LOG_FILE, cuLogs* ---- */
void vg_logs_open(void);
/* Why the call that is being made will fail. */
void vg_logs_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- handle.c: what the program holds ---- */
struct vg_stream {
	_Atomic uint64_t submitted;  /* work that entered it */
	_Atomic uint64_t synced;     /* ... when it was last seen idle */
	uint64_t unique;
	uint32_t flags;
	int32_t priority;
	uint32_t ctx;                /* id */
	_Atomic bool capturing;      /* a capture began here */
};
struct vg_event {
	_Atomic uint64_t recorded;   /* records */
	_Atomic uint64_t synced;
	uint32_t flags;
	uint32_t ctx;
	_Atomic bool elsewhere;      /* recorded by graphs, by launches */
};
CUresult vg_handle_in(enum vgpu_kind kind, uintptr_t h, uint32_t *id);
CUresult vg_handles_in(enum vgpu_kind kind, const uint64_t *h, uint64_t count,
		       uint32_t **ids);
uint64_t vg_handle_out(enum vgpu_kind kind, uint32_t id);
CUresult vg_handle_new(enum vgpu_kind kind, uint32_t *id);
void vg_handle_del(enum vgpu_kind kind, uint32_t id);
/* Its context is gone: from now on CUDA_ERROR_CONTEXT_IS_DESTROYED. */
void vg_handle_bury(enum vgpu_kind kind, uint32_t id);
/* The library's own state of a handle; NULL: none. */
void *vg_handle_state(enum vgpu_kind kind, uint32_t id);
void *vg_handle_buried(enum vgpu_kind kind, uint32_t id); /* of a buried one */
bool vg_handle_set_state(enum vgpu_kind kind, uint32_t id, void *state);
/* Calls fn for every live handle of a kind that has state. */
void vg_handle_each(enum vgpu_kind kind, void (*fn)(uint32_t id, void *state,
						    void *arg), void *arg);
enum vgpu_kind vg_handle_kind(uintptr_t h);

/* ---- device.c ---- */
struct vg_device {
	struct out_vgDevice info;
	uint32_t host_index;
	struct vg_ctx *primary;
	uint32_t primary_refs;
	uint32_t primary_flags;
};
extern struct vg_device *vg_devices;
extern int vg_ndevices;
CUresult vg_devices_read(void);
int vg_driver_version(void);
struct vg_device *vg_device(CUdevice dev);

/* ---- context.c ---- */
struct vg_ctx {
	uint32_t id;
	CUdevice dev;
	uint64_t unique;             /* cuCtxGetId */
	uint32_t api_version, flags;
	_Atomic bool active;         /* the host has it */
	bool primary;
	/* Work that entered it, as stream.c counts it; at which count it was
	 * last seen idle: all streams that wait for the legacy one, all, all
	 * but for what kernels printed. */
	_Atomic uint64_t submitted, legacy_synced, synced, done;
	_Atomic int sticky;          /* first error that never goes away */
	_Atomic bool limits_known;
	struct out_vgCtxLimits limits;
	_Atomic uint32_t capturing;  /* captures that began and did not end */
	_Atomic bool capture_failed; /* one of them may be broken */
	uint32_t green;              /* id of the green context it is of */
	_Atomic uint32_t places;     /* on threads' stacks */
	_Atomic bool destroyed;
};
#define VG_STACK_MAX 64
struct vg_thread {
	struct vg_ctx *stack[VG_STACK_MAX];
	int depth;
	uint32_t capture_mode;
	uint16_t number;
	struct { uint32_t ctx, stream; } own[8]; /* per-thread streams */
};
extern _Thread_local struct vg_thread vg_thread;
extern _Thread_local int vg_ptds;
CUcontext vg_ctx_current(void);
struct vg_ctx *vg_ctx(void);      /* current, or NULL */
struct vg_ctx *vg_ctx_of(CUcontext c);
/* Also one that was destroyed, while a thread has it current. */
struct vg_ctx *vg_ctx_ever(CUcontext c);
CUresult vg_ctx_push(struct vg_ctx *c);
void vg_ctx_pop(void);
void vg_ctx_destroyed(struct vg_ctx *c); /* its handle goes, or when it can */
CUcontext vg_ctx_handle(const struct vg_ctx *c);
CUresult vg_ctx_or_current(CUcontext ctx, struct vg_ctx **ret);
CUresult vg_primary_handle(CUdevice dev, CUcontext *ret);
uint64_t vg_ctx_id(CUcontext ctx, CUresult *ret);
CUresult vg_need_ctx(struct vg_ctx **ret);
bool vg_ctx_quiet(const struct vg_ctx *c); /* no work is outstanding in it */
CUresult vg_stream_in(CUstream s, uint32_t *id, struct vg_ctx **c);
struct vg_ctx *vg_ctx_new(CUdevice dev, bool primary);
void vg_ctx_streams_die(uint32_t ctx);

/* ---- context_life.c ---- */
/* Another number whenever a context has ended: handles that the driver had
 * given out in it may mean something else from then on. */
extern _Atomic uint64_t vg_ctx_next;
static inline uint64_t vg_ctx_era(void)
{
	return atomic_load_explicit(&vg_ctx_next, memory_order_acquire);
}
void vg_ctx_ended(void);

/* ---- event.c ---- */
/* From now on the host is always asked about this event. */
void vg_event_elsewhere(uint32_t id);

/* ---- capture.c ---- */
void vg_capture_begins(struct vg_ctx *c, uint32_t stream);
void vg_capture_ends(struct vg_ctx *c, uint32_t stream);
/* A call that was waited for, or one before it, gave an error. */
void vg_capture_error(CUresult r);
/* Work for @stream is refused with @r, which is returned. */
CUresult vg_capture_refused(const struct vg_ctx *c, uint32_t stream,
			    CUresult r);
/* Posted calls that are waited for while anything is captured. */
extern const bool vg_capturable[OP_NR];
/* May this work fail because of a capture? */
static inline bool vg_capture_doubt(const struct vg_ctx *c, uint32_t stream)
{
	return unlikely(atomic_load_explicit(&c->capturing,
					     memory_order_relaxed)) &&
	       (stream <= VGPU_STREAM_LEGACY ||
		atomic_load(&c->capture_failed));
}

/* ---- stream.c ---- */
CUresult vg_stream_own(uint32_t *id); /* CU_STREAM_PER_THREAD */
void vg_stream_touch(uint32_t id);
/* The same for a copy that natively is over when its call returns. */
void vg_stream_touch_brief(uint32_t id);
/* Is nothing outstanding that could keep the GPU waiting? Then a free does
 * not wait either. */
bool vg_ctx_done(const struct vg_ctx *c);
/* Stream @id was waited for when the context's count was @submitted. */
void vg_ctx_waited(struct vg_ctx *c, uint32_t id, uint64_t submitted);
uint64_t vg_stream_id(CUcontext ctx, CUstream s);
/* Stream of a call that names none: legacy, or the thread's own for _ptds. */
CUstream vg_implicit_stream(void);
CUresult vg_stream_wait(uint32_t id);

/* ---- lookup.c, function.c, attributes.c ---- */
#define VG_GOOD_SHAPES 64
struct vg_function {
	enum vgpu_kind kind;
	uint32_t id, owner;
	uint32_t origin;             /* module or library that it came from */
	_Atomic uint64_t era;        /* vg_ctx_era() when the host told it */
	uint32_t nparams, bytes;
	struct vg_param *param;      /* behind this struct */
	char *_Atomic name;
	/* KERNEL: its function, and the context (lookup.c) */
	_Atomic uint64_t function;
	/* attributes on each device; known: vg_settings() then, or 0 */
	struct { _Atomic uint64_t known; int32_t value[VGPU_FUNC_ATTRS];
		 uint8_t result[VGPU_FUNC_ATTRS]; } attr[16];
	/* launches with attributes that the driver has accepted before */
	_Atomic uint64_t good[VG_GOOD_SHAPES];
	_Atomic bool clusters;       /* of its own, or set by an attribute */
	/* of the launch that was waited for last: vg_ctx_era() then, where,
	 * and the most shared memory that it could have had */
	_Atomic uint64_t judged, place;
	_Atomic uint32_t max_smem;
	/* driver API of CUDA 3: parameters set one by one */
	uint8_t *old_params;
	uint32_t old_size, old_block[3], old_smem;
};
#define VG_LAUNCH_ATTRS 31u /* CUDA knows some 20; the executor adds one */
CUresult vg_launch_attrs(const CUlaunchConfig *c, struct vg_launch_attr *to,
			 uint32_t *n);
CUresult vg_function_of(uintptr_t h, struct vg_function **ret);
CUresult vg_function_get(enum vgpu_kind from, uint32_t from_id,
			 const char *name, enum vgpu_kind kind,
			 struct vg_function **ret);
CUresult vg_function_by_id(enum vgpu_kind kind, uint32_t id, uint32_t origin,
			   struct vg_function **ret);
/* A module or library is gone: its handles may come back as others. */
void vg_functions_forget(uint32_t origin);
CUresult vg_function_attr(struct vg_function *f, CUdevice dev, int attr,
			  int *value);
/* What the host said of the functions of @origin holds while this number is
 * the same; it is never 0. */
uint64_t vg_settings(uint32_t origin);
void vg_settings_changed(uint32_t origin);

/* ---- tracker.c: which addresses are whose ---- */
/* Flags of a range of device memory: it is from an allocation, not mapped,
 * imported or a module's, so that freeing it cannot be refused; and nobody
 * could tell if it were freed later, and came back. */
#define VG_ALLOCATED 0x80000000u
#define VG_HOLDABLE  0x40000000u
enum vg_range_kind { VG_RANGE_DEVICE = 1, VG_RANGE_PINNED, VG_RANGE_MANAGED,
		     VG_RANGE_PLAIN /* host memory that is only staged */ };
struct vg_range {
	uint64_t base, size;
	enum vg_range_kind kind;
	uint32_t flags, ctx;
	bool pool;           /* allocated in stream order: no context's */
	bool managed;        /* pinned in the place of managed memory */
	void *owner;         /* registered: of register.c */
	uint8_t *open;       /* reserved: which grains the GPU may write */
	/* Where the GPU has base, and where the program has it; 0: there. */
	uint64_t device, host;
};
static inline uint64_t vg_range_device(const struct vg_range *r, uint64_t addr)
{
	return r->device ? r->device + (addr - r->base) : addr;
}
static inline uint64_t vg_range_host(const struct vg_range *r, uint64_t addr)
{
	return r->host ? r->host + (addr - r->base) : addr;
}
void vg_range_add(const struct vg_range *r);
bool vg_range_remove(uint64_t base, struct vg_range *ret);
bool vg_range_find(uint64_t addr, struct vg_range *ret);
void vg_range_forget(uint32_t ctx);
/* Something is known of this memory, or was set, that its successor at the
 * same address must not have: it is not held when it is freed. */
void vg_range_told(uint64_t addr);
/* Does the host's driver know all of it? */
bool vg_range_known(uint64_t addr, uint64_t len);
/* Reserved addresses are known only where memory is mapped that may be
 * written: one byte of `open` for each of these. */
#define VG_GRAIN (2ull << 20)
void vg_range_access(uint64_t addr, uint64_t len, bool open);
bool vg_opens(const CUmemAccessDesc *desc, size_t count);
/* The first range that has a byte in [base, base + size). */
bool vg_range_overlaps(uint64_t base, uint64_t size, struct vg_range *ret);
/* Were these addresses taken for the GPU's, so that nothing else has them? */
bool vg_range_reserved(uint64_t base, uint64_t size);

/* ---- held.c: what was freed, and may soon be asked for again ---- */
#define VG_HELD_BLOCKS 8u
#define VG_HELD_BLOCK  (2ull << 20)
#define VG_HELD_BYTES  (8ull << 20)
extern _Atomic uint32_t vg_held; /* blocks */
void vg_held_open(void);
bool vg_held_fits(uint64_t size);
/* False: it is no range's base any more. */
bool vg_held_keep(uint64_t base);
bool vg_held_take(uint32_t ctx, uint64_t size, uint64_t *base);
bool vg_held_give_back(void);
/* Before a record: the host frees what the program has freed. memory.c itself
 * says when that is not needed. */
static inline void vg_held_before(enum vgpu_op op)
{
	if (unlikely(atomic_load_explicit(&vg_held, memory_order_relaxed)) &&
	    op != OP_vgMemAlloc && op != OP_vgMemFree)
		vg_held_give_back();
}

/* ---- pinned.c: host memory that the GPU reaches ---- */
void *vg_pinned_alloc(uint64_t size);
bool vg_pinned_free(void *p);
/* Gives empty ones back; false: there were none. */
bool vg_pinned_trim(void);

/* ---- share.c ---- */
/* Descriptors whose last copy the program has closed end on the host too. */
void vg_share_sweep(void);

/* ---- replace.c: granted pages in the place of the program's own ---- */
/* For the whole pages [addr, addr + pages): their references; -errno: they
 * cannot be replaced. Counted: what two have asked for, both must give back. */
int vg_replace(uint64_t addr, uint32_t pages, uint32_t *refs);
void vg_replace_back(uint64_t addr, uint32_t pages);
bool vg_replace_fault(void); /* true: try again */

/* ---- fault.c: SIGSEGV ---- */
void vg_faults_catch(void);

/* ---- managed.c ---- */
extern _Atomic bool vg_managed_valid;
CUresult vg_managed_add(uint64_t base, uint64_t size, struct vg_ctx *ctx);
void vg_managed_drop(uint64_t base);
bool vg_managed_fault(uint64_t addr, bool write); /* true: try again */
/* What the program wrote goes to the GPU, before work that may read it. */
CUresult vg_managed_flush(void);

/* ---- copy.c ---- */
/* Linux maps nothing there (vm.mmap_min_addr): an address that is a number. */
static inline bool vg_nowhere(uint64_t addr)
{
	return addr < 65536;
}
CUresult vg_copy_in(uint64_t dst, const void *src, uint64_t n, CUstream s,
		    bool sync);
CUresult vg_copy_out(void *dst, uint64_t src, uint64_t n, CUstream s,
		     bool sync);
bool vg_ends_on_gpu(uint64_t addr, uint64_t n);
CUresult vg_copy(uint64_t dst, uint64_t src, uint64_t n, CUstream s,
		 bool sync);

/* ---- shadow.c: the program's own memory in captured copies ---- */
bool vg_captured(CUstream s, const struct vg_ctx *c);
CUresult vg_shadow_copy(const CUDA_MEMCPY3D *c, CUstream s);
CUresult vg_shadow_linear(uint64_t dst, uint64_t src, uint64_t n, bool in,
			  CUstream s);
/* ---- shadow_life.c: what is needed no more is freed; false: nothing was */
bool vg_shadow_reap(void);

/* ---- fix.c ---- */
/* The handle at @field becomes its id, as wide. */
CUresult vg_fix_handle(enum vgpu_kind kind, void *field);
CUresult vg_fix_CUDA_RESOURCE_DESC(CUDA_RESOURCE_DESC *d);
void vg_unfix_CUDA_RESOURCE_DESC(CUDA_RESOURCE_DESC *d);
CUresult vg_fix_CUDA_MEMCPY3D(CUDA_MEMCPY3D *d);
void vg_unfix_CUDA_MEMCPY3D(CUDA_MEMCPY3D *d);
CUresult vg_fix_CUmemLocation(CUmemLocation *l);
CUresult vg_fix_CUmemAllocationProp(CUmemAllocationProp *p);
CUresult vg_fix_CUmemPoolProps(CUmemPoolProps *p);

#endif

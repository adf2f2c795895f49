/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec_internal.h - the state of one executor: one guest process.
 *
 * Threads: the ring thread (main) owns everything here but `alive` words; the
 * monitor thread ends the process and gives exported descriptors out; host
 * functions run on the driver's own threads and touch only their callback slot.
 */
#ifndef EXEC_INTERNAL_H
#define EXEC_INTERNAL_H

#ifndef __CUDA_API_VERSION_INTERNAL
#define __CUDA_API_VERSION_INTERNAL
#endif
#include <cuda.h>
#include <cudaProfiler.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <stdlib.h>

#include <xenevtchn.h>
#include <xengnttab.h>

#include "cuda-exec/exec_waits.h"
#include "gen/real.h"
#include "gen/vgpu_ops.h"
#include "tools/lib/cleanup.h"
#include "tools/lib/log.h"
#include "tools/lib/range.h"
#include "xenstore-schema/calls/manual.h"
#include "xenstore-schema/calls/sizes.h"
#include "xenstore-schema/exec.h"
#include "xenstore-schema/ring.h"

/* Results beside CUresult that a handler may return. */
#define EX_BAD     ((CUresult)0x10000) /* impossible record: the session ends */
#define EX_PENDING ((CUresult)0x10001) /* the reply comes later */

/* Limits of one session, each with its reason. */
#define EX_OBJECTS_MAX (4u << 20)   /* handles: 160 MiB of table at most */
#define EX_BLOBS       8u           /* images on the way at the same time */
#define EX_BLOB_BYTES  (2ull << 30) /* of all of them; the largest known has
				     * some hundred MiB */
#define EX_KEPT_BYTES  (4ull << 30) /* images that the driver reads later: of
				     * more it makes copies of its own */
#define EX_LOADED_BYTES (16ull << 30) /* images and inputs of the linker that
				     * the driver may have copies of */
#define EX_SPARE_BYTES (64ull << 20) /* kept for the next image, for a while */
#define EX_LATE_BYTES  (512ull << 20) /* given back after the reply only */
#define EX_REPLY_MAX   (1u << 20)
#define EX_SHARES_MAX  8192u        /* file descriptors exported at a time: a
				     * GPU's memory in pieces of 20 MiB, as
				     * PyTorch takes it; the kernel holds some
				     * KiB for each */
#define EX_SEVERAL     UINT32_MAX /* in the place of one context */

/* The host's driver; a function that it does not have is NULL. */
struct real {
#define X(name) __typeof__(name) *name;
	REAL_CALLS(X)
#undef X
};
extern struct real R;

/* real.c: load @path and look every name up. 0, or -1 with @why filled. */
int real_load(const char *path, char *why, size_t size);

struct ex_arena {
	uint8_t *base;     /* NULL: not mapped */
	uint64_t size;
	uint32_t pages;    /* 0: free; they count from the first record on */
	uint32_t have;     /* references that came */
	uint32_t *refs;    /* until the last one has come */
	uint32_t ctx;      /* id of the context in which the driver takes DMA
			    * straight from it; 0: it does not */
};

/* Private memory for an image. */
struct ex_image {
	uint8_t *data;
	uint64_t size;
	uint64_t room;     /* mapped; 0: of malloc */
	uint64_t touched;  /* so much of it has its pages */
};

struct ex_blob {
	uint32_t id;       /* 0: free */
	uint64_t size, got;
	struct ex_image image; /* no data: there was no room for it */
	uint64_t began, copying; /* ns: first piece; in our own copies */
};

struct ex_object {
	uint64_t real;
	void *extra;       /* kind's own, freed with the object */
	uint32_t refs;
	uint32_t next;     /* in the reverse table, +1 */
	uint8_t kind;
	bool dirty;        /* stream: work since it was last seen idle */
	bool green;        /* context: what a green one is seen as */
	bool gone;         /* went with its context; the guest has the id */
	uint32_t ctx;      /* stream, event: its context; function, kernel: the
			    * module or library that it came from */
};

struct ex_objects;         /* objects.c */

struct ex_dirty {
	uint32_t stream, ctx;
	bool frees;        /* memory went back to a pool in it */
};

struct ex {
	struct vgpu_control *ctl;
	uint8_t *slots;
	struct ring_cons ring;
	uint32_t words_ctx;           /* in which slots and control page are
				       * registered, so that the GPU writes
				       * there; 0: they are not */
	uint32_t words_refused;       /* context in which that failed */
	uint32_t orphans_ctx;         /* context that may hold work of streams
				       * that were destroyed, or EX_SEVERAL */
	uint32_t prints_ctx;          /* context whose kernels print */
	uint32_t fifo_ctx;            /* context whose printf buffer has: */
	size_t fifo_size;
	uint64_t quiet_since;         /* ns: nothing had come since, when the
				       * record in work came; 0: it did */
	uint64_t bell_at;             /* position when room was last told */
	uint64_t sleeps;              /* so far; the guest rings once for each */
	struct vgpu_rec rec;          /* header of the record in work */
	uint64_t since;               /* when it was taken; 0: nobody asks */
	uint8_t *rec_buf, *reply_buf;

	xengnttab_handle *xgt;
	xenevtchn_handle *xce;
	evtchn_port_t port;
	uint32_t domid;
	char sid[EXEC_SID_MAX + 1];

	struct ex_objects *objects;
	struct ex_arena arena[VGPU_ARENAS];
	uint16_t by_base[VGPU_ARENAS]; /* mapped arenas by address */
	uint32_t mapped;
	bool unregistered;            /* some mapped arena is */
	bool fresh;                   /* by_base[] has one that the driver
				       * is not told of yet */
	uint32_t fresh_arena;
	uint64_t window_pages, window_max;
	struct ex_blob blob[EX_BLOBS];
	uint64_t blob_bytes;          /* of all of them */
	uint64_t kept_bytes;          /* images that loaded libraries read */
	uint64_t loaded_bytes;        /* of modules, libraries, links */
	struct ex_image spare;        /* unused, to be used again */
	uint64_t spare_until;         /* ns: when it is given back */

	uint32_t cur_ctx;             /* id; what is current in the driver */
	CUstreamCaptureMode cur_mode;
	struct ex_capture *capture;   /* streams under capture */
	uint32_t captures, captures_room;

	struct pend pend[EX_PENDING_MAX];
	uint32_t pends;               /* used entries are below this */
	uint32_t pend_live;
	uint32_t pend_streams;        /* live ones of type STREAM */
	uint32_t pend_watched;        /* live ones that the waiter watches */
	struct ex_dirty *dirty;       /* streams with work, no order */
	uint32_t dirties, dirty_cap;
	bool any_frees;               /* some stream ever freed */

	uint64_t touches;             /* work that entered any stream */
	CUstream own_stream;          /* for small copies to the guest */
	uint32_t own_ctx;             /* its context; 0: there is none */
	CUresult deferred;            /* first error nobody waited for */
	uint32_t deferred_op;
	struct exec_stats *stats;
	uint64_t spin_ns;
	int control_fd;
	uint8_t seal_key[EXEC_SEAL_KEY]; /* the domain's */
	const char *why;              /* sentence when the session ends */
};

struct ex_op {
	const char *name;
	CUresult (*fn)(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr);
	bool sync;
};
extern const struct ex_op ex_ops[OP_NR];

/* Every op's handler: generated, or written by hand in calls_*.c. */
#define X(op, cls) \
	CUresult ex_##op(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr);
VGPU_OPS(X)
#undef X

/* ---- objects.c: ids to the driver's handles, checked by kind ---- */
struct ex_objects *ex_objects_new(void);
void ex_objects_free(struct ex_objects *t);
struct ex_object *ex_object(struct ex *e, enum vgpu_kind kind, uint32_t id);
CUresult ex_obj(struct ex *e, enum vgpu_kind kind, uint32_t id,
		uint64_t *real);
CUresult ex_obj_new(struct ex *e, enum vgpu_kind kind, uint32_t id,
		    uint64_t real);
CUresult ex_obj_ref(struct ex *e, enum vgpu_kind kind, uint64_t real,
		    uint32_t *id);
void ex_obj_del(struct ex *e, enum vgpu_kind kind, uint32_t id);
/* A function or kernel: where its parameters lie, for launches. */
struct ex_layout {
	uint32_t n;
	struct vg_param p[];
};

/* Parameters for the driver: one pointer each where the block is what the
 * layout says, which is its fastest way in, and the only one for cooperative
 * kernels; else the block as a whole, which may be shorter than the layout: a
 * program sends as much of a large struct as its kernel will read. */
struct ex_params {
	void *each[VGPU_PARAMS + 1];
	void *extra[5];
	size_t bytes;
	void **params_arg, **extra_arg;
};
/* Of a function, or of a kernel on @dev. */
CUresult ex_func_attr(uint32_t kind, uint64_t real, int attr, CUdevice dev,
		      int *value);
void ex_params(struct ex_params *p, const struct ex_layout *l,
	       const uint8_t *block, uint32_t bytes);
void ex_obj_del_of(struct ex *e, uint32_t origin);
/* Streams and events of a context that ends: from now on they are
 * CUDA_ERROR_CONTEXT_IS_DESTROYED, and the driver does not see them. */
void ex_obj_gone(struct ex *e, uint32_t ctx);
/* The next object of ours after @id, of that kind and with that `ctx`; 0. */
uint32_t ex_obj_next(struct ex *e, enum vgpu_kind kind, uint32_t ctx,
		     uint32_t id);
CUresult ex_objs(struct ex *e, enum vgpu_kind kind, const uint32_t *ids,
		 uint64_t count, uint64_t **ret);
CUresult ex_refs(struct ex *e, enum vgpu_kind kind, const uint64_t *real,
		 uint64_t count, uint32_t *ids);

/* ---- channel.c: the guest's pages ---- */
uint8_t *ex_rec_buf(uint32_t ring_size);
int ex_map_session(struct ex *e, const struct exec_msg *assign);
void *ex_map_refs(struct ex *e, const uint32_t *refs, uint32_t n);

/* ---- window.c: arenas ---- */
CUresult ex_arena_refs(struct ex *e, const struct in_vgArenaAdd *in,
		       const uint32_t *refs);
void ex_arena_unmap(struct ex *e, uint32_t arena);
/* The mapped arena that @addr lies in, or NULL. */
const struct ex_arena *ex_arena_at(const struct ex *e, uint64_t addr);
/* Bytes [off, off+len) of an arena, or NULL. */
uint8_t *ex_window(struct ex *e, uint32_t arena, uint64_t off, uint64_t len);
void ex_register_window(struct ex *e);
void ex_register_fresh(struct ex *e);
void ex_window_forget_ctx(struct ex *e, uint32_t ctx);
void ex_reply(struct ex *e, uint16_t slot, uint32_t seq, uint64_t since,
	      CUresult r, const void *data, uint32_t len);
/* The same with what it would take from *e: for the waiter's thread. */
void ex_answer_slot(struct ex *e, uint16_t slot, uint32_t seq, uint64_t since,
		    CUresult r, const void *data, uint32_t len,
		    CUresult deferred, uint32_t deferred_op);
void ex_fence(struct ex *e, uint32_t fence, uint32_t value, CUresult r);
void ex_notify(struct ex *e);

/* ---- calls_module.c ---- */
void ex_modules_forget(struct ex *e, uint32_t ctx);

/* ---- blob.c: images on the way ---- */
CUresult ex_blob_take(struct ex *e, uint64_t size, struct ex_image *ret);
void ex_image_free(struct ex *e, struct ex_image *i);
void ex_spare_free(struct ex *e);
void ex_spare_tick(struct ex *e);
void ex_blobs_free(struct ex *e);

/* ---- calls_module.c ---- */
struct image_unpacked;
CUresult ex_image_unpack(struct ex *e, const struct ex_image *from,
			 uint64_t len, struct image_unpacked *to);

/* ---- reach.c: which memory a guest may name by address ---- */
CUresult ex_reach(const struct ex *e, uint64_t addr, uint64_t len);

/* ---- memory accounting (memmap.c) ---- */
void memmap_add(struct ex *e, uint64_t ptr, uint64_t size);
void memmap_del(struct ex *e, uint64_t ptr);

/* ---- jit.c: options of the compiler and the linker ---- */
#define EX_JIT_MAX   64u /* CUDA knows some 40 */
#define EX_JIT_LISTS 4u
struct ex_jit {
	CUjit_option name[EX_JIT_MAX];
	void *value[EX_JIT_MAX];
	uint32_t n;
	char *info, *error;    /* set before ex_jit_read() */
	uint32_t info_size, error_size;
	void *list[EX_JIT_LISTS];
	uint32_t count[EX_JIT_LISTS];
};
bool ex_jit_read(struct ex_jit *j, const struct vg_jit_option *from,
		 uint32_t n, const char *lists, uint32_t list_bytes);
void ex_jit_results(const struct ex_jit *j, struct vg_jit_results *out);
void ex_jit_free(struct ex_jit *j);

/* ---- warm.c: a context held ready for the guest ---- */
void warm_hold(bool hold);
void warm_session(void);
CUresult warm_flags(CUdevice dev, uint32_t flags);
void warm_taken(CUdevice primary_of);
uint64_t warm_tick(void);

/* ---- slack.c: memory that goes back when nothing comes ---- */
void slack_open(void); /* a session begins */
/* Called while there is nothing to do, and was nothing for @idle_ns: how long
 * a sleep may be; 0: any. */
uint64_t slack_tick(struct ex *e, uint64_t idle_ns);

/* ---- loop.c ---- */
enum vgpu_error ex_loop(struct ex *e);
CUresult ex_use_ctx(struct ex *e, uint32_t ctx);
void ex_stream_touch(struct ex *e, uint32_t stream);
/* Memory is freed in it: the driver itself must see that it is done. */
void ex_stream_frees(struct ex *e, uint32_t stream);
bool ex_stream_freed(const struct ex *e, uint32_t stream);
void ex_stream_idle(struct ex *e, uint32_t stream);
uint32_t ex_stream_ctx(struct ex *e, uint32_t stream);
void ex_stream_idle_in(struct ex *e, uint32_t stream, uint32_t ctx);
void ex_ctx_idle(struct ex *e, uint32_t ctx);
uint32_t ex_busy_streams(struct ex *e); /* of the current context */
bool ex_work_here(struct ex *e, const struct ex_dirty *d);
bool ex_ctx_quiet(struct ex *e); /* no stream of it is known busy */
/* Is all work that the current context may hold in one stream? */
bool ex_only_stream(struct ex *e, uint32_t *stream);
CUresult ex_stream(struct ex *e, uint32_t id, CUstream *ret);
/* A stream of context @ctx, which may be another than the current one. */
CUresult ex_stream_new(struct ex *e, uint32_t id, CUstream s, uint32_t ctx);

/* ---- capture.c ---- */
/* The driver's thread mode for the current record. */
CUresult ex_capture_mode(struct ex *e);
void ex_captures_forget(struct ex *e); /* those of streams that are gone */
CUresult ex_capture_room(struct ex *e);
void ex_capture_began(struct ex *e, uint32_t stream, uint32_t mode);
void ex_capture_ended(struct ex *e, uint32_t stream);
bool ex_capture_foreign(struct ex *e, uint32_t stream);
/* Our own questions to the driver must not break a guest's capture. */
void ex_relax(struct ex *e);

/* ---- devres.c: structs that are the driver's inside ---- */
void ex_learn_CUdevResource(const CUdevResource *r, uint64_t n);
CUresult ex_known_CUdevResource(const CUdevResource *r, uint64_t n);

/* ---- hmm.c: does a guest's kernel reach this process's memory? ---- */
bool hmm_reaches_us(void);

/* ---- output.c: what device code prints ---- */
int output_open(void);
uint32_t output_pending(void);
void output_back(void); /* buffers that are empty */
/* logs.c: before and after each record */
void logs_begin(const struct ex *e);
void logs_end(CUresult r);

/* ---- calls_stream.c ---- */
CUresult ex_wait_stream(struct ex *e, uint32_t id, CUstream s);
/* Functions that run in the guest, by token. */
void CUDA_CB ex_host_func(void *token);
void *ex_host_token(struct ex *e, uint64_t token);

/* ---- calls_fetch.c: bytes that the guest takes in pieces ---- */
CUresult ex_stage(const void *bytes, uint64_t size);

/* ---- seal.c: the driver's descriptions, for one domain only ---- */
void seal(const uint8_t key[EXEC_SEAL_KEY], uint32_t what, uint64_t w[8]);
void unseal(const uint8_t key[EXEC_SEAL_KEY], uint32_t what, uint64_t w[8]);
uint64_t seal_hash(const uint8_t key[EXEC_SEAL_KEY], const uint64_t *word,
		   uint32_t n);

/* ---- share.c: file descriptors for other processes of the VM ---- */
void share_init(void);
CUresult share_add(int fd, uint8_t token[EXEC_TOKEN]);
bool share_drop(const uint8_t token[EXEC_TOKEN]);
int share_dup(const uint8_t token[EXEC_TOKEN]);
/* The descriptor that session @sid of our domain exports; -1: none. */
int share_fetch(struct ex *e, const char *sid,
		const uint8_t token[EXEC_TOKEN]);
/* The backend's messages about them; *fd becomes -1 when it is kept. */
bool share_message(struct ex *e, const struct exec_msg *m, int *fd);

/* ---- monitor.c ---- */
int monitor_start(struct ex *e);
void monitor_asleep(bool asleep);
void exec_end(struct ex *e, enum vgpu_error error, const char *text)
	__attribute__((noreturn));

/* ---- fix.c: structs with handles inside ---- */
CUresult ex_fix_CUDA_RESOURCE_DESC(struct ex *e, CUDA_RESOURCE_DESC *d);
void ex_unfix_CUDA_RESOURCE_DESC(struct ex *e, CUDA_RESOURCE_DESC *d);
CUresult ex_fix_CUDA_MEMCPY3D(struct ex *e, CUDA_MEMCPY3D *d);
void ex_unfix_CUDA_MEMCPY3D(struct ex *e, CUDA_MEMCPY3D *d);
CUresult ex_fix_CUmemLocation(struct ex *e, CUmemLocation *l);
CUresult ex_fix_CUmemAllocationProp(struct ex *e, CUmemAllocationProp *p);
CUresult ex_fix_CUmemPoolProps(struct ex *e, CUmemPoolProps *p);

/* ---- fix_graph.c: parameters of a graph's nodes ---- */
struct ex_node {
	CUgraphNodeParams p;
	struct ex_params params; /* of a kernel */
	CUgraph body[VGPU_GRAPH_BODIES];
};
CUresult ex_node_in(struct ex *e, const struct in_vgNode *in, const void *tail,
		    struct ex_node *n);
CUresult ex_handle_in(struct ex *e, enum vgpu_kind kind, void *field);
CUresult ex_handle_out(struct ex *e, enum vgpu_kind kind, void *field);

#endif

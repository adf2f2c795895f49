/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softgpu.h - the driver's side: contexts, streams, work, memory.
 *
 * One lock (sg_lock) guards all of it; kernels and copies run without it.
 * Work is a graph of struct op: an op starts when the ones that it waits for
 * are done, whatever stream they are in.
 */
#ifndef SOFTGPU_H
#define SOFTGPU_H

#pragma GCC visibility push(default)
#include <cuda.h>
#pragma GCC visibility pop

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/softgpu/devmem.h"
#include "tools/softgpu/ptx.h"

#define SG_SMS 2
#define SG_CC 80
#define SG_MAX_THREADS 1024
#define SG_SMEM_DEFAULT (48u << 10)
#define SG_SMEM_OPTIN (163u << 10)
#define SG_BLOCKS_PER_SM 16

extern pthread_mutex_t sg_lock;
extern pthread_cond_t sg_done;

/* --- handles: a pointer is one only while it is in this table ------------- */
enum handle_kind { H_CTX = 1, H_STREAM, H_EVENT, H_MODULE, H_LIBRARY, H_FUNC,
		   H_KERNEL, H_POOL, H_PHYS, H_GRAPH, H_GNODE, H_GEXEC,
		   H_DEAD_STREAM /* its context is gone */, H_DEAD_MODULE,
		   H_USEROBJ };
bool handle_add(const void *p, enum handle_kind kind);
void handle_del(const void *p);
bool handle_is(const void *p, enum handle_kind kind);

/* --- contexts ------------------------------------------------------------- */
struct sg_stream;
struct grid;

struct sg_ctx {
	unsigned long long id;
	unsigned int flags;
	bool primary;
	unsigned int refs;	/* primary: retains */
	_Atomic int error;	/* sticky */
	struct sg_stream *legacy;
	struct sg_stream *streams;
	struct sg_module *modules;
	uint64_t next_stream;
};

/* device.c: 0, or CUDA_ERROR_NOT_INITIALIZED */
CUresult sg_ready(void);
uint64_t sg_time_limit_ns(void);
/* standin.c */
int sg_cc(void), sg_smem_optin(void);
bool standin_attribute(CUdevice_attribute attr, int *value);
/* context.c: current context that can work; sticky errors come back here */
CUresult sg_current(struct sg_ctx **ctx);
struct sg_ctx *sg_current_quiet(void);
size_t sg_limit_printf(void);
unsigned long long sg_next_id(void);

/* --- work ----------------------------------------------------------------- */
enum op_kind { OP_MARK, OP_KERNEL, OP_COPY, OP_FILL, OP_HOST, OP_WRITE, OP_WAIT,
	       OP_FREE };

struct copy_shape {
	uint8_t *dst;
	const uint8_t *src;
	size_t width, height, depth;
	size_t dst_pitch, src_pitch, dst_slice, src_slice;
};

struct op {
	enum op_kind kind;
	uint32_t refs;
	uint32_t pending;
	_Atomic bool done;
	uint64_t done_ns;
	struct op **succ;
	size_t nsucc, cap_succ;
	struct sg_ctx *ctx;
	struct sg_stream *stream;
	struct op *next;
	struct copy_shape copy;
	void *staging;
	uint32_t value;		/* OP_FILL */
	unsigned int elem;
	uint64_t value64;	/* OP_WRITE, OP_WAIT */
	unsigned int flags, size;
	void (*host)(void *);
	CUstreamCallback callback;
	CUstream handle;
	void *user;
	struct grid *grid;
};

struct tips {
	CUgraphNode *node;
	size_t n, cap;
};

struct captured {		/* where in which capture an event is */
	struct capture *by;	/* NULL: in none */
	struct tips tips;
};

struct sg_stream {
	struct sg_stream *next;
	struct sg_ctx *ctx;
	struct op *last;
	unsigned int flags;
	int priority;
	uint64_t id;
	pthread_t thread;	/* per-thread default stream */
	bool per_thread;
	bool zombie;
	struct capture *capture; /* that takes what enters, or NULL */
	struct tips tips;	/* the next node comes after these */
};

/* op.c; all with sg_lock held */
struct op *op_new(enum op_kind kind, struct sg_ctx *ctx);
void op_after(struct op *op, struct op *before);
void op_submit(struct op *op, struct sg_stream *s);
void op_complete(struct op *op);
void op_ref(struct op *op);
void op_unref(struct op *op);
void op_wait(struct op *op);
/* Submit; if nothing is before it, run it here; return when it is done. */
void op_run_sync(struct op *op, struct sg_stream *s);
void ctx_wait(struct sg_ctx *ctx);

/* service.c: copies, fills, host functions */
void service_push(struct op *op);
void service_start(void);
void op_execute(struct op *op);
bool value_holds(const struct op *op);

/* sched.c: kernels */
void sched_push(struct op *op);
void sched_discard(struct grid *g, void *op);
void sched_abort(struct sg_ctx *ctx);
void workers_start(void);

/* stream.c */
CUresult stream_get(CUstream h, struct sg_ctx *ctx, struct sg_stream **s);
/* For work: a stream brings its context along, where the default ones are
 * those of the current context; a capture may forbid it. */
CUresult stream_work(CUstream h, struct sg_stream **s);
void streams_bury(struct sg_ctx *ctx);
struct sg_stream *stream_new(struct sg_ctx *ctx, unsigned int flags, int prio);
void stream_free(struct sg_stream *s);

/* capture.c: work of a captured stream */
CUresult capture_kernel(struct sg_stream *s, const CUDA_KERNEL_NODE_PARAMS *k);
CUresult capture_copy(struct sg_stream *s, const struct copy_shape *c);
CUresult capture_fill(struct sg_stream *s, const CUDA_MEMSET_NODE_PARAMS *m);
CUresult capture_host(struct sg_stream *s, CUhostFn fn, void *user);
CUresult capture_record(struct sg_stream *s, CUevent h, struct captured *e,
			unsigned int flags);
CUresult capture_wait(struct sg_stream *s, CUevent h, const struct captured *e,
		      unsigned int flags);
CUresult capture_query(const struct captured *e);
CUresult capture_broken(struct sg_stream *s);
CUresult capture_allows(struct sg_stream *s);
CUresult capture_refused(CUstream h, CUresult r);
CUresult capture_unsafe(void);
CUresult capture_in(struct sg_ctx *ctx);
void capture_leave(struct sg_stream *s);
void capture_stream_ends(struct sg_stream *s);
void capture_unref(struct capture *c);
void event_uncapture(struct captured *e);
void tips_free(struct tips *t);
/* graph.c: is @to one of these nodes, or before one? */
bool graph_reaches(const CUgraphNode *from, size_t n, CUgraphNode to);

/* userobj.c: what a graph has of user objects, each reference by itself */
struct user_object;
struct owned {
	struct user_object **object;
	size_t n, cap;
};
void owned_copy(struct owned *to, const struct owned *from);
void owned_free(struct owned *o);
CUresult owned_until(const struct owned *from, CUstream s);
/* graph.c: NULL: no graph */
struct owned *graph_owned(CUgraph g);

/* --- memory --------------------------------------------------------------- */
enum mem_kind { MEM_DEVICE, MEM_MANAGED, MEM_POOL, MEM_MAPPED, MEM_HOST,
		MEM_REGISTERED };

/* Guarded by memory.c's lock, but for `base` and `size`, which stay. */
struct sg_pool {
	uint64_t base, size;	/* of one that can be shared, or 0 */
	uint64_t used;
	uint32_t refs;		/* its handle and its memory */
	int fd;			/* memfd of one that can be shared, or -1 */
	bool imported;
	cuuint64_t threshold;
};

struct mem_range {
	uint64_t addr, size;
	enum mem_kind kind;
	unsigned int flags;
	uint64_t id;
	struct sg_ctx *ctx;
	struct sg_pool *pool;
	bool foreign;		/* another process has allocated it */
};

bool mem_init(void);
CUresult mem_alloc(struct sg_ctx *ctx, size_t size, enum mem_kind kind,
		   struct sg_pool *pool, uint64_t *addr);
CUresult mem_place(const struct mem_range *r);
bool mem_charge(uint64_t n);
void mem_uncharge(uint64_t n);
CUresult mem_free(uint64_t addr, bool host);
void mem_free_ctx(struct sg_ctx *ctx);
bool mem_find(uint64_t addr, struct mem_range *r);
uint64_t mem_used(void), mem_pool_used(const struct sg_pool *pool);
void mem_pool_done(struct sg_pool *pool);

/* va.c: addresses behind the device's memory, in units of VA_GRAIN */
#define VA_GRAIN (UINT64_C(2) << 20)
void va_init(uint64_t lo, uint64_t hi);
uint64_t va_take(uint64_t size, uint64_t align, uint64_t wish);
bool va_give(uint64_t addr, uint64_t size);
bool va_inside(uint64_t addr, uint64_t size);
/* A memfd of ours that another process may have made; its size, or 0. */
int shared_new(const char *name, uint64_t size);
uint64_t shared_size(int fd, const char *name);
bool va_map(uint64_t addr, uint64_t size, int fd, uint64_t offset);
void va_unmap(uint64_t addr, uint64_t size);

/* pool.c */
void pool_unref(struct sg_pool *p);	/* with memory.c's lock held */
/* Is [addr, addr + n) inside one allocation that a device can reach? */
bool mem_ok(uint64_t addr, size_t n);
CUresult host_add(struct sg_ctx *ctx, void *p, size_t n, enum mem_kind kind,
		  unsigned int flags);

/* --- modules -------------------------------------------------------------- */
struct image {
	struct ptx_module *mod;
	uint32_t refs;
};

struct sg_module {
	struct sg_module *next;
	struct image *image;
	struct sg_ctx *ctx;
	struct sg_library *lib;
	struct sg_module *lib_next;
	uint64_t globals;
	struct sg_func **funcs;	/* one per entry of the image */
	uint32_t nfuncs;
};

struct sg_func {
	enum handle_kind kind;	/* H_FUNC or H_KERNEL */
	const struct ptx_func *fn;
	struct sg_module *mod;	/* H_FUNC */
	struct sg_library *lib;	/* H_KERNEL */
	struct sg_func *kernel;	/* H_FUNC of a library: shares attributes */
	struct sg_func *next;	/* among those that are gone */
	int max_dynamic, carveout;
	int kept[CU_FUNC_ATTRIBUTE_MAX];	/* standin.c */
};

/* Can there be clusters of @dim blocks, or of what was set where that is 0? */
CUresult standin_cluster(const struct sg_func *f, const unsigned int dim[3]);
bool standin_func_kept(const struct sg_func *f, CUfunction_attribute attr);

struct sg_library {
	struct image *image;
	struct sg_module *modules;	/* one per context that uses it */
	struct sg_func **kernels;
	uint32_t nkernels;
};

CUresult image_load(const void *data, struct image **out);
void image_unref(struct image *im);
CUresult module_instance(struct image *im, struct sg_ctx *ctx,
			 struct sg_library *lib, struct sg_module **out);
void module_free(struct sg_module *m);
void modules_bury(struct sg_ctx *ctx);
CUresult library_module(struct sg_library *lib, struct sg_ctx *ctx,
			struct sg_module **out);
/* Either kind of handle to the function in the current context. */
CUresult func_get(CUfunction h, struct sg_ctx *ctx, struct sg_func **f);
int func_max_dynamic(const struct sg_func *f);

/* fatbin.c: PTX text (NUL-terminated), or the stand-in's machine code, from
 * what programs load; malloc'ed */
CUresult fatbin_code(const void *data, char **code, size_t *len, bool *sass);
bool is_wrapper(const void *data); /* nvcc's, around a fatbin */
/* cubin.c */
size_t cubin_size(const void *elf);
CUresult cubin_load(const void *elf, struct ptx_module **out);

/* printf.c */
void printf_flush(void);
void printf_in_use(void); /* its buffer keeps its size from now on */

#endif

// SPDX-License-Identifier: BSD-2-Clause
/*
 * launch.c - launches: one record, nobody waits. What the driver would refuse
 * at once is refused here or, where only the driver knows, waited for the
 * first time, so that the program gets the error from the call.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include "tools/lib/hash.h"

struct launch {
	struct in_vgLaunch in;
	const struct vg_ctx *ctx;
	struct vg_function *f;
	const void *block;       /* a parameter block that is ready */
	void **params;           /* or one pointer a parameter */
	struct vg_launch_attr attr[VG_LAUNCH_ATTRS];
};

/* ---- what the driver refuses at once ----------------------------------- */

/* In NVIDIA's words, which programs show to people. */
static CUresult too_large(const char *what, const uint32_t n[3],
			  const int max[3])
{
	vg_logs_say("One or more of %s dimensions of (%u,%u,%u) exceeds "
		    "corresponding maximum value of (%d,%d,%d)", what, n[0],
		    n[1], n[2], max[0], max[1], max[2]);
	return CUDA_ERROR_INVALID_VALUE;
}

static CUresult check_shape(const struct launch *l, const int *a)
{
	const int *max_grid = &a[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X];
	const int *max_block = &a[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X];
	uint64_t threads = 1;

	for (int i = 0; i < 3; i++) {
		if (!l->in.grid[i] || !l->in.block[i])
			return CUDA_ERROR_INVALID_VALUE;
		if (l->in.grid[i] > (uint32_t)max_grid[i])
			return too_large("grid", l->in.grid, max_grid);
		if (l->in.block[i] > (uint32_t)max_block[i])
			return too_large("block", l->in.block, max_block);
		threads *= l->in.block[i];
	}
	return threads > (uint32_t)a[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK] ?
	       CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

/* ---- parameters -------------------------------------------------------- */

/* The old way: a block, its size and an end mark. */
static CUresult from_extra(struct launch *l, void **extra)
{
	size_t bytes = 0;

	for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
		if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
			l->block = extra[1];
		else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
			bytes = *(size_t *)extra[1];
		else
			return CUDA_ERROR_INVALID_VALUE;
	}
	if (bytes > 65536 || (bytes ? !l->block : l->f->nparams))
		return CUDA_ERROR_INVALID_VALUE;
	l->in.bytes = (uint32_t)bytes;
	return CUDA_SUCCESS;
}

static CUresult parameters(struct launch *l, void **params, void **extra)
{
	if (params && extra)
		return CUDA_ERROR_INVALID_VALUE;
	if (extra)
		return from_extra(l, extra);
	if (l->f->nparams && !params)
		return CUDA_ERROR_INVALID_VALUE;
	l->params = params;
	l->in.bytes = l->f->bytes;
	return CUDA_SUCCESS;
}

/*
 * Clusters and cooperative grids have limits that only the host's driver
 * knows: the first launch of a shape waits for its answer, the same shape
 * again does not.
 */

/* A block of another size than the kernel's: often less than all of a large
 * struct. How much less is right, the driver knows. */
static bool odd_block(const struct launch *l)
{
	return l->block && l->in.bytes != l->f->bytes;
}

/* 0: nothing in it that the driver could refuse. */
static uint64_t shape_of(const struct launch *l)
{
	bool cooperative = l->in.flags & VG_LAUNCH_COOPERATIVE;
	bool clusters = atomic_load_explicit(&l->f->clusters,
					     memory_order_relaxed);
	bool judged = cooperative || clusters || odd_block(l);
	uint64_t h = mix(clusters * 2 + cooperative,
			 odd_block(l) ? l->in.bytes + 1ull : 0);

	for (uint32_t i = 0; i < l->in.attrs; i++) {
		CUlaunchAttributeValue v;

		memcpy(&v, l->attr[i].value, sizeof(v));
		if (l->attr[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
			h = mix(h + 1, v.clusterDim.x |
				(uint64_t)v.clusterDim.y << 16 |
				(uint64_t)v.clusterDim.z << 32);
		else if (l->attr[i].id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE)
			h = mix(h + 2, v.cooperative != 0);
		else
			continue;
		judged = true;
	}
	if (!judged)
		return 0;
	for (int i = 0; i < 3; i++)
		h = mix(h, (uint64_t)l->in.grid[i] << 32 | l->in.block[i]);
	return mix(h, l->in.smem) | 1;
}

static bool seen_good(const struct launch *l)
{
	uint64_t h = shape_of(l);

	return !h || atomic_load_explicit(&l->f->good[h % VG_GOOD_SHAPES],
				    memory_order_relaxed) == h;
}

/*
 * Which attributes there are and what values they take depends on the host's
 * driver: the first launch with one waits for its answer as well.
 */
#define GOOD_ATTRS 1024u

static _Atomic uint64_t good_attr[GOOD_ATTRS];

/* Bytes of the value that say whether it is right: neither handles and
 * addresses, which differ each time, nor what a program left as it was. */
static const struct {
	uint8_t from, to;
} attr_bytes[] = {
	[CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW] = { 8, 28 },
	[CU_LAUNCH_ATTRIBUTE_COOPERATIVE] = { 0, 4 },
	[CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY] = { 0, 4 },
	[CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION] = { 0, 12 },
	[CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE] = { 0, 4 },
	[CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION] = { 0, 4 },
	[CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT] = { 8, 16 },
	[CU_LAUNCH_ATTRIBUTE_PRIORITY] = { 0, 4 },
	[CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP] = { 0, 2 },
	[CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN] = { 0, 4 },
	[11] = { 0, 12 }, /* PREFERRED_CLUSTER_DIMENSION, CUDA 12.8 */
	[CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT] = { 8, 12 },
	[14] = { 0, 4 }, /* PREFERRED_SHARED_MEMORY_CARVEOUT, CUDA 12.5 */
	[16] = { 0, 4 }, /* NVLINK_UTIL_CENTRIC_SCHEDULING, CUDA 13 */
};

static uint64_t attr_hash(const struct vg_launch_attr *a)
{
	uint64_t h = mix(1, a->id), known = sizeof(attr_bytes) / 2;
	const uint8_t *v = (const uint8_t *)a->value;

	for (size_t i = a->id < known ? attr_bytes[a->id].from : 0;
	     a->id < known && i < attr_bytes[a->id].to; i++)
		h = mix(h, v[i]);
	return h | 1;
}

static bool attrs_good(const struct launch *l)
{
	for (uint32_t i = 0; i < l->in.attrs; i++) {
		uint64_t h = attr_hash(&l->attr[i]);

		if (atomic_load_explicit(&good_attr[h / 2 % GOOD_ATTRS],
					 memory_order_relaxed) != h)
			return false;
	}
	return true;
}

/* In which context, in blocks of which shape. */
static uint64_t place_of(const struct launch *l)
{
	return (uint64_t)l->ctx->id << 32 | l->in.block[2] << 22 |
	       l->in.block[1] << 11 | l->in.block[0];
}

/* The last place, or one of those before it. */
static bool placed_before(const struct launch *l)
{
	struct vg_function *f = l->f;
	uint64_t p = place_of(l), h;

	if (likely(atomic_load_explicit(&f->place, memory_order_relaxed) == p))
		return true;
	h = mix(0, p);
	if (atomic_load_explicit(&f->good[h % VG_GOOD_SHAPES],
				 memory_order_relaxed) != h)
		return false;
	atomic_store_explicit(&f->place, p, memory_order_relaxed);
	return true;
}

/*
 * Something in it that the driver may refuse, and has not accepted before. So
 * the first launch of a function is waited for, which may load it, and its
 * first one in another context, in blocks of another shape, or after any
 * context's end, which may have been its own.
 */
static bool news(const struct launch *l)
{
	const struct vg_function *f = l->f;

	if (atomic_load_explicit(&f->judged, memory_order_relaxed) !=
		    vg_ctx_era() ||
	    l->in.smem > atomic_load_explicit(&f->max_smem,
					      memory_order_relaxed) ||
	    !placed_before(l))
		return true;
	return (l->in.flags || odd_block(l) ||
		atomic_load_explicit(&f->clusters, memory_order_relaxed)) &&
	       (!seen_good(l) || !attrs_good(l));
}

static CUresult first_launch(struct launch *l, const struct vg_seg *s)
{
	uint64_t era = vg_ctx_era(), h;
	struct out_vgLaunch out = { 0 };
	struct vg_seg o = { &out, sizeof(out) };
	CUresult r = vg_call(OP_vgLaunch, s, 3, &o, 1);

	if (r)
		return r;
	atomic_store(&l->f->max_smem, out.max_smem);
	if (out.clusters)
		atomic_store(&l->f->clusters, true);
	atomic_store(&l->f->judged, era);
	atomic_store(&l->f->place, place_of(l));
	h = mix(0, place_of(l));
	atomic_store(&l->f->good[h % VG_GOOD_SHAPES], h);
	h = shape_of(l);
	if (h)
		atomic_store(&l->f->good[h % VG_GOOD_SHAPES], h);
	for (uint32_t i = 0; i < l->in.attrs; i++) {
		h = attr_hash(&l->attr[i]);
		atomic_store(&good_attr[h / 2 % GOOD_ATTRS], h);
	}
	return CUDA_SUCCESS;
}

/* CUDA_LAUNCH_BLOCKING=1: a launch returns when it is done. The host's driver
 * has an environment of its own, so it is obeyed here. */
static bool blocking;

__attribute__((constructor)) static void read_blocking(void)
{
	const char *e = getenv("CUDA_LAUNCH_BLOCKING");

	blocking = e && atoi(e);
}

static CUresult wait_launch(const struct launch *l)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUstream s = (CUstream)vg_handle_out(KIND_STREAM, l->in.stream);

	if (cuStreamIsCapturing(s, &status) || status)
		return CUDA_SUCCESS;
	return vg_report(vg_stream_wait(l->in.stream));
}

static CUresult send(struct launch *l)
{
	uint8_t small[512];
	AUTO_FREE uint8_t *large = NULL;
	uint8_t *b = small;
	struct vg_seg s[3] = { { &l->in, sizeof(l->in) },
			       { l->block, l->in.bytes },
			       { l->attr, l->in.attrs * sizeof(l->attr[0]) } };
	CUresult r;

	if (!l->block && l->in.bytes) {
		if (l->in.bytes > sizeof(small))
			b = large = malloc(l->in.bytes);
		if (!b)
			return CUDA_ERROR_OUT_OF_MEMORY;
		for (uint32_t i = 0; i < l->f->nparams; i++)
			memcpy(b + l->f->param[i].offset, l->params[i],
			       l->f->param[i].size);
		s[1].ptr = b;
	}
	r = vg_capture_doubt(l->ctx, l->in.stream) || news(l) ?
	    first_launch(l, s) : vg_post(OP_vgLaunch, s, 3);
	vg_stream_touch(l->in.stream);
	return r || likely(!blocking) ? r : wait_launch(l);
}

static CUresult prepare(struct launch *l, CUfunction f, CUstream hStream,
			void **params, void **extra)
{
	struct vg_ctx *c;
	CUresult r = vg_stream_in(hStream, &l->in.stream, &c);

	if (r)
		return r;
	if (unlikely(atomic_load(&c->sticky)))
		return (CUresult)atomic_load(&c->sticky);
	l->ctx = c;
	r = vg_function_of((uintptr_t)f, &l->f);
	if (!r)
		r = check_shape(l, vg_devices[c->dev].info.attr);
	if (!r)
		r = parameters(l, params, extra);
	if (unlikely(r))
		return vg_capture_refused(c, l->in.stream, r);
	l->in.kind = l->f->kind;
	l->in.id = l->f->id;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI
cuLaunchKernel(CUfunction f, unsigned int gx, unsigned int gy, unsigned int gz,
	       unsigned int bx, unsigned int by, unsigned int bz,
	       unsigned int smem, CUstream hStream, void **params,
	       void **extra)
{
	struct launch l;
	CUresult r;

	l.in = (struct in_vgLaunch){ .grid = { gx, gy, gz },
				     .block = { bx, by, bz }, .smem = smem };
	l.block = NULL;
	r = prepare(&l, f, hStream, params, extra);
	return r ? r : send(&l);
}

VG_EXPORT CUresult CUDAAPI
cuLaunchCooperativeKernel(CUfunction f, unsigned int gx, unsigned int gy,
			  unsigned int gz, unsigned int bx, unsigned int by,
			  unsigned int bz, unsigned int smem, CUstream hStream,
			  void **params)
{
	struct launch l;
	CUresult r;

	l.in = (struct in_vgLaunch){ .grid = { gx, gy, gz },
				     .block = { bx, by, bz }, .smem = smem,
				     .flags = VG_LAUNCH_COOPERATIVE };
	l.block = NULL;
	r = prepare(&l, f, hStream, params, NULL);
	return r ? r : send(&l);
}

/* ---- attributes -------------------------------------------------------- */

static CUresult one_attr(const CUlaunchAttribute *from,
			 struct vg_launch_attr *to)
{
	CUlaunchAttributeValue v = from->value;
	uint32_t id = 0;
	CUresult r = CUDA_SUCCESS;

	if (from->id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT) {
		r = vg_handle_in(KIND_EVENT,
				 (uintptr_t)v.programmaticEvent.event, &id);
		v.programmaticEvent.event = (CUevent)(uintptr_t)id;
		vg_event_elsewhere(id);
	} else if (from->id == CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT) {
		r = vg_handle_in(KIND_EVENT,
				 (uintptr_t)v.launchCompletionEvent.event,
				 &id);
		v.launchCompletionEvent.event = (CUevent)(uintptr_t)id;
		vg_event_elsewhere(id);
	}
	to->id = from->id;
	to->pad = 0;
	memcpy(to->value, &v, sizeof(to->value));
	return r;
}

/* What is to be ignored does not travel. */
CUresult vg_launch_attrs(const CUlaunchConfig *c, struct vg_launch_attr *to,
			 uint32_t *n)
{
	CUresult r = CUDA_SUCCESS;

	*n = 0;
	if (c->numAttrs && !c->attrs)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned int i = 0; i < c->numAttrs && !r; i++) {
		if (c->attrs[i].id == CU_LAUNCH_ATTRIBUTE_IGNORE)
			continue;
		if (*n == VG_LAUNCH_ATTRS)
			return CUDA_ERROR_INVALID_VALUE;
		r = one_attr(&c->attrs[i], &to[(*n)++]);
	}
	return r;
}

VG_EXPORT CUresult CUDAAPI cuLaunchKernelEx(const CUlaunchConfig *c,
					    CUfunction f, void **params,
					    void **extra)
{
	struct launch l;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!c)
		return CUDA_ERROR_INVALID_VALUE;
	l.in = (struct in_vgLaunch){
		.grid = { c->gridDimX, c->gridDimY, c->gridDimZ },
		.block = { c->blockDimX, c->blockDimY, c->blockDimZ },
		.smem = c->sharedMemBytes,
		.flags = c->numAttrs ? VG_LAUNCH_EX : 0 };
	l.block = NULL;
	r = vg_launch_attrs(c, l.attr, &l.in.attrs);
	if (!r)
		r = prepare(&l, f, c->hStream, params, extra);
	return r ? r : send(&l);
}

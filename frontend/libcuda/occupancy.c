// SPDX-License-Identifier: BSD-2-Clause
/*
 * occupancy.c - the host's driver knows, and libraries ask the same again
 * before each launch: what it said last is kept. Only a block size that depends
 * on a function of the program is searched for here.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <pthread.h>

#include "tools/lib/hash.h"

/* ---- answers that were given before ------------------------------------ */

#define ANSWERS	     512u
#define ANSWER_ATTRS 2u

/*
 * All that an answer depends on. Settings of a context are not in it: they
 * moved the border between cache and shared memory on GPUs that no driver of
 * CUDA 12 knows any more.
 */
struct question {
	struct in_vgOccupancy in;
	struct vg_launch_attr attr[ANSWER_ATTRS];
	uint64_t ctx, stream; /* by numbers that never come back */
	uint64_t origin, settings, era;
};

static struct {
	struct question q;
	struct out_vgOccupancy out;
} answer[ANSWERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint32_t place_of(const struct question *q)
{
	const uint64_t *w = (const uint64_t *)q;
	uint64_t h = 0;

	_Static_assert(sizeof(*q) % sizeof(*w) == 0, "whole words");
	for (size_t i = 0; i < sizeof(*q) / sizeof(*w); i++)
		h = mix(h, w[i]);
	return h % ANSWERS;
}

static bool known(const struct question *q, struct out_vgOccupancy *out)
{
	uint32_t i = place_of(q);
	bool same;

	pthread_mutex_lock(&lock);
	same = !memcmp(&answer[i].q, q, sizeof(*q));
	if (same)
		*out = answer[i].out;
	pthread_mutex_unlock(&lock);
	return same;
}

static void keep(const struct question *q, const struct out_vgOccupancy *out)
{
	uint32_t i = place_of(q);

	pthread_mutex_lock(&lock);
	answer[i].q = *q;
	answer[i].out = *out;
	pthread_mutex_unlock(&lock);
}

static CUresult ask_host(const struct in_vgOccupancy *in,
			 const struct vg_launch_attr *attrs,
			 struct out_vgOccupancy *out)
{
	struct vg_seg s[] = { { in, sizeof(*in) },
			      { attrs, in->attrs * sizeof(*attrs) } };
	struct vg_seg o = { out, sizeof(*out) };

	return vg_call(OP_vgOccupancy, s, 2, &o, 1);
}

/* A context with an error that stays is asked itself. */
static CUresult ask(CUfunction func, struct in_vgOccupancy *in,
		    const struct vg_launch_attr *attrs, CUstream stream,
		    struct out_vgOccupancy *out)
{
	struct vg_function *f;
	struct question q;
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (!r)
		r = vg_function_of((uintptr_t)func, &f);
	if (r)
		return r;
	in->kind = f->kind;
	in->id = f->id;
	if (in->attrs > ANSWER_ATTRS || atomic_load(&c->sticky))
		return ask_host(in, attrs, out);
	q = (struct question){ .in = *in, .ctx = c->unique,
			       .stream = vg_stream_id(NULL, stream),
			       .origin = f->origin,
			       .settings = vg_settings(f->origin),
			       .era = atomic_load(&f->era) };
	for (uint32_t i = 0; i < in->attrs; i++)
		q.attr[i] = attrs[i];
	if (known(&q, out))
		return CUDA_SUCCESS;
	r = ask_host(in, attrs, out);
	if (!r)
		keep(&q, out);
	return r;
}

/* ---- questions --------------------------------------------------------- */

VG_EXPORT CUresult CUDAAPI
cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *numBlocks,
						     CUfunction func,
						     int blockSize,
						     size_t smem,
						     unsigned int flags)
{
	struct in_vgOccupancy in = { .what = VG_OCC_BLOCKS, .block = blockSize,
				     .smem = smem, .flags = flags };
	struct out_vgOccupancy out;
	CUresult r;

	if (!numBlocks)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	r = ask(func, &in, NULL, NULL, &out);
	if (!r)
		*numBlocks = (int)out.value;
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuOccupancyMaxActiveBlocksPerMultiprocessor(int *numBlocks, CUfunction func,
					    int blockSize, size_t smem)
{
	return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(numBlocks,
			func, blockSize, smem, CU_OCCUPANCY_DEFAULT);
}

VG_EXPORT CUresult CUDAAPI
cuOccupancyAvailableDynamicSMemPerBlock(size_t *bytes, CUfunction func,
					int numBlocks, int blockSize)
{
	struct in_vgOccupancy in = { .what = VG_OCC_AVAILABLE_SMEM,
				     .block = blockSize, .blocks = numBlocks };
	struct out_vgOccupancy out;
	CUresult r;

	if (!bytes || !func)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	r = ask(func, &in, NULL, NULL, &out);
	if (!r)
		*bytes = (size_t)out.value;
	return r;
}

/* With a shared memory size that the program's function tells, the driver's
 * own search cannot run on the host: try the block sizes here, from the
 * largest, as the reference describes the result: the most threads active. */
static CUresult search(int *grid, int *block, CUfunction func,
		       CUoccupancyB2DSize b2d, int limit, unsigned int flags)
{
	struct vg_function *f;
	int warp = 32, max = 0, best = 0, n;
	CUresult r = vg_function_of((uintptr_t)func, &f);

	if (!r)
		r = vg_function_attr(f, vg_ctx()->dev,
			CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &max);
	if (r)
		return r;
	if (limit > 0 && limit < max)
		max = limit;
	for (int b = max; b > 0; b = (b - 1) / warp * warp) {
		r = cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&n,
			func, b, b2d(b), flags);
		if (r)
			return r;
		if (n * b <= best)
			continue;
		best = n * b;
		*block = b;
		*grid = n * vg_devices[vg_ctx()->dev].info.attr[
			CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT];
	}
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI
cuOccupancyMaxPotentialBlockSizeWithFlags(int *grid, int *block,
					  CUfunction func,
					  CUoccupancyB2DSize b2d, size_t smem,
					  int limit, unsigned int flags)
{
	struct in_vgOccupancy in = { .what = VG_OCC_POTENTIAL, .block = limit,
				     .smem = smem, .flags = flags };
	struct out_vgOccupancy out;
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!grid || !block)
		return CUDA_ERROR_INVALID_VALUE;
	if (b2d)
		return search(grid, block, func, b2d, limit, flags);
	r = ask(func, &in, NULL, NULL, &out);
	if (r)
		return r;
	*grid = (int)out.value;
	*block = (int)out.value2;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI
cuOccupancyMaxPotentialBlockSize(int *grid, int *block, CUfunction func,
				 CUoccupancyB2DSize b2d, size_t smem, int limit)
{
	return cuOccupancyMaxPotentialBlockSizeWithFlags(grid, block, func,
			b2d, smem, limit, CU_OCCUPANCY_DEFAULT);
}

static CUresult clusters(int *ret, CUfunction func, const CUlaunchConfig *c,
			 uint32_t what)
{
	struct vg_launch_attr attrs[VG_LAUNCH_ATTRS];
	struct in_vgOccupancy in = { .what = what };
	struct out_vgOccupancy out;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!ret || !c || !func)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_launch_attrs(c, attrs, &in.attrs);
	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)c->hStream,
				 &in.stream);
	if (r)
		return r;
	memcpy(in.grid, &c->gridDimX, sizeof(in.grid));
	memcpy(in.dim, &c->blockDimX, sizeof(in.dim));
	in.smem = c->sharedMemBytes;
	r = ask(func, &in, attrs, c->hStream, &out);
	if (!r)
		*ret = (int)out.value;
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuOccupancyMaxActiveClusters(int *numClusters, CUfunction func,
			     const CUlaunchConfig *config)
{
	return clusters(numClusters, func, config, VG_OCC_CLUSTERS);
}

VG_EXPORT CUresult CUDAAPI
cuOccupancyMaxPotentialClusterSize(int *clusterSize, CUfunction func,
				   const CUlaunchConfig *config)
{
	return clusters(clusterSize, func, config, VG_OCC_CLUSTER_SIZE);
}

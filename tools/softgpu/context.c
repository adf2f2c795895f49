// SPDX-License-Identifier: BSD-2-Clause
/* context.c - the primary context, created ones, each thread's stack. */
#include "tools/softgpu/softgpu.h"

#include <stdlib.h>
#include <string.h>

#define STACK 64
#define FLAG_MASK 0xffu

static struct sg_ctx *primary;
static unsigned int primary_flags;
static _Thread_local struct sg_ctx *stack[STACK];
static _Thread_local int depth;
static _Atomic unsigned long long ids = 1;
static _Atomic bool printf_used;

static size_t limits[CU_LIMIT_MAX] = {
	[CU_LIMIT_STACK_SIZE] = 1024,
	[CU_LIMIT_PRINTF_FIFO_SIZE] = 1 << 20,
	[CU_LIMIT_MALLOC_HEAP_SIZE] = 8 << 20,
	[CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2,
	[CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048,
	[CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = 64,
};

unsigned long long sg_next_id(void)
{
	return atomic_fetch_add(&ids, 1);
}

size_t sg_limit_printf(void)
{
	return limits[CU_LIMIT_PRINTF_FIFO_SIZE];
}

static struct sg_ctx *ctx_new(unsigned int flags, bool is_primary)
{
	struct sg_ctx *c = calloc(1, sizeof(*c));

	if (!c || !handle_add(c, H_CTX)) {
		free(c);
		return NULL;
	}
	c->id = sg_next_id();
	c->flags = flags;
	c->primary = is_primary;
	c->legacy = stream_new(c, 0, 0);
	pthread_mutex_lock(&sg_lock);
	workers_start();
	service_start();
	pthread_mutex_unlock(&sg_lock);
	return c;
}

/* Work that never ends is ended; modules, memory and streams go. */
static void ctx_clear(struct sg_ctx *c)
{
	int none = 0;

	pthread_mutex_lock(&sg_lock);
	atomic_compare_exchange_strong(&c->error, &none,
				       CUDA_ERROR_CONTEXT_IS_DESTROYED);
	sched_abort(c);
	ctx_wait(c);
	modules_bury(c);
	streams_bury(c);
	pthread_mutex_unlock(&sg_lock);
	mem_free_ctx(c);
	printf_flush();
	c->error = 0;
}

struct sg_ctx *sg_current_quiet(void)
{
	struct sg_ctx *c = depth ? stack[depth - 1] : NULL;

	return c && handle_is(c, H_CTX) ? c : NULL;
}

CUresult sg_current(struct sg_ctx **ctx)
{
	struct sg_ctx *c;

	if (sg_ready())
		return sg_ready();
	if (!depth || !stack[depth - 1])
		return CUDA_ERROR_INVALID_CONTEXT;
	c = stack[depth - 1];
	if (!handle_is(c, H_CTX) || !c->legacy)
		return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	if (c->error)
		return (CUresult)c->error;
	*ctx = c;
	return CUDA_SUCCESS;
}

/* --- primary context ------------------------------------------------------ */

static CUresult dev_check(CUdevice dev)
{
	if (sg_ready())
		return sg_ready();
	return dev ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice dev)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	CUresult r = dev_check(dev);

	if (r || !out)
		return r ? r : CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&lock);
	if (!primary)
		primary = ctx_new(primary_flags, true);
	if (primary && !primary->legacy)
		primary->legacy = stream_new(primary, 0, 0);
	if (!primary || !primary->legacy) {
		r = CUDA_ERROR_OUT_OF_MEMORY;
	} else {
		primary->refs++;
		*out = (CUcontext)primary;
	}
	pthread_mutex_unlock(&lock);
	return r;
}

/* The handle stays: the same context comes back at the next retain. */
static void primary_clear(void)
{
	ctx_clear(primary);
	primary->legacy = NULL;
	primary->id = sg_next_id();
}

CUresult cuDevicePrimaryCtxRelease(CUdevice dev)
{
	CUresult r = dev_check(dev);

	if (r)
		return r;
	if (!primary || !primary->refs)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (--primary->refs == 0)
		primary_clear();
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxReset(CUdevice dev)
{
	CUresult r = dev_check(dev);

	if (!r && primary && primary->legacy) {
		primary_clear();
		primary->refs = 0;
	}
	return r;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice dev, unsigned int *flags,
				    int *active)
{
	CUresult r = dev_check(dev);

	if (r || !flags || !active)
		return r ? r : CUDA_ERROR_INVALID_VALUE;
	*active = primary && primary->legacy;
	*flags = primary_flags;
	return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxSetFlags(CUdevice dev, unsigned int flags)
{
	CUresult r = dev_check(dev);

	if (r || (flags & ~FLAG_MASK))
		return r ? r : CUDA_ERROR_INVALID_VALUE;
	primary_flags = flags;
	if (primary)
		primary->flags = flags;
	return CUDA_SUCCESS;
}

/* --- stack ---------------------------------------------------------------- */

CUresult cuCtxPushCurrent(CUcontext ctx)
{
	if (sg_ready())
		return sg_ready();
	if (!ctx || !handle_is(ctx, H_CTX))
		return ctx ? CUDA_ERROR_INVALID_CONTEXT
			   : CUDA_ERROR_INVALID_VALUE;
	if (depth == STACK)
		return CUDA_ERROR_OUT_OF_MEMORY;
	stack[depth++] = (struct sg_ctx *)ctx;
	return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent(CUcontext *out)
{
	if (sg_ready())
		return sg_ready();
	if (!depth)
		return CUDA_ERROR_INVALID_CONTEXT;
	depth--;
	if (out)
		*out = (CUcontext)stack[depth];
	return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext ctx)
{
	if (sg_ready())
		return sg_ready();
	if (ctx && !handle_is(ctx, H_CTX))
		return CUDA_ERROR_INVALID_CONTEXT;
	if (depth)
		depth--;
	if (ctx)
		stack[depth++] = (struct sg_ctx *)ctx;
	return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext *out)
{
	if (sg_ready())
		return sg_ready();
	if (!out)
		return CUDA_ERROR_INVALID_VALUE;
	*out = (CUcontext)sg_current_quiet();
	return CUDA_SUCCESS;
}

CUresult cuCtxCreate(CUcontext *out, CUctxCreateParams *params,
		     unsigned int flags, CUdevice dev)
{
	CUresult r = dev_check(dev);
	struct sg_ctx *c;

	if (r || !out || (flags & ~FLAG_MASK))
		return r ? r : CUDA_ERROR_INVALID_VALUE;
	if (params && (params->numExecAffinityParams || params->cigParams))
		return CUDA_ERROR_NOT_SUPPORTED;
	c = ctx_new(flags, false);
	if (!c)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = cuCtxPushCurrent((CUcontext)c);
	*out = (CUcontext)c;
	return r;
}

CUresult cuCtxDestroy(CUcontext ctx)
{
	struct sg_ctx *c = (struct sg_ctx *)ctx;

	if (sg_ready())
		return sg_ready();
	if (!ctx || !handle_is(ctx, H_CTX) || c->primary)
		return CUDA_ERROR_INVALID_CONTEXT;
	ctx_clear(c);
	handle_del(c);
	if (depth && stack[depth - 1] == c)
		depth--;
	free(c);
	return CUDA_SUCCESS;
}

/* --- questions ------------------------------------------------------------ */

static CUresult context_or_current(CUcontext ctx, struct sg_ctx **c)
{
	*c = NULL;
	if (sg_ready())
		return sg_ready();
	*c = ctx ? (struct sg_ctx *)ctx : sg_current_quiet();
	if (*c && handle_is(*c, H_CTX))
		return CUDA_SUCCESS;
	return !ctx && depth && stack[depth - 1] ?
	       CUDA_ERROR_CONTEXT_IS_DESTROYED : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuCtxGetDevice_v2(CUdevice *dev, CUcontext ctx)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(ctx, &c);

	if (!r && !dev)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*dev = 0;
	return r;
}

CUresult cuCtxGetDevice(CUdevice *dev)
{
	return cuCtxGetDevice_v2(dev, NULL);
}

CUresult cuCtxGetFlags(unsigned int *flags)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(NULL, &c);

	if (!r && !flags)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*flags = c->flags;
	return r;
}

CUresult cuCtxGetId(CUcontext ctx, unsigned long long *id)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(ctx, &c);

	if (!r && !id)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*id = c->id;
	return r;
}

CUresult cuCtxGetApiVersion(CUcontext ctx, unsigned int *version)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(ctx, &c);

	if (!r && !version)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*version = 3020;
	return r;
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(NULL, &c);

	if (!r && least)
		*least = 0;
	if (!r && greatest)
		*greatest = 0;
	return r;
}

CUresult cuCtxGetLimit(size_t *value, CUlimit limit)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(NULL, &c);

	if (!r && !value)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r && sg_standin() && limit > CU_LIMIT_MAX_L2_FETCH_GRANULARITY &&
	    limit < CU_LIMIT_MAX) {
		*value = 0; /* nothing persists, no graphics beside it */
		return CUDA_SUCCESS;
	}
	if (!r && (unsigned int)limit > CU_LIMIT_MAX_L2_FETCH_GRANULARITY)
		r = CUDA_ERROR_UNSUPPORTED_LIMIT;
	if (!r)
		*value = limits[limit];
	return r;
}

void printf_in_use(void)
{
	printf_used = true;
}

CUresult cuCtxSetLimit(CUlimit limit, size_t value)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(NULL, &c);

	if (!r && (unsigned int)limit > CU_LIMIT_MAX_L2_FETCH_GRANULARITY)
		r = CUDA_ERROR_UNSUPPORTED_LIMIT;
	/* As the driver does, also for the size that it has. */
	if (!r && limit == CU_LIMIT_PRINTF_FIFO_SIZE && printf_used)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		limits[limit] = value;
	return r;
}

CUresult cuCtxSetCacheConfig(CUfunc_cache config)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(NULL, &c);

	return !r && (unsigned int)config > 3 ? CUDA_ERROR_INVALID_VALUE : r;
}

CUresult cuCtxGetCacheConfig(CUfunc_cache *config)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(NULL, &c);

	if (!r && !config)
		r = CUDA_ERROR_INVALID_VALUE;
	if (!r)
		*config = CU_FUNC_CACHE_PREFER_NONE;
	return r;
}

CUresult cuCtxSynchronize_v2(CUcontext ctx)
{
	struct sg_ctx *c;
	CUresult r = context_or_current(ctx, &c);

	if (!r)
		r = capture_in(c);
	if (r)
		return r;
	pthread_mutex_lock(&sg_lock);
	ctx_wait(c);
	pthread_mutex_unlock(&sg_lock);
	printf_flush();
	return (CUresult)atomic_load(&c->error);
}

CUresult cuCtxSynchronize(void)
{
	return cuCtxSynchronize_v2(NULL);
}

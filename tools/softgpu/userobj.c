// SPDX-License-Identifier: BSD-2-Clause
/*
 * userobj.c - user objects: a count, and a destructor that runs on a thread of
 * its own when the count comes to nothing. A graph's copies have references of
 * their own, and so has a launch, until it is done.
 */
#include "tools/softgpu/softgpu.h"
#include "tools/softgpu/exec.h"

#include <stdlib.h>

struct user_object {
	_Atomic uint64_t refs;
	CUhostFn destroy;
	void *arg;
};

static void *destroy(void *arg)
{
	struct user_object *o = arg;

	o->destroy(o->arg);
	free(o);
	return NULL;
}

static void release(struct user_object *o, uint64_t n)
{
	pthread_t t;

	if (atomic_fetch_sub(&o->refs, n) != n)
		return;
	handle_del(o);
	if (pthread_create(&t, NULL, destroy, o))
		abort();
	pthread_detach(t);
}

/* ---- of graphs ----------------------------------------------------------- */

static void own(struct owned *to, struct user_object *o)
{
	to->object = grow(to->object, &to->cap, to->n, sizeof(o));
	to->object[to->n++] = o;
}

void owned_copy(struct owned *to, const struct owned *from)
{
	for (size_t i = 0; i < from->n; i++) {
		atomic_fetch_add(&from->object[i]->refs, 1);
		own(to, from->object[i]);
	}
}

void owned_free(struct owned *o)
{
	for (size_t i = 0; i < o->n; i++)
		release(o->object[i], 1);
	free(o->object);
	*o = (struct owned){ 0 };
}

static void launched(void *arg)
{
	owned_free(arg);
	free(arg);
}

/* After all that @s has now, what a launch needs may go. */
CUresult owned_until(const struct owned *from, CUstream s)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
	struct owned *o;
	CUresult r;

	if (!from->n || (!cuStreamIsCapturing(s, &status) && status))
		return CUDA_SUCCESS;
	o = calloc(1, sizeof(*o));
	if (!o)
		abort();
	owned_copy(o, from);
	r = cuLaunchHostFunc(s, launched, o);
	if (r)
		launched(o);
	return r;
}

/* ---- calls --------------------------------------------------------------- */

CUresult cuUserObjectCreate(CUuserObject *ret, void *arg, CUhostFn fn,
			    unsigned int refs, unsigned int flags)
{
	struct user_object *o;

	if (!ret || !fn || !refs || flags != CU_USER_OBJECT_NO_DESTRUCTOR_SYNC)
		return CUDA_ERROR_INVALID_VALUE;
	o = calloc(1, sizeof(*o));
	if (!o || !handle_add(o, H_USEROBJ))
		abort();
	o->refs = refs;
	o->destroy = fn;
	o->arg = arg;
	*ret = (CUuserObject)o;
	return CUDA_SUCCESS;
}

CUresult cuUserObjectRetain(CUuserObject h, unsigned int n)
{
	if (!n || !handle_is(h, H_USEROBJ))
		return CUDA_ERROR_INVALID_VALUE;
	atomic_fetch_add(&((struct user_object *)h)->refs, n);
	return CUDA_SUCCESS;
}

CUresult cuUserObjectRelease(CUuserObject h, unsigned int n)
{
	if (!n || !handle_is(h, H_USEROBJ))
		return CUDA_ERROR_INVALID_VALUE;
	release((struct user_object *)h, n);
	return CUDA_SUCCESS;
}

CUresult cuGraphRetainUserObject(CUgraph g, CUuserObject h, unsigned int n,
				 unsigned int flags)
{
	struct user_object *o = (struct user_object *)h;
	struct owned *to = graph_owned(g);

	if (!to || !n || !handle_is(h, H_USEROBJ) ||
	    flags & ~(unsigned int)CU_GRAPH_USER_OBJECT_MOVE)
		return CUDA_ERROR_INVALID_VALUE;
	if (!(flags & CU_GRAPH_USER_OBJECT_MOVE))
		atomic_fetch_add(&o->refs, n);
	for (unsigned int i = 0; i < n; i++)
		own(to, o);
	return CUDA_SUCCESS;
}

CUresult cuGraphReleaseUserObject(CUgraph g, CUuserObject h, unsigned int n)
{
	struct owned *of = graph_owned(g);
	unsigned int left = n;

	if (!of || !n || !handle_is(h, H_USEROBJ))
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = of->n; i-- > 0 && left;)
		if (of->object[i] == (struct user_object *)h) {
			of->object[i] = of->object[--of->n];
			left--;
		}
	if (n > left)
		release((struct user_object *)h, n - left);
	return left ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

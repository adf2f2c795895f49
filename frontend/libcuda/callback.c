// SPDX-License-Identifier: BSD-2-Clause
/*
 * callback.c - host functions: they run here, on a thread of the library's
 * own, when the stream reaches them on the host.
 *
 * The executor raises `want` of a slot of the control page and waits; we run
 * the function and set `done`. The thread is started with the first such call
 * and sleeps at the event channel like any waiting thread.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"

#include <pthread.h>
#include <signal.h>

struct host_call {
	CUhostFn fn;
	CUstreamCallback callback;
	CUstream stream;
	void *arg;
	struct host_call *next;
	uint64_t token;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct host_call *calls;
static uint64_t next_token = 1;
static bool running;
static uint32_t done[VGPU_CALLBACKS];

static struct host_call *take(uint64_t token)
{
	struct host_call *h = NULL;

	pthread_mutex_lock(&lock);
	for (struct host_call **p = &calls; *p; p = &(*p)->next) {
		if ((*p)->token != token)
			continue;
		h = *p;
		*p = h->next;
		break;
	}
	pthread_mutex_unlock(&lock);
	return h;
}

static void run(struct vgpu_callback *c)
{
	struct host_call *h;
	CUhostFn fn;
	void *arg;

	if (host_function(c->token, &fn, &arg)) {
		fn(arg);
		return;
	}
	h = take(c->token);
	if (!h)
		return; /* one that the host made up */
	if (h->callback)
		h->callback(h->stream, (CUresult)c->status, h->arg);
	else
		h->fn(h->arg);
	free(h);
}

static bool asked(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < VGPU_CALLBACKS; i++)
		if (shared_load32(&vg_session.ctl->callback[i].want) !=
		    done[i])
			return true;
	return vg_exiting();
}

static void run_asked(void)
{
	for (uint32_t i = 0; i < VGPU_CALLBACKS; i++) {
		struct vgpu_callback *c = &vg_session.ctl->callback[i];
		uint32_t want = shared_load32(&c->want);

		if (want == done[i])
			continue;
		run(c);
		done[i] = want;
		shared_store32(&c->done, want);
	}
}

static void *serve(void *unused)
{
	(void)unused;
	while (!vg_wait(asked, NULL) && !vg_exiting())
		run_asked();
	return NULL;
}

CUresult vg_callbacks_start(void)
{
	sigset_t all, old;
	pthread_t t;
	int e = 0;

	pthread_mutex_lock(&lock);
	if (!running) {
		/* The program's signals are not for our thread. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		e = pthread_create(&t, NULL, serve, NULL);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		running = !e;
		if (!e)
			pthread_detach(t);
	}
	pthread_mutex_unlock(&lock);
	return e ? CUDA_ERROR_OPERATING_SYSTEM : CUDA_SUCCESS;
}

static uint64_t remember(struct host_call *h)
{
	pthread_mutex_lock(&lock);
	h->token = next_token++;
	h->next = calls;
	calls = h;
	pthread_mutex_unlock(&lock);
	return h->token;
}

/* Captured into a graph it may run many times. */
static CUresult post_kept(struct in_vgHostFunc *in, const struct host_call *h)
{
	struct vg_seg s = { in, sizeof(*in) };
	CUresult r = host_token(h->fn, h->arg, &in->token);

	if (!r)
		r = vg_post(OP_vgHostFunc, &s, 1);
	vg_stream_touch(in->stream);
	return r;
}

static CUresult post(CUstream hStream, const struct host_call *from)
{
	struct in_vgHostFunc in = { .callback = from->callback != NULL };
	struct vg_seg s = { &in, sizeof(in) };
	struct host_call *h;
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (!r)
		r = vg_handle_in(KIND_STREAM, (uintptr_t)hStream, &in.stream);
	if (!r)
		r = vg_callbacks_start();
	if (r)
		return r;
	if (!from->callback && atomic_load(&c->capturing))
		return post_kept(&in, from);
	h = malloc(sizeof(*h));
	if (!h)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*h = *from;
	in.token = remember(h);
	r = vg_post(OP_vgHostFunc, &s, 1);
	vg_stream_touch(in.stream);
	if (r)
		free(take(in.token));
	return r;
}

VG_EXPORT CUresult CUDAAPI cuLaunchHostFunc(CUstream hStream, CUhostFn fn,
					    void *userData)
{
	struct host_call h = { .fn = fn, .arg = userData };

	if (!fn)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	return post(hStream, &h);
}

VG_EXPORT CUresult CUDAAPI cuStreamAddCallback(CUstream hStream,
					       CUstreamCallback callback,
					       void *userData,
					       unsigned int flags)
{
	struct host_call h = { .callback = callback, .stream = hStream,
			       .arg = userData };

	if (!callback || flags)
		return vg_enter() ? vg_enter() : CUDA_ERROR_INVALID_VALUE;
	return post(hStream, &h);
}

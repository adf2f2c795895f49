// SPDX-License-Identifier: BSD-2-Clause
/*
 * status.c - may a call go on, and what the user hears when not.
 *
 * The library is quiet: only VGPU_LOG=warn|info|debug prints more than errors.
 */
#include "frontend/libcuda/vg.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/lib/log.h"

_Atomic int vg_status = CUDA_ERROR_NOT_INITIALIZED;

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *names[1024]; /* told already */
static int nnames;

bool vg_initialised(void)
{
	return atomic_load(&vg_status) != CUDA_ERROR_NOT_INITIALIZED;
}

bool vg_exiting(void)
{
	return atomic_load(&vg_status) == CUDA_ERROR_DEINITIALIZED;
}

void vg_log_open(void)
{
	const char *e = getenv("VGPU_LOG");
	int level = e ? log_level_from_name(e) : LOG_ERROR;

	log_open("vgpu", level < 0 ? LOG_ERROR : (enum log_level)level);
	if (level < 0)
		log_error("VGPU_LOG=%s: use error, warn, info or debug", e);
}

static bool first_time(const char *what)
{
	bool first = true;

	pthread_mutex_lock(&names_lock);
	for (int i = 0; i < nnames && first; i++)
		first = strcmp(names[i], what) != 0;
	if (first && nnames < 1024)
		names[nnames++] = what;
	pthread_mutex_unlock(&names_lock);
	return first;
}

CUresult vg_not_supported(const char *what)
{
	if (vg_session.ctl)
		__atomic_fetch_add(&vg_session.ctl->unsupported, 1,
				   __ATOMIC_RELAXED);
	if (first_time(what))
		log_error("%s is not supported by the virtual GPU", what);
	vg_logs_say("%s is not supported by the virtual GPU", what);
	return CUDA_ERROR_NOT_SUPPORTED;
}

CUresult vg_error_result(enum vgpu_error error)
{
	switch (error) {
#define X(name, number, result, sentence) case VGPU_E_##name: return result;
#include "xenstore-schema/error.def"
#undef X
	}
	return CUDA_ERROR_UNKNOWN;
}

/* The host's text often begins with the sentence itself. */
static void tell(const char *sentence, const char *detail)
{
	if (!strncmp(detail, sentence, strlen(sentence)))
		log_error("%s", detail);
	else
		log_error("%s%s%s", sentence, *detail ? ": " : "", detail);
}

CUresult vg_session_lost(enum vgpu_error error, const char *detail)
{
	CUresult r = vg_error_result(error);
	int alive = CUDA_SUCCESS;

	if (r == CUDA_SUCCESS)
		r = CUDA_ERROR_SYSTEM_NOT_READY;
	/* Only the first reason is told; the others are its consequences. */
	if (atomic_compare_exchange_strong(&vg_status, &alive, (int)r))
		tell(vgpu_error_text(error), detail ? detail : "");
	return (CUresult)atomic_load(&vg_status);
}

/* CUDA does not work in the child of a process that uses it; the child must
 * not touch the parent's pages. */
static void in_child(void)
{
	if (atomic_load(&vg_status) == CUDA_SUCCESS)
		atomic_store(&vg_status, CUDA_ERROR_NOT_INITIALIZED);
	vg_session.ctl = NULL;
	vg_tracing = false; /* its calls would be counted twice */
}

__attribute__((constructor)) static void begin(void)
{
	vg_log_open();
	vg_trace_open();
	vg_logs_open();
	vg_held_open();
	pthread_atfork(NULL, NULL, in_child);
}

__attribute__((destructor)) static void end(void)
{
	vg_window_close();
	atomic_store(&vg_status, CUDA_ERROR_DEINITIALIZED);
	vg_trace_print();
}

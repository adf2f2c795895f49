// SPDX-License-Identifier: BSD-2-Clause
/*
 * record.c - a CUDA driver that stands before another one and writes down
 * what it is asked. $VGPU_RECORD_DRIVER is the driver behind, by default the
 * libsoftgpu.so beside this library; $VGPU_RECORD.PID is what is written.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "tools/recorder/record.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_CALLS 1024

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *behind[MAX_CALLS];
static CUresult (*next_address)(const char *, void **, int, cuuint64_t,
				CUdriverProcAddressQueryResult *);
static CUresult (*func_param)(CUfunction, size_t, size_t *, size_t *);
static CUresult (*kernel_param)(CUkernel, size_t, size_t *, size_t *);
static CUresult (*func_name)(const char **, CUfunction);
static CUresult (*kernel_name)(const char **, CUkernel);
static bool fills;
static int out = -1;
static pid_t out_pid;

static void *open_driver(void)
{
	const char *path = getenv("VGPU_RECORD_DRIVER");
	char beside[4096], *slash;
	Dl_info own;
	void *lib;

	if (!path && dladdr((void *)(uintptr_t)rec_next, &own)) {
		snprintf(beside, sizeof(beside), "%s", own.dli_fname);
		slash = strrchr(beside, '/');
		if (!slash)
			slash = beside;
		snprintf(slash, sizeof(beside) - (size_t)(slash - beside),
			 "%slibsoftgpu.so", slash == beside ? "" : "/");
		path = beside;
	}
	lib = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!lib) {
		fprintf(stderr, "recorder: cannot load the driver behind: "
			"%s; set VGPU_RECORD_DRIVER\n", dlerror());
		abort();
	}
	return lib;
}

/* Where calls are filled in, graphs are: a driver that can run some kinds of
 * nodes knows nothing of the handles of the others. */
static bool filled_always(const char *name)
{
	return !strncmp(name, "cuGraph", 7) ||
	       !strncmp(name, "cuStreamBeginCapture", 20) ||
	       !strncmp(name, "cuStreamEndCapture", 18);
}

static void start(void)
{
	void *lib = open_driver();
	const char *s = getenv("VGPU_RECORD_FILL");

	fills = s && !strcmp(s, "1");
	for (unsigned int i = 0; rec_names[i] && i < MAX_CALLS; i++)
		behind[i] = fills && filled_always(rec_names[i]) ? NULL :
			    dlsym(lib, rec_names[i]);
	next_address = (__typeof__(next_address))dlsym(lib,
						      "cuGetProcAddress_v2");
	func_param = (__typeof__(func_param))dlsym(lib, "cuFuncGetParamInfo");
	kernel_param = (__typeof__(kernel_param))dlsym(lib,
						"cuKernelGetParamInfo");
	func_name = (__typeof__(func_name))dlsym(lib, "cuFuncGetName");
	kernel_name = (__typeof__(kernel_name))dlsym(lib, "cuKernelGetName");
}

void *rec_next(unsigned int index)
{
	pthread_once(&once, start);
	return index < MAX_CALLS ? behind[index] : NULL;
}

CUresult rec_missing(struct rec *c)
{
	rec_word(c, "driver", "lacks-it");
	return fills ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
}

void *rec_handle(void)
{
	static uintptr_t last = 0x7100000000;

	return (void *)__atomic_add_fetch(&last, 64, __ATOMIC_RELAXED);
}

/* ---- text ---------------------------------------------------------------- */

static __attribute__((format(printf, 4, 5))) void
add(char *to, size_t room, size_t *len, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to + *len, room - *len, fmt, ap);
	va_end(ap);
	*len += n < 0 ? 0 : (size_t)n;
	if (*len >= room)
		*len = room - 1;
}

#define ARG(c, ...) add((c)->text, REC_ROOM, &(c)->len, __VA_ARGS__)

/* Values of up to 8 bytes; of larger structs, that they are there. */
static void value(char *to, size_t room, size_t *len, const char *name,
		  const void *v, size_t size)
{
	uint64_t word = 0;

	if (!v)
		add(to, room, len, " %s=NULL", name);
	else if (size > sizeof(word))
		add(to, room, len, " %s={%zu}", name, size);
	else
		add(to, room, len, " %s=0x%llx", name, (unsigned long long)
		    *(uint64_t *)memcpy(&word, v, size));
}

void rec_value(struct rec *c, const char *name, const void *v, size_t size)
{
	value(c->text, REC_ROOM, &c->len, name, v, size);
}

void rec_answer(struct rec *c, CUresult r, const char *name, const void *v,
		size_t size)
{
	if (!r && v)
		value(c->answer, sizeof(c->answer), &c->answers, name, v,
		      size);
}

void rec_text(struct rec *c, const char *name, const char *s)
{
	ARG(c, " %s=\"%.200s\"", name, s ? s : "(NULL)");
}

void rec_word(struct rec *c, const char *name, const char *word)
{
	ARG(c, " %s=%s", name, word);
}

void rec_pointer(struct rec *c, const char *name, const void *p)
{
	ARG(c, " %s=%p", name, p);
}

void rec_CUDA_MEMCPY2D(struct rec *c, const CUDA_MEMCPY2D *m)
{
	if (m)
		ARG(c, " from=%d to=%d width=0x%zx height=0x%zx",
		    m->srcMemoryType, m->dstMemoryType, m->WidthInBytes,
		    m->Height);
}

void rec_CUDA_MEMCPY3D(struct rec *c, const CUDA_MEMCPY3D *m)
{
	if (m)
		ARG(c, " from=%d to=%d width=0x%zx height=0x%zx depth=0x%zx",
		    m->srcMemoryType, m->dstMemoryType, m->WidthInBytes,
		    m->Height, m->Depth);
}

void rec_CUlaunchConfig(struct rec *c, const CUlaunchConfig *l)
{
	if (!l)
		return;
	ARG(c, " gridDimX=0x%x gridDimY=0x%x gridDimZ=0x%x blockDimX=0x%x "
	    "blockDimY=0x%x blockDimZ=0x%x sharedMemBytes=0x%x hStream=%p",
	    l->gridDimX, l->gridDimY, l->gridDimZ, l->blockDimX, l->blockDimY,
	    l->blockDimZ, l->sharedMemBytes, (void *)l->hStream);
	for (unsigned int i = 0; i < l->numAttrs; i++)
		ARG(c, " attribute=%d", (int)l->attrs[i].id);
}

static bool param_info(CUfunction f, size_t i, size_t *off, size_t *size)
{
	if (func_param && !func_param(f, i, off, size))
		return true;
	return kernel_param && !kernel_param((CUkernel)f, i, off, size);
}

static void bytes(struct rec *c, const void *p, size_t n)
{
	for (size_t i = 0; i < n && i < 256; i++)
		ARG(c, "%02x", ((const unsigned char *)p)[i]);
}

static void kernel_of(struct rec *c, CUfunction f)
{
	const char *name = NULL;

	if ((!func_name || func_name(&name, f)) &&
	    (!kernel_name || kernel_name(&name, (CUkernel)f)))
		name = NULL;
	ARG(c, " kernel=%s", name ? name : "?");
}

void rec_params(struct rec *c, CUfunction f, void **params, void **extra)
{
	const unsigned char *block = NULL;
	size_t off, size, room = 0;

	kernel_of(c, f);
	for (; extra && *extra != CU_LAUNCH_PARAM_END; extra += 2)
		if (*extra == CU_LAUNCH_PARAM_BUFFER_POINTER)
			block = extra[1];
		else if (*extra == CU_LAUNCH_PARAM_BUFFER_SIZE)
			room = *(size_t *)extra[1];
	if (!f || (!params && !block))
		return;
	ARG(c, " params=");
	for (size_t i = 0; param_info(f, i, &off, &size); i++) {
		if (i)
			ARG(c, ",");
		if (block && off + size > room) /* the rest is not given */
			size = off < room ? room - off : 0;
		bytes(c, block ? block + off : params[i], size);
	}
}

static int file(void)
{
	const char *prefix = getenv("VGPU_RECORD");
	char path[4096];

	if (out_pid == getpid() || !prefix)
		return out;
	if (out >= 0)
		close(out);
	out_pid = getpid();
	snprintf(path, sizeof(path), "%s.%d", prefix, (int)out_pid);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return out;
}

void rec_end(struct rec *c, CUresult r)
{
	char line[2 * REC_ROOM];
	int n = snprintf(line, sizeof(line), "%s%s -> %d%s\n", c->name,
			 c->text, r, c->answer);

	pthread_mutex_lock(&lock);
	if (file() >= 0 && write(out, line, (size_t)n) != n)
		fprintf(stderr, "recorder: a line is lost\n");
	pthread_mutex_unlock(&lock);
}

/* ---- functions that are asked for by name ---------------------------------- */

static void *own_for(void *fn)
{
	for (unsigned int i = 0; fn && rec_names[i] && i < MAX_CALLS; i++)
		if (behind[i] == fn)
			return rec_own[i];
	return fn;
}

EXPORT CUresult rec_get_address(const char *name, void **fn, int version,
				cuuint64_t flags,
				CUdriverProcAddressQueryResult *status)
	__asm__("cuGetProcAddress_v2");
CUresult rec_get_address(const char *name, void **fn, int version,
			 cuuint64_t flags,
			 CUdriverProcAddressQueryResult *status)
{
	CUresult r;

	pthread_once(&once, start);
	if (!next_address)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = next_address(name, fn, version, flags, status);
	if (!r && fn && !strcmp(name, "cuGetProcAddress"))
		*fn = (void *)(uintptr_t)rec_get_address;
	else if (!r && fn)
		*fn = own_for(*fn);
	return r;
}

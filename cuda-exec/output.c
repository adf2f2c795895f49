// SPDX-License-Identifier: BSD-2-Clause
/*
 * output.c - what device code prints belongs to the guest's program.
 *
 * The driver prints to this process's stdout, and what assertions say to its
 * stderr. Both ways there end in buffers of ours: stdio's streams are of our
 * own making, and write(2) to descriptors 1 and 2 is taken by the function
 * below, which the driver's library finds first, because the program exports
 * it; our own log does not go through it. So "is there anything?" is a look
 * at a number. The reply to the guest's next wait carries that number, and the
 * guest fetches the bytes before its wait returns.
 */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Printed and not yet fetched: a device's printf buffer is 1 MiB by default, a
 * program may have more (CU_LIMIT_PRINTF_FIFO_SIZE), and it is emptied at every
 * wait. */
#define OUTPUT_MAX  (64u << 20)
#define OUTPUT_KEPT (1u << 20) /* room that is kept for the next time */

struct output {
	char *text;
	uint32_t at, len, cap; /* [at, len) is to be fetched */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct output out_text, err_text;
static _Atomic uint32_t pending;
static bool cut;

static bool grow(struct output *o, size_t n)
{
	uint32_t cap = o->len + (uint32_t)n + 65536;
	char *p;

	if (o->len + n <= o->cap)
		return true;
	p = realloc(o->text, cap);
	if (!p)
		return false;
	o->text = p;
	o->cap = cap;
	return true;
}

static void count(void)
{
	atomic_store(&pending, out_text.len - out_text.at +
			       err_text.len - err_text.at);
}

static void append(struct output *o, const char *bytes, size_t n)
{
	pthread_mutex_lock(&lock);
	if (n > OUTPUT_MAX - o->len) {
		if (!cut)
			log_warn("device output was cut: the guest does not "
				 "fetch it");
		cut = true;
		n = OUTPUT_MAX - o->len;
	}
	if (grow(o, n)) {
		memcpy(o->text + o->len, bytes, n);
		o->len += (uint32_t)n;
	}
	count();
	pthread_mutex_unlock(&lock);
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t n)
{
	append(cookie, bytes, n);
	return (ssize_t)n;
}

/* The driver's own way to the descriptors, if it does not use stdio. */
__attribute__((visibility("default")))
ssize_t write(int fd, const void *bytes, size_t n)
{
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
		return syscall(SYS_write, fd, bytes, n);
	append(fd == STDOUT_FILENO ? &out_text : &err_text, bytes, n);
	return (ssize_t)n;
}

static FILE *stream(struct output *o)
{
	cookie_io_functions_t io = { .write = stream_write };
	FILE *f = fopencookie(o, "w", io);

	return !f || setvbuf(f, NULL, _IONBF, 0) ? NULL : f;
}

int output_open(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	FILE *out = stream(&out_text), *err = stream(&err_text);

	if (null < 0 || !out || !err || dup2(null, STDOUT_FILENO) < 0)
		return -1;
	close(null);
	stdout = out;
	stderr = err;
	return 0;
}

uint32_t output_pending(void)
{
	return atomic_load_explicit(&pending, memory_order_relaxed);
}

static void free_empty(struct output *o)
{
	if (o->len)
		return;
	free(o->text);
	*o = (struct output){ 0 };
}

void output_back(void)
{
	pthread_mutex_lock(&lock);
	free_empty(&out_text);
	free_empty(&err_text);
	pthread_mutex_unlock(&lock);
}

static void emptied(struct output *o)
{
	o->at = o->len = 0;
	if (o->cap > OUTPUT_KEPT)
		free_empty(o);
}

CUresult ex_vgOutput(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgOutput *in = rd_take(rd, sizeof(*in));
	struct out_vgOutput *out = wr_take(wr, sizeof(*out));
	uint8_t *data = in ? wr_array(wr, in->cap, 1) : NULL;
	struct output *o;

	(void)e;
	if (!data)
		return EX_BAD;
	pthread_mutex_lock(&lock);
	o = out_text.len ? &out_text : &err_text;
	out->error = o == &err_text;
	out->len = o->len - o->at < in->cap ? o->len - o->at : in->cap;
	if (out->len)
		memcpy(data, o->text + o->at, out->len);
	o->at += out->len;
	if (o->at == o->len)
		emptied(o);
	count();
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

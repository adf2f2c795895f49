// SPDX-License-Identifier: BSD-2-Clause
/*
 * output.c - what device code prints belongs to the guest's program.
 *
 * The driver prints to this process's stdout. Both ways there end in a buffer
 * of ours: stdio's stream is one of our own making, and write(2) to descriptor
 * 1 is taken by the function below, which the driver's library finds first,
 * because the program exports it. So "is there anything?" is a look at a
 * number. The reply to the guest's next wait carries that number, and the
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

/* Printed and not yet fetched; a device's printf buffer is 1 MiB by default,
 * and it is emptied at every wait. */
#define OUTPUT_MAX (8u << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *text;
static uint32_t text_len, text_cap;
static _Atomic uint32_t pending;
static bool cut;

static void append(const char *bytes, size_t n)
{
	pthread_mutex_lock(&lock);
	if (n > OUTPUT_MAX - text_len) {
		if (!cut)
			log_warn("device output was cut: the guest does not "
				 "fetch it");
		cut = true;
		n = OUTPUT_MAX - text_len;
	}
	if (text_len + n > text_cap) {
		uint32_t cap = text_len + (uint32_t)n + 65536;
		char *p = realloc(text, cap);

		if (!p) {
			pthread_mutex_unlock(&lock);
			return;
		}
		text = p;
		text_cap = cap;
	}
	memcpy(text + text_len, bytes, n);
	text_len += (uint32_t)n;
	atomic_store(&pending, text_len);
	pthread_mutex_unlock(&lock);
}

static ssize_t stream_write(void *cookie, const char *bytes, size_t n)
{
	(void)cookie;
	append(bytes, n);
	return (ssize_t)n;
}

/* The driver's own way to descriptor 1, if it does not use stdio. */
__attribute__((visibility("default")))
ssize_t write(int fd, const void *bytes, size_t n)
{
	if (fd != STDOUT_FILENO)
		return syscall(SYS_write, fd, bytes, n);
	append(bytes, n);
	return (ssize_t)n;
}

int output_open(void)
{
	cookie_io_functions_t io = { .write = stream_write };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	FILE *f = fopencookie(NULL, "w", io);

	if (null < 0 || !f || dup2(null, STDOUT_FILENO) < 0)
		return -1;
	close(null);
	stdout = f;
	return setvbuf(f, NULL, _IONBF, 0) ? -1 : 0;
}

uint32_t output_pending(void)
{
	return atomic_load_explicit(&pending, memory_order_relaxed);
}

CUresult ex_vgOutput(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgOutput *in = rd_take(rd, sizeof(*in));
	struct out_vgOutput *out = wr_take(wr, sizeof(*out));
	uint8_t *data = in ? wr_array(wr, in->cap, 1) : NULL;

	(void)e;
	if (!data)
		return EX_BAD;
	pthread_mutex_lock(&lock);
	out->len = text_len < in->cap ? text_len : in->cap;
	if (out->len) {
		memcpy(data, text, out->len);
		memmove(text, text + out->len, text_len - out->len);
	}
	text_len -= out->len;
	atomic_store(&pending, text_len);
	pthread_mutex_unlock(&lock);
	return CUDA_SUCCESS;
}

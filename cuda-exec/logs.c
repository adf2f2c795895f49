// SPDX-License-Identifier: BSD-2-Clause
/*
 * logs.c - what the driver's log says of calls that fail (cuLogs*), for guests
 * that ask. Calls of our own fail too, and nobody shall hear of those: what was
 * said while a guest's record failed is kept until it is fetched, and of the
 * others only the last, since some carry their failure in the reply.
 */
#include "cuda-exec/exec_internal.h"

#include <pthread.h>
#include <string.h>

#define KEPT 1536u /* fits into a reply */

struct said {
	uint32_t len;
	char text[KEPT]; /* lines; each begins with its level */
};

static bool on;
static pthread_t ring_thread;
static struct said now, kept;

static void append(struct said *to, const char *bytes, size_t n)
{
	if (n > KEPT - to->len)
		return;
	memcpy(to->text + to->len, bytes, n);
	to->len += (uint32_t)n;
}

/* Which call fails, and how, is for the guest to say: it made the call. */
static void CUDA_CB said(void *arg, CUlogLevel level, char *message,
			 size_t length)
{
	char line[512];
	size_t n = strnlen(message, length);

	(void)arg;
	if (!pthread_equal(pthread_self(), ring_thread) || !n ||
	    n > sizeof(line) - 2 || !strncmp(message, "Returning ", 10))
		return;
	line[0] = level == CU_LOG_LEVEL_WARNING ? 'W' : 'E';
	memcpy(line + 1, message, n);
	for (size_t i = 1; i <= n; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	line[n + 1] = '\n';
	append(&now, line, n + 2);
}

void logs_begin(const struct ex *e)
{
	if (e->rec.op != OP_vgLogs)
		now.len = 0;
}

void logs_end(CUresult r)
{
	if (!now.len || !r || r == CUDA_ERROR_NOT_READY)
		return;
	append(&kept, now.text, now.len);
	now.len = 0;
}

/* The first time nothing is there yet: from then on the driver tells us. */
CUresult ex_vgLogs(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgOutput *in = rd_take(rd, sizeof(*in));
	struct out_vgOutput *out = wr_take(wr, sizeof(*out));
	uint8_t *data = in ? wr_array(wr, in->cap, 1) : NULL;
	CUlogsCallbackHandle h;

	(void)e;
	if (!data || in->cap < KEPT)
		return EX_BAD;
	if (!on && R.cuLogsRegisterCallback) {
		ring_thread = pthread_self();
		on = !R.cuLogsRegisterCallback(said, NULL, &h);
	}
	append(&kept, now.text, now.len);
	now.len = 0;
	memcpy(data, kept.text, kept.len);
	out->len = kept.len;
	out->error = 0;
	kept.len = 0;
	return CUDA_SUCCESS;
}

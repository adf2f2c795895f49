// SPDX-License-Identifier: BSD-2-Clause
/*
 * output.c - what device code prints belongs to the guest's program.
 *
 * The driver prints to this process's stdout. It is a pipe to ourselves, fully
 * buffered, so that "is there anything?" costs no system call; the reply to
 * the guest's next wait says how many bytes there are, and the guest fetches
 * them before its wait returns.
 */
#include "cuda-exec/exec_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

/* Holds what is printed between two waits; a device's printf buffer is 1 MiB
 * by default, a pipe holds as much after F_SETPIPE_SZ. */
#define OUTPUT_MAX (1 << 20)

static int out_rd = -1;
static uint32_t in_pipe;

int output_open(void)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	/* Without the larger pipe long output is cut; say so where it
	 * happens, not here. */
	if (fcntl(fd[1], F_SETPIPE_SZ, OUTPUT_MAX) < 0)
		log_warn("the pipe for device output stays small");
	if (dup2(fd[1], STDOUT_FILENO) < 0)
		return -1;
	close(fd[1]);
	out_rd = fd[0];
	return setvbuf(stdout, NULL, _IOFBF, OUTPUT_MAX / 2) ? -1 : 0;
}

uint32_t output_pending(void)
{
	size_t n = __fpending(stdout);

	if (n) {
		if (fflush(stdout))
			log_warn("device output was cut: the guest did not "
				 "fetch it");
		else
			in_pipe += (uint32_t)n;
	}
	return in_pipe;
}

CUresult ex_vgOutput(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgOutput *in = rd_take(rd, sizeof(*in));
	struct out_vgOutput *out = wr_take(wr, sizeof(*out));
	uint8_t *data = in ? wr_array(wr, in->cap, 1) : NULL;
	ssize_t n;

	(void)e;
	if (!data)
		return EX_BAD;
	n = read(out_rd, data, in->cap);
	out->len = n < 0 ? 0 : (uint32_t)n;
	in_pipe = n <= 0 || (uint32_t)n > in_pipe ? 0 : in_pipe - (uint32_t)n;
	return CUDA_SUCCESS;
}

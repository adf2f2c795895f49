// SPDX-License-Identifier: BSD-2-Clause
/*
 * slack.c - memory that served something large goes back when nothing comes.
 *
 * The driver's compiler alone leaves some 8 MiB of free heap behind for a
 * kernel of one instruction, and an image's pages are kept for the next one.
 * Who works on finds them there: they go only after a second of silence, once
 * for each, and the guest's records never wait for an allocation here.
 */
#include "cuda-exec/exec_internal.h"

#include <malloc.h>

#define QUIET_NS 1000000000u
/* What a small session's own calls leave free is left alone. */
#define WORTH (512u << 10)
/* Blocks up to here are of the heap, which keeps twice as much at its end. */
#define OF_HEAP (64u << 20)
/* Of the reply buffer: what replies in a slot and most lists need. */
#define REPLY_KEPT (64u << 10)

static uint64_t done_at; /* position in the ring when it last went back */

/*
 * A driver that loads a module may take as much memory as that has bytes, for
 * as long as it loads. glibc would map such a block and unmap it again, and
 * each of its pages would be asked of the kernel and cleared with every load,
 * which takes longer than to copy what comes into it. Not for executors without
 * a session: what the driver's start leaves free goes back at once.
 */
void slack_open(void)
{
	if (!mallopt(M_MMAP_THRESHOLD, OF_HEAP) ||
	    !mallopt(M_TRIM_THRESHOLD, 2 * OF_HEAP))
		log_debug("this C library maps large blocks: modules load "
			  "more slowly");
}

static bool worth_it(void)
{
#if __GLIBC_PREREQ(2, 33)
	return mallinfo2().fordblks >= WORTH;
#else
	return true; /* mallinfo() counts in an int */
#endif
}

static void heap_back(void)
{
	if (worth_it())
		malloc_trim(0);
}

/* Its pages come back as zeros, which no reply relies on. */
static void reply_back(struct ex *e)
{
	(void)madvise(e->reply_buf + REPLY_KEPT, EX_REPLY_MAX - REPLY_KEPT,
		      MADV_DONTNEED);
}

uint64_t slack_tick(struct ex *e, uint64_t idle_ns)
{
	if (done_at == e->ring.cons)
		return 0;
	if (idle_ns < QUIET_NS)
		return QUIET_NS - idle_ns;
	done_at = e->ring.cons;
	ex_spare_free(e);
	reply_back(e);
	output_back();
	heap_back();
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * trace.c - VGPU_TRACE=summary: at the process's end a table of the calls that
 * it made, what each sent, and how long it waited; see README.md.
 *
 * Entry points tell which call a thread is in (trace.h); records, replies and
 * waits are counted for that call. A call that sent nothing was answered here.
 */
#include "frontend/libcuda/trace.h"
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/lib/log.h"
#include "tools/lib/ticks.h"

#define CALLS_MAX 1024u
#define SENT      0x80000000u /* the call in work has sent a record */

struct row {
	_Atomic uint64_t calls, senders, async, sync;
	_Atomic uint64_t to_gpu, from_gpu, waited_ns, host_ns;
};

uint8_t vg_watched[2] __attribute__((aligned(2)));
static struct row rows[CALLS_MAX];
static _Atomic uint64_t totals[VG_TRACE_TOTALS];
static _Thread_local uint32_t current;
static char file[512]; /* where the table goes; empty: stderr */

static void add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static struct row *row(void)
{
	return &rows[current & ~SENT];
}

void vg_trace_open(void)
{
	const char *e = secure_getenv("VGPU_TRACE");

	if (!e || !*e)
		return;
	if (!strncmp(e, "summary:", 8) && e[8] && strlen(e) < sizeof(file))
		strcpy(file, e + 8);
	else if (strcmp(e, "summary") != 0) {
		log_error("VGPU_TRACE=%s: use summary, or summary:FILE", e);
		return;
	}
	vg_tracing = vg_trace_names <= CALLS_MAX;
}

/* ---- counting ---------------------------------------------------------- */

void vg_trace_enter(uint32_t call)
{
	if (!vg_tracing)
		return;
	current = call;
	add(&rows[call].calls, 1);
}

void vg_trace_count(enum vg_trace_total what, uint64_t n)
{
	add(&totals[what], n);
}

static bool is_pinned(uint64_t addr)
{
	struct vg_range r;

	return vg_range_find(addr, &r) && (r.kind == VG_RANGE_PINNED ||
					   r.kind == VG_RANGE_PLAIN);
}

static void moved(struct row *w, uint64_t n, bool to, bool from)
{
	add(&w->to_gpu, to ? n : 0);
	add(&w->from_gpu, from ? n : 0);
}

static void moved_3d(struct row *w, const struct in_vgCopy2D *in)
{
	CUDA_MEMCPY3D c;

	memcpy(&c, in->copy, sizeof(c));
	moved(w, c.WidthInBytes * c.Height * c.Depth,
	      c.srcMemoryType == CU_MEMORYTYPE_HOST,
	      c.dstMemoryType == CU_MEMORYTYPE_HOST);
}

/* Segments: the struct, then dst[], src[], size[]. */
static void moved_batch(struct row *w, const struct vg_seg *in)
{
	const uint64_t *dst = in[1].ptr, *src = in[2].ptr, *n = in[3].ptr;

	for (uint64_t i = 0; i < in[3].len / 8; i++)
		moved(w, n[i], is_pinned(src[i]), is_pinned(dst[i]));
}

/* Bytes that cross between the program and the GPU, by the record. */
static void bytes(struct row *w, enum vgpu_op op, const struct vg_seg *in)
{
	const struct in_vgCopyWindow *win;
	const struct in_vgCopy *c;

	switch (op) {
	case OP_vgCopyIn:
		moved(w, ((const struct in_vgCopyIn *)in->ptr)->len, true,
		      false);
		break;
	case OP_vgCopyOut:
		moved(w, ((const struct in_vgCopyOut *)in->ptr)->len, false,
		      true);
		break;
	case OP_vgCopyWindow:
		win = in->ptr;
		moved(w, win->len, win->to_device, !win->to_device);
		break;
	case OP_vgCopy:
		c = in->ptr;
		moved(w, c->len, is_pinned(c->src), is_pinned(c->dst));
		break;
	case OP_vgCopy2D:
		moved_3d(w, in->ptr);
		break;
	case OP_vgCopyBatch:
		moved_batch(w, in);
		break;
	case OP_vgBlob:
		moved(w, ((const struct in_vgBlob *)in->ptr)->len, true,
		      false);
		break;
	default:
		break;
	}
}

void vg_trace_record(const struct vgpu_rec *h, const struct vg_seg *in,
		     int nin)
{
	struct row *w = row();

	if (!(current & SENT)) {
		current |= SENT;
		add(&w->senders, 1);
	}
	add(h->flags & VGPU_REC_SYNC ? &w->sync : &w->async, 1);
	if (nin)
		bytes(w, h->op, in);
}

void vg_trace_host(uint64_t host_ns)
{
	add(&row()->host_ns, host_ns);
}

uint64_t vg_trace_now(void)
{
	return ticks_wall();
}

/* Threads of the library wait for work, which is nobody's time. */
void vg_trace_waited(uint64_t since, bool slept)
{
	if (!current)
		return;
	add(&row()->waited_ns, ticks_wall() - since);
	if (!slept)
		vg_trace_count(VG_TRACE_SPINS, 1);
}

/* ---- printing ---------------------------------------------------------- */

static int by_waited(const void *a, const void *b)
{
	const struct row *x = &rows[*(const uint32_t *)a];
	const struct row *y = &rows[*(const uint32_t *)b];

	if (x->waited_ns != y->waited_ns)
		return x->waited_ns < y->waited_ns ? 1 : -1;
	return (x->calls < y->calls) - (x->calls > y->calls);
}

static void print_row(FILE *f, const char *name, const struct row *w)
{
	uint64_t local = w->calls > w->senders ? w->calls - w->senders : 0;

	fprintf(f, "%-40s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64
		" %12" PRIu64 " %12" PRIu64 " %12.1f %12.1f\n", name, w->calls,
		local, w->async, w->sync, w->to_gpu, w->from_gpu,
		w->waited_ns / 1e3, w->host_ns / 1e3);
}

static void sum(struct row *all, const struct row *w)
{
	add(&all->calls, w->calls);
	add(&all->senders, w->calls ? w->senders : 0);
	add(&all->async, w->async);
	add(&all->sync, w->sync);
	add(&all->to_gpu, w->to_gpu);
	add(&all->from_gpu, w->from_gpu);
	add(&all->waited_ns, w->waited_ns);
	add(&all->host_ns, w->host_ns);
}

static void print(FILE *f)
{
	uint32_t order[CALLS_MAX], n = 0;
	struct row all = { 0 };

	fprintf(f, "vgpu: calls of %s (process %d)\n",
		program_invocation_short_name, (int)getpid());
	fprintf(f, "%-40s %9s %9s %9s %9s %12s %12s %12s %12s\n", "call",
		"count", "local", "async", "sync", "bytes-to", "bytes-from",
		"waited-us", "host-us");
	for (uint32_t i = 0; i < vg_trace_names; i++) {
		if (!rows[i].calls && !rows[i].async && !rows[i].sync)
			continue;
		order[n++] = i;
		sum(&all, &rows[i]);
	}
	qsort(order, n, sizeof(*order), by_waited);
	for (uint32_t i = 0; i < n; i++)
		print_row(f, vg_trace_name[order[i]], &rows[order[i]]);
	print_row(f, "total", &all);
	fprintf(f, "vgpu: notifications %" PRIu64 ", sleeps %" PRIu64
		", spins %" PRIu64 ", ring-full %" PRIu64 ", xenstore %" PRIu64
		", xenstore-later %" PRIu64 ", grants %" PRIu64 "\n", totals[VG_TRACE_BELLS],
		totals[VG_TRACE_SLEEPS], totals[VG_TRACE_SPINS],
		totals[VG_TRACE_FULL], totals[VG_TRACE_XENSTORE],
		totals[VG_TRACE_XS_LATER], totals[VG_TRACE_GRANTS]);
}

/* A file takes the tables of all processes that have it in their environment,
 * each in one write. */
void vg_trace_print(void)
{
	char *text = NULL;
	size_t len;
	FILE *f;
	int fd;

	if (!vg_tracing || !(f = open_memstream(&text, &len)))
		return;
	vg_tracing = false;
	print(f);
	fclose(f);
	fd = *file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			  0666) : STDERR_FILENO;
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		log_error("VGPU_TRACE: %s: %s", *file ? file : "stderr",
			  strerror(errno));
	if (fd > STDERR_FILENO)
		close(fd);
	free(text);
}

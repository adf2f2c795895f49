// SPDX-License-Identifier: BSD-2-Clause
/*
 * reply.c - what an answered slot says: the result, bytes for the caller, the
 * error of an earlier call that nobody waited for, and that device code has
 * printed.
 */
#include "frontend/libcuda/vg.h"

#include <stdio.h>

#include "tools/lib/log.h"

static _Atomic uint32_t deferred, deferred_op;

static const char *const op_names[OP_NR] = {
#define X(name, cls) [OP_##name] = #name,
	VGPU_OPS(X)
#undef X
};

static void scatter(const uint8_t *from, uint64_t len, const struct vg_seg *out,
		    int nout)
{
	for (int i = 0; i < nout; i++) {
		uint64_t step = VGPU_ALIGN8(out[i].len);
		uint64_t n = out[i].len < len ? out[i].len : len;

		if (n && out[i].ptr)
			memcpy((void *)(uintptr_t)out[i].ptr, from, n);
		if (step >= len)
			return;
		from += step;
		len -= step;
	}
}

#define OUTPUT_FEW  1536u  /* fits into a slot */
#define OUTPUT_MANY 65536u

/* 0: there is no more, or it cannot be had. */
static uint32_t fetch_some(char *text, uint32_t cap)
{
	struct in_vgOutput in = { .cap = cap };
	struct out_vgOutput out = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_seg d[] = { { &out, sizeof(out) }, { text, cap } };

	if (vg_call(OP_vgOutput, &s, 1, d, 2) || out.len > cap)
		return 0;
	fwrite(text, 1, out.len, out.error ? stderr : stdout);
	return out.len;
}

/* What device code printed before this reply belongs to our stdout; what its
 * assertions say, to our stderr. */
void vg_output_fetch(uint32_t bytes, bool large)
{
	char few[OUTPUT_FEW];
	AUTO_FREE char *many = NULL;
	uint32_t n;

	/* The call may be the one that makes the window's pieces. */
	if (large && bytes > OUTPUT_FEW && vg_staging_ready())
		many = malloc(OUTPUT_MANY);
	while (bytes) {
		n = many ? fetch_some(many, OUTPUT_MANY) :
			   fetch_some(few, OUTPUT_FEW);
		if (!n)
			break;
		bytes = n < bytes ? bytes - n : 0;
	}
	fflush(stdout);
}

static void note_deferred(const struct vgpu_slot *s)
{
	uint32_t none = 0, e = s->deferred, op = s->deferred_op;

	if (!e || !atomic_compare_exchange_strong(&deferred, &none, e))
		return;
	atomic_store(&deferred_op, op);
	vg_capture_error((CUresult)e);
	log_info("%s failed earlier with %u", op < OP_NR && op_names[op] ?
		 op_names[op] : "a call", e);
}

CUresult vg_report(CUresult r)
{
	uint32_t e;

	if (likely(!atomic_load_explicit(&deferred, memory_order_relaxed)))
		return r;
	e = atomic_exchange(&deferred, 0);
	return r ? r : (CUresult)e;
}

/* Errors that leave the context unusable, by the driver API reference. */
static bool never_goes_away(CUresult r)
{
	switch (r) {
	case CUDA_ERROR_ECC_UNCORRECTABLE:
	case CUDA_ERROR_ILLEGAL_ADDRESS:
	case CUDA_ERROR_LAUNCH_TIMEOUT:
	case CUDA_ERROR_ASSERT:
	case CUDA_ERROR_HARDWARE_STACK_ERROR:
	case CUDA_ERROR_ILLEGAL_INSTRUCTION:
	case CUDA_ERROR_MISALIGNED_ADDRESS:
	case CUDA_ERROR_INVALID_ADDRESS_SPACE:
	case CUDA_ERROR_INVALID_PC:
	case CUDA_ERROR_LAUNCH_FAILED:
		return true;
	default:
		return false;
	}
}

CUresult vg_reply_read(const struct vgpu_slot *s, const struct vg_seg *out,
		       int nout, const uint8_t *window, uint32_t *output)
{
	uint32_t len = s->len;
	CUresult result = (CUresult)s->result;
	uint32_t cap = VGPU_SLOT_SIZE - sizeof(*s);

	if (!window && len > cap)
		len = cap;
	if (!result || window)
		scatter(window ? window : s->data, len, out, nout);
	*output = s->output;
	if (unlikely(vg_tracing))
		vg_trace_host(s->host_ns);
	if (s->deferred)
		note_deferred(s);
	if (unlikely(result))
		vg_capture_error(result);
	if (unlikely(never_goes_away(result)) && vg_ctx())
		atomic_store(&vg_ctx()->sticky, (int)result);
	return result;
}

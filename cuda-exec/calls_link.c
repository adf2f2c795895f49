// SPDX-License-Identifier: BSD-2-Clause
/*
 * calls_link.c - the driver's linker. The driver keeps the options of a link
 * until it is destroyed and writes the logs as it goes: they live with the
 * link's object and travel back with each reply.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#include "cuda-exec/image_unpack.h"

#define OPTIONS_MAX 64u

struct link {
	CUjit_option name[OPTIONS_MAX];
	void *value[OPTIONS_MAX];
	uint32_t n;
	uint32_t info_size, error_size;
	char text[];           /* info, then error */
};

/* The state of the link so far, behind every reply. */
static bool report(struct link *l, struct out_vgLink *out, struct vgpu_wr *wr)
{
	char *info = wr_array(wr, l->info_size, 1);
	char *error = wr_array(wr, l->error_size, 1);

	if (wr->bad)
		return false;
	memcpy(info, l->text, l->info_size);
	memcpy(error, l->text + l->info_size, l->error_size);
	for (uint32_t i = 0; i < l->n; i++) {
		uint64_t v = (uint64_t)(uintptr_t)l->value[i];

		if (l->name[i] == CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES)
			out->info_used = v;
		else if (l->name[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
			out->error_used = v;
		else if (l->name[i] == CU_JIT_WALL_TIME)
			memcpy(&out->wall_time, &v, sizeof(float));
		else if (l->name[i] == CU_JIT_THREADS_PER_BLOCK)
			out->threads = (uint32_t)v;
	}
	return true;
}

static struct link *link_of(struct ex *e, uint32_t id, CUlinkState *ret)
{
	struct ex_object *o = ex_object(e, KIND_LINK, id);

	*ret = o ? (CUlinkState)(uintptr_t)o->real : NULL;
	return o ? o->extra : NULL;
}

static CUresult keep(struct ex *e, CUlinkState s, struct link *l, uint32_t *id)
{
	CUresult r = ex_obj_ref(e, KIND_LINK, (uint64_t)(uintptr_t)s, id);
	struct ex_object *o = ex_object(e, KIND_LINK, *id);

	if (r || !o) {
		R.cuLinkDestroy(s);
		free(l);
		return r ? r : CUDA_ERROR_OUT_OF_MEMORY;
	}
	o->extra = l;
	return CUDA_SUCCESS;
}

CUresult ex_vgLinkCreate(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgLinkCreate *in = rd_take(rd, sizeof(*in));
	struct out_vgLink *out = wr_take(wr, sizeof(*out));
	const struct vg_jit_option *jit;
	struct ex_logs logs;
	CUlinkState s = NULL;
	struct link *l;
	CUresult r;

	if (!in || !out || in->jit > OPTIONS_MAX ||
	    in->info_size > VGPU_LINK_LOG || in->error_size > VGPU_LINK_LOG)
		return EX_BAD;
	jit = rd_array(rd, in->jit, sizeof(*jit));
	if (!jit)
		return EX_BAD;
	if (!R.cuLinkCreate_v2 || !R.cuLinkDestroy)
		return CUDA_ERROR_NOT_SUPPORTED;
	l = calloc(1, sizeof(*l) + in->info_size + in->error_size + 1);
	if (!l)
		return CUDA_ERROR_OUT_OF_MEMORY;
	l->n = in->jit;
	l->info_size = in->info_size;
	l->error_size = in->error_size;
	logs = (struct ex_logs){ l->text, l->text + l->info_size,
				 l->info_size, l->error_size };
	if (!ex_jit_options(jit, in->jit, &logs, l->name, l->value)) {
		free(l);
		return EX_BAD;
	}
	r = R.cuLinkCreate_v2(l->n, l->name, l->value, &s);
	if (r) {
		free(l);
		return r;
	}
	return keep(e, s, l, &out->link);
}

static CUresult add(struct ex *e, const struct in_vgLinkAdd *in,
		    CUlinkState s, const char *name, const uint8_t *bytes,
		    CUjit_option *names, void **values)
{
	struct image_unpacked image;
	const char *why = "";
	CUresult r;

	if (image_unpack(bytes, in->image_len, &image, &why)) {
		log_warn("domain %u session %s: input of the linker: %s",
			 e->domid, e->sid, why);
		return EX_BAD;
	}
	r = R.cuLinkAddData_v2(s, (CUjitInputType)in->type,
			       (void *)(uintptr_t)image.image, image.length,
			       name, in->jit, names, values);
	image_unpacked_free(&image);
	return r;
}

CUresult ex_vgLinkAdd(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgLinkAdd *in = rd_take(rd, sizeof(*in));
	struct out_vgLink *out = wr_take(wr, sizeof(*out));
	AUTO_FREE uint8_t *bytes = NULL;
	CUjit_option names[OPTIONS_MAX];
	void *values[OPTIONS_MAX];
	const struct vg_jit_option *jit;
	struct ex_logs none = { 0 };
	const char *name;
	CUlinkState s;
	struct link *l;
	CUresult r;

	if (!in || !out || in->jit > OPTIONS_MAX)
		return EX_BAD;
	name = in->name_len ? rd_string(rd, in->name_len) : NULL;
	jit = rd_array(rd, in->jit, sizeof(*jit));
	bytes = ex_blob_take(e, in->image_len);
	if (rd->bad || !bytes ||
	    !ex_jit_options(jit, in->jit, &none, names, values))
		return EX_BAD;
	l = link_of(e, in->link, &s);
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!R.cuLinkAddData_v2)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = add(e, in, s, name, bytes, names, values);
	if (r == EX_BAD || !report(l, out, wr))
		return EX_BAD;
	out->result = r;
	return CUDA_SUCCESS;
}

CUresult ex_vgLinkComplete(struct ex *e, struct vgpu_rd *rd,
			   struct vgpu_wr *wr)
{
	const struct in_vgLink *in = rd_take(rd, sizeof(*in));
	struct out_vgLink *out = wr_take(wr, sizeof(*out));
	void *cubin = NULL;
	size_t size = 0;
	CUlinkState s;
	struct link *l;
	CUresult r;

	if (!in || !out)
		return EX_BAD;
	l = link_of(e, in->link, &s);
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!R.cuLinkComplete)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuLinkComplete(s, &cubin, &size);
	if (!r)
		r = ex_stage(cubin, size);
	if (!report(l, out, wr))
		return EX_BAD;
	out->result = r;
	out->size = r ? 0 : size;
	return CUDA_SUCCESS;
}

CUresult ex_vgLinkDestroy(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgLink *in = rd_take(rd, sizeof(*in));
	CUlinkState s;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	if (!link_of(e, in->link, &s))
		return CUDA_ERROR_INVALID_HANDLE;
	r = R.cuLinkDestroy(s);
	/* The driver wrote to the options until now. */
	ex_obj_del(e, KIND_LINK, in->link);
	return r;
}

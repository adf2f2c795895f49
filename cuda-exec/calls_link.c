// SPDX-License-Identifier: BSD-2-Clause
/*
 * calls_link.c - the driver's linker. The driver keeps the options of a link
 * until it is destroyed and writes the logs as it goes: they live with the
 * link's object and travel back with each reply.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#include "cuda-exec/image_unpack.h"

struct link {
	struct ex_jit jit;
	uint64_t bytes;        /* of its inputs, which the driver copies */
	char text[];           /* info, then error */
};

static void link_free(struct link *l)
{
	ex_jit_free(&l->jit);
	free(l);
}

/* The state of the link so far, behind every reply. */
static bool report(struct link *l, struct out_vgLink *out, struct vgpu_wr *wr)
{
	char *info = wr_array(wr, l->jit.info_size, 1);
	char *error = wr_array(wr, l->jit.error_size, 1);

	if (wr->bad)
		return false;
	memcpy(info, l->jit.info, l->jit.info_size);
	memcpy(error, l->jit.error, l->jit.error_size);
	ex_jit_results(&l->jit, &out->jit);
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
		link_free(l);
		return r ? r : CUDA_ERROR_OUT_OF_MEMORY;
	}
	o->extra = l;
	return CUDA_SUCCESS;
}

static struct link *link_new(const struct in_vgLinkCreate *in)
{
	struct link *l = calloc(1, sizeof(*l) + in->info_size +
				   in->error_size + 1);

	if (!l)
		return NULL;
	l->jit.info_size = in->info_size;
	l->jit.error_size = in->error_size;
	l->jit.info = l->text;
	l->jit.error = l->text + in->info_size;
	return l;
}

CUresult ex_vgLinkCreate(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgLinkCreate *in = rd_take(rd, sizeof(*in));
	struct out_vgLink *out = wr_take(wr, sizeof(*out));
	const struct vg_jit_option *jit;
	const char *lists;
	CUlinkState s = NULL;
	struct link *l;
	CUresult r;

	if (!in || !out || in->jit > EX_JIT_MAX ||
	    in->info_size > VGPU_JIT_LOG || in->error_size > VGPU_JIT_LOG)
		return EX_BAD;
	jit = rd_array(rd, in->jit, sizeof(*jit));
	lists = rd_array(rd, in->list_bytes, 1);
	if (rd->bad)
		return EX_BAD;
	if (!R.cuLinkCreate_v2 || !R.cuLinkDestroy)
		return CUDA_ERROR_NOT_SUPPORTED;
	l = link_new(in);
	if (!l)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (!ex_jit_read(&l->jit, jit, in->jit, lists, in->list_bytes)) {
		free(l);
		return EX_BAD;
	}
	r = R.cuLinkCreate_v2(l->jit.n, l->jit.name, l->jit.value, &s);
	if (r) {
		link_free(l);
		return r;
	}
	return keep(e, s, l, &out->link);
}

static CUresult add(struct ex *e, const struct in_vgLinkAdd *in,
		    CUlinkState s, const char *name,
		    const struct ex_image *bytes, struct ex_jit *jit)
{
	struct image_unpacked image;
	CUresult r = ex_image_unpack(e, bytes, in->image_len, &image);

	if (r)
		return r;
	r = R.cuLinkAddData_v2(s, (CUjitInputType)in->type,
			       (void *)(uintptr_t)image.image, image.length,
			       name, jit->n, jit->name, jit->value);
	image_unpacked_free(&image);
	return r;
}

/* The record's handle and image are right in form: add it. */
static CUresult add_to(struct ex *e, const struct in_vgLinkAdd *in,
		       const char *name, const struct ex_image *bytes,
		       struct ex_jit *jit, struct vgpu_wr *wr,
		       struct out_vgLink *out)
{
	CUlinkState s;
	struct link *l = link_of(e, in->link, &s);
	CUresult r;

	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!R.cuLinkAddData_v2)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = add(e, in, s, name, bytes, jit);
	if (!r) {
		l->bytes += bytes->size;
		e->loaded_bytes += bytes->size;
	}
	if (!report(l, out, wr))
		return EX_BAD;
	out->result = r;
	return CUDA_SUCCESS;
}

CUresult ex_vgLinkAdd(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgLinkAdd *in = rd_take(rd, sizeof(*in));
	struct out_vgLink *out = wr_take(wr, sizeof(*out));
	const struct vg_jit_option *opts;
	struct ex_jit jit = { .n = 0 };
	struct ex_image bytes;
	const char *name, *lists;
	CUresult r;

	if (!in || !out || in->jit > EX_JIT_MAX)
		return EX_BAD;
	name = in->name_len ? rd_string(rd, in->name_len) : NULL;
	opts = rd_array(rd, in->jit, sizeof(*opts));
	lists = rd_array(rd, in->list_bytes, 1);
	if (rd->bad ||
	    !ex_jit_read(&jit, opts, in->jit, lists, in->list_bytes))
		return EX_BAD;
	r = ex_blob_take(e, in->image_len, &bytes);
	if (!r)
		r = add_to(e, in, name, &bytes, &jit, wr, out);
	ex_image_free(e, &bytes);
	ex_jit_free(&jit);
	return r;
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
	struct link *l;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	l = link_of(e, in->link, &s);
	if (!l)
		return CUDA_ERROR_INVALID_HANDLE;
	r = R.cuLinkDestroy(s);
	/* The driver wrote to the options until now. */
	e->loaded_bytes -= l->bytes;
	ex_jit_free(&l->jit);
	ex_obj_del(e, KIND_LINK, in->link);
	return r;
}

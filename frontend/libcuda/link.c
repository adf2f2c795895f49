// SPDX-License-Identifier: BSD-2-Clause
/*
 * link.c - the driver's linker, on the host: inputs travel as images do, logs
 * come back with every reply, the linked cubin in pieces.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/graph.h"
#include "frontend/libcuda/jit.h"

struct link {
	uint32_t id;
	struct jit_options jit; /* points into the program's own arrays */
	void *cubin;            /* the program's until the link is destroyed */
	size_t size;
};

static CUresult link_of(CUlinkState state, struct link **ret)
{
	uint32_t id;
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(KIND_LINK, (uintptr_t)state, &id);
	if (r)
		return r;
	*ret = vg_handle_state(KIND_LINK, id);
	return *ret ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

/* A reply's logs go to the program's buffers, as the driver fills them. */
static CUresult exchange(struct link *l, enum vgpu_op op,
			 const struct vg_seg *in, int nin,
			 struct out_vgLink *out, const struct image *img)
{
	struct vg_seg o[] = { { out, sizeof(*out) },
			      { l->jit.info, l->jit.info_size },
			      { l->jit.error, l->jit.error_size } };
	CUresult r = img ? vg_image_call(img, op, in, nin, o, 3) :
			   vg_call(op, in, nin, o, 3);

	if (r)
		return r;
	jit_write_back(&l->jit, &out->jit);
	return (CUresult)out->result;
}

/* ---- creating ---------------------------------------------------------- */

static CUresult create(struct link *l)
{
	struct in_vgLinkCreate in = { .jit = l->jit.n,
				      .info_size = l->jit.info_size,
				      .error_size = l->jit.error_size,
				      .list_bytes = l->jit.list_bytes };
	struct vg_seg s[] = { { &in, sizeof(in) },
			      { l->jit.opt, l->jit.n *
						    sizeof(l->jit.opt[0]) },
			      { l->jit.lists, l->jit.list_bytes } };
	struct out_vgLink out = { 0 };
	struct vg_seg o = { &out, sizeof(out) };
	CUresult r = vg_call(OP_vgLinkCreate, s, 3, &o, 1);

	l->id = out.link;
	if (!r && !vg_handle_set_state(KIND_LINK, l->id, l))
		r = CUDA_ERROR_OUT_OF_MEMORY;
	return r;
}

VG_EXPORT CUresult CUDAAPI cuLinkCreate_v2(unsigned int n,
					   CUjit_option *options,
					   void **values, CUlinkState *state)
{
	struct vg_ctx *c;
	struct link *l;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!state)
		return CUDA_ERROR_INVALID_VALUE;
	l = calloc(1, sizeof(*l));
	if (!l)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r = jit_read(&l->jit, n, options, values);
	if (!r)
		r = create(l);
	jit_free(&l->jit);
	if (r) {
		free(l);
		return r;
	}
	*state = (CUlinkState)vg_handle_out(KIND_LINK, l->id);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuLinkCreate(unsigned int n, CUjit_option *options,
					void **values, CUlinkState *state)
{
	return cuLinkCreate_v2(n, options, values, state);
}

/* ---- inputs ------------------------------------------------------------ */

static CUresult add(struct link *l, CUjitInputType type,
		    const struct image *img, const char *name,
		    const struct jit_options *jit)
{
	struct in_vgLinkAdd in = { .link = l->id, .type = type, .jit = jit->n,
		.name_len = name ? (uint32_t)strlen(name) + 1 : 0,
		.list_bytes = jit->list_bytes, .image_len = img->packed };
	struct vg_seg s[] = { { &in, sizeof(in) }, { name, in.name_len },
			      { jit->opt, jit->n * sizeof(jit->opt[0]) },
			      { jit->lists, jit->list_bytes } };
	struct out_vgLink out = { 0 };

	return exchange(l, OP_vgLinkAdd, s, 4, &out, img);
}

VG_EXPORT CUresult CUDAAPI
cuLinkAddData_v2(CUlinkState state, CUjitInputType type, void *data,
		 size_t size, const char *name, unsigned int n,
		 CUjit_option *options, void **values)
{
	struct jit_options jit = { 0 };
	struct image img;
	struct link *l;
	CUresult r = link_of(state, &l);

	if (r)
		return r;
	if (!data || !size)
		return CUDA_ERROR_INVALID_VALUE;
	r = jit_read(&jit, n, options, values);
	if (!r && image_from_span(data, size, &img))
		r = CUDA_ERROR_INVALID_IMAGE;
	if (!r)
		r = add(l, type, &img, name, &jit);
	jit_free(&jit);
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuLinkAddData(CUlinkState state, CUjitInputType type, void *data, size_t size,
	      const char *name, unsigned int n, CUjit_option *options,
	      void **values)
{
	CUresult r = cuLinkAddData_v2(state, type, data, size, name, n,
				      options, values);

	/* The first version makes a copy before it looks. */
	return r == CUDA_ERROR_INVALID_IMAGE && size > IMAGE_MAX_BYTES ?
	       CUDA_ERROR_OUT_OF_MEMORY : r;
}

VG_EXPORT CUresult CUDAAPI
cuLinkAddFile_v2(CUlinkState state, CUjitInputType type, const char *path,
		 unsigned int n, CUjit_option *options, void **values)
{
	AUTO_FREE char *bytes = NULL;
	struct link *l;
	uint64_t size;
	CUresult r = link_of(state, &l);

	if (r)
		return r;
	/* Nothing is added any more to what is complete. */
	if (!path || n > JIT_MAX || l->cubin)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_file_read(path, &bytes, &size);
	return r ? r : cuLinkAddData_v2(state, type, bytes, size, path, n,
					options, values);
}

VG_EXPORT CUresult CUDAAPI
cuLinkAddFile(CUlinkState state, CUjitInputType type, const char *path,
	      unsigned int n, CUjit_option *options, void **values)
{
	return cuLinkAddFile_v2(state, type, path, n, options, values);
}

/* ---- the result -------------------------------------------------------- */

static CUresult complete(struct link *l)
{
	struct in_vgLink in = { .link = l->id };
	struct vg_seg s = { &in, sizeof(in) };
	struct out_vgLink out = { 0 };
	void *cubin = NULL;
	CUresult r;

	fetch_begin();
	r = exchange(l, OP_vgLinkComplete, &s, 1, &out, NULL);
	if (!r) {
		cubin = malloc(out.size + 1);
		r = cubin ? fetch_bytes(cubin, out.size) :
			    CUDA_ERROR_OUT_OF_MEMORY;
	}
	fetch_end();
	if (r) {
		free(cubin);
		return r;
	}
	free(l->cubin);
	l->cubin = cubin;
	l->size = out.size;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuLinkComplete(CUlinkState state, void **cubin,
					  size_t *size)
{
	struct link *l;
	CUresult r = link_of(state, &l);

	if (r)
		return r;
	if (!cubin)
		return CUDA_ERROR_INVALID_VALUE;
	r = complete(l);
	if (r)
		return r;
	*cubin = l->cubin;
	if (size)
		*size = l->size;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuLinkDestroy(CUlinkState state)
{
	struct in_vgLink in = { 0 };
	struct vg_seg s = { &in, sizeof(in) };
	struct link *l;
	CUresult r = link_of(state, &l);

	if (r)
		return r;
	in.link = l->id;
	r = vg_call(OP_vgLinkDestroy, &s, 1, NULL, 0);
	free(l->cubin);
	l->cubin = NULL;
	/* The state itself goes when its id is used again. */
	vg_handle_del(KIND_LINK, l->id);
	return r;
}

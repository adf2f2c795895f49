// SPDX-License-Identifier: BSD-2-Clause
/* calls_module.c - modules and libraries: loaded and unloaded. */
#include "cuda-exec/exec_internal.h"

#include <errno.h>
#include <string.h>

#include "cuda-exec/image_unpack.h"
#include "tools/lib/ticks.h"

struct lib_options {
	CUlibraryOption name[EX_JIT_MAX];
	void *value[EX_JIT_MAX];
	bool preserved;        /* the driver may read the image later */
};

/* What a module or library costs: extra of its object. The image itself is
 * there if a library reads it as long as it lives. */
struct kept {
	uint64_t size;
	struct ex_image image;
	struct image_unpacked parts;
};

/* False: an option whose value is a pointer, which the guest's library never
 * sends, or one that we do not know. */
static bool read_lib_options(const struct vg_jit_option *from, uint32_t n,
			     struct lib_options *l)
{
	for (uint32_t i = 0; i < n; i++) {
		if (from[i].option != CU_LIBRARY_BINARY_IS_PRESERVED)
			return false;
		l->name[i] = (CUlibraryOption)from[i].option;
		l->value[i] = from[i].flags & VG_JIT_NULL ? NULL :
			      (void *)(uintptr_t)from[i].value;
		l->preserved |= l->value[i] != NULL;
	}
	return true;
}

/* The session's images that stay have a limit: the driver copies the others,
 * as it does when a program promises nothing. */
static void limit_kept(struct ex *e, struct lib_options *l, uint32_t n,
		       uint64_t size)
{
	if (!l->preserved || size <= EX_KEPT_BYTES - e->kept_bytes)
		return;
	memset(l->value, 0, n * sizeof(l->value[0]));
	l->preserved = false;
}

static CUresult load_library(struct ex *e, const struct in_vgModuleLoad *in,
			     const void *image, struct ex_jit *jit,
			     struct lib_options *l, uint32_t *id)
{
	CUlibrary lib = NULL;
	CUresult r;

	if (!R.cuLibraryLoadData)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuLibraryLoadData(&lib, image, jit->name, jit->value, jit->n,
				l->name, l->value, in->lib);
	if (r)
		return r;
	r = ex_obj_ref(e, KIND_LIBRARY, (uint64_t)(uintptr_t)lib, id);
	if (r) /* its image is about to go */
		R.cuLibraryUnload(lib);
	return r;
}

static CUresult load_module(struct ex *e, const void *image,
			    struct ex_jit *jit, uint32_t *id)
{
	CUmodule mod = NULL;
	CUresult r;

	if (!R.cuModuleLoadDataEx)
		return CUDA_ERROR_NOT_SUPPORTED;
	r = R.cuModuleLoadDataEx(&mod, image, jit->n, jit->name, jit->value);
	return r ? r : ex_obj_ref(e, KIND_MODULE, (uint64_t)(uintptr_t)mod,
				  id);
}

/* NVIDIA's driver has no name for what is wrong with a cubin, or with a fatbin
 * without its wrapper. */
static CUresult refused(const struct ex_image *from, uint64_t len)
{
	struct image_head h = { 0 };

	if (len >= sizeof(h))
		memcpy(&h, from->data, sizeof(h));
	return h.kind == IMAGE_ELF || h.kind == IMAGE_FATBIN ?
	       CUDA_ERROR_UNKNOWN : CUDA_ERROR_INVALID_IMAGE;
}

/* The guest's library passes on what its program gave it, lies and all. */
CUresult ex_image_unpack(struct ex *e, const struct ex_image *from,
			 uint64_t len, struct image_unpacked *to)
{
	const char *why = "";
	int r = image_unpack(from->data, len, to, &why);

	if (!r)
		return CUDA_SUCCESS;
	log_info("domain %u session %s: image refused: %s", e->domid, e->sid,
		 why);
	return r == -ENOMEM ? CUDA_ERROR_OUT_OF_MEMORY : refused(from, len);
}

static void kept_free(struct ex *e, struct kept *k)
{
	image_unpacked_free(&k->parts);
	ex_image_free(e, &k->image);
	free(k);
}

static void drop_kept(struct ex *e, struct ex_object *o)
{
	struct kept *k = o->extra;

	if (!k)
		return;
	e->kept_bytes -= k->image.size;
	e->loaded_bytes -= k->size;
	kept_free(e, k);
	o->extra = NULL;
}

/* Until it is unloaded, or a module's context ends. */
static void keep(struct ex *e, struct ex_object *o, struct kept *k,
		 bool preserved)
{
	drop_kept(e, o); /* the handle of one whose context ended */
	k->size = k->image.size;
	if (!preserved) {
		image_unpacked_free(&k->parts);
		ex_image_free(e, &k->image);
	}
	e->kept_bytes += k->image.size;
	e->loaded_bytes += k->size;
	o->ctx = o->kind == KIND_MODULE ? e->cur_ctx : 0;
	o->extra = k;
}

/* The context is gone, and the driver has freed its modules. */
void ex_modules_forget(struct ex *e, uint32_t ctx)
{
	uint32_t id = 0;

	while ((id = ex_obj_next(e, KIND_MODULE, ctx, id)))
		drop_kept(e, ex_object(e, KIND_MODULE, id));
}

static CUresult load(struct ex *e, const struct in_vgModuleLoad *in,
		     struct kept *k, struct ex_jit *jit,
		     struct lib_options *l, struct out_vgModuleLoad *out)
{
	uint64_t began;

	out->result = ex_image_unpack(e, &k->image, in->image_len, &k->parts);
	if (out->result)
		return CUDA_SUCCESS;
	limit_kept(e, l, in->lib, k->image.size);
	began = ticks_ns();
	out->result = in->library ?
		load_library(e, in, k->parts.image, jit, l, &out->module) :
		load_module(e, k->parts.image, jit, &out->module);
	log_debug("domain %u session %s: the driver took %llu us to load it",
		  e->domid, e->sid,
		  (unsigned long long)(ticks_ns() - began) / 1000);
	ex_jit_results(jit, &out->jit);
	return CUDA_SUCCESS;
}

/* Takes the record apart; false: it is impossible. */
static bool read_load(const struct in_vgModuleLoad *in, struct vgpu_rd *rd,
		      struct vgpu_wr *wr, struct ex_jit *jit,
		      struct lib_options *l)
{
	const struct vg_jit_option *opts, *lib;
	const char *lists;

	if (in->jit > EX_JIT_MAX || in->lib > EX_JIT_MAX)
		return false;
	opts = rd_array(rd, in->jit, sizeof(*opts));
	lib = rd_array(rd, in->lib, sizeof(*lib));
	lists = rd_array(rd, in->list_bytes, 1);
	jit->info_size = in->info_size;
	jit->error_size = in->error_size;
	jit->info = wr_array(wr, in->info_size, 1);
	jit->error = wr_array(wr, in->error_size, 1);
	return !rd->bad && !wr->bad && read_lib_options(lib, in->lib, l) &&
	       ex_jit_read(jit, opts, in->jit, lists, in->list_bytes);
}

CUresult ex_vgModuleLoad(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgModuleLoad *in = rd_take(rd, sizeof(*in));
	struct out_vgModuleLoad *out = wr_take(wr, sizeof(*out));
	struct lib_options l = { .preserved = false };
	struct ex_jit jit = { .n = 0 };
	struct ex_object *o;
	struct kept *k;
	CUresult r;

	if (!in || !out || !read_load(in, rd, wr, &jit, &l))
		return EX_BAD;
	k = calloc(1, sizeof(*k));
	r = k ? ex_blob_take(e, in->image_len, &k->image) :
		CUDA_ERROR_OUT_OF_MEMORY;
	if (!r)
		r = load(e, in, k, &jit, &l, out);
	ex_jit_free(&jit);
	o = r || out->result ? NULL :
	    ex_object(e, in->library ? KIND_LIBRARY : KIND_MODULE,
		      out->module);
	if (o)
		keep(e, o, k, in->library && l.preserved);
	else if (k)
		kept_free(e, k);
	return r;
}

CUresult ex_vgModuleUnload(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgModuleUnload *in = rd_take(rd, sizeof(*in));
	struct ex_object *o;
	enum vgpu_kind kind;
	CUresult r;

	(void)wr;
	if (!in)
		return EX_BAD;
	kind = in->library ? KIND_LIBRARY : KIND_MODULE;
	o = ex_object(e, kind, in->id);
	if (!o)
		return CUDA_ERROR_INVALID_HANDLE;
	r = in->library ? R.cuLibraryUnload((CUlibrary)(uintptr_t)o->real) :
			  R.cuModuleUnload((CUmodule)(uintptr_t)o->real);
	if (r)
		return r;
	drop_kept(e, o);
	ex_obj_del(e, kind, in->id);
	/* The driver may give their handles to other functions. */
	ex_obj_del_of(e, in->id);
	return CUDA_SUCCESS;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * module.c - modules and libraries. The whole image travels; the host's
 * driver selects and compiles.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "frontend/libcuda/image.h"
#include "frontend/libcuda/jit.h"
#include "tools/lib/log.h"

/* Above, an image goes through the window, so that both sides copy at the
 * same time; making the window first is worth it only for a large one. */
#define IN_RING	    65536u
#define IN_RING_NEW 1048576u

/* Pieces on the way: enough for both sides, and no more than stays in the
 * caches. */
#define ON_THE_WAY 8u

/* ---- the image on its way ---------------------------------------------- */

static CUresult post_bytes(struct in_vgBlob *in, const void *bytes)
{
	struct vg_seg s[] = { { in, sizeof(*in) },
			      { bytes, bytes ? in->len : 0 } };

	return vg_post(OP_vgBlob, s, 2);
}

static CUresult send_in_ring(const struct image *img, struct in_vgBlob *in)
{
	uint32_t room = (vg_max_record() - 256) & ~15u;
	AUTO_FREE uint8_t *buf = malloc(in->total < room ? in->total : room);
	CUresult r = CUDA_SUCCESS;

	if (!buf)
		return CUDA_ERROR_OUT_OF_MEMORY;
	in->arena = VGPU_ARENAS;
	for (; in->offset < in->total && !r; in->offset += in->len) {
		uint64_t left = in->total - in->offset;

		in->len = left < room ? (uint32_t)left : room;
		if (image_pack(img, in->offset, buf, in->len))
			return CUDA_ERROR_INVALID_IMAGE;
		r = post_bytes(in, buf);
	}
	return r;
}

static CUresult send_piece(const struct image *img, struct in_vgBlob *in,
			   const struct vg_piece *p)
{
	uint64_t left = in->total - in->offset;

	in->len = (uint32_t)(left < p->size ? left : p->size);
	in->arena = p->arena;
	in->at = p->offset;
	in->fence = p->index;
	in->value = p->value;
	if (image_pack(img, in->offset, p->base, in->len))
		return CUDA_ERROR_INVALID_IMAGE;
	return post_bytes(in, NULL);
}

static CUresult send_in_window(const struct image *img, struct in_vgBlob *in)
{
	struct vg_piece sent[ON_THE_WAY];

	for (uint32_t n = 0; in->offset < in->total; n++) {
		struct vg_piece *p = &sent[n % ON_THE_WAY];
		CUresult r = n < ON_THE_WAY ? CUDA_SUCCESS : vg_piece_wait(p);

		if (!r)
			r = vg_piece_take(p, false);
		if (r)
			return r;
		r = send_piece(img, in, p);
		if (r) {
			vg_piece_free(p);
			return r;
		}
		vg_piece_fly(p);
		in->offset += in->len;
	}
	return CUDA_SUCCESS;
}

static CUresult send_image(const struct image *img, uint32_t blob)
{
	struct in_vgBlob in = { .blob = blob, .total = img->packed };
	struct in_vgBlob drop = { .blob = blob, .arena = VGPU_ARENAS };
	CUresult r = CUDA_ERROR_OUT_OF_MEMORY;

	if (in.total > (vg_staging_ready() ? IN_RING : IN_RING_NEW) &&
	    (vg_staging_ready() || vg_window_left() >= VGPU_FENCES))
		r = send_in_window(img, &in);
	/* Without granted pages it is slower. */
	if (r == CUDA_ERROR_OUT_OF_MEMORY && !in.offset)
		r = send_in_ring(img, &in);
	if (r && in.offset)
		post_bytes(&drop, NULL);
	return r;
}

/* One image at a time: the host takes one of any size, and it loads them one
 * after the other in any case. */
CUresult vg_image_call(const struct image *img, enum vgpu_op op,
		       const struct vg_seg *in, int nin,
		       const struct vg_seg *out, int nout)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	static uint32_t blob;
	struct vg_opts opts = { 0 };
	CUresult r;

	pthread_mutex_lock(&one);
	opts.blob = ++blob ? blob : ++blob;
	r = send_image(img, opts.blob);
	if (!r)
		r = vg_call_opts(op, in, nin, out, nout, &opts);
	pthread_mutex_unlock(&one);
	if (r == CUDA_ERROR_OUT_OF_MEMORY)
		log_error("the host has no room for a module image of %llu "
			  "bytes: its log says why",
			  (unsigned long long)img->packed);
	return r;
}

struct options {
	struct jit_options jit;
	struct in_vgModuleLoad in;
};

static CUresult load_measured(struct options *o, const struct image *img,
			      const struct vg_jit_option *lib, uint32_t nlib,
			      uint32_t *module)
{
	struct out_vgModuleLoad out = { 0 };
	struct vg_seg s[] = { { &o->in, sizeof(o->in) },
			      { o->jit.opt, o->jit.n * sizeof(o->jit.opt[0]) },
			      { lib, nlib * sizeof(*lib) },
			      { o->jit.lists, o->jit.list_bytes } };
	struct vg_seg d[] = { { &out, sizeof(out) },
			      { o->jit.info, o->jit.info_size },
			      { o->jit.error, o->jit.error_size } };
	CUresult r;

	o->in.jit = o->jit.n;
	o->in.info_size = o->jit.info_size;
	o->in.error_size = o->jit.error_size;
	o->in.list_bytes = o->jit.list_bytes;
	o->in.image_len = img->packed;
	o->in.lib = nlib;
	r = vg_image_call(img, OP_vgModuleLoad, s, 4, d, 3);
	if (r)
		return r;
	jit_write_back(&o->jit, &out.jit);
	*module = out.module;
	return (CUresult)out.result;
}

/* A cubin, or a fatbin without its wrapper. */
static bool binary(const char *image)
{
	return !strncmp(image, "\177ELF", 4) ||
	       !strncmp(image, "\x50\xed\x55\xba", 4);
}

/* One whose headers lie is an unknown error, as NVIDIA's driver has it. */
static CUresult measure(const void *image, struct image *img)
{
	int e = image_measure(image, img);

	if (!e)
		return CUDA_SUCCESS;
	return e == -EINVAL  ? CUDA_ERROR_INVALID_VALUE :
	       binary(image) ? CUDA_ERROR_UNKNOWN :
			       CUDA_ERROR_INVALID_IMAGE;
}

/* Of a library's code the driver looks at nothing before it is used. */
static CUresult measure_lazily(const void *code, struct image *img)
{
	CUresult r = measure(code, img);

	return r == CUDA_ERROR_INVALID_IMAGE && !*(const char *)code &&
	       !image_from_span(code, 1, img) ? CUDA_SUCCESS : r;
}

/* ---- modules ----------------------------------------------------------- */

VG_EXPORT CUresult CUDAAPI cuModuleLoadDataEx(CUmodule *module,
					      const void *image, unsigned int n,
					      CUjit_option *options,
					      void **values)
{
	struct options o = { 0 };
	struct image img;
	struct vg_ctx *c;
	uint32_t id;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!module || !image)
		return CUDA_ERROR_INVALID_VALUE;
	r = jit_read(&o.jit, n, options, values);
	if (!r)
		r = measure(image, &img);
	if (!r)
		r = load_measured(&o, &img, NULL, 0, &id);
	jit_free(&o.jit);
	if (!r)
		*module = (CUmodule)vg_handle_out(KIND_MODULE, id);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuModuleLoadData(CUmodule *module, const void *image)
{
	return cuModuleLoadDataEx(module, image, 0, NULL, NULL);
}

VG_EXPORT CUresult CUDAAPI cuModuleLoadFatBinary(CUmodule *module,
						 const void *fatCubin)
{
	return cuModuleLoadDataEx(module, fatCubin, 0, NULL, NULL);
}

/* A whole file, with a NUL behind it, since PTX is text. */
CUresult vg_file_read(const char *name, char **ret, uint64_t *size)
{
	FILE *f = fopen(name, "rbe");
	long n = 0;

	*ret = NULL;
	*size = 0;
	if (!f)
		return CUDA_ERROR_FILE_NOT_FOUND;
	if (!fseek(f, 0, SEEK_END) && (n = ftell(f)) > 0 &&
	    !fseek(f, 0, SEEK_SET) && (*ret = calloc((size_t)n + 1, 1)) &&
	    fread(*ret, 1, (size_t)n, f) != (size_t)n) {
		free(*ret);
		*ret = NULL;
	}
	fclose(f);
	if (*ret)
		*size = (uint64_t)n;
	return *ret ? CUDA_SUCCESS : CUDA_ERROR_INVALID_IMAGE;
}

VG_EXPORT CUresult CUDAAPI cuModuleLoad(CUmodule *module, const char *fname)
{
	AUTO_FREE char *image = NULL;
	uint64_t size;
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (r)
		return r;
	if (!module || !fname)
		return CUDA_ERROR_INVALID_VALUE;
	r = vg_file_read(fname, &image, &size);
	return r ? r : cuModuleLoadData(module, image);
}

static CUresult unload(enum vgpu_kind kind, uintptr_t h)
{
	struct in_vgModuleUnload in = { .library = kind == KIND_LIBRARY };
	struct vg_seg s = { &in, sizeof(in) };
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(kind, h, &in.id);
	if (r)
		return r;
	if (!in.id)
		return CUDA_ERROR_INVALID_HANDLE;
	r = vg_call(OP_vgModuleUnload, &s, 1, NULL, 0);
	if (!r)
		vg_functions_forget(in.id);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuModuleUnload(CUmodule hmod)
{
	return unload(KIND_MODULE, (uintptr_t)hmod);
}

/* ---- libraries --------------------------------------------------------- */

static CUresult read_lib_options(struct vg_jit_option *to, unsigned int n,
				 const CUlibraryOption *names, void **values)
{
	if (n > JIT_MAX || (n && !names))
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned int i = 0; i < n; i++) {
		if (names[i] == CU_LIBRARY_HOST_UNIVERSAL_FUNCTION_AND_DATA_TABLE)
			return vg_not_supported("CU_LIBRARY_HOST_UNIVERSAL_"
						"FUNCTION_AND_DATA_TABLE");
		to[i] = (struct vg_jit_option){ .option = names[i] };
		if (values)
			to[i].value = (uintptr_t)values[i];
		else
			to[i].flags = VG_JIT_NULL;
	}
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI
cuLibraryLoadData(CUlibrary *library, const void *code,
		  CUjit_option *jitOptions, void **jitValues, unsigned int njit,
		  CUlibraryOption *libOptions, void **libValues,
		  unsigned int nlib)
{
	struct vg_jit_option lib[JIT_MAX];
	struct options o = { .in.library = 1 };
	struct image img;
	uint32_t id;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!library || !code)
		return CUDA_ERROR_INVALID_VALUE;
	r = jit_read(&o.jit, njit, jitOptions, jitValues);
	if (!r)
		r = measure_lazily(code, &img);
	if (!r)
		r = read_lib_options(lib, nlib, libOptions, libValues);
	if (!r)
		r = load_measured(&o, &img, lib, nlib, &id);
	jit_free(&o.jit);
	if (!r)
		*library = (CUlibrary)vg_handle_out(KIND_LIBRARY, id);
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuLibraryLoadFromFile(CUlibrary *library, const char *fileName,
		      CUjit_option *jitOptions, void **jitValues,
		      unsigned int njit, CUlibraryOption *libOptions,
		      void **libValues, unsigned int nlib)
{
	AUTO_FREE char *image = NULL;
	uint64_t size;
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!library || !fileName || njit > JIT_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	/* Too many are refused after the file is found. */
	for (unsigned int i = 0; libOptions && nlib <= JIT_MAX && i < nlib; i++)
		if (libOptions[i] == CU_LIBRARY_BINARY_IS_PRESERVED)
			return CUDA_ERROR_INVALID_VALUE;
	r = vg_file_read(fileName, &image, &size);
	return r ? r : cuLibraryLoadData(library, image, jitOptions, jitValues,
					 njit, libOptions, libValues, nlib);
}

VG_EXPORT CUresult CUDAAPI cuLibraryUnload(CUlibrary library)
{
	return unload(KIND_LIBRARY, (uintptr_t)library);
}

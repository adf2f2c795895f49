/* SPDX-License-Identifier: BSD-2-Clause */
/* jit.h - options of the driver's compiler and linker. */
#ifndef VG_JIT_H
#define VG_JIT_H

#include "frontend/libcuda/image.h"
#include "frontend/libcuda/vg.h"

#define JIT_MAX 64u

struct jit_options {
	struct vg_jit_option opt[JIT_MAX];
	unsigned int n;
	uint32_t info_size, error_size;
	char *lists;           /* names and addresses, as they travel */
	uint32_t list_bytes;
	/* The program's own: written to, when the call is done. */
	char *info, *error;
	const CUjit_option *names;
	void **values;
};

/* Fills a zeroed *o; after success jit_free() is due. */
CUresult jit_read(struct jit_options *o, unsigned int n,
		  const CUjit_option *names, void **values);
void jit_free(struct jit_options *o);
/* Some options are places that the driver writes to. */
void jit_write_back(struct jit_options *o, const struct vg_jit_results *res);

/* module.c: a call that goes with a measured image. */
CUresult vg_image_call(const struct image *img, enum vgpu_op op,
		       const struct vg_seg *in, int nin,
		       const struct vg_seg *out, int nout);
CUresult vg_file_read(const char *name, char **ret, uint64_t *size);

#endif

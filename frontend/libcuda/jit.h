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
	/* The program's own: written to, when the call is done. */
	char *info, *error;
	const CUjit_option *names;
	void **values;
};

CUresult jit_read(struct jit_options *o, unsigned int n,
		  const CUjit_option *names, void **values);
/* Some options are places that the driver writes to. */
void jit_write_back(struct jit_options *o, uint64_t info_used,
		    uint64_t error_used, float wall_time, uint32_t threads);

/* module.c: a measured image on its way, in pieces. */
CUresult vg_image_send(const struct image *img, uint32_t *blob);
CUresult vg_file_read(const char *name, char **ret, uint64_t *size);

#endif

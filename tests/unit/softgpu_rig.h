/* SPDX-License-Identifier: BSD-2-Clause */
/* softgpu_rig.h - load the test's kernels, launch one, bring results back. */
#ifndef SOFTGPU_RIG_H
#define SOFTGPU_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cuda.h>

#define OK(call) assert_int_equal(call, CUDA_SUCCESS)

enum arg_kind { A_END, A_VALUE, A_IN, A_OUT, A_INOUT, A_NULL };

/* A kernel's argument: a value, or memory that is copied to and fro. */
struct arg {
	enum arg_kind kind;
	void *p;
	size_t n;
};
#define VAL(x)	    { A_VALUE, &(x), sizeof(x) }
#define IN(x)	    { A_IN, (void *)&(x), sizeof(x) }
#define OUT(x)	    { A_OUT, (void *)&(x), sizeof(x) }
#define OUT_N(p, n) { A_OUT, p, n }
#define INOUT(x)    { A_INOUT, (void *)&(x), sizeof(x) }
#define NONE	    { A_NULL, NULL, 0 }
#define END	    { A_END, NULL, 0 }

extern CUmodule module;
extern CUcontext context;
extern bool cooperative;
extern const char test_ptx[];	/* PTX text of softgpu_kernels.cu */
extern const char test_fatbin[];/* the same as a compressed fat binary */

int rig_up(void **state);
CUfunction function(const char *name);
void run(const char *name, unsigned int blocks, unsigned int threads,
	 unsigned int shared, const struct arg *args);
void run3(const char *name, const unsigned int dim[3],
	  const unsigned int block[3], unsigned int shared,
	  const struct arg *args);

#endif

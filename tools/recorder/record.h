/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - one call of the driver as a line of text:
 *
 *	cuMemAlloc_v2 bytesize=0x400 -> 0 dptr=0x7f0000000000
 */
#ifndef RECORD_H
#define RECORD_H

#include <cuda.h>
#include <stddef.h>

#define EXPORT __attribute__((visibility("default")))
#define REC_ROOM 4096

struct rec {
	const char *name;
	size_t len, answers;
	char text[REC_ROOM];		/* arguments */
	char answer[REC_ROOM / 4];	/* what came back in them */
};

/* Generated: the names, and for each the function that records it. */
extern const char *const rec_names[];
extern void *const rec_own[];

/* The driver behind; NULL when it has no such function. */
void *rec_next(unsigned int index);
/* What a call gives that the driver behind does not have. */
CUresult rec_missing(struct rec *c);
void *rec_handle(void);

void rec_value(struct rec *c, const char *name, const void *v, size_t size);
void rec_answer(struct rec *c, CUresult r, const char *name, const void *v,
		size_t size);
void rec_text(struct rec *c, const char *name, const char *s);
void rec_word(struct rec *c, const char *name, const char *word);
void rec_pointer(struct rec *c, const char *name, const void *p);
void rec_CUDA_MEMCPY2D(struct rec *c, const CUDA_MEMCPY2D *m);
void rec_CUDA_MEMCPY3D(struct rec *c, const CUDA_MEMCPY3D *m);
void rec_CUlaunchConfig(struct rec *c, const CUlaunchConfig *l);
/* The bytes of a kernel's parameters, however they are handed over. */
void rec_params(struct rec *c, CUfunction f, void **params, void **extra);
void rec_end(struct rec *c, CUresult r);

#endif

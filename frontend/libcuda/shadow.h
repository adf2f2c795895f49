/* SPDX-License-Identifier: BSD-2-Clause */
/* shadow.h - granted memory in the place of the program's own, in graphs. */
#ifndef VG_SHADOW_H
#define VG_SHADOW_H

#include "frontend/libcuda/graph.h"

struct shape {
	uint8_t *host;
	uint64_t pitch, height, x, y, z; /* where in it */
	uint64_t width, rows, slices;
};

struct shadow {
	struct shape of;
	uint8_t *copy;      /* rows follow each other closely */
	struct shadow *next;
};

/* A graph, or the one that a stream is captured into. */
struct shadow_owner {
	CUgraph graph;
	CUstream stream;
	bool pinned; /* memory that needs no shadow gets one as well */
};

CUresult shadow_new(const struct shadow_owner *o, const struct shape *s,
		    struct shadow **ret);

#endif

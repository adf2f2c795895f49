/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * graph.h - graphs in the guest: a node's parameters on their way to the host
 * and back, the functions that host nodes run, bytes that wait to be fetched.
 */
#ifndef VG_GRAPH_H
#define VG_GRAPH_H

#include "frontend/libcuda/vg.h"

/* ---- graph_wire.c ---- */
struct node_call {
	struct in_vgNode in;
	const void *tail;
	uint8_t *own;      /* the tail, if it was made for this call: free */
};
CUresult node_encode(const CUgraphNodeParams *p, struct node_call *c);
/* Host-side addresses become the executor's, or it is an error. */
CUresult node_copy_check(CUDA_MEMCPY3D *c);

/* ---- shadow.c ---- */
bool shadow_needed(const CUDA_MEMCPY3D *c);
CUresult shadow_graph(const CUDA_MEMCPY_NODE_PARAMS *p, bool pinned,
		      CUgraph *ret);

/* ---- graph_get.c: what a node holds, kept until it changes ---- */
void *node_keep(uint32_t node, const void *owner, const void *bytes,
		uint64_t len, uint32_t pointers, void ***pointer);

/* ---- graph_nodes.c ---- */
void graph_memory_forget(uint32_t graph);

/* ---- host_node.c: functions that may run many times ---- */
CUresult host_token(CUhostFn fn, void *arg, uint64_t *token);
bool host_function(uint64_t token, CUhostFn *fn, void **arg);

/* ---- fetch.c: large answers, one lot at a time ---- */
uint32_t fetch_room(void);
void fetch_begin(void);
CUresult fetch_bytes(void *to, uint64_t size);
void fetch_end(void);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * manual.h - wire structs of the ops of manual.api.
 *
 * Handles are ids: 0 is NULL; in a stream 1 is the legacy default stream.
 * Device addresses are the executor's and pass through unchanged. Arrays that
 * follow a struct are named in its comment.
 */
#ifndef VGPU_MANUAL_H
#define VGPU_MANUAL_H

#include <stdint.h>

#define VGPU_STREAM_LEGACY 1u

/* Ids below are numbered by the guest, the others by the host. */
#define VGPU_ID_HOST (1u << 27)
#define VGPU_ID_MAX  (1u << 28)

/* Attributes that travel with a device: CU_DEVICE_ATTRIBUTE_* below this. */
#define VGPU_DEVICE_ATTRS 160u
/* CU_FUNC_ATTRIBUTE_* below this. */
#define VGPU_FUNC_ATTRS   24u
/* Parameters that travel with a function; the rest by vgParams. */
#define VGPU_PARAMS       96u
/* CU_LIMIT_* below this. */
#define VGPU_LIMITS       16u

/* ---- system and devices ---- */
struct out_vgSystem {
	int32_t driver_version;
	int32_t devices;
};

struct in_vgDevice {
	uint32_t index;
};
struct out_vgDevice {
	char name[256];
	uint64_t total_mem;
	uint8_t uuid[16], uuid_v2[16];
	char pci_bus_id[16];
	int32_t attr[VGPU_DEVICE_ATTRS];
	uint8_t attr_result[VGPU_DEVICE_ATTRS]; /* 0, 1: invalid value */
	int32_t priority_least, priority_greatest; /* 0, 0 if not known yet */
};

/* ---- window ---- */
/* An arena's references come in order, in as many records as they need; with
 * the last of them it is mapped, in one piece. */
struct in_vgArenaAdd { /* + uint32_t ref[count] */
	uint32_t arena;
	uint32_t pages;   /* of the whole arena, the same in each record */
	uint32_t first;   /* how many references came before */
	uint32_t count;
};
struct out_vgArenaAdd {
	uint64_t address; /* where the executor has it; 0: not complete */
};
struct in_vgArenaDrop {
	uint32_t arena;
};
struct in_vgBlob { /* + uint8_t bytes[len], when they are not in the window */
	uint32_t blob;
	uint32_t len;
	uint64_t offset, total; /* total 0: what came so far is dropped */
	uint32_t arena;        /* VGPU_ARENAS: the bytes follow */
	uint32_t fence;        /* its word becomes `value` when they are taken */
	uint32_t value;
	uint32_t pad;
	uint64_t at;           /* in the arena */
};

struct in_vgOutput { /* and Logs; reply: uint8_t bytes[cap] */
	uint32_t cap;
	uint32_t pad;
};
struct out_vgOutput {
	uint32_t len;
	uint32_t error;        /* of stderr, not of stdout */
};

/* ---- contexts ---- */
struct in_vgPrimary { /* Retain, Release, Reset, SetFlags */
	int32_t device;
	uint32_t ctx;
	uint32_t flags;
};
struct out_vgPrimary {
	int32_t priority_least, priority_greatest;
	uint32_t api_version;
	uint32_t pad;
};
struct in_vgCtxCreate {
	uint32_t ctx;
	uint32_t flags;
	int32_t device;
};
struct in_vgCtx { /* Destroy, Sync; 0: the current one */
	uint32_t ctx;
};
struct out_vgCtxLimits {
	uint64_t value[VGPU_LIMITS];
	uint16_t result[VGPU_LIMITS]; /* CUresult */
};
struct in_vgCtxSetLimit {
	uint32_t limit;
	uint32_t pad;
	uint64_t value;
};

/* ---- modules ---- */
/* Logs larger than this are cut. */
#define VGPU_JIT_LOG 65536u
/* + struct vg_jit_option[jit] + [lib] + char lists[list_bytes]; image: blob */
struct in_vgModuleLoad {
	uint32_t library;      /* 1: cuLibraryLoadData */
	uint32_t jit, lib;     /* numbers of options */
	uint32_t info_size, error_size;
	uint32_t list_bytes;
	uint64_t image_len;
};
struct vg_jit_option {
	uint32_t option;
	uint32_t flags;        /* VG_JIT_* */
	uint64_t value;        /* the option's value as it is; of one that is a
				* list of names or addresses: how many << 32 |
				* offset in `lists` */
};
enum { VG_JIT_INFO_BUFFER = 1, VG_JIT_ERROR_BUFFER = 2, VG_JIT_NULL = 4 };
struct vg_jit_results { /* what the driver writes over its options */
	uint64_t info_used, error_used;
	float wall_time;
	uint32_t threads;
};
struct out_vgModuleLoad { /* + char info[info_size], char error[error_size] */
	uint32_t module;
	uint32_t result;       /* CUresult: outputs travel with a failure too */
	struct vg_jit_results jit;
};
struct in_vgModuleUnload {
	uint32_t library;
	uint32_t id;
};
struct in_vgFunction { /* + char name[name_len] */
	uint32_t from;         /* enum vgpu_kind: module, library or kernel */
	uint32_t id;
	uint32_t name_len;     /* 0 for a kernel's function */
};
struct out_vgFunction { /* + struct vg_param[min(params, VGPU_PARAMS)] */
	uint32_t id;
	uint32_t params;
	uint32_t owner;        /* module of a function, library of a kernel */
	uint32_t pad;
};
struct vg_param {
	uint32_t offset, size;
};
struct in_vgFunctions { /* all kernels of a library, functions of a module */
	uint32_t from;
	uint32_t id;
	uint32_t first, cap;
};
struct out_vgFunctions { /* + uint32_t id[cap] */
	uint32_t count;
	uint32_t pad;
};
struct in_vgParams { /* also for the name: then params are not sent */
	uint32_t kind, id;
	uint32_t first;
	uint32_t name;         /* 1: the name instead of parameters */
};
struct out_vgParams { /* + struct vg_param[VGPU_PARAMS] or char name[1024] */
	uint32_t count;        /* parameters sent, or bytes of the name */
	uint32_t pad;
};
struct in_vgFuncAttrs {
	uint32_t kind, id;
	int32_t device;        /* kernels */
	uint32_t pad;
};
struct out_vgFuncAttrs {
	int32_t value[VGPU_FUNC_ATTRS];
	uint8_t result[VGPU_FUNC_ATTRS]; /* 0 or 1: not an attribute */
	uint32_t first_error;  /* CUresult when none could be read */
	uint32_t pad;
};
struct in_vgFuncSetAttr {
	uint32_t kind, id;
	int32_t device;
	uint32_t attr;
	int32_t value;
	uint32_t pad;
};
enum { VG_CONFIG_CACHE, VG_CONFIG_SHARED, VG_CONFIG_LOAD, VG_CONFIG_LOADED };
struct in_vgFuncConfig {
	uint32_t kind, id;
	uint32_t what;         /* VG_CONFIG_* */
	int32_t value, device;
	uint32_t pad;
};
struct out_vgFuncConfig {
	int32_t value;
	uint32_t pad;
};
enum {
	VG_OCC_BLOCKS, VG_OCC_AVAILABLE_SMEM, VG_OCC_CLUSTERS,
	VG_OCC_CLUSTER_SIZE, VG_OCC_POTENTIAL
};
struct in_vgOccupancy { /* + struct vg_launch_attr[attrs] */
	uint32_t kind, id;
	uint32_t what;
	int32_t block, blocks;
	uint32_t flags;
	uint64_t smem;
	uint32_t grid[3], dim[3];
	uint32_t attrs;
	uint32_t stream;
};
struct out_vgOccupancy {
	int64_t value;
	int64_t value2;
};

/* ---- launches ---- */
struct vg_launch_attr { /* CUlaunchAttribute with handles as ids */
	uint32_t id;
	uint32_t pad;
	uint8_t value[64];
};
enum { VG_LAUNCH_COOPERATIVE = 1, VG_LAUNCH_EX = 2 };
struct in_vgLaunch { /* + uint8_t params[bytes] + vg_launch_attr[attrs] */
	uint32_t kind, id;
	uint32_t grid[3], block[3];
	uint32_t smem;
	uint32_t stream;
	uint32_t bytes;
	uint32_t attrs;
	uint32_t flags;
	uint32_t pad;
};

struct out_vgLaunch { /* of the kernel, in its context */
	uint32_t max_smem;     /* dynamic */
	uint32_t clusters;     /* it has some of a set size */
};

/* ---- memory ---- */
enum {
	VG_ALLOC, VG_ALLOC_PITCH, VG_ALLOC_MANAGED, VG_ALLOC_ASYNC,
	VG_ALLOC_POOL
};
struct in_vgMemAlloc {
	uint32_t what;
	uint32_t flags;        /* managed: flags; pitch: element size */
	uint64_t size;         /* pitch: width */
	uint64_t height;
	uint32_t stream, pool;
};
struct out_vgMemAlloc {
	uint64_t ptr;
	uint64_t pitch;
	uint64_t base_size;    /* bytes really reserved from ptr on */
};
struct in_vgMemFree {
	uint64_t ptr;
	uint32_t stream;
	uint32_t async;        /* 1: cuMemFreeAsync */
};

/* A place: a device address, or bytes of an arena. */
struct in_vgCopy { /* between addresses that the host's driver knows */
	uint64_t dst, src, len;
	uint32_t stream;
	uint32_t sync;         /* 1: the reply comes when it is done */
};
struct in_vgCopyIn { /* + uint8_t bytes[len] */
	uint64_t dst;
	uint32_t len;
	uint32_t stream;
};
struct in_vgCopyOut { /* reply: uint8_t bytes[len] */
	uint64_t src;
	uint32_t len;
	uint32_t stream;
};
struct in_vgCopyWindow {
	uint64_t device;
	uint64_t len;
	uint64_t offset;
	uint32_t arena;
	uint32_t stream;
	uint32_t to_device;
	uint32_t fence;        /* its word becomes `value` when it is done */
	uint32_t value;
	uint32_t pad;
};
/* A 2D or 3D copy between device, arrays and window. Host sides name the
 * window: hostPtr is an offset in `arena`. Handles of arrays are ids. */
struct in_vgCopy2D {
	uint64_t copy[25];     /* CUDA_MEMCPY3D, its arrays as ids */
	uint32_t arena;        /* of host sides; VGPU_ARENAS: addresses as is */
	uint32_t stream;
	uint32_t fence;        /* VGPU_FENCES: none */
	uint32_t value;
};

struct in_vgPointer {
	uint64_t ptr;
	uint32_t attribute;    /* 0: address range */
	uint32_t pad;
};
struct out_vgPointer {
	uint64_t value[8];
	uint64_t base, size;
};

/* ---- streams and events ---- */
struct in_vgStreamCreate {
	uint32_t stream;
	uint32_t flags;
	int32_t priority;
	uint32_t with_priority;
};
struct in_vgStream {
	uint32_t stream;
	uint32_t mode;         /* capture */
};
struct out_vgCaptureEnd {
	uint32_t graph;
	uint32_t pad;
};
struct out_vgCaptureInfo { /* + uint32_t node[cap] */
	uint32_t status;
	uint32_t graph;
	uint64_t id;
	uint32_t nodes;
	uint32_t pad;
};
struct in_vgCaptureInfo {
	uint32_t stream;
	uint32_t cap;
	uint32_t full;         /* 0: status and id only */
	uint32_t pad;
};
struct in_vgHostFunc {
	uint64_t token;
	uint32_t stream;
	uint32_t callback;     /* 1: cuStreamAddCallback */
};
struct in_vgEventCreate {
	uint32_t event;
	uint32_t flags;
};
struct in_vgEventRecord {
	uint32_t event;
	uint32_t stream;
	uint32_t flags;
	uint32_t with_flags;
};
struct in_vgEvent {
	uint32_t event;
	uint32_t pad;
};

/* ---- graphs ---- */
/* A host function that may run many times: its token has this bit, and the
 * guest never forgets it. */
#define VGPU_TOKEN_KEPT (1ull << 63)
/* Body graphs of one conditional node. */
#define VGPU_GRAPH_BODIES 1024u

struct in_vgNode { /* + uint32_t dep[ndeps] + CUgraphEdgeData[nedges] + tail */
	uint32_t graph;        /* Add */
	uint32_t exec, node;   /* Set; exec 0: the graph's node */
	uint32_t type;         /* CUgraphNodeType */
	uint32_t ndeps, nedges;
	uint32_t tail;         /* bytes: parameters, operations, access */
	uint32_t generic;      /* 1: asked by cuGraphAddNode and its like */
	uint64_t body[29];     /* the union of CUgraphNodeParams, handles as
				* ids; func is kind << 32 | id */
};
struct in_vgNodeGet {
	uint32_t node;
	uint32_t type;
	uint32_t cap;          /* room for the tail */
	uint32_t pad;
};
struct out_vgNode { /* + uint32_t graph[bodies] (Add) or tail (Get) */
	uint32_t node;         /* Add; Get of a kernel: its module or library */
	uint32_t tail;         /* bytes that there are */
	uint64_t body[29];
};
struct in_vgGraph { /* Destroy, Dot */
	uint32_t graph;
	uint32_t flags;
};
struct in_vgInstantiate {
	uint32_t graph;
	uint32_t params;       /* 1: cuGraphInstantiateWithParams */
	uint64_t flags;
	uint32_t stream;
	uint32_t log;
};
struct out_vgInstantiate { /* + char text[log] */
	uint32_t exec;
	uint32_t result;       /* CUresult: outputs travel with a failure too */
	uint32_t error_node;
	uint32_t detail;       /* CUgraphInstantiateResult */
};
struct in_vgGraphUpdate {
	uint32_t exec, graph;
};
struct out_vgGraphUpdate {
	uint32_t result;       /* CUresult */
	uint32_t detail;       /* CUgraphExecUpdateResult */
	uint32_t node, from;
};
struct in_vgUserObject {
	uint64_t token;
	uint32_t refs, flags;
};
struct in_vgGraphOwns { /* token is run when the last that owns it dies */
	uint64_t token;
	uint32_t graph;        /* 0: what @stream is captured into */
	uint32_t stream;
};
struct out_vgId {
	uint32_t id;
	uint32_t pad;
};
struct in_vgCaptureTo { /* + uint32_t dep[ndeps] + CUgraphEdgeData[nedges] */
	uint32_t stream, graph;
	uint32_t mode;
	uint32_t ndeps, nedges;
	uint32_t pad;
};

/* ---- bytes that wait to be fetched: one lot at a time ---- */
struct out_vgStaged {
	uint64_t size;
};
struct in_vgFetch { /* reply: uint8_t bytes[len] */
	uint64_t offset;
	uint32_t len;
	uint32_t pad;
};

/* ---- linking ---- */
struct in_vgLinkCreate { /* + struct vg_jit_option[jit] + char lists[] */
	uint32_t jit;
	uint32_t info_size, error_size;
	uint32_t list_bytes;
};
/* + char name[] + struct vg_jit_option[jit] + char lists[]; image: blob */
struct in_vgLinkAdd {
	uint32_t link, type;
	uint32_t jit;
	uint32_t name_len;     /* 0: NULL */
	uint32_t list_bytes;
	uint32_t pad;
	uint64_t image_len;
};
struct in_vgLink { /* Complete, Destroy */
	uint32_t link;
	uint32_t pad;
};
struct out_vgLink { /* + char info[info_size] + char error[error_size] */
	uint32_t result;       /* CUresult: logs travel with a failure too */
	uint32_t link;         /* Create */
	uint64_t size;         /* Complete: to be fetched */
	struct vg_jit_results jit;
};

/* ---- copies in batches and between contexts ---- */
struct in_vgCopyBatch { /* + u64 dst[], src[], size[] + attrs + u64 idx[] */
	uint32_t count, nattrs;
	uint32_t stream;
	uint32_t pad;
};
struct in_vgCopy3DBatch { /* + CUDA_MEMCPY3D_BATCH_OP[count], arrays as ids */
	uint32_t count;
	uint32_t stream;
	uint64_t flags;
};
struct in_vgCopyPeer {
	uint64_t copy[25];     /* CUDA_MEMCPY3D_PEER, handles as ids */
	uint32_t stream;
	uint32_t pad;
};

/* ---- memory of other processes ---- */
/* What the driver describes in 64 bytes that any process may hold. */
enum { VG_SEAL_MEMORY, VG_SEAL_EVENT, VG_SEAL_POINTER };
struct in_vgSealGet { /* reply: the bytes */
	uint64_t ptr;          /* MEMORY, POINTER */
	uint32_t what;
	uint32_t event;        /* EVENT */
};
struct out_vgSealGet {
	uint64_t bytes[8];
};
struct in_vgSealOpen {
	uint64_t bytes[8];
	uint32_t what;
	uint32_t flags;        /* MEMORY */
	uint32_t pool;         /* POINTER */
	uint32_t pad;
};
struct out_vgSealOpen {
	uint64_t ptr, size;
	uint32_t event;
	uint32_t pad;
};
/* What a file descriptor stands for; see exec.h. */
enum { VG_SHARE_VMM, VG_SHARE_POOL };
#define VG_SHARE_TOKEN 16u
struct in_vgShare {
	uint32_t what, id;
};
struct out_vgShare {
	uint8_t token[VG_SHARE_TOKEN];
};
struct in_vgUnshare {
	uint8_t token[VG_SHARE_TOKEN];
};
struct in_vgImport {
	uint8_t token[VG_SHARE_TOKEN];
	char sid[48];          /* the exporter's session, NUL-ended */
	uint32_t what;
	uint32_t pad;
};
struct in_vgIpcClose {
	uint64_t ptr;
};

/* ---- green contexts ---- */
struct in_vgGreen { /* Ctx, Destroy */
	uint32_t green, ctx;
};
struct out_vgGreen {
	int32_t device;        /* the host's number */
	uint32_t pad;
};
struct in_vgGreenStream {
	uint32_t green, stream;
	uint32_t flags;
	int32_t priority;
};

/* ---- addresses without memory, tensor maps ---- */
struct in_vgReserve {
	uint64_t size, alignment, addr, flags;
};
struct out_vgReserve {
	uint64_t ptr;
};
struct in_vgReserveFree {
	uint64_t ptr, size;
};
struct in_vgMapArrays { /* + CUarrayMapInfo[count], handles as ids */
	uint32_t stream, count;
};
struct in_vgTensorAddress { /* the reply is the map */
	uint64_t map[16];
	uint64_t address;
};

/* ---- variables of modules ---- */
enum { VG_VAR_MANAGED, VG_VAR_OF_LIBRARY, VG_VAR_OF_MODULE };
struct in_vgModuleVar { /* + char name[name_len] */
	uint32_t of;       /* VG_VAR_...; the first is cuLibraryGetManaged */
	uint32_t handle;
	uint32_t want;     /* 1: the address, 2: the size */
	uint32_t name_len; /* 0: NULL */
};
struct out_vgModuleVar {
	uint64_t ptr, size;
	/* The block of managed memory that it lies in; 0: it is not managed. */
	uint64_t base, base_size;
};

#endif

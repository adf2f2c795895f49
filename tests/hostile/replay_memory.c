// SPDX-License-Identifier: BSD-2-Clause
/* replay_memory.c - copies that would reach the executor's own memory, and the
 * window. */
#include "tests/hostile/replay.h"

/* ---- the executor's own memory ------------------------------------------- */

static uint64_t device_memory(void)
{
	struct in_vgMemAlloc mem = { .what = VG_ALLOC, .size = 65536 };
	struct out_vgMemAlloc out;
	struct shape s = plain(OP_vgMemAlloc);

	must(&s, &mem, sizeof(mem));
	memcpy(&out, reply_of(0), sizeof(out));
	return out.ptr;
}

static void copy_reaches(uint64_t dst, uint64_t src, uint64_t n,
			 const char *what)
{
	struct in_vgCopy c = { dst, src, n, ID_STREAM, 0 };
	struct shape s = plain(OP_vgCopy);

	snprintf(doing, sizeof(doing), "vgCopy");
	play(&s, &c, sizeof(c));
	ok(!saw_foreign() && result_of(0), "%s", what);
}

void copies(void)
{
	uint64_t d = device_memory(), stack = (uintptr_t)&d & ~7ull;
	struct in_vgCopy good = { d + 64, d, 64, ID_STREAM, 0 };
	struct shape s = plain(OP_vgCopy);

	play(&s, &good, sizeof(good));
	ok(!result_of(0) && !saw_foreign(), "a copy on the device is done");
	copy_reaches(d, FAKE_SECRET, 64, "no copy from the executor's memory");
	copy_reaches(FAKE_SECRET, d, 64, "no copy to the executor's memory");
	copy_reaches(d, stack, 8, "nor from its stack");
	copy_reaches(d, (uintptr_t)ex.arena[0].base + PAGES * VGPU_PAGE - 8,
		     64, "nor over the window's end");
	copy_reaches(d, (uintptr_t)ex.arena[0].base - 8, 64,
		     "nor from before the window");
	new_session();
}

/* Operands of a batch whose rows and layers overlap, or lie far apart. */
static void operand_reaches(uint64_t row, uint64_t layers, uint64_t width,
			    uint64_t height, uint64_t depth, bool good,
			    const char *what)
{
	struct { struct in_vgCopy3DBatch in; CUDA_MEMCPY3D_BATCH_OP op; } b = {
		.in = { .count = 1, .stream = ID_STREAM },
		.op = { .extent = { width, height, depth } } };
	uint64_t end = (uintptr_t)ex.arena[0].base + PAGES * VGPU_PAGE;
	struct shape s = plain(OP_vgCopy3DBatch);

	b.op.src.type = b.op.dst.type = CU_MEMCPY_OPERAND_TYPE_POINTER;
	b.op.src.op.ptr.ptr = end - 64;
	b.op.src.op.ptr.rowLength = row;
	b.op.src.op.ptr.layerHeight = layers;
	b.op.dst.op.ptr = b.op.src.op.ptr;
	snprintf(doing, sizeof(doing), "vgCopy3DBatch: %s", what);
	ok(play(&s, &b, sizeof(b)) == VGPU_E_LEFT && !result_of(0) == good,
	   "a batch's %s", what);
}

void operands_3d(void)
{
	operand_reaches(8, 8, 8, 8, 1, true, "block may end with the window");
	operand_reaches(40, 2, 16, 2, 1, true, "last row may be a part of one");
	operand_reaches(32, 2, 33, 2, 1, false, "last row ends in the window");
	operand_reaches(1, 1, 65, 1, 1, false, "rows may not overlap beyond it");
	operand_reaches(1, 1, 8, 64, 1, false, "layers neither");
	operand_reaches(1ull << 63, 2, 2, 2, 2, false, "sums do not wrap");
	new_session();
}

/* A handle inside a value that is passed on as it is. */
static void attribute(uint32_t op, uint32_t id, uint32_t attr, bool good)
{
	struct in_cuGraphKernelNodeSetAttribute node = { 0 };
	struct in_cuStreamSetAttribute stream = { 0 };
	struct shape s = plain(op);
	enum vgpu_error e;

	node.have = stream.have = UINT32_MAX;
	node.hNode = stream.hStream = id;
	node.attr = stream.attr = (CUlaunchAttributeID)attr;
	e = op == OP_cuStreamSetAttribute ? play(&s, &stream, sizeof(stream)) :
					    play(&s, &node, sizeof(node));
	ok(e == VGPU_E_LEFT && (result_of(0) == CUDA_SUCCESS) == good,
	   "attribute %u of op %u is %s", attr, op, good ? "set" : "refused");
}

/* Memory of the host, asked for as a node of a graph. */
static void host_node(CUmemLocationType type, bool good)
{
	struct in_vgNode in = { .type = CU_GRAPH_NODE_TYPE_MEM_ALLOC };
	CUDA_MEM_ALLOC_NODE_PARAMS_v2 a = { .bytesize = 4096 };
	struct shape s = plain(OP_vgNodeAdd);
	uint32_t result;

	a.poolProps.location.type = type;
	memcpy(in.body, &a, sizeof(a));
	in.graph = VGPU_ID_HOST + KIND_GRAPH - 1;
	play(&s, &in, sizeof(in));
	result = result_of(0);
	ok((result != CUDA_ERROR_NOT_SUPPORTED) == good,
	   "memory of location %d, asked for by a graph: %u", type, result);
}

/* Part of a device: the driver's own bytes in it are the driver's. */
static void made_up_resource(void)
{
	struct { struct in_cuDevResourceGenerateDesc in; CUdevResource r; } d = {
		.in = { .have = UINT32_MAX, .nbResources = 1 } };
	struct shape s = plain(OP_cuDevResourceGenerateDesc);
	enum vgpu_error e;

	d.r.type = CU_DEV_RESOURCE_TYPE_SM;
	memset(d.r._internal_padding, 0x41, sizeof(d.r._internal_padding));
	e = play(&s, &d, sizeof(d));
	ok(e == VGPU_E_LEFT &&
	   result_of(0) == CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION,
	   "a part of a device that the driver never gave is refused");
	ex_learn_CUdevResource(&d.r, 1);
	e = play(&s, &d, sizeof(d));
	ok(e == VGPU_E_LEFT && !result_of(0), "one that it gave is taken");
}

void foreign_handles(void)
{
	uint32_t node = VGPU_ID_HOST + KIND_GNODE - 1;

	attribute(OP_cuGraphKernelNodeSetAttribute, node,
		  CU_LAUNCH_ATTRIBUTE_PRIORITY, true);
	attribute(OP_cuGraphKernelNodeSetAttribute, node,
		  CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT, false);
	attribute(OP_cuGraphKernelNodeSetAttribute, node,
		  CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT, false);
	attribute(OP_cuStreamSetAttribute, ID_STREAM,
		  CU_LAUNCH_ATTRIBUTE_PRIORITY, true);
	attribute(OP_cuStreamSetAttribute, ID_STREAM,
		  CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT, false);
	attribute(OP_cuStreamSetAttribute, ID_STREAM,
		  CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT, false);
	made_up_resource();
	host_node(CU_MEM_LOCATION_TYPE_DEVICE, true);
	host_node(CU_MEM_LOCATION_TYPE_HOST, false);
	host_node(CU_MEM_LOCATION_TYPE_HOST_NUMA, false);
	new_session();
}

static uint64_t extreme(void)
{
	static const uint64_t v[] = {
		0, 1, 2, 8, 64, 4096, PAGES * VGPU_PAGE - 1, PAGES * VGPU_PAGE,
		PAGES * VGPU_PAGE + 1, 1ull << 31, 1ull << 32, 1ull << 63,
		(1ull << 63) + 64, UINT64_MAX, UINT64_MAX - 63, 1ull << 48,
	};
	return v[rnd() % (sizeof(v) / sizeof(*v))];
}

static uint64_t small_or_extreme(void)
{
	return rnd() & 1 ? rnd() % 300 : extreme();
}

/* 2D and 3D copies whose window side is described with every kind of pitch,
 * height and offset: the driver never sees a byte outside the arena. */
void window_copies(uint32_t arena)
{
	uint64_t d = device_memory(), taken = 0;
	struct shape s = plain(OP_vgCopy2D);
	bool to_device;

	for (int i = 0; i < WINDOW_COPIES; i++) {
		struct in_vgCopy2D in = { .arena = arena,
					  .stream = ID_STREAM,
					  .fence = VGPU_FENCES };
		CUDA_MEMCPY3D c = { 0 };

		to_device = rnd() & 1;
		c.srcMemoryType = to_device ? CU_MEMORYTYPE_HOST :
					      CU_MEMORYTYPE_DEVICE;
		c.dstMemoryType = to_device ? CU_MEMORYTYPE_DEVICE :
					      CU_MEMORYTYPE_HOST;
		if (rnd() % 8 == 0)
			c.srcMemoryType = CU_MEMORYTYPE_HOST;
		if (arena == VGPU_ARENAS && rnd() % 2)
			c.srcMemoryType = CU_MEMORYTYPE_UNIFIED;
		c.srcDevice = c.dstDevice = d;
		if (arena == VGPU_ARENAS && c.srcMemoryType ==
		    CU_MEMORYTYPE_UNIFIED)
			c.srcDevice = FAKE_SECRET;
		c.srcHost = (void *)(uintptr_t)(arena == VGPU_ARENAS ?
			    FAKE_SECRET : small_or_extreme());
		c.dstHost = (void *)(uintptr_t)(arena == VGPU_ARENAS ?
			    FAKE_SECRET : small_or_extreme());
		c.srcXInBytes = small_or_extreme();
		c.srcY = small_or_extreme();
		c.srcZ = small_or_extreme();
		c.dstXInBytes = small_or_extreme();
		c.dstY = small_or_extreme();
		c.dstZ = small_or_extreme();
		c.srcPitch = small_or_extreme();
		c.dstPitch = small_or_extreme();
		c.srcHeight = small_or_extreme();
		c.dstHeight = small_or_extreme();
		c.WidthInBytes = 1 + small_or_extreme();
		c.Height = 1 + small_or_extreme();
		c.Depth = rnd() % 3 ? 1 : 1 + small_or_extreme();
		if (i % 4 == 0) {
			c.srcXInBytes = c.srcY = c.srcZ = 0;
			c.dstXInBytes = c.dstY = c.dstZ = 0;
			c.WidthInBytes = 1 + rnd() % 64;
			c.Height = 1 + rnd() % 64;
			c.Depth = 1 + rnd() % 3;
			c.srcPitch = rnd() % 3 ? 64 + rnd() % 64 : 0;
			c.dstPitch = rnd() % 3 ? 64 + rnd() % 64 : 0;
			c.srcHeight = rnd() % 3 ? 64 + rnd() % 64 : 0;
			c.dstHeight = rnd() % 3 ? 64 + rnd() % 64 : 0;
		}
		memcpy(in.copy, &c, sizeof(c));
		snprintf(doing, sizeof(doing), "copy %d: from %d %p x %zu y "
			 "%zu z %zu pitch %zu height %zu, w %zu h %zu d %zu", i,
			 c.srcMemoryType, c.srcHost, c.srcXInBytes, c.srcY,
			 c.srcZ, c.srcPitch, c.srcHeight, c.WidthInBytes,
			 c.Height, c.Depth);
		if (play(&s, &in, sizeof(in)) != VGPU_E_LEFT) {
			new_session();
			d = device_memory();
			continue;
		}
		taken += !result_of(0);
		if (watch->foreign)
			break;
	}
	printf("# %llu copies were taken\n", (unsigned long long)taken);
	ok(arena == VGPU_ARENAS || taken > 100, "some were good");
	ok(!saw_foreign(), arena == VGPU_ARENAS ?
	   "2D copies of addresses never reach the executor's memory" :
	   "2D and 3D copies never leave the window");
	new_session();
}

/* ---- arenas ---------------------------------------------------------------- */

static enum vgpu_error part(struct in_vgArenaAdd in, uint32_t ref0,
			    uint32_t *result)
{
	struct { struct in_vgArenaAdd in; uint32_t ref[64]; } a = { .in = in };
	struct shape s = plain(OP_vgArenaAdd);
	enum vgpu_error e;

	for (uint32_t i = 0; i < 64; i++)
		a.ref[i] = ref0 + i;
	snprintf(doing, sizeof(doing), "arena %u, %u to %u of %u pages",
		 in.arena, in.first, in.first + in.count, in.pages);
	e = play(&s, &a, sizeof(a));
	*result = result_of(0);
	if (e != VGPU_E_LEFT)
		new_session();
	return e;
}

static enum vgpu_error arena(uint32_t number, uint32_t pages, uint32_t ref0,
			     uint32_t *result)
{
	return part((struct in_vgArenaAdd){ number, pages, 0, pages }, ref0,
		    result);
}

static enum vgpu_error drop_arena(uint32_t number)
{
	union { struct in_vgArenaDrop in; uint64_t all; } in = {
		.in = { .arena = number } };
	struct shape s = plain(OP_vgArenaDrop);

	return play(&s, &in, sizeof(in));
}

#define PART(arena, pages, first, count, ref) \
	part((struct in_vgArenaAdd){ arena, pages, first, count }, ref, &r)

/* Lists in several records: in order, of one size, within the budget. */
void arena_parts(void)
{
	uint64_t mapped = stats.granted_pages;
	uint32_t r;

	ok(PART(2, 128, 0, 64, 1000) == VGPU_E_LEFT && !r &&
	   stats.granted_pages == mapped, "half a list maps nothing");
	ok(PART(2, 128, 64, 64, 1064) == VGPU_E_LEFT && !r &&
	   stats.granted_pages == mapped + 128 && ex.mapped == 2,
	   "the other half maps all");
	ok(ex_arena_at(&ex, (uintptr_t)ex.arena[2].base + 127 * VGPU_PAGE) ==
	   &ex.arena[2] && ex_arena_at(&ex, (uintptr_t)ex.arena[0].base) ==
	   &ex.arena[0] && !ex_arena_at(&ex, 8), "arenas are found again");
	ok(drop_arena(2) == VGPU_E_LEFT && stats.granted_pages == mapped &&
	   ex.mapped == 1, "and unmapped");
	ok(PART(2, 128, 64, 64, 1000) == VGPU_E_PROTOCOL, "the end first");
	PART(2, 128, 0, 64, 1000);
	ok(PART(2, 128, 0, 64, 1000) == VGPU_E_PROTOCOL, "a part twice");
	PART(2, 128, 0, 64, 1000);
	ok(PART(2, 127, 64, 63, 1000) == VGPU_E_PROTOCOL, "another size");
	PART(2, 65, 0, 64, 1000);
	ok(PART(2, 65, 64, 2, 1000) == VGPU_E_PROTOCOL, "more than it has");
	PART(2, 65, 0, 64, 1000);
	ok(PART(2, 65, UINT32_MAX, 2, 1000) == VGPU_E_PROTOCOL, "it wraps");
	ok(PART(2, 65, 0, 0, 1000) == VGPU_E_PROTOCOL, "an empty part");
	ok(PART(2, VGPU_ARENA_PAGES_MAX + 1, 0, 64, 1000) == VGPU_E_PROTOCOL,
	   "more than any arena has");
	ex.window_max = PAGES + 200;
	ok(PART(2, 150, 0, 64, 1000) == VGPU_E_LEFT && !r &&
	   PART(3, 51, 0, 51, 1000) == VGPU_E_LEFT && r,
	   "half a list counts");
	ok(drop_arena(2) == VGPU_E_LEFT &&
	   PART(3, 51, 0, 51, 1000) == VGPU_E_LEFT && !r,
	   "until it is dropped");
	PART(2, 65, 0, 64, 40000);
	ok(PART(2, 65, 64, 1, 1000) == VGPU_E_LEFT && r &&
	   ex.window_pages == PAGES + 51,
	   "a list with a bad reference leaves nothing behind");
	PART(2, 128, 0, 64, 1000);
	new_session(); /* the sanitizer looks for what half a list held */
}

void arenas(void)
{
	uint32_t r;

	ok(arena(1, 64, 1000, &r) == VGPU_E_LEFT && !r, "one more is added");
	ok(arena(1, 64, 1000, &r) == VGPU_E_PROTOCOL, "but not twice");
	ok(arena(VGPU_ARENAS, 1, 1000, &r) == VGPU_E_PROTOCOL, "number 1024");
	ok(arena(UINT32_MAX, 1, 1000, &r) == VGPU_E_PROTOCOL, "number 2^32-1");
	ok(arena(1, 0, 1000, &r) == VGPU_E_PROTOCOL, "no pages");
	ok(arena(1, 65, 1000, &r) == VGPU_E_PROTOCOL, "a list cut short");
	ok(arena(1, UINT32_MAX, 1000, &r) == VGPU_E_PROTOCOL, "2^32-1 pages");
	ok(arena(1, 1u << 30, 1000, &r) == VGPU_E_PROTOCOL, "2^30 pages");
	ok(arena(1, 64, 40000, &r) == VGPU_E_LEFT && r,
	   "references that do not exist are an error, not the end");
	ex.window_max = 20;
	ok(arena(1, 64, 1000, &r) == VGPU_E_LEFT && r, "over the budget too");
	new_session();
}

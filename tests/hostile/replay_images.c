// SPDX-License-Identifier: BSD-2-Clause
/* replay_images.c - options that hold addresses, and images on their way. */
#include "tests/hostile/replay.h"
#include "tools/lib/ticks.h"

/* ---- options of modules, which hold addresses ------------------------------ */

static const char ptx[] = ".version 8.0\n.target sm_80\n.address_size 64\n";

static void send_blob(uint32_t blob, uint64_t *size)
{
	struct { struct in_vgBlob in; uint8_t bytes[256]; } b = { 0 };
	struct { uint32_t magic, kind, nparts, zero; uint64_t total, len; } h;
	struct shape s = plain(OP_vgBlob);
	uint64_t part = (sizeof(ptx) + 15) & ~15ull;

	h.magic = 0x31474d49u;
	h.kind = 1;
	h.nparts = 1;
	h.zero = 0;
	h.len = sizeof(ptx);
	h.total = ((sizeof(h) + 15) & ~15ull) + part;
	*size = h.total;
	memcpy(b.bytes, &h, sizeof(h));
	memcpy(b.bytes + ((sizeof(h) + 15) & ~15ull), ptx, sizeof(ptx));
	b.in = (struct in_vgBlob){ .blob = blob, .len = (uint32_t)*size,
				   .total = *size, .arena = VGPU_ARENAS };
	must(&s, &b, (uint32_t)(sizeof(b.in) + VGPU_ALIGN8(*size)));
}

#define LISTS "first\0second\0"

static enum vgpu_error load(uint32_t library, uint32_t njit, uint32_t nlib,
			    const struct vg_jit_option *o, uint32_t info)
{
	struct { struct in_vgModuleLoad in; struct vg_jit_option o[2];
		 char lists[16]; } m = {
		.in = { .library = library, .jit = njit, .lib = nlib,
			.info_size = info, .list_bytes = sizeof(LISTS) - 1 } };
	struct shape s = plain(OP_vgModuleLoad);
	uint32_t n = njit + nlib;

	send_blob(7, &m.in.image_len);
	memcpy(m.o, o, n * sizeof(*o));
	memcpy((char *)m.o + n * sizeof(*o), LISTS, sizeof(LISTS));
	s.flags |= VGPU_REC_BLOB;
	s.blob = 7;
	return play(&s, &m, (uint32_t)(sizeof(m.in) + n * sizeof(*o) + 16));
}

/* A list and its count; @entries << 32 | @off. */
static bool lists(uint32_t list, uint32_t count, uint64_t entries,
		  uint64_t told, uint64_t off, enum vgpu_error want)
{
	struct vg_jit_option o[2] = { { list, 0, entries << 32 | off },
				      { count, 0, told } };
	enum vgpu_error e;

	snprintf(doing, sizeof(doing), "list option %u: %llu entries at %llu",
		 list, (unsigned long long)entries, (unsigned long long)off);
	watch->listed = 0;
	e = load(0, 2, 0, o, 0);
	if (e != VGPU_E_LEFT)
		new_session();
	return e == want && !saw_foreign();
}

void list_options(void)
{
	const uint32_t k = CU_JIT_REFERENCED_KERNEL_NAMES,
		       kc = CU_JIT_REFERENCED_KERNEL_COUNT,
		       a = CU_JIT_GLOBAL_SYMBOL_ADDRESSES,
		       ac = CU_JIT_GLOBAL_SYMBOL_COUNT;

	ok(lists(k, kc, 2, 2, 0, VGPU_E_LEFT) && watch->listed == 11,
	   "two names are delivered");
	ok(lists(k, kc, 1, 2000, 6, VGPU_E_LEFT) && watch->listed == 6,
	   "the count is that of the list, whatever the guest says");
	ok(lists(k, kc, 3, 3, 0, VGPU_E_PROTOCOL), "more names than there are");
	ok(lists(k, kc, UINT32_MAX, 2, 0, VGPU_E_PROTOCOL), "2^32 names");
	ok(lists(k, kc, 1, 1, 99, VGPU_E_PROTOCOL), "names past the record");
	ok(lists(k, kc, 1, 1, UINT32_MAX, VGPU_E_PROTOCOL), "names far past");
	ok(lists(k, ac, 1, 1, 0, VGPU_E_PROTOCOL), "names without a count");
	ok(lists(a, ac, 1, 1, 0, VGPU_E_LEFT) && !watch->listed,
	   "addresses without names are none");
	ok(lists(a, ac, 2, 2, 0, VGPU_E_PROTOCOL), "addresses cut short");
	ok(lists(CU_JIT_NUM_OPTIONS, kc, 0, 0, 0, VGPU_E_PROTOCOL),
	   "an option that is not known");
}

void options(void)
{
	static const uint32_t bad[] = {
		CU_JIT_INFO_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER,
		CU_JIT_GLOBAL_SYMBOL_NAMES, CU_JIT_GLOBAL_SYMBOL_ADDRESSES,
		CU_JIT_REFERENCED_KERNEL_NAMES,
		CU_JIT_REFERENCED_VARIABLE_NAMES,
	};
	struct vg_jit_option o[2] = {
		{ CU_JIT_INFO_LOG_BUFFER, VG_JIT_INFO_BUFFER, 0 },
		{ CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES, 0, 64 } };

	for (uint32_t lib = 0; lib < 2; lib++) {
		o[0].option = CU_JIT_INFO_LOG_BUFFER;
		o[0].flags = VG_JIT_INFO_BUFFER;
		o[1].value = 64;
		ok(load(lib, 2, 0, o, 64) == VGPU_E_LEFT && !saw_foreign(),
		   "a log of 64 bytes is delivered");
		o[1].value = SLOT_CAP + 64;
		snprintf(doing, sizeof(doing), "a log larger than its room");
		load(lib, 2, 0, o, 64);
		ok(!saw_foreign() && canary_lives(),
		   "a log is not larger than the room for it");
		new_session();
		for (size_t i = 0; i < sizeof(bad) / 4; i++) {
			o[0] = (struct vg_jit_option){ bad[i], 0, FAKE_SECRET };
			o[1].value = 64;
			snprintf(doing, sizeof(doing), "JIT option %u", bad[i]);
			load(lib, 2, 0, o, 64);
			ok(!saw_foreign(), "JIT option %u brings no address",
			   bad[i]);
			new_session();
		}
	}
	o[0] = (struct vg_jit_option){
		CU_LIBRARY_HOST_UNIVERSAL_FUNCTION_AND_DATA_TABLE, 0,
		FAKE_SECRET };
	load(1, 0, 1, o, 0);
	ok(!saw_foreign(), "a library option brings no address");
	new_session();
}

/* ---- images on the way ----------------------------------------------------- */

static enum vgpu_error send(struct in_vgBlob in)
{
	struct { struct in_vgBlob in; uint8_t bytes[64]; } b = { .in = in };
	struct shape s = plain(OP_vgBlob);
	enum vgpu_error e;

	snprintf(doing, sizeof(doing), "blob %u offset %llx len %x total %llx "
		 "arena %u at %llx fence %u", in.blob,
		 (unsigned long long)in.offset, in.len,
		 (unsigned long long)in.total, in.arena,
		 (unsigned long long)in.at, in.fence);
	e = play(&s, &b, sizeof(b));
	if (e != VGPU_E_LEFT)
		new_session();
	return e;
}

static enum vgpu_error blob(uint32_t id, uint64_t off, uint32_t len,
			    uint64_t total)
{
	return send((struct in_vgBlob){ .blob = id, .len = len, .offset = off,
					.total = total,
					.arena = VGPU_ARENAS });
}

/* A piece in the window. */
static enum vgpu_error piece(uint32_t arena, uint64_t at, uint32_t len,
			     uint32_t fence)
{
	return send((struct in_vgBlob){ .blob = 1, .len = len, .total = len,
					.arena = arena, .at = at,
					.fence = fence, .value = 5 });
}

/* What is too much is passed over; who needs it is told, and no more. */
static void refused_blob(void)
{
	struct in_vgModuleLoad m = { .image_len = EX_BLOB_BYTES };
	struct in_vgBlob in = { .blob = 3, .len = 64, .arena = VGPU_ARENAS,
				.total = EX_BLOB_BYTES + 1 };
	struct shape s = plain(OP_vgModuleLoad);

	s.flags |= VGPU_REC_BLOB;
	s.blob = 3;
	blob(2, 0, 8, 64);
	in.total = m.image_len;
	ok(send(in) == VGPU_E_LEFT && ex.blob_bytes == 64,
	   "images of 2 GiB and 64 bytes: one is passed over");
	ok(play(&s, &m, sizeof(m)) == VGPU_E_PROTOCOL,
	   "an image that is not complete is not used");
	new_session();
	/* As if the rest had come. */
	blob(2, 0, 8, 64);
	send(in);
	ex.blob[1].got = ex.blob[1].size;
	ok(play(&s, &m, sizeof(m)) == VGPU_E_LEFT &&
	   result_of(0) == CUDA_ERROR_OUT_OF_MEMORY && !ex.blob[1].id,
	   "the load of one passed over is out of memory");
	ok(blob(2, 8, 8, 64) == VGPU_E_LEFT, "the other one goes on");
}

/* What is loaded counts until it is unloaded, or its context ends. */
static void loaded_blobs(void)
{
	struct vg_jit_option keep = { CU_LIBRARY_BINARY_IS_PRESERVED, 0, 1 };
	struct out_vgModuleLoad out;
	struct in_vgModuleUnload un = { .library = 1 };
	struct { struct in_vgCtx in; uint32_t pad; } gone = { { ID_CTX }, 0 };
	struct shape s = plain(OP_vgModuleUnload);
	uint64_t one;

	new_session();
	ok(load(1, 0, 1, &keep, 0) == VGPU_E_LEFT && ex.loaded_bytes &&
	   ex.kept_bytes == ex.loaded_bytes, "an image to be kept is kept");
	one = ex.loaded_bytes;
	memcpy(&out, reply_of(0), sizeof(out));
	un.id = out.module;
	ok(play(&s, &un, sizeof(un)) == VGPU_E_LEFT && !ex.loaded_bytes &&
	   !ex.kept_bytes, "until it is unloaded");
	load(0, 0, 0, &keep, 0);
	load(0, 0, 0, &keep, 0);
	ok(ex.loaded_bytes == 2 * one && !ex.kept_bytes, "two modules count");
	ex.loaded_bytes = EX_LOADED_BYTES - one + 1;
	ok(load(0, 0, 0, &keep, 0) == VGPU_E_LEFT &&
	   result_of(0) == CUDA_ERROR_OUT_OF_MEMORY,
	   "more than 16 GiB are refused, and the session goes on");
	ex.loaded_bytes = 2 * one;
	s = plain(OP_vgCtxDestroy);
	s.ctx = 0;
	ok(play(&s, &gone, sizeof(gone)) == VGPU_E_LEFT && !ex.loaded_bytes,
	   "modules go with their context");
	new_session();
}

/* What is to spare waits for the next image, but not for long. */
static void spare_memory(void)
{
	blob(4, 0, 64, 5u << 20);
	ok(ex.blob[0].image.room == 5u << 20 && !ex.spare.room &&
	   ex.blob[0].image.touched == 3u << 20,
	   "a larger one takes it too, with the pages that it has");
	blob(4, 0, 0, 0);
	ex_spare_tick(&ex);
	ok(ex.spare.room == 5u << 20 &&
	   ex.spare_until > ticks_ns() + 1000000000u, "it is kept for seconds");
	ex.spare_until = 0;
	ex_spare_tick(&ex);
	ok(!ex.spare.room, "then it goes");
	blob(5, 0, 64, EX_SPARE_BYTES + 1);
	blob(5, 0, 0, 0);
	ex_spare_tick(&ex);
	ok(!ex.spare.room,
	   "a very large one goes as soon as nothing is to do");
}

/* A large one has a mapping, which the next one uses. */
static void large_blobs(void)
{
	uint8_t *first;

	blob(1, 0, 64, 3u << 20);
	first = ex.blob[0].image.data;
	ok(first && ex.blob[0].image.room == 3u << 20, "it is mapped");
	ok(blob(1, 0, 0, 0) == VGPU_E_LEFT && !ex.blob[0].id &&
	   !ex.blob_bytes, "it is dropped");
	blob(2, 0, 64, 2u << 20);
	ok(ex.blob[0].image.data == first, "its memory is used again");
	blob(3, 0, 64, 2u << 20);
	ok(ex.blob[1].image.data != first, "by one only");
	blob(2, 0, 0, 0);
	ok(blob(9, 0, 0, 0) == VGPU_E_LEFT, "none is dropped");
	spare_memory();
	new_session();
}

void blobs(void)
{
	uint64_t size = (uint64_t)PAGES * VGPU_PAGE;

	ok(blob(0, 0, 8, 8) == VGPU_E_PROTOCOL, "blob 0 is refused");
	ok(blob(1, 0, 64, 8) == VGPU_E_PROTOCOL, "a piece past the end");
	ok(blob(1, 8, 8, 64) == VGPU_E_PROTOCOL, "a piece before the first");
	ok(blob(1, 0, 8, UINT64_MAX) == VGPU_E_LEFT && !ex.blob_bytes,
	   "the hugest one is passed over");
	new_session();
	blob(1, 0, 8, 64);
	ok(blob(1, UINT64_MAX - 7, 8, 64) == VGPU_E_PROTOCOL, "a wrapped one");
	blob(1, 0, 8, 64);
	ok(blob(1, 16, 8, 64) == VGPU_E_PROTOCOL, "a hole is refused");
	ok(blob(1, 0, UINT32_MAX, 64) == VGPU_E_PROTOCOL, "more than it has");
	ok(piece(0, 0, (uint32_t)size, 0) == VGPU_E_LEFT &&
	   (uint32_t)ex.ctl->fence[0] == 5, "a piece as large as the window");
	blob(1, 0, 0, 0);
	ok(piece(0, 1, (uint32_t)size, 0) == VGPU_E_PROTOCOL, "past the window");
	ok(piece(0, UINT64_MAX, 8, 0) == VGPU_E_PROTOCOL, "wrapped");
	ok(piece(1, 0, 8, 0) == VGPU_E_PROTOCOL, "an arena that is not there");
	ok(piece(VGPU_ARENAS + 1, 0, 8, 0) == VGPU_E_PROTOCOL, "no arena");
	ok(piece(0, 0, 8, VGPU_FENCES) == VGPU_E_PROTOCOL, "no such fence");
	refused_blob();
	loaded_blobs();
	new_session();
	large_blobs();
	for (uint32_t i = 1; i <= EX_BLOBS; i++)
		ok(blob(i, 0, 8, 64) == VGPU_E_LEFT, "blob %u may wait", i);
	ok(blob(EX_BLOBS + 1, 0, 8, 64) == VGPU_E_PROTOCOL,
	   "one more than may wait is refused");
}

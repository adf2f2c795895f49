// SPDX-License-Identifier: BSD-2-Clause
/*
 * managed.c - managed memory: the program reads and writes it like its own,
 * kernels use it at the same address.
 *
 * The memory is the host's; here the same addresses are a mapping without
 * rights. The first touch after GPU work faults; the handler fetches the group
 * of pages around it and gives the right to read, or to write. Before the next
 * work is submitted, groups that were written go back to the GPU and all
 * rights are taken away. So each side sees the other's writes at the points
 * where CUDA promises it, and only what is touched travels.
 *
 * Copies use a second mapping of the same pages, which always has its rights.
 * Not caught: a system call that is given such memory before the program
 * itself has touched it fails with EFAULT.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/lib/log.h"

#define GROUP       65536u  /* what one fault fetches; regions are made of them */
#define REGIONS_MAX 1024u
#define BLOCKS_MAX  8192u

enum group_state { INVALID, CLEAN, DIRTY };

/* Addresses that are mirrored; several small blocks share one. */
struct region {
	uint64_t map, map_size;      /* whole groups */
	uint8_t *alias;
	uint8_t *state;              /* a byte for each group */
	_Atomic bool live;
};

/* What the GPU really has there. */
struct block {
	uint64_t base, size;         /* size 0: free */
	struct vg_ctx *ctx;
};

static struct region region[REGIONS_MAX];
static struct block block[BLOCKS_MAX];
static uint32_t nblocks;
static _Atomic uint32_t nregions;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
_Atomic bool vg_managed_valid; /* some group may be read or written */
static _Thread_local bool busy;

static struct region *find(uint64_t addr)
{
	uint32_t n = atomic_load(&nregions);

	for (uint32_t i = 0; i < n; i++)
		if (atomic_load(&region[i].live) && addr >= region[i].map &&
		    addr - region[i].map < region[i].map_size)
			return &region[i];
	return NULL;
}

static int rights(const struct region *r, uint64_t g, int prot)
{
	return mprotect((void *)(uintptr_t)(r->map + g * GROUP), GROUP, prot);
}

/* Copies of the handler run in the block's context, whatever the thread's. */
static CUresult move_part(struct region *r, struct vg_ctx *ctx, uint64_t at,
			  uint64_t len, bool to_gpu)
{
	uint8_t *ours = r->alias + (at - r->map);
	CUresult e;

	if (vg_thread.depth == VG_STACK_MAX)
		return CUDA_ERROR_OUT_OF_MEMORY;
	vg_thread.stack[vg_thread.depth++] = ctx;
	busy = true;
	e = to_gpu ? vg_copy_in(at, ours, len, NULL, true) :
		     vg_copy_out(ours, at, len, NULL, true);
	busy = false;
	vg_thread.depth--;
	return e;
}

static CUresult move(struct region *r, uint64_t g, bool to_gpu)
{
	uint64_t from = r->map + g * GROUP, to = from + GROUP;
	CUresult e = CUDA_SUCCESS;

	for (uint32_t i = 0; i < nblocks && !e; i++) {
		uint64_t a = block[i].base, b = a + block[i].size;

		a = a < from ? from : a;
		b = b > to ? to : b;
		if (block[i].size && a < b)
			e = move_part(r, block[i].ctx, a, b - a, to_gpu);
	}
	return e;
}

static bool serve(uint64_t addr, bool write)
{
	struct region *r;
	bool ok = false;
	uint64_t g;

	pthread_mutex_lock(&lock);
	r = find(addr);
	if (r) {
		g = (addr - r->map) / GROUP;
		ok = r->state[g] != INVALID || !move(r, g, false);
		if (ok) {
			if (write)
				r->state[g] = DIRTY;
			else if (r->state[g] == INVALID)
				r->state[g] = CLEAN;
			ok = !rights(r, g, r->state[g] == DIRTY ?
				     PROT_READ | PROT_WRITE : PROT_READ);
			atomic_store(&vg_managed_valid, true);
		}
	}
	pthread_mutex_unlock(&lock);
	return ok;
}

bool vg_managed_fault(uint64_t addr, bool write)
{
	return !busy && !vg_enter() && find(addr) && serve(addr, write);
}

/* ---- before work is submitted ------------------------------------------ */

static CUresult give_back(struct region *r)
{
	uint64_t n = r->map_size / GROUP;
	CUresult e = CUDA_SUCCESS;

	/* First no rights, so that nobody writes behind the copy. */
	if (mprotect((void *)(uintptr_t)r->map, r->map_size, PROT_NONE))
		return CUDA_ERROR_OPERATING_SYSTEM;
	for (uint64_t g = 0; g < n; g++) {
		CUresult m = r->state[g] == DIRTY ? move(r, g, true) :
						    CUDA_SUCCESS;

		r->state[g] = INVALID;
		e = e ? e : m;
	}
	return e;
}

CUresult vg_managed_flush(void)
{
	CUresult e = CUDA_SUCCESS;

	if (busy)
		return CUDA_SUCCESS;
	pthread_mutex_lock(&lock);
	if (atomic_exchange(&vg_managed_valid, false))
		for (uint32_t i = 0; i < atomic_load(&nregions); i++)
			if (atomic_load(&region[i].live) && !e)
				e = give_back(&region[i]);
	pthread_mutex_unlock(&lock);
	return e;
}

/* ---- regions ----------------------------------------------------------- */

static bool map_views(struct region *r)
{
	int fd = memfd_create("vgpu-managed", MFD_CLOEXEC);
	int fixed = vg_range_reserved(r->map, r->map_size) ?
		    MAP_FIXED : MAP_FIXED_NOREPLACE;
	void *user = MAP_FAILED, *alias = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, (off_t)r->map_size)) {
		alias = mmap(NULL, r->map_size, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_NORESERVE, fd, 0);
		user = mmap((void *)(uintptr_t)r->map, r->map_size, PROT_NONE,
			    MAP_SHARED | MAP_NORESERVE | fixed, fd, 0);
	}
	if (fd >= 0)
		close(fd);
	if (user == (void *)(uintptr_t)r->map && alias != MAP_FAILED) {
		r->alias = alias;
		return true;
	}
	if (user != MAP_FAILED)
		munmap(user, r->map_size);
	if (alias != MAP_FAILED)
		munmap(alias, r->map_size);
	return false;
}

static struct region *free_region(void)
{
	uint32_t n = atomic_load(&nregions);

	for (uint32_t i = 0; i < n; i++)
		if (!atomic_load(&region[i].live))
			return &region[i];
	if (n == REGIONS_MAX)
		return NULL;
	atomic_store(&nregions, n + 1);
	return &region[n];
}

static CUresult new_region(uint64_t from, uint64_t to)
{
	struct region *r = free_region();

	if (!r)
		return CUDA_ERROR_OUT_OF_MEMORY;
	r->map = from;
	r->map_size = to - from;
	r->state = calloc(r->map_size / GROUP, 1);
	if (!r->state || !map_views(r)) {
		free(r->state);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	atomic_store(&r->live, true);
	return CUDA_SUCCESS;
}

/* Regions for all groups of [from, to) that have none yet. */
static CUresult cover(uint64_t from, uint64_t to)
{
	CUresult e = CUDA_SUCCESS;

	while (from < to && !e) {
		struct region *r = find(from);
		uint64_t end = from;

		if (r) {
			/* The new block shares its groups: both sides begin
			 * with the GPU's bytes. */
			e = give_back(r);
			from = r->map + r->map_size;
			continue;
		}
		while (end < to && !find(end))
			end += GROUP;
		e = new_region(from, end);
		from = end;
	}
	return e;
}

static struct block *free_block(uint64_t base)
{
	struct block *b = NULL;

	for (uint32_t i = 0; i < nblocks; i++) {
		if (block[i].size && block[i].base == base)
			return &block[i]; /* another variable of the same */
		if (!block[i].size)
			b = &block[i];
	}
	return b ? b : nblocks < BLOCKS_MAX ? &block[nblocks++] : NULL;
}

/* Managed memory of the host at [base, base + size) becomes usable here. */
CUresult vg_managed_add(uint64_t base, uint64_t size, struct vg_ctx *ctx)
{
	struct block *b;
	CUresult e;

	vg_faults_catch();
	pthread_mutex_lock(&lock);
	b = free_block(base);
	e = b ? cover(base & ~(uint64_t)(GROUP - 1),
		      (base + size + GROUP - 1) & ~(uint64_t)(GROUP - 1)) :
		CUDA_ERROR_OUT_OF_MEMORY;
	if (!e)
		*b = (struct block){ base, size, ctx };
	pthread_mutex_unlock(&lock);
	return e;
}

static bool in_use(const struct region *r)
{
	for (uint32_t i = 0; i < nblocks; i++)
		if (block[i].size && block[i].base < r->map + r->map_size &&
		    block[i].base + block[i].size > r->map)
			return true;
	return false;
}

static void drop_region(struct region *r)
{
	atomic_store(&r->live, false);
	munmap((void *)(uintptr_t)r->map, r->map_size);
	munmap(r->alias, r->map_size);
	free(r->state);
}

void vg_managed_drop(uint64_t base)
{
	pthread_mutex_lock(&lock);
	for (uint32_t i = 0; i < nblocks; i++)
		if (block[i].base == base)
			block[i].size = 0;
	for (uint32_t i = 0; i < atomic_load(&nregions); i++)
		if (atomic_load(&region[i].live) && !in_use(&region[i]))
			drop_region(&region[i]);
	pthread_mutex_unlock(&lock);
}

/* ---- variables of modules ---------------------------------------------- */

/* Cudart asks for a __managed__ variable by cuLibraryGetManaged, and before
 * CUDA 13 as for any other; the host knows which are managed. */
static CUresult mirror(const struct out_vgModuleVar *out, struct vg_ctx *ctx)
{
	struct vg_range range = { .kind = VG_RANGE_MANAGED, .base = out->base,
				  .size = out->base_size, .ctx = ctx->id };
	CUresult r = vg_managed_add(out->base, out->base_size, ctx);

	if (!r && !vg_range_find(out->base, &(struct vg_range){ 0 }))
		vg_range_add(&range);
	return r;
}

static CUresult variable(const struct in_vgModuleVar *in, const char *name,
			 CUdeviceptr *dptr, size_t *bytes, struct vg_ctx *ctx)
{
	struct out_vgModuleVar out = { 0 };
	struct vg_seg s[] = { { in, sizeof(*in) }, { name, in->name_len } };
	struct vg_seg o = { &out, sizeof(out) };
	CUresult r = vg_call(OP_vgModuleVar, s, 2, &o, 1);

	if (!r && out.base_size)
		r = mirror(&out, ctx);
	if (r)
		return r;
	if (dptr)
		*dptr = out.ptr;
	if (bytes)
		*bytes = out.size;
	return CUDA_SUCCESS;
}

static CUresult ask(uint32_t of, enum vgpu_kind kind, void *handle,
		    const char *name, CUdeviceptr *dptr, size_t *bytes)
{
	struct in_vgModuleVar in = { .of = of };
	struct vg_ctx *ctx;
	CUcontext primary;
	CUresult r = vg_enter();

	if (!r)
		r = vg_handle_in(kind, (uintptr_t)handle, &in.handle);
	if (r)
		return r;
	ctx = vg_ctx();
	if (of == VG_VAR_MANAGED || !ctx) {
		r = vg_primary_handle(ctx ? ctx->dev : 0, &primary);
		if (r)
			return r;
		ctx = vg_ctx_of(primary);
	}
	in.want = (dptr ? 1 : 0) | (bytes ? 2 : 0);
	in.name_len = name ? (uint32_t)strlen(name) + 1 : 0;
	return variable(&in, name, dptr, bytes, ctx);
}

VG_EXPORT CUresult CUDAAPI cuLibraryGetManaged(CUdeviceptr *dptr, size_t *bytes,
					       CUlibrary library,
					       const char *name)
{
	if (!name || (!dptr && !bytes)) {
		CUresult r = vg_enter();

		return r ? r : CUDA_ERROR_INVALID_VALUE;
	}
	return ask(VG_VAR_MANAGED, KIND_LIBRARY, library, name, dptr, bytes);
}

VG_EXPORT CUresult CUDAAPI cuLibraryGetGlobal(CUdeviceptr *dptr, size_t *bytes,
					      CUlibrary library,
					      const char *name)
{
	if (!name) {
		CUresult r = vg_enter();

		return r ? r : CUDA_ERROR_INVALID_VALUE;
	}
	return ask(VG_VAR_OF_LIBRARY, KIND_LIBRARY, library, name, dptr, bytes);
}

VG_EXPORT CUresult CUDAAPI cuModuleGetGlobal_v2(CUdeviceptr *dptr,
						size_t *bytes, CUmodule hmod,
						const char *name)
{
	return ask(VG_VAR_OF_MODULE, KIND_MODULE, hmod, name, dptr, bytes);
}

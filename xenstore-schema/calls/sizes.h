/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sizes.h - sizes that the description of the calls names: how many elements
 * stand behind a pointer, by the call's other arguments. Source: the CUDA
 * driver API reference.
 */
#ifndef VGPU_SIZES_H
#define VGPU_SIZES_H

#include <cuda.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of @count elements, or more than any record has on overflow. */
static inline uint64_t vg_bytes(uint64_t count, uint64_t size)
{
	uint64_t n;

	return __builtin_mul_overflow(count, size, &n) ? UINT64_MAX : n;
}

/* The same of a fill from @dst on; one that does not begin at an element is
 * refused. NVIDIA's driver counts in 64 bits: 2^62 words are none. */
static inline uint64_t vg_fill(uint64_t dst, uint64_t count, uint64_t size)
{
	if (count && dst % size)
		return UINT64_MAX;
	return count * size == 0 ? 0 : vg_bytes(count, size);
}

static inline uint64_t vg_fill2d(uint64_t dst, uint64_t pitch, uint64_t width,
				 uint64_t height, uint64_t size)
{
	uint64_t row = vg_fill(dst, width, size), n;

	if (!row || !height)
		return 0;
	if (height > 1 && (pitch % size || pitch < row))
		return UINT64_MAX;
	n = vg_bytes(height - 1, pitch);
	return n > UINT64_MAX - row ? UINT64_MAX : n + row;
}

/*
 * vg_span() - the bytes that one linear side of a 3D copy touches.
 * @from: bytes from the side's address to the first one
 *
 * A pitch or height of 0 means that rows or slices follow each other closely.
 * False: no memory is that large.
 */
static inline bool vg_span(const CUDA_MEMCPY3D *c, bool src, uint64_t *from,
			   uint64_t *len)
{
	unsigned __int128 pitch = src ? c->srcPitch : c->dstPitch;
	unsigned __int128 height = src ? c->srcHeight : c->dstHeight;
	uint64_t x = src ? c->srcXInBytes : c->dstXInBytes;
	uint64_t y = src ? c->srcY : c->dstY, z = src ? c->srcZ : c->dstZ;
	uint64_t most = 1ull << 48; /* keeps all products in 128 bits */
	unsigned __int128 first, end;

	*from = *len = 0;
	if (!c->WidthInBytes || !c->Height || !c->Depth)
		return true;
	if (x > most || y > most || z > most || c->WidthInBytes > most ||
	    c->Height > most || c->Depth > most || pitch > most ||
	    height > most)
		return false;
	if (!pitch)
		pitch = x + c->WidthInBytes;
	if (!height)
		height = y + c->Height;
	/* (2^49 * 2^49 + 2^49) rows would not fit with the pitch. */
	first = z * height + y;
	end = (z + c->Depth - 1) * height + y + c->Height - 1;
	if (end > most)
		return false;
	first = first * pitch + x;
	end = end * pitch + x + c->WidthInBytes;
	if (end > most)
		return false;
	*from = (uint64_t)first;
	*len = (uint64_t)(end - first);
	return true;
}

/* Pool attributes are ints up to REUSE_ALLOW_INTERNAL_DEPENDENCIES, then
 * 64-bit numbers. */
static inline size_t vg_pool_attr_size(CUmemPool_attribute attr)
{
	return attr <= CU_MEMPOOL_ATTR_REUSE_ALLOW_INTERNAL_DEPENDENCIES ?
	       sizeof(int) : sizeof(cuuint64_t);
}

/* Tensor maps have up to five dimensions; the driver refuses more. */
static inline size_t vg_rank(cuuint32_t rank)
{
	return rank < 1 ? 1 : rank > 5 ? 5 : rank;
}

static inline size_t vg_rank_im2col(cuuint32_t rank)
{
	return rank < 3 ? 0 : rank > 5 ? 3 : rank - 2;
}

/* Room that the caller of an "ask twice" call has; a bound on what travels:
 * the largest graph whose nodes can be listed in one reply. */
#define VG_CAP_MAX 65536u

static inline size_t vg_cap(const size_t *n)
{
	return !n ? 0 : *n > VG_CAP_MAX ? VG_CAP_MAX : *n;
}

static inline size_t vg_cap32(const unsigned int *n)
{
	return !n ? 0 : *n > 1024 ? 1024 : *n;
}

/* On the host the driver is told no more room than there is. */
static inline size_t vg_cap_host(size_t *n)
{
	if (n && *n > VG_CAP_MAX)
		*n = VG_CAP_MAX;
	return n ? *n : 0;
}

static inline size_t vg_cap32_host(unsigned int *n)
{
	if (n && *n > 1024)
		*n = 1024;
	return n ? *n : 0;
}

/* The first memory operations of streams: a matter of the driver's module. On
 * the host the driver itself says so. */
bool vg_mem_ops_v1(void);

#ifdef EXEC_INTERNAL_H
#define vg_mem_ops_v1() true
#define vg_cap(n)   vg_cap_host(n)
#define vg_cap32(n) vg_cap32_host(n)
#endif

#endif

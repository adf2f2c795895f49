// SPDX-License-Identifier: BSD-2-Clause
/*
 * batch.c - many copies by one call. A batch whose addresses the host's driver
 * knows goes as it is; one that touches the program's own memory is done copy
 * by copy, which is an order that the batch allows.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/place.h"

struct batch {
	const CUdeviceptr *dst, *src;
	const size_t *size;
	size_t count;
	const CUmemcpyAttributes *attr;
	const size_t *idx;
	size_t nattrs;
	CUstream stream;
};

/* The GPU has it at the program's address. */
static bool on_gpu(uint64_t addr, uint64_t n)
{
	struct vg_range r;

	return vg_range_find(addr, &r) && r.kind != VG_RANGE_PLAIN &&
	       !r.device && vg_range_known(addr, n);
}

/* The call does not take the legacy stream; ptsz has replaced it already. */
static CUresult stream_id(CUstream s, uint32_t *id)
{
	struct vg_ctx *c;
	CUresult r = vg_need_ctx(&c);

	if (!r && (!s || s == CU_STREAM_LEGACY))
		r = CUDA_ERROR_INVALID_VALUE;
	return r ? r : vg_handle_in(KIND_STREAM, (uintptr_t)s, id);
}

static bool order_ok(CUmemcpySrcAccessOrder o)
{
	return o == CU_MEMCPY_SRC_ACCESS_ORDER_STREAM ||
	       o == CU_MEMCPY_SRC_ACCESS_ORDER_DURING_API_CALL ||
	       o == CU_MEMCPY_SRC_ACCESS_ORDER_ANY;
}

static bool attr_ok(const CUmemcpyAttributes *a)
{
	return order_ok(a->srcAccessOrder) &&
	       !(a->flags & ~CU_MEMCPY_FLAG_PREFER_OVERLAP_WITH_COMPUTE);
}

static CUresult check(const struct batch *b, size_t *bad)
{
	*bad = SIZE_MAX;
	if (!b->count || b->count > UINT32_MAX || !b->dst || !b->src || !b->size || !b->attr ||
	    !b->idx || !b->nattrs || b->nattrs > b->count || b->idx[0])
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < b->nattrs; i++)
		if (!attr_ok(&b->attr[i]) ||
		    b->idx[i] >= b->count || (i && b->idx[i] <= b->idx[i - 1]))
			return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < b->count; i++)
		if (!b->dst[i] || !b->src[i] || !b->size[i]) {
			*bad = i;
			return CUDA_ERROR_INVALID_VALUE;
		}
	return CUDA_SUCCESS;
}

static bool all_known(const struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (!on_gpu(b->dst[i], b->size[i]) ||
		    !on_gpu(b->src[i], b->size[i]))
			return false;
	return true;
}

static bool fits(const struct batch *b)
{
	uint64_t room = vg_max_record() - 256;

	return b->count < room / 24 &&
	       b->count * 24 + b->nattrs * (sizeof(*b->attr) + 8) < room;
}

static CUresult send(const struct batch *b, uint32_t stream)
{
	struct in_vgCopyBatch in = { .count = (uint32_t)b->count,
				     .nattrs = (uint32_t)b->nattrs,
				     .stream = stream };
	AUTO_FREE CUmemcpyAttributes *a = malloc(b->nattrs * sizeof(*a));
	CUresult r = a ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;

	for (size_t i = 0; !r && i < b->nattrs; i++) {
		a[i] = b->attr[i];
		vg_place_CUmemLocation(&a[i].srcLocHint);
		vg_place_CUmemLocation(&a[i].dstLocHint);
	}
	if (r)
		return r;
	struct vg_seg s[] = { { &in, sizeof(in) }, { b->dst, b->count * 8 },
			      { b->src, b->count * 8 },
			      { b->size, b->count * 8 },
			      { a, b->nattrs * sizeof(*a) },
			      { b->idx, b->nattrs * 8 } };
	r = vg_post(OP_vgCopyBatch, s, 6);
	vg_stream_touch(stream);
	return r;
}

static CUresult copy_batch(const struct batch *b, size_t *bad)
{
	uint32_t stream;
	CUresult r = stream_id(b->stream, &stream);

	*bad = SIZE_MAX;
	if (!r)
		r = check(b, bad);
	if (r)
		return r;
	if (all_known(b) && fits(b))
		return send(b, stream);
	for (size_t i = 0; i < b->count; i++) {
		r = cuMemcpyAsync(b->dst[i], b->src[i], b->size[i], b->stream);
		if (r) {
			*bad = i;
			return r;
		}
	}
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI
cuMemcpyBatchAsync_v2(CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes,
		      size_t count, CUmemcpyAttributes *attrs, size_t *idxs,
		      size_t nattrs, CUstream hStream)
{
	struct batch b = { dsts, srcs, sizes, count, attrs, idxs, nattrs,
			   hStream };
	size_t bad;

	return copy_batch(&b, &bad);
}

VG_EXPORT CUresult CUDAAPI
cuMemcpyBatchAsync(CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes,
		   size_t count, CUmemcpyAttributes *attrs, size_t *idxs,
		   size_t nattrs, size_t *failIdx, CUstream hStream)
{
	struct batch b = { dsts, srcs, sizes, count, attrs, idxs, nattrs,
			   hStream };
	size_t bad;
	CUresult r = copy_batch(&b, &bad);

	if (r && failIdx)
		*failIdx = bad;
	return r;
}

/* ---- three dimensions -------------------------------------------------- */

/* Bytes of an element; 0: a format whose copies are not staged. */
static size_t element(CUarray array)
{
	CUDA_ARRAY3D_DESCRIPTOR d;
	size_t one;

	if (cuArray3DGetDescriptor_v2(&d, array))
		return 0;
	switch (d.Format) {
	case CU_AD_FORMAT_UNSIGNED_INT8:
	case CU_AD_FORMAT_SIGNED_INT8:
		one = 1;
		break;
	case CU_AD_FORMAT_UNSIGNED_INT16:
	case CU_AD_FORMAT_SIGNED_INT16:
	case CU_AD_FORMAT_HALF:
		one = 2;
		break;
	case CU_AD_FORMAT_UNSIGNED_INT32:
	case CU_AD_FORMAT_SIGNED_INT32:
	case CU_AD_FORMAT_FLOAT:
		one = 4;
		break;
	default:
		return 0;
	}
	return one * d.NumChannels;
}

static bool is_array(const CUmemcpy3DOperand *o)
{
	return o->type == CU_MEMCPY_OPERAND_TYPE_ARRAY;
}

static void source(CUDA_MEMCPY3D *c, const CUmemcpy3DOperand *o, size_t size)
{
	if (is_array(o)) {
		c->srcMemoryType = CU_MEMORYTYPE_ARRAY;
		c->srcArray = o->op.array.array;
		c->srcXInBytes = o->op.array.offset.x * size;
		c->srcY = o->op.array.offset.y;
		c->srcZ = o->op.array.offset.z;
		return;
	}
	c->srcMemoryType = CU_MEMORYTYPE_UNIFIED;
	c->srcDevice = o->op.ptr.ptr;
	c->srcPitch = o->op.ptr.rowLength ? o->op.ptr.rowLength * size :
					    c->WidthInBytes;
	c->srcHeight = o->op.ptr.layerHeight ? o->op.ptr.layerHeight :
					       c->Height;
}

static void target(CUDA_MEMCPY3D *c, const CUmemcpy3DOperand *o, size_t size)
{
	if (is_array(o)) {
		c->dstMemoryType = CU_MEMORYTYPE_ARRAY;
		c->dstArray = o->op.array.array;
		c->dstXInBytes = o->op.array.offset.x * size;
		c->dstY = o->op.array.offset.y;
		c->dstZ = o->op.array.offset.z;
		return;
	}
	c->dstMemoryType = CU_MEMORYTYPE_UNIFIED;
	c->dstDevice = o->op.ptr.ptr;
	c->dstPitch = o->op.ptr.rowLength ? o->op.ptr.rowLength * size :
					    c->WidthInBytes;
	c->dstHeight = o->op.ptr.layerHeight ? o->op.ptr.layerHeight :
					       c->Height;
}

static CUresult one_by_itself(const CUDA_MEMCPY3D_BATCH_OP *op, CUstream s)
{
	size_t size = is_array(&op->src) ? element(op->src.op.array.array) :
		      is_array(&op->dst) ? element(op->dst.op.array.array) : 1;
	CUDA_MEMCPY3D c = { .WidthInBytes = op->extent.width * size,
			    .Height = op->extent.height,
			    .Depth = op->extent.depth };

	if (!size)
		return vg_not_supported("batches of copies between pageable "
					"memory and arrays of this format");
	source(&c, &op->src, size);
	target(&c, &op->dst, size);
	return cuMemcpy3DAsync_v2(&c, s);
}

static CUresult operand_out(CUmemcpy3DOperand *o)
{
	uint64_t wire;
	uint32_t id;
	CUresult r;

	if (!is_array(o)) {
		vg_place_CUmemLocation(&o->op.ptr.locHint);
		return CUDA_SUCCESS;
	}
	r = vg_handle_in(KIND_ARRAY, (uintptr_t)o->op.array.array, &id);
	wire = id;
	memcpy(&o->op.array.array, &wire, sizeof(wire));
	return r;
}

static CUresult send_3d(const CUDA_MEMCPY3D_BATCH_OP *ops, size_t n,
			unsigned long long flags, uint32_t stream)
{
	struct in_vgCopy3DBatch in = { .count = (uint32_t)n, .flags = flags,
				       .stream = stream };
	AUTO_FREE CUDA_MEMCPY3D_BATCH_OP *wire = malloc(n * sizeof(*wire));
	struct vg_seg s[] = { { &in, sizeof(in) },
			      { wire, n * sizeof(*wire) } };
	CUresult r = wire ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;

	for (size_t i = 0; i < n && !r; i++) {
		wire[i] = ops[i];
		r = operand_out(&wire[i].src);
		if (!r)
			r = operand_out(&wire[i].dst);
	}
	/* Its extents are for the driver to judge: the caller is told. */
	if (!r)
		r = vg_call(OP_vgCopy3DBatch, s, 2, NULL, 0);
	vg_stream_touch(stream);
	return r;
}

static bool operand_known(const CUmemcpy3DOperand *o)
{
	return is_array(o) || on_gpu(o->op.ptr.ptr, 1);
}

static CUresult batch_3d(size_t n, const CUDA_MEMCPY3D_BATCH_OP *ops,
			 unsigned long long flags, CUstream hStream,
			 size_t *bad)
{
	bool known = true;
	uint32_t stream;
	CUresult r = stream_id(hStream, &stream);

	*bad = SIZE_MAX;
	if (!r && (!n || !ops || flags))
		r = CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < n && !r; i++) {
		*bad = i;
		known = known && operand_known(&ops[i].src) &&
			operand_known(&ops[i].dst);
		if (!order_ok(ops[i].srcAccessOrder) || !ops[i].extent.width ||
		    !ops[i].extent.height || !ops[i].extent.depth)
			r = CUDA_ERROR_INVALID_VALUE;
	}
	if (r)
		return r;
	*bad = SIZE_MAX;
	if (known && n < (vg_max_record() - 256) / sizeof(*ops))
		return send_3d(ops, n, flags, stream);
	for (size_t i = 0; i < n && !r; i++) {
		*bad = i;
		r = one_by_itself(&ops[i], hStream);
	}
	return r;
}

VG_EXPORT CUresult CUDAAPI
cuMemcpy3DBatchAsync_v2(size_t n, CUDA_MEMCPY3D_BATCH_OP *ops,
			unsigned long long flags, CUstream hStream)
{
	size_t bad;

	return batch_3d(n, ops, flags, hStream, &bad);
}

VG_EXPORT CUresult CUDAAPI
cuMemcpy3DBatchAsync(size_t n, CUDA_MEMCPY3D_BATCH_OP *ops, size_t *failIdx,
		     unsigned long long flags, CUstream hStream)
{
	size_t bad;
	CUresult r = batch_3d(n, ops, flags, hStream, &bad);

	if (r && failIdx)
		*failIdx = bad;
	return r;
}

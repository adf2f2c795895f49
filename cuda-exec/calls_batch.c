// SPDX-License-Identifier: BSD-2-Clause
/* calls_batch.c - copies in batches and between contexts; memory of other
 * processes. */
#include "cuda-exec/exec_internal.h"

#include <string.h>

struct batch {
	CUdeviceptr *dst, *src;
	size_t *size;
	CUmemcpyAttributes *attr;
	size_t *idx;
	size_t count, nattrs;
};

static CUresult run(const struct batch *b, CUstream s)
{
	size_t bad;
	CUresult r = CUDA_SUCCESS;

	if (R.cuMemcpyBatchAsync_v2)
		return R.cuMemcpyBatchAsync_v2(b->dst, b->src, b->size,
					       b->count, b->attr, b->idx,
					       b->nattrs, s);
	if (R.cuMemcpyBatchAsync)
		return R.cuMemcpyBatchAsync(b->dst, b->src, b->size, b->count,
					    b->attr, b->idx, b->nattrs, &bad,
					    s);
	/* Drivers before 12.8 have no batches; stream order is one that a
	 * batch allows. */
	for (size_t i = 0; i < b->count && !r; i++)
		r = R.cuMemcpyAsync(b->dst[i], b->src[i], b->size[i], s);
	return r;
}

CUresult ex_vgCopyBatch(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCopyBatch *in = rd_take(rd, sizeof(*in));
	struct batch b;
	CUstream s;
	CUresult r;

	(void)wr;
	if (!in || !in->count)
		return EX_BAD;
	b.count = in->count;
	b.nattrs = in->nattrs;
	b.dst = (void *)(uintptr_t)rd_array(rd, b.count, 8);
	b.src = (void *)(uintptr_t)rd_array(rd, b.count, 8);
	b.size = (void *)(uintptr_t)rd_array(rd, b.count, 8);
	b.attr = (void *)(uintptr_t)rd_array(rd, b.nattrs, sizeof(*b.attr));
	b.idx = (void *)(uintptr_t)rd_array(rd, b.nattrs, 8);
	if (rd->bad || !b.nattrs || b.nattrs > b.count)
		return EX_BAD;
	r = ex_stream(e, in->stream, &s);
	for (size_t i = 0; i < b.count && !r; i++) {
		r = ex_reach(e, b.dst[i], b.size[i]);
		if (!r)
			r = ex_reach(e, b.src[i], b.size[i]);
	}
	if (r)
		return r;
	ex_stream_touch(e, in->stream);
	return run(&b, s);
}

/* Bytes of an array's element; 0: a format whose elements are not single. */
static uint64_t element_of(CUarray a)
{
	CUDA_ARRAY3D_DESCRIPTOR d;

	if (!R.cuArray3DGetDescriptor_v2 || R.cuArray3DGetDescriptor_v2(&d, a))
		return 0;
	switch (d.Format) {
	case CU_AD_FORMAT_UNSIGNED_INT8:
	case CU_AD_FORMAT_SIGNED_INT8:
		return d.NumChannels;
	case CU_AD_FORMAT_UNSIGNED_INT16:
	case CU_AD_FORMAT_SIGNED_INT16:
	case CU_AD_FORMAT_HALF:
		return 2ull * d.NumChannels;
	case CU_AD_FORMAT_UNSIGNED_INT32:
	case CU_AD_FORMAT_SIGNED_INT32:
	case CU_AD_FORMAT_FLOAT:
		return 4ull * d.NumChannels;
	default:
		return 0;
	}
}

/* Rows and layers lie as far apart as the operand says, or follow each other;
 * the unit is the element of the array on the other side, else a byte. */
static CUresult reach_operand(struct ex *e, const CUmemcpy3DOperand *o,
			      const CUmemcpy3DOperand *other,
			      const CUextent3D *x)
{
	CUDA_MEMCPY3D c = { .srcHeight = o->op.ptr.layerHeight,
			    .Height = x->height, .Depth = x->depth };
	uint64_t from, len, unit = 1;

	if (o->type == CU_MEMCPY_OPERAND_TYPE_ARRAY)
		return CUDA_SUCCESS;
	if (other->type == CU_MEMCPY_OPERAND_TYPE_ARRAY)
		unit = element_of(other->op.array.array);
	if (!unit)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (__builtin_mul_overflow(o->op.ptr.rowLength, unit, &c.srcPitch) ||
	    __builtin_mul_overflow(x->width, unit, &c.WidthInBytes) ||
	    !vg_span(&c, true, &from, &len))
		return CUDA_ERROR_INVALID_VALUE;
	return ex_reach(e, o->op.ptr.ptr, len);
}

static CUresult array_operand(struct ex *e, CUmemcpy3DOperand *o)
{
	return o->type == CU_MEMCPY_OPERAND_TYPE_ARRAY ?
	       ex_handle_in(e, KIND_ARRAY, &o->op.array.array) : CUDA_SUCCESS;
}

static CUresult operands(struct ex *e, CUDA_MEMCPY3D_BATCH_OP *op)
{
	CUresult r = array_operand(e, &op->src);

	if (!r)
		r = array_operand(e, &op->dst);
	if (!r)
		r = reach_operand(e, &op->src, &op->dst, &op->extent);
	return r ? r : reach_operand(e, &op->dst, &op->src, &op->extent);
}

static CUresult run_3d(CUDA_MEMCPY3D_BATCH_OP *ops, size_t n,
		       unsigned long long flags, CUstream s)
{
	size_t bad;

	if (R.cuMemcpy3DBatchAsync_v2)
		return R.cuMemcpy3DBatchAsync_v2(n, ops, flags, s);
	return R.cuMemcpy3DBatchAsync ?
	       R.cuMemcpy3DBatchAsync(n, ops, &bad, flags, s) :
	       CUDA_ERROR_NOT_SUPPORTED;
}

CUresult ex_vgCopy3DBatch(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCopy3DBatch *in = rd_take(rd, sizeof(*in));
	const CUDA_MEMCPY3D_BATCH_OP *from;
	AUTO_FREE CUDA_MEMCPY3D_BATCH_OP *ops = NULL;
	CUstream s;
	CUresult r;

	(void)wr;
	from = in ? rd_array(rd, in->count, sizeof(*from)) : NULL;
	if (!from || !in->count)
		return EX_BAD;
	ops = malloc(in->count * sizeof(*ops));
	if (!ops)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(ops, from, in->count * sizeof(*ops));
	r = ex_stream(e, in->stream, &s);
	for (uint32_t i = 0; i < in->count && !r; i++)
		r = operands(e, &ops[i]);
	if (r)
		return r;
	ex_stream_touch(e, in->stream);
	return run_3d(ops, in->count, in->flags, s);
}

/* Host and unified sides are what the guest may reach. */
static CUresult peer_side(struct ex *e, const CUDA_MEMCPY3D_PEER *p, bool src)
{
	CUmemorytype type = src ? p->srcMemoryType : p->dstMemoryType;
	uint64_t addr = src ? p->srcDevice : p->dstDevice, from, len;
	CUDA_MEMCPY3D c = {
		.srcXInBytes = p->srcXInBytes, .srcY = p->srcY,
		.srcZ = p->srcZ, .srcPitch = p->srcPitch,
		.srcHeight = p->srcHeight, .dstXInBytes = p->dstXInBytes,
		.dstY = p->dstY, .dstZ = p->dstZ, .dstPitch = p->dstPitch,
		.dstHeight = p->dstHeight, .WidthInBytes = p->WidthInBytes,
		.Height = p->Height, .Depth = p->Depth,
	};

	if (type != CU_MEMORYTYPE_HOST && type != CU_MEMORYTYPE_UNIFIED)
		return CUDA_SUCCESS;
	if (type == CU_MEMORYTYPE_HOST)
		addr = (uintptr_t)(src ? p->srcHost : p->dstHost);
	if (!vg_span(&c, src, &from, &len) || addr + from < addr)
		return CUDA_ERROR_INVALID_VALUE;
	return ex_reach(e, addr + from, len);
}

CUresult ex_vgCopyPeer(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgCopyPeer *in = rd_take(rd, sizeof(*in));
	CUDA_MEMCPY3D_PEER c;
	CUstream s;
	CUresult r;

	(void)wr;
	_Static_assert(sizeof(c) == sizeof(in->copy), "wire size");
	if (!in)
		return EX_BAD;
	if (!R.cuMemcpy3DPeerAsync)
		return CUDA_ERROR_NOT_SUPPORTED;
	memcpy(&c, in->copy, sizeof(c));
	r = ex_stream(e, in->stream, &s);
	if (!r)
		r = peer_side(e, &c, true);
	if (!r)
		r = peer_side(e, &c, false);
	if (!r && c.srcMemoryType == CU_MEMORYTYPE_ARRAY)
		r = ex_handle_in(e, KIND_ARRAY, &c.srcArray);
	if (!r && c.dstMemoryType == CU_MEMORYTYPE_ARRAY)
		r = ex_handle_in(e, KIND_ARRAY, &c.dstArray);
	if (!r)
		r = ex_handle_in(e, KIND_CTX, &c.srcContext);
	if (!r)
		r = ex_handle_in(e, KIND_CTX, &c.dstContext);
	if (r)
		return r;
	ex_stream_touch(e, in->stream);
	return R.cuMemcpy3DPeerAsync(&c, s);
}

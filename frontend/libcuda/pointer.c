// SPDX-License-Identifier: BSD-2-Clause
/* pointer.c - what an address is, as the program asks. */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

/* Bytes that the driver writes for an attribute; 0: not a known one. Source:
 * the driver API reference, CUpointer_attribute. */
static size_t size_of(CUpointer_attribute a)
{
	switch (a) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
	case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
	case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
	case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
	case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
	case CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID:
		return 8;
	case CU_POINTER_ATTRIBUTE_P2P_TOKENS:
		return 16;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
	case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
	case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
	case CU_POINTER_ATTRIBUTE_MAPPED:
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
	case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
	case CU_POINTER_ATTRIBUTE_IS_HW_DECOMPRESS_CAPABLE:
		return 4;
	default:
		return 0;
	}
}

/* Host memory: ours to answer. */
static CUresult host_attribute(uint64_t *v, CUpointer_attribute a,
			       uint64_t ptr, const struct vg_range *range)
{
	struct vg_ctx *c = vg_handle_state(KIND_CTX, range->ctx);

	if (range->ctx && !c)
		return CUDA_ERROR_INVALID_VALUE; /* it went with its context */
	switch (a) {
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*v = vg_handle_out(KIND_CTX, range->ctx);
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*v = CU_MEMORYTYPE_HOST;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
		*v = vg_range_device(range, ptr);
		return range->kind == VG_RANGE_PLAIN ?
		       CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_HOST_POINTER:
		*v = vg_range_host(range, ptr);
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
		*v = range->kind == VG_RANGE_MANAGED;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*v = c ? (uint64_t)c->dev : 0;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
	case CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR:
		*v = range->base;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
	case CU_POINTER_ATTRIBUTE_MAPPING_SIZE:
		*v = range->size;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_MAPPED:
		*v = range->kind != VG_RANGE_PLAIN;
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_BUFFER_ID:
		/* Unique while it lives, and the same for both addresses. */
		*v = vg_range_host(range, range->base);
		return CUDA_SUCCESS;
	case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
		*v = CU_POINTER_ATTRIBUTE_ACCESS_FLAG_READWRITE;
		return CUDA_SUCCESS;
	default:
		*v = 0;
		return CUDA_SUCCESS;
	}
}

/* By these a program knows an allocation from a later one at its address. */
static bool tells_apart(CUpointer_attribute a)
{
	return a == CU_POINTER_ATTRIBUTE_BUFFER_ID ||
	       a == CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID ||
	       a == CU_POINTER_ATTRIBUTE_P2P_TOKENS;
}

static CUresult ask(uint64_t *v, CUpointer_attribute a, uint64_t ptr)
{
	struct in_vgPointer in = { .ptr = ptr, .attribute = a };
	struct out_vgPointer out = { 0 };
	struct vg_seg s = { &in, sizeof(in) }, o = { &out, sizeof(out) };
	CUresult r = vg_call(OP_vgPointer, &s, 1, &o, 1);

	if (r)
		return r;
	memcpy(v, out.value, 16);
	if (tells_apart(a))
		vg_range_told(ptr);
	if (a == CU_POINTER_ATTRIBUTE_CONTEXT)
		v[0] = vg_handle_out(KIND_CTX, (uint32_t)v[0]);
	else if (a == CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE)
		v[0] = vg_handle_out(KIND_MEMPOOL, (uint32_t)v[0]);
	else if (a == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
		for (int i = 0; i < vg_ndevices; i++)
			if (vg_devices[i].host_index == (uint32_t)v[0]) {
				v[0] = (uint64_t)i;
				break;
			}
	return CUDA_SUCCESS;
}

/* Device memory of ours: the attributes that runtimes ask at every step are
 * known without asking. */
static bool device_attribute(uint64_t *v, CUpointer_attribute a, uint64_t ptr,
			     const struct vg_range *range)
{
	struct vg_ctx *c = vg_handle_state(KIND_CTX, range->ctx);

	switch (a) {
	case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
		*v = CU_MEMORYTYPE_DEVICE;
		return true;
	case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
		*v = ptr;
		return true;
	case CU_POINTER_ATTRIBUTE_IS_MANAGED:
		*v = 0;
		return true;
	case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
		*v = c ? (uint64_t)c->dev : 0;
		return c != NULL;
	case CU_POINTER_ATTRIBUTE_CONTEXT:
		*v = range->pool ? 0 : vg_handle_out(KIND_CTX, range->ctx);
		return true;
	default:
		return false;
	}
}

static CUresult attribute(uint64_t *v, CUpointer_attribute a, uint64_t ptr)
{
	struct vg_range range;

	if (!vg_range_find(ptr, &range))
		return ask(v, a, ptr);
	if (range.kind == VG_RANGE_MANAGED)
		return ask(v, a, ptr);
	if (range.kind != VG_RANGE_DEVICE)
		return host_attribute(v, a, ptr, &range);
	return device_attribute(v, a, ptr, &range) ? CUDA_SUCCESS :
						     ask(v, a, ptr);
}

VG_EXPORT CUresult CUDAAPI cuPointerGetAttribute(void *data,
						 CUpointer_attribute a,
						 CUdeviceptr ptr)
{
	uint64_t v[2] = { 0 };
	CUresult r = vg_enter(); /* no context is needed */

	if (r)
		return r;
	if (!data || !size_of(a))
		return CUDA_ERROR_INVALID_VALUE;
	r = attribute(v, a, ptr);
	if (!r)
		memcpy(data, v, size_of(a));
	return r;
}

/* What the driver says of an address that is nobody's: observed on NVIDIA's
 * (facts of the private-tables study). */
static void nobody(void *data, CUpointer_attribute a, uint64_t ptr)
{
	uint64_t v[2] = { 0 };
	int32_t none = -2;

	if (a == CU_POINTER_ATTRIBUTE_HOST_POINTER)
		v[0] = ptr;
	else if (a == CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
		memcpy(v, &none, sizeof(none));
	memcpy(data, v, size_of(a));
}

VG_EXPORT CUresult CUDAAPI cuPointerGetAttributes(unsigned int n,
						  CUpointer_attribute *a,
						  void **data, CUdeviceptr ptr)
{
	CUresult r = vg_enter(); /* no context is needed */

	if (r)
		return r;
	if (!n || !a || !data)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned int i = 0; i < n; i++) {
		uint64_t v[2] = { 0 };

		if (!size_of(a[i]) || !data[i])
			return CUDA_ERROR_INVALID_VALUE;
		r = attribute(v, a[i], ptr);
		if (r == CUDA_ERROR_INVALID_VALUE)
			nobody(data[i], a[i], ptr);
		else if (r)
			return r;
		else
			memcpy(data[i], v, size_of(a[i]));
	}
	return CUDA_SUCCESS;
}

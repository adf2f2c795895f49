// SPDX-License-Identifier: BSD-2-Clause
/* calls_system.c - the host's devices, the window. */
#include "cuda-exec/exec_internal.h"

#include <string.h>

CUresult ex_vgSystem(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	struct out_vgSystem *out = wr_take(wr, sizeof(*out));
	CUresult r;

	(void)e;
	(void)rd;
	if (!out)
		return EX_BAD;
	r = R.cuDriverGetVersion(&out->driver_version);
	return r ? r : R.cuDeviceGetCount(&out->devices);
}

static void device_attributes(CUdevice dev, struct out_vgDevice *out)
{
	for (int i = 1; i < (int)VGPU_DEVICE_ATTRS; i++)
		out->attr_result[i] = (uint8_t)R.cuDeviceGetAttribute(
			&out->attr[i], (CUdevice_attribute)i, dev);
	/* What the transport cannot give is not promised: the guest's memory
	 * is not the host's, its pages do not migrate, and what the host's
	 * driver allocates in host memory is out of the guest's reach. */
	static const CUdevice_attribute no[] = {
		CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS,
		CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES,
		CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST,
		CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS,
		CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM,
		CU_DEVICE_ATTRIBUTE_HOST_NUMA_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_HOST_NUMA_MEMORY_POOLS_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_HOST_NUMA_MULTINODE_IPC_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_HOST_MEMORY_POOLS_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_HOST_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_WIN32_HANDLE_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_WIN32_KMT_HANDLE_SUPPORTED,
		CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_FABRIC_SUPPORTED,
	};
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		out->attr[no[i]] = 0;
	out->attr[CU_DEVICE_ATTRIBUTE_MEMPOOL_SUPPORTED_HANDLE_TYPES] &=
		CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
	out->attr[CU_DEVICE_ATTRIBUTE_HOST_NUMA_ID] = -1;
}

CUresult ex_vgDevice(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgDevice *in = rd_take(rd, sizeof(*in));
	struct out_vgDevice *out = wr_take(wr, sizeof(*out));
	CUdevice dev;
	CUresult r;

	(void)e;
	if (!in || !out)
		return EX_BAD;
	r = R.cuDeviceGet(&dev, (int)in->index);
	if (!r)
		r = R.cuDeviceGetName(out->name, sizeof(out->name), dev);
	if (!r)
		r = R.cuDeviceTotalMem_v2(&out->total_mem, dev);
	if (!r)
		r = R.cuDeviceGetUuid((CUuuid *)out->uuid, dev);
	if (r)
		return r;
	if (!R.cuDeviceGetUuid_v2 ||
	    R.cuDeviceGetUuid_v2((CUuuid *)out->uuid_v2, dev))
		memcpy(out->uuid_v2, out->uuid, sizeof(out->uuid));
	device_attributes(dev, out);
	return R.cuDeviceGetPCIBusId(out->pci_bus_id, sizeof(out->pci_bus_id),
				     dev);
}

CUresult ex_vgArenaAdd(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgArenaAdd *in = rd_take(rd, sizeof(*in));
	struct out_vgArenaAdd *out = wr_take(wr, sizeof(*out));
	const uint32_t *refs = in ? rd_array(rd, in->count, 4) : NULL;
	CUresult r;

	if (!refs || !out || in->arena >= VGPU_ARENAS)
		return EX_BAD;
	r = ex_arena_refs(e, in, refs);
	out->address = (uint64_t)(uintptr_t)e->arena[in->arena].base;
	return r;
}

CUresult ex_vgArenaDrop(struct ex *e, struct vgpu_rd *rd, struct vgpu_wr *wr)
{
	const struct in_vgArenaDrop *in = rd_take(rd, sizeof(*in));

	(void)wr;
	if (!in || in->arena >= VGPU_ARENAS)
		return EX_BAD;
	ex_arena_unmap(e, in->arena);
	return CUDA_SUCCESS;
}

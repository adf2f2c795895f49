// SPDX-License-Identifier: BSD-2-Clause
/*
 * device.c - cuInit, and everything about devices, answered from what the host
 * told once. CUDA_VISIBLE_DEVICES is the driver's job, so it is ours.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

struct vg_device *vg_devices;
int vg_ndevices;

/* Before cuInit the version that this library was written for. The host's own
 * may be newer; ours stays, because the ABI is ours. */
int vg_driver_version(void)
{
	return CUDA_VERSION;
}

struct vg_device *vg_device(CUdevice dev)
{
	return dev >= 0 && dev < vg_ndevices ? &vg_devices[dev] : NULL;
}

static CUresult read_device(uint32_t index, struct vg_device *d)
{
	struct in_vgDevice in = { .index = index };
	struct vg_seg s = { &in, sizeof(in) };
	struct vg_seg o = { &d->info, sizeof(d->info) };

	d->host_index = index;
	return vg_call(OP_vgDevice, &s, 1, &o, 1);
}

/* ---- CUDA_VISIBLE_DEVICES ---------------------------------------------- */

#define UUID_TEXT 40u /* letters of one */

static void uuid_text(const struct vg_device *d, char *ret)
{
	const uint8_t *u = d->info.uuid;

	sprintf(ret, "GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
		"%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2], u[3], u[4], u[5],
		u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		u[15]);
}

static bool is_uuid(const char *word)
{
	return !strncasecmp(word, "GPU-", 4);
}

/* What stands behind a number does not count. */
static int numbered(const char *word, int n)
{
	char *end;
	long i = strtol(word, &end, 10);

	return end != word && i >= 0 && i < n ? (int)i : -1;
}

/* The start of a UUID will do, if it is the start of one only; what stands
 * behind a whole one does not count. */
static int by_uuid(const char *word, const struct vg_device *all, int n)
{
	size_t len = strlen(word);
	char text[48];
	int found = -1;

	if (len == 4)
		return -1;
	for (int k = 0; k < n; k++) {
		uuid_text(&all[k], text);
		if (strncasecmp(text, word, len < UUID_TEXT ? len : UUID_TEXT))
			continue;
		if (found >= 0)
			return -1; /* a prefix of two is none */
		found = k;
	}
	return found;
}

static bool listed(const int *order, int count, int i)
{
	for (int k = 0; k < count; k++)
		if (order[k] == i)
			return true;
	return false;
}

/* How many the list names: it ends at its first word that names nothing, or
 * not in the way of the first word. -1: it names a device twice. */
static int visible(const char *list, const struct vg_device *all, int n,
		   int *order)
{
	char *copy = strdup(list), *save = NULL, *w;
	bool uuids = false;
	int count = 0, i;

	for (w = copy ? strtok_r(copy, ",", &save) : NULL; w && count >= 0;
	     w = strtok_r(NULL, ",", &save)) {
		while (*w == ' ')
			w++;
		w[strcspn(w, " ")] = '\0';
		if (!count)
			uuids = is_uuid(w);
		i = uuids ? by_uuid(w, all, n) : numbered(w, n);
		if (i < 0)
			break;
		if (listed(order, count, i))
			count = -1;
		else
			order[count++] = i;
	}
	free(copy);
	return count;
}

/* There is one order for all; the driver takes no other word for it. */
static bool order_ok(void)
{
	const char *order = getenv("CUDA_DEVICE_ORDER");

	return !order || !*order || !strcasecmp(order, "FASTEST_FIRST") ||
	       !strcasecmp(order, "PCI_BUS_ID");
}

static CUresult choose(struct vg_device *all, int n)
{
	const char *list = getenv("CUDA_VISIBLE_DEVICES");
	int order[64], count;

	if (n > 64)
		n = 64;
	count = list ? visible(list, all, n, order) : n;
	if (count < 0 || !order_ok())
		return CUDA_ERROR_INVALID_DEVICE;
	vg_devices = calloc((size_t)n + 1, sizeof(*vg_devices));
	if (!vg_devices)
		return CUDA_ERROR_OUT_OF_MEMORY;
	vg_ndevices = count;
	for (int i = 0; i < count; i++)
		vg_devices[i] = all[list ? order[i] : i];
	return CUDA_SUCCESS;
}

CUresult vg_devices_read(void)
{
	struct out_vgSystem sys = { 0 };
	struct vg_seg o = { &sys, sizeof(sys) };
	struct vg_device *all;
	CUresult r = vg_call(OP_vgSystem, NULL, 0, &o, 1);

	if (r)
		return r;
	all = calloc((size_t)sys.devices + 1, sizeof(*all));
	if (!all)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (int i = 0; i < sys.devices && !r; i++)
		r = read_device((uint32_t)i, &all[i]);
	if (!r)
		r = choose(all, sys.devices);
	free(all);
	return r;
}

/* ---- cuInit ------------------------------------------------------------ */

static pthread_mutex_t init_lock = PTHREAD_MUTEX_INITIALIZER;
static int init_pid;          /* the process that connected, 0: none */
static CUresult init_failed;  /* a refusal is final for the process */

static CUresult init_once(void)
{
	char detail[300];
	enum vgpu_error e = vg_session_open(detail, sizeof(detail));
	CUresult r;

	if (e) {
		atomic_store(&vg_status, CUDA_SUCCESS);
		vg_session_lost(e, detail);
		atomic_store(&vg_status, CUDA_ERROR_NOT_INITIALIZED);
		return vg_error_result(e);
	}
	atomic_store(&vg_status, CUDA_SUCCESS);
	r = vg_devices_read();
	if (!r && !vg_ndevices)
		r = CUDA_ERROR_NO_DEVICE;
	if (r)
		atomic_store(&vg_status, CUDA_ERROR_NOT_INITIALIZED);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuInit(unsigned int flags)
{
	CUresult r;

	if (flags)
		return CUDA_ERROR_INVALID_VALUE;
	if (vg_exiting())
		return CUDA_ERROR_DEINITIALIZED;
	if (vg_initialised())
		return vg_enter();
	pthread_mutex_lock(&init_lock);
	if (init_pid && init_pid != (int)getpid())
		r = CUDA_ERROR_NOT_INITIALIZED; /* a fork of a CUDA process */
	else if (init_failed)
		r = init_failed;
	else if (vg_initialised())
		r = vg_enter();
	else
		r = init_failed = init_once();
	if (!r)
		init_pid = (int)getpid();
	pthread_mutex_unlock(&init_lock);
	return r;
}

VG_EXPORT CUresult CUDAAPI cuDriverGetVersion(int *version)
{
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	*version = vg_driver_version();
	return CUDA_SUCCESS;
}

/* ---- answers ----------------------------------------------------------- */

#define ENTER_DEVICE(d, dev) \
	struct vg_device *d = vg_device(dev); \
	CUresult entered = vg_enter(); \
	if (entered) \
		return entered; \
	if (!d) \
		return CUDA_ERROR_INVALID_DEVICE

VG_EXPORT CUresult CUDAAPI cuDeviceGetCount(int *count)
{
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!count)
		return CUDA_ERROR_INVALID_VALUE;
	*count = vg_ndevices;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDeviceGet(CUdevice *device, int ordinal)
{
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!device)
		return CUDA_ERROR_INVALID_VALUE;
	if (!vg_device(ordinal))
		return CUDA_ERROR_INVALID_DEVICE;
	*device = ordinal;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDeviceGetName(char *name, int len, CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!name || len <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	snprintf(name, (size_t)len, "%s", d->info.name);
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDeviceGetAttribute(int *pi,
						CUdevice_attribute attrib,
						CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!pi || attrib < 1 || (unsigned int)attrib >= VGPU_DEVICE_ATTRS ||
	    d->info.attr_result[attrib])
		return CUDA_ERROR_INVALID_VALUE;
	*pi = d->info.attr[attrib];
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDeviceTotalMem_v2(size_t *bytes, CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!bytes)
		return CUDA_ERROR_INVALID_VALUE;
	*bytes = d->info.total_mem;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDeviceTotalMem(unsigned int *bytes, CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!bytes)
		return CUDA_ERROR_INVALID_VALUE;
	*bytes = d->info.total_mem > UINT32_MAX ? UINT32_MAX :
		 (unsigned int)d->info.total_mem;
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDeviceGetUuid(CUuuid *uuid, CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!uuid)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(uuid, d->info.uuid, sizeof(d->info.uuid));
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!uuid)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(uuid, d->info.uuid_v2, sizeof(d->info.uuid_v2));
	return CUDA_SUCCESS;
}

VG_EXPORT CUresult CUDAAPI cuDeviceGetLuid(char *luid, unsigned int *mask,
					   CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!luid || !mask)
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_ERROR_NOT_SUPPORTED; /* as NVIDIA's on Linux */
}

VG_EXPORT CUresult CUDAAPI cuDeviceGetPCIBusId(char *id, int len, CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!id || len <= 0)
		return CUDA_ERROR_INVALID_VALUE;
	snprintf(id, (size_t)len, "%s", d->info.pci_bus_id);
	return CUDA_SUCCESS;
}

/* [domain:]bus:device[.function], hexadecimal */
static bool pci_parse(const char *text, unsigned int v[3])
{
	unsigned int fn = 0;

	if (sscanf(text, "%x:%x:%x.%x", &v[0], &v[1], &v[2], &fn) >= 3)
		return true;
	v[0] = 0;
	return sscanf(text, "%x:%x.%x", &v[1], &v[2], &fn) >= 2;
}

VG_EXPORT CUresult CUDAAPI cuDeviceGetByPCIBusId(CUdevice *dev, const char *id)
{
	unsigned int want[3], have[3];
	CUresult r = vg_enter();

	if (r)
		return r;
	if (!dev || !id || !pci_parse(id, want))
		return CUDA_ERROR_INVALID_VALUE;
	for (int i = 0; i < vg_ndevices; i++) {
		if (!pci_parse(vg_devices[i].info.pci_bus_id, have) ||
		    memcmp(want, have, sizeof(want)))
			continue;
		*dev = i;
		return CUDA_SUCCESS;
	}
	return CUDA_ERROR_INVALID_DEVICE;
}

VG_EXPORT CUresult CUDAAPI cuDeviceComputeCapability(int *major, int *minor,
						     CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!major || !minor)
		return CUDA_ERROR_INVALID_VALUE;
	*major = d->info.attr[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR];
	*minor = d->info.attr[CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR];
	return CUDA_SUCCESS;
}

static void properties(const int *a, CUdevprop *p)
{
	p->maxThreadsPerBlock = a[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK];
	for (int i = 0; i < 3; i++) {
		p->maxThreadsDim[i] =
			a[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X + i];
		p->maxGridSize[i] = a[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X + i];
	}
	p->sharedMemPerBlock =
		a[CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK];
	p->totalConstantMemory =
		a[CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY];
	p->SIMDWidth = a[CU_DEVICE_ATTRIBUTE_WARP_SIZE];
	p->memPitch = a[CU_DEVICE_ATTRIBUTE_MAX_PITCH];
	p->regsPerBlock = a[CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK];
	p->clockRate = a[CU_DEVICE_ATTRIBUTE_CLOCK_RATE];
	p->textureAlign = a[CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT];
}

VG_EXPORT CUresult CUDAAPI cuDeviceGetProperties(CUdevprop *prop, CUdevice dev)
{
	ENTER_DEVICE(d, dev);
	if (!prop)
		return CUDA_ERROR_INVALID_VALUE;
	properties(d->info.attr, prop);
	return CUDA_SUCCESS;
}

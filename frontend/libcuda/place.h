/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h - the devices' numbers: a program that sees some of the host's
 * devices, or sees them in another order, counts them its own way.
 */
#ifndef VG_PLACE_H
#define VG_PLACE_H

#include "frontend/libcuda/vg.h"

/* The host's number. Negative ones are CU_DEVICE_CPU and its like; one that
 * the guest does not have is one that no host has. */
static inline CUdevice vg_host_device(CUdevice dev)
{
	if (dev < 0)
		return dev;
	return vg_device(dev) ? (CUdevice)vg_devices[dev].host_index : 0x7fff;
}

static inline CUdevice vg_guest_device(CUdevice host)
{
	for (int i = 0; i < vg_ndevices; i++)
		if ((CUdevice)vg_devices[i].host_index == host)
			return i;
	return host;
}

static inline void vg_place_CUmemLocation(CUmemLocation *l)
{
	if (l->type == CU_MEM_LOCATION_TYPE_DEVICE)
		l->id = vg_host_device(l->id);
}

static inline void vg_unplace_CUmemLocation(CUmemLocation *l)
{
	if (l->type == CU_MEM_LOCATION_TYPE_DEVICE)
		l->id = vg_guest_device(l->id);
}

/* The attribute for Windows is a pointer, and means nothing elsewhere. */
static inline void vg_place_CUmemPoolProps(CUmemPoolProps *p)
{
	vg_place_CUmemLocation(&p->location);
	p->win32SecurityAttributes = NULL;
}

static inline void vg_unplace_CUmemPoolProps(CUmemPoolProps *p)
{
	vg_unplace_CUmemLocation(&p->location);
}

static inline void vg_place_CUmemAllocationProp(CUmemAllocationProp *p)
{
	vg_place_CUmemLocation(&p->location);
	p->win32HandleMetaData = NULL;
}

static inline void vg_unplace_CUmemAllocationProp(CUmemAllocationProp *p)
{
	vg_unplace_CUmemLocation(&p->location);
}

static inline void vg_place_CUmemAccessDesc(CUmemAccessDesc *d)
{
	vg_place_CUmemLocation(&d->location);
}

static inline void vg_unplace_CUmemAccessDesc(CUmemAccessDesc *d)
{
	vg_unplace_CUmemLocation(&d->location);
}

#endif

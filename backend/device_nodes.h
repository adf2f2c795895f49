/* SPDX-License-Identifier: BSD-2-Clause */
/* device_nodes.h - makes and removes a device's XenStore nodes. */
#ifndef VGPU_DEVICE_NODES_H
#define VGPU_DEVICE_NODES_H

#include "backend/device.h"

void device_nodes_name(struct device *dev);  /* fill in the paths */
int device_nodes_make(struct device *dev);   /* -ENOENT: no such domain */
void device_nodes_remove(struct device *dev);
int device_nodes_limits(struct device *dev); /* write limits of dev->vm */
int device_nodes_watch(struct device *dev, bool on);

#endif

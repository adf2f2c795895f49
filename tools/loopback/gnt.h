/* SPDX-License-Identifier: BSD-2-Clause */
/* gnt.h - what the two halves of libxengnttab share. */
#ifndef VGPU_LOOPBACK_GNT_H
#define VGPU_LOOPBACK_GNT_H

#include "tools/loopback/client.h"

#define LB_EXPORT __attribute__((visibility("default")))

struct xengntdev_handle {
	struct lb_conn *conn;
};

struct xengntdev_handle *gnt_open(const char *who);
void gnt_close(struct xengntdev_handle *h);

#endif

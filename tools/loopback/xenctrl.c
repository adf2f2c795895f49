// SPDX-License-Identifier: BSD-2-Clause
/* xenctrl.c - the few calls of libxenctrl that say which domains exist. */
#include <xenctrl.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/loopback/client.h"

#define LB_EXPORT __attribute__((visibility("default")))

struct xc_interface_core {
	struct lb_conn *conn;
};

LB_EXPORT xc_interface *xc_interface_open(xentoollog_logger *logger,
					  xentoollog_logger *dombuild_logger,
					  unsigned int open_flags)
{
	xc_interface *xch;

	(void)logger;
	(void)dombuild_logger;
	xch = calloc(1, sizeof(*xch));
	if (!xch)
		return NULL;
	/* A dummy serves for error texts only and needs no hypervisor. */
	if (open_flags & XC_OPENFLAG_DUMMY)
		return xch;
	xch->conn = lb_connect("libxenctrl");
	if (xch->conn)
		return xch;
	free(xch);
	return NULL;
}

LB_EXPORT int xc_interface_close(xc_interface *xch)
{
	if (!xch)
		return 0;
	if (xch->conn)
		lb_put(xch->conn);
	free(xch);
	return 0;
}

/* The first domain at or above *domid: 0 or -errno. */
static int next_domain(xc_interface *xch, uint32_t *domid, bool *dying)
{
	struct lb_call call = {
		.req.op = LB_DOMAIN_INFO,
		.req.domid = *domid,
		.send_fd = -1,
	};
	int err = xch->conn ? lb_call(xch->conn, &call) : -ENODEV;

	if (err)
		return err;
	*domid = call.rep.value;
	*dying = call.rep.flags & LB_F_DYING;
	return 0;
}

LB_EXPORT int xc_domain_getinfo(xc_interface *xch, uint32_t first_domid,
				unsigned int max_doms, xc_dominfo_t *info)
{
	unsigned int n;
	int err = 0;

	for (n = 0; n < max_doms; n++) {
		bool dying;

		err = next_domain(xch, &first_domid, &dying);
		if (err)
			break;
		memset(&info[n], 0, sizeof(info[n]));
		info[n].domid = first_domid++;
		info[n].dying = dying;
		info[n].running = !dying;
		info[n].nr_online_vcpus = 1;
	}
	return n == 0 && err ? lb_fail(err) : (int)n;
}

LB_EXPORT int xc_domain_getinfolist(xc_interface *xch, uint32_t first_domain,
				    unsigned int max_domains,
				    xc_domaininfo_t *info)
{
	unsigned int n;
	int err = 0;

	for (n = 0; n < max_domains; n++) {
		bool dying;

		err = next_domain(xch, &first_domain, &dying);
		if (err)
			break;
		memset(&info[n], 0, sizeof(info[n]));
		info[n].domain = (domid_t)first_domain++;
		info[n].flags = dying ? XEN_DOMINF_dying : XEN_DOMINF_running;
		info[n].nr_online_vcpus = 1;
	}
	/* This one, unlike the other, answers 0 for "no more". */
	return err && err != -ESRCH ? lb_fail(err) : (int)n;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* loopback_rig.h - a broker with domains 0, 1 and 2 for one test. */
#ifndef VGPU_LOOPBACK_RIG_H
#define VGPU_LOOPBACK_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* cmocka's setup and teardown. */
int rig_up(void **state);
int rig_down(void **state);

/* Handles that are opened from now on are of domain @domid. */
void as_domain(uint32_t domid);

/* One request of a toolstack: 0 or -errno. */
int rig_control(uint32_t op, uint32_t domid, uint32_t flags);

/* A number out of `show`'s line of domain @domid. @what: " grants " ... */
unsigned int held(uint32_t domid, const char *what);
/* Waits, as a killed process is noticed a little later. */
bool becomes(uint32_t domid, const char *what, unsigned int n);

/* A process that runs @body and then waits to be killed. Returns when the
 * body is through; the numbers it left in @out are copied back. */
struct peer_out {
	uint32_t ref[8];
	int port;
};
pid_t peer_start(void (*body)(struct peer_out *out, const void *arg),
		 const void *arg, struct peer_out *out);
void peer_kill(pid_t pid);

/* Is @fd readable within @ms? */
bool readable(int fd, int ms);

#endif

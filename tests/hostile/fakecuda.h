/* SPDX-License-Identifier: BSD-2-Clause */
/* fakecuda.h - what the driver that watches tells, and where its memory is. */
#ifndef FAKECUDA_H
#define FAKECUDA_H

#include <stdint.h>

#define FAKE_DEVICE      0x7d0000000000ull
/* A page of the executor that no guest may see. */
#define FAKE_SECRET      0x7c0000000000ull
#define FAKE_SECRET_BYTE 0x53

struct fake_watch {
	uint64_t foreign;           /* accesses to memory of the executor */
	char what[160];             /* the last one */
	uint64_t reply, reply_size; /* where logs may be written */
	uint64_t listed;            /* bytes of names, number of addresses */
};

void fake_reset(void);

/* Inside: for the driver's files. */
#define EXPORT __attribute__((visibility("default")))
extern struct fake_watch fake_watch;
void *fake_handle(void);
void fake_foreign(const char *what, uint64_t p, uint64_t n);

#endif

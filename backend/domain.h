/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * domain.h - the domains of this host, and which registered VM each is.
 *
 * A domain's name and uuid stand in nodes that only the toolstack writes.
 */
#ifndef VGPU_DOMAIN_H
#define VGPU_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "backend/vm.h"

struct backend;

struct domain {
	TAILQ_ENTRY(domain) link;
	uint32_t domid;
	char name[VM_ID_MAX + 1];
	char uuid[37];
	bool fresh; /* name and uuid must be read again */
	bool seen;
};

struct domains {
	TAILQ_HEAD(, domain) list;
	unsigned int count;
	bool dirty;          /* look at once */
	uint64_t rescan_at;  /* look anyway */
};

void domains_init(struct domains *l);
void domains_free(struct backend *b);

/* A watch on a domain's name fired. */
void domain_renamed(struct backend *b, uint32_t domid);

/* Look again if there is reason to; returns when to come back. */
uint64_t domains_tick(struct backend *b, uint64_t now);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* device.h - the virtual GPU of one running domain: its XenStore nodes. */
#ifndef VGPU_DEVICE_H
#define VGPU_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "tools/lib/bucket.h"
#include "backend/session_table.h"
#include "backend/store.h"
#include "xenstore-schema/state.h"

struct backend;
struct domain;
struct vm;

struct device {
	TAILQ_ENTRY(device) link;
	struct backend *b;
	struct vm *vm;               /* NULL once unregistered */
	uint32_t domid;
	char label[112];             /* "domain 5 (user1)" */
	char be[STORE_PATH_MAX];     /* the directories of paths.txt */
	char fe[STORE_PATH_MAX];
	char be_session[STORE_PATH_MAX];
	char fe_session[STORE_PATH_MAX];
	enum vgpu_state state;       /* ours; what BE_STATE holds */
	enum vgpu_state fe_state;    /* as last read */
	bool online;
	bool leaving;                /* unregistered, or the daemon stops */
	uint64_t close_by;           /* Closing: when to wait no longer */
	uint32_t why_code;           /* leaving: for the guest, of error.def */
	bool dirty;                  /* a watch fired: look at the nodes */
	struct bucket passes;        /* how often */
	struct bucket starts;        /* of sessions */
	struct bucket fetches;       /* of file descriptors: relay.c */
	struct bucket turns;         /* changes of state that are logged */
	uint8_t seal_key[EXEC_SEAL_KEY]; /* what its processes describe to
				      * each other means nothing elsewhere */
	struct session_table sessions;
	unsigned int bad_names;      /* session nodes that are no session name */
};

TAILQ_HEAD(device_list, device);

struct device *device_find(struct backend *b, uint32_t domid);

/* Make both directories and begin the handshake; on failure @why is said. */
int device_make(struct backend *b, struct vm *vm, const struct domain *d,
		char *why, size_t size);

/* Close with the xenbus handshake, then remove; the guest is told @code. */
void device_close(struct device *dev, uint32_t code, const char *why);

/* Remove at once: nodes, sessions, memory. */
void device_remove(struct device *dev, const char *why);

/* The administrator changed the VM's limits. */
void device_publish(struct device *dev);

/* A watch below the frontend directory fired; @rest is the path below it. */
void device_event(struct device *dev, const char *rest);

/* Directories that an earlier instance left behind. */
void devices_sweep(struct backend *b);

/* Make anew what guests have broken, and look at every node again. */
void devices_heal(struct backend *b);

/* Serve every device that has news and a token; returns when to come back. */
uint64_t devices_tick(struct backend *b, uint64_t now);

#endif

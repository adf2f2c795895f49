// SPDX-License-Identifier: BSD-2-Clause
#include "backend/session_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "backend/parse.h"
#include "tools/lib/log.h"
#include "vgpu_ops.h"
#include "vgpu_paths.h"
#include "xenstore-schema/session.h"

static void guest_dir(struct device *dev, const char *sid,
		      char dir[STORE_PATH_MAX])
{
	snprintf(dir, STORE_PATH_MAX, "%.100s/%s", dev->fe_session, sid);
}

static void answer_dir(struct device *dev, const char *sid,
		       char dir[STORE_PATH_MAX])
{
	snprintf(dir, STORE_PATH_MAX, "%.100s/%s", dev->be_session, sid);
}

enum vgpu_state session_nodes_state(struct device *dev, const char *sid)
{
	char dir[STORE_PATH_MAX];
	uint32_t v;

	guest_dir(dev, sid, dir);
	if (store_read_u32(&dev->b->store, dir, VGPU_NODE_FE_SESS_STATE,
			   &v) < 0 || v > VGPU_STATE_RECONFIGURED)
		return VGPU_STATE_UNKNOWN;
	return (enum vgpu_state)v;
}

struct reader {
	struct store *st;
	char dir[STORE_PATH_MAX];
	char *detail;
	size_t size;
	bool bad; /* sticky: the first trouble is the one that is told */
};

static void bad_node(struct reader *r, const char *node, const char *what)
{
	if (!r->bad)
		snprintf(r->detail, r->size, "the session node %s %s", node,
			 what);
	r->bad = true;
}

static uint32_t need_u32(struct reader *r, const char *node)
{
	uint32_t v = 0;
	int e = store_read_u32(r->st, r->dir, node, &v);

	if (e == -ENOENT)
		bad_node(r, node, "is missing");
	else if (e < 0)
		bad_node(r, node, "is no number");
	return v;
}

static void need_hash(struct reader *r, char hash[17])
{
	const char *node = VGPU_NODE_FE_SESS_HASH;
	int e = store_read(r->st, r->dir, node, hash, 17);

	if (e == -ENOENT)
		bad_node(r, node, "is missing");
	else if (e < 0 || !parse_hash(hash))
		bad_node(r, node, "is not 16 hexadecimal digits");
}

/* For logs only: whatever is wrong with these is not worth a refusal. */
static void read_names(struct reader *r, struct session_nodes *ret)
{
	char name[128];

	if (store_read_u32(r->st, r->dir, VGPU_NODE_FE_SESS_PID,
			   &ret->guest_pid) < 0)
		ret->guest_pid = VGPU_DEFAULT_FE_SESS_PID;
	if (store_read(r->st, r->dir, VGPU_NODE_FE_SESS_NAME, name,
		       sizeof(name)) < 0)
		name[0] = 0;
	copy_printable(ret->name, sizeof(ret->name), name[0] ? name : "?");
}

uint32_t session_nodes_read(struct device *dev, const char *sid,
			    struct session_nodes *ret, char *detail,
			    size_t size)
{
	struct reader r = { .st = &dev->b->store, .detail = detail,
			    .size = size };
	uint32_t protocol;
	char hash[17];

	detail[0] = 0;
	guest_dir(dev, sid, r.dir);
	read_names(&r, ret);
	/* The version first: another version may have other nodes. */
	protocol = need_u32(&r, VGPU_NODE_FE_SESS_PROTO);
	if (!r.bad && protocol != VGPU_PROTOCOL) {
		snprintf(detail, size, "guest %u, host %u: upgrade the %s",
			 protocol, VGPU_PROTOCOL,
			 protocol < VGPU_PROTOCOL ? "guest" : "host");
		return VGPU_E_VERSION;
	}
	need_hash(&r, hash);
	if (!r.bad && strcmp(hash, VGPU_CALLS_HASH_TEXT)) {
		snprintf(detail, size, "guest %s, host %s", hash,
			 VGPU_CALLS_HASH_TEXT);
		return VGPU_E_HASH;
	}
	ret->control_ref = need_u32(&r, VGPU_NODE_FE_SESS_REF);
	ret->port = need_u32(&r, VGPU_NODE_FE_SESS_PORT);
	if (!r.bad && (ret->port == 0 || ret->port >= MAX_PORT))
		bad_node(&r, VGPU_NODE_FE_SESS_PORT, "is no port");
	return r.bad ? VGPU_E_PROTOCOL : VGPU_E_OK;
}

struct answer {
	struct device *dev;
	const char *sid, *error;
	enum vgpu_state state;
};

static int write_answer(struct store *st, void *arg)
{
	struct answer *a = arg;
	char dir[STORE_PATH_MAX];
	int r = 0;

	/* The toolstack may have removed the device meanwhile. */
	if (!store_exists(st, a->dev->be_session))
		return -ENOENT;
	answer_dir(a->dev, a->sid, dir);
	if (a->error)
		r = store_write(st, dir, VGPU_NODE_BE_SESS_ERROR, a->error);
	if (r == 0)
		r = store_write_u32(st, dir, VGPU_NODE_BE_SESS_STATE, a->state);
	return r;
}

int session_nodes_answer(struct device *dev, const char *sid,
			 enum vgpu_state state, const char *error)
{
	struct answer a = { dev, sid, error, state };

	return store_transact(&dev->b->store, write_answer, &a);
}

void session_nodes_remove(struct device *dev, const char *sid)
{
	char dir[STORE_PATH_MAX];
	int r;

	guest_dir(dev, sid, dir);
	r = store_remove(&dev->b->store, dir, NULL);
	if (r < 0)
		log_warn("%s session %s: cannot remove the guest's nodes: %s",
			 dev->label, sid, strerror(-r));
	answer_dir(dev, sid, dir);
	r = store_remove(&dev->b->store, dir, NULL);
	if (r < 0)
		log_warn("%s session %s: cannot remove the answer: %s",
			 dev->label, sid, strerror(-r));
}

uint32_t device_limit(struct device *dev, const char *node, uint32_t high,
		      uint32_t otherwise)
{
	uint32_t v;
	int r = store_read_u32(&dev->b->store, dev->be, node, &v);

	if (r == 0 && v <= high)
		return v;
	if (r != -ENOENT)
		log_warn("%s: %s/%s is no number from 0 to %u: %u is used",
			 dev->label, dev->be, node, high, otherwise);
	return otherwise;
}

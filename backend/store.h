/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store.h - XenStore with bounded values, errno results and transactions.
 * Calls made between store_begin and store_end belong to that transaction.
 * A node is named by its directory and its last component; @node NULL means
 * the directory itself.
 */
#ifndef VGPU_STORE_H
#define VGPU_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

#define STORE_PATH_MAX 192  /* the longest of ours is about 120 */
#define STORE_TEXT_MAX 512  /* the longest value: "code sentence" */

struct store {
	struct xs_handle *h;
	xs_transaction_t t;
};

int store_open(struct store *st);
void store_close(struct store *st);

/* Does xenstored still answer? */
bool store_alive(struct store *st);

/* -ENOENT, -EMSGSIZE (longer than @size), -EBADMSG (a NUL inside). */
int store_read(struct store *st, const char *dir, const char *node, char *buf,
	       size_t size);
int store_read_u32(struct store *st, const char *dir, const char *node,
		   uint32_t *ret);
bool store_exists(struct store *st, const char *dir);

/* Names below @dir; free() the result. NULL with errno on failure. */
char **store_list(struct store *st, const char *dir, unsigned int *n);

int store_write(struct store *st, const char *dir, const char *node,
		const char *value);
int store_write_u32(struct store *st, const char *dir, const char *node,
		    uint32_t value);

/* A directory owned by @owner, where @other has @perm; children inherit. */
int store_mkdir(struct store *st, const char *dir, uint32_t owner,
		uint32_t other, unsigned int perm);

/* Remove with everything below; a node that is not there is no error. */
int store_remove(struct store *st, const char *dir, const char *node);

/* Run @fn in a transaction, again when it lost a race (-EAGAIN at the end). */
int store_transact(struct store *st, int (*fn)(struct store *st, void *arg),
		   void *arg);

/* Write a node only if @dir/@guard exists, so that a directory that the
 * toolstack has just removed does not rise again; -ENOENT if not. */
int store_write_if(struct store *st, const char *dir, const char *guard,
		   const char *node, const char *value);

#endif

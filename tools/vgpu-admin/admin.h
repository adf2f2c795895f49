/* SPDX-License-Identifier: BSD-2-Clause */
/* admin.h - the parts of vgpu-admin. */
#ifndef VGPU_ADMIN_H
#define VGPU_ADMIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Exit codes, as vgpu-admin(8) tells them. */
enum { ADMIN_OK = 0, ADMIN_FAILED = 1, ADMIN_USAGE = 2, ADMIN_NO_BACKEND = 3 };

struct request {
	const char *command;
	const char *run_dir;
	bool json;      /* print the backend's data as it is */
	json_t *query;  /* what is sent */
};

/* options.c: returns ADMIN_OK to go on; otherwise everything has been said,
 * and *done tells that it was a wish (help) and no error. */
int options_parse(struct request *q, int argc, char **argv, bool *done);

/* client.c: send @query, take the answer. Returns an exit code; with
 * ADMIN_OK *ret is the whole answer, otherwise a sentence was printed. */
int client_call(const struct request *q, json_t **ret);

/* print.c: tables and sentences for people. Returns the exit code. */
int print_answer(const struct request *q, const json_t *data);

/* table.c */
#define TABLE_COLUMNS 12

struct table {
	const char *const *head; /* a name that ends in '>' is right-aligned */
	size_t columns;
	char **cell;
	size_t rows;
};

/* Add a row of printf-ed cells separated by tabs. */
void table_row(struct table *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void table_print(const struct table *t);
void table_free(struct table *t);

#endif

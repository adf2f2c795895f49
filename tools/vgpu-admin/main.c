// SPDX-License-Identifier: BSD-2-Clause
/* main.c - vgpu-admin: one request to vgpu-backend. See vgpu-admin(8). */
#include <stdio.h>
#include <string.h>

#include "tools/vgpu-admin/admin.h"

int main(int argc, char **argv)
{
	struct request q;
	json_t *answer = NULL;
	bool done = false;
	int r = options_parse(&q, argc, argv, &done);

	if (r == ADMIN_OK && !done) {
		r = client_call(&q, &answer);
		if (r == ADMIN_OK)
			r = print_answer(&q, json_object_get(answer, "data"));
		else if (r == ADMIN_NO_BACKEND && !strcmp(q.command, "version"))
			printf("vgpu-admin %s\n", VGPU_VERSION);
	}
	json_decref(answer);
	json_decref(q.query);
	/* A full disk or a closed pipe is no success. */
	if (fflush(stdout) && r == ADMIN_OK) {
		perror("vgpu-admin: cannot write");
		r = ADMIN_FAILED;
	}
	return r;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* options.h - the command line of vgpu-backend. */
#ifndef VGPU_OPTIONS_H
#define VGPU_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *driver;    /* the CUDA driver library that executors load */
	const char *exec;      /* the program vgpu-exec */
	const char *state_dir;
	const char *run_dir;
	const char *log_file;  /* NULL: stderr */
	const char *log_level;
	uint32_t warm;         /* executors kept ready */
	uint32_t warm_contexts; /* of those: with a context of GPU 0 */
	uint32_t domid;
	bool domid_given;
	bool daemon;
};

/* Returns 0, or the exit code plus 1 with everything said (help, misuse). */
int options_parse(struct options *o, int argc, char **argv);

#endif

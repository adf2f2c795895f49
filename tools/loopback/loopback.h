/* SPDX-License-Identifier: BSD-2-Clause */
/* loopback.h - the parts of the vgpu-loopback program. */
#ifndef VGPU_LOOPBACK_H
#define VGPU_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LB_PATH 512

struct broker_args {
	const char *dir;
	const char *libs;      /* folder of the loopback libraries */
	const char *xenstored; /* NULL: no XenStore */
	int ready_fd;	       /* or -1 */
};

/* Serves until LB_STOP or SIGTERM; the exit status. */
int broker_main(const struct broker_args *a);

/* paths.c: where things lie. false: a sentence on stderr said why not. */
bool find_libs(char path[LB_PATH]);
bool find_xenstored(char path[LB_PATH]);
bool running_dir(const char **dir);
bool parse_domid(const char *text, uint32_t *domid);
/* The XenStore socket's path for clients, set in the environment. */
bool set_store_path(const char *dir);
void print_env(const char *dir, const char *libs);

__attribute__((format(printf, 1, 2))) void complain(const char *fmt, ...);

/* control.c: one request to the broker as domain 0; 0 or -errno. @value
 * may be NULL. */
int control(uint32_t op, uint32_t domid, uint32_t flags, uint32_t *value);
/* Asks the broker of @dir to end and waits for it. */
int control_stop(const char *dir);

/* Subcommands, argv[0] being the name: the exit status. */
int cmd_start(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_env(int argc, char **argv);
int cmd_introduce(int argc, char **argv);
int cmd_release(int argc, char **argv);
int cmd_show(int argc, char **argv);

#endif

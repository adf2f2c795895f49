/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.h - strict readers of what a guest or a person wrote. Each takes the
 * whole string or nothing: no sign, no blank, no rest.
 */
#ifndef VGPU_PARSE_H
#define VGPU_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool parse_u32(const char *text, uint32_t *ret);
bool parse_hash(const char *text);   /* 16 hexadecimal digits, lower case */
bool parse_uuid(const char *text, char ret[37]); /* made lower case */
bool parse_sid(const char *text);    /* [a-z0-9-]{1,40} */
bool parse_vm_name(const char *text); /* 1..VM_ID_MAX bytes, no control */

/* Copy for a log line: what is not printable ASCII becomes '?'. */
void copy_printable(char *dst, size_t size, const char *src);

/* Split /local/domain/5/device/vgpu/0/session/abc/state after @dir: *ret is
 * what follows the slash ("" for @dir itself); false when not below it. */
bool path_below(const char *path, const char *dir, const char **ret);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - one line per decision, to stderr (journald reads it there).
 *
 * A line is "PROGRAM: LEVEL: text". Under systemd (JOURNAL_STREAM set) the
 * level is the <N> prefix of sd-daemon(3) instead of a word. errno is kept.
 */
#ifndef VGPU_LOG_H
#define VGPU_LOG_H

#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_TRACE };

/* Call once, before any thread is started. @program: static string.
 * @level: the highest level that is printed. */
void log_open(const char *program, enum log_level level);

/* For a program whose lines a guest can cause: @burst lines at once, then @rate
 * a second; how many were left out is said with the next one. Debug lines, which
 * an administrator asks for, are not counted. */
void log_limit(uint32_t burst, uint32_t rate);

/* error, warn, info, debug -> level; returns -1 for any other word. */
int log_level_from_name(const char *name);

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_TRACE, __VA_ARGS__)

#endif

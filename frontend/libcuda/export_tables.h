/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export_tables.h - the private tables that NVIDIA's libraries ask the driver
 * for by UUID (cuGetExportTable), and what their slots do.
 *
 * A table is an array of 8-byte words: the size in bytes, then functions. It
 * lives at one address for ever, since that address enters the integrity
 * digest. A table says the size that driver 580 says, but has more slots
 * behind, so that a caller that does not look at the size finds a function
 * there. Slots whose meaning is not known say so: a log line and
 * CUDA_ERROR_NOT_SUPPORTED. They are named by the first eight digits of the
 * UUID and by the number of the word.
 */
#ifndef VG_EXPORT_TABLES_H
#define VG_EXPORT_TABLES_H

#include "frontend/libcuda/vg.h"

#include <stdint.h>

typedef void (*export_fn)(void);

union export_word {
	uint64_t size;
	export_fn fn;
};

/* export_cudart.c: what every copy of the runtime wants. */
extern const union export_word export_cudart[];	   /* 6bd5fb6c */
extern const union export_word export_hooks[];	   /* a094798c */
extern const union export_word export_tls[];	   /* 42d85a81 */
extern const union export_word export_cls[];	   /* c693336e */
extern const union export_word export_checks[];	   /* 263e8860 */
extern const union export_word export_integrity[]; /* d4082055 */

/* export_tools.c: what cuBLASLt and cuFFT want. */
extern const union export_word export_contexts[]; /* 21318c60 */
extern const union export_word export_modules[];  /* 6e163fbe */
extern const union export_word export_unnamed[];  /* 1734dc26 */

#endif

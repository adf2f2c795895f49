/* SPDX-License-Identifier: BSD-2-Clause */
/* error.h - error.def as an enum and two tables. */
#ifndef VGPU_ERROR_H
#define VGPU_ERROR_H

#include <stddef.h>

enum vgpu_error {
#define X(name, number, result, sentence) VGPU_E_##name = number,
#include "xenstore-schema/error.def"
#undef X
};

/* The sentence for @e; for an unknown number a sentence that says so. */
static inline const char *vgpu_error_text(unsigned int e)
{
	switch (e) {
#define X(name, number, result, sentence) case number: return sentence;
#include "xenstore-schema/error.def"
#undef X
	default: return "unknown error number: the other side is newer";
	}
}

#endif

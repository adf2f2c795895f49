/* SPDX-License-Identifier: BSD-2-Clause */
/* call.h - a decoded call: who, and the .param variables of the caller. */
#ifndef SOFTGPU_CALL_H
#define SOFTGPU_CALL_H

#include "tools/softgpu/ptx.h"

struct call_info {
	const struct ptx_func *callee;	/* NULL: the register says */
	struct ptx_var **args, **rets;
	uint32_t nargs, nrets;
};

#endif

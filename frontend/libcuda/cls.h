/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cls.h - context-local storage: values that libraries above the driver keep
 * per (context, key).
 *
 * NVIDIA's runtime looks its own state up here on every call it serves, so
 * cls_get() takes no lock; putting and deleting are rare.
 */
#ifndef VG_CLS_H
#define VG_CLS_H

#include "frontend/libcuda/vg.h"

typedef void (*cls_dtor)(CUcontext ctx, void *key, void *value);

/*
 * @ctx: NULL or (CUcontext)-1 for the current context of the thread.
 * All answer CUDA_ERROR_DEINITIALIZED in a process that is ending, and
 * CUDA_ERROR_INVALID_CONTEXT where there is no current context.
 */
CUresult cls_put(CUcontext ctx, void *key, void *value, cls_dtor dtor);
CUresult cls_del(CUcontext ctx, void *key); /* does not call the dtor */
CUresult cls_get(void **value, CUcontext ctx, void *key);

/*
 * Forget all that @ctx holds, then call the destructors. To be called before
 * the context is torn down and with no lock held: a destructor may call the
 * driver again.
 */
void cls_context_died(CUcontext ctx);

#endif

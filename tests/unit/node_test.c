// SPDX-License-Identifier: BSD-2-Clause
/*
 * A kernel node's parameters as the driver gets them: pointers where the block
 * is what the layout says, since a cooperative kernel takes no other form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cuda-exec/exec_internal.h"

struct real R;
static struct ex ex;
static struct exec_stats stats;
static struct ex_node node;

/* What other types of nodes and launches need; none are made here. */
CUresult ex_reach(const struct ex *e, uint64_t p, uint64_t len)
{
	(void)e, (void)p, (void)len;
	return CUDA_ERROR_INVALID_VALUE;
}

CUresult ex_fix_CUDA_MEMCPY3D(struct ex *e, CUDA_MEMCPY3D *c)
{
	(void)e, (void)c;
	return CUDA_ERROR_INVALID_VALUE;
}

void CUDA_CB ex_host_func(void *token)
{
	(void)token;
}

void *ex_host_token(struct ex *e, uint64_t token)
{
	(void)e, (void)token;
	return NULL;
}

CUresult ex_stream(struct ex *e, uint32_t id, CUstream *ret)
{
	(void)e, (void)id;
	*ret = NULL;
	return CUDA_ERROR_INVALID_HANDLE;
}

CUresult ex_func_attr(uint32_t kind, uint64_t real, int attr, CUdevice dev,
		      int *value)
{
	(void)kind, (void)real, (void)attr, (void)dev, (void)value;
	return CUDA_ERROR_NOT_SUPPORTED;
}

void ex_relax(struct ex *e)
{
	(void)e;
}

void ex_stream_touch(struct ex *e, uint32_t stream)
{
	(void)e, (void)stream;
}

static int setup(void **state)
{
	struct ex_layout *l = calloc(1, sizeof(*l) + 2 * sizeof(l->p[0]));

	(void)state;
	memset(&ex, 0, sizeof(ex));
	ex.stats = &stats;
	ex.objects = ex_objects_new();
	if (!l || !ex.objects ||
	    ex_obj_new(&ex, KIND_KERNEL, 5, 0x5000) ||
	    ex_obj_new(&ex, KIND_FUNCTION, 6, 0x6000) ||
	    ex_obj_new(&ex, KIND_CTX, 7, 0x7000))
		return -1;
	l->n = 2;
	l->p[0] = (struct vg_param){ 0, 8 };
	l->p[1] = (struct vg_param){ 8, 4 };
	ex_object(&ex, KIND_KERNEL, 5)->extra = l;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ex_obj_del(&ex, KIND_KERNEL, 5); /* with its layout */
	ex_objects_free(ex.objects);
	return 0;
}

static CUresult decode(uint64_t func, uint64_t kern, uint32_t bytes,
		       const void *block)
{
	struct in_vgNode in = { .type = CU_GRAPH_NODE_TYPE_KERNEL,
				.tail = bytes };
	CUDA_KERNEL_NODE_PARAMS_v3 k = { .gridDimX = 3 };
	uint64_t ctx = 7;

	memcpy(&k.func, &func, sizeof(func));
	memcpy(&k.kern, &kern, sizeof(kern));
	memcpy(&k.ctx, &ctx, sizeof(ctx));
	memcpy(in.body, &k, sizeof(k));
	return ex_node_in(&ex, &in, block, &node);
}

static void as_pointers(const uint8_t *block)
{
	const CUDA_KERNEL_NODE_PARAMS_v3 *k = &node.p.kernel;

	assert_non_null(k->kernelParams);
	assert_null(k->extra);
	assert_ptr_equal(k->kernelParams[0], block);
	assert_ptr_equal(k->kernelParams[1], block + 8);
}

static void as_block(const uint8_t *block, size_t bytes)
{
	const CUDA_KERNEL_NODE_PARAMS_v3 *k = &node.p.kernel;

	assert_null(k->kernelParams);
	assert_non_null(k->extra);
	assert_ptr_equal(k->extra[1], block);
	assert_int_equal(*(size_t *)k->extra[3], bytes);
}

static void forms(void **state)
{
	uint64_t kernel = (uint64_t)KIND_KERNEL << 32 | 5;
	uint64_t function = (uint64_t)KIND_FUNCTION << 32 | 6;
	uint8_t block[16] = { 0 };

	(void)state;
	assert_int_equal(decode(kernel, 0, 12, block), 0);
	assert_ptr_equal(node.p.kernel.func, (void *)0x5000);
	as_pointers(block);
	assert_int_equal(decode(0, 5, 12, block), 0);
	assert_ptr_equal(node.p.kernel.kern, (void *)0x5000);
	as_pointers(block);
	/* Shorter than the layout, longer, and without a layout. */
	assert_int_equal(decode(kernel, 0, 8, block), 0);
	as_block(block, 8);
	assert_int_equal(decode(kernel, 0, 16, block), 0);
	as_block(block, 16);
	assert_int_equal(decode(function, 0, 12, block), 0);
	as_block(block, 12);
	/* None at all. */
	assert_int_equal(decode(kernel, 0, 0, block), 0);
	assert_null(node.p.kernel.kernelParams);
	assert_null(node.p.kernel.extra);
}

static void refused(void **state)
{
	uint8_t block[16] = { 0 };

	(void)state;
	assert_int_equal(decode((uint64_t)KIND_STREAM << 32 | 5, 0, 12, block),
			 EX_BAD);
	assert_int_equal(decode((uint64_t)KIND_FUNCTION << 32 | 5, 0, 12,
				block), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(decode(0, 6, 12, block), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(decode(0, UINT64_MAX, 12, block),
			 CUDA_ERROR_INVALID_HANDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(forms, setup, teardown),
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_jit.c - options of the compiler and the linker one by one, lists of
 * names, and code linked of PTX, cubin, fatbin, object and library.
 */
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"
#include "link_parts.h"

/* ---- options that are numbers ------------------------------------------ */

static void one_option(const char *name, CUjit_option option, uintptr_t value)
{
	void *v = (void *)value;
	CUmodule mod;
	CUresult res = cuModuleLoadDataEx(&mod, kernels_ptx, 1, &option, &v);

	printf("%-28s %s\n", name, drv_name(res));
	if (!res)
		DRV(cuModuleUnload(mod));
}

#define ONE(option, value) one_option(#option, CU_JIT_##option, value)

static void numbers(void)
{
	ONE(MAX_REGISTERS, 32);
	ONE(THREADS_PER_BLOCK, 128);
	ONE(OPTIMIZATION_LEVEL, 0);
	ONE(OPTIMIZATION_LEVEL, 9);
	ONE(TARGET_FROM_CUCONTEXT, 0);
	ONE(TARGET, 90);
	ONE(TARGET, 12345);
	ONE(FALLBACK_STRATEGY, CU_PREFER_PTX);
	ONE(GENERATE_DEBUG_INFO, 1);
	ONE(LOG_VERBOSE, 1);
	ONE(GENERATE_LINE_INFO, 1);
	ONE(CACHE_MODE, CU_JIT_CACHE_OPTION_CG);
	ONE(OPTIMIZE_UNUSED_DEVICE_VARIABLES, 1);
	ONE(POSITION_INDEPENDENT_CODE, 1);
	ONE(MIN_CTA_PER_SM, 2);
	ONE(MAX_THREADS_PER_BLOCK, 256);
	ONE(OVERRIDE_DIRECTIVE_VALUES, 1);
	ONE(SPLIT_COMPILE, 2);
	ONE(NUM_OPTIONS, 1);
}

/* What the driver writes over its options. */
static void written_back(void)
{
	static char info[4096];
	CUjit_option o[] = { CU_JIT_WALL_TIME, CU_JIT_THREADS_PER_BLOCK,
			     CU_JIT_INFO_LOG_BUFFER,
			     CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES };
	void *v[] = { (void *)~0ul, (void *)96, info, (void *)sizeof(info) };
	unsigned threads, used;
	CUmodule mod;
	float ms;

	DRV(cuModuleLoadDataEx(&mod, kernels_ptx, 4, o, v));
	memcpy(&ms, &v[0], sizeof(ms));
	memcpy(&threads, &v[1], sizeof(threads));
	memcpy(&used, &v[3], sizeof(used));
	printf("wall time %s, %u threads, log %s\n",
	       ms >= 0 && ms < 60000 ? "is one" : "is none", threads,
	       used <= sizeof(info) && strlen(info) <= used ? "fits" :
							      "does not fit");
	DRV(cuModuleUnload(mod));
}

/* ---- lists ------------------------------------------------------------- */

static const char wanting[] =
	".version 7.0\n.target sm_75\n.address_size 64\n"
	".extern .global .align 4 .u32 elsewhere;\n"
	".visible .entry read_it(.param .u64 out)\n"
	"{\n\t.reg .u64 %p;\n\t.reg .u32 %v;\n"
	"\tld.param.u64 %p, [out];\n\tcvta.to.global.u64 %p, %p;\n"
	"\tld.global.u32 %v, [elsewhere];\n\tst.global.u32 [%p], %v;\n"
	"\tret;\n}\n";

static void symbols(void)
{
	const char *names[] = { "elsewhere" };
	void *addresses[1];
	CUjit_option o[] = { CU_JIT_GLOBAL_SYMBOL_NAMES,
			     CU_JIT_GLOBAL_SYMBOL_ADDRESSES,
			     CU_JIT_GLOBAL_SYMBOL_COUNT };
	void *v[] = { names, addresses, (void *)1 };
	CUdeviceptr out = drv_alloc(4);
	void *args[] = { &out };
	unsigned *there, got = 0;
	CUmodule mod;
	CUresult res;

	DRV(cuMemAllocHost((void **)&there, 4096));
	*there = 4711;
	addresses[0] = there;
	SHOW("a symbol that is nowhere", cuModuleLoadData(&mod, wanting));
	res = cuModuleLoadDataEx(&mod, wanting, 3, o, v);
	printf("%-28s %s\n", "the same with its address", drv_name(res));
	if (!res) {
		DRV(cuLaunchKernel(drv_function(mod, "read_it"), 1, 1, 1, 1, 1,
				   1, 0, NULL, args, NULL));
		DRV(cuMemcpyDtoH(&got, out, 4));
		printf("the kernel read %u\n", got);
		DRV(cuModuleUnload(mod));
	}
	SHOW("names without a count", cuModuleLoadDataEx(&mod, wanting, 2, o,
							 v));
	DRV(cuMemFreeHost(there));
	DRV(cuMemFree(out));
}

static void kept_names(void)
{
	const char *kernels[] = { "fill", "axpy" }, *vars[] = { "words" };
	CUjit_option o[] = { CU_JIT_REFERENCED_KERNEL_NAMES,
			     CU_JIT_REFERENCED_KERNEL_COUNT,
			     CU_JIT_REFERENCED_VARIABLE_NAMES,
			     CU_JIT_REFERENCED_VARIABLE_COUNT };
	void *v[] = { kernels, (void *)2, vars, (void *)1 };
	CUlinkState link;
	CUmodule mod;
	CUresult res;

	res = cuModuleLoadDataEx(&mod, kernels_ptx, 4, o, v);
	printf("%-28s %s\n", "names to keep, module", drv_name(res));
	if (!res)
		DRV(cuModuleUnload(mod));
	res = cuLinkCreate(4, o, v, &link);
	printf("%-28s %s\n", "names to keep, linker", drv_name(res));
	if (!res)
		DRV(cuLinkDestroy(link));
}

/* ---- linking ----------------------------------------------------------- */

static void run_linked(const void *cubin)
{
	CUdeviceptr out = drv_alloc(4), var;
	unsigned v = 7, got = 0, *calls;
	void *args[] = { &out, &v };
	CUmodule mod;
	CUfunction f;
	size_t size;

	DRV(cuModuleLoadData(&mod, cubin));
	DRV(cuModuleGetFunction(&f, mod, "linked"));
	DRV(cuModuleGetGlobal(&var, &size, mod, "calls"));
	calls = (unsigned *)(uintptr_t)var;
	*calls = 40;
	for (int i = 0; i < 2; i++) {
		DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
		DRV(cuCtxSynchronize());
	}
	DRV(cuMemcpyDtoH(&got, out, 4));
	printf("linked: %u, called %u times of %zu bytes\n", got, *calls, size);
	if (got != 71234 || *calls != 42)
		fail("drv_jit: should be 71234 and 42");
	DRV(cuModuleUnload(mod));
	DRV(cuMemFree(out));
}

#define ADD(type, bytes)                                                       \
	DRV(cuLinkAddData(link, CU_JIT_INPUT_##type, (void *)bytes,            \
			  sizeof(bytes), #bytes, 0, NULL, NULL))

static void link_all(void)
{
	static char error[2048];
	CUjit_option o[] = { CU_JIT_ERROR_LOG_BUFFER,
			     CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
			     CU_JIT_WALL_TIME };
	void *v[] = { error, (void *)sizeof(error), NULL };
	CUlinkState link;
	size_t size = 0;
	void *cubin;

	DRV(cuLinkCreate(3, o, v, &link));
	ADD(PTX, link_main);
	ADD(CUBIN, link_cubin);
	ADD(FATBINARY, link_fatbin);
	ADD(OBJECT, link_object);
	ADD(LIBRARY, link_library);
	DRV(cuLinkComplete(link, &cubin, &size));
	run_linked(cubin);
	DRV(cuLinkDestroy(link));

	DRV(cuLinkCreate(3, o, v, &link));
	ADD(PTX, link_main);
	ADD(CUBIN, link_cubin);
	SHOW("three functions are missing",
	     cuLinkComplete(link, &cubin, &size));
	printf("the error log %s\n",
	       strstr(error, "in_") ? "names one" : "names none");
	SHOW("an input of no type",
	     cuLinkAddData(link, (CUjitInputType)77, (void *)link_cubin,
			   sizeof(link_cubin), "x", 0, NULL, NULL));
	DRV(cuLinkDestroy(link));
}

/* A function is held while its module goes and another one comes. */
static void unloaded(void)
{
	CUdeviceptr p = drv_alloc(4);
	unsigned one = 1, v, got = 0;
	void *args[] = { &p, &one, &v };
	CUmodule mod;

	for (v = 100; v < 120; v++) {
		DRV(cuModuleLoadData(&mod, kernels_ptx));
		DRV(cuLaunchKernel(drv_function(mod, "fill"), 1, 1, 1, 1, 1, 1,
				   0, NULL, args, NULL));
		DRV(cuModuleUnload(mod));
		DRV(cuMemcpyDtoH(&got, p, 4));
		if (got != v)
			fail("drv_jit: %u instead of %u", got, v);
	}
	printf("20 modules unloaded behind their launch\n");
	DRV(cuMemFree(p));
}

int main(void)
{
	CUcontext ctx;

	drv_open(&ctx);
	numbers();
	written_back();
	symbols();
	kept_names();
	link_all();
	unloaded();
	return 0;
}

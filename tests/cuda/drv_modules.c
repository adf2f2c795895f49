// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_modules.c - modules and libraries: JIT options with logs, linking of
 * two modules, enumeration, globals, and what a wrong module gives.
 */
#include <string.h>

#include "drv.h"
#include "kernels_ptx.h"

static const char callee_ptx[] =
	".version 7.0\n.target sm_75\n.address_size 64\n"
	".visible .func (.reg .u32 %r) twice(.reg .u32 %a)\n"
	"{\n\tadd.u32 %r, %a, %a;\n\tret;\n}\n";

static const char caller_ptx[] =
	".version 7.0\n.target sm_75\n.address_size 64\n"
	".extern .func (.reg .u32 %r) twice(.reg .u32 %a);\n"
	".visible .entry call_twice(.param .u64 out, .param .u32 v)\n"
	"{\n\t.reg .u64 %p;\n\t.reg .u32 %v, %w;\n"
	"\tld.param.u64 %p, [out];\n\tld.param.u32 %v, [v];\n"
	"\tcvta.to.global.u64 %p, %p;\n"
	"\tcall.uni (%w), twice, (%v);\n"
	"\tst.global.u32 [%p], %w;\n\tret;\n}\n";

/* What the info log says depends on the driver's compile cache: not shown. */
static void jit_options(void)
{
	static char info[8192], error[8192];
	CUjit_option opts[] = {
		CU_JIT_INFO_LOG_BUFFER,	 CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
		CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
		CU_JIT_LOG_VERBOSE,	 CU_JIT_OPTIMIZATION_LEVEL
	};
	void *vals[] = { info,
			 (void *)sizeof(info),
			 error,
			 (void *)sizeof(error),
			 (void *)1,
			 (void *)3 };
	CUmodule mod;
	CUresult res;

	DRV(cuModuleLoadDataEx(&mod, kernels_ptx, 6, opts, vals));
	printf("with options, error log %s\n",
	       error[0] ? "has text" : "is empty");
	DRV(cuModuleUnload(mod));

	vals[1] = vals[3] = (void *)sizeof(info);
	res = cuModuleLoadDataEx(&mod, ".version 7.0\n.target sm_75\n"
				 ".visible .entry f() { nonsense; }\n",
				 4, opts, vals);
	printf("wrong PTX: %s, error log %s\n", drv_name(res),
	       strstr(error, "nonsense") || strstr(error, "error")
		       ? "says what" : "does not say what");
	if (res == CUDA_SUCCESS)
		wrong_result("drv_modules: wrong PTX was accepted");
}

static void globals_and_enumeration(void)
{
	CUfunction fs[32];
	unsigned count = 0;
	const char *name;
	int found = 0, attr;
	CUdeviceptr p;
	size_t size;
	CUmodule mod;

	DRV(cuModuleLoadData(&mod, kernels_ptx));
	DRV(cuModuleGetFunctionCount(&count, mod));
	if (count > 32)
		wrong_result("drv_modules: %u functions", count);
	DRV(cuModuleEnumerateFunctions(fs, count, mod));
	for (unsigned i = 0; i < count; i++) {
		DRV(cuFuncGetName(&name, fs[i]));
		found += !strcmp(name, "fill") || !strcmp(name, "axpy");
	}
	printf("%u functions, %d of the two looked for\n", count, found);
	DRV(cuModuleGetGlobal(&p, &size, mod, "words"));
	DRV(cuModuleGetGlobal(NULL, &size, mod, "factors"));
	DRV(cuModuleGetGlobal(&p, NULL, mod, "ticks"));
	/* Enumerating loads nothing, and only what is loaded has attributes. */
	DRV(cuFuncLoad(fs[0]));
	DRV(cuFuncGetAttribute(&attr, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK,
			       fs[0]));
	printf("global of %zu bytes, at most %d threads\n", size, attr);
	for (size_t i = 0; i < 5; i++) {
		size_t off = 9999, len = 9999;

		DRV(cuFuncGetParamInfo(drv_function(mod, "mixed"), i, &off,
				       &len));
		printf("parameter %zu at %zu of %zu bytes\n", i, off, len);
	}
	EXPECT("parameter 5 of 5",
	       cuFuncGetParamInfo(drv_function(mod, "mixed"), 5, &size, NULL),
	       CUDA_ERROR_INVALID_VALUE);
	DRV(cuModuleUnload(mod));
}

static unsigned run_linked(const void *image, unsigned v)
{
	CUdeviceptr out = drv_alloc(4);
	void *args[] = { &out, &v };
	unsigned got = 0;
	CUmodule mod;

	DRV(cuModuleLoadData(&mod, image));
	DRV(cuLaunchKernel(drv_function(mod, "call_twice"), 1, 1, 1, 1, 1, 1,
			   0, NULL, args, NULL));
	DRV(cuMemcpyDtoH(&got, out, 4));
	DRV(cuModuleUnload(mod));
	DRV(cuMemFree(out));
	return got;
}

static void link_two(void)
{
	CUlinkState link;
	size_t size = 0;
	void *cubin;
	unsigned got;

	DRV(cuLinkCreate(0, NULL, NULL, &link));
	DRV(cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)callee_ptx,
			  sizeof(callee_ptx), "callee", 0, NULL, NULL));
	DRV(cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)caller_ptx,
			  sizeof(caller_ptx), "caller", 0, NULL, NULL));
	DRV(cuLinkComplete(link, &cubin, &size));
	got = run_linked(cubin, 21);
	printf("linked module of %s gives %u\n", size ? "bytes" : "nothing",
	       got);
	if (got != 42)
		wrong_result("drv_modules: the linked kernel should give 42");
	DRV(cuLinkDestroy(link));

	DRV(cuLinkCreate(0, NULL, NULL, &link));
	DRV(cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)caller_ptx,
			  sizeof(caller_ptx), "caller", 0, NULL, NULL));
	printf("link without the callee: %s\n",
	       drv_name(cuLinkComplete(link, &cubin, &size)));
	DRV(cuLinkDestroy(link));
}

static void libraries(void)
{
	CUkernel ks[32], k;
	CUlibrary lib, back;
	CUfunction f;
	CUmodule mod;
	CUdeviceptr p;
	size_t size;
	unsigned n = 0, v = 9, got = 0, one = 1;
	void *args[] = { &p, &one, &v };
	const char *name;

	DRV(cuLibraryLoadData(&lib, kernels_ptx, NULL, NULL, 0, NULL, NULL,
			      0));
	DRV(cuLibraryGetKernelCount(&n, lib));
	if (n > 32)
		wrong_result("drv_modules: %u kernels", n);
	DRV(cuLibraryEnumerateKernels(ks, n, lib));
	DRV(cuLibraryGetKernel(&k, lib, "fill"));
	DRV(cuKernelGetName(&name, k));
	DRV(cuKernelGetLibrary(&back, k));
	DRV(cuLibraryGetModule(&mod, lib));
	DRV(cuKernelGetFunction(&f, k));
	DRV(cuLibraryGetGlobal(&p, &size, lib, "words"));
	printf("library of %u kernels, %s, global of %zu bytes\n", n, name,
	       size);
	if (back != lib)
		wrong_result("drv_modules: the kernel belongs to another library");
	p = drv_alloc(4);
	/* A CUkernel in place of a function, as cudart launches. */
	DRV(cuLaunchKernel((CUfunction)k, 1, 1, 1, 1, 1, 1, 0, NULL, args,
			   NULL));
	DRV(cuMemcpyDtoH(&got, p, 4));
	v = 11;
	DRV(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	printf("kernel as function gives %u", got);
	DRV(cuMemcpyDtoH(&got, p, 4));
	printf(", its function %u\n", got);
	if (got != 11)
		wrong_result("drv_modules: should be 9 and 11");
	EXPECT("a kernel that is not there",
	       cuLibraryGetKernel(&k, lib, "none"), CUDA_ERROR_NOT_FOUND);
	DRV(cuMemFree(p));
	DRV(cuLibraryUnload(lib));
}

int main(void)
{
	CUcontext ctx;

	drv_open(&ctx);
	jit_options();
	globals_and_enumeration();
	link_two();
	libraries();
	return 0;
}

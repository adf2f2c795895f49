// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_modules.c - wrong images, names, options and attributes: modules,
 * libraries, the linker.
 */
#include "errors.h"

static void modules(CUdevice dev, CUmodule mod)
{
	CUdeviceptr p;
	CUfunction f;
	CUmodule m;
	int v;
	/* Long enough that nobody reads past it. */
	static const char elf[4096] = "\177ELF\2\1\1\63\7";

	(void)dev;
	PROBE("load NULL", cuModuleLoadData(&m, NULL));
	PROBE("load to NULL", cuModuleLoadData(NULL, kernels_ptx));
	PROBE("load an empty text", cuModuleLoadData(&m, ""));
	PROBE("load an ELF header and nothing", cuModuleLoadData(&m, elf));
	PROBE("load PTX of version 99",
	     cuModuleLoadData(&m, ".version 99.0\n.target sm_75\n"));
	PROBE("load PTX for sm_999",
	     cuModuleLoadData(&m, ".version 7.0\n.target sm_999\n"));
	PROBE("load a file that is not there", cuModuleLoad(&m, "/nonexistent"));
	PROBE("load file NULL", cuModuleLoad(&m, NULL));
	PROBE("unload NULL", cuModuleUnload(NULL));
	PROBE("function of module NULL", cuModuleGetFunction(&f, NULL, "fill"));
	PROBE("function NULL", cuModuleGetFunction(NULL, mod, "fill"));
	PROBE("function of name NULL", cuModuleGetFunction(&f, mod, NULL));
	PROBE("function of empty name", cuModuleGetFunction(&f, mod, ""));
	PROBE("function with a global's name",
	     cuModuleGetFunction(&f, mod, "words"));
	PROBE("global with a function's name",
	     cuModuleGetGlobal(&p, NULL, mod, "fill"));
	PROBE("global of name NULL", cuModuleGetGlobal(&p, NULL, mod, NULL));
	PROBE("global to NULLs", cuModuleGetGlobal(NULL, NULL, mod, "words"));
	DRV(cuModuleGetFunction(&f, mod, "fill"));
	PROBE("function attribute 77",
	     cuFuncGetAttribute(&v, (CUfunction_attribute)77, f));
	PROBE("attribute of function NULL", cuFuncGetAttribute(&v, 0, NULL));
	PROBE("set a read-only attribute", cuFuncSetAttribute(f, 0, 32));
}

static void images(CUdevice dev, CUmodule mod)
{
	/* An ELF header that points far outside, a fatbin that does. */
	static unsigned elf[1024] = { 0x464c457f, 0x00010102, 0, 0, 0x00be0002,
		1, 0, 0, 0, 0, 0x7fffffff, 0, 0, 0x00380040, 0x7fff0040 };
	static unsigned fat[1024] = { 0xba55ed50, 0x00100001, 0x7ffffff0, 0 };
	static unsigned cut[1024] = { 0xba55ed50, 0x00100001, 64, 0,
		0x01010002, 64, 0x7fffffff, 0 };
	static unsigned empty[1024] = { 0xba55ed50, 0x00100001, 0, 0 };
	static struct { unsigned magic, version; const void *data, *name; }
		wrapper = { 0x466243b1, 1, fat, NULL },
		odd = { 0x466243b1, 77, fat, NULL },
		hollow = { 0x466243b1, 1, empty, NULL },
		null = { 0x466243b1, 1, NULL, NULL };
	CUmodule m;
	CUlibrary l;

	(void)dev, (void)mod;
	PROBE("a cubin that lies", cuModuleLoadData(&m, elf));
	PROBE("a fatbin of length 2^31", cuModuleLoadData(&m, fat));
	PROBE("a fatbin whose entry lies", cuModuleLoadData(&m, cut));
	PROBE("a fatbin of nothing", cuModuleLoadData(&m, empty));
	PROBE("a wrapper of nothing", cuModuleLoadData(&m, &hollow));
	PROBE("a wrapper of NULL", cuModuleLoadData(&m, &null));
	PROBE("a wrapper of version 77", cuModuleLoadData(&m, &odd));
	PROBE("a wrapper of a fatbin that lies",
	      cuModuleLoadData(&m, &wrapper));
	PROBE("text", cuModuleLoadData(&m, "no PTX is this"));
	PROBE("PTX that ends at once", cuModuleLoadData(&m, ".version 7.0\n"));
	PROBE("PTX with a syntax error",
	      cuModuleLoadData(&m, ".version 7.0\n.target sm_75\n"
				   ".address_size 64\n.visible .entry f( {\n"));
	PROBE("PTX with an unknown instruction",
	      cuModuleLoadData(&m, ".version 7.0\n.target sm_75\n"
			".address_size 64\n.visible .entry f() { hop; }\n"));
	PROBE("PTX that needs another",
	      cuModuleLoadData(&m, ".version 7.0\n.target sm_75\n"
			".address_size 64\n.extern .func g();\n"
			".visible .entry f() { call g; ret; }\n"));
	PROBE("a library of text", cuLibraryLoadData(&l, "no PTX is this",
				NULL, NULL, 0, NULL, NULL, 0));
	PROBE("a library of a fatbin that lies",
	      cuLibraryLoadData(&l, fat, NULL, NULL, 0, NULL, NULL, 0));
	PROBE("a library of no file",
	      cuLibraryLoadFromFile(&l, "/nonexistent", NULL, NULL, 0, NULL,
				    NULL, 0));
}

static void options(CUdevice dev, CUmodule mod)
{
	CUjit_option o[] = { (CUjit_option)9999, CU_JIT_MAX_REGISTERS,
			     CU_JIT_OPTIMIZATION_LEVEL, CU_JIT_TARGET,
			     CU_JIT_ERROR_LOG_BUFFER };
	void *v[] = { NULL, (void *)(uintptr_t)100000, (void *)77,
		      (void *)4242, NULL };
	CUmodule m;

	(void)dev, (void)mod;
	PROBE("JIT option 9999",
	      cuModuleLoadDataEx(&m, kernels_ptx, 1, o, v));
	PROBE("100,000 registers",
	      cuModuleLoadDataEx(&m, kernels_ptx, 1, o + 1, v + 1));
	PROBE("optimization level 77",
	      cuModuleLoadDataEx(&m, kernels_ptx, 1, o + 2, v + 2));
	PROBE("target 4242",
	      cuModuleLoadDataEx(&m, kernels_ptx, 1, o + 3, v + 3));
	PROBE("a log of NULL",
	      cuModuleLoadDataEx(&m, kernels_ptx, 1, o + 4, v + 4));
	PROBE("options of NULL",
	      cuModuleLoadDataEx(&m, kernels_ptx, 2, NULL, v));
	PROBE("values of NULL",
	      cuModuleLoadDataEx(&m, kernels_ptx, 2, o, NULL));
	PROBE("1,000,000 options",
	      cuModuleLoadDataEx(&m, kernels_ptx, 1000000, o, v));
}

static void libraries(CUdevice dev, CUmodule mod)
{
	CUlibrary lib = NULL;
	CUkernel k = NULL;
	CUdeviceptr p;
	CUfunction f;
	size_t n;
	unsigned count = 0;
	int v;

	READY(cuLibraryLoadData(&lib, kernels_ptx, NULL, NULL, 0, NULL, NULL,
				0));
	READY(cuLibraryGetKernel(&k, lib, "fill"));
	PROBE("kernel of no name", cuLibraryGetKernel(&k, lib, "nothing"));
	PROBE("kernel of an empty name", cuLibraryGetKernel(&k, lib, ""));
	PROBE("kernel of a global's name",
	      cuLibraryGetKernel(&k, lib, "words"));
	PROBE("global of no name", cuLibraryGetGlobal(&p, &n, lib, "nothing"));
	PROBE("global of a kernel's name",
	      cuLibraryGetGlobal(&p, &n, lib, "fill"));
	PROBE("global to NULLs",
	      cuLibraryGetGlobal(NULL, NULL, lib, "words"));
	PROBE("managed of no name",
	      cuLibraryGetManaged(&p, &n, lib, "nothing"));
	PROBE("managed that is not", cuLibraryGetManaged(&p, &n, lib, "words"));
	PROBE("kernel attribute 99", cuKernelGetAttribute(&v,
					(CUfunction_attribute)99, k, dev));
	PROBE("kernel attribute, device 77",
	      cuKernelGetAttribute(&v, CU_FUNC_ATTRIBUTE_NUM_REGS, k, 77));
	PROBE("set attribute 99", cuKernelSetAttribute(
				(CUfunction_attribute)99, 1, k, dev));
	PROBE("set a read-only attribute", cuKernelSetAttribute(
				CU_FUNC_ATTRIBUTE_NUM_REGS, 1, k, dev));
	PROBE("shared memory -5", cuKernelSetAttribute(
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, -5, k, dev));
	PROBE("shared memory 1 GiB", cuKernelSetAttribute(
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 1 << 30, k,
		dev));
	PROBE("carveout 101", cuKernelSetAttribute(
		CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, 101, k,
		dev));
	PROBE("carveout -2", cuKernelSetAttribute(
		CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, -2, k,
		dev));
	PROBE("cache config 9",
	      cuKernelSetCacheConfig(k, (CUfunc_cache)9, dev));
	PROBE("parameter 99", cuKernelGetParamInfo(k, 99, &n, &n));
	PROBE("count of kernels to NULL", cuLibraryGetKernelCount(NULL, lib));
	PROBE("count of kernels", cuLibraryGetKernelCount(&count, lib));
	PROBE("no kernels", cuLibraryEnumerateKernels(&k, 0, lib));
	PROBE("function of a kernel", cuKernelGetFunction(&f, k));
	PROBE("module of the library", cuLibraryGetModule(&mod, lib));
	PROBE("unified function of no name",
	      cuLibraryGetUnifiedFunction((void **)&f, lib, "nothing"));
	PROBE("unload", cuLibraryUnload(lib));
}

static void functions(CUdevice dev, CUmodule mod)
{
	CUfunction f = drv_function(mod, "fill");
	size_t at, n;
	CUmodule m = NULL;

	(void)dev;
	PROBE("shared memory -5", cuFuncSetAttribute(f,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, -5));
	PROBE("shared memory 1 GiB", cuFuncSetAttribute(f,
		CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 1 << 30));
	PROBE("carveout 101", cuFuncSetAttribute(f,
		CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, 101));
	PROBE("cluster width -1", cuFuncSetAttribute(f,
		CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH, -1));
	PROBE("cluster width 64", cuFuncSetAttribute(f,
		CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH, 64));
	PROBE("non-portable 2", cuFuncSetAttribute(f,
		CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 2));
	PROBE("attribute -1",
	      cuFuncSetAttribute(f, (CUfunction_attribute)-1, 1));
	PROBE("attribute 77",
	      cuFuncSetAttribute(f, (CUfunction_attribute)77, 1));
	PROBE("cache config 9", cuFuncSetCacheConfig(f, (CUfunc_cache)9));
	PROBE("parameter 99", cuFuncGetParamInfo(f, 99, &at, &n));
	PROBE("parameter 0 to NULL", cuFuncGetParamInfo(f, 0, NULL, NULL));
	PROBE("parameter 0, no size", cuFuncGetParamInfo(f, 0, &at, NULL));
	PROBE("module to NULL", cuFuncGetModule(NULL, f));
	PROBE("module of it", cuFuncGetModule(&m, f));
	probe_says("it is %s", m == mod ? "the one" : "another");
	PROBE("loaded, to NULL", cuFuncIsLoaded(NULL, f));
}

static void linker(CUdevice dev, CUmodule mod)
{
	CUlinkState link = NULL;
	void *cubin;
	size_t n;

	(void)dev, (void)mod;
	READY(cuLinkCreate(0, NULL, NULL, &link));
	PROBE("nothing is complete", cuLinkComplete(link, &cubin, &n));
	PROBE("type 99", cuLinkAddData(link, (CUjitInputType)99,
				       (void *)(uintptr_t)kernels_ptx, 16, "a",
				       0, NULL, NULL));
	PROBE("0 bytes", cuLinkAddData(link, CU_JIT_INPUT_PTX,
				       (void *)(uintptr_t)kernels_ptx, 0, "b",
				       0, NULL, NULL));
	PROBE("text", cuLinkAddData(link, CU_JIT_INPUT_PTX,
				    (void *)(uintptr_t) "no PTX is this", 15,
				    "c", 0, NULL, NULL));
	PROBE("text as a cubin",
	      cuLinkAddData(link, CU_JIT_INPUT_CUBIN,
			    (void *)(uintptr_t) "no cubin is this", 17, "d", 0,
			    NULL, NULL));
	PROBE("a file that is not there",
	      cuLinkAddFile(link, CU_JIT_INPUT_PTX, "/nonexistent", 0, NULL,
			    NULL));
	PROBE("a file that is a folder",
	      cuLinkAddFile(link, CU_JIT_INPUT_PTX, "/", 0, NULL, NULL));
	PROBE("complete", cuLinkComplete(link, &cubin, &n));
	PROBE("destroy", cuLinkDestroy(link));
}

static const struct group groups[] = {
	{ "modules", modules, true },
	{ "images", images, true },
	{ "options", options, true },
	{ "libraries", libraries, true },
	{ "functions", functions, true },
	{ "linker", linker, true },
};

int main(void)
{
	return groups_run(groups, 6);
}

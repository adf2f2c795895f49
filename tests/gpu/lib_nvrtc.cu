// SPDX-License-Identifier: BSD-2-Clause
// lib_nvrtc.cu - NVRTC compiles at run time, to PTX, to machine code and to
// LTO code that nvJitLink links; each result runs.
#include <cuda.h>
#include <nvJitLink.h>
#include <nvrtc.h>
#include <string.h>

#include "lib.h"

static const char outer[] =
	"__device__ int inner(int);\n"
	"extern \"C\" __global__ void k(int *p) { p[threadIdx.x] = "
	"inner(threadIdx.x) + 1; }\n";
static const char inner[] =
	"__device__ int inner(int x) { return x * x; }\n";
static const char whole[] =
	"template <typename T> __device__ T square(T x) { return x * x; }\n"
	"extern \"C\" __global__ void k(int *p) { p[threadIdx.x] = "
	"square<int>(threadIdx.x) + 1; }\n";

static char arch_option[32], link_option[32];

static nvrtcProgram compile(const char *text, bool lto)
{
	const char *opts[] = { arch_option, "--std=c++17", "-dlto",
			       "--relocatable-device-code=true" };
	nvrtcProgram p;

	LIB(nvrtcCreateProgram(&p, text, "text.cu", 0, NULL, NULL));
	if (nvrtcCompileProgram(p, lto ? 4 : 2, opts) != NVRTC_SUCCESS) {
		static char log[4096];

		nvrtcGetProgramLog(p, log);
		fail("nvrtc: %s", log);
	}
	return p;
}

static void run(const char *what, const void *image)
{
	int h[32], *d = dev_alloc<int>(32);
	void *args[] = { &d };
	CUfunction f;
	CUmodule m;

	LIB(cuModuleLoadData(&m, image));
	LIB(cuModuleGetFunction(&f, m, "k"));
	LIB(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, NULL, args, NULL));
	to_host(h, d, 32);
	printf("%s gives %d %d\n", what, h[3], h[31]);
	for (int i = 0; i < 32; i++)
		if (h[i] != i * i + 1)
			wrong_result("nvrtc %s: %d at %d", what, h[i], i);
	LIB(cuModuleUnload(m));
	RT(cudaFree(d));
}

static void ptx_and_cubin(void)
{
	nvrtcProgram p = compile(whole, false);
	size_t len = 0;
	char *image;

	LIB(nvrtcGetPTXSize(p, &len));
	image = (char *)must_alloc(len);
	LIB(nvrtcGetPTX(p, image));
	run("PTX", image);
	free(image);
	LIB(nvrtcGetCUBINSize(p, &len));
	image = (char *)must_alloc(len);
	LIB(nvrtcGetCUBIN(p, image));
	run("machine code", image);
	free(image);
	LIB(nvrtcDestroyProgram(&p));
}

static void add(nvJitLinkHandle link, const char *text, const char *name)
{
	nvrtcProgram p = compile(text, true);
	size_t len = 0;
	char *image;

	LIB(nvrtcGetLTOIRSize(p, &len));
	image = (char *)must_alloc(len);
	LIB(nvrtcGetLTOIR(p, image));
	LIB(nvJitLinkAddData(link, NVJITLINK_INPUT_LTOIR, image, len, name));
	free(image);
	LIB(nvrtcDestroyProgram(&p));
}

static void linked(void)
{
	const char *opts[] = { link_option, "-lto" };
	nvJitLinkHandle link;
	size_t len = 0;
	void *image;

	LIB(nvJitLinkCreate(&link, 2, opts));
	add(link, outer, "outer");
	add(link, inner, "inner");
	LIB(nvJitLinkComplete(link));
	LIB(nvJitLinkGetLinkedCubinSize(link, &len));
	image = must_alloc(len);
	LIB(nvJitLinkGetLinkedCubin(link, image));
	run("linked LTO code", image);
	free(image);
	LIB(nvJitLinkDestroy(&link));
}

static void wrong_text(void)
{
	static char log[4096];
	nvrtcProgram p;

	LIB(nvrtcCreateProgram(&p, "int f( {", "wrong.cu", 0, NULL, NULL));
	printf("wrong text: %s\n",
	       nvrtcGetErrorString(nvrtcCompileProgram(p, 0, NULL)));
	LIB(nvrtcGetProgramLog(p, log));
	printf("the log %s\n", strstr(log, "error") ? "says error" : "is lost");
	LIB(nvrtcDestroyProgram(&p));
}

int main(void)
{
	cudaDeviceProp prop;

	RT(cudaSetDevice(0));
	RT(cudaGetDeviceProperties(&prop, 0));
	snprintf(arch_option, sizeof(arch_option), "--gpu-architecture=sm_%d%d",
		 prop.major, prop.minor);
	snprintf(link_option, sizeof(link_option), "-arch=sm_%d%d", prop.major,
		 prop.minor);
	ptx_and_cubin();
	linked();
	wrong_text();
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * link_part.cu - relocatable device code for drv_jit: with -DPART=name one
 * function, which each input of the linker has; without it the kernel that
 * calls them all, and a managed variable.
 */
#ifdef PART
extern "C" __device__ unsigned PART(unsigned v)
{
	return v * 10 + ADD;
}
#else
extern "C" __device__ unsigned in_cubin(unsigned v);
extern "C" __device__ unsigned in_fatbin(unsigned v);
extern "C" __device__ unsigned in_object(unsigned v);
extern "C" __device__ unsigned in_library(unsigned v);

__managed__ unsigned calls;

extern "C" __global__ void linked(unsigned *out, unsigned v)
{
	*out = in_library(in_object(in_fatbin(in_cubin(v))));
	calls++;
}
#endif

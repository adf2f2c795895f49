// SPDX-License-Identifier: BSD-2-Clause
// lib_curand.cu - cuRAND: generators on the host's side with fixed seeds, and
// its device functions in a kernel of ours.
#include <curand.h>
#include <curand_kernel.h>
#include <math.h>

#include "lib.h"

#define N 20000

static float h[N];

static void generator(const char *what, curandRngType_t type)
{
	float *d = dev_alloc<float>(N);
	double sum = 0;
	curandGenerator_t g;

	LIB(curandCreateGenerator(&g, type));
	if (type < CURAND_RNG_QUASI_DEFAULT)
		LIB(curandSetPseudoRandomGeneratorSeed(g, 4711));
	LIB(curandGenerateUniform(g, d, N));
	to_host(h, d, N);
	for (int i = 0; i < N; i++)
		sum += h[i];
	printf("%s checksum %016llx mean %.4f\n", what,
	       (unsigned long long)checksum(h, sizeof(h)), sum / N);
	if (fabs(sum / N - 0.5) > 0.02)
		wrong_result("curand %s: a mean of %f", what, sum / N);
	if (type < CURAND_RNG_QUASI_DEFAULT) {
		LIB(curandGenerateNormal(g, d, N, 0, 1));
		to_host(h, d, N);
		printf("%s normal %.4f %.4f\n", what, h[0], h[N - 1]);
	}
	LIB(curandDestroyGenerator(g));
	RT(cudaFree(d));
}

__global__ void draw(float *out, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	curandStatePhilox4_32_10_t s;

	if (i >= n)
		return;
	curand_init(99, i, 0, &s);
	out[i] = curand_uniform(&s) + curand_uniform(&s);
}

int main(void)
{
	float *d = dev_alloc<float>(N);
	double sum = 0;

	generator("XORWOW", CURAND_RNG_PSEUDO_XORWOW);
	generator("Philox", CURAND_RNG_PSEUDO_PHILOX4_32_10);
	generator("MRG32k3a", CURAND_RNG_PSEUDO_MRG32K3A);
	generator("MT19937", CURAND_RNG_PSEUDO_MT19937);
	generator("Sobol", CURAND_RNG_QUASI_SOBOL32);
	draw<<<(N + 127) / 128, 128>>>(d, N);
	RT_LAUNCHED();
	to_host(h, d, N);
	for (int i = 0; i < N; i++)
		sum += h[i];
	printf("device functions checksum %016llx mean %.4f\n",
	       (unsigned long long)checksum(h, sizeof(h)), sum / N);
	if (fabs(sum / N - 1) > 0.02)
		wrong_result("curand: the device functions have a mean of %f", sum / N);
	RT(cudaFree(d));
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * NVIDIA's unmodified runtime, linked into this program, starts on our
 * private tables and integrity check; and notices one bit that is wrong.
 *
 * It finds its driver as libcuda.so.1 and decides once per process, so each
 * case is a run of this program with an argument, in which main() is such a
 * CUDA program and its exit status the result of the runtime.
 */
#include <cuda_runtime_api.h>

#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static int cuda_program(void)
{
	int count = 0;
	void *p = NULL;
	cudaError_t r = cudaGetDeviceCount(&count);

	if (!r && count != 1)
		return 250;
	if (!r)
		r = cudaMalloc(&p, 256);
	if (!r)
		r = cudaFree(p);
	return (int)r;
}

static int run_with(const char *flip)
{
	char self[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int status;
	pid_t pid;

	assert_true(n > 0);
	self[n] = '\0';
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		char *dir = strdup(self);

		snprintf(path, sizeof(path), "%s/integrity_cudart_driver",
			 dirname(dir));
		setenv("LD_LIBRARY_PATH", path, 1);
		unsetenv("TEST_FLIP");
		if (flip)
			setenv("TEST_FLIP", flip, 1);
		execl(self, self, "cuda-program", (char *)NULL);
		_exit(251);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void accepted(void **state)
{
	(void)state;
	assert_int_equal(run_with(NULL), cudaSuccess);
}

static void flipped_bit_is_noticed(void **state)
{
	(void)state;
	assert_int_equal(run_with("uuid"),
			 cudaErrorSoftwareValidityNotEstablished);
	assert_int_equal(run_with("pci"),
			 cudaErrorSoftwareValidityNotEstablished);
	assert_int_equal(run_with("version"),
			 cudaErrorSoftwareValidityNotEstablished);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(flipped_bit_is_noticed),
	};

	if (argc == 2 && !strcmp(argv[1], "cuda-program"))
		return cuda_program();
	return cmocka_run_group_tests_name("integrity_cudart", tests, NULL,
					   NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* IPC handles of one domain mean nothing in another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cuda-exec/exec_internal.h"

static const uint8_t key[EXEC_SEAL_KEY] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
					    11, 12, 13, 14, 15 };

/* Vectors of SipHash's authors: key 0, 1, 2 ..., message 0, 1, 2 ... */
static void hash_is_siphash(void **state)
{
	static const uint64_t word[] = { 0x0706050403020100,
					 0x0f0e0d0c0b0a0908 };

	(void)state;
	assert_true(seal_hash(key, word, 0) == 0x726fdb47dd0e0e31);
	assert_true(seal_hash(key, word, 1) == 0x93f5f5799a932462);
	assert_true(seal_hash(key, word, 2) == 0x3f2acc7f57c29bdb);
}

static void there_and_back(void **state)
{
	uint64_t w[8], was[8];

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		for (int k = 0; k < 8; k++)
			was[k] = i * 0x0123456789abcdefull * (unsigned)k;
		memcpy(w, was, sizeof(w));
		seal(key, i % 3, w);
		assert_memory_not_equal(w, was, sizeof(w));
		unseal(key, i % 3, w);
		assert_memory_equal(w, was, sizeof(w));
	}
}

/* Programs compare handles: the same one must look the same. */
static void always_the_same(void **state)
{
	uint64_t a[8] = { 1, 2, 3 }, b[8] = { 1, 2, 3 };

	(void)state;
	seal(key, 0, a);
	seal(key, 0, b);
	assert_memory_equal(a, b, sizeof(a));
}

static int bits(const uint64_t a[8], const uint64_t b[8])
{
	int n = 0;

	for (int i = 0; i < 8; i++)
		n += __builtin_popcountll(a[i] ^ b[i]);
	return n;
}

/* Another key, another kind of handle or one wrong bit: noise, that is about
 * half of the 512 bits are others, in all parts of the block. */
static void noise_elsewhere(void **state)
{
	const uint64_t was[8] = { 11, 22, 33, 44, 55, 66, 77, 88 };
	uint8_t other[EXEC_SEAL_KEY];
	uint64_t w[8];

	(void)state;
	memcpy(other, key, sizeof(other));
	other[7] ^= 1;
	memcpy(w, was, sizeof(w));
	seal(key, 0, w);
	unseal(other, 0, w);
	assert_in_range(bits(w, was), 180, 332);
	memcpy(w, was, sizeof(w));
	seal(key, 0, w);
	unseal(key, 1, w);
	assert_in_range(bits(w, was), 180, 332);
	for (int i = 0; i < 512; i++) {
		memcpy(w, was, sizeof(w));
		seal(key, 2, w);
		w[i / 64] ^= 1ull << i % 64;
		unseal(key, 2, w);
		assert_in_range(bits(w, was), 180, 332);
		for (int k = 0; k < 8; k++)
			assert_true(w[k] != was[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_is_siphash),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(always_the_same),
		cmocka_unit_test(noise_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * seal.c - 64 bytes with which the driver describes an allocation to another
 * process, so that they mean something in one domain only.
 *
 * The driver opens such bytes for any process of ours, and what is in them can
 * be guessed. A guest therefore holds them enciphered under its domain's key:
 * bytes of another domain, or made up, become noise on their way back. They
 * have no room for a checksum, so it is the whole block that is permuted, with
 * four Feistel rounds over SipHash; equal bytes stay equal, which programs
 * rely on.
 */
#include "cuda-exec/exec_internal.h"

#include <string.h>

#define HALF   4 /* words */
#define ROUNDS 4u

static uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

/* SipHash-2-4 of whole words; the length goes in as the last one. */
uint64_t seal_hash(const uint8_t key[EXEC_SEAL_KEY], const uint64_t *word,
		   uint32_t n)
{
	uint64_t k[2], v[4];

	memcpy(k, key, sizeof(k));
	v[0] = k[0] ^ 0x736f6d6570736575ull;
	v[1] = k[1] ^ 0x646f72616e646f6dull;
	v[2] = k[0] ^ 0x6c7967656e657261ull;
	v[3] = k[1] ^ 0x7465646279746573ull;
	for (uint32_t i = 0; i < n; i++)
		absorb(v, word[i]);
	absorb(v, (uint64_t)n * sizeof(*word) << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* @what keeps handles of one kind from being opened as another. */
static void mix(const uint8_t *key, uint32_t what, uint32_t round,
		uint64_t *to, const uint64_t *from)
{
	uint64_t in[1 + HALF];

	memcpy(in + 1, from, HALF * sizeof(*from));
	for (uint64_t i = 0; i < HALF; i++) {
		in[0] = (uint64_t)what << 32 | round << 8 | i;
		to[i] ^= seal_hash(key, in, 1 + HALF);
	}
}

void seal(const uint8_t key[EXEC_SEAL_KEY], uint32_t what, uint64_t w[8])
{
	for (uint32_t r = 0; r < ROUNDS; r++)
		mix(key, what, r, r & 1 ? w + HALF : w, r & 1 ? w : w + HALF);
}

void unseal(const uint8_t key[EXEC_SEAL_KEY], uint32_t what, uint64_t w[8])
{
	for (uint32_t r = ROUNDS; r-- > 0;)
		mix(key, what, r, r & 1 ? w + HALF : w, r & 1 ? w : w + HALF);
}

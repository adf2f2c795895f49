// SPDX-License-Identifier: BSD-2-Clause
#include "frontend/libcuda/md2.h"

#include <string.h>

#define ROUNDS 18

/* The permutation of RFC 1319, made of the digits of pi. */
static const uint8_t pi[256] = {
	41,  46,  67,  201, 162, 216, 124, 1,	61,  54,  84,  161, 236, 240,
	6,   19,  98,  167, 5,	 243, 192, 199, 115, 140, 152, 147, 43,	 217,
	188, 76,  130, 202, 30,	 155, 87,  60,	253, 212, 224, 22,  103, 66,
	111, 24,  138, 23,  229, 18,  190, 78,	196, 214, 218, 158, 222, 73,
	160, 251, 245, 142, 187, 47,  238, 122, 169, 104, 121, 145, 21,	 178,
	7,   63,  148, 194, 16,	 137, 11,  34,	95,  33,  128, 127, 93,	 154,
	90,  144, 50,  39,  53,	 62,  204, 231, 191, 247, 151, 3,   255, 25,
	48,  179, 72,  165, 181, 209, 215, 94,	146, 42,  172, 86,  170, 198,
	79,  184, 56,  210, 150, 164, 125, 182, 118, 252, 107, 226, 156, 116,
	4,   241, 69,  157, 112, 89,  100, 113, 135, 32,  134, 91,  207, 101,
	230, 45,  168, 2,   27,	 96,  37,  173, 174, 176, 185, 246, 28,	 70,
	97,  105, 52,  64,  126, 15,  85,  71,	163, 35,  221, 81,  175, 58,
	195, 92,  249, 206, 186, 197, 234, 38,	44,  83,  13,  110, 133, 40,
	132, 9,	  211, 223, 205, 244, 65,  129, 77,  82,  106, 220, 55,	 200,
	108, 193, 171, 250, 36,	 225, 123, 8,	12,  189, 177, 74,  120, 136,
	149, 139, 227, 99,  232, 109, 233, 203, 213, 254, 59,  0,   29,	 57,
	242, 239, 183, 14,  102, 88,  208, 228, 166, 119, 114, 248, 235, 117,
	75,  10,  49,  68,  80,	 180, 143, 237, 31,  26,  219, 153, 141, 51,
	159, 17,  131, 20,
};

static void mix(uint8_t state[3 * MD2_BYTES])
{
	uint8_t t = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 3 * MD2_BYTES; i++)
			t = state[i] ^= pi[t];
		t = (uint8_t)(t + round);
	}
}

static void absorb(struct md2 *m, const uint8_t *block)
{
	uint8_t last = m->checksum[MD2_BYTES - 1];

	for (int i = 0; i < MD2_BYTES; i++) {
		last = m->checksum[i] ^= pi[block[i] ^ last];
		m->state[MD2_BYTES + i] = block[i];
		m->state[2 * MD2_BYTES + i] = m->state[i] ^ block[i];
	}
	mix(m->state);
}

void md2_init(struct md2 *m)
{
	memset(m, 0, sizeof(*m));
}

void md2_update(struct md2 *m, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--) {
		m->block[m->used++] = *p++;
		if (m->used == MD2_BYTES) {
			absorb(m, m->block);
			m->used = 0;
		}
	}
}

void md2_final(struct md2 *m, uint8_t ret[MD2_BYTES])
{
	size_t pad = MD2_BYTES - m->used;

	memset(m->block + m->used, (int)pad, pad);
	absorb(m, m->block);
	/* absorb() changes the checksum while it reads the block. */
	memcpy(m->block, m->checksum, MD2_BYTES);
	absorb(m, m->block);
	memcpy(ret, m->state, MD2_BYTES);
}

static void start_padded(struct md2 *m, const uint8_t *key, uint8_t pad)
{
	uint8_t block[MD2_BYTES];

	for (int i = 0; i < MD2_BYTES; i++)
		block[i] = key[i] ^ pad;
	md2_init(m);
	md2_update(m, block, sizeof(block));
}

void hmac_md2_init(struct hmac_md2 *h, const uint8_t key[MD2_BYTES])
{
	memcpy(h->key, key, MD2_BYTES);
	start_padded(&h->inner, key, 0x36);
}

void hmac_md2_update(struct hmac_md2 *h, const void *data, size_t len)
{
	md2_update(&h->inner, data, len);
}

void hmac_md2_final(struct hmac_md2 *h, uint8_t ret[MD2_BYTES])
{
	uint8_t digest[MD2_BYTES];
	struct md2 outer;

	md2_final(&h->inner, digest);
	start_padded(&outer, h->key, 0x5c);
	md2_update(&outer, digest, sizeof(digest));
	md2_final(&outer, ret);
}

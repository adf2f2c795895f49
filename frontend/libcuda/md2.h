/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * md2.h - MD2 (RFC 1319) and HMAC (RFC 2104) over it.
 *
 * MD2 is no longer a safe hash, and is not used as one: NVIDIA's runtime asks
 * its driver for this digest (see integrity.h), so the guest has to answer it.
 */
#ifndef VG_MD2_H
#define VG_MD2_H

#include <stddef.h>
#include <stdint.h>

#define MD2_BYTES 16 /* block and digest have the same size */

struct md2 {
	uint8_t state[3 * MD2_BYTES];
	uint8_t checksum[MD2_BYTES];
	uint8_t block[MD2_BYTES];
	size_t used;
};

void md2_init(struct md2 *m);
void md2_update(struct md2 *m, const void *data, size_t len);
void md2_final(struct md2 *m, uint8_t ret[MD2_BYTES]);

struct hmac_md2 {
	struct md2 inner;
	uint8_t key[MD2_BYTES];
};

void hmac_md2_init(struct hmac_md2 *h, const uint8_t key[MD2_BYTES]);
void hmac_md2_update(struct hmac_md2 *h, const void *data, size_t len);
void hmac_md2_final(struct hmac_md2 *h, uint8_t ret[MD2_BYTES]);

#endif

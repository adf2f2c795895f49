// SPDX-License-Identifier: BSD-2-Clause
/* The integrity digest against published vectors, MD2 against RFC 1319. */
#include "frontend/libcuda/integrity.h"
#include "frontend/libcuda/md2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void to_hex(const uint8_t bytes[16], char text[33])
{
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void assert_md2(const char *message, const char *want)
{
	struct md2 m;
	uint8_t digest[16];
	char text[33];

	md2_init(&m);
	md2_update(&m, message, strlen(message));
	md2_final(&m, digest);
	to_hex(digest, text);
	assert_string_equal(text, want);
}

static void md2_rfc1319(void **state)
{
	(void)state;
	assert_md2("", "8350e5a3e24c153df2275c9f80692773");
	assert_md2("a", "32ec01ec4a6dac72c0ab96fb34c0b5d1");
	assert_md2("abc", "da853b0d3f88d99b30283a69e6ded6bb");
	assert_md2("message digest", "ab4f496bfb2a530b219ff33031fe06b0");
	assert_md2("abcdefghijklmnopqrstuvwxyz",
		   "4e8ddff3650292ab5a4108c3aa47940b");
	assert_md2("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		   "0123456789", "da33def2a42df13975352846c30338cd");
	assert_md2("1234567890123456789012345678901234567890123456789012345678"
		   "9012345678901234567890", "d5976f79d83d3a0dc9806c3c66f3efd8");
}

static void state_after_inner_pad(void **state)
{
	static const uint8_t key[16] = {
		0x14, 0x6a, 0xdd, 0xae, 0x53, 0xa9, 0xa7, 0x52,
		0xaa, 0x08, 0x41, 0x36, 0x0b, 0xf5, 0x5a, 0x9f,
	};
	struct hmac_md2 h;
	char text[33];

	(void)state;
	hmac_md2_init(&h, key);
	to_hex(h.inner.state, text);
	assert_string_equal(text, "8b219a49e86d1aeef237f9b54a8c3c75");
}

static void assert_result(const struct integrity_input *in, const char *want)
{
	uint8_t got[INTEGRITY_BYTES];
	char text[33];

	integrity_result(in, got);
	to_hex(got, text);
	assert_string_equal(text, want);
}

static void vector_windows(void **state)
{
	static const struct integrity_device dev = {
		{ 0x67, 0x22, 0xcb, 0xcf, 0xc6, 0x61, 0xf2, 0x92, 0x74, 0xd6,
		  0xed, 0x23, 0x2a, 0x32, 0x13, 0x1c }, 0, 4, 0,
	};
	const struct integrity_input in = {
		.driver_version = 12020, .version = 11082,
		.pid = 0x4d08, .tid = 0x2b78,
		.cudart_table = 0x7ff8c80717f0,
		.integrity_table = 0x7ff8c825e4b0,
		.function = 0x7ff8c7dd0ad0, .unix_seconds = 0x64a365ee,
		.devices = &dev, .ndevices = 1,
	};

	(void)state;
	assert_result(&in, "7a7014f22846c3a784cdbf423331f1ea");
}

static void vector_linux(void **state)
{
	static const struct integrity_device dev = {
		{ 0x9a, 0xfe, 0x2b, 0x8a, 0xac, 0x25, 0x2d, 0x38, 0xea, 0x37,
		  0xae, 0xc5, 0x6d, 0x71, 0x32, 0x5f }, 0, 2, 0,
	};
	const struct integrity_input in = {
		.driver_version = 12080, .version = 12082,
		.pid = 0x2fa423, .tid = 0xf79c1000,
		.cudart_table = 0x7ffff6958240,
		.integrity_table = 0x7ffff6958220,
		.function = 0x7ffff2aaf4a0, .unix_seconds = 0x682b9cee,
		.devices = &dev, .ndevices = 1,
	};

	(void)state;
	assert_result(&in, "4448a171b026cef76c8c3e39051b02dd");
}

static const struct integrity_input plain = {
	.driver_version = 13000, .version = 13002,
	.pid = 1234, .tid = 0x12345678,
	.cudart_table = 0x1000, .integrity_table = 0x2000, .function = 0x3000,
	.unix_seconds = 1700000000,
};

static void vector_no_devices(void **state)
{
	(void)state;
	assert_result(&plain, "843ef2eb1619f77e0e0e64b911bcd4dc");
}

static void vector_two_devices(void **state)
{
	struct integrity_device devs[2] = { { .pci_bus = 1 },
					    { .pci_bus = 2 } };
	struct integrity_input in = plain;

	(void)state;
	for (uint8_t i = 0; i < 32; i++)
		devs[i / 16].uuid[i % 16] = i;
	in.devices = devs;
	in.ndevices = 2;
	assert_result(&in, "fcb4947bef6ae718560a71d664c00cde");
}

static void constants_by_last_digit(void **state)
{
	struct integrity_input in = plain;

	(void)state;
	in.version = 13000;
	assert_result(&in, "5c67cb031c184133e8d14c1faa83d38e");
	in.version = 11081;
	assert_result(&in, "5c67cb031c184118e8d14c1faa83d38e");
}

/* One bit anywhere gives another digest. */
static void every_input_counts(void **state)
{
	uint8_t want[INTEGRITY_BYTES], got[INTEGRITY_BYTES];
	struct integrity_device dev = { .pci_bus = 1 };
	struct integrity_input in = plain;
	uint32_t *words[] = { &in.driver_version, &in.pid, &in.tid };
	uint64_t *longs[] = { &in.cudart_table, &in.integrity_table,
			      &in.function, &in.unix_seconds };

	(void)state;
	in.devices = &dev;
	in.ndevices = 1;
	integrity_result(&in, want);
#define ASSERT_FLIP(field)                                                     \
	do {                                                                   \
		(field) ^= 1;                                                  \
		integrity_result(&in, got);                                    \
		assert_memory_not_equal(got, want, sizeof(got));               \
		(field) ^= 1;                                                  \
	} while (0)
	for (int i = 0; i < 3; i++)
		ASSERT_FLIP(*words[i]);
	for (int i = 0; i < 4; i++)
		ASSERT_FLIP(*longs[i]);
	ASSERT_FLIP(dev.uuid[15]);
	ASSERT_FLIP(dev.pci_domain);
	ASSERT_FLIP(dev.pci_bus);
	ASSERT_FLIP(dev.pci_device);
	integrity_result(&in, got);
	assert_memory_equal(got, want, sizeof(got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(md2_rfc1319),
		cmocka_unit_test(state_after_inner_pad),
		cmocka_unit_test(vector_windows),
		cmocka_unit_test(vector_linux),
		cmocka_unit_test(vector_no_devices),
		cmocka_unit_test(vector_two_devices),
		cmocka_unit_test(constants_by_last_digit),
		cmocka_unit_test(every_input_counts),
	};

	return cmocka_run_group_tests_name("integrity", tests, NULL, NULL);
}

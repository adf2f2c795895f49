// SPDX-License-Identifier: BSD-2-Clause
/* Module images: measured without a length, packed in pieces, unpacked again;
 * and every container that is cut or altered is refused. */
#include "cuda-exec/image_unpack.h"
#include "frontend/libcuda/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define ENTRY_HEAD 64

struct fatbin {
	struct image_fatbin_head head;
	struct {
		uint16_t kind, version;
		uint32_t head_bytes;
		uint64_t body_bytes;
		uint8_t rest[ENTRY_HEAD - 16];
		uint8_t body[24];
	} entry[2];
};

static void make_fatbin(struct fatbin *f, uint8_t fill)
{
	memset(f, 0, sizeof(*f));
	f->head = (struct image_fatbin_head){
		IMAGE_FATBIN_MAGIC, 1, 16, sizeof(f->entry),
	};
	for (int i = 0; i < 2; i++) {
		f->entry[i].kind = 2;
		f->entry[i].version = 0x101;
		f->entry[i].head_bytes = ENTRY_HEAD;
		f->entry[i].body_bytes = sizeof(f->entry[i].body);
		memset(f->entry[i].body, fill, sizeof(f->entry[i].body));
	}
}

struct cubin {
	Elf64_Ehdr head;
	uint8_t text[40];
	Elf64_Shdr sections[4];
};

static void make_cubin(struct cubin *c)
{
	memset(c, 0, sizeof(*c));
	memcpy(c->head.e_ident, ELFMAG, SELFMAG);
	c->head.e_ident[EI_CLASS] = ELFCLASS64;
	c->head.e_ident[EI_DATA] = ELFDATA2LSB;
	c->head.e_shoff = offsetof(struct cubin, sections);
	c->head.e_shentsize = sizeof(Elf64_Shdr);
	c->head.e_shnum = 4;
	memset(c->text, 0xee, sizeof(c->text));
	c->sections[1].sh_type = SHT_PROGBITS;
	c->sections[1].sh_offset = offsetof(struct cubin, text);
	c->sections[1].sh_size = sizeof(c->text);
	/* Shared memory, as linked and as before: sizes without bytes. */
	c->sections[2].sh_type = SHT_NOBITS;
	c->sections[2].sh_offset = offsetof(struct cubin, text);
	c->sections[2].sh_size = 1 << 20;
	c->sections[3] = c->sections[2];
	c->sections[3].sh_type = SHT_LOPROC + 0xa;
}

static void assert_measure(const void *bytes, enum image_kind kind,
			   uint64_t length)
{
	struct image image;

	assert_int_equal(image_measure(bytes, &image), 0);
	assert_int_equal(image.kind, kind);
	assert_int_equal(image.nparts, 1);
	assert_int_equal(image.first.length, length);
}

static void measures(void **state)
{
	struct fatbin f;
	struct cubin c;
	struct image_wrapper w = { IMAGE_WRAPPER_MAGIC, 1, &f, NULL };

	(void)state;
	make_fatbin(&f, 1);
	make_cubin(&c);
	assert_measure(&f, IMAGE_FATBIN, sizeof(f));
	assert_measure(&w, IMAGE_WRAPPER1, sizeof(f));
	assert_measure(&c, IMAGE_ELF, sizeof(c));
	assert_measure(".version 8.0\n", IMAGE_PTX, 14);
	assert_measure("\n// text", IMAGE_PTX, 9);
	/* More sections than 16 bits tell: the first one has the number. */
	c.head.e_shnum = 0;
	c.sections[0].sh_size = 4;
	assert_measure(&c, IMAGE_ELF, sizeof(c));
	/* Bytes of a section behind the section table. */
	c.sections[1].sh_size = sizeof(c);
	assert_measure(&c, IMAGE_ELF,
		       offsetof(struct cubin, text) + sizeof(c));
}

static void measure_wrapper2(void **state)
{
	struct fatbin linked, a, b;
	const void *more[] = { &a, &b, NULL };
	struct image_wrapper w = { IMAGE_WRAPPER_MAGIC, 2, &linked, more };
	struct image_part part;
	struct image image;

	(void)state;
	make_fatbin(&linked, 1);
	make_fatbin(&a, 2);
	make_fatbin(&b, 3);
	assert_int_equal(image_measure(&w, &image), 0);
	assert_int_equal(image.kind, IMAGE_WRAPPER2);
	assert_int_equal(image.nparts, 3);
	assert_int_equal(image_part(&image, 2, &part), 0);
	assert_ptr_equal(part.bytes, &b);
	assert_int_equal(part.length, sizeof(b));
	assert_int_equal(image_part(&image, 3, &part), -ERANGE);
	w.more = NULL;
	assert_int_equal(image_measure(&w, &image), 0);
	assert_int_equal(image.nparts, 1);
	b.head.magic = 0;
	w.more = more;
	assert_int_equal(image_measure(&w, &image), -ENOEXEC);
}

static void measure_refuses(void **state)
{
	struct fatbin f;
	struct cubin c;
	struct image_wrapper w = { IMAGE_WRAPPER_MAGIC, 3, &f, NULL };
	struct image image;

	(void)state;
	assert_int_equal(image_measure(NULL, &image), -EINVAL);
	assert_int_equal(image_measure("", &image), -ENOEXEC);
	assert_int_equal(image_measure("\x01\x02", &image), -ENOEXEC);
	make_fatbin(&f, 1);
	assert_int_equal(image_measure(&w, &image), -ENOEXEC);
	w.version = 1;
	w.data = NULL;
	assert_int_equal(image_measure(&w, &image), -ENOEXEC);
	w.data = "no fatbin";
	assert_int_equal(image_measure(&w, &image), -ENOEXEC);
	f.head.files_bytes = UINT64_MAX - 4;
	assert_int_equal(image_measure(&f, &image), -ENOEXEC);
	f.head.files_bytes = IMAGE_MAX_BYTES;
	assert_int_equal(image_measure(&f, &image), -ENOEXEC);
	f.head.files_bytes = IMAGE_MAX_BYTES - sizeof(f.head);
	assert_int_equal(image_measure(&f, &image), -EFBIG);
	make_cubin(&c);
	c.sections[1].sh_offset = UINT64_MAX - 8;
	assert_int_equal(image_measure(&c, &image), -ENOEXEC);
	make_cubin(&c);
	c.head.e_shoff = UINT64_MAX - 8;
	assert_int_equal(image_measure(&c, &image), -ENOEXEC);
	make_cubin(&c);
	c.head.e_shnum = 0;
	c.sections[0].sh_size = UINT64_MAX / 32;
	assert_int_equal(image_measure(&c, &image), -ENOEXEC);
	make_cubin(&c);
	c.head.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(image_measure(&c, &image), -ENOEXEC);
}

/* In one piece, and in pieces of every size up to 40. */
static uint8_t *pack(const struct image *image)
{
	uint8_t *whole = malloc(image->packed), *pieces = malloc(image->packed);

	assert_int_equal(image_pack(image, 0, whole, image->packed), 0);
	for (uint64_t step = 1; step < 40; step++) {
		memset(pieces, 0xaa, image->packed);
		for (uint64_t at = 0; at < image->packed; at += step) {
			uint64_t left = image->packed - at;

			assert_int_equal(image_pack(image, at, pieces + at,
						    left < step ? left : step),
					 0);
		}
		assert_memory_equal(pieces, whole, image->packed);
	}
	assert_int_equal(image_pack(image, 1, pieces, image->packed), -ERANGE);
	assert_int_equal(image_pack(image, UINT64_MAX, pieces, 2), -ERANGE);
	free(pieces);
	return whole;
}

static int refused(const void *bytes, uint64_t len)
{
	struct image_unpacked u;
	const char *why = NULL;
	/* Exactly as large, so that a reader past the end is seen by ASAN. */
	void *copy = malloc(len ? len : 1);
	int r;

	memcpy(copy, bytes, len);
	r = image_unpack(copy, len, &u, &why);
	assert_int_equal(r != 0, why != NULL);
	if (!r)
		image_unpacked_free(&u);
	free(copy);
	return r;
}

static void assert_truncations_fail(const uint8_t *bytes, uint64_t len)
{
	for (uint64_t n = 0; n < len; n++)
		assert_int_equal(refused(bytes, n), -EBADMSG);
	assert_int_equal(refused(bytes, len), 0);
}

/* Cut, but with a head that tells the new length: a guest's lie that fits. */
static void assert_lying_truncations_fail(const uint8_t *bytes, uint64_t len)
{
	uint8_t *cut = malloc(len);

	memcpy(cut, bytes, len);
	for (uint64_t n = sizeof(struct image_head); n < len; n++) {
		memcpy(cut + offsetof(struct image_head, total), &n, sizeof(n));
		assert_int_equal(refused(cut, n), -EBADMSG);
	}
	free(cut);
}

static void round_trip(const void *bytes, enum image_kind kind)
{
	struct image_unpacked u;
	struct image image;
	const char *why;
	uint8_t *packed;

	assert_int_equal(image_measure(bytes, &image), 0);
	packed = pack(&image);
	assert_int_equal(image_unpack(packed, image.packed, &u, &why), 0);
	assert_int_equal(u.kind, kind);
	assert_int_equal(u.length, image.first.length);
	assert_memory_equal(u.image, bytes, image.first.length);
	image_unpacked_free(&u);
	assert_truncations_fail(packed, image.packed);
	assert_lying_truncations_fail(packed, image.packed);
	free(packed);
}

static void round_trips(void **state)
{
	struct fatbin f;
	struct cubin c;

	(void)state;
	make_fatbin(&f, 7);
	make_cubin(&c);
	round_trip(&f, IMAGE_FATBIN);
	round_trip(&c, IMAGE_ELF);
	round_trip(".version 8.0\n.target sm_90\n", IMAGE_PTX);
}

static void round_trip_wrapper1(void **state)
{
	struct fatbin f;
	struct image_wrapper w = { IMAGE_WRAPPER_MAGIC, 1, &f, "a file name" };
	struct image_unpacked u;
	struct image image;
	const char *why;
	uint8_t *packed;

	(void)state;
	make_fatbin(&f, 7);
	assert_int_equal(image_measure(&w, &image), 0);
	packed = pack(&image);
	assert_int_equal(image_unpack(packed, image.packed, &u, &why), 0);
	assert_ptr_equal(u.image, &u.wrapper);
	assert_int_equal(u.wrapper.version, 1);
	assert_memory_equal(u.wrapper.data, &f, sizeof(f));
	assert_null(u.wrapper.more);
	image_unpacked_free(&u);
	assert_truncations_fail(packed, image.packed);
	free(packed);
}

static void round_trip_wrapper2(void **state)
{
	struct fatbin f[3];
	const void *more[] = { &f[1], &f[2], NULL };
	struct image_wrapper w = { IMAGE_WRAPPER_MAGIC, 2, &f[0], more };
	const void *const *rebuilt;
	struct image_unpacked u;
	struct image image;
	const char *why;
	uint8_t *packed;

	(void)state;
	for (uint8_t i = 0; i < 3; i++)
		make_fatbin(&f[i], i);
	assert_int_equal(image_measure(&w, &image), 0);
	packed = pack(&image);
	assert_int_equal(image_unpack(packed, image.packed, &u, &why), 0);
	assert_ptr_equal(u.image, &u.wrapper);
	assert_int_equal(u.wrapper.magic, IMAGE_WRAPPER_MAGIC);
	assert_int_equal(u.wrapper.version, 2);
	assert_memory_equal(u.wrapper.data, &f[0], sizeof(f[0]));
	rebuilt = u.wrapper.more;
	for (int i = 0; i < 2; i++) {
		assert_memory_equal(rebuilt[i], &f[i + 1], sizeof(f[0]));
		assert_int_equal((uintptr_t)rebuilt[i] % 8, 0);
	}
	assert_null(rebuilt[2]);
	image_unpacked_free(&u);
	assert_truncations_fail(packed, image.packed);
	assert_lying_truncations_fail(packed, image.packed);
	free(packed);
}

static void input_of_the_linker(void **state)
{
	struct image_unpacked u;
	struct image image;
	const char *why;
	uint8_t *packed;

	(void)state;
	assert_int_equal(image_from_span("!<arch>\nrest", 12, &image), 0);
	assert_int_equal(image.kind, IMAGE_ARCHIVE);
	packed = pack(&image);
	assert_int_equal(image_unpack(packed, image.packed, &u, &why), 0);
	assert_int_equal(u.length, 12);
	assert_memory_equal(u.image, "!<arch>\nrest", 12);
	image_unpacked_free(&u);
	free(packed);
	assert_int_equal(image_from_span("\1\2\0\3", 4, &image), 0);
	assert_int_equal(image.kind, IMAGE_OBJECT);
	assert_int_equal(image_from_span("x", 0, &image), -EINVAL);
	assert_int_equal(image_from_span("x", IMAGE_MAX_BYTES + 1, &image),
			 -EFBIG);
}

/* One field at a time is made wrong in a container that was right. */
static void altered_containers(void **state)
{
	struct fatbin f;
	struct image image;
	uint8_t *packed;
	uint64_t at = image_padded(sizeof(struct image_head) + 8);
	struct {
		uint64_t off;
		unsigned int size;
		uint64_t value;
	} lies[] = {
		{ offsetof(struct image_head, magic), 4, 0 },
		{ offsetof(struct image_head, kind), 4, 0 },
		{ offsetof(struct image_head, kind), 4, 99 },
		{ offsetof(struct image_head, kind), 4, IMAGE_ELF },
		{ offsetof(struct image_head, kind), 4, IMAGE_PTX },
		{ offsetof(struct image_head, kind), 4, IMAGE_ARCHIVE },
		{ offsetof(struct image_head, nparts), 4, 0 },
		{ offsetof(struct image_head, nparts), 4, 2 },
		{ offsetof(struct image_head, nparts), 4, UINT32_MAX },
		{ offsetof(struct image_head, zero), 4, 1 },
		{ offsetof(struct image_head, total), 8, 0 },
		{ offsetof(struct image_head, total), 8, UINT64_MAX },
		{ sizeof(struct image_head), 8, 0 },
		{ sizeof(struct image_head), 8, UINT64_MAX },
		{ sizeof(struct image_head), 8, UINT64_MAX - 15 },
		{ sizeof(struct image_head), 8, sizeof(f) - 1 },
		{ sizeof(struct image_head), 8, sizeof(f) + 1 },
		{ at + 6, 2, 0 },
		{ at + 6, 2, 17 },
		{ at + 8, 8, UINT64_MAX },
		{ at + 8, 8, UINT64_MAX - 15 },
		{ at + 16 + 4, 4, 0 },
		{ at + 16 + 4, 4, UINT32_MAX },
		{ at + 16 + 8, 8, UINT64_MAX },
		{ at + 16 + 8, 8, UINT64_MAX - 63 },
		{ at + 16 + 8, 8, sizeof(f) },
	};

	(void)state;
	make_fatbin(&f, 9);
	assert_int_equal(image_measure(&f, &image), 0);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		packed = malloc(image.packed);
		assert_int_equal(image_pack(&image, 0, packed, image.packed),
				 0);
		assert_int_equal(refused(packed, image.packed), 0);
		memcpy(packed + lies[i].off, &lies[i].value, lies[i].size);
		if (refused(packed, image.packed) != -EBADMSG)
			fail_msg("lie %zu was believed", i);
		free(packed);
	}
}

static void text_has_one_end(void **state)
{
	struct image image;
	uint8_t *packed;
	uint64_t at = image_padded(sizeof(struct image_head) + 8);

	(void)state;
	assert_int_equal(image_measure("abcdefg", &image), 0);
	packed = pack(&image);
	packed[at + 7] = 'h';
	assert_int_equal(refused(packed, image.packed), -EBADMSG);
	packed[at + 7] = 0;
	assert_int_equal(refused(packed, image.packed), 0);
	packed[at + 3] = 0;
	assert_int_equal(refused(packed, image.packed), -EBADMSG);
	free(packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(measures),
		cmocka_unit_test(measure_wrapper2),
		cmocka_unit_test(measure_refuses),
		cmocka_unit_test(round_trips),
		cmocka_unit_test(round_trip_wrapper1),
		cmocka_unit_test(round_trip_wrapper2),
		cmocka_unit_test(input_of_the_linker),
		cmocka_unit_test(altered_containers),
		cmocka_unit_test(text_has_one_end),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-2-Clause
/* Grants over tools/loopback: who may map, limits, release, movement. */
#include "tests/unit/loopback_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xengnttab.h>

#include "tools/loopback/proto.h"

#define RW (PROT_READ | PROT_WRITE)
#define ARENA 16384

static xengntshr_handle *sharer(uint32_t domid)
{
	xengntshr_handle *h;

	as_domain(domid);
	h = xengntshr_open(NULL, 0);
	assert_non_null(h);
	return h;
}

static xengnttab_handle *mapper(uint32_t domid)
{
	xengnttab_handle *h;

	as_domain(domid);
	h = xengnttab_open(NULL, 0);
	assert_non_null(h);
	return h;
}

static void assert_no_map(xengnttab_handle *m, uint32_t domid, uint32_t ref,
			  int prot)
{
	errno = 0;
	assert_null(xengnttab_map_grant_ref(m, domid, ref, prot));
	assert_int_equal(errno, EINVAL);
}

/* Page i holds i, written on one side and read on the other. */
static void arena(void **state)
{
	static uint32_t refs[ARENA];
	xengntshr_handle *s = sharer(1);
	xengnttab_handle *m = mapper(0);
	char *ours, *theirs;

	(void)state;
	ours = xengntshr_share_pages(s, 0, ARENA, refs, 1);
	assert_non_null(ours);
	theirs = xengnttab_map_domain_grant_refs(m, ARENA, 1, refs, RW);
	assert_non_null(theirs);
	for (uint32_t i = 0; i < ARENA; i++)
		memcpy(ours + (size_t)i * LB_PAGE, &i, sizeof(i));
	for (uint32_t i = 0; i < ARENA; i++) {
		assert_memory_equal(theirs + (size_t)i * LB_PAGE, &i,
				    sizeof(i));
		theirs[(size_t)i * LB_PAGE + 9] = 7;
		assert_int_equal(ours[(size_t)i * LB_PAGE + 9], 7);
		assert_true(i == 0 || refs[i] == refs[i - 1] + 1);
	}
	assert_int_equal(held(1, " grants "), ARENA);
	assert_int_equal(held(0, " maps "), ARENA);
	assert_int_equal(xengnttab_unmap(m, theirs, ARENA), 0);
	assert_int_equal(xengntshr_unshare(s, ours, ARENA), 0);
	assert_int_equal(held(1, " grants "), 0);
	assert_int_equal(held(0, " maps "), 0);
	xengnttab_close(m);
	xengntshr_close(s);
	assert_int_equal(held(0, " handles "), 1); /* the one that asks */
}

static void only_the_grantee(void **state)
{
	xengntshr_handle *s = sharer(1);
	xengnttab_handle *m0 = mapper(0), *m2 = mapper(2);
	uint32_t ref;
	char *ours, *theirs;

	(void)state;
	ours = xengntshr_share_pages(s, 0, 1, &ref, 0);
	assert_non_null(ours);
	assert_no_map(m2, 1, ref, PROT_READ);
	assert_no_map(m0, 2, ref, PROT_READ);
	assert_no_map(m0, 9, ref, PROT_READ);
	assert_no_map(m0, 1, ref + 1, PROT_READ);
	assert_no_map(m0, 1, UINT32_MAX, PROT_READ);
	assert_no_map(m0, 1, ref, RW);
	theirs = xengnttab_map_grant_ref(m0, 1, ref, PROT_READ);
	assert_non_null(theirs);
	assert_int_equal(xengnttab_unmap(m0, theirs, 2), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xengnttab_unmap(m0, theirs, 1), 0);
	assert_int_equal(xengntshr_unshare(s, ours, 1), 0);
	assert_int_equal(xengntshr_unshare(s, ours, 1), -1);
	xengnttab_close(m0);
	xengnttab_close(m2);
	xengntshr_close(s);
}

static void limit_of_a_domain(void **state)
{
	uint32_t n = LB_DEFAULT_GRANTS - LB_FIRST_REF, one;
	uint32_t *refs = calloc(n, sizeof(*refs));
	xengntshr_handle *s = sharer(1), *other = sharer(2);
	void *all, *page;

	(void)state;
	assert_null(xengntshr_share_pages(s, 0, (int)n + 1, refs, 1));
	assert_int_equal(errno, ENOSPC);
	all = xengntshr_share_pages(s, 0, (int)n, refs, 1);
	assert_non_null(all);
	assert_int_equal(refs[n - 1], LB_DEFAULT_GRANTS - 1);
	assert_null(xengntshr_share_pages(s, 0, 1, &one, 1));
	assert_int_equal(errno, ENOSPC);
	page = xengntshr_share_pages(other, 0, 1, &one, 1);
	assert_non_null(page);
	assert_int_equal(xengntshr_unshare(s, all, n), 0);
	all = xengntshr_share_pages(s, 0, 1, &one, 1);
	assert_non_null(all);
	assert_null(xengntshr_share_pages(s, 0, 0, refs, 1));
	assert_int_equal(errno, EINVAL);
	xengntshr_close(s);
	xengntshr_close(other);
	munmap(all, LB_PAGE);
	munmap(page, LB_PAGE);
	free(refs);
}

/* A bad reference among good ones: nothing stays mapped. */
static void all_or_nothing(void **state)
{
	uint32_t refs[300];
	xengntshr_handle *s = sharer(1);
	xengnttab_handle *m = mapper(0);
	void *page[300];

	(void)state;
	/* One share a page, so that the map takes several requests. */
	for (int i = 0; i < 300; i++) {
		page[i] = xengntshr_share_pages(s, 0, 1, &refs[i], 1);
		assert_non_null(page[i]);
	}
	refs[299] += 5;
	assert_null(xengnttab_map_domain_grant_refs(m, 300, 1, refs, RW));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(held(0, " maps "), 0);
	for (int i = 0; i < 300; i++)
		assert_int_equal(xengntshr_unshare(s, page[i], 1), 0);
	xengnttab_close(m);
	xengntshr_close(s);
}

/* Backwards, of two domains, and of a share whose references are not
 * consecutive: still one range here. */
static void scattered(void **state)
{
	uint32_t refs[64], domids[64];
	xengntshr_handle *s1 = sharer(1), *s2 = sharer(2);
	xengnttab_handle *m = mapper(0);
	char *a, *b, *theirs;

	(void)state;
	a = xengntshr_share_pages(s1, 0, 32, refs, 1);
	b = xengntshr_share_pages(s2, 0, 32, refs + 32, 1);
	assert_non_null(a);
	assert_non_null(b);
	for (uint32_t i = 0; i < 64; i++)
		domids[i] = i < 32 ? 1 : 2;
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t t = refs[i];

		refs[i] = refs[31 - i];
		refs[31 - i] = t;
	}
	for (char i = 0; i < 32; i++)
		a[i * LB_PAGE] = b[i * LB_PAGE] = i;
	theirs = xengnttab_map_grant_refs(m, 64, domids, refs, RW);
	assert_non_null(theirs);
	for (int i = 0; i < 32; i++) {
		assert_int_equal(theirs[i * LB_PAGE], 31 - i);
		assert_int_equal(theirs[(32 + i) * LB_PAGE], i);
	}
	assert_int_equal(xengnttab_unmap(m, theirs, 64), 0);
	assert_int_equal(xengntshr_unshare(s1, a, 32), 0);
	assert_int_equal(xengntshr_unshare(s2, b, 32), 0);
	xengnttab_close(m);
	xengntshr_close(s1);
	xengntshr_close(s2);
}

/* Only every second reference is free: a share takes them all the same. */
static void fragmented(void **state)
{
	uint32_t hold = LB_DEFAULT_GRANTS - LB_FIRST_REF - 64;
	uint32_t *rest = calloc(hold, sizeof(*rest)), refs[32];
	xengntshr_handle *s = sharer(1);
	xengnttab_handle *m = mapper(0);
	void *page[64], *big;
	char *ours, *theirs;

	(void)state;
	big = xengntshr_share_pages(s, 0, (int)hold, rest, 1);
	for (int i = 0; i < 64; i++)
		page[i] = xengntshr_share_pages(s, 0, 1, refs, 1);
	assert_non_null(big);
	for (int i = 0; i < 64; i += 2)
		assert_int_equal(xengntshr_unshare(s, page[i], 1), 0);
	ours = xengntshr_share_pages(s, 0, 32, refs, 1);
	assert_non_null(ours);
	for (int i = 1; i < 32; i++)
		assert_int_equal(refs[i], refs[i - 1] + 2);
	for (char i = 0; i < 32; i++)
		ours[i * LB_PAGE] = i;
	theirs = xengnttab_map_domain_grant_refs(m, 32, 1, refs, RW);
	assert_non_null(theirs);
	for (int i = 0; i < 32; i++)
		assert_int_equal(theirs[i * LB_PAGE], i);
	assert_int_equal(xengnttab_unmap(m, theirs, 32), 0);
	assert_int_equal(xengntshr_unshare(s, ours, 32), 0);
	assert_int_equal(held(1, " grants "), hold + 32);
	for (int i = 1; i < 64; i += 2)
		assert_int_equal(xengntshr_unshare(s, page[i], 1), 0);
	assert_int_equal(xengntshr_unshare(s, big, hold), 0);
	xengnttab_close(m);
	xengntshr_close(s);
	free(rest);
}

/* Given up while the peer maps it: the contents stay, nobody maps it anew,
 * and the reference is not handed out again before the peer lets go. */
static void revoked(void **state)
{
	uint32_t ref, other;
	xengntshr_handle *s = sharer(1);
	xengnttab_handle *m = mapper(0);
	char *ours, *theirs;

	(void)state;
	ours = xengntshr_share_pages(s, 0, 1, &ref, 1);
	assert_non_null(ours);
	strcpy(ours, "still here");
	theirs = xengnttab_map_grant_ref(m, 1, ref, RW);
	assert_non_null(theirs);
	assert_int_equal(xengntshr_unshare(s, ours, 1), 0);
	assert_string_equal(theirs, "still here");
	assert_no_map(m, 1, ref, PROT_READ);
	assert_int_equal(held(1, " grants "), 1);
	ours = xengntshr_share_pages(s, 0, 1, &other, 1);
	assert_int_not_equal(ref, other);
	assert_int_equal(xengnttab_unmap(m, theirs, 1), 0);
	assert_int_equal(held(1, " grants "), 1);
	assert_int_equal(xengntshr_unshare(s, ours, 1), 0);
	assert_int_equal(held(1, " grants "), 0);
	xengnttab_close(m);
	xengntshr_close(s);
}

/* The frontend moves its arena to the address the executor chose. */
static void moved(void **state)
{
	uint32_t refs[8], more[8];
	xengntshr_handle *s = sharer(1);
	char *there, *ours, *again;

	(void)state;
	ours = xengntshr_share_pages(s, 0, 8, refs, 1);
	assert_non_null(ours);
	strcpy(ours + 3 * LB_PAGE, "third");
	there = mmap(NULL, 8 * LB_PAGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_equal(mremap(ours, 8 * LB_PAGE, 8 * LB_PAGE,
				MREMAP_MAYMOVE | MREMAP_FIXED, there),
			 there);
	assert_string_equal(there + 3 * LB_PAGE, "third");
	/* Whatever comes to lie at the old address is told apart. */
	again = xengntshr_share_pages(s, 0, 8, more, 1);
	assert_non_null(again);
	assert_int_equal(held(1, " grants "), 16);
	assert_int_equal(xengntshr_unshare(s, there, 8), 0);
	assert_int_equal(held(1, " grants "), 8);
	/* In two pieces: the references go with the last of them. */
	assert_int_equal(xengntshr_unshare(s, again, 3), 0);
	assert_int_equal(held(1, " grants "), 8);
	assert_int_equal(xengntshr_unshare(s, again + 3 * LB_PAGE, 5), 0);
	assert_int_equal(held(1, " grants "), 0);
	xengntshr_close(s);
}

/* Pages live on when their handle is closed, as on Linux. */
static void outlives_its_handle(void **state)
{
	uint32_t ref;
	xengntshr_handle *s = sharer(1), *s2;
	xengnttab_handle *m = mapper(0);
	char *ours, *theirs;

	(void)state;
	ours = xengntshr_share_pages(s, 0, 1, &ref, 1);
	assert_non_null(ours);
	assert_int_equal(xengntshr_close(s), 0);
	theirs = xengnttab_map_grant_ref(m, 1, ref, RW);
	assert_non_null(theirs);
	assert_int_equal(xengnttab_unmap(m, theirs, 1), 0);
	s2 = sharer(1);
	assert_int_equal(xengntshr_unshare(s2, ours, 1), 0);
	assert_int_equal(held(1, " grants "), 0);
	xengntshr_close(s2);
	assert_int_equal(held(1, " handles "), 0);
	xengnttab_close(m);
}

/* A child may close what it inherited, and that harms nobody. */
static void inherited(void **state)
{
	uint32_t ref;
	xengntshr_handle *s = sharer(1);
	char *ours = xengntshr_share_pages(s, 0, 1, &ref, 1);
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(ours);
	pid = fork();
	if (pid == 0) {
		errno = 0;
		if (xengntshr_share_pages(s, 0, 1, &ref, 1) ||
		    errno != EPERM)
			_exit(1);
		_exit(xengntshr_close(s) == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(held(1, " grants "), 1);
	assert_int_equal(xengntshr_unshare(s, ours, 1), 0);
	xengntshr_close(s);
}

static void copies(void **state)
{
	uint32_t ref;
	char text[32] = "";
	xengntshr_handle *s = sharer(1);
	xengnttab_handle *m = mapper(0);
	char *ours = xengntshr_share_pages(s, 0, 1, &ref, 0);
	xengnttab_grant_copy_segment_t seg[2] = {
		{ .source.foreign = { ref, 100, 1 },
		  .dest.virt = text,
		  .len = 6,
		  .flags = GNTCOPY_source_gref },
		{ .source.virt = text,
		  .dest.foreign = { ref, 0, 1 },
		  .len = 6,
		  .flags = GNTCOPY_dest_gref },
	};

	(void)state;
	assert_non_null(ours);
	strcpy(ours + 100, "bytes");
	assert_int_equal(xengnttab_grant_copy(m, 2, seg), 0);
	assert_int_equal(seg[0].status, GNTST_okay);
	assert_string_equal(text, "bytes");
	assert_int_equal(seg[1].status, GNTST_bad_gntref);
	assert_int_equal(ours[0], 0);
	seg[0].source.foreign.offset = 4094;
	assert_int_equal(xengnttab_grant_copy(m, 1, seg), 0);
	assert_int_equal(seg[0].status, GNTST_bad_copy_arg);
	assert_int_equal(held(0, " maps "), 0);
	assert_int_equal(xengntshr_unshare(s, ours, 1), 0);
	xengnttab_close(m);
	xengntshr_close(s);
}

static void refusals(void **state)
{
	xengnttab_handle *m = mapper(0);
	uint32_t fd;

	(void)state;
	assert_int_equal(xengnttab_dmabuf_exp_from_refs(m, 1, 0, 1, &fd, &fd),
			 -1);
	assert_int_equal(errno, EOPNOTSUPP);
	assert_null(xengnttab_map_domain_grant_refs(m, 0, 1, &fd, RW));
	assert_int_equal(errno, EINVAL);
	xengnttab_close(m);
	as_domain(77);
	assert_null(xengnttab_open(NULL, 0));
	assert_int_equal(errno, ESRCH);
	setenv("VGPU_DOMID", "1x", 1);
	assert_null(xengnttab_open(NULL, 0));
	assert_int_equal(errno, EINVAL);
	as_domain(0);
	unsetenv("VGPU_LOOPBACK_DIR");
	assert_null(xengntshr_open(NULL, 0));
	assert_int_equal(errno, ENOENT);
}

#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RIG(arena),
		RIG(only_the_grantee),
		RIG(limit_of_a_domain),
		RIG(all_or_nothing),
		RIG(scattered),
		RIG(fragmented),
		RIG(revoked),
		RIG(moved),
		RIG(outlives_its_handle),
		RIG(inherited),
		RIG(copies),
		RIG(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

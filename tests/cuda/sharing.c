// SPDX-License-Identifier: BSD-2-Clause
/*
 * sharing offer FILE | take FILE | churn N - one side of memory shared by file
 * descriptor, between processes that have nothing but a file in common: what
 * libcuda lets lie in the descriptor's socket goes through FILE, and whoever
 * knows it can make such a socket himself. Works with this project's libcuda
 * only; tests/e2e/sharing.t runs it.
 *
 *   offer   exports memory and a pool's, then obeys stdin: a line "close" closes
 *           the descriptors and asks how much memory is free; its end ends it
 *   take    imports both, prints what each import gives and what it finds
 *   churn   exports and closes N times, says so, and waits for the end of stdin
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "drv.h"

#define POSIX_FD CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR

struct note {
	size_t memory_len, pool_len;
	char memory[256], pool[256];
	CUmemPoolPtrExportData pointer;
};

static CUmemAllocationProp prop = {
	.type = CU_MEM_ALLOCATION_TYPE_PINNED,
	.requestedHandleTypes = POSIX_FD,
	.location.type = CU_MEM_LOCATION_TYPE_DEVICE,
};
static size_t grain;

static CUdeviceptr map(CUmemGenericAllocationHandle h)
{
	CUmemAccessDesc access = { prop.location,
				   CU_MEM_ACCESS_FLAGS_PROT_READWRITE };
	CUdeviceptr p = 0;

	DRV(cuMemAddressReserve(&p, grain, 0, 0, 0));
	DRV(cuMemMap(p, grain, 0, h, 0));
	DRV(cuMemSetAccess(p, grain, &access, 1));
	return p;
}

/* What the attributes say there is not, is refused: memory of the host, which
 * this processor could not reach, and handles for other machines. */
static void not_for_guests(void)
{
	CUmemAllocationProp p = prop;
	CUmemGenericAllocationHandle h;

	p.location.type = CU_MEM_LOCATION_TYPE_HOST_NUMA;
	EXPECT("memory of the host", cuMemCreate(&h, grain, &p, 0),
	       CUDA_ERROR_NOT_SUPPORTED);
	p = prop;
	p.requestedHandleTypes = CU_MEM_HANDLE_TYPE_FABRIC;
	EXPECT("a fabric handle", cuMemCreate(&h, grain, &p, 0),
	       CUDA_ERROR_NOT_SUPPORTED);
}

/* ---- offer --------------------------------------------------------------- */

static size_t peek(int fd, char *buf, size_t size)
{
	ssize_t n = recv(fd, buf, size, MSG_PEEK);

	if (n <= 0)
		fail("sharing: nothing lies in the descriptor's socket");
	return (size_t)n;
}

static int offer_memory(struct note *note)
{
	CUmemGenericAllocationHandle h;
	int fd = -1;

	DRV(cuMemCreate(&h, grain, &prop, 0));
	DRV(cuMemsetD32(map(h), 4711, 16));
	DRV(cuMemExportToShareableHandle(&fd, h, POSIX_FD, 0));
	note->memory_len = peek(fd, note->memory, sizeof(note->memory));
	return fd;
}

static int offer_pool(struct note *note)
{
	CUmemPoolProps props = {
		.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.handleTypes = POSIX_FD,
		.location = prop.location,
	};
	CUmemoryPool pool;
	CUdeviceptr p;
	int fd = -1;

	DRV(cuMemPoolCreate(&pool, &props));
	DRV(cuMemAllocFromPoolAsync(&p, 4096, pool, NULL));
	DRV(cuMemsetD32(p, 1234, 16));
	DRV(cuCtxSynchronize());
	DRV(cuMemPoolExportToShareableHandle(&fd, pool, POSIX_FD, 0));
	DRV(cuMemPoolExportPointer(&note->pointer, p));
	note->pool_len = peek(fd, note->pool, sizeof(note->pool));
	return fd;
}

static void write_note(const char *path, const struct note *note)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(note, sizeof(*note), 1, f) != 1 || fclose(f))
		fail("sharing: cannot write %s", path);
}

static void offer(const char *path)
{
	size_t avail, total;
	struct note note = { 0 };
	int memory = offer_memory(&note), pool = offer_pool(&note);
	char line[16];

	not_for_guests();
	DRV(cuCtxSynchronize());
	write_note(path, &note);
	puts("offered");
	while (fgets(line, sizeof(line), stdin)) {
		close(memory);
		close(pool);
		DRV(cuMemGetInfo(&avail, &total));
		puts("closed");
	}
}

/* ---- take ---------------------------------------------------------------- */

static int forge(const char *bytes, size_t len)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) ||
	    send(pair[1], bytes, len, 0) != (ssize_t)len)
		fail("sharing: no socket");
	return pair[0];
}

static void take_memory(const struct note *note)
{
	CUmemGenericAllocationHandle h = 0;
	int fd = forge(note->memory, note->memory_len);
	CUresult r = cuMemImportFromShareableHandle(&h, (void *)(intptr_t)fd,
						    POSIX_FD);

	printf("memory: %s\n", drv_name(r));
	if (!r)
		printf("memory holds %u\n", drv_word(map(h)));
}

static void take_pool(const struct note *note)
{
	CUmemPoolPtrExportData data = note->pointer;
	int fd = forge(note->pool, note->pool_len);
	CUmemoryPool pool;
	CUdeviceptr p = 0;
	CUresult r = cuMemPoolImportFromShareableHandle(&pool,
			(void *)(intptr_t)fd, POSIX_FD, 0);

	printf("pool: %s\n", drv_name(r));
	if (r)
		return;
	DRV(cuMemPoolImportPointer(&p, pool, &data));
	printf("pool holds %u\n", drv_word(p));
	DRV(cuMemFree(p));
	DRV(cuMemPoolDestroy(pool));
}

static void take(const char *path)
{
	struct note note;
	FILE *f = fopen(path, "r");

	if (!f || fread(&note, sizeof(note), 1, f) != 1 || fclose(f))
		fail("sharing: cannot read %s", path);
	take_memory(&note);
	take_pool(&note);
}

/* ---- churn --------------------------------------------------------------- */

static void churn(const char *count)
{
	CUmemGenericAllocationHandle h;
	char line[16];
	int fd = -1;

	DRV(cuMemCreate(&h, grain, &prop, 0));
	for (long i = strtol(count, NULL, 10); i > 0; i--) {
		DRV(cuMemExportToShareableHandle(&fd, h, POSIX_FD, 0));
		close(fd);
	}
	DRV(cuMemRelease(h));
	DRV(cuCtxSynchronize());
	puts("churned");
	while (fgets(line, sizeof(line), stdin))
		;
}

int main(int argc, char **argv)
{
	CUcontext ctx;

	if (argc != 3)
		fail("usage: sharing offer FILE | take FILE | churn N");
	prop.location.id = drv_open(&ctx);
	DRV(cuMemGetAllocationGranularity(&grain, &prop,
		CU_MEM_ALLOC_GRANULARITY_RECOMMENDED));
	if (!strcmp(argv[1], "offer"))
		offer(argv[2]);
	else if (!strcmp(argv[1], "take"))
		take(argv[2]);
	else
		churn(argv[2]);
	return 0;
}

// SPDX-License-Identifier: BSD-2-Clause
/*
 * export_tables.c - cuGetExportTable: which private tables are there.
 *
 * Every other UUID is refused, which the libraries that ask for it take as
 * the word of an older driver. A refusal is worth a log line the first time:
 * it is the first thing to look at when a newer library does not start.
 */
#include "frontend/libcuda/export_tables.h"
#include "tools/lib/log.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define UUID_BYTES   16
#define LOGGED_UUIDS 64 /* all that CUPTI and NVBit ask for are 15 */

struct catalogue {
	uint8_t uuid[UUID_BYTES];
	const union export_word *words;
};

static const struct catalogue served[] = {
	{ { 0x6b, 0xd5, 0xfb, 0x6c, 0x5b, 0xf4, 0xe7, 0x4a, 0x89, 0x87, 0xd9,
	    0x39, 0x12, 0xfd, 0x9d, 0xf9 }, export_cudart },
	{ { 0xa0, 0x94, 0x79, 0x8c, 0x2e, 0x74, 0x2e, 0x74, 0x93, 0xf2, 0x08,
	    0x00, 0x20, 0x0c, 0x0a, 0x66 }, export_hooks },
	{ { 0x42, 0xd8, 0x5a, 0x81, 0x23, 0xf6, 0xcb, 0x47, 0x82, 0x98, 0xf6,
	    0xe7, 0x8a, 0x3a, 0xec, 0xdc }, export_tls },
	{ { 0xc6, 0x93, 0x33, 0x6e, 0x11, 0x21, 0xdf, 0x11, 0xa8, 0xc3, 0x68,
	    0xf3, 0x55, 0xd8, 0x95, 0x93 }, export_cls },
	{ { 0x26, 0x3e, 0x88, 0x60, 0x7c, 0xd2, 0x61, 0x43, 0x92, 0xf6, 0xbb,
	    0xd5, 0x00, 0x6d, 0xfa, 0x7e }, export_checks },
	{ { 0xd4, 0x08, 0x20, 0x55, 0xbd, 0xe6, 0x70, 0x4b, 0x8d, 0x34, 0xba,
	    0x12, 0x3c, 0x66, 0xe1, 0xf2 }, export_integrity },
	{ { 0x21, 0x31, 0x8c, 0x60, 0x97, 0x14, 0x32, 0x48, 0x8c, 0xa6, 0x41,
	    0xff, 0x73, 0x24, 0xc8, 0xf2 }, export_contexts },
	{ { 0x6e, 0x16, 0x3f, 0xbe, 0xb9, 0x58, 0x44, 0x4d, 0x83, 0x5c, 0xe1,
	    0x82, 0xaf, 0xf1, 0x99, 0x1e }, export_modules },
	{ { 0x17, 0x34, 0xdc, 0x26, 0x80, 0x0d, 0x47, 0x45, 0x87, 0x26, 0xc0,
	    0xf1, 0xe7, 0xdd, 0x8b, 0xca }, export_unnamed },
};

/*
 * Known, and refused on purpose: the runtime's and cuDNN's log sink, which is
 * asked for before cuInit and not missed; and the compile service, without
 * which nvrtc and nvJitLink compile by themselves, as they should here.
 */
static const uint8_t refused[][UUID_BYTES] = {
	{ 0xf8, 0xcf, 0xf9, 0x51, 0x21, 0x46, 0x8b, 0x4e, 0xb9, 0xe2, 0xfb,
	  0x46, 0x9e, 0x7c, 0x0d, 0xd9 },
	{ 0xda, 0x91, 0x51, 0xd3, 0x3a, 0xe6, 0xcc, 0x41, 0xa5, 0xc0, 0x4f,
	  0x26, 0xd5, 0x33, 0xe3, 0x28 },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const union export_word *find_served(const CUuuid *id)
{
	for (size_t i = 0; i < COUNT(served); i++)
		if (!memcmp(served[i].uuid, id->bytes, UUID_BYTES))
			return served[i].words;
	return NULL;
}

static bool refused_on_purpose(const CUuuid *id)
{
	for (size_t i = 0; i < COUNT(refused); i++)
		if (!memcmp(refused[i], id->bytes, UUID_BYTES))
			return true;
	return false;
}

/* Is this the first time? When the list is full, nothing is new any more. */
static bool first_sight(const CUuuid *id)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static CUuuid seen[LOGGED_UUIDS];
	static size_t n;
	bool fresh;
	size_t i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < n; i++)
		if (!memcmp(&seen[i], id, sizeof(*id)))
			break;
	fresh = i == n && n < LOGGED_UUIDS;
	if (fresh)
		seen[n++] = *id;
	pthread_mutex_unlock(&lock);
	return fresh;
}

static void log_refusal(const CUuuid *id)
{
	char text[2 * UUID_BYTES + 1];

	if (refused_on_purpose(id) || !first_sight(id))
		return;
	for (int i = 0; i < UUID_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", (uint8_t)id->bytes[i]);
	log_warn("a library asked for the unknown private table %s and was "
		 "refused; if it does not work now, report this line", text);
}

VG_EXPORT CUresult cuGetExportTable(const void **ppExportTable,
				    const CUuuid *pExportTableId)
{
	const union export_word *words;

	if (!ppExportTable || !pExportTableId)
		return CUDA_ERROR_INVALID_VALUE;
	words = find_served(pExportTableId);
	*ppExportTable = words;
	if (words)
		return CUDA_SUCCESS;
	log_refusal(pExportTableId);
	return CUDA_ERROR_INVALID_VALUE;
}

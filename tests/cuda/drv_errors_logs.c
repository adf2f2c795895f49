// SPDX-License-Identifier: BSD-2-Clause
/*
 * drv_errors_logs.c - the calls of the error log itself, made wrongly.
 */
#include "errors.h"

static void calls(CUdevice dev, CUmodule mod)
{
	CUlogIterator from;
	char text[100];
	size_t size = sizeof(text);

	(void)dev, (void)mod;
	PROBE("no callback", cuLogsRegisterCallback(NULL, NULL, NULL));
	PROBE("no iterator", cuLogsCurrent(NULL, 0));
	PROBE("an iterator with flags", cuLogsCurrent(&from, 1));
	PROBE("no buffer", cuLogsDumpToMemory(NULL, NULL, &size, 0));
	PROBE("no size", cuLogsDumpToMemory(NULL, text, NULL, 0));
	PROBE("no path", cuLogsDumpToFile(NULL, NULL, 0));
}

static const struct group groups[] = {
	{ "calls", calls, true },
};

int main(void)
{
	return groups_run(groups, 1);
}

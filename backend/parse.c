// SPDX-License-Identifier: BSD-2-Clause
#include "backend/parse.h"

#include <ctype.h>
#include <string.h>

#include "backend/limits.h"

bool parse_u32(const char *text, uint32_t *ret)
{
	uint64_t v = 0;
	size_t n = strlen(text);

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	if (v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

bool parse_hash(const char *text)
{
	return strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16;
}

bool parse_uuid(const char *text, char ret[37])
{
	if (strlen(text) != 36)
		return false;
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
		ret[i] = (char)tolower((unsigned char)text[i]);
	}
	ret[36] = 0;
	return true;
}

bool parse_sid(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= EXEC_SID_MAX &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

bool parse_vm_name(const char *text)
{
	size_t n = strlen(text);

	if (n < 1 || n > VM_ID_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			return false;
	return true;
}

void copy_printable(char *dst, size_t size, const char *src)
{
	size_t i;

	for (i = 0; i + 1 < size && src[i]; i++)
		dst[i] = src[i] >= ' ' && src[i] < 127 ? src[i] : '?';
	dst[i] = 0;
}

bool path_below(const char *path, const char *dir, const char **ret)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) || (path[n] && path[n] != '/'))
		return false;
	*ret = path[n] ? path + n + 1 : path + n;
	return true;
}

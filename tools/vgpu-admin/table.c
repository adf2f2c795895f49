// SPDX-License-Identifier: BSD-2-Clause
/* table.c - columns as wide as their widest cell. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/vgpu-admin/admin.h"

static char *copy_cell(char **rest)
{
	char *cell = strsep(rest, "\t");

	return strdup(cell ? cell : "");
}

void table_row(struct table *t, const char *fmt, ...)
{
	char text[1024], *rest = text;
	char **cells = realloc(t->cell,
			       (t->rows + 1) * t->columns * sizeof(*cells));
	va_list ap;

	if (!cells)
		return;
	t->cell = cells;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (size_t c = 0; c < t->columns; c++)
		cells[t->rows * t->columns + c] = copy_cell(&rest);
	t->rows++;
}

static bool right(const struct table *t, size_t c)
{
	size_t n = strlen(t->head[c]);

	return n > 0 && t->head[c][n - 1] == '>';
}

static int head_width(const struct table *t, size_t c)
{
	return (int)strlen(t->head[c]) - right(t, c);
}

static int width(const struct table *t, size_t c)
{
	int w = head_width(t, c);

	for (size_t r = 0; r < t->rows; r++) {
		const char *s = t->cell[r * t->columns + c];
		int n = s ? (int)strlen(s) : 0;

		w = n > w ? n : w;
	}
	return w;
}

static void put(const char *text, int length, int w, bool to_right, bool last)
{
	int pad = w - length;

	if (to_right)
		printf("%*s%.*s", pad, "", length, text);
	else if (last)
		printf("%.*s", length, text);
	else
		printf("%.*s%*s", length, text, pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

void table_print(const struct table *t)
{
	int w[TABLE_COLUMNS];

	for (size_t c = 0; c < t->columns; c++) {
		w[c] = width(t, c);
		put(t->head[c], head_width(t, c), w[c], right(t, c),
		    c + 1 == t->columns);
	}
	for (size_t i = 0; i < t->rows * t->columns; i++) {
		size_t c = i % t->columns;
		const char *s = t->cell[i] ? t->cell[i] : "?";

		put(s, (int)strlen(s), w[c], right(t, c), c + 1 == t->columns);
	}
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->rows * t->columns; i++)
		free(t->cell[i]);
	free(t->cell);
	t->cell = NULL;
	t->rows = 0;
}

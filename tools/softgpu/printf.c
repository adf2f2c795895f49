// SPDX-License-Identifier: BSD-2-Clause
/*
 * printf.c - what kernels print. Text is kept until the program synchronizes,
 * as on a GPU, and then goes to this process's stdout; assertions to stderr.
 */
#include "tools/softgpu/exec.h"
#include "tools/softgpu/softgpu.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *text, *asserts;
static size_t text_len, text_cap, asserts_len, asserts_cap;

/* A full FIFO overwrites what is oldest: whole lines of it, here. */
static void make_room(char *buf, size_t *len, size_t n)
{
	size_t limit = sg_limit_printf(), from;
	const char *end;

	if (*len + n <= limit)
		return;
	from = *len + n - limit;
	end = from < *len ? memchr(buf + from - 1, '\n', *len - from + 1) :
			    NULL;
	from = end ? (size_t)(end + 1 - buf) : *len;
	memmove(buf, buf + from, *len - from);
	*len -= from;
}

static void append(char **buf, size_t *len, size_t *cap, const char *s,
		   size_t n)
{
	pthread_mutex_lock(&lock);
	make_room(*buf, len, n);
	while (*len + n > *cap) {
		size_t want = *cap ? *cap * 2 : 4096;
		char *b = realloc(*buf, want);

		if (!b)
			goto out;
		*buf = b;
		*cap = want;
	}
	memcpy(*buf + *len, s, n);
	*len += n;
out:
	pthread_mutex_unlock(&lock);
}

void printf_flush(void)
{
	pthread_mutex_lock(&lock);
	if (text_len) {
		fwrite(text, 1, text_len, stdout);
		fflush(stdout);
	}
	if (asserts_len)
		fwrite(asserts, 1, asserts_len, stderr);
	text_len = asserts_len = 0;
	pthread_mutex_unlock(&lock);
}

bool dev_string(struct warp *w, const struct insn *in, unsigned int lane,
		uint64_t addr, char *buf, size_t size)
{
	for (size_t i = 0; i < size - 1; i++) {
		const char *p = mem_at(w, in, lane, SP_GENERIC, addr + i, 1,
				       false);

		if (!p)
			return false;
		buf[i] = *p;
		if (!*p)
			return true;
	}
	buf[size - 1] = 0;
	return true;
}

struct out {
	char buf[4096];
	size_t len;
	uint64_t args;
	int converted;
};

static void put(struct out *o, const char *s, size_t n)
{
	if (n > sizeof(o->buf) - o->len)
		n = sizeof(o->buf) - o->len;
	memcpy(o->buf + o->len, s, n);
	o->len += n;
}

/* Arguments lie one after the other, each at its natural alignment. */
static bool next_arg(struct warp *w, const struct insn *in, unsigned int lane,
		     struct out *o, unsigned int size, uint64_t *v)
{
	const void *p;

	o->args = (o->args + size - 1) & ~(uint64_t)(size - 1);
	p = mem_at(w, in, lane, SP_GENERIC, o->args, size, false);
	if (!p)
		return false;
	*v = 0;
	memcpy(v, p, size);
	o->args += size;
	return true;
}

static bool put_string(struct warp *w, const struct insn *in,
		       unsigned int lane, struct out *o, const char *spec,
		       uint64_t addr)
{
	char s[1024], line[1200];
	int n;

	if (!addr)
		strcpy(s, "(null)");
	else if (!dev_string(w, in, lane, addr, s, sizeof(s)))
		return false;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n = snprintf(line, sizeof(line), spec, s);
#pragma GCC diagnostic pop
	put(o, line, n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n
							   : sizeof(line) - 1);
	return true;
}

static void put_number(struct out *o, const char *spec, char conv, bool wide,
		       uint64_t v)
{
	char line[512];
	double d;
	int n;

	memcpy(&d, &v, sizeof(d));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (strchr("fFeEgGaA", conv))
		n = snprintf(line, sizeof(line), spec, d);
	else if (conv == 'p')
		n = snprintf(line, sizeof(line), spec, (void *)(uintptr_t)v);
	else if (wide)
		n = snprintf(line, sizeof(line), spec, (unsigned long long)v);
	else
		n = snprintf(line, sizeof(line), spec, (unsigned int)v);
#pragma GCC diagnostic pop
	put(o, line, n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n
							   : sizeof(line) - 1);
}

/* One "%..." at @f; returns what follows it, NULL after a fault. */
static const char *convert(struct warp *w, const struct insn *in,
			   unsigned int lane, struct out *o, const char *f)
{
	char spec[64] = "%";
	size_t n = 1;
	bool wide = false;
	uint64_t v;

	f++;
	while (*f && strchr("0123456789-+ #.*hlLzjt", *f)) {
		if (*f == '*') {
			if (!next_arg(w, in, lane, o, 4, &v))
				return NULL;
			n += (size_t)snprintf(spec + n, 12, "%d", (int)v);
		} else if (strchr("lLzjt", *f)) {
			wide = true;
		} else if (n < 40 && *f != 'h') {
			spec[n++] = *f;
		}
		if (n > 44)
			return f;
		f++;
	}
	if (!*f)
		return f;
	if (*f == '%') {
		put(o, "%", 1);
		return f + 1;
	}
	if (!strchr("diouxXcsfFeEgGaAp", *f)) {
		put(o, f, 1);
		return f + 1;
	}
	if (wide && strchr("diouxX", *f)) {
		spec[n++] = 'l';
		spec[n++] = 'l';
	}
	spec[n++] = *f;
	spec[n] = 0;
	if (strchr("fFeEgGaAps", *f))
		wide = true;
	if (!next_arg(w, in, lane, o, wide ? 8 : 4, &v))
		return NULL;
	o->converted++;
	if (*f != 's')
		put_number(o, spec, *f, wide, v);
	else if (!put_string(w, in, lane, o, spec, v))
		return NULL;
	return f + 1;
}

int dev_printf(struct warp *w, const struct insn *in, unsigned int lane,
	       uint64_t fmt, uint64_t args)
{
	struct out o;
	char format[2048];
	const char *f = format;

	o.len = 0;
	o.converted = 0;
	o.args = args;
	if (!dev_string(w, in, lane, fmt, format, sizeof(format)))
		return -1;
	while (*f) {
		const char *next = strchr(f, '%');
		size_t n = next ? (size_t)(next - f) : strlen(f);

		put(&o, f, n);
		f += n;
		if (!next)
			break;
		f = convert(w, in, lane, &o, f);
		if (!f)
			return -1;
	}
	append(&text, &text_len, &text_cap, o.buf, o.len);
	return o.converted;
}

void dev_assert(struct warp *w, unsigned int lane, const char *file,
		unsigned int line, const char *func, const char *what)
{
	const uint32_t *b = w->cta->grid->block;
	uint32_t t = w->index * 32 + lane;
	char s[1024];
	int n;

	n = snprintf(s, sizeof(s), "%s:%u: %s: block: [%u,%u,%u], thread: "
		     "[%u,%u,%u] Assertion `%s` failed.\n", file, line, func,
		     w->cta->ctaid[0], w->cta->ctaid[1], w->cta->ctaid[2],
		     t % b[0], t / b[0] % b[1], t / b[0] / b[1], what);
	append(&asserts, &asserts_len, &asserts_cap, s,
	       (size_t)n < sizeof(s) ? (size_t)n : sizeof(s) - 1);
}

// SPDX-License-Identifier: BSD-2-Clause
/* ptx_lex.c - PTX text to tokens. */
#include "tools/softgpu/ptx_int.h"

#include "tools/lib/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ptx_fail(struct ptx_parser *p, int error, const char *fmt, ...)
{
	char text[512], line[640];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "PTX line %u: %.100s%s%s",
		 p->what ? p->what_line : p->line, p->what ? p->what : "",
		 p->what ? ": " : "", text);
	log_error("%s", line);
	sg_say(line);
	p->error = error;
	longjmp(p->fail, 1);
}

static bool ident_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || c == '$' || c == '%';
}

static bool ident_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

static void skip_line(struct ptx_parser *p)
{
	while (p->at < p->end && *p->at != '\n')
		p->at++;
}

static void skip_comment(struct ptx_parser *p)
{
	p->at += 2;
	while (p->at + 1 < p->end && !(p->at[0] == '*' && p->at[1] == '/')) {
		if (*p->at == '\n')
			p->line++;
		p->at++;
	}
	if (p->at + 1 >= p->end)
		ptx_invalid(p, "a comment is not closed");
	p->at += 2;
}

static void skip_space(struct ptx_parser *p)
{
	while (p->at < p->end) {
		char c = *p->at;
		char d = p->at + 1 < p->end ? p->at[1] : 0;

		if (c == '\n') {
			p->line++;
			p->at++;
		} else if (isspace((unsigned char)c)) {
			p->at++;
		} else if (c == '/' && d == '/') {
			skip_line(p);
		} else if (c == '/' && d == '*') {
			skip_comment(p);
		} else {
			return;
		}
	}
}

/* 0fXXXXXXXX and 0dXXXXXXXXXXXXXXXX give the bits of a float or double. */
static bool lex_hex_float(struct ptx_parser *p)
{
	char c = p->at + 1 < p->end ? (char)tolower(p->at[1]) : 0;
	size_t want = c == 'f' ? 8 : 16, n = 0;
	uint64_t v = 0;

	if (*p->at != '0' || (c != 'f' && c != 'd'))
		return false;
	while (n < want && p->at + 2 + n < p->end &&
	       isxdigit((unsigned char)p->at[2 + n])) {
		char h = (char)tolower(p->at[2 + n++]);

		v = v << 4 | (uint64_t)(h <= '9' ? h - '0' : h - 'a' + 10);
	}
	if (n != want)
		ptx_invalid(p, "a 0%c constant needs %zu hex digits", c, want);
	p->tok.kind = c == 'f' ? TK_F32 : TK_F64;
	p->tok.ival = (int64_t)v;
	p->at += 2 + want;
	return true;
}

static bool lex_decimal_float(struct ptx_parser *p, const char *s)
{
	const char *q = s;
	char *stop;
	double d;

	while (q < p->end && isdigit((unsigned char)*q))
		q++;
	if (q >= p->end || *q != '.' || q + 1 >= p->end ||
	    !isdigit((unsigned char)q[1]))
		return false;
	d = strtod(s, &stop);
	p->tok.kind = TK_F64;
	memcpy(&p->tok.ival, &d, sizeof(d));
	p->at = stop;
	return true;
}

static void lex_number(struct ptx_parser *p)
{
	char *stop;

	if (lex_hex_float(p) || lex_decimal_float(p, p->at))
		return;
	p->tok.kind = TK_INT;
	if (p->at[0] == '0' && p->at + 1 < p->end &&
	    (p->at[1] == 'b' || p->at[1] == 'B'))
		p->tok.ival = (int64_t)strtoull(p->at + 2, &stop, 2);
	else
		p->tok.ival = (int64_t)strtoull(p->at, &stop, 0);
	p->at = stop;
	if (p->at < p->end && (*p->at == 'U' || *p->at == 'u'))
		p->at++;
}

static void lex_string(struct ptx_parser *p)
{
	const char *s = ++p->at;

	while (p->at < p->end && *p->at != '"' && *p->at != '\n')
		p->at++;
	if (p->at >= p->end || *p->at != '"')
		ptx_invalid(p, "a string is not closed");
	p->tok.kind = TK_STRING;
	p->tok.s = s;
	p->tok.len = (size_t)(p->at++ - s);
}

static void lex_word(struct ptx_parser *p)
{
	const char *s = p->at++;

	while (p->at < p->end &&
	       (ident_char(*p->at) || (*s == '.' && *p->at == ':' &&
				       (p->at[1] == ':' || p->at[-1] == ':'))))
		p->at++;
	p->tok.kind = *s == '.' ? TK_DIRECTIVE : TK_IDENT;
	p->tok.s = *s == '.' ? s + 1 : s;
	p->tok.len = (size_t)(p->at - p->tok.s);
}

void lex_next(struct ptx_parser *p)
{
	char c;

	skip_space(p);
	memset(&p->tok, 0, sizeof(p->tok));
	p->tok.line = p->line;
	p->tok.s = p->at;
	if (p->at >= p->end || *p->at == 0) {
		p->tok.kind = TK_END;
		return;
	}
	c = *p->at;
	if (isdigit((unsigned char)c)) {
		lex_number(p);
	} else if (ident_start(c) ||
		   (c == '.' && p->at + 1 < p->end && ident_char(p->at[1]))) {
		lex_word(p);
		return;
	} else if (c == '"') {
		lex_string(p);
		return;
	} else {
		p->tok.kind = TK_PUNCT;
		p->tok.punct = c;
		p->at++;
	}
	p->tok.len = (size_t)(p->at - p->tok.s);
}

bool lex_is(const struct ptx_parser *p, const char *word)
{
	const char *w = *word == '.' ? word + 1 : word;

	return p->tok.kind == (*word == '.' ? TK_DIRECTIVE : TK_IDENT) &&
	       p->tok.len == strlen(w) && !memcmp(p->tok.s, w, p->tok.len);
}

bool lex_punct(const struct ptx_parser *p, char c)
{
	return p->tok.kind == TK_PUNCT && p->tok.punct == c;
}

bool lex_accept(struct ptx_parser *p, char c)
{
	if (!lex_punct(p, c))
		return false;
	lex_next(p);
	return true;
}

void lex_expect(struct ptx_parser *p, char c)
{
	if (!lex_accept(p, c))
		ptx_invalid(p, "expected '%c', found \"%.*s\"", c,
			    (int)(p->tok.len > 40 ? 40 : p->tok.len),
			    p->tok.s);
}

char *lex_name(struct ptx_parser *p)
{
	char *name;

	if (p->tok.kind != TK_IDENT)
		ptx_invalid(p, "expected a name, found \"%.*s\"",
			    (int)(p->tok.len > 40 ? 40 : p->tok.len),
			    p->tok.s);
	name = arena_strndup(&p->mod->arena, p->tok.s, p->tok.len);
	lex_next(p);
	return name;
}

int64_t lex_int(struct ptx_parser *p)
{
	bool neg = lex_accept(p, '-');
	int64_t v = p->tok.ival;

	if (p->tok.kind != TK_INT)
		ptx_invalid(p, "expected a number, found \"%.*s\"",
			    (int)(p->tok.len > 40 ? 40 : p->tok.len),
			    p->tok.s);
	lex_next(p);
	return neg ? -v : v;
}

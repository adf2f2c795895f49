/* SPDX-License-Identifier: BSD-2-Clause */
/* ptx_int.h - what the parser's and the decoder's files share. */
#ifndef SOFTGPU_PTX_INT_H
#define SOFTGPU_PTX_INT_H

#include "tools/softgpu/ptx.h"

#include <setjmp.h>

enum tok_kind { TK_END, TK_IDENT, TK_DIRECTIVE, TK_INT, TK_F32, TK_F64,
		TK_STRING, TK_PUNCT };

struct token {
	enum tok_kind kind;
	const char *s;		/* text in the source */
	size_t len;
	int64_t ival;		/* TK_INT value, TK_F32/TK_F64 bits */
	char punct;
	uint32_t line;
};

#define SYM_BUCKETS 4096

struct scope {
	struct scope *up;
	struct sym *syms;
	struct sym *dead;	/* labels, not in the hash */
};

struct ptx_parser {
	jmp_buf fail;
	int error;
	const char *at, *end;
	uint32_t line;
	struct token tok;
	struct ptx_module *mod;
	struct sym *bucket[SYM_BUCKETS];
	struct scope *scope;
	struct ptx_func *fn;	/* function whose body is read */
	struct stmt *stmts;
	size_t nstmts, cap_stmts;
	struct scope **stmt_scope;
	size_t cap_scopes;
	const char *what;	/* instruction being decoded, for messages */
	uint32_t what_line;
	uint32_t pred_at, pred_left;	/* chunk of 32 predicate masks */
	size_t fn_first_const;
};

/* Ends the load: one log line, then back to ptx_load(). */
_Noreturn void ptx_fail(struct ptx_parser *p, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define ptx_invalid(p, ...) ptx_fail(p, 218, __VA_ARGS__)
#define ptx_unsupported(p, ...) ptx_fail(p, 801, __VA_ARGS__)

/* ptx_lex.c */
void lex_next(struct ptx_parser *p);
bool lex_is(const struct ptx_parser *p, const char *word);
bool lex_punct(const struct ptx_parser *p, char c);
bool lex_accept(struct ptx_parser *p, char c);
void lex_expect(struct ptx_parser *p, char c);
char *lex_name(struct ptx_parser *p);
int64_t lex_int(struct ptx_parser *p);

/* ptx_sym.c */
struct sym *sym_add(struct ptx_parser *p, const char *name, enum sym_kind k);
struct sym *sym_find(struct ptx_parser *p, const char *name, size_t len);
void scope_open(struct ptx_parser *p);
void scope_close(struct ptx_parser *p);
struct sym *sym_find_label(struct scope *s, const char *name,
			   enum sym_kind kind);

/* ptx_data.c: a variable from its type to the ';' (or ',' of a list) */
struct ptx_var *var_parse(struct ptx_parser *p, enum ptx_space space);
void var_place_param(uint64_t *cursor, struct ptx_var *v);
struct ptx_var **params_parse(struct ptx_parser *p, enum ptx_space space,
			      uint32_t *n);

/* ptx_body.c */
void body_parse(struct ptx_parser *p, struct ptx_func *fn);

/* decode.c */
void decode_function(struct ptx_parser *p, struct ptx_func *fn);
struct insn *emit(struct ptx_parser *p, const struct stmt *st, exec_fn *fn);
uint32_t slot_new(struct ptx_parser *p, unsigned int width);
uint32_t const_slot(struct ptx_parser *p, uint64_t value, unsigned int width);
bool mod_is(const struct stmt *st, const char *name);
enum ptx_type type_mod(const struct stmt *st, unsigned int nth);
unsigned int slot_width(enum ptx_type t);
/* Slot that holds operand @o as a source of type @t. */
uint32_t src(struct ptx_parser *p, const struct stmt *st, unsigned int i,
	     enum ptx_type t);
uint32_t src_opnd(struct ptx_parser *p, const struct stmt *st,
		  const struct opnd *o, enum ptx_type t);
/* As src(), for operands that may be wider than the type. */
uint32_t src_any(struct ptx_parser *p, const struct stmt *st,
		 const struct opnd *o, enum ptx_type t, unsigned int *width);
uint32_t dst(struct ptx_parser *p, const struct stmt *st, unsigned int i,
	     enum ptx_type t);
uint32_t pred_src(struct ptx_parser *p, const struct stmt *st,
		  const struct opnd *o);
uint32_t pred_dst(struct ptx_parser *p, const struct opnd *o);
void need_ops(struct ptx_parser *p, const struct stmt *st, unsigned int n);
void only_mods(struct ptx_parser *p, const struct stmt *st, const char *list);
int rnd_mod(const struct stmt *st);
_Noreturn void bad_insn(struct ptx_parser *p, const struct stmt *st,
			const char *why);
uint32_t label_pc(struct ptx_parser *p, const struct stmt *st,
		  const char *name);

typedef void decode_fn(struct ptx_parser *p, const struct stmt *st,
		       const void *arg);
struct decode_entry {
	const char *op;
	decode_fn *fn;
	const void *arg;
};
extern const struct decode_entry decode_alu[], decode_bits[], decode_float[],
	decode_mem[], decode_ctl[];

/* decode_alu.c: one result, one to three sources; the type of the last
 * modifier; one type for everything with @arg the table of functions */
enum ptx_type last_type(const struct stmt *st);
struct insn *emit2(struct ptx_parser *p, const struct stmt *st, exec_fn *fn,
		   enum ptx_type td, enum ptx_type ta);
struct insn *emit3(struct ptx_parser *p, const struct stmt *st, exec_fn *fn,
		   enum ptx_type td, enum ptx_type ta, enum ptx_type tb);
struct insn *emit4(struct ptx_parser *p, const struct stmt *st, exec_fn *fn,
		   enum ptx_type td, enum ptx_type ta, enum ptx_type tb,
		   enum ptx_type tc);
decode_fn d_bin, d_un;

/* link.c */
void ptx_link(struct ptx_parser *p);

#endif

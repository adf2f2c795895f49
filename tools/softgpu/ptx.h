/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptx.h - a PTX module: as parsed, and as decoded for the interpreter.
 *
 * text -> ptx_lex.c -> ptx_parse.c, ptx_body.c -> decode*.c -> struct insn[]
 *
 * A parsed function's statements live only until it is decoded. What stays is
 * immutable and shared by every context that loads the module; addresses that
 * differ per context are patched into constant slots (struct ptx_const).
 */
#ifndef SOFTGPU_PTX_H
#define SOFTGPU_PTX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct warp;
struct insn;
typedef void exec_fn(struct warp *w, const struct insn *in, uint32_t m);

enum ptx_type {
	T_NONE, T_PRED,
	T_B8, T_U8, T_S8,
	T_B16, T_U16, T_S16, T_F16, T_BF16,
	T_B32, T_U32, T_S32, T_F32, T_F16X2, T_BF16X2, T_TF32,
	T_B64, T_U64, T_S64, T_F64, T_B128,
	T_COUNT
};

/* Bytes of a value of that type in memory; 0 for a predicate. */
unsigned int ptx_type_size(enum ptx_type t);
/* Type named by a modifier ("u32"), T_NONE if it is none. */
enum ptx_type ptx_type_from(const char *s);
bool ptx_type_signed(enum ptx_type t);
bool ptx_type_float(enum ptx_type t);

enum ptx_space { SP_GENERIC, SP_GLOBAL, SP_CONST, SP_SHARED, SP_LOCAL,
		 SP_PARAM, SP_KPARAM };

enum { RND_RN, RND_RZ, RND_RM, RND_RP, RND_RNA, RND_NONE };

/* --- arena: everything of one module is released at once ---------------- */
struct arena {
	struct arena_block *head;
};
void *arena_alloc(struct arena *a, size_t n);
char *arena_strndup(struct arena *a, const char *s, size_t n);
void arena_free(struct arena *a);

/* Grow a malloc'ed array so that index *n exists, then count it. */
/* logs.c */
void sg_say(char *text);
void *grow(void *base, size_t *cap, size_t n, size_t elem);

/* --- names ----------------------------------------------------------------*/
enum sym_kind { SYM_REG, SYM_REGRANGE, SYM_VAR, SYM_FUNC, SYM_LABEL,
		SYM_TARGETS, SYM_PROTO };

struct sym {
	struct sym *hash_next;
	struct sym *scope_next;
	const char *name;
	enum sym_kind kind;
	enum ptx_type type;	/* SYM_REG: declared type */
	uint32_t off;		/* SYM_REG: byte offset in the window */
	uint32_t count;		/* SYM_REGRANGE */
	void *obj;		/* ptx_var, ptx_func, ptx_label, ptx_proto */
};

struct ptx_reloc {
	uint64_t at;		/* byte in the initialiser */
	unsigned int size;
	const char *name;	/* variable or function */
	int64_t addend;
};

struct ptx_var {
	const char *name;
	enum ptx_space space;
	enum ptx_type type;
	uint32_t align;
	uint64_t size;		/* bytes; 0 for an extern array */
	uint64_t off;		/* in globals, in the frame, in parameters */
	uint32_t index;		/* shared variables are numbered per module */
	bool is_extern, managed, visible;
	unsigned char *init;
	struct ptx_reloc *relocs;
	size_t nrelocs, cap_relocs;
};

struct ptx_label {
	uint32_t pc;
	bool defined;
};

struct ptx_targets {
	const char **names;
	uint32_t n;
	uint32_t *pcs;
	bool mapped;	/* pcs are code indices, not statements yet */
};

/* --- statements -----------------------------------------------------------*/
enum opnd_kind { O_REG, O_INT, O_F32, O_F64, O_SYM, O_ADDR, O_VEC, O_SPECIAL,
		 O_LIST, O_SINK };

struct opnd {
	enum opnd_kind kind;
	bool neg;		/* !p, or -imm already folded */
	enum ptx_type type;	/* O_REG: declared type */
	uint32_t off;		/* O_REG: slot; O_SPECIAL: enum special */
	int64_t imm;		/* O_INT bits, O_F32/O_F64 bits, O_ADDR offset */
	const char *name;	/* O_SYM; O_ADDR with a symbol as base */
	struct sym *sym;	/* resolved if it was known when parsed */
	struct opnd *list;	/* O_VEC, O_LIST elements; O_ADDR base */
	unsigned int n;
	struct opnd *second;	/* d|p */
};

#define STMT_OPS 8
#define STMT_MODS 12

struct stmt {
	const char *text;	/* whole opcode, for messages */
	const char *op;		/* "ld" */
	const char *mod[STMT_MODS];
	unsigned int nmod;
	struct opnd ops[STMT_OPS];
	unsigned int nops;
	bool guarded, guard_neg;
	uint32_t guard;
	uint32_t line;
};

/* --- decoded form ---------------------------------------------------------*/
struct insn {
	exec_fn *fn;
	uint32_t guard;		/* offset of the predicate's lane mask */
	uint32_t gxor;		/* all ones if negated */
	uint32_t d, d2, a, b, c, e;
	uint32_t v[4];		/* vector ld/st: registers */
	int64_t imm;
	uint32_t target;	/* pc, function or table index */
	uint32_t line;
	uint8_t ctl;		/* moves pcs itself, see exec_warp.c */
	uint8_t t, t2;		/* enum ptx_type of result, source */
	uint8_t rnd, ftz, sat, sub, n;
	uint8_t wide;		/* bit 0: address register has 8 bytes;
				 * bit i+1: v[i] has 8 bytes */
	const void *aux;
};

enum const_kind { C_IMM, C_GLOBAL, C_SHARED };

struct ptx_const {
	uint32_t off;		/* slot */
	uint8_t width;		/* 4 or 8 */
	uint8_t kind;
	uint64_t value;		/* bits; C_GLOBAL: offset; C_SHARED: addend */
	uint32_t index;		/* C_SHARED: variable number */
};

enum special {
	SR_TID_X, SR_TID_Y, SR_TID_Z, SR_NTID_X, SR_NTID_Y, SR_NTID_Z,
	SR_CTAID_X, SR_CTAID_Y, SR_CTAID_Z, SR_NCTAID_X, SR_NCTAID_Y,
	SR_NCTAID_Z, SR_LANEID, SR_WARPID, SR_NWARPID, SR_SMID, SR_NSMID,
	SR_GRIDID, SR_LM_EQ, SR_LM_LE, SR_LM_LT, SR_LM_GE, SR_LM_GT,
	SR_DYN_SMEM, SR_TOTAL_SMEM, SR_ENVREG1, SR_ENVREG2, SR_ZERO, SR_STATIC,
	/* these change while a block runs: an instruction reads them */
	SR_CLOCK = SR_STATIC, SR_CLOCK_HI, SR_CLOCK64, SR_GLOBALTIMER,
	SR_GLOBALTIMER_LO, SR_GLOBALTIMER_HI, SR_COUNT
};

struct ptx_special {
	uint32_t off;
	uint8_t which;
	uint8_t width;
};

struct ptx_func {
	const char *name;
	uint32_t index;		/* in ptx_module.funcs */
	bool entry, defined, visible, is_extern, has_calls, called_by_address;
	bool recursive;
	bool opaque;		/* the stand-in's: a launch does nothing */
	struct ptx_var **params, **rets;
	uint32_t nparams, nrets;
	uint64_t param_bytes;	/* entry: size of the parameter block */
	uint32_t start, end;	/* pcs */
	uint32_t window;	/* bytes of the register window, reused as the
				 * allocation cursor while decoding */
	uint32_t base;		/* where the window lies in the file */
	uint32_t frame;		/* bytes of local memory */
	uint32_t *slots;	/* offset | 0: 4 bytes, 1: 8 bytes, 2: mask */
	size_t nslots, cap_slots;
	struct ptx_const *consts;
	size_t nconsts, cap_consts;
	struct ptx_special *specials;
	size_t nspecials, cap_specials;
	uint32_t *shared;	/* variables used, by index */
	size_t nshared, cap_shared;
	struct ptx_func **callees;
	size_t ncallees, cap_callees;
	uint32_t maxntid[3], reqntid[3];
	uint32_t nregs;		/* 32-bit registers declared, for attributes */
	/* entry only, filled by ptx_link(): */
	uint32_t static_shared;
	uint32_t dyn_pad;	/* alignment of dynamic memory beyond 16 */
	uint32_t *shared_off;	/* by variable index; UINT32_MAX: unused */
	uint32_t file_bytes;	/* registers of one warp */
	uint32_t local_bytes;	/* local memory of one lane */
	bool barriers;
};

struct ptx_module {
	struct arena arena;
	struct insn *code;
	size_t ncode, cap_code;
	struct ptx_func **funcs;
	size_t nfuncs, cap_funcs;
	struct ptx_var **vars;	/* global and const */
	size_t nvars, cap_vars;
	struct ptx_var **shared;
	size_t nshared, cap_shared;
	uint64_t const_bytes;	/* constants lie first */
	uint64_t globals_bytes;
	uint32_t funcs_window;	/* windows of all device functions */
	int target;
	bool prints;		/* calls vprintf */
};

/* Function addresses that a kernel sees: not memory, only names. */
#define PTX_FUNC_BASE 0x4655000000000000ULL
#define PTX_FUNC_ADDR(i) (PTX_FUNC_BASE + 16 * (uint64_t)(i))

/*
 * Parse and decode @text. Returns 0 and *out, or the CUresult with one log
 * line that names the PTX line: 218 malformed, 801 not supported, 2 memory.
 */
int ptx_load(const char *text, size_t len, struct ptx_module **out);
/* standin.c: does this driver play a GPU that it is not? */
bool sg_standin(void);
void ptx_free(struct ptx_module *mod);
struct ptx_func *ptx_find_func(const struct ptx_module *mod, const char *name);
struct ptx_var *ptx_find_var(const struct ptx_module *mod, const char *name);

#endif

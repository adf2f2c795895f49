// SPDX-License-Identifier: BSD-2-Clause
/* decode_bits.c - logic, shifts, bit fields, moves and comparisons. */
#include "tools/softgpu/ptx_int.h"
#include "tools/softgpu/exec.h"

#include <string.h>

static void pred_logic(struct ptx_parser *p, const struct stmt *st)
{
	exec_fn *fn = st->op[0] == 'a' ? ex_pred_and
		    : st->op[0] == 'o' ? ex_pred_or
		    : st->op[0] == 'x' ? ex_pred_xor
		    : st->op[0] == 'n' ? ex_pred_not : ex_pred_mov;
	bool binary = fn != ex_pred_not && fn != ex_pred_mov;
	uint32_t a, b = 0, d;
	struct insn *in;

	need_ops(p, st, binary ? 3 : 2);
	a = pred_src(p, st, &st->ops[1]);
	if (binary)
		b = pred_src(p, st, &st->ops[2]);
	d = pred_dst(p, &st->ops[0]);
	in = emit(p, st, fn);
	in->d = d;
	in->a = a;
	in->b = b;
}

static void d_logic(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	if (last_type(st) == T_PRED)
		pred_logic(p, st);
	else if (!strcmp(st->op, "not") || !strcmp(st->op, "cnot"))
		d_un(p, st, arg);
	else
		d_bin(p, st, arg);
}

static void d_shift(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	exec_fn *const *table = arg;
	enum ptx_type t = last_type(st);

	only_mods(p, st, "");
	emit3(p, st, table[t], t, t, T_U32);
}

static void d_count(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	exec_fn *const *table = arg;
	enum ptx_type t = last_type(st);
	struct insn *in;

	only_mods(p, st, "shiftamt");
	in = emit2(p, st, table[t], st->op[0] == 'b' && st->op[1] == 'r' ? t
							: T_U32, t);
	in->sub = mod_is(st, "shiftamt");
}

static void d_bfe(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type t = last_type(st);

	(void)arg;
	only_mods(p, st, "");
	emit4(p, st, ex_bfe[t], t, t, T_U32, T_U32);
}

static void d_bfi(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type t = last_type(st);
	uint32_t a, b, c, e, d;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "");
	need_ops(p, st, 5);
	a = src(p, st, 1, t);
	b = src(p, st, 2, t);
	c = src(p, st, 3, T_U32);
	e = src(p, st, 4, T_U32);
	d = dst(p, st, 0, t);
	in = emit(p, st, ex_bfi[t]);
	in->d = d;
	in->a = a;
	in->b = b;
	in->c = c;
	in->e = e;
}

static void d_prmt(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	static const char *const modes[] = { "f4e", "b4e", "rc8", "ecl", "ecr",
					     "rc16" };
	struct insn *in;

	(void)arg;
	only_mods(p, st, "f4e b4e rc8 ecl ecr rc16");
	in = emit4(p, st, ex_prmt, T_B32, T_B32, T_B32, T_B32);
	for (unsigned int i = 0; i < 6; i++)
		if (mod_is(st, modes[i]))
			in->sub = (uint8_t)(i + 1);
}

static void d_lop3(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	struct stmt s = *st;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "");
	need_ops(p, st, 5);
	if (st->ops[4].kind != O_INT || st->ops[0].second)
		bad_insn(p, st, "only the plain form with a constant table");
	s.nops = 4;
	in = emit4(p, &s, ex_lop3, T_B32, T_B32, T_B32, T_B32);
	in->imm = st->ops[4].imm;
}

static void d_shf(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	struct insn *in;

	(void)arg;
	only_mods(p, st, "l r wrap clamp");
	in = emit4(p, st, mod_is(st, "l") ? ex_shf_l : ex_shf_r, T_B32, T_B32,
		  T_B32, T_U32);
	in->sub = mod_is(st, "clamp");
}

static void d_dp(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type ta = type_mod(st, 0), tb = type_mod(st, 1);
	struct insn *in;

	(void)arg;
	only_mods(p, st, "lo hi");
	in = emit4(p, st, st->op[2] == '4' ? ex_dp4a : ex_dp2a, T_B32, T_B32,
		  T_B32, T_B32);
	in->t = (uint8_t)ta;
	in->t2 = (uint8_t)tb;
	in->sub = mod_is(st, "hi") ? 2 : 0;
}

static void d_misc3(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	struct insn *in;

	(void)arg;
	if (st->op[0] == 'f') {
		only_mods(p, st, "");
		emit4(p, st, ex_fns, T_B32, T_B32, T_B32, T_S32);
		return;
	}
	only_mods(p, st, "clamp wrap");
	in = emit3(p, st, ex_bmsk, T_B32, T_B32, T_B32);
	in->sub = mod_is(st, "wrap");
}

static void pack(struct ptx_parser *p, const struct stmt *st, enum ptx_type t)
{
	bool unpack = st->ops[0].kind == O_VEC;
	const struct opnd *vec = unpack ? &st->ops[0] : &st->ops[1];
	unsigned int size = vec->n ? ptx_type_size(t) / vec->n : 0;
	enum ptx_type part = size == 4 ? T_B32 : size == 2 ? T_B16 : T_B8;
	uint32_t slots[8] = { 0 }, whole;
	struct insn *in;

	if (vec->n < 2 || vec->n > 4 || !size)
		bad_insn(p, st, "vectors of 2 or 4 only");
	whole = unpack ? src(p, st, 1, t) : dst(p, st, 0, t);
	for (unsigned int i = 0; i < vec->n; i++) {
		const struct opnd *o = &vec->list[i];

		if (!unpack)
			slots[i] = src_opnd(p, st, o, part);
		else if (o->kind == O_SINK)
			slots[i] = slot_new(p, 4);
		else if (o->kind == O_REG && slot_width(o->type) == 4)
			slots[i] = o->off;
		else
			bad_insn(p, st, "bad vector element");
	}
	in = emit(p, st, unpack ? ex_mov_unpack : ex_mov_pack);
	memcpy(in->v, slots, sizeof(in->v));
	in->n = (uint8_t)vec->n;
	in->t = (uint8_t)t;
	in->d = in->a = whole;
	in->sub = (uint8_t)size;
}

static void d_mov(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type t = last_type(st);

	(void)arg;
	only_mods(p, st, "");
	need_ops(p, st, 2);
	if (t == T_PRED)
		pred_logic(p, st);
	else if (st->ops[0].kind == O_VEC || st->ops[1].kind == O_VEC)
		pack(p, st, t);
	else
		emit2(p, st, ex_mov[t], t, t);
}

static void d_selp(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	enum ptx_type t = last_type(st);
	uint32_t a, b, c, d;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "");
	need_ops(p, st, 4);
	c = pred_src(p, st, &st->ops[3]);
	if (t == T_PRED) {
		a = pred_src(p, st, &st->ops[1]);
		b = pred_src(p, st, &st->ops[2]);
		d = pred_dst(p, &st->ops[0]);
	} else {
		a = src(p, st, 1, t);
		b = src(p, st, 2, t);
		d = dst(p, st, 0, t);
	}
	in = emit(p, st, t == T_PRED ? ex_pred_sel : ex_selp[t]);
	in->a = a;
	in->b = b;
	in->c = c;
	in->d = d;
}

static void d_slct(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	enum ptx_type t = type_mod(st, 0), tc = type_mod(st, 1);

	(void)arg;
	only_mods(p, st, "");
	emit4(p, st, tc == T_F32 ? ex_slct_f32[t] : ex_slct_s32[t], t, t, t, tc);
}

static int cmp_mod(struct ptx_parser *p, const struct stmt *st,
		   enum ptx_type t)
{
	static const char *const names[CMP_COUNT] = {
		"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu",
		"gtu", "geu", "num", "nan"
	};
	static const char *const unsigned_names[] = { "lo", "ls", "hi", "hs" };

	for (int i = 0; i < CMP_COUNT; i++)
		if (mod_is(st, names[i]))
			return i;
	for (int i = 0; i < 4 && !ptx_type_signed(t); i++)
		if (mod_is(st, unsigned_names[i]))
			return CMP_LT + i;
	bad_insn(p, st, "no comparison operator");
}

static const char setp_mods[] = "eq ne lt le gt ge equ neu ltu leu gtu geu num "
				"nan lo ls hi hs and or xor ftz";

static struct insn *compare(struct ptx_parser *p, const struct stmt *st,
			    enum ptx_type t, uint32_t d, uint32_t d2)
{
	bool combine = mod_is(st, "and") || mod_is(st, "or") ||
		       mod_is(st, "xor");
	bool half = t == T_F16 || t == T_BF16 || t == T_F16X2 ||
		    t == T_BF16X2 || mod_is(st, "ftz");
	int op = cmp_mod(p, st, t);
	uint32_t a, b, c;
	struct insn *in;

	need_ops(p, st, combine ? 4 : 3);
	a = src(p, st, 1, t);
	b = src(p, st, 2, t);
	c = combine ? pred_src(p, st, &st->ops[3]) : 0;
	in = emit(p, st, half ? ex_setp_half : ex_setp[op][t]);
	in->a = a;
	in->b = b;
	in->c = c;
	in->d = d;
	in->d2 = d2;
	in->n = d2 != 0;
	in->t = (uint8_t)t;
	in->rnd = (uint8_t)op;
	in->sub = mod_is(st, "and") ? 1 : mod_is(st, "or") ? 2 : combine ? 3
									  : 0;
	return in;
}

static void d_setp(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	enum ptx_type t = last_type(st);
	uint32_t d = pred_dst(p, &st->ops[0]);
	uint32_t d2 = st->ops[0].second ? pred_dst(p, st->ops[0].second) : 0;

	(void)arg;
	only_mods(p, st, setp_mods);
	if (!d2 && (t == T_F16X2 || t == T_BF16X2))
		d2 = slot_new(p, 0);
	compare(p, st, t, d, d2);
}

static void d_set(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type td = type_mod(st, 0), t = type_mod(st, 1);
	uint32_t pred = slot_new(p, 0), hi = slot_new(p, 0), d;
	struct insn *in;

	(void)arg;
	only_mods(p, st, setp_mods);
	if (t == T_NONE)
		t = td;
	compare(p, st, t, pred, hi);
	d = dst(p, st, 0, td);
	in = emit(p, st, ex_set_from_mask);
	in->a = pred;
	in->b = hi;
	in->d = d;
	in->t = (uint8_t)td;
}

const struct decode_entry decode_bits[] = {
	{ "mov", d_mov, NULL },
	{ "setp", d_setp, NULL },
	{ "and", d_logic, ex_and },
	{ "or", d_logic, ex_or },
	{ "xor", d_logic, ex_xor },
	{ "not", d_logic, ex_not },
	{ "cnot", d_logic, ex_cnot },
	{ "shl", d_shift, ex_shl },
	{ "shr", d_shift, ex_shr },
	{ "selp", d_selp, NULL },
	{ "popc", d_count, ex_popc },
	{ "clz", d_count, ex_clz },
	{ "brev", d_count, ex_brev },
	{ "bfind", d_count, ex_bfind },
	{ "bfe", d_bfe, NULL },
	{ "bfi", d_bfi, NULL },
	{ "prmt", d_prmt, NULL },
	{ "lop3", d_lop3, NULL },
	{ "shf", d_shf, NULL },
	{ "dp4a", d_dp, NULL },
	{ "dp2a", d_dp, NULL },
	{ "fns", d_misc3, NULL },
	{ "bmsk", d_misc3, NULL },
	{ "slct", d_slct, NULL },
	{ "set", d_set, NULL },
	{ NULL, NULL, NULL },
};

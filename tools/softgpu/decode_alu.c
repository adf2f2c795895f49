// SPDX-License-Identifier: BSD-2-Clause
/* decode_alu.c - integer, logic, move and comparison instructions. */
#include "tools/softgpu/ptx_int.h"
#include "tools/softgpu/exec.h"

#include <string.h>

static enum ptx_type last_type(const struct stmt *st)
{
	enum ptx_type t = T_NONE;

	for (unsigned int i = 0; type_mod(st, i) != T_NONE; i++)
		t = type_mod(st, i);
	return t;
}

static struct insn *three(struct ptx_parser *p, const struct stmt *st,
			  exec_fn *fn, enum ptx_type td, enum ptx_type ta,
			  enum ptx_type tb)
{
	uint32_t d, a, b;
	struct insn *in;

	need_ops(p, st, 3);
	a = src(p, st, 1, ta);
	b = src(p, st, 2, tb);
	d = dst(p, st, 0, td);
	in = emit(p, st, fn);
	in->d = d;
	in->a = a;
	in->b = b;
	in->t = (uint8_t)ta;
	return in;
}

static struct insn *four(struct ptx_parser *p, const struct stmt *st,
			 exec_fn *fn, enum ptx_type td, enum ptx_type ta,
			 enum ptx_type tb, enum ptx_type tc)
{
	uint32_t d, a, b, c;
	struct insn *in;

	need_ops(p, st, 4);
	a = src(p, st, 1, ta);
	b = src(p, st, 2, tb);
	c = src(p, st, 3, tc);
	d = dst(p, st, 0, td);
	in = emit(p, st, fn);
	in->d = d;
	in->a = a;
	in->b = b;
	in->c = c;
	in->t = (uint8_t)ta;
	return in;
}

static struct insn *two(struct ptx_parser *p, const struct stmt *st,
			exec_fn *fn, enum ptx_type td, enum ptx_type ta)
{
	uint32_t d, a;
	struct insn *in;

	need_ops(p, st, 2);
	a = src(p, st, 1, ta);
	d = dst(p, st, 0, td);
	in = emit(p, st, fn);
	in->d = d;
	in->a = a;
	in->t = (uint8_t)ta;
	return in;
}

/* add, sub with their carries and saturation */
static void d_addsub(struct ptx_parser *p, const struct stmt *st,
		     const void *arg)
{
	bool sub = st->op[0] == 's', c_in = st->op[3] == 'c';
	bool c_out = mod_is(st, "cc"), sat = mod_is(st, "sat");
	enum ptx_type t = last_type(st);
	struct insn *in;

	(void)arg;
	only_mods(p, st, "cc sat");
	if (sat && t != T_S32)
		bad_insn(p, st, ".sat only exists for .s32");
	if (c_in || c_out) {
		in = three(p, st, ex_addc, t, t, t);
		in->sub = sub;
		in->n = (uint8_t)(c_in | c_out << 1);
	} else if (sat) {
		three(p, st, sub ? ex_sub_sat_s32 : ex_add_sat_s32, t, t, t);
	} else {
		three(p, st, sub ? ex_sub[t] : ex_add[t], t, t, t);
	}
}

static enum ptx_type twice(enum ptx_type t)
{
	return t == T_U16 ? T_U32 : t == T_S16 ? T_S32
	     : t == T_U32 ? T_U64 : t == T_S32 ? T_S64 : T_NONE;
}

static void d_mul(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type t = last_type(st);

	(void)arg;
	only_mods(p, st, "lo hi wide");
	if (mod_is(st, "wide"))
		three(p, st, ex_mul_wide[t], twice(t), t, t);
	else
		three(p, st, mod_is(st, "hi") ? ex_mul_hi[t] : ex_mul_lo[t],
		      t, t, t);
}

static void d_mad(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	bool c_in = st->op[3] == 'c', c_out = mod_is(st, "cc");
	bool hi = mod_is(st, "hi");
	enum ptx_type t = last_type(st);
	struct insn *in;

	(void)arg;
	only_mods(p, st, "lo hi wide cc sat");
	if (c_in || c_out) {
		in = four(p, st, ex_madc, t, t, t, t);
		in->sub = hi;
		in->n = (uint8_t)(c_in | c_out << 1);
	} else if (mod_is(st, "sat")) {
		if (t != T_S32 || !hi)
			bad_insn(p, st, ".sat needs .hi.s32");
		four(p, st, ex_mad_sat_s32, t, t, t, t);
	} else if (mod_is(st, "wide")) {
		four(p, st, ex_mad_wide[t], twice(t), t, t, twice(t));
	} else {
		four(p, st, hi ? ex_mad_hi[t] : ex_mad_lo[t], t, t, t, t);
	}
}

static void d_24(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type t = last_type(st);
	struct insn *in;

	(void)arg;
	only_mods(p, st, "lo hi");
	if (st->op[1] == 'u')
		in = three(p, st, ex_mul24, t, t, t);
	else
		in = four(p, st, ex_mad24, t, t, t, t);
	in->sub = mod_is(st, "hi");
}

/* One type for everything; arg is the table. */
static void d_bin(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	exec_fn *const *table = arg;
	enum ptx_type t = last_type(st);

	only_mods(p, st, "");
	three(p, st, table[t], t, t, t);
}

static void d_div(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	if (ptx_type_float(last_type(st)))
		decode_float[0].fn(p, st, NULL);
	else
		d_bin(p, st, arg);
}

static void d_un(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	exec_fn *const *table = arg;
	enum ptx_type t = last_type(st);

	only_mods(p, st, "");
	two(p, st, table[t], t, t);
}

/* min, max, abs, neg exist for integers and floats. */
static void d_minmax(struct ptx_parser *p, const struct stmt *st,
		     const void *arg)
{
	if (ptx_type_float(last_type(st)))
		decode_float[0].fn(p, st, NULL);
	else if (st->op[0] == 'm')
		d_bin(p, st, arg);
	else
		d_un(p, st, arg);
}

static void d_sad(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type t = last_type(st);

	(void)arg;
	only_mods(p, st, "");
	four(p, st, ex_sad[t], t, t, t, t);
}

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
	three(p, st, table[t], t, t, T_U32);
}

static void d_count(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	exec_fn *const *table = arg;
	enum ptx_type t = last_type(st);
	struct insn *in;

	only_mods(p, st, "shiftamt");
	in = two(p, st, table[t], st->op[0] == 'b' && st->op[1] == 'r' ? t
							: T_U32, t);
	in->sub = mod_is(st, "shiftamt");
}

static void d_bfe(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type t = last_type(st);

	(void)arg;
	only_mods(p, st, "");
	four(p, st, ex_bfe[t], t, t, T_U32, T_U32);
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
	in = four(p, st, ex_prmt, T_B32, T_B32, T_B32, T_B32);
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
	in = four(p, &s, ex_lop3, T_B32, T_B32, T_B32, T_B32);
	in->imm = st->ops[4].imm;
}

static void d_shf(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	struct insn *in;

	(void)arg;
	only_mods(p, st, "l r wrap clamp");
	in = four(p, st, mod_is(st, "l") ? ex_shf_l : ex_shf_r, T_B32, T_B32,
		  T_B32, T_U32);
	in->sub = mod_is(st, "clamp");
}

static void d_dp(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type ta = type_mod(st, 0), tb = type_mod(st, 1);
	struct insn *in;

	(void)arg;
	only_mods(p, st, "lo hi");
	in = four(p, st, st->op[2] == '4' ? ex_dp4a : ex_dp2a, T_B32, T_B32,
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
		four(p, st, ex_fns, T_B32, T_B32, T_B32, T_S32);
		return;
	}
	only_mods(p, st, "clamp wrap");
	in = three(p, st, ex_bmsk, T_B32, T_B32, T_B32);
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
		two(p, st, ex_mov[t], t, t);
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
	four(p, st, tc == T_F32 ? ex_slct_f32[t] : ex_slct_s32[t], t, t, t, tc);
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

/* add, sub, mul, mad: the type decides who decodes; arg wraps ours. */
static void d_arith(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	const struct decode_entry *ours = arg;

	if (ptx_type_float(last_type(st)))
		decode_float[0].fn(p, st, NULL);
	else
		ours->fn(p, st, NULL);
}

static const struct decode_entry int_addsub = { "", d_addsub, NULL };
static const struct decode_entry int_mul = { "", d_mul, NULL };
static const struct decode_entry int_mad = { "", d_mad, NULL };

const struct decode_entry decode_alu[] = {
	{ "mov", d_mov, NULL },
	{ "add", d_arith, &int_addsub },
	{ "sub", d_arith, &int_addsub },
	{ "mul", d_arith, &int_mul },
	{ "mad", d_arith, &int_mad },
	{ "setp", d_setp, NULL },
	{ "addc", d_addsub, NULL },
	{ "subc", d_addsub, NULL },
	{ "madc", d_mad, NULL },
	{ "and", d_logic, ex_and },
	{ "or", d_logic, ex_or },
	{ "xor", d_logic, ex_xor },
	{ "not", d_logic, ex_not },
	{ "cnot", d_logic, ex_cnot },
	{ "shl", d_shift, ex_shl },
	{ "shr", d_shift, ex_shr },
	{ "selp", d_selp, NULL },
	{ "div", d_div, ex_div },
	{ "rem", d_bin, ex_rem },
	{ "min", d_minmax, ex_min },
	{ "max", d_minmax, ex_max },
	{ "abs", d_minmax, ex_abs },
	{ "neg", d_minmax, ex_neg },
	{ "sad", d_sad, NULL },
	{ "mul24", d_24, NULL },
	{ "mad24", d_24, NULL },
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

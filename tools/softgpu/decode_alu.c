// SPDX-License-Identifier: BSD-2-Clause
/* decode_alu.c - integer arithmetic, and what all arithmetic shares. */
#include "tools/softgpu/ptx_int.h"
#include "tools/softgpu/exec.h"

#include <string.h>

enum ptx_type last_type(const struct stmt *st)
{
	enum ptx_type t = T_NONE;

	for (unsigned int i = 0; type_mod(st, i) != T_NONE; i++)
		t = type_mod(st, i);
	return t;
}

struct insn *emit3(struct ptx_parser *p, const struct stmt *st,
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

struct insn *emit4(struct ptx_parser *p, const struct stmt *st,
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

struct insn *emit2(struct ptx_parser *p, const struct stmt *st,
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
		in = emit3(p, st, ex_addc, t, t, t);
		in->sub = sub;
		in->n = (uint8_t)(c_in | c_out << 1);
	} else if (sat) {
		emit3(p, st, sub ? ex_sub_sat_s32 : ex_add_sat_s32, t, t, t);
	} else {
		emit3(p, st, sub ? ex_sub[t] : ex_add[t], t, t, t);
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
		emit3(p, st, ex_mul_wide[t], twice(t), t, t);
	else
		emit3(p, st, mod_is(st, "hi") ? ex_mul_hi[t] : ex_mul_lo[t],
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
		in = emit4(p, st, ex_madc, t, t, t, t);
		in->sub = hi;
		in->n = (uint8_t)(c_in | c_out << 1);
	} else if (mod_is(st, "sat")) {
		if (t != T_S32 || !hi)
			bad_insn(p, st, ".sat needs .hi.s32");
		emit4(p, st, ex_mad_sat_s32, t, t, t, t);
	} else if (mod_is(st, "wide")) {
		emit4(p, st, ex_mad_wide[t], twice(t), t, t, twice(t));
	} else {
		emit4(p, st, hi ? ex_mad_hi[t] : ex_mad_lo[t], t, t, t, t);
	}
}

static void d_24(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type t = last_type(st);
	struct insn *in;

	(void)arg;
	only_mods(p, st, "lo hi");
	if (st->op[1] == 'u')
		in = emit3(p, st, ex_mul24, t, t, t);
	else
		in = emit4(p, st, ex_mad24, t, t, t, t);
	in->sub = mod_is(st, "hi");
}

/* One type for everything; arg is the table. */
void d_bin(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	exec_fn *const *table = arg;
	enum ptx_type t = last_type(st);

	only_mods(p, st, "");
	emit3(p, st, table[t], t, t, t);
}

static void d_div(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	if (ptx_type_float(last_type(st)))
		decode_float[0].fn(p, st, NULL);
	else
		d_bin(p, st, arg);
}

void d_un(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	exec_fn *const *table = arg;
	enum ptx_type t = last_type(st);

	only_mods(p, st, "");
	emit2(p, st, table[t], t, t);
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
	emit4(p, st, ex_sad[t], t, t, t, t);
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
	{ "add", d_arith, &int_addsub },
	{ "sub", d_arith, &int_addsub },
	{ "mul", d_arith, &int_mul },
	{ "mad", d_arith, &int_mad },
	{ "addc", d_addsub, NULL },
	{ "subc", d_addsub, NULL },
	{ "madc", d_mad, NULL },
	{ "div", d_div, ex_div },
	{ "rem", d_bin, ex_rem },
	{ "min", d_minmax, ex_min },
	{ "max", d_minmax, ex_max },
	{ "abs", d_minmax, ex_abs },
	{ "neg", d_minmax, ex_neg },
	{ "sad", d_sad, NULL },
	{ "mul24", d_24, NULL },
	{ "mad24", d_24, NULL },
	{ NULL, NULL, NULL },
};

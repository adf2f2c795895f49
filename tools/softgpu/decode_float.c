// SPDX-License-Identifier: BSD-2-Clause
/* decode_float.c - floating-point arithmetic and conversions. */
#include "tools/softgpu/ptx_int.h"
#include "tools/softgpu/exec.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned char op, nsrc;
} float_ops[] = {
	{ "add", F_ADD, 2 },	 { "sub", F_SUB, 2 },	  { "mul", F_MUL, 2 },
	{ "fma", F_FMA, 3 },	 { "mad", F_FMA, 3 },	  { "div", F_DIV, 2 },
	{ "rcp", F_RCP, 1 },	 { "sqrt", F_SQRT, 1 },
	{ "rsqrt", F_RSQRT, 1 }, { "min", F_MIN, 2 },	  { "max", F_MAX, 2 },
	{ "abs", F_ABS, 1 },	 { "neg", F_NEG, 1 },	  { "sin", F_SIN, 1 },
	{ "cos", F_COS, 1 },	 { "lg2", F_LG2, 1 },	  { "ex2", F_EX2, 1 },
	{ "tanh", F_TANH, 1 },	 { "copysign", F_COPYSIGN, 2 },
};

static bool half_has(unsigned int op)
{
	return op <= F_FMA || op == F_MIN || op == F_MAX || op == F_ABS ||
	       op == F_NEG || op == F_EX2 || op == F_TANH;
}

static exec_fn *choose(const struct insn *in, enum ptx_type t)
{
	bool plain = in->rnd == RND_RN && !in->ftz && !in->sat && !in->n;

	if (t == T_F32)
		return plain ? ex_f32[in->sub] : ex_f32_slow;
	if (t == T_F64)
		return plain ? ex_f64[in->sub] : ex_f64_slow;
	return half_has(in->sub) ? ex_half : NULL;
}

static unsigned char flags(const struct stmt *st)
{
	return (unsigned char)((mod_is(st, "NaN") ? FF_NAN : 0) |
			       (mod_is(st, "xorsign") ? FF_XORSIGN : 0) |
			       (mod_is(st, "relu") ? FF_RELU : 0));
}

static void d_float(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	enum ptx_type t = type_mod(st, 0);
	struct insn opt = { 0 }, *in;
	uint32_t s[3] = { 0 }, d;
	unsigned int i = 0;
	int rnd = rnd_mod(st);

	(void)arg;
	while (i < sizeof(float_ops) / sizeof(float_ops[0]) &&
	       strcmp(float_ops[i].name, st->op))
		i++;
	if (type_mod(st, 1) != T_NONE)
		bad_insn(p, st, "mixed types");
	only_mods(p, st, "rn rz rm rp ftz sat approx full NaN xorsign abs "
			 "relu");
	if (mod_is(st, "abs") && !mod_is(st, "xorsign"))
		bad_insn(p, st, ".abs only with .xorsign");
	need_ops(p, st, float_ops[i].nsrc + 1u);
	opt.sub = float_ops[i].op;
	opt.rnd = (uint8_t)(rnd == RND_NONE ? RND_RN : rnd);
	opt.ftz = mod_is(st, "ftz");
	opt.sat = mod_is(st, "sat");
	opt.n = flags(st);
	if (t != T_F32 && t != T_F64 && opt.rnd != RND_RN)
		bad_insn(p, st, "only .rn for half precision");
	if ((opt.n & FF_RELU) && (t == T_F32 || t == T_F64))
		bad_insn(p, st, ".relu is for half precision");
	for (unsigned int k = 0; k < float_ops[i].nsrc; k++)
		s[k] = src(p, st, k + 1, t);
	d = dst(p, st, 0, t);
	in = emit(p, st, choose(&opt, t));
	in->sub = opt.sub;
	in->rnd = opt.rnd;
	in->ftz = opt.ftz;
	in->sat = opt.sat;
	in->n = opt.n;
	in->t = (uint8_t)t;
	in->a = s[0];
	in->b = float_ops[i].nsrc > 1 ? s[1] : s[0];
	in->c = float_ops[i].nsrc > 2 ? s[2] : s[0];
	in->d = d;
}

static void d_testp(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	static const char *const names[] = { "finite", "infinite", "number",
					     "notanumber", "normal",
					     "subnormal" };
	enum ptx_type t = type_mod(st, 0);
	uint32_t a, d;
	struct insn *in;

	(void)arg;
	only_mods(p, st, "finite infinite number notanumber normal subnormal");
	need_ops(p, st, 2);
	a = src(p, st, 1, t);
	d = pred_dst(p, &st->ops[0]);
	in = emit(p, st, t == T_F32 || t == T_F64 ? ex_testp : NULL);
	in->a = a;
	in->d = d;
	in->t = (uint8_t)t;
	for (uint8_t i = 0; i < 6; i++)
		if (mod_is(st, names[i]))
			in->sub = i;
}

static bool small_float(enum ptx_type t)
{
	return t == T_F16 || t == T_BF16 || t == T_TF32 || t == T_F16X2 ||
	       t == T_BF16X2;
}

/* Integer rounding of a conversion: rni, rzi, rmi, rpi */
static int irnd_mod(const struct stmt *st)
{
	static const char *const names[] = { "rni", "rzi", "rmi", "rpi" };

	for (int i = 0; i < 4; i++)
		if (mod_is(st, names[i]))
			return i;
	return RND_NONE;
}

static void cvt_checks(struct ptx_parser *p, const struct stmt *st,
		       enum ptx_type td, enum ptx_type ts)
{
	only_mods(p, st, "rn rz rm rp rna rni rzi rmi rpi ftz sat relu "
			 "satfinite");
	if (td == T_NONE || ts == T_NONE || td == T_B128 || ts == T_B128 ||
	    ts == T_TF32 || ts == T_F16X2 || ts == T_BF16X2)
		bad_insn(p, st, "conversion between these types");
	if ((mod_is(st, "relu") || mod_is(st, "satfinite")) &&
	    !small_float(td))
		bad_insn(p, st, ".relu and .satfinite are for half precision");
}

/* cvt.rn.f16x2.f32 d, hi, lo */
static void cvt_pair(struct ptx_parser *p, const struct stmt *st,
		     enum ptx_type td, enum ptx_type ts)
{
	uint32_t hi, lo, d;
	struct insn *in;

	need_ops(p, st, 3);
	if (ts != T_F32 || mod_is(st, "sat"))
		bad_insn(p, st, "pairs are made from .f32");
	hi = src(p, st, 1, ts);
	lo = src(p, st, 2, ts);
	d = dst(p, st, 0, td);
	in = emit(p, st, ex_cvt_pack);
	in->a = hi;
	in->b = lo;
	in->d = d;
	in->t = (uint8_t)td;
	in->rnd = (uint8_t)rnd_mod(st);
	in->n = flags(st);
	in->sat = mod_is(st, "satfinite");
}

static uint32_t cvt_dst(struct ptx_parser *p, const struct stmt *st,
			unsigned int *width)
{
	const struct opnd *o = &st->ops[0];

	if (o->kind != O_REG || o->type == T_PRED)
		ptx_invalid(p, "%s: the result must be a register", st->text);
	*width = slot_width(o->type);
	return o->off;
}

static void d_cvt(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	enum ptx_type td = type_mod(st, 0), ts = type_mod(st, 1);
	bool plain = st->nmod == 2 || (st->nmod == 3 && (mod_is(st, "rn") ||
							 mod_is(st, "rzi")));
	unsigned int wa, wd;
	uint32_t a, d;
	struct insn *in;
	exec_fn *fn;

	(void)arg;
	cvt_checks(p, st, td, ts);
	if (td == T_F16X2 || td == T_BF16X2) {
		cvt_pair(p, st, td, ts);
		return;
	}
	need_ops(p, st, 2);
	a = src_any(p, st, &st->ops[1], ts, &wa);
	d = cvt_dst(p, st, &wd);
	plain = plain && wa == slot_width(ts) && wd == slot_width(td);
	fn = plain ? ex_cvt_fast[td][ts] : NULL;
	in = emit(p, st, fn ? fn : ex_cvt);
	in->a = a;
	in->d = d;
	in->t = (uint8_t)td;
	in->t2 = (uint8_t)ts;
	in->rnd = (uint8_t)rnd_mod(st);
	in->sub = (uint8_t)irnd_mod(st);
	in->ftz = mod_is(st, "ftz");
	in->sat = mod_is(st, "sat") || mod_is(st, "satfinite");
	in->n = flags(st);
	in->wide = (uint8_t)((wa == 8) | (wd == 8) << 1);
}

const struct decode_entry decode_float[] = {
	{ "fma", d_float, NULL },
	{ "rcp", d_float, NULL },
	{ "sqrt", d_float, NULL },
	{ "rsqrt", d_float, NULL },
	{ "sin", d_float, NULL },
	{ "cos", d_float, NULL },
	{ "lg2", d_float, NULL },
	{ "ex2", d_float, NULL },
	{ "tanh", d_float, NULL },
	{ "copysign", d_float, NULL },
	{ "testp", d_testp, NULL },
	{ "cvt", d_cvt, NULL },
	{ NULL, NULL, NULL },
};

// SPDX-License-Identifier: BSD-2-Clause
/* decode_mem.c - loads, stores, atomics, address conversions. */
#include "tools/softgpu/ptx_int.h"
#include "tools/softgpu/exec.h"

#include <string.h>

static const char ldst_mods[] =
	"global const shared shared::cta local param param::entry param::func "
	"volatile relaxed acquire release weak cta cluster gpu sys nc ca cg "
	"cs lu cv wb wt v2 v4 mmio L1::evict_normal L1::evict_first "
	"L1::evict_last L1::evict_unchanged L1::no_allocate L2::64B L2::128B "
	"L2::256B L2::evict_first L2::evict_last L2::evict_normal noftz";

static const struct ptx_var *addr_var(const struct opnd *o)
{
	const struct opnd *b = o->list;

	return b->kind == O_SYM && b->sym && b->sym->kind == SYM_VAR
		       ? b->sym->obj : NULL;
}

static enum ptx_space space_of(struct ptx_parser *p, const struct stmt *st,
			       const struct opnd *addr)
{
	const struct ptx_var *v = addr_var(addr);

	if (mod_is(st, "global"))
		return SP_GLOBAL;
	if (mod_is(st, "const"))
		return SP_CONST;
	if (mod_is(st, "shared") || mod_is(st, "shared::cta"))
		return SP_SHARED;
	if (mod_is(st, "local"))
		return SP_LOCAL;
	if (!mod_is(st, "param") && !mod_is(st, "param::entry") &&
	    !mod_is(st, "param::func"))
		return SP_GENERIC;
	/* a register in .param space comes from the address of a parameter */
	if (v)
		return v->space;
	return p->fn->entry ? SP_KPARAM : SP_PARAM;
}

/* Base register and offset of an address; the slot's width in *wide. */
static uint32_t addr_slot(struct ptx_parser *p, const struct stmt *st,
			  const struct opnd *o, enum ptx_space space,
			  int64_t *imm, bool *wide)
{
	const struct opnd *b = o->list;
	const struct ptx_var *v = addr_var(o);
	enum ptx_type t = T_B64;
	unsigned int width;
	uint32_t off;

	if (o->kind != O_ADDR)
		ptx_invalid(p, "%s: an address in [] is needed", st->text);
	if (space == SP_GENERIC && v && v->space != SP_GLOBAL &&
	    v->space != SP_CONST)
		bad_insn(p, st, "a generic access by the name of a variable "
				"in another space");
	off = src_any(p, st, b, t, &width);
	*imm = o->imm;
	*wide = width == 8;
	return off;
}

static unsigned int vector_n(const struct stmt *st)
{
	return mod_is(st, "v2") ? 2 : mod_is(st, "v4") ? 4 : 1;
}

static enum ptx_type only_type(struct ptx_parser *p, const struct stmt *st)
{
	enum ptx_type t = type_mod(st, 0);

	if (t == T_NONE || t == T_PRED || t == T_B128)
		bad_insn(p, st, "a value of this type");
	return t;
}

static unsigned int log2_size(enum ptx_type t)
{
	return (unsigned int)__builtin_ctz(ptx_type_size(t));
}

/* The registers of a value or {vector}; wide gets a bit per element. */
static void value_slots(struct ptx_parser *p, const struct stmt *st,
			const struct opnd *o, enum ptx_type t, bool store,
			uint32_t slots[4], uint8_t *wide)
{
	unsigned int n = vector_n(st);

	if ((o->kind == O_VEC) != (n > 1) || (n > 1 && o->n != n))
		ptx_invalid(p, "%s: the vector has the wrong length", st->text);
	for (unsigned int i = 0; i < n; i++) {
		const struct opnd *e = n > 1 ? &o->list[i] : o;
		unsigned int width = slot_width(t);

		if (store) {
			slots[i] = src_any(p, st, e, t, &width);
		} else if (e->kind == O_SINK) {
			slots[i] = slot_new(p, width);
		} else if (e->kind == O_REG && e->type != T_PRED) {
			slots[i] = e->off;
			width = slot_width(e->type);
		} else {
			ptx_invalid(p, "%s: bad register", st->text);
		}
		if (width < ptx_type_size(t))
			ptx_invalid(p, "%s: the register is too small",
				    st->text);
		*wide |= (uint8_t)((width == 8) << (i + 1));
	}
}

static void d_ldst(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	bool store = arg != NULL, wide_addr;
	enum ptx_type t = only_type(p, st);
	const struct opnd *addr = &st->ops[store ? 0 : 1];
	enum ptx_space space;
	uint32_t slots[4] = { 0 }, a;
	uint8_t wide = 0;
	struct insn *in;
	int64_t imm;

	only_mods(p, st, ldst_mods);
	need_ops(p, st, 2);
	if (addr->kind != O_ADDR)
		ptx_invalid(p, "%s: an address in [] is needed", st->text);
	space = space_of(p, st, addr);
	if (store && (space == SP_CONST || space == SP_KPARAM))
		ptx_invalid(p, "%s: the space is read-only", st->text);
	a = addr_slot(p, st, addr, space, &imm, &wide_addr);
	value_slots(p, st, &st->ops[store ? 1 : 0], t, store, slots, &wide);
	in = emit(p, st, (store ? ex_st : ex_ld)[space][log2_size(t)]);
	in->a = a;
	in->imm = imm;
	in->n = (uint8_t)vector_n(st);
	in->t = (uint8_t)t;
	in->wide = (uint8_t)(wide | wide_addr);
	memcpy(in->v, slots, sizeof(slots));
}

static int atom_op(const struct stmt *st)
{
	static const char *const names[] = { "add", "min", "max", "and", "or",
					     "xor", "exch", "cas", "inc",
					     "dec" };

	for (int i = 0; i < 10; i++)
		if (mod_is(st, names[i]))
			return i;
	return -1;
}

static bool atom_type_ok(int op, enum ptx_type t)
{
	if (ptx_type_size(t) < 4)
		return (op == A_ADD && ptx_type_float(t)) ||
		       (t == T_B16 && (op == A_CAS || op == A_EXCH));
	if (ptx_type_float(t))
		return op == A_ADD && t != T_TF32;
	if (op == A_INC || op == A_DEC)
		return t == T_U32;
	return t != T_B128;
}

static void d_atom(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	bool red = arg != NULL, wide;
	unsigned int k = red ? 0 : 1;
	enum ptx_type t = only_type(p, st);
	int op = atom_op(st);
	enum ptx_space space;
	uint32_t a, b, c = 0, d = 0;
	struct insn *in;
	int64_t imm;

	only_mods(p, st, "global shared shared::cta relaxed acquire release "
			 "acq_rel cta cluster gpu sys noftz add min max and or "
			 "xor exch cas inc dec");
	if (op < 0 || !atom_type_ok(op, t))
		bad_insn(p, st, "operation and type");
	need_ops(p, st, k + (op == A_CAS ? 3 : 2));
	if (st->ops[k].kind != O_ADDR)
		ptx_invalid(p, "%s: an address in [] is needed", st->text);
	space = space_of(p, st, &st->ops[k]);
	a = addr_slot(p, st, &st->ops[k], space, &imm, &wide);
	b = src(p, st, k + 1, t);
	if (op == A_CAS)
		c = src(p, st, k + 2, t);
	if (!red)
		d = dst(p, st, 0, t);
	in = emit(p, st, ex_atom);
	in->a = a;
	in->b = b;
	in->c = op == A_CAS ? c : b;
	in->d = d;
	in->e = !red;
	in->imm = imm;
	in->wide = wide;
	in->t = (uint8_t)t;
	in->sub = (uint8_t)op;
	in->target = space;
}

static int named_space(const struct stmt *st)
{
	return mod_is(st, "global") ? SP_GLOBAL
	     : mod_is(st, "const") ? SP_CONST
	     : mod_is(st, "shared") || mod_is(st, "shared::cta") ? SP_SHARED
	     : mod_is(st, "local") ? SP_LOCAL
	     : mod_is(st, "param") || mod_is(st, "param::entry") ? SP_KPARAM
								  : -1;
}

static void d_cvta(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	enum ptx_type t = type_mod(st, 0);
	int space = named_space(st);
	struct insn *in;
	uint32_t a, d;

	(void)arg;
	only_mods(p, st, "to global const shared shared::cta local param "
			 "param::entry");
	need_ops(p, st, 2);
	if (space < 0 || ptx_type_size(t) != 8)
		bad_insn(p, st, "space or width");
	a = src(p, st, 1, t);
	d = dst(p, st, 0, t);
	in = emit(p, st, ex_cvta);
	in->a = a;
	in->d = d;
	in->sub = (uint8_t)space;
	in->n = mod_is(st, "to");
	in->wide = 3;
}

static void d_isspacep(struct ptx_parser *p, const struct stmt *st,
		       const void *arg)
{
	int space = named_space(st);
	struct insn *in;
	uint32_t a, d;

	(void)arg;
	only_mods(p, st, "global const shared shared::cta local param "
			 "param::entry");
	need_ops(p, st, 2);
	if (space < 0)
		bad_insn(p, st, "no space");
	a = src(p, st, 1, T_B64);
	d = pred_dst(p, &st->ops[0]);
	in = emit(p, st, ex_isspacep);
	in->a = a;
	in->d = d;
	in->sub = (uint8_t)space;
	in->wide = 1;
}

/* Hints and orderings that an in-order interpreter need not obey. */
static void d_hint(struct ptx_parser *p, const struct stmt *st,
		   const void *arg)
{
	(void)arg;
	emit(p, st, ex_nop);
}

static void d_fence(struct ptx_parser *p, const struct stmt *st,
		    const void *arg)
{
	(void)arg;
	only_mods(p, st, "cta gl sys sc acq_rel acquire release gpu cluster");
	emit(p, st, ex_fence);
}

static void cp_group(struct ptx_parser *p, const struct stmt *st)
{
	only_mods(p, st, "async commit_group wait_group wait_all");
	emit(p, st, ex_nop);
}

static void d_cp(struct ptx_parser *p, const struct stmt *st, const void *arg)
{
	uint32_t a, b, c;
	bool wide, wide_src;
	int64_t imm, imm_src;
	struct insn *in;

	(void)arg;
	if (mod_is(st, "commit_group") || mod_is(st, "wait_group") ||
	    mod_is(st, "wait_all")) {
		cp_group(p, st);
		return;
	}
	only_mods(p, st, "async ca cg shared shared::cta global L2::64B "
			 "L2::128B L2::256B");
	if (st->nops < 3 || st->nops > 4 || st->ops[0].kind != O_ADDR ||
	    st->ops[1].kind != O_ADDR || st->ops[2].kind != O_INT ||
	    (st->ops[2].imm != 4 && st->ops[2].imm != 8 &&
	     st->ops[2].imm != 16) ||
	    (st->nops == 4 && st->ops[3].kind == O_REG &&
	     st->ops[3].type == T_PRED))
		bad_insn(p, st, "this form");
	a = addr_slot(p, st, &st->ops[0], SP_SHARED, &imm, &wide);
	b = addr_slot(p, st, &st->ops[1], SP_GLOBAL, &imm_src, &wide_src);
	c = st->nops == 4 ? src(p, st, 3, T_U32)
			  : const_slot(p, (uint64_t)st->ops[2].imm, 4);
	if (!wide_src || imm_src < 0 || imm_src > INT32_MAX)
		bad_insn(p, st, "this source address");
	in = emit(p, st, ex_cp_async);
	in->a = a;
	in->b = b;
	in->c = c;
	in->imm = imm;
	in->target = (uint32_t)imm_src;
	in->wide = wide;
	in->n = (uint8_t)st->ops[2].imm;
}

static const char is_store[] = "";

const struct decode_entry decode_mem[] = {
	{ "ld", d_ldst, NULL },
	{ "ldu", d_ldst, NULL },
	{ "st", d_ldst, is_store },
	{ "atom", d_atom, NULL },
	{ "red", d_atom, is_store },
	{ "cvta", d_cvta, NULL },
	{ "isspacep", d_isspacep, NULL },
	{ "prefetch", d_hint, NULL },
	{ "prefetchu", d_hint, NULL },
	{ "applypriority", d_hint, NULL },
	{ "discard", d_hint, NULL },
	{ "membar", d_fence, NULL },
	{ "fence", d_fence, NULL },
	{ "cp", d_cp, NULL },
	{ NULL, NULL, NULL },
};

// SPDX-License-Identifier: BSD-2-Clause
/* replay_ops.c - every op with every length, and every field of the header. */
#include "tests/hostile/replay.h"

/* ---- every op, every length, many kinds of nonsense ---------------------- */

static const char *const op_name[OP_NR] = {
#define X(name, cls) [OP_##name] = #name,
	VGPU_OPS(X)
#undef X
};

/* The fixed part of an op's record; 0 where its struct has another name. */
static uint32_t fixed_part(uint32_t op)
{
#define X(name) \
	if (!strcmp(op_name[op], #name)) \
		return (uint32_t)sizeof(struct in_##name);
	WIRE_IN_STRUCTS(X)
#undef X
	return 0;
}

enum { ZEROS, ONES, RANDOM, SMALL, MIXED, HANDLES, FLAVOURS };

static void nonsense(uint32_t *body, uint32_t len, int flavour)
{
	for (uint32_t i = 0; i < len / 4; i++) {
		switch (flavour) {
		case ZEROS: body[i] = 0; break;
		case ONES: body[i] = UINT32_MAX; break;
		case RANDOM: body[i] = rnd(); break;
		case SMALL: body[i] = rnd() % 9; break;
		case MIXED: body[i] = interesting(); break;
		default: body[i] = VGPU_ID_HOST + rnd() % KIND_NR;
		}
	}
	if (len && (flavour == SMALL || flavour == HANDLES))
		body[0] = UINT32_MAX; /* every pointer is there */
}

static uint64_t records, refused, overruns, too_short;

static void one(struct shape *s, const uint32_t *body, uint32_t len)
{
	uint32_t fixed = fixed_part(s->op);
	enum vgpu_error e;

	snprintf(doing, sizeof(doing), "%s, %u bytes, flags %u, seed %u",
		 op_name[s->op], len, s->flags, seed);
	e = play(s, body, len);
	records++;
	refused += e != VGPU_E_LEFT;
	if (!(s->flags & VGPU_REC_WINDOW) && !canary_lives())
		ok(false, "nothing is written behind a reply's room"),
		overruns++;
	if (len < fixed && e == VGPU_E_LEFT && s->flags == VGPU_REC_SYNC)
		ok(false, "%s with %u of %u bytes is refused", op_name[s->op],
		   len, fixed),
		too_short++;
	if (e != VGPU_E_LEFT)
		new_session();
}

static void every_op(uint32_t op)
{
	static uint32_t body[128];
	struct shape s;

	for (uint32_t len = 0; len <= 400; len += LEN_STEP) {
		for (int f = 0; f < FLAVOURS; f++) {
			nonsense(body, len, f);
			s = plain(op);
			one(&s, body, len);
			if (f != MIXED && f != SMALL)
				continue;
			s.flags = 0;
			one(&s, body, len);
			s.flags = VGPU_REC_SYNC | VGPU_REC_WINDOW;
			s.reply_cap = rnd() % 5000;
			s.reply_off = rnd() % (PAGES * VGPU_PAGE - 5000);
			one(&s, body, len);
			s = plain(op);
			s.ctx = 0;
			s.flags |= VGPU_REC_BLOB;
			s.blob = 1 + rnd() % 3;
			one(&s, body, len);
		}
	}
}

void all_ops(void)
{
	uint64_t foreign = watch->foreign;

	for (uint32_t op = 1; op < OP_NR; op++)
		every_op(op);
	printf("# %llu records, %llu sessions ended\n",
	       (unsigned long long)records, (unsigned long long)refused);
	ok(!overruns, "no reply was larger than its room");
	ok(!too_short, "no record was taken without its fixed part");
	ok(records > LEAST_RECORDS && refused > 1000 && refused < records,
	   "records were both taken and refused");
	ok(watch->foreign == foreign, "no memory of the executor was reached");
}

/* ---- the header ---------------------------------------------------------- */

static void header_is(bool good, const struct shape *s, const char *what)
{
	uint64_t body[4] = { 0 };

	snprintf(doing, sizeof(doing), "%s", what);
	ok((play(s, body, sizeof(body)) == VGPU_E_LEFT) == good, "%s", what);
	new_session();
}

void headers(void)
{
	static const uint32_t ops[] = { OP_NR, OP_NR + 1, 4096, 65535 };
	static const int32_t steps[] = { 0, 2, -1, INT32_MIN, 1000 };
	struct shape s;

	header_is(true, &(struct shape){ .op = OP_vgSystem, .seq_step = 1,
		  .flags = VGPU_REC_SYNC }, "a good record is taken");
	for (size_t i = 0; i < 4; i++) {
		s = plain(ops[i]);
		header_is(false, &s, "an op that there is not ends the session");
	}
	for (size_t i = 0; i < 5; i++) {
		s = plain(OP_vgSystem);
		s.seq_step = steps[i];
		header_is(false, &s, "a wrong sequence number ends it");
	}
	s = plain(OP_vgSystem);
	s.slot = VGPU_SLOTS - 1;
	header_is(true, &s, "the last slot is taken");
	s.slot = VGPU_SLOTS;
	header_is(false, &s, "the slot behind it ends the session");
	s.slot = 65535;
	header_is(false, &s, "and so does the largest number");
	s = plain(OP_vgSystem);
	s.flags |= VGPU_REC_WINDOW;
	s.reply_cap = 64;
	s.reply_off = PAGES * VGPU_PAGE - 64;
	header_is(true, &s, "a reply may go to the window's last bytes");
	s.reply_off += 8;
	header_is(false, &s, "but not behind them");
	s.reply_off = UINT32_MAX - 7;
	header_is(false, &s, "nor where the offset wraps");
	s.reply_off = 0;
	s.reply_cap = UINT32_MAX;
	header_is(false, &s, "nor in more room than the arena has");
	s.reply_cap = 64;
	s.reply_arena = 1;
	header_is(false, &s, "nor to an arena that was not added");
	s.reply_arena = VGPU_ARENAS;
	header_is(false, &s, "nor to an arena that cannot be");
	s.reply_arena = UINT32_MAX;
	header_is(false, &s, "nor to the largest number");
	s = plain(OP_vgSystem);
	s.flags |= VGPU_REC_WINDOW;
	s.reply_cap = 4;
	header_is(false, &s, "a reply that does not fit its room ends it");
	s = plain(OP_vgSystem);
	s.flags = 0xff;
	s.reply_cap = 64;
	header_is(true, &s, "unknown flags mean nothing, the rest is checked");
}

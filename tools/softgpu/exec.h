/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec.h - the interpreter's state.
 *
 * A warp's registers are structure of arrays: 32 lanes side by side, 4 bytes
 * a lane for types up to 32 bits and 8 for 64; a predicate is one 32-bit mask.
 * Constants and special registers are ordinary slots that are filled before
 * the block starts, so an operand is always "regs + offset".
 *
 * Each lane has a pc of its own. A warp runs the group of lanes with the
 * smallest pc until it catches up with other lanes (then they go on as one)
 * or splits. Every slice another group gets a turn, so lanes that spin for
 * each other make progress.
 */
#ifndef SOFTGPU_EXEC_H
#define SOFTGPU_EXEC_H

#include "tools/softgpu/ptx.h"

#include <stdatomic.h>

#define LANES_ALL 0xffffffffu
#define MAX_WARPS 32
#define BAR_COUNT 16

struct call_frame {
	uint32_t ret_pc;
	uint32_t caller;	/* function index */
	uint32_t frame;		/* caller's frame offset */
	const struct insn *call;
	uint64_t *saved;	/* callee's registers, if it recurs */
};

struct lane_stack {
	struct call_frame *f;
	size_t cap, depth;
};

struct warp {
	uint8_t *regs;		/* window of the running function */
	uint32_t active;	/* lanes of the running group */
	uint32_t pc;		/* of the running group */
	uint32_t next_pc;	/* a pc at which another group waits */
	uint32_t live;		/* not exited */
	uint32_t blocked;	/* wait at a block barrier */
	uint32_t stalled;	/* wait for other lanes of this warp */
	uint32_t warpsync;	/* of the stalled: at bar.warp.sync */
	uint32_t lane_pc[32];
	uint32_t member[32];	/* warpsync: the mask waited for */
	uint32_t frame[32];	/* lane's frame in its local memory */
	uint32_t func;		/* running group's function */
	uint32_t lane_func[32];
	uint32_t cc;		/* carry flag per lane */
	uint32_t turn;		/* lane whose group had the last fair turn */
	uint8_t *file;
	uint8_t *local;		/* lane 0's local memory */
	struct cta *cta;
	uint32_t index;
	struct lane_stack stack[32];
};

struct barrier {
	uint32_t expected;	/* 0: all live threads */
	uint32_t arrived;	/* by bar.arrive */
	uint32_t waiting[MAX_WARPS];
	uint32_t waiters;
	uint32_t red_true, red_all;
};

struct grid;

struct cta {
	struct grid *grid;
	struct cta *next;
	const struct insn *code;
	uint64_t block;		/* linear index */
	uint32_t ctaid[3];
	uint32_t nwarps, nthreads, live;
	uint32_t exited_warps;
	uint32_t shared_bytes, local_bytes;	/* per lane */
	uint32_t param_bytes;
	uint8_t *shared;
	uint8_t *local;
	uint8_t *files;
	const uint8_t *params;
	int error;		/* CUresult that ends the grid */
	bool progress;
	uint64_t insns;
	struct barrier bar[BAR_COUNT];
	struct warp warps[MAX_WARPS];
	/* last registered host range that was hit */
	uint64_t host_lo, host_hi;
};

/* One launched kernel; the scheduler's part is in sched.c. */
struct grid {
	const struct ptx_module *mod;
	const struct ptx_func *fn;
	uint64_t globals;	/* address of the module's variables */
	uint32_t dim[3], block[3];
	uint64_t nblocks;
	uint32_t shared_bytes;	/* static and dynamic */
	uint32_t dyn_shared;
	uint8_t *params;
	uint64_t id;
	uint64_t coop;		/* address of the grid barrier's workspace */
	void *ctx;		/* struct sg_ctx */
	/* scheduling, under the scheduler's lock unless atomic */
	struct grid *next;
	_Atomic uint64_t next_block;
	uint64_t done;
	struct cta *idle;	/* blocks that were put aside */
	struct cta *idle_tail;
	uint32_t resident, resident_max, running;
	uint64_t started_ns;
	_Atomic int error;
	void (*finished)(struct grid *g, void *arg);
	void *arg;
};

/* cta.c */
struct cta *cta_new(struct grid *g);
void cta_start(struct cta *c, uint64_t block);
/* Run for about @budget warp instructions. True: the block is done. */
bool cta_run(struct cta *c, uint64_t budget);
void cta_free(struct cta *c);
uint64_t cta_bytes(const struct grid *g);
/* Ends the grid with @error; one log line that names the instruction. */
void cta_fault(struct warp *w, const struct insn *in, int error,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* exec_warp.c */
void warp_run(struct warp *w, uint64_t budget, bool fair);
bool warp_pick(struct warp *w);
void warp_park(struct warp *w);
void warp_wake(struct warp *w);

/* exec_bar.c */
void bar_exit_check(struct cta *c);
void warpsync_check(struct warp *w);

/* exec_ctl.c, exec_call.c, exec_bar.c, exec_vote.c: control */
exec_fn ex_bra, ex_brx, ex_exit, ex_trap, ex_call, ex_ret, ex_bar, ex_bar_red,
	ex_bar_arrive, ex_bar_warp, ex_shfl, ex_vote, ex_match, ex_redux,
	ex_activemask, ex_syscall, ex_nop, ex_elect, ex_fence;

#define REG(off) ((void *)(w->regs + (off)))

static inline bool slot_is_wide(unsigned int t)
{
	return ptx_type_size((enum ptx_type)t) == 8;
}

static inline uint64_t reg_get(const struct warp *w, uint32_t off, bool wide,
			       unsigned int lane)
{
	if (wide)
		return ((const uint64_t *)(w->regs + off))[lane];
	return ((const uint32_t *)(w->regs + off))[lane];
}

static inline void reg_put(struct warp *w, uint32_t off, bool wide,
			   unsigned int lane, uint64_t v)
{
	if (wide)
		((uint64_t *)(w->regs + off))[lane] = v;
	else
		((uint32_t *)(w->regs + off))[lane] = (uint32_t)v;
}

#define LANES(...)                                                     \
	do {                                                           \
		if (m == LANES_ALL) {                                  \
			for (unsigned int l = 0; l < 32; l++) {        \
				__VA_ARGS__                            \
			}                                              \
		} else {                                               \
			for (uint32_t m_ = m; m_; m_ &= m_ - 1) {      \
				unsigned int l =                       \
					(unsigned int)__builtin_ctz(m_); \
				__VA_ARGS__                            \
			}                                              \
		}                                                      \
	} while (0)

/* Decoder's choice per type; NULL where the type does not exist. */
extern exec_fn *const ex_add[T_COUNT], *const ex_sub[T_COUNT],
	*const ex_mul_lo[T_COUNT], *const ex_mul_hi[T_COUNT],
	*const ex_mul_wide[T_COUNT], *const ex_mad_lo[T_COUNT],
	*const ex_mad_hi[T_COUNT], *const ex_mad_wide[T_COUNT],
	*const ex_div[T_COUNT], *const ex_rem[T_COUNT],
	*const ex_min[T_COUNT], *const ex_max[T_COUNT],
	*const ex_abs[T_COUNT], *const ex_neg[T_COUNT],
	*const ex_sad[T_COUNT], *const ex_and[T_COUNT],
	*const ex_or[T_COUNT], *const ex_xor[T_COUNT],
	*const ex_not[T_COUNT], *const ex_cnot[T_COUNT],
	*const ex_shl[T_COUNT], *const ex_shr[T_COUNT],
	*const ex_mov[T_COUNT], *const ex_selp[T_COUNT],
	*const ex_slct_s32[T_COUNT], *const ex_slct_f32[T_COUNT],
	*const ex_popc[T_COUNT], *const ex_clz[T_COUNT],
	*const ex_brev[T_COUNT], *const ex_bfind[T_COUNT],
	*const ex_bfe[T_COUNT], *const ex_bfi[T_COUNT];
exec_fn ex_add_sat_s32, ex_sub_sat_s32, ex_addc, ex_mul24, ex_mad24, ex_prmt,
	ex_lop3, ex_shf_l, ex_shf_r, ex_dp4a, ex_dp2a, ex_bmsk,
	ex_pred_and, ex_pred_or, ex_pred_xor, ex_pred_not, ex_pred_mov,
	ex_pred_sel, ex_fns, ex_madc, ex_mad_sat_s32;

/* exec_setp.c: comparison per operator and type */
enum cmp { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_EQU, CMP_NEU,
	   CMP_LTU, CMP_LEU, CMP_GTU, CMP_GEU, CMP_NUM, CMP_NAN, CMP_COUNT };
extern exec_fn *const ex_setp[CMP_COUNT][T_COUNT];
exec_fn ex_setp_half, ex_set_from_mask;

/* exec_float.c and exec_half.c */
enum fop { F_ADD, F_SUB, F_MUL, F_FMA, F_DIV, F_RCP, F_SQRT, F_RSQRT, F_MIN,
	   F_MAX, F_ABS, F_NEG, F_SIN, F_COS, F_LG2, F_EX2, F_TANH, F_COPYSIGN,
	   F_FMA_RELU, F_COUNT };
extern exec_fn *const ex_f32[F_COUNT], *const ex_f64[F_COUNT];
exec_fn ex_f32_slow, ex_f64_slow, ex_half, ex_testp;
/* insn.n of float operations: */
#define FF_NAN 1u	/* min.NaN, max.NaN */
#define FF_XORSIGN 2u
#define FF_ABS 4u
#define FF_RELU 8u

/* exec_cvt.c; float_pack.c */
exec_fn ex_cvt, ex_cvt_pack;
extern exec_fn *const ex_cvt_fast[T_COUNT][T_COUNT];
double half_to_double(uint32_t h);
double bf16_to_double(uint32_t h);
/* Round @x to a format with @ebits and @mbits (without the hidden bit). */
uint32_t float_pack(double x, unsigned int ebits, unsigned int mbits, int rnd,
		    bool satfinite);
double add_to_odd(double a, double b);

/* exec_mem.c, exec_param.c, exec_atom.c */
exec_fn ex_lea_local, ex_cvta, ex_isspacep, ex_clock, ex_mov_pack,
	ex_mov_unpack, ex_atom, ex_cp_async;
/* by space and log2 of the size */
extern exec_fn *const ex_ld[7][4], *const ex_st[7][4];
enum atom_op { A_ADD, A_MIN, A_MAX, A_AND, A_OR, A_XOR, A_EXCH, A_CAS, A_INC,
	       A_DEC };

/*
 * Host pointer of @size bytes at @addr of a space, or NULL after a fault was
 * raised (out of range, misaligned). @write: the access stores.
 */
void *mem_at(struct warp *w, const struct insn *in, unsigned int lane,
	     enum ptx_space space, uint64_t addr, unsigned int size,
	     bool write);

/* printf.c: device printf; returns the number vprintf gives the kernel */
int dev_printf(struct warp *w, const struct insn *in, unsigned int lane,
	       uint64_t fmt, uint64_t args);
/* The line that a failed device assertion prints, at the next flush. */
void dev_assert(struct warp *w, unsigned int lane, const char *file,
		unsigned int line, const char *func, const char *text);
/* Copy a NUL-terminated string out of device memory; false after a fault. */
bool dev_string(struct warp *w, const struct insn *in, unsigned int lane,
		uint64_t addr, char *buf, size_t size);

#endif

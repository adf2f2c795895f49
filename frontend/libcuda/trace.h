/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h - the entry points that programs call.
 *
 * Each exported name NAME is vg_entry below (generated: entries.c): it goes to
 * vg_api_NAME, which is what the C sources call NAME (the link step renames
 * it). So a call of the program is counted wherever its address came from,
 * calls inside the library are not, and without VGPU_TRACE an entry costs one
 * compare of a byte that never changes and one jump.
 *
 * With it, vg_trace_enter() is called between: the arguments, in registers and
 * on the stack, stay where they are. Where failing calls are logged (logs.c),
 * the function is called, with a copy of its arguments on the stack (no call
 * has more than VG_ENTRY_STACK there), and vg_logs_leave() afterwards.
 */
#ifndef VG_TRACE_H
#define VG_TRACE_H

#include <stdint.h>

extern const unsigned int vg_trace_names; /* 0: not a call of the program */
extern const char *const vg_trace_name[];
void vg_trace_enter(uint32_t call);
uint32_t vg_logs_leave(uint32_t call, uint32_t result);

#define VG_ENTRY_STACK "12" /* even: the stack stays aligned */
#define VG_ENTRY_MACRO \
	".text\n" \
	".hidden vg_watched\n" \
	".hidden vg_trace_enter\n" \
	".hidden vg_logs_leave\n" \
	".macro vg_entry name call\n" \
	".globl \\name\n" \
	".type \\name, @function\n" \
	".balign 16\n" \
	"\\name:\n" \
	"	cmpw	$0, vg_watched(%rip)\n" \
	"	je	vg_api_\\name\n" \
	"	movl	$\\call, %eax\n" \
	"	leaq	vg_api_\\name(%rip), %r11\n" \
	"	jmp	vg_entry_watched\n" \
	".size \\name, . - \\name\n" \
	".endm\n" \
	"vg_entry_watched:\n" \
	"	pushq	%rdi\n" \
	"	pushq	%rsi\n" \
	"	pushq	%rdx\n" \
	"	pushq	%rcx\n" \
	"	pushq	%r8\n" \
	"	pushq	%r9\n" \
	"	pushq	%r11\n" \
	"	subq	$48, %rsp\n" /* the stack is aligned again */ \
	"	movl	%eax, 32(%rsp)\n" \
	"	movups	%xmm0, (%rsp)\n" /* some calls take a float or two */ \
	"	movups	%xmm1, 16(%rsp)\n" \
	"	movl	%eax, %edi\n" \
	"	call	vg_trace_enter\n" \
	"	movups	(%rsp), %xmm0\n" \
	"	movups	16(%rsp), %xmm1\n" \
	"	movl	32(%rsp), %eax\n" \
	"	addq	$48, %rsp\n" \
	"	popq	%r11\n" \
	"	popq	%r9\n" \
	"	popq	%r8\n" \
	"	popq	%rcx\n" \
	"	popq	%rdx\n" \
	"	popq	%rsi\n" \
	"	popq	%rdi\n" \
	"	cmpb	$0, vg_watched+1(%rip)\n" \
	"	jne	vg_entry_logged\n" \
	"	jmp	*%r11\n" \
	"vg_entry_logged:\n" \
	"	.cfi_startproc\n" \
	"	pushq	%rbp\n" \
	"	.cfi_def_cfa_offset 16\n" \
	"	.cfi_offset %rbp, -16\n" \
	"	movq	%rsp, %rbp\n" \
	"	.cfi_def_cfa_register %rbp\n" \
	"	pushq	%rax\n" \
	"	subq	$8, %rsp\n" \
	"	.set	i, " VG_ENTRY_STACK "\n" \
	"	.rept	" VG_ENTRY_STACK "\n" \
	"	.set	i, i - 1\n" \
	"	pushq	16 + 8 * i(%rbp)\n" \
	"	.endr\n" \
	"	call	*%r11\n" \
	"	movl	-8(%rbp), %edi\n" \
	"	movl	%eax, %esi\n" \
	"	call	vg_logs_leave\n" \
	"	leave\n" \
	"	.cfi_def_cfa %rsp, 8\n" \
	"	ret\n" \
	"	.cfi_endproc\n"

#endif

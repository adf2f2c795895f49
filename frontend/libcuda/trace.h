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
 * on the stack, stay where they are.
 */
#ifndef VG_TRACE_H
#define VG_TRACE_H

#include <stdint.h>

extern const unsigned int vg_trace_names; /* 0: not a call of the program */
extern const char *const vg_trace_name[];
void vg_trace_enter(uint32_t call);

#define VG_ENTRY_MACRO \
	".text\n" \
	".hidden vg_tracing\n" \
	".hidden vg_trace_enter\n" \
	".macro vg_entry name call\n" \
	".globl \\name\n" \
	".type \\name, @function\n" \
	".balign 16\n" \
	"\\name:\n" \
	"	cmpb	$0, vg_tracing(%rip)\n" \
	"	je	vg_api_\\name\n" \
	"	movl	$\\call, %eax\n" \
	"	leaq	vg_api_\\name(%rip), %r11\n" \
	"	jmp	vg_entry_traced\n" \
	".size \\name, . - \\name\n" \
	".endm\n" \
	"vg_entry_traced:\n" \
	"	pushq	%rdi\n" \
	"	pushq	%rsi\n" \
	"	pushq	%rdx\n" \
	"	pushq	%rcx\n" \
	"	pushq	%r8\n" \
	"	pushq	%r9\n" \
	"	pushq	%r11\n" \
	"	subq	$32, %rsp\n" /* the stack is aligned again */ \
	"	movups	%xmm0, (%rsp)\n" /* some calls take a float or two */ \
	"	movups	%xmm1, 16(%rsp)\n" \
	"	movl	%eax, %edi\n" \
	"	call	vg_trace_enter\n" \
	"	movups	(%rsp), %xmm0\n" \
	"	movups	16(%rsp), %xmm1\n" \
	"	addq	$32, %rsp\n" \
	"	popq	%r11\n" \
	"	popq	%r9\n" \
	"	popq	%r8\n" \
	"	popq	%rcx\n" \
	"	popq	%rdx\n" \
	"	popq	%rsi\n" \
	"	popq	%rdi\n" \
	"	jmp	*%r11\n"

#endif

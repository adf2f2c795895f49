// SPDX-License-Identifier: BSD-2-Clause
/*
 * fault.c - accesses that cannot go on at once: to managed memory that lies on
 * the GPU, and to pages that are being replaced. What is neither goes to
 * whoever handled SIGSEGV before.
 */
#define __CUDA_API_VERSION_INTERNAL
#include "frontend/libcuda/vg.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#define FAULT_WRITE 2 /* x86: bit 1 of the page fault's error code */

static struct sigaction old_action;

static void pass_on(int sig, siginfo_t *si, void *uc)
{
	if (old_action.sa_flags & SA_SIGINFO) {
		old_action.sa_sigaction(sig, si, uc);
	} else if (old_action.sa_handler == SIG_DFL ||
		   old_action.sa_handler == SIG_IGN) {
		/* The access is made again, and ends the program as usual. */
		sigaction(SIGSEGV, &old_action, NULL);
	} else {
		old_action.sa_handler(sig);
	}
}

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
	const ucontext_t *uc = ctx;
	bool write = uc->uc_mcontext.gregs[REG_ERR] & FAULT_WRITE;
	int saved = errno;

	if (!vg_managed_fault((uintptr_t)si->si_addr, write) &&
	    !vg_replace_fault())
		pass_on(sig, si, ctx);
	errno = saved;
}

static void catch_once(void)
{
	struct sigaction a = { .sa_sigaction = on_fault,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK |
					   SA_NODEFER };

	sigemptyset(&a.sa_mask);
	sigaction(SIGSEGV, &a, &old_action);
}

/* Once: a handler that the program installs later is its own to keep. */
void vg_faults_catch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, catch_once);
}

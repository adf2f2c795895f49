// SPDX-License-Identifier: BSD-2-Clause
/*
 * The executor's replay in one process with its hostile guest: the real loop,
 * decoder, handlers and tables over the driver that watches. Records of every
 * op with every length and many kinds of nonsense go through the ring; the
 * executor may answer, refuse or end the session, and that is all it may do.
 *
 *   usage: replay_test FAKECUDA.so [SEED]
 */
#include "tests/hostile/replay.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Many waits at a time, of one thread and of several. */
static void many_waits(void)
{
	struct in_vgStream in = { .stream = ID_STREAM };
	struct in_vgStreamCreate st = { 0 };
	struct shape s = plain(OP_vgStreamCreate);
	bool good = true;

	for (uint32_t i = 0; i < 1000; i++) {
		st.stream = 100 + i;
		s.op = OP_vgStreamCreate;
		good = good && play(&s, &st, sizeof(st)) == VGPU_E_LEFT;
		ex_stream_touch(&ex, st.stream);
	}
	in.stream = ID_CTX;
	s.op = OP_vgCtxSync;
	snprintf(doing, sizeof(doing), "vgCtxSync with 1000 busy streams");
	good = good && play(&s, &in, sizeof(in)) == VGPU_E_LEFT;
	ok(good, "a context with 1000 busy streams can be waited for");
	new_session();
}

static void crash(int sig)
{
	char b[300];
	int n = snprintf(b, sizeof(b), "not ok %d - signal %d\n# at: %s\n",
			 tests + 1, sig, doing);

	if (n > 0 && fwrite(b, 1, (size_t)n, stdout) > 0)
		fflush(stdout);
	_exit(1);
}

int main(int argc, char **argv)
{
	char why[300];
	void *lib;

	if (argc > 2)
		seed = (unsigned int)atoi(argv[2]);
	log_open("replay_test", LOG_ERROR);
	signal(SIGSEGV, crash);
	signal(SIGBUS, crash);
	signal(SIGFPE, crash);
	alarm(600);
	if (argc < 2 || real_load(argv[1], why, sizeof(why))) {
		printf("Bail out! %s\n", argc < 2 ? "no driver" : why);
		return 1;
	}
	lib = dlopen(argv[1], RTLD_NOW);
	watch = lib ? dlsym(lib, "fake_watch") : NULL;
	reset_driver = lib ? (void (*)(void))dlsym(lib, "fake_reset") : NULL;
	if (!watch || !reset_driver) {
		printf("Bail out! this is not the driver that watches\n");
		return 1;
	}
	first_session();
	headers();
	list_options();
	blobs();
	arenas();
	arena_parts();
	copies();
	options();
	window_copies(0);
	window_copies(VGPU_ARENAS);
	many_waits();
	operands_3d();
	foreign_handles();
	waits();
	watch->foreign = 0;
	all_ops();
	printf("1..%d\n", tests);
	return failed != 0;
}

# End to end over loopback: unmodified programs on softgpu, and all that can be
# missing, wrong or die. badinput.t's liar is a program of tests/hostile.
E2E_TESTS += tests/e2e/programs.t tests/e2e/badinput.t tests/e2e/trace.t

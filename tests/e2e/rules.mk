# End to end over loopback: unmodified programs on softgpu, what arrives at
# the driver, and all that can be missing, wrong or die. badinput.t's liar is a
# program of tests/hostile.
E2E_TESTS += tests/e2e/programs.t tests/e2e/badinput.t tests/e2e/trace.t \
             tests/e2e/recorded.t tests/e2e/libraries.t tests/e2e/sharing.t

# End to end over loopback: unmodified programs on softgpu, what arrives at
# the driver, and all that can be missing, wrong or die. badinput.t's liar is a
# program of tests/hostile.
E2E_TESTS += tests/e2e/programs.t tests/e2e/badinput.t tests/e2e/trace.t \
             tests/e2e/recorded.t tests/e2e/libraries.t tests/e2e/sharing.t \
             tests/e2e/warm.t tests/e2e/loads.t tests/e2e/flat.t \
             tests/e2e/errors.t tests/e2e/memory.t \
             tests/e2e/held.t tests/e2e/cores.t

# softgpu that tells what an executor does with contexts and caches.
WATCHDRV := $(B)/tests/e2e/libwatchdrv.so
$(WATCHDRV): $(B)/obj/tests/e2e/watchdrv.o | $(B)/lib/libsoftgpu.so
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared $(LDFLAGS) -o $@ $< -Wl,--no-as-needed \
		-L$(B)/lib -lsoftgpu -Wl,-rpath,$(abspath $(B))/lib -ldl
ALL += $(WATCHDRV)

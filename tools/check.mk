# demo, and the targets that test. Each prints TAP through prove.
PROVE ?= prove
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
SUB  = $(MAKE) --no-print-directory $(JOBS)

# ---- demo: only what it runs ----
DEMO_PROGRAMS := vectoradd matmul reduce softmax deviceprintf drvapi
DEMO_FILES := $(STACK) $(LB_ALL) $(addprefix $(B)/bin/,vgpu-backend vgpu-exec \
	vgpu-admin) $(B)/lib/libcuda.so.1 $(SOFTGPU_LIB) \
	$(DEMO_PROGRAMS:%=$(B)/tests/cuda/%) $(B)/tests/cuda/killme

.PHONY: demo demo-files
demo-files: $(DEMO_FILES)
demo:
	$(SUB) demo-files
	B=$(B) tools/demo.sh $(DEMO_PROGRAMS)

# ---- tests ----
.PHONY: check check-unit check-e2e check-hostile check-asan check-clang
check:
	rc=0; for t in check-unit check-e2e check-xen; do \
		$(SUB) $$t || rc=1; done; exit $$rc

# Seconds until a test that hangs is a failure.
UNIT_LIMIT ?= 300
E2E_LIMIT  ?= 900
check-unit: $(UNIT_TESTS) $(B)/lib/libcuda.so.1 \
	$(addprefix $(B)/bin/,vgpu-backend vgpu-admin)
	B=$(abspath $(B)) CMOCKA_MESSAGE_OUTPUT=TAP \
	LD_LIBRARY_PATH=$(abspath $(B)/loopback/lib) \
	$(PROVE) $(PROVE_FLAGS) --exec 'tools/run-test $(UNIT_LIMIT)' \
		$(sort $(UNIT_TESTS))

# All that may run in a guest, but for what needs a GPU.
E2E_NEEDS = $(filter-out $(B)/tests/gpu/% $(B)/tests/bench/%.gz,$(ALL))
HOSTILE_TESTS = $(filter tests/hostile/%,$(E2E_TESTS))
e2e = B=$(abspath $(B)) CUDA=$(CUDA) $(PROVE) $(PROVE_FLAGS) \
	--exec 'tools/run-test $(E2E_LIMIT)'
check-e2e: $(E2E_NEEDS) cudart-programs $(filter $(B)/tests/gpu/lib_%,$(ALL))
	$(e2e) $(sort $(E2E_TESTS))

check-hostile: $(E2E_NEEDS)
	$(if $(HOSTILE_TESTS),$(e2e) $(sort $(HOSTILE_TESTS)))

# A second tree, where gcc's sanitizers watch. UBSan does not stop by itself.
check-asan: export UBSAN_OPTIONS = halt_on_error=1:print_stacktrace=1
check-asan: export LSAN_OPTIONS = suppressions=$(CURDIR)/tests/lsan.supp:print_suppressions=0
check-asan:
	rc=0; for t in check-unit check-hostile; do \
		$(SUB) B=$(B)-asan SANITIZE=address,undefined $$t || rc=1; \
	done; exit $$rc

# A third, where ThreadSanitizer watches the threads of both ends.
TSAN_TEST  := tests/e2e/tsan.t
TSAN_NEEDS  = $(STACK) $(LB_ALL) $(addprefix $(B)/bin/,vgpu-backend vgpu-exec \
	vgpu-admin) $(B)/lib/libcuda.so.1 $(SOFTGPU_LIB) \
	$(addprefix $(B)/tests/cuda/,drvapi drv_events drv_freed drv_stress \
	drv_races) \
	$(UT_TSAN:%=$(B)/tests/unit/%_tsan)
.PHONY: check-tsan tsan-tests
tsan-tests: $(TSAN_NEEDS)
	B=$(abspath $(B)) CMOCKA_MESSAGE_OUTPUT=TAP $(PROVE) $(PROVE_FLAGS) \
		--exec 'tools/run-test $(E2E_LIMIT)' \
		$(UT_TSAN:%=$(B)/tests/unit/%_tsan) $(TSAN_TEST)
check-tsan:
	$(SUB) B=$(B)-tsan SANITIZE=thread OPT='-O1 -g' tsan-tests

# A fourth, by the other compiler: all of our C, and its warnings are errors.
C_PROGRAMS = $(filter $(B)/bin/% $(B)/lib/% $(B)/loopback/lib/%,$(ALL)) \
	$(UNIT_TESTS) $(patsubst %,$(B)/tests/cuda/%,$(TC_PLAIN) $(TC_DRV)) \
	$(B)/tests/bench/cubench
.PHONY: c-programs
c-programs: $(C_PROGRAMS)
check-clang:
	tools/setup.sh --ci
	$(SUB) B=$(B)-clang CC=clang c-programs
	echo "check-clang: all C compiles with $$(clang --version | head -n 1)"

# Unit tests of the contract, of the executor's table of handles, and of the
# parts of libcuda that stand alone. Others are in the rules.mk of what they
# test.

UT     := tests/unit
UT_OUT := $(B)/tests/unit

# Every wire struct by name, in generated and in hand-written headers.
WIRE_STRUCTS := $(B)/gen/wire_structs.h
$(WIRE_STRUCTS): $(B)/gen/vgpu_ops.h xenstore-schema/calls/manual.h
	@mkdir -p $(@D)
	{ echo '/* Made from vgpu_ops.h and manual.h. */'; for d in in out; do \
	  echo "#define WIRE_$${d^^}_STRUCTS(X) \\"; \
	  sed -n "s/^struct $${d}_\([A-Za-z0-9_]*\) {.*/	X(\1) \\\\/p" $^; \
	  echo; done; } > $@
$(B)/obj/$(UT)/wire_test.o: $(WIRE_STRUCTS)

UT_OBJS_ring_test         :=
UT_OBJS_ring_threads_test :=
UT_OBJS_wire_test         :=
UT_OBJS_error_test        :=
UT_OBJS_objects_test      := cuda-exec/objects
UT_OBJS_capture_test      := cuda-exec/capture cuda-exec/objects
UT_OBJS_jit_test          := cuda-exec/jit
UT_OBJS_node_test         := cuda-exec/fix_graph cuda-exec/calls_launch \
                             cuda-exec/objects
UT_OBJS_share_test        := cuda-exec/share
UT_OBJS_seal_test         := cuda-exec/seal
UT_OBJS_bulk_test         :=
UT_OBJS_log_test          :=
UT_OBJS_hmm_test          := cuda-exec/hmm
UT_OBJS_devres_test       := cuda-exec/devres
UT_OBJS_handle_test       := frontend/libcuda/handle
UT_OBJS_tracker_test      := frontend/libcuda/tracker
UT_OBJS_held_test         := frontend/libcuda/held frontend/libcuda/tracker
UT_NAMES := ring_test ring_threads_test wire_test error_test objects_test \
            capture_test jit_test node_test share_test seal_test \
            bulk_test handle_test tracker_test held_test log_test hmm_test \
            devres_test

define unit_test
$(UT_OUT)/$(1): $(B)/obj/$(UT)/$(1).o $(UT_OBJS_$(1):%=$(B)/obj/%.o) $(LIB_OBJS)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ -lcmocka -lpthread
endef
$(foreach t,$(UT_NAMES),$(eval $(call unit_test,$(t))))
UNIT_TESTS += $(UT_NAMES:%=$(UT_OUT)/%)

# What several threads touch, under ThreadSanitizer, in every kind of build.
# It does not know fences by themselves, which is what -Wno-tsan is about;
# that they are needed and suffice is what wake_model.t shows.
UT_TSAN := ring_threads_test handle_test held_test bulk_test
UT_TSAN_held_test := tools/lib/log.c tools/lib/bucket.c
UT_TSAN_FLAGS = $(filter-out -fsanitize=%,$(CFLAGS)) -fsanitize=thread \
                $(if $(findstring clang,$(CC)),,-Wno-tsan)

define tsan_test
$(UT_OUT)/$(1)_tsan: $(UT)/$(1).c $(UT_OBJS_$(1):%=%.c) $(UT_TSAN_$(1)) $(GEN) \
		xenstore-schema/ring.h
	@mkdir -p $$(@D)
	$$(CC) $$(CPPFLAGS) $$(UT_TSAN_FLAGS) -fsanitize=thread -o $$@ \
	  $$(filter %.c,$$^) -lcmocka -lpthread
endef
$(foreach t,$(UT_TSAN),$(eval $(call tsan_test,$(t))))
UNIT_TESTS += $(UT_TSAN:%=$(UT_OUT)/%_tsan)

# Scripts: the sleep and wake protocol, and the generators.
UNIT_TESTS += $(UT)/wake_model.t $(UT)/gen.t
$(UT)/gen.t: | $(B)/lib/libcuda.so.1 $(B)/gen/coverage.tsv $(B)/gen/vgpu_paths.h

# The written side, against the tree and what the programs say of themselves.
UNIT_TESTS += $(UT)/docs.t
$(UT)/docs.t: | $(B)/bin/vgpu-backend $(B)/bin/vgpu-admin $(B)/gen/coverage.tsv \
	$(B)/gen/vgpu_paths.h

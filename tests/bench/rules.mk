# cubench (C, driver API) and, for the bundle, `bench`, which runs it natively
# and through the stack. The cubins of 40 MiB are kept compressed.

TB       := tests/bench
TB_OUT   := $(B)/tests/bench
TB_OBJS  := $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(TB)/*.c))
TB_ARCHS := 75 80 90 100 120
TB_FILES := $(TB_OUT)/cubench $(TB_OUT)/bench \
            $(patsubst $(TB)/%,$(TB_OUT)/%,$(wildcard $(TB)/*.py)) \
            $(TB_ARCHS:%=$(TB_OUT)/module-sm%.cubin.gz)

ALL += $(TB_FILES)
E2E_TESTS += $(TB)/bench.t

.PHONY: bench-programs
bench-programs: $(TB_FILES)

$(TB_OUT)/cubench: $(TB_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -L$(CUDA)/lib64/stubs -lcuda -lpthread

$(TB_OUT)/module-sm%.cubin.gz: $(TB)/module.ptx
	@mkdir -p $(@D)
	$(CUDA)/bin/ptxas -arch sm_$* -o $(@:.gz=) $<
	gzip -9nf $(@:.gz=)

$(TB_OUT)/%: $(TB)/%
	@mkdir -p $(@D)
	install -m 755 $< $@

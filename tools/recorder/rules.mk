# recorder: a driver before the driver, which writes down what it is asked.
RECORDER     := $(B)/lib/librecorder.so
RECORDER_SRC := $(B)/gen/record_calls.c

ALL += $(RECORDER)

$(RECORDER_SRC): tools/recorder/gen.py xenstore-schema/calls/gen.py \
		xenstore-schema/calls/emit.py $(CALLS_API)
	@mkdir -p $(@D)
	$(PYTHON) -B $< $@ $(CUDA)/include $(CC) $(CALLS_API)

$(B)/obj/gen/record_calls.o: $(RECORDER_SRC)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP -c -o $@ $<

# Loaded as libcuda.so.1 too, so that programs can be recorded as well.
$(RECORDER): $(B)/obj/gen/record_calls.o $(B)/obj/tools/recorder/record.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,-soname,libcuda.so.1 -Wl,-Bsymbolic \
		$(LDFLAGS) -o $@ $^ -ldl -lpthread

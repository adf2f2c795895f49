# softgpu: a CUDA driver without a GPU, for tests and the demo. It is not
# installed. The interpreter's inner loops want the vectoriser.
SOFTGPU_DIR  := tools/softgpu/
SOFTGPU_SRCS := $(wildcard $(SOFTGPU_DIR)*.c)
SOFTGPU_OBJS := $(SOFTGPU_SRCS:%.c=$(B)/obj/%.o)
SOFTGPU_LIB  := $(B)/lib/libsoftgpu.so
EXTRA_tools_softgpu_ := -O3 -fwrapv -fno-strict-aliasing -fno-math-errno \
                        -ffp-contract=off -Wno-type-limits

ALL += $(SOFTGPU_LIB)

$(SOFTGPU_LIB): $(SOFTGPU_OBJS) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,-soname,libsoftgpu.so -Wl,-z,nodelete \
		-Wl,-Bsymbolic $(LDFLAGS) -o $@ $^ -llz4 -lzstd -lm -lpthread

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

# Tests: the kernels are PTX text and a (compressed) fat binary inside them.
# -fmad=false, because C computes a * b + c with two roundings.
SOFTGPU_TESTS := $(B)/tests/unit/softgpu_test $(B)/tests/unit/softgpu_api_test
SOFTGPU_KERNELS := $(B)/gen/softgpu_kernels
UNIT_TESTS += $(SOFTGPU_TESTS)

$(SOFTGPU_KERNELS).ptx: tests/unit/softgpu_kernels.cu tests/unit/softgpu_host.h
	@mkdir -p $(@D)
	$(NVCC) -O3 -std=c++17 -fmad=false -arch=compute_80 -ptx -o $@ $<

$(SOFTGPU_KERNELS).fatbin: tests/unit/softgpu_kernels.cu \
			   tests/unit/softgpu_host.h
	@mkdir -p $(@D)
	$(NVCC) -O3 -std=c++17 -fmad=false -gencode arch=compute_80,code=compute_80 \
		-gencode arch=compute_90,code=sm_90 -fatbin -o $@ $<

$(B)/obj/tests/unit/softgpu_rig.o: CPPFLAGS += \
	-DSOFTGPU_KERNELS='"$(SOFTGPU_KERNELS)"'
$(B)/obj/tests/unit/softgpu_rig.o: $(SOFTGPU_KERNELS).ptx \
				   $(SOFTGPU_KERNELS).fatbin

$(SOFTGPU_TESTS): $(B)/tests/unit/%: $(B)/obj/tests/unit/%.o \
		  $(B)/obj/tests/unit/softgpu_rig.o $(SOFTGPU_LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -Wl,-rpath,'$$ORIGIN/../../lib' \
		-lcmocka -lm -lpthread

# The CUDA test programs, compiled as a user compiles them: nvcc with no
# target named, and each runtime program with the static and the shared
# cudart. programs.txt lists what was built: NAME GROUP [alone].
#
#   core  small enough for an interpreter; must pass on every driver
#   two   needs two GPUs
#   more  needs more of a driver than softgpu promises
#   tool  not a test by itself: other tests run it
#   gpu   needs a real GPU
#
# alone: looks at how much of the GPU is free, so nothing else may run on it

TC       := tests/cuda
TC_OUT   := $(B)/tests/cuda
TC_CORE  := vectoradd matmul reduce histogram transpose softmax deviceprintf \
            streams streams-ptds threads errors reset
TC_MORE  := hostcb attrs managed
TC_TOOL  := killme spin
TC_FAULT := fault
TC_RT    := $(TC_CORE) $(TC_MORE) $(TC_TOOL) $(TC_FAULT)
TC_PLAIN := drvapi counted sharing primary
TC_DRV   := $(basename $(notdir $(wildcard $(TC)/drv_*.c)))
# Of these, what softgpu can do too, what scripts run, what needs two GPUs.
TC_DRV_CORE := drv_assert drv_capture_copies drv_contexts drv_copies \
               drv_exit drv_fault_beside drv_fork drv_freed drv_graph_hand \
               drv_graph_life drv_hostfn \
               drv_ipc_pool drv_kernels drv_loads drv_logs drv_memory \
               drv_order drv_params drv_printf drv_printf_full drv_ptds \
               drv_races drv_register drv_share drv_values drv_vmm \
               drv_vmm_share
TC_DRV_TOOL := drv_devices
TC_DRV_ALONE := drv_stress drv_churn
TC_DRV_TWO  := $(filter drv_two_%,$(TC_DRV))
TC_DRV_GPU  := $(filter-out $(TC_DRV_CORE) $(TC_DRV_TOOL) $(TC_DRV_TWO) \
                 $(TC_DRV_ALONE),\
                 $(TC_DRV))

# Generated: each call of a family with one wrong argument.
TC_SWEEP := $(addprefix sweep_,array context copy device event graph launch \
              memory module stream vmm)

NVCCFLAGS := -O3 -Xcompiler -Wall
TC_HEADERS := $(wildcard $(TC)/*.h)

TC_PROGRAMS := $(TC_RT) $(TC_RT:=-shared) $(TC_PLAIN) $(TC_DRV) $(TC_SWEEP)
ALL += $(TC_PROGRAMS:%=$(TC_OUT)/%) $(TC_OUT)/programs.txt

.PHONY: cuda-programs
cuda-programs: $(TC_PROGRAMS:%=$(TC_OUT)/%) $(TC_OUT)/programs.txt

$(TC_OUT)/%: $(TC)/%.cu $(TC_HEADERS)
	@mkdir -p $(@D)
	$(NVCC) $(NVCCFLAGS) -o $@ $<

$(TC_OUT)/%-shared: $(TC)/%.cu $(TC_HEADERS)
	@mkdir -p $(@D)
	$(NVCC) $(NVCCFLAGS) -cudart shared -o $@ $<

$(TC_OUT)/streams-ptds: $(TC)/streams.cu $(TC_HEADERS)
	@mkdir -p $(@D)
	$(NVCC) $(NVCCFLAGS) --default-stream per-thread -o $@ $<

$(TC_OUT)/streams-ptds-shared: $(TC)/streams.cu $(TC_HEADERS)
	@mkdir -p $(@D)
	$(NVCC) $(NVCCFLAGS) --default-stream per-thread -cudart shared -o $@ $<

# PTX as a C string. kernels_sm90 needs a Hopper GPU (clusters).
$(B)/tests/cuda/obj/kernels.ptx: $(TC)/kernels.cu
	@mkdir -p $(@D)
	$(NVCC) -ptx -O3 -o $@ $<

$(B)/tests/cuda/obj/kernels_%.ptx: $(TC)/kernels_%.cu
	@mkdir -p $(@D)
	$(NVCC) -ptx -O3 $(if $(findstring sm90,$*),-arch=compute_90) -o $@ $<

$(B)/gen/tests/cuda/%_ptx.h: $(B)/tests/cuda/obj/%.ptx
	@mkdir -p $(@D)
	{ echo '/* Made from $*.cu by nvcc. */'; \
	  echo 'static const char $*_ptx[] ='; \
	  sed 's/\\/\\\\/g; s/"/\\"/g; s/^/	"/; s/$$/\\n"/' $<; \
	  echo ';'; } > $@

# Linked with the device runtime, which PTX text cannot ask for: bytes.
$(B)/tests/cuda/obj/kernels_cond.fatbin: $(TC)/kernels_cond.cu
	@mkdir -p $(@D)
	$(NVCC) -arch=sm_90 -rdc=true -dc -O3 -o $(@:.fatbin=.o) $<
	$(NVCC) -arch=sm_90 -dlink -fatbin -o $@ $(@:.fatbin=.o) -lcudadevrt

$(B)/gen/tests/cuda/kernels_cond_image.h: \
		$(B)/tests/cuda/obj/kernels_cond.fatbin
	@mkdir -p $(@D)
	{ echo '/* Made from kernels_cond.cu by nvcc. */'; \
	  echo 'static const unsigned char kernels_cond_image[]'; \
	  echo '	__attribute__((aligned(64))) = {'; \
	  od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '};'; } > $@

# Relocatable code in every form that the linker takes.
LP := $(B)/tests/cuda/obj/link_
LP_CC = $(NVCC) -arch=sm_90 -rdc=true -O3
$(B)/gen/tests/cuda/link_parts.h: $(TC)/link_part.cu
	@mkdir -p $(@D) $(dir $(LP))
	$(LP_CC) -ptx -o $(LP)main $<
	printf '\0' >> $(LP)main
	$(LP_CC) -DPART=in_cubin -DADD=1 -cubin -o $(LP)cubin $<
	$(LP_CC) -DPART=in_fatbin -DADD=2 -fatbin -o $(LP)fatbin $<
	$(LP_CC) -DPART=in_object -DADD=3 -dc -o $(LP)object.o $<
	cp $(LP)object.o $(LP)object
	$(LP_CC) -DPART=in_library -DADD=4 -dc -o $(LP)library.o $<
	rm -f $(LP)library && ar rc $(LP)library $(LP)library.o
	{ echo '/* Made from link_part.cu by nvcc. */'; \
	  for p in main cubin fatbin object library; do \
	    echo "static const unsigned char link_$$p[]"; \
	    echo '	__attribute__((aligned(64))) = {'; \
	    od -An -v -tx1 $(LP)$$p | sed 's/ \(..\)/0x\1,/g'; echo '};'; \
	  done; } > $@
$(B)/obj/$(TC)/drv_jit.o: $(B)/gen/tests/cuda/link_parts.h

TC_PTX := $(B)/gen/tests/cuda/kernels_cond_image.h \
          $(patsubst $(TC)/%.cu,$(B)/gen/tests/cuda/%_ptx.h,\
            $(filter-out %_cond.cu,$(wildcard $(TC)/kernels*.cu)))
EXTRA_tests_cuda_ := -I$(B)/gen/tests/cuda
$(patsubst %,$(B)/obj/$(TC)/%.o,$(TC_PLAIN) $(TC_DRV)): $(TC_PTX)

$(patsubst %,$(TC_OUT)/%,$(TC_PLAIN) $(TC_DRV)): $(TC_OUT)/%: $(B)/obj/$(TC)/%.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< -L$(CUDA)/lib64/stubs -lcuda -lpthread

CALLS_DIR := xenstore-schema/calls
$(B)/gen/tests/cuda/sweep_%.c: $(CALLS_DIR)/%.api $(TC)/sweep.py \
		$(CALLS_DIR)/gen.py
	@mkdir -p $(@D)
	$(TC)/sweep.py $(CUDA)/include $(CC) $< > $@

$(TC_SWEEP:%=$(TC_OUT)/%): $(TC_OUT)/%: $(B)/gen/tests/cuda/%.c $(TC_PTX) \
		$(TC_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-deprecated-declarations \
		$(EXTRA_tests_cuda_) $(LDFLAGS) -o $@ $< \
		-L$(CUDA)/lib64/stubs -lcuda

$(TC_OUT)/programs.txt: $(TC)/rules.mk $(wildcard $(TC)/drv_*.c)
	@mkdir -p $(@D)
	{ printf '%s core\n' $(TC_CORE) $(TC_CORE:=-shared) drvapi \
	    $(TC_DRV_CORE); \
	  printf '%s more\n' $(TC_MORE) $(TC_MORE:=-shared); \
	  printf '%s tool\n' $(TC_TOOL) $(TC_TOOL:=-shared) counted \
	    sharing primary $(TC_DRV_TOOL); \
	  printf '%s two\n' $(TC_DRV_TWO); \
	  printf '%s gpu\n' $(TC_FAULT) $(TC_FAULT:=-shared) \
	    $(TC_DRV_GPU) $(TC_SWEEP); \
	  printf '%s gpu alone\n' $(TC_DRV_ALONE); } > $@

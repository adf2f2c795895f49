# check-gpu and what only it runs: programs on NVIDIA's libraries (linked
# dynamically: the GPU machine has its own) and scripts.

TG      := tests/gpu
TG_OUT  := $(B)/tests/gpu
TG_LIBS := $(basename $(notdir $(wildcard $(TG)/lib_*.cu)))
TG_FILES := $(notdir $(wildcard $(TG)/*.py $(TG)/*.sh)) check-gpu

TG_LINK_lib_cublas   := -lcublas
TG_LINK_lib_cublaslt := -lcublasLt
TG_LINK_lib_cufft    := -lcufft
TG_LINK_lib_cusparse := -lcusparse
TG_LINK_lib_cusolver := -lcusolver
TG_LINK_lib_curand   := -lcurand
TG_LINK_lib_cudnn    := -lcudnn
TG_LINK_lib_nvrtc    := -lnvrtc -lnvJitLink -lcuda
TG_LINK_lib_nccl     := -lnccl

# A library whose headers are not here is left out; check-gpu says so by not
# listing its program.
TG_HAVE := $(foreach p,$(TG_LIBS),$(if $(wildcard \
             $(CUDA)/include/$(if $(filter lib_cudnn,$p),cudnn.h,$(if \
             $(filter lib_nccl,$p),nccl.h,cuda.h))),$p))

ALL += $(TG_HAVE:%=$(TG_OUT)/%) $(TG_FILES:%=$(TG_OUT)/%) \
       $(TG_OUT)/programs.txt

.PHONY: gpu-programs
gpu-programs: $(TG_HAVE:%=$(TG_OUT)/%) $(TG_FILES:%=$(TG_OUT)/%) \
              $(TG_OUT)/programs.txt

$(TG_OUT)/lib_%: $(TG)/lib_%.cu $(TG)/lib.h $(TC_HEADERS)
	@mkdir -p $(@D)
	$(NVCC) $(NVCCFLAGS) -I. -o $@ $< -L$(CUDA)/lib64 \
		-L$(CUDA)/lib64/stubs $(TG_LINK_lib_$*)

$(TG_OUT)/programs.txt: $(TG)/rules.mk $(wildcard $(TG)/lib_*.cu)
	@mkdir -p $(@D)
	printf '%s lib\n' $(TG_HAVE) > $@

$(TG_OUT)/%: $(TG)/%
	@mkdir -p $(@D)
	install -m 755 $< $@

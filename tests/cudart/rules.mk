# Programs of tests/cuda linked to the runtimes of CUDA 11 and 12, which come
# from PyPI by version and hash: not part of `make`, since it needs a network.
# The library lies beside the programs, and they find it there.

TR          := tests/cudart
TR_OUT      := $(B)/tests/cudart
TR_VERSIONS := 11.8.89 12.1.105 12.4.127 12.9.79
TR_NAMES    := vectoradd reduce streams deviceprintf hostcb managed reset
TR_PARTS    := $(B)/obj/$(TR)/parts.o $(B)/obj/$(TR)/parts.linked.o

.PHONY: cudart-programs
cudart-programs: $(TR_VERSIONS:%=$(TR_OUT)/%.built)

$(TR_OUT)/%.fetched: $(TR)/fetch $(TR)/requirements.txt
	@mkdir -p $(@D)
	$(TR)/fetch $* $(TR_OUT)/$*
	touch $@

$(B)/obj/$(TR)/%.cu.o: tests/cuda/%.cu $(TC_HEADERS)
	@mkdir -p $(@D)
	$(NVCC) $(NVCCFLAGS) -c -o $@ $<

# Relocatable device code: its wrapper is of another version.
$(B)/obj/$(TR)/parts.o: $(TR)/parts.cu $(TC_HEADERS)
	@mkdir -p $(@D)
	$(NVCC) $(NVCCFLAGS) -I. -rdc=true -c -o $@ $<

$(B)/obj/$(TR)/parts.linked.o: $(B)/obj/$(TR)/parts.o
	$(NVCC) $(NVCCFLAGS) -dlink -o $@ $<

# --disable-new-dtags: before LD_LIBRARY_PATH, which may name another one.
$(TR_OUT)/%.built: $(TR_OUT)/%.fetched $(B)/obj/$(TR)/before12.o \
		$(TR_NAMES:%=$(B)/obj/$(TR)/%.cu.o) $(TR_PARTS)
	if [ ! -e $(TR_OUT)/$*/absent ]; then for p in $(TR_NAMES) parts; do \
	  o=$(B)/obj/$(TR)/$$p.cu.o; [ $$p != parts ] || o='$(TR_PARTS)'; \
	  g++ -o $(TR_OUT)/$*/$$p $$o \
	    $(if $(filter 11.%,$*),$(B)/obj/$(TR)/before12.o) \
	    $(TR_OUT)/$*/libcudart.so.* -lpthread \
	    -Wl,--disable-new-dtags,-rpath,'$$ORIGIN'; done; fi
	touch $@

E2E_TESTS += $(TR)/cudart.t

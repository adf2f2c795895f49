# The contract: headers that are generated from its two descriptions.
CALLS_API := $(sort $(wildcard xenstore-schema/calls/*.api))
GEN += $(B)/gen/vgpu_paths.h $(B)/gen/vgpu_ops.h

$(B)/gen/vgpu_paths.h: xenstore-schema/paths.py xenstore-schema/paths.txt
	@mkdir -p $(@D)
	$(PYTHON) $^ $@ $(B)/gen/XENSTORE.md

CALLS_OUT := $(addprefix $(B)/gen/,stubs.c handlers.c real.h libcuda.map \
	libcuda.names entries.c coverage.tsv)
$(B)/gen/vgpu_ops.h: xenstore-schema/calls/gen.py xenstore-schema/calls/emit.py \
		xenstore-schema/calls/manual.h $(CALLS_API)
	@mkdir -p $(@D)
	$(PYTHON) $< $(B)/gen $(CUDA)/include $(CC) $(CALLS_API)
$(CALLS_OUT): $(B)/gen/vgpu_ops.h

.PHONY: coverage
coverage: $(B)/gen/coverage.tsv
	@$(PYTHON) xenstore-schema/calls/coverage.py $<

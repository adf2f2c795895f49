# The stack's scripts beside the build, and the bundle for a GPU machine.
STACK_FILES := $(addprefix $(B)/,stack guest admin env.sh)
$(STACK_FILES): $(B)/%: tools/bundle/%
	@mkdir -p $(@D)
	cp $< $@

# Guest programs find libcuda under each name that they may ask for, and
# nothing else of ours.
GUEST_LINKS := $(B)/guest-lib/libcuda.so.1 $(B)/guest-lib/libcuda.so
$(GUEST_LINKS): | $(B)/lib/libcuda.so.1
	@mkdir -p $(@D)
	ln -sf ../lib/libcuda.so.1 $@
STACK := $(STACK_FILES) $(GUEST_LINKS)
ALL += $(STACK)

BUNDLE ?= vgpu-bundle

# Libraries of Debian that our programs need and a GPU machine may lack.
BUNDLE_LIBS = $$(for p in $(B)/bin/vgpu-backend $(B)/bin/vgpu-admin \
	$(B)/lib/libsoftgpu.so $(B)/loopback/bin/xenstored; do \
	ldd $$p; done | awk '/jansson|systemd|libcap|lzma|zstd|lz4|gcrypt|gpg-error|libtalloc/ { print $$3 }' | sort -u)

.PHONY: bundle
bundle: all cudart-programs
	rm -rf $(BUNDLE)
	mkdir -p $(BUNDLE)
	cp -a $(B)/bin $(B)/lib $(B)/guest-lib $(B)/loopback $(STACK_FILES) $(BUNDLE)
	rm -rf $(BUNDLE)/loopback/deb
	mkdir -p $(BUNDLE)/tests
	for d in cuda cudart gpu bench; do \
	  if [ -d $(B)/tests/$$d ]; then cp -a $(B)/tests/$$d $(BUNDLE)/tests; fi; done
	rm -rf $(BUNDLE)/tests/cuda/obj $(BUNDLE)/tests/gpu/obj $(BUNDLE)/tests/bench/obj
	rm -f $(BUNDLE)/tests/cudart/*.built $(BUNDLE)/tests/cudart/*.fetched
	cp tests/gpu/check-gpu tests/gpu/check-start tests/bench/bench $(BUNDLE)
	git describe --always --dirty > $(BUNDLE)/commit 2> /dev/null || echo unknown > $(BUNDLE)/commit
	cp $(BUNDLE_LIBS) $(BUNDLE)/loopback/lib
	find $(BUNDLE)/bin $(BUNDLE)/lib -type f -exec strip -g {} +
	@du -sh $(BUNDLE)
CLEAN += $(BUNDLE)

# Xen's user-space libraries for machines without Xen, and vgpu-loopback.
#
# LB_RUN is what a program needs in its environment to be linked against
# Debian's libraries and run on these: LD_LIBRARY_PATH=$(LB_LIB).
LB      := tools/loopback
LB_LIB  := $(B)/loopback/lib
LB_BIN  := $(B)/bin/vgpu-loopback

# xenstored is a foreign binary that loads these libraries, so a sanitizer's
# run-time would come too late in it.
EXTRA_tools_loopback_ := -fno-sanitize=all
LB_LDFLAGS := $(filter-out -fsanitize=%,$(LDFLAGS))

LB_CLIENT := $(B)/obj/$(LB)/client.o
LB_LIBS   := $(LB_LIB)/libxengnttab.so.1 $(LB_LIB)/libxenevtchn.so.1 \
             $(LB_LIB)/libxenctrl.so.4.17

LB_SRCS_gnttab  := gntshr gnttab gntcopy
LB_SRCS_evtchn  := evtchn
LB_SRCS_xenctrl := xenctrl

define lb_lib
$(LB_LIB)/libxen$(2): $(LB_SRCS_$(1):%=$(B)/obj/$(LB)/%.o) $(LB_CLIENT) $(LB)/$(1).map
	@mkdir -p $$(@D)
	$$(CC) -shared $$(LB_LDFLAGS) -Wl,-soname,$$(@F) \
	  -Wl,--version-script,$(LB)/$(1).map -o $$@ $$(filter %.o,$$^) -lpthread
endef
$(eval $(call lb_lib,gnttab,gnttab.so.1))
$(eval $(call lb_lib,evtchn,evtchn.so.1))
$(eval $(call lb_lib,xenctrl,ctrl.so.4.17))

# The program: broker and starter in one.
LB_SRCS := main paths control start toolstack \
           broker conn ops domain grant port show store client
LB_OBJS := $(LB_SRCS:%=$(B)/obj/$(LB)/%.o)

# tools/lib is compiled with the sanitizer, where there is one. The old kind
# of path serves libxenstore's own dependency too.
$(LB_BIN): $(LB_OBJS) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lxenstore -lpthread \
	  -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/../loopback/lib'

# Debian's xenstored: installed, named by VGPU_XENSTORED, or unpacked from
# its package, which need not be installed.
LB_XS_DEB := /usr/lib/xen-4.17/bin/xenstored
$(B)/loopback/bin/xenstored: $(wildcard $(VGPU_XENSTORED) $(LB_XS_DEB))
	@mkdir -p $(@D) $(B)/loopback/deb
	@if [ -n "$<" ]; then cp "$<" $@; else \
	  cd $(B)/loopback/deb && apt-get -q download xen-utils-4.17 && \
	  dpkg -x xen-utils-4.17_*.deb . && cp .$(LB_XS_DEB) ../bin/xenstored; \
	fi || { echo "tools/loopback: no xenstored: install xen-utils-4.17," \
	  "or make VGPU_XENSTORED=/path/to/xenstored" >&2; exit 1; }
	@rm -rf $(B)/loopback/deb
	@touch $@

# What a machine without Debian's packages lacks: a bundle takes the whole
# of $(B)/loopback.
LB_STORE_LIBS := $(LB_LIB)/libxenstore.so.4 $(LB_LIB)/libxentoolcore.so.1
$(LB_STORE_LIBS):
	@mkdir -p $(@D)
	cp -L $$($(CC) -print-file-name=$(@F)) $@
LB_CLIENTS := $(addprefix $(B)/loopback/bin/xenstore-,chmod exists list ls \
                read rm watch write)
$(LB_CLIENTS):
	@mkdir -p $(@D)
	cp -L /usr/bin/$(@F) $@

LB_ALL := $(LB_BIN) $(LB_LIBS) $(LB_STORE_LIBS) $(LB_CLIENTS) \
          $(B)/loopback/bin/xenstored
ALL += $(LB_ALL)

.PHONY: loopback
loopback: $(LB_ALL)

# cmocka tests, linked against the libraries as they are built.
LB_TESTS := $(addprefix $(B)/tests/unit/loopback_,grants deaths events)
$(LB_TESTS): $(B)/tests/unit/%: $(B)/obj/tests/unit/%.o \
		$(B)/obj/tests/unit/loopback_rig.o $(LB_CLIENT) $(LB_LIBS) | $(LB_BIN)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter-out %ctrl.so.4.17,$^) -lcmocka -lpthread \
	  -Wl,-rpath,'$$ORIGIN/../../loopback/lib'
UNIT_TESTS += $(LB_TESTS)
E2E_TESTS += tests/e2e/loopback-xen.t

# Linked as the product is: with Debian's libraries, and no path to ours.
$(B)/tests/unit/loopback_pair: $(B)/obj/tests/unit/loopback_pair.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lxengnttab -lxenevtchn -lxenstore
ALL += $(B)/tests/unit/loopback_pair
loopback: $(B)/tests/unit/loopback_pair

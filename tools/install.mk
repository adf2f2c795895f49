# install (the host's part), install-guest, dist.
SBINDIR ?= $(PREFIX)/sbin
MAN8    ?= $(PREFIX)/share/man/man8
UNITDIR ?= $(PREFIX)/lib/systemd/system

# The backend has its executor's place compiled in.
$(B)/gen/libexec: FORCE
	@mkdir -p $(@D)
	@echo '$(LIBEXEC)' | cmp -s - $@ || echo '$(LIBEXEC)' > $@
$(BACKEND_OBJS): $(B)/gen/libexec
.PHONY: FORCE install install-guest dist

HOST_PROGRAMS := $(addprefix $(B)/bin/,vgpu-backend vgpu-exec vgpu-admin)
install: $(HOST_PROGRAMS)
	install -d $(addprefix $(DESTDIR),$(SBINDIR) $(LIBEXEC) $(MAN8) $(UNITDIR))
	install -m 755 $(B)/bin/vgpu-backend $(B)/bin/vgpu-admin $(DESTDIR)$(SBINDIR)
	install -m 755 $(B)/bin/vgpu-exec $(DESTDIR)$(LIBEXEC)
	install -m 644 backend/vgpu-backend.8 tools/vgpu-admin/vgpu-admin.8 \
		$(DESTDIR)$(MAN8)
	sed 's,/usr/sbin/,$(SBINDIR)/,' backend/vgpu-backend.service \
		> $(DESTDIR)$(UNITDIR)/vgpu-backend.service
	chmod 644 $(DESTDIR)$(UNITDIR)/vgpu-backend.service

# NVIDIA's own libcuda.so.1 is a link to a file with its version: a machine
# that has it is a host, or a guest with a GPU of its own.
GUEST_LIB = $(DESTDIR)$(LIBDIR)/libcuda.so.1
install-guest: $(B)/lib/libcuda.so.1
	if [ -L $(GUEST_LIB) ]; then echo "install-guest: $(GUEST_LIB) is" \
		"another driver's library: remove that driver first" >&2; exit 1; fi
	install -d $(DESTDIR)$(LIBDIR)
	install -m 755 $(B)/lib/libcuda.so.1 $(GUEST_LIB)
	ln -sf libcuda.so.1 $(DESTDIR)$(LIBDIR)/libcuda.so
	$(if $(DESTDIR),,ldconfig)

dist:
	mkdir -p $(B)
	git archive --format=tar.gz --prefix=xen-vgpu-$(VERSION)/ \
		-o $(B)/xen-vgpu-$(VERSION).tar.gz HEAD
	echo $(B)/xen-vgpu-$(VERSION).tar.gz

# A real Xen under QEMU's TCG: make check-xen [XEN_KINDS="pv pvh hvm"].
# Takes minutes and downloads Debian packages once, so `make check` leaves it
# out. One guest kind at a time: each keeps two cores busy.
XEN_KINDS ?= pv pvh

.PHONY: check-xen
check-xen: all
	tests/xen/setup $(B)/xen/cache
	B=$(abspath $(B)) CUDA=$(CUDA) prove -v --timer \
		$(XEN_KINDS:%=tests/xen/%.t) tests/xen/counts.t

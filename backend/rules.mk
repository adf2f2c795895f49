# vgpu-backend and the unit tests of its pure parts.
VERSION ?= 0.1.0
LIBEXEC ?= $(PREFIX)/libexec/vgpu

EXTRA_backend_ := -DVGPU_VERSION='"$(VERSION)"' -DVGPU_LIBEXEC='"$(LIBEXEC)"'

BACKEND_SRCS := $(addprefix backend/, main.c options.c detach.c single.c \
	signals.c loop.c store.c parse.c events.c registry.c registry_file.c \
	config.c domain.c device.c device_nodes.c xenbus_fsm.c \
	session.c session_nodes.c session_table.c pool.c executor.c relay.c \
	spawn.c jit_cache.c metrics.c control.c control_ops.c health.c stop.c)
BACKEND_OBJS := $(BACKEND_SRCS:%.c=$(B)/obj/%.o)

$(B)/bin/vgpu-backend: $(BACKEND_OBJS) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lxenstore -ljansson -lsystemd

ALL += $(B)/bin/vgpu-backend

# Tests of the parts that need no XenStore: name, and the objects it takes.
BACKEND_TEST_xenbus_fsm_test    := xenbus_fsm
BACKEND_TEST_session_table_test := session_table
BACKEND_TEST_backend_parse_test := parse
BACKEND_TEST_registry_test      := registry registry_file parse
BACKEND_TEST_relay_test         := relay session_table
BACKEND_TESTS := relay_test xenbus_fsm_test session_table_test backend_parse_test \
	registry_test

define backend_test
$(B)/tests/unit/$(1): $(B)/obj/tests/unit/$(1).o \
		$(BACKEND_TEST_$(1):%=$(B)/obj/backend/%.o) $(LIB_OBJS)
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ -lcmocka -ljansson
endef
$(foreach t,$(BACKEND_TESTS),$(eval $(call backend_test,$(t))))

UNIT_TESTS += $(BACKEND_TESTS:%=$(B)/tests/unit/%)
E2E_TESTS += tests/e2e/backend.t

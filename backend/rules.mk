# vgpu-backend and the unit tests of its pure parts.
VERSION ?= 0.1.0
LIBEXEC ?= $(PREFIX)/libexec/vgpu

EXTRA_backend_ := -DVGPU_VERSION='"$(VERSION)"' -DVGPU_LIBEXEC='"$(LIBEXEC)"'

BACKEND_SRCS := $(addprefix backend/, main.c options.c detach.c single.c \
	signals.c loop.c store.c parse.c events.c registry.c registry_file.c \
	config.c domain.c device.c device_nodes.c xenbus_fsm.c bucket.c \
	session.c session_nodes.c session_table.c pool.c executor.c spawn.c \
	metrics.c control.c control_ops.c health.c stop.c)
BACKEND_OBJS := $(BACKEND_SRCS:%.c=$(B)/obj/%.o)

$(B)/bin/vgpu-backend: $(BACKEND_OBJS) $(LIB_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lxenstore -ljansson -lsystemd

ALL += $(B)/bin/vgpu-backend

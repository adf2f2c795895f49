# vgpu-admin: talks to vgpu-backend's control socket.
ADMIN := tools/vgpu-admin

EXTRA_tools_vgpu-admin_ := -DVGPU_VERSION='"$(VERSION)"'

ADMIN_OBJS := $(patsubst %,$(B)/obj/$(ADMIN)/%.o, \
	main options client table print)

$(B)/bin/vgpu-admin: $(ADMIN_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ljansson

ALL += $(B)/bin/vgpu-admin
